"""What the facts of an oops are in words: the phrases that all forms of the report share.

Each function gives plain text, not yet made safe for a terminal or a page, or None where the log says nothing.
"""

import re
from itertools import groupby

from lastwords.glossary import clock, codes, errno
from lastwords.glossary.units import duration
from lastwords.model import AddressSense, Analysis, DumpCheck, Frame, Oops, Precursor

_CONTEXTS = {
    "task": "in task context",
    "softirq": "in a softirq",
    "hardirq": "in a hardware interrupt",
    "nmi": "in an NMI",
}


def place(frame: Frame) -> str:
    """A frame as the kernel writes it, with its source line where the log has one.

    Example:
        >>> place(Frame("ext4_iget", 7, 0x1a, 0x90, "ext4"))
        'ext4_iget+0x1a/0x90 [ext4]'
    """
    text = frame.function
    if frame.offset is not None:
        text += f"+{frame.offset:#x}"
        text += f"/{frame.size:#x}" if frame.size is not None else ""
    text += f" [{frame.module}]" if frame.module else ""
    if frame.file:
        text += f"  {frame.file}:{frame.source_line}" if frame.source_line else f"  {frame.file}"
    return text + ("  (inlined)" if frame.inline else "")


def headline(analysis: Analysis) -> str:
    """What the whole report is about: the crash; where no log reports one, what there is instead."""
    if analysis.crash is not None:
        return title(analysis.crash)
    if analysis.dump is not None:
        return "A dump without a crash report"
    if analysis.machine is not None and analysis.machine.read_by is not None:
        return "A kernel that was read while it ran"
    return "No crash found"


def title(oops: Oops) -> str:
    """The title for people: syzbot's "in corrupted" stands for a function that the text doesn't name.

    Example:
        >>> from lastwords.model import AddressSense, Oops
        >>> title(Oops("BUG: hard lockup in corrupted", "hard-lockup", "hang", 1, 1, "NMI watchdog: ..."))
        'BUG: hard lockup (function not in the text)'
    """
    nameless = oops.function is None and oops.title.endswith(" in corrupted")
    return oops.title.removesuffix(" in corrupted") + " (function not in the text)" if nameless else oops.title


# By kind of damage, the gravest first.
_STATES = {
    "typed": "(typed by hand)",
    "interleaved": "(lines of two reports mixed)",
    "dropped": "(messages lost)",
    "cut-off": "(text cut off)",
    "no-trace": "(no trace)",
    "unreliable-trace": "(trace not reliable)",
}


def state(oops: Oops) -> str:
    """What is wrong with the report's text, in a few words; empty where it is intact."""
    kinds = {damage.kind for damage in oops.damage}
    found = next((words for kind, words in _STATES.items() if kind in kinds), "(text damaged)")
    return "" if oops.intact else found


def apart(oops: Oops, first: Oops) -> str | None:
    """How long before or after another report of the same boot this one came; None where the log has no times."""
    if oops.time is None or first.time is None:
        return None
    seconds = oops.time - first.time
    return f"{duration(abs(seconds))} {'before' if seconds < 0 else 'later'}"


_FURTHER_OUT = frozenset(("soft-lockup", "hard-lockup", "rcu-stall", "stack-overflow", "stack-guard"))
"""Kinds whose title names the way in: where the CPU was just then is an accident."""


def entered(oops: Oops) -> str | None:
    """The way in to what hangs or overflowed, where the title names that rather than where the CPU stood."""
    return function(oops) if _way_in(oops) else None


def blamed(oops: Oops) -> str | None:
    """The function to blame, where it is not only the way in."""
    return None if _way_in(oops) else function(oops)


def _way_in(oops: Oops) -> bool:
    further_out = oops.family == "hang" or "overflow" in oops.kind or oops.kind in _FURTHER_OUT
    return further_out and oops.frame is not None and stood(oops) is not None


_RECURSION = 8
"""Frames of one function in a row that make a recursion."""


def recursion(oops: Oops) -> str | None:
    """The function that calls itself, on the longest run of such frames."""
    longest, name = 0, ""
    for trace in oops.traces:
        for function_name, run in groupby(frame.function for frame in trace.frames if frame.reliable):
            length = sum(1 for _ in run)
            if length > longest:
                longest, name = length, function_name
    return f"{name} calls itself, {longest} frames" if longest >= _RECURSION else None


def panic(oops: Oops) -> str | None:
    """The panic that ended it, where that is not the message itself."""
    return None if oops.panic == oops.message else oops.panic


_EXIT_CODE = re.compile(r"exitcode=0x([0-9a-f]{8})")


def exit_code(oops: Oops) -> str | None:
    """How init ended, in words."""
    match = _EXIT_CODE.search((oops.panic or oops.message)[:400])
    return codes.exit_code(int(match[1], 16)) if match is not None else None


_NO_ROOT = re.compile(r"error -(\d{1,4})\b")


def root(oops: Oops) -> str | None:
    """Why there is no root file system, and where to look."""
    if oops.kind != "no-root":
        return None
    match = _NO_ROOT.search(oops.message[:400]) or _NO_ROOT.search((oops.panic or "")[:400])
    known = errno.BY_NUMBER.get(int(match[1])) if match is not None else None
    why = f"{known.name}, {known.meaning}; " if known is not None else ""
    return f"{why}look at root= on the command line, and whether an initramfs of this kernel was loaded"


def function(oops: Oops) -> str | None:
    """The function to blame and where it lives."""
    if oops.function is None:
        return None
    text = place(oops.frame) if oops.frame is not None else oops.function
    if oops.module and oops.frame is None:
        text += f" [{oops.module}]"
    if oops.file and oops.file not in text:
        text += f"  {oops.file}:{oops.source_line}" if oops.source_line else f"  {oops.file}"
    origin = _origin(oops)
    return f"{text}  {origin}" if origin else text


def stood(oops: Oops) -> str | None:
    """Where the CPU was, where that is not in the function to blame."""
    if oops.at is None or (oops.frame is not None and oops.at.function == oops.frame.function):
        return None
    return place(oops.at)


def _origin(oops: Oops) -> str:
    """Whose module it is, as far as its flags tell."""
    flags = next((m.flags for m in oops.modules if m.name == oops.module and not m.last_unloaded), "")
    kinds = [word for letter, word in (("P", "proprietary"), ("O", "out-of-tree"), ("C", "staging")) if letter in flags]
    return f"({', '.join(kinds)} module)" if kinds else ""


def task(oops: Oops) -> str | None:
    """Who ran, on which CPU, in which context."""
    parts = []
    if oops.comm is not None or oops.pid is not None:
        name = oops.comm if oops.comm is not None else "task"
        parts.append(f"{name} (PID {oops.pid})" if oops.pid is not None else name)
    if oops.cpu is not None:
        parts.append(f"on CPU {oops.cpu}")
    if oops.context is not None:
        parts.append(_CONTEXTS[oops.context])
    text = [" ".join(parts)] if parts else []
    text += [f"workqueue {oops.workqueue}"] if oops.workqueue else []
    return "; ".join(text) or None


def moment(oops: Oops) -> str:
    """When, by the kernel's clock and by the wall's."""
    parts = []
    if oops.time is not None:
        parts.append(f"[{oops.time:.6f}]")
        parts.append(f"{duration(oops.time)} after boot")
    walls = [clock.shown(oops.clock) if oops.clock else oops.wall] if oops.clock or oops.wall else []
    return ", ".join(filter(None, [" ".join(parts), *walls]))


def kernel(oops: Oops) -> str | None:
    """Release and build."""
    if oops.release is None:
        return None
    return f"{oops.release} {oops.build}" if oops.build else oops.release


def taints(oops: Oops) -> str | None:
    """Taint flags, each with what it means."""
    if oops.taints:
        return "; ".join(f"{taint.letter} {taint.meaning}" for taint in oops.taints)
    return oops.taint


def hardware(oops: Oops) -> str | None:
    """The machine, and the hypervisor that it runs under."""
    if oops.hardware is None and oops.hypervisor is None:
        return None
    text = oops.hardware or "not known"
    return f"{text}; a guest of {oops.hypervisor}" if oops.hypervisor else text


def address(oops: Oops) -> str | None:
    """What the faulting address says; that it is a guess where it is one."""
    return None if oops.address is None else sense(oops.address)


def sense(told: AddressSense) -> str:
    """What an address says, as surely as it is known; some texts say themselves that they are a guess."""
    return told.text if told.sure or "likely" in told.text else f"perhaps {told.text}"


def access(oops: Oops) -> str | None:
    """The error code, in words."""
    if oops.error_code is None or (oops.kind == "general-protection-fault" and not oops.error_code.value):
        return None  # 0 of a general protection fault says nothing
    return f"{', '.join(oops.error_code.meaning)} (error code {oops.error_code.value:#06x})"


def operand(oops: Oops) -> str | None:
    """The faulting instruction and the memory that it wanted."""
    if oops.code is None:
        return None
    faulting = next((i for i in oops.code.instructions if i.faulting), None)
    if faulting is None or oops.code.operand is None:
        return faulting.text if faulting else None
    wanted = oops.code.operand
    text = f"{faulting.text}:  {'writes to' if wanted.write else 'reads'} {wanted.expression}"
    if wanted.address is not None:
        text += f" = {wanted.address:#x}"
    if wanted.agrees is not None:
        text += ", the address that faulted" if wanted.agrees else ", which is not the address reported"
    return text


def text_state(oops: Oops) -> str:
    """Whether the report's text can be trusted, and why not."""
    return "intact" if oops.intact else "; ".join(damage.text.rstrip(".") for damage in oops.damage)


def before(precursor: Precursor, oops: Oops) -> str:
    """How long before an oops."""
    told = oops.time is not None and precursor.time is not None
    apart = oops.time - precursor.time if oops.time is not None and precursor.time is not None else None
    seconds = apart if told else precursor.seconds_before
    if seconds is None:
        return ""
    if not seconds and precursor.clock:
        return "same second" if "." not in precursor.clock else "same moment"
    return f"-{duration(max(seconds, 0.0))}"


# Of the parts that an analysis needs, by what is left of them, the worst first.
_LEFT = (("lost", "lost"), ("partly", "lost in part"))


def dump_not_whole(check: DumpCheck | None) -> str | None:
    """What stands at the head of a report on a dump that is not whole; None where nothing is lost.

    Example:
        >>> from lastwords.model import DumpCheck, DumpPart
        >>> parts = (DumpPart(name="log", state="whole", text=""), DumpPart(name="stacks", state="lost", text=""))
        >>> dump_not_whole(DumpCheck(path="v", verdict="incomplete", summary="half is missing", parts=parts))
        'The dump is incomplete: half is missing; lost: stacks. What follows is from what is left.'
    """
    if check is None or check.verdict == "whole":
        return None
    if check.verdict == "not-a-dump":
        return f"No dump: {check.summary}."
    named = [
        f"{what}: {', '.join(names)}"
        for state, what in _LEFT
        if (names := [part.name for part in check.parts if part.state == state])
    ]
    there = [part.name for part in check.parts if part.state == "whole"]
    if not named and there:
        named = [f"whole all the same: {', '.join(there)}"]
    return f"The dump is {'; '.join([f'{check.verdict}: {check.summary}', *named])}. What follows is from what is left."
