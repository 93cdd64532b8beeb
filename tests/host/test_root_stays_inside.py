import pytest

from lastwords.host.root import Root


@pytest.mark.parametrize(
    "path", ["/etc/hostname", "//etc/hostname", "///etc/hostname", "etc/hostname", "/../etc/hostname"]
)
def test_every_spelling_of_a_path_is_below_the_root(tmp_path, path):
    assert Root(tmp_path).resolve(path) == tmp_path.resolve() / "etc/hostname"


def test_so_is_a_link_with_two_slashes(tmp_path):
    (tmp_path / "link").symlink_to("//etc/hostname")
    assert Root(tmp_path).resolve("/link") == tmp_path.resolve() / "etc/hostname"


def test_a_pattern_finds_what_only_the_tree_has(tmp_path):
    (tmp_path / "only-here/now").mkdir(parents=True)
    (tmp_path / "only-here/now/vmcore").write_text("")
    assert Root(tmp_path).glob("/only-here/*/vmcore") == ["/only-here/now/vmcore"]
