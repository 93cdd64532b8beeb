"""What an engineer on call ran into: jumps into data, instruction pointers, Red Hat's taints, remains."""

from pathlib import Path

import pytest

from lastwords.klog import inputs
from lastwords.klog.read import Reading, read

LAB = Path(__file__).parent.parent / "lab" / "logs"
CASES = Path(__file__).parent / "cases"


def reading(log: str, tmp_path: Path) -> Reading:
    path = tmp_path / "console.log"
    path.write_text(log)
    (source,) = inputs.find([str(path)])
    return read(source)


def test_data_is_not_disassembled(tmp_path: Path) -> None:
    (oops, *_) = reading((LAB / "6.1" / "nx-exec.log").read_text(), tmp_path).oopses
    assert oops.code is not None
    assert not oops.code.instructions
    assert oops.code.operand is None
    assert "jumped to data" in oops.code.note


def test_the_function_stands_at_the_instruction_pointer_not_at_the_link_register(tmp_path: Path) -> None:
    log = (CASES / "fault" / "null-dereference-ppc64le-5.14.log").read_text()
    (oops,) = reading(log.partition("\n\n")[2], tmp_path).oopses
    assert oops.frame is not None
    assert oops.frame.offset == 0x6C


@pytest.mark.parametrize(
    ("line", "taint", "release"),
    [
        (
            "Pid: 19845, comm: httpd Tainted: G      D    ---------------    2.6.32-358.el6.x86_64 #1 HP DL380 G7",
            "Tainted: G      D",
            "2.6.32-358.el6.x86_64",
        ),
        (
            "CPU: 2 PID: 19845 Comm: httpd Tainted: G           OE    --------- -t - 4.18.0-80.el8.x86_64 #1",
            "Tainted: G           OE",
            "4.18.0-80.el8.x86_64",
        ),
        ("CPU: 2 PID: 19845 Comm: httpd Not tainted 6.1.0-18-amd64 #1", "Not tainted", "6.1.0-18-amd64"),
    ],
)
def test_taints_of_red_hat(line: str, taint: str, release: str, tmp_path: Path) -> None:
    log = "BUG: unable to handle kernel NULL pointer dereference at 0000000000000040\nOops: 0000 [#1] SMP\n" + line
    (oops,) = reading(log + "\nRIP: 0010:foo_bar+0x10/0x20\n", tmp_path).oopses
    assert (oops.taint, oops.release, oops.comm, oops.pid) == (taint, release, "httpd", 19845)
    assert oops.hardware in (None, "HP DL380 G7")


def test_remains_are_not_blamed_on_hardware(tmp_path: Path) -> None:
    lines = (LAB / "6.1" / "null-field.log").read_text().splitlines()[360:370]
    found = reading("\n".join(lines) + "\n", tmp_path)
    assert not found.oopses
    assert found.log is not None
    (gap,) = found.log.gaps
    assert (gap.kind, gap.line) == ("no-crash", 4)
    assert "hardware" not in gap.advice


def test_what_is_left_of_a_page_fault_has_its_address(tmp_path: Path) -> None:
    lines = [line for line in (LAB / "6.1" / "null-field.log").read_text().splitlines() if line]
    (oops,) = reading("\n".join(lines[-20:]) + "\n", tmp_path).oopses
    assert oops.panic == "Kernel panic - not syncing: Fatal exception"
    assert oops.address is not None
    assert oops.address.value == 0x18
    assert oops.registers["rdx"] == 0
    assert [damage.text for damage in oops.damage] == ["Its beginning is missing."]


def test_the_panic_stands_in_the_time_line_where_it_came() -> None:
    """Not where the report ends: its trace goes on behind it, and a watchdog's comes seconds later."""
    for name, line, time in (("6.12/lock-holder-spins", 395, 9.992398), ("6.1/leak-kills-bystander", 1264, 4.610712)):
        source = inputs.find([str(LAB / f"{name}.log")])[0]
        oops = next(oops for oops in read(source).oopses if oops.panic)
        assert (oops.panic_line, oops.panic_time) == (line, time)


def test_a_crash_on_purpose_is_no_part_of_the_report_before_it() -> None:
    oopses = read(inputs.find([str(LAB / "6.1/bad-kfree.log")])[0]).oopses
    assert [(oops.line, oops.panic) for oops in oopses] == [
        (361, None),
        (404, "Kernel panic - not syncing: sysrq triggered crash"),
    ]
