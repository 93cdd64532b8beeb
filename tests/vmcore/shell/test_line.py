import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastwords.vmcore.shell.command import CommandError
from lastwords.vmcore.shell.line import Line, parse, split


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bt", Line("bt", "")),
        ("  bt  -a 1 ", Line("bt", "-a 1")),
        ("bt -a | grep foo | wc -l", Line("bt", "-a", pipe="grep foo | wc -l")),
        ("log > file", Line("log", "", file="file")),
        ("log -T >> 'a file'", Line("log", "-T", file="a file", append=True)),
        ("p init_task.tasks.next->prev", Line("p", "init_task.tasks.next->prev")),
        ("p (1 | 2)", Line("p", "(1 | 2)")),
        ("p (1 > 2) > out", Line("p", "(1 > 2)", file="out")),
        ("p 3 >= 2", Line("p", "3 >= 2")),
        ("search -c 'a | b'", Line("search", "-c 'a | b'")),
        (r"foreach \| bt", Line("foreach", r"\| bt")),
        ("sym -q a|head", Line("sym", "-q a", pipe="head")),
    ],
)
def test_redirection(text, expected):
    assert parse(text) == expected


@pytest.mark.parametrize("text", ["bt |", "bt | ", "log >", "log > a b", "log > 'a"])
def test_redirection_to_nowhere(text):
    with pytest.raises(CommandError):
        parse(text)


def test_commands_in_a_line():
    assert split("sys; bt -a ;; log") == ["sys", "bt -a", "log"]
    assert split("p ';' ; print((1; 2))") == ["p ';'", "print((1; 2))"]
    assert split(" ; ") == []


def test_words():
    assert parse("foreach 'a b' \"c\" d").words == ["a b", "c", "d"]
    with pytest.raises(CommandError, match="no closing quotation"):
        _ = parse("sym 'x").words


@given(st.text())
def test_any_text(text):
    for part in split(text):
        with contextlib.suppress(CommandError):
            assert len(parse(part).text) <= len(text)
