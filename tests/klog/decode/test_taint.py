import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastwords.klog.decode.taint import FLAGS, taints


def letters(text: str | None) -> str:
    return "".join(flag.letter for flag in taints(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Not tainted", ""),
        (None, ""),
        ("Tainted: G", ""),
        ("Tainted: G    B", "B"),
        ("Tainted: G      D W  OE", "DWOE"),
        ("Tainted: P           OE", "POE"),
        ("Tainted: [W]=WARN, [O]=OOT_MODULE", "WO"),
        ("Tainted: [S]=CPU_OUT_OF_SPEC, [J]=FWCTL", "SJ"),
        ("Tainted: G        W   T N", "WTN"),
        # A letter that no kernel has.
        ("Tainted: G Q W", "W"),
    ],
)
def test_flags(text, expected):
    assert letters(text) == expected


def test_long_form_does_not_take_letters_from_the_names():
    # OUT_OF_SPEC has letters of other flags in it.
    assert [(f.letter, f.bit, f.name) for f in taints("Tainted: [S]=CPU_OUT_OF_SPEC")] == [("S", 2, "CPU_OUT_OF_SPEC")]


def test_bits_and_letters_are_unique():
    assert len({f.bit for f in FLAGS}) == len({f.letter for f in FLAGS}) == len(FLAGS)
    assert [f.bit for f in FLAGS] == sorted(f.bit for f in FLAGS)


@given(st.text())
def test_any_text(text):
    assert all(flag in FLAGS for flag in taints("Tainted: " + text))
