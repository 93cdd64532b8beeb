"""The phrases of the report: nothing twice, codes in words, the way in told apart from where the CPU stood."""

from io import StringIO
from pathlib import Path

from msgspec import structs

from lastwords.klog import inputs
from lastwords.klog.read import read
from lastwords.model import Analysis, Damage, Oops
from lastwords.report import words
from lastwords.report.terminal import render

LAB = Path(__file__).parent.parent / "lab" / "logs" / "6.1"


def lab(name: str) -> Oops:
    (source,) = inputs.find([str(LAB / f"{name}.log")])
    return read(source).oopses[0]


def test_no_function_is_no_function_named_corrupted() -> None:
    oops = structs.replace(lab("null-field"), title="BUG: hard lockup in corrupted", function=None)
    assert words.title(oops) == "BUG: hard lockup (function not in the text)"
    assert words.title(lab("null-field")).endswith(" in request_bytes")


def test_damage_is_called_by_its_name() -> None:
    damage = (Damage(kind="unreliable-trace", text="All frames are marked."),)
    whole = lab("null-field")
    assert words.state(structs.replace(whole, intact=False, damage=damage)) == "(trace not reliable)"
    assert words.state(structs.replace(whole, intact=False)) == "(text damaged)"
    assert words.state(whole) == ""


def test_way_in_and_recursion() -> None:
    overflow = lab("stack-overflow")
    assert (words.entered(overflow) or "").startswith("lab_write+")
    assert words.blamed(overflow) is None
    assert words.recursion(overflow) == "parse_record calls itself, 54 frames"
    fault = lab("null-field")
    assert words.entered(fault) is None
    assert (words.blamed(fault) or "").startswith("request_bytes+")
    assert words.recursion(fault) is None


def test_panics_are_told_once_and_their_codes_in_words() -> None:
    killed = lab("init-killed")
    assert killed.panic is not None
    assert words.panic(killed) is None
    assert words.exit_code(killed) == "it exited with status 3"
    assert words.panic(lab("null-field")) == "Kernel panic - not syncing: Fatal exception"
    assert (words.root(lab("no-root")) or "").startswith("ENXIO, ")


def test_boot_chatter_is_no_precursor() -> None:
    (source,) = inputs.find([str(LAB / "nx-exec.log")])
    log = read(source).log
    assert log is not None
    assert log.precursors == ()


def test_a_proprietary_module_is_called_one(tmp_path: Path) -> None:
    path = tmp_path / "gpf.log"
    path.write_text(
        "general protection fault, probably for non-canonical address 0xdead000000000108: 0000 [#1] PREEMPT SMP NOPTI\n"
        "RIP: 0010:_nv012345rm+0x1a/0x90 [nvidia]\n"
        "Call Trace:\n rm_ioctl+0x53/0xb0 [nvidia]\n do_syscall_64+0x5d/0x90\n"
        "Modules linked in: nvidia_modeset(POE) nvidia(POE) drm\n"
    )
    (source,) = inputs.find([str(path)])
    (oops,) = read(source).oopses
    assert words.blamed(oops) == "_nv012345rm+0x1a/0x90 [nvidia]  (proprietary, out-of-tree module)"


def test_the_report_says_which_boot(tmp_path: Path) -> None:
    crash = (LAB / "null-field.log").read_text()
    path = tmp_path / "console.log"
    path.write_text(crash + crash)
    (source,) = inputs.find([str(path)])
    found = read(source)
    assert found.log is not None
    out = StringIO()
    render(Analysis(logs=(found.log,), oopses=found.oopses), out)
    assert ", boot 1 of 2, " in " ".join(out.getvalue().split())
    assert "request_bytes" in out.getvalue().splitlines()[0]
