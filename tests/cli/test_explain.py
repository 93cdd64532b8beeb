import msgspec
import pytest
from click.testing import CliRunner, Result

from lastwords.cli.explain import command


def run(*args: str) -> Result:
    return CliRunner().invoke(command, list(args))


def test_a_term_is_explained():
    done = run("not", "syncing")
    assert done.exit_code == 0
    assert done.output.startswith("not syncing: ")
    assert "kernel/panic.c" in done.output


@pytest.mark.parametrize("args", [("-12",), ("--", "-12"), ("ENOMEM",)])
def test_a_negative_number_is_no_option(args):
    done = run(*args)
    assert done.exit_code == 0
    assert "out of memory" in done.output


def test_several_terms_are_explained_one_by_one():
    done = run("RIP", "CR2")
    assert done.exit_code == 0
    assert [line[:4] for line in done.output.splitlines() if line.startswith(("RIP:", "CR2:"))] == ["RIP:", "CR2:"]


def test_words_of_one_term_need_no_quotes():
    done = run("taint", "4609")
    assert "PROPRIETARY_MODULE" in done.output
    assert "OOT_MODULE" in done.output


def test_an_unknown_term_is_one_line_with_near_misses():
    done = run("softlokup")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "soft lockup" in done.stderr


def test_an_unknown_term_cannot_reach_the_terminal():
    done = run("evil\x1b[2Jterm")
    assert done.exit_code == 1
    assert "\x1b" not in done.stderr


def test_without_a_term_the_subjects_are_listed():
    done = run()
    assert done.exit_code == 0
    assert all(name in done.output for name in ("registers", "taints", "poison", "rcu", "settings"))


def test_a_subject_lists_its_terms():
    done = run("taints")
    assert done.exit_code == 0
    assert "OOT_MODULE" in done.output


def test_list_gives_all_terms_for_grep():
    done = run("--list")
    lines = done.output.splitlines()
    assert len(lines) > 400
    assert all(line.count("\t") == 2 for line in lines)


def test_json():
    done = run("--json", "0xfffffffffffffff4", "RIP")
    answer = msgspec.json.decode(done.output)
    assert [e["term"] for e in answer["RIP"]] == ["RIP"]
    assert "ENOMEM" in answer["0xfffffffffffffff4"][0]["reading"][0]
    assert msgspec.json.decode(run("--json", "qqqqqq").stdout) == {"qqqqqq": []}
    subjects = msgspec.json.decode(run("--json").output)
    assert {"name", "title", "terms"} == set(subjects[0])
