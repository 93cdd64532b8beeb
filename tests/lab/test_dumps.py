"""Kernels crashed and dumped now: does the analysis of the dump say what is known from the case's source?"""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from lastwords.case import Debuginfo, analyze
from lastwords.lab import Case, Kernel, Outcome, all_cases, kernel, run
from lastwords.lab.accuracy.judge import Form, judge
from lastwords.model import Analysis, to_json

from . import truth

# A few on the other kernels: a field, a returned value, a call through NULL, a deadlock, a leak.
ELSEWHERE = ("null-field", "err-ptr", "null-function", "hung-task", "leak-oom")
# What debuginfo adds is looked at in these: a field, a returned value, an argument, an interrupt handler of a block
# driver, locks, a warning.
WITH_DEBUGINFO = ("null-field", "err-ptr", "null-argument", "tasklet-null", "storage-mod", "rwsem-stall", "warn")

DEBUGINFO = ("6.1", "6.1-arm64")

# Where it takes luck: whether a flipped address is one bit away from one function only depends on where KASLR put them.
BY_LUCK = ("text-flip",)

# Where the analysis says something else than the case's source. An analysis that learns it fails here (strict xfail):
# then take the entry out.
WRONG: dict[tuple[str, str], str] = {}


@dataclass(frozen=True)
class Crash:
    """A crash, and what is said of its dump bare and, for some, with debuginfo."""

    case: Case
    kernel: Kernel
    outcome: Outcome
    bare: Analysis
    full: Analysis | None


def _crashes():
    """All cases on their first kernel and on arm64, some on the others. Two groups: two guests at a time."""
    pairs = [(case.kernels[0], case) for case in all_cases()]
    for name in ("6.12", "backports", "5.10"):
        pairs += [(name, case) for case in all_cases() if case.name in ELSEWHERE]
    for name in ("6.1-arm64", "6.12-arm64"):
        pairs += [(name, case) for case in all_cases() if name in case.kernels]
    for number, (name, case) in enumerate(pairs):
        group = pytest.mark.xdist_group("lab" if number % 2 else "lab-too")
        yield pytest.param((name, case), id=f"{name}-{case.name}", marks=group)


pytestmark = [pytest.mark.lab, pytest.mark.parametrize("crash", list(_crashes()), indirect=True, scope="module")]


@pytest.fixture(scope="module")
def crash(request, tmp_path_factory):
    """One guest a case: crashed, dumped, analysed; the dump is gone when its tests are through."""
    name, case = request.param
    folder: Path = tmp_path_factory.mktemp(case.name)
    victim, dump = kernel(name), folder / "vmcore"
    try:
        outcome = run(case, victim, folder / "console", elf=dump)
        bare = analyze([str(dump)], debuginfo=Debuginfo(wanted=False))
        full = None
        if name in DEBUGINFO and case.name in WITH_DEBUGINFO:
            modules = str(outcome.modules[0].parent) if outcome.modules else None
            full = analyze([str(dump)], debuginfo=Debuginfo(str(victim.debuginfo()), modules))
        yield Crash(case, victim, outcome, bare, full)
    finally:
        dump.unlink(missing_ok=True)


@pytest.fixture
def known_wrong(request, crash):
    """Expect what is known to go wrong."""
    if reason := WRONG.get((crash.kernel.name, crash.case.name)):
        request.applymarker(pytest.mark.xfail(reason=reason))


def _told(wrong: truth.Wrong, analysis: Analysis) -> str:
    """For whoever looks at a failure."""
    blame = analysis.machine.blame if analysis.machine else None
    return "\n".join([*wrong, blame.text if blame else "no blame", *analysis.errors])


def test_dump_is_whole_and_read(crash):
    found = crash.bare
    assert found.errors == ()
    assert found.dump is not None
    assert found.dump.verdict == "whole"
    assert found.machine is not None
    assert found.machine.release == crash.kernel.release
    assert found.machine.symbols is not None
    assert found.machine.symbols.source == "btf"
    # Where a kernel names no variables, the list of disks is lost.
    lost = [(part.name, part.error) for part in found.machine.parts if part.error]
    assert {name for name, _ in lost} == ({"io"} if crash.kernel.name in truth.NAMELESS else set()), lost


def test_log_in_the_dump_names_the_crash(crash):
    wrong = truth.wrong_log(crash.case, crash.kernel.name, crash.bare)
    assert not wrong, _told(wrong, crash.bare)


@pytest.mark.usefixtures("known_wrong")
def test_bad_pointer_is_followed_without_debuginfo(crash):
    wrong = truth.wrong_callers(crash.case, crash.kernel.name, crash.bare)
    wrong += truth.wrong_blame(crash.case, crash.kernel.name, crash.bare, typed=False)
    assert not wrong, _told(wrong, crash.bare)


def test_who_hangs_and_who_ate_the_memory(crash):
    named = crash.kernel.name not in truth.NAMELESS
    wrong = [*truth.wrong_stall(crash.case, crash.bare, named=named), *truth.wrong_memory(crash.case, crash.bare)]
    assert not wrong, _told(wrong, crash.bare)


def test_the_verdict(crash):
    """Never confident and wrong; and right here, where the dump has all that it takes."""
    analyses: list[tuple[Form, Analysis | None]] = [("bare", crash.bare), ("debuginfo", crash.full)]
    for form, analysis in analyses:
        if analysis is not None:
            document = json.loads(to_json(analysis))
            judged = judge(crash.case.name, crash.kernel.name, form, crash.case.verdict, document)
            assert not judged.confident_wrong, judged.wrong
            assert judged.crash_class == "right" or crash.case.name in BY_LUCK, judged.wrong


def test_the_system_call(crash):
    """Cases that write to the driver's file crash in write(), unless it is another task or an interrupt that does."""
    call = crash.bare.machine.system_call if crash.bare.machine else None
    if crash.kernel.name == "6.1" and crash.case.name == "null-field":
        assert call is not None
        assert (call.name, call.arguments[0], call.arguments[2]) == ("write", 1, 2)


def test_with_debuginfo(crash):
    if crash.full is None:
        assert crash.kernel.name not in DEBUGINFO or crash.case.name not in WITH_DEBUGINFO
        return
    assert crash.full.machine is not None
    assert crash.full.machine.symbols is not None
    assert crash.full.machine.symbols.source == "dwarf"
    wrong = truth.wrong_log(crash.case, crash.kernel.name, crash.full)
    wrong += truth.wrong_blame(crash.case, crash.kernel.name, crash.full, typed=True)
    wrong += truth.wrong_lines(crash.case, crash.full)
    wrong += truth.wrong_stall(crash.case, crash.full)
    assert not wrong, _told(wrong, crash.full)


def test_debuginfo_changes_no_name(crash):
    """What both find is the same: the functions on each CPU's stack, inlined ones aside."""
    if crash.full is None:
        return
    assert crash.full.machine is not None
    assert crash.bare.machine is not None
    for bare, full in zip(crash.bare.machine.cpus or (), crash.full.machine.cpus or (), strict=True):
        real = [frame.function for frame in full.stack if not frame.inline]
        assert [frame.function for frame in bare.stack] == real
