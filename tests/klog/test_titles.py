import pytest

from lastwords.klog.catalogue import Form, Kind
from lastwords.klog.titles import build, generalised


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("state 5 of eth0 at 0xffff888012345678", "state NUM of DEV at ADDR"),
        ("caller is foo+0x1/0x2", "caller is foo"),
        ("x" * 500, "x" * 120),
        ("md5 and 4.19.0", "md5 and NUM"),
    ],
)
def test_equal_crashes_get_equal_titles(text, same):
    assert generalised(text) == same


FORM = Form("x", "x", "BUG: {what} in {function}", bare="", partial="BUG in {symbol}")
KIND = Kind("k", "bug", (FORM,), alternatives=("bad-access in {function}",))


def test_title_with_its_other_names():
    title = build(KIND, FORM, {"what": "mess"}, "__x64_sys_rmdir", "the line")
    assert title.title == "BUG: mess in sys_rmdir"
    assert title.function == "sys_rmdir"
    assert "BUG: mess in __x64_sys_rmdir" in title.alternatives
    assert "bad-access in sys_rmdir" in title.alternatives


def test_title_without_a_function():
    assert build(KIND, FORM, {"what": "mess"}, None, "the line").title == "BUG: mess in corrupted"


def test_title_where_a_line_is_missing():
    assert build(KIND, FORM, {"function": "foo.cold"}, "foo", "the line").title == "BUG in foo"
    no_partial = Form("x", "x", "BUG: {what} in {function}")
    assert build(KIND, no_partial, {}, "foo", "the line 12").title == "the line NUM"
