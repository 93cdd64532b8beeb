import contextlib

import drgn
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lastwords.vmcore.shell.command import CommandError
from lastwords.vmcore.shell.expressions import evaluate
from lastwords.vmcore.shell.symbols import address_of
from tests.vmcore.small_dump import BASE

EXPECTED = (CommandError, LookupError, TypeError, ValueError, ArithmeticError, drgn.FaultError, SyntaxError)


@pytest.fixture
def prog(shell):
    return shell.prog


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("10 - 3 - 2", 5),
        ("7 / 2", 3),
        ("7 % 4 == 3 && 1", 1),
        ("1 << 4 | 1", 17),
        ("0xff & ~0xf", 0xF0),
        ("!0", 1),
        ("-1", -1),
        ("'A'", 65),
        (r"'\n'", 10),
        ("4k", 4096),
        ("2UL", 2),
        ("sizeof(struct task_struct)", 32),
        ("sizeof(int) * 2", 8),
        ("sizeof init_task", 32),
        ("init_task.pid", 0),
        ("init_task.comm[0]", ord("s")),
        ("(&init_task)->comm[1]", ord("w")),
        ("*(int *)&init_task", 0),
        ("((struct task_struct *)&init_task)->pid == init_task.pid", 1),
        ("&init_task != 0", 1),
        ("0 == &init_task", 0),
        ("&init_task == &init_task", 1),
        ("(unsigned long)&init_task", BASE + 0x44000),
    ],
)
def test_values(prog, text, expected):
    assert evaluate(prog, text).value_() == expected


def test_objects(prog):
    assert evaluate(prog, "init_task.comm").string_() == b"swapper/0"
    assert evaluate(prog, "*&init_task").type_.type_name() == "struct task_struct"
    assert evaluate(prog, "schedule").address_ == BASE + 0x40


@pytest.mark.parametrize(
    ("text", "expected"), [("ffff", 0xFFFF), ("10", 10), ("ffffffff81000000", BASE), ("1g", 1 << 30)]
)
def test_numbers_as_crash_takes_them(prog, text, expected):
    assert evaluate(prog, text, hexadecimal=True).value_() & (1 << 64) - 1 == expected


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", CommandError),
        ("1 +", CommandError),
        ("(1", CommandError),
        ("1 2", CommandError),
        ("1 $ 2", CommandError),
        ("init_task.", CommandError),
        ("0x", CommandError),
        ("8f", CommandError),
        ("nothing_of_that_name", LookupError),
        ("init_task.nothing", LookupError),
        ("(struct nothing *)1", LookupError),
        ("*(int *)8 + 1", drgn.FaultError),
        ("(" * 5000 + "1" + ")" * 5000, CommandError),
        ("-" * 5000 + "1", CommandError),
        ("init_task + 1", TypeError),
        ("1 / 0", ZeroDivisionError),
    ],
)
def test_mistakes(prog, text, error):
    with pytest.raises(error):
        evaluate(prog, text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(st.text(alphabet="0123456789abfx()[]{}*&-+>.<=!~'\\ :init_task,comsizeof", max_size=40))
def test_any_text_ends_in_a_value_or_a_mistake(prog, text):
    with contextlib.suppress(*EXPECTED):
        evaluate(prog, text, hexadecimal=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("schedule", BASE + 0x40),
        ("schedule+5", BASE + 0x45),
        ("schedule+0x10", BASE + 0x50),
        ("schedule-1", BASE + 0x3F),
        ("ffffffff81000010", BASE + 0x10),
        ("0xffffffff81000010", BASE + 0x10),
        ("&init_task", BASE + 0x44000),
        ("(schedule)", BASE + 0x40),
    ],
)
def test_addresses(prog, text, expected):
    assert address_of(prog, text) == expected


@pytest.mark.parametrize("text", ["init_task", "schedule+x"])
def test_addresses_of_symbols_and_nonsense(prog, text):
    if text == "init_task":
        assert address_of(prog, text) == BASE + 0x44000
    else:
        with pytest.raises(CommandError):
            address_of(prog, text)
