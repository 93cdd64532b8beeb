"""Known issues as YAML: read, and refused in one line where they are none."""

import pytest

from lastwords.case.known_issues import KnownIssuesError, known_issues

GOOD = """
- id: BUG-1
  explanation: ring forgets to check its mapping
  fix: update ring to 2.1
  link: https://bugs.example.org/1
  module: ring
  releases: ">=6.1, <6.2"
- id: BUG-2
  explanation: another
  title: "null-deref"
"""


@pytest.fixture(autouse=True)
def _no_others(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_a_file_with_a_list(tmp_path):
    (tmp_path / "team.yaml").write_text(GOOD)
    issues = known_issues([str(tmp_path)])
    assert [issue.id for issue in issues] == ["BUG-1", "BUG-2"]
    assert issues[0].path.endswith("team.yaml")


def test_a_file_with_one(tmp_path):
    (tmp_path / "one.yml").write_text("id: A\nexplanation: x\nmodule: ring\n")
    assert known_issues([str(tmp_path)])[0].module == "ring"


def test_directories_of_the_environment(tmp_path, monkeypatch):
    (tmp_path / "one.yml").write_text("id: A\nexplanation: x\nmodule: ring\n")
    monkeypatch.setenv("LASTWORDS_KNOWN", f"/no/such:{tmp_path}")
    assert len(known_issues()) == 1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("id: A\nexplanation: x\n", "no condition"),
        ("id: A\nexplanation: x\nmodul: ring\n", "unknown field"),
        ("id: A\nexplanation: x\ntitle: '('\n", "regular expression"),
        ("id: A\nexplanation: x\nreleases: newer\n", "bound"),
        ("{", "team.yaml"),
        ("- 1\n", "team.yaml"),
        ("!!python/object/apply:os.system ['true']", "team.yaml"),
    ],
)
def test_what_is_no_known_issue(tmp_path, text, complaint):
    (tmp_path / "team.yaml").write_text(text)
    with pytest.raises(KnownIssuesError) as raised:
        known_issues([str(tmp_path)])
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_directory_that_is_not_there(tmp_path):
    with pytest.raises(KnownIssuesError):
        known_issues([str(tmp_path / "none")])
