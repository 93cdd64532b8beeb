"""The phrases of the report: nothing twice, codes in words, the way in told apart from where the CPU stood."""

from pathlib import Path

from msgspec import structs

from lastwords.klog import inputs
from lastwords.klog.read import read
from lastwords.model import Damage, Oops
from lastwords.report import words

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
