"""What to know about a crash whatever its cause: foreign modules, livepatches, BPF, earlier damage, the kernel's age."""

import re
from collections.abc import Iterator

from lastwords.diagnosis.crash import Crash
from lastwords.diagnosis.owner import origin_of
from lastwords.diagnosis.rule import rule
from lastwords.diagnosis.story import several
from lastwords.model import Fact, Finding, NextStep

_BPF = re.compile(r"bpf_prog_[0-9a-f]{16}|__bpf_prog_run\w{0,20}|bpf_trampoline_\w{1,30}|___bpf_prog_run")
_LIVEPATCH = re.compile(r"klp_\w{1,40}|livepatch_\w{1,60}|kpatch_\w{1,60}")


@rule(
    "foreign-module",
    "a module from outside the kernel's tree on the trace",
    why="The kernel's developers do not look at a crash with a foreign module's code on the stack; its vendor has to.",
    sure="certain that it is there; not that it is to blame",
)
def foreign_module(crash: Crash) -> Iterator[Finding]:
    """Out-of-tree and proprietary modules on the crash's stack."""
    modules = dict.fromkeys(module for _function, module in crash.functions() if module)
    origins = {module: origin_of(crash, module) for module in modules}
    foreign = [module for module, origin in origins.items() if origin in ("out-of-tree", "proprietary")]
    if not foreign:
        return
    kind = "proprietary" if "proprietary" in origins.values() else "out-of-tree"
    names = several(foreign)
    yield Finding(
        id="foreign-module",
        title=f"{kind} code on the trace: {names}",
        text=f"The stack holds code of {names}, which {'is' if len(foreign) == 1 else 'are'} not part of the kernel's tree.",
        confidence=0.9,
        evidence=(crash.here(f"on the stack: {names}"),),
        next=(NextStep(text=f"See whether it also happens without {names}; that decides whom to ask.", value=0.5),),
        weight=0.15,
    )


@rule(
    "patched-code",
    "livepatched code or BPF on the trace",
    why="Both put code into the kernel that is not in its source.",
    sure="certain that it is there; not that it is to blame",
)
def patched_code(crash: Crash) -> Iterator[Finding]:
    """Livepatches and BPF programs on the crash's stack."""
    for function, module in crash.functions():
        patched = _LIVEPATCH.match(module or "") or _LIVEPATCH.match(function)
        if patched or _BPF.match(function):
            what = "a livepatch" if patched else "a BPF program"
            yield Finding(
                id="patched-code",
                title=f"{what} is on the trace",
                text=f"{what[:1].upper()}{what[1:]} is on the trace ({module or function}): look at it before the kernel's own source.",
                confidence=0.9,
                evidence=(crash.here(f"on the stack: {function}"),),
                next=(
                    NextStep(
                        text=f"Run without {what} and see whether it happens again.",
                        command="bpftool prog" if not patched else "kpatch list",
                        value=0.6,
                    ),
                ),
                weight=0.3,
            )
            return


_DAMAGED = {
    "D": "it had oopsed before",
    "M": "the processor had reported an error before",
    "B": "a page had been found in a bad state before",
    "L": "a CPU had been stuck before",
    "F": "a module had been loaded by force",
    "R": "a module had been unloaded by force",
    "S": "it ran on hardware that its vendor does not allow",
    "A": "the firmware's ACPI tables had been overridden",
}


@rule(
    "damaged-before",
    "taints that the kernel had before the crash",
    why="A kernel that had oopsed, seen bad memory or been forced is not to be trusted any more: this crash may only follow.",
    sure="certain that it had happened; the log before this report has the cause, if it is kept",
)
def damaged_before(crash: Crash) -> Iterator[Finding]:
    """Taint flags of earlier damage in the first report."""
    oops = crash.oops
    if oops is None:
        return
    letters = [taint.letter for taint in oops.taints]
    # The report itself sets D only when it is over; a soft lockup sets L before it prints.
    own = {
        "machine-check": "M",
        "soft-lockup": "L",
        "bad-page-state": "B",
        "bad-page-map": "B",
        "slab-corruption": "B",
    }.get(oops.kind, "M" if oops.family == "hardware" else "")
    told = [f"{letter}: {_DAMAGED[letter]}" for letter in letters if letter in _DAMAGED and letter != own]
    if not told or (crash.before and "D" in letters):
        return
    yield Finding(
        id="damaged-before",
        title=f"the kernel was damaged before ({', '.join(told)})",
        text=f"This is not the first thing that went wrong: {'; '.join(told)}. The log before it would tell.",
        confidence=0.7 if {"D", "M", "B"} & set(letters) else 0.4,
        evidence=(Fact(text=oops.taint or "", path=oops.path, line=oops.line, quote=True),),
        next=(
            NextStep(
                text="Find the first report of this boot: journal, serial console, netconsole, pstore.",
                command="journalctl -k -b -1 | lastwords scan -",
                phase="immediate",
                value=0.9,
            ),
        ),
        weight=0.45,
    )


_SERIES_ENDED = {
    # kernel.org/category/releases.html: the last year and month of long-term series that are over.
    "2.6": "2016-02", "3.2": "2018-05", "3.10": "2017-11", "3.16": "2020-06", "4.4": "2022-02", "4.9": "2023-01",
    "4.14": "2024-01", "4.19": "2024-12", "5.4": "2025-12",
}  # fmt: skip


@rule(
    "old-kernel",
    "a kernel series that gets no more fixes",
    why="What is broken in it stays broken, unless its distributor keeps it up.",
    sure="certain for kernels from kernel.org; distributors keep some series up for longer",
)
def old_kernel(crash: Crash) -> Iterator[Finding]:
    """Series whose long-term support has ended, unless a distributor builds it."""
    release = crash.release or ""
    series = ".".join(release.split(".")[:2])
    distributor = re.search(
        r"\.el\d|\.fc\d|-generic|-amd64|-arm64|-default|\.amzn|uek|-cloud|-azure|-aws|-gcp", release
    )
    if series not in _SERIES_ENDED or distributor:
        return
    yield Finding(
        id="old-kernel",
        title=f"Linux {series} has had no fixes since {_SERIES_ENDED[series]}",
        confidence=0.9,
        evidence=(crash.here(f"release {release}"),),
        next=(
            NextStep(
                text=f"Before anybody debugs this: see whether it happens with a series that is kept up; {series} is not.",
                value=0.4,
            ),
        ),
        weight=0.05,
    )


@rule(
    "single-crash",
    "a crash without a cause in sight",
    why="One unexplained crash with signs of a transient is often not worth more than keeping its evidence.",
    sure="a judgement of cost, not of cause",
)
def single_crash(crash: Crash) -> Iterator[Finding]:
    """Faults at wild addresses in core code, no foreign module, nothing before."""
    oops = crash.oops
    if (
        oops is None
        or oops.kind not in ("paging-request", "general-protection-fault")
        or oops.module
        or crash.blame is not None
    ):
        return
    if (
        crash.precursors
        or crash.before
        or (oops.address is not None and oops.address.kind in ("null", "null-offset", "poison", "err-ptr"))
    ):
        return
    yield Finding(
        id="single-crash",
        title="a single crash that nothing explains may not be worth a deep analysis",
        text="Nothing came before it, no foreign module is involved, and the address says nothing: it may be a transient. Keep the "
        "evidence; a second crash at the same place makes it a bug, at another place makes it hardware.",
        confidence=0.4,
        evidence=(crash.here(),),
        next=(
            NextStep(text="Keep the case and compare with the next one.", value=0.5),
            NextStep(
                text="Make sure that the next one leaves a dump.",
                command="lastwords doctor",
                phase="immediate",
                value=0.6,
            ),
        ),
        weight=0.2,
    )
