"""The phrases of the report: nothing twice, codes in words, the way in told apart from where the CPU stood."""

from io import StringIO
from pathlib import Path

from msgspec import structs

from lastwords.klog import inputs
from lastwords.klog.read import read
from lastwords.model import Analysis, Damage, DumpCheck, DumpPart, Oops
from lastwords.report import words
from lastwords.report.html import render as page
from lastwords.report.markdown import render as markdown
from lastwords.report.terminal import render

from .reports import with_machine

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


def test_a_damaged_dump_is_told_on_top_of_each_form_of_the_report() -> None:
    parts = (
        DumpPart(name="log", state="whole", text="411 records"),
        DumpPart(name="stacks", state="lost", text="lost for 2 of 2 CPUs"),
        DumpPart(name="modules", state="partly", text="3 of 9 pages"),
    )
    check = DumpCheck(path="vmcore", verdict="incomplete", summary="half of it is missing", parts=parts)
    told = "The dump is incomplete: half of it is missing; lost: stacks; lost in part: modules."
    for analysis in (structs.replace(with_machine(), dump=check), Analysis(dump=check)):
        out = StringIO()
        render(analysis, out)
        assert told in " ".join("\n".join(out.getvalue().split("\n")[:5]).split())
        assert told in "\n".join(markdown(analysis).split("\n")[:4])
        html = page(analysis)
        assert told in html[: html.index("</section>")]


def test_of_a_whole_dump_nothing_is_said_on_top() -> None:
    assert words.dump_not_whole(None) is None
    assert words.dump_not_whole(DumpCheck(path="vmcore", verdict="whole", summary="all there")) is None


def test_a_damaged_dump_that_has_what_matters_is_told_so() -> None:
    parts = (DumpPart(name="log", state="whole", text=""), DumpPart(name="stacks", state="whole", text=""))
    told = words.dump_not_whole(DumpCheck(path="v", verdict="damaged", summary="1 page is damaged", parts=parts))
    assert told is not None
    assert "1 page is damaged; whole all the same: log, stacks." in told
