"""What a terminal would have shown."""

import pytest

from lastwords.klog.inputs.terminal import LONGEST_LINE, displayed


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain\n", "plain\n"),
        (b"a\r\nb\r\n", "a\nb\n"),
        (b"a\r\r\nb\n", "a\nb\n"),
        (b"old\rnew\n", "new\n"),
        (b"longer than that\rnew\n", "longer than that\nnew\n"),
        (
            b"[    1.000000] kernel\rrather a long prompt that hides it: \n",
            "[    1.000000] kernel\nrather a long prompt that hides it: \n",
        ),
        (b"\x1b[31mred\x1b[0m\n", "red\n"),
        (b"\x1b]0;title\x07text\n", "text\n"),
        (b"\x1b]0;title\x1b\\text\n", "text\n"),
        (b"\x1b]0;never closed\ntext\n", "\ntext\n"),
        (b"\x1b(B\x1b7\x1b=x\n", "x\n"),
        (b"a\0\0b\n", "ab\n"),
        (b"\xef\xbb\xbftext\n", "text\n"),
        (b"bad \xff\xc3 bytes\n", "bad \ufffd\ufffd bytes\n"),
        (b"\x1b", ""),
        (b"\r\r\r", ""),
        (b"", ""),
    ],
)
def test_displayed(data: bytes, text: str) -> None:
    assert displayed(data)[0] == text


def test_continued_lines_are_counted() -> None:
    """Line numbers are those of the file, also behind a carriage return that hid nothing."""
    text, continued = displayed(b"longer than that\rnew\nnext\n")
    assert text.split("\n")[:3] == ["longer than that", "new", "next"]
    assert continued == [1]


@pytest.mark.parametrize("size", [LONGEST_LINE - 1, LONGEST_LINE, LONGEST_LINE + 1, LONGEST_LINE * 3, 1 << 20])
def test_long_lines_are_cut(size: int) -> None:
    text, _ = displayed(b"a\n" + b"x" * size + b"\nb\n")
    assert text == "a\n" + "x" * min(size, LONGEST_LINE) + "\nb\n"
