"""Text of an attacker on a terminal: shown, not obeyed."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastwords.report.escape import printable


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=200))
def test_nothing_that_a_terminal_obeys(text: str) -> None:
    shown = printable(text)
    for character in shown:
        assert character == "\t" or unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp"), hex(ord(character))
        assert unicodedata.bidirectional(character) not in (
            "LRE",
            "RLE",
            "LRO",
            "RLO",
            "PDF",
            "LRI",
            "RLI",
            "FSI",
            "PDI",
        )
    shown.encode("utf-8")


@given(st.text(max_size=200))
def test_harmless_text_stays(text: str) -> None:
    """Letters of all scripts, spaces, signs; twice is as good as once."""
    shown = printable(text)
    assert printable(shown) == shown
    if text.isprintable():
        assert shown == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext", "plain\ttext"),
        ("\x1b[2J\x1b]0;own\x07", "\\x1b[2J\\x1b]0;own\\x07"),
        ("a\r\nb\x00\x7f\x9b", "a\\x0d\\x0ab\\x00\\x7f\\x9b"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\U000e0041", "\\U000e0041"),
        ("Ä ß 漢字 🐧", "Ä ß 漢字 🐧"),
    ],
)
def test_examples(text: str, shown: str) -> None:
    assert printable(text) == shown
