"""The bad pointer of a crash: what it is, how it came in, whom that blames; by the dump or, without one, by the log."""

from collections.abc import Iterator

from lastwords.model import Blame, Culprit, Fact, Oops, Unchecked

from .crash import Crash

FAULTS = frozenset(
    {"paging-request", "general-protection-fault", "user-memory-access", "null-dereference", "oops", "oops-remains"}
)


def is_null(crash: Crash) -> bool:
    """The crash used a NULL pointer, by the log or, surer, by the dump."""
    if crash.blame is not None:
        return crash.blame.sense.startswith("NULL")
    oops = crash.oops
    if oops is None or oops.address is None:
        return oops is not None and oops.kind == "kasan" and "null-ptr-deref" in oops.title
    shadow = oops.address.kind == "kasan-shadow" and ": NULL" in oops.address.text
    return (
        shadow
        or oops.address.kind in ("null", "null-offset")
        or (oops.kind == "kasan" and "null-ptr-deref" in oops.title)
    )


def is_error(crash: Crash) -> bool:
    """The crash used an error code as a pointer, by the log."""
    return crash.oops is not None and crash.oops.address is not None and crash.oops.address.kind == "err-ptr"


def blamed(crash: Crash, blame: Blame) -> Culprit:
    """The culprit that the dump's pointer trail ends at, or the function that faulted where the trail is unsure."""
    guilty = who_ignored(blame)
    if guilty is not None:
        return Culprit(module=guilty.module, function=guilty.caller, object=blame.object_type, field=blame.field)
    sure = blame.origin is not None and blame.confidence in ("high", "medium")
    oops = crash.oops
    if not sure and oops is not None and oops.function not in (None, blame.function):
        return crash.faulting  # kfree() and its like are where it faulted, not who did it
    function, module = (blame.origin, blame.origin_module) if sure else (blame.function, blame.module)
    step = next((s for s in blame.steps if s.function == function and s.file is not None), None)
    file, line = (step.file, step.line) if step else (None, None)
    if file is None and oops is not None and oops.function == function:
        file, line = oops.file, oops.source_line
    return Culprit(
        module=module, function=function or None, file=file, line=line, object=blame.object_type, field=blame.field
    )


def who_ignored(blame: Blame) -> Unchecked | None:
    """The call whose result is ignored, where only one function has such calls."""
    return blame.unchecked[0] if len({call.caller for call in blame.unchecked}) == 1 else None


def caller(crash: Crash) -> Culprit:
    """The function that called the one that faulted, by the log; of machinery like memset(), who used it."""
    oops = crash.oops
    if oops is not None and oops.at is not None and oops.function not in (None, oops.at.function.partition(".")[0]):
        return crash.faulting  # machinery is never blamed: this is who called it
    frames = [frame for frame in crash.frames if not frame.inline]
    names = [frame.function for frame in frames]
    place = names.index(oops.function) + 1 if oops and oops.function in names else 0
    if place >= len(frames):
        return crash.faulting
    frame = frames[place]
    return Culprit(
        module=frame.module or None, function=frame.function, file=frame.file or None, line=frame.source_line
    )


def called_from(oops: Oops) -> Culprit:
    """Who called an address that holds no code, where the log's trace names nobody for sure.

    A register that holds the address tells that it was a call through a pointer, and no corrupted stack that was
    returned to. Then the return address is on top of the stack: the trace's first frame, which no unwinder vouches for.
    """
    at = oops.address.value if oops.address is not None else None
    top = next((trace.frames[0] for trace in oops.traces if trace.frames), None)
    called = any(value == at for name, value in oops.registers.items() if name not in ("rip", "cr2", "eip", "pc"))
    if at is None or top is None or not called:
        return Culprit()
    return Culprit(module=top.module or None, function=top.function.partition(".")[0])


def culprit_of(crash: Crash) -> Culprit:
    """By the dump where it tells, else by the log."""
    return blamed(crash, crash.blame) if crash.blame else crash.faulting


def trail(blame: Blame) -> Iterator[Fact]:
    """The steps of the pointer's way as evidence."""
    for step in blame.steps[:6]:
        yield Fact(text=f"{step.function}: {step.text}{'' if step.checked else ' (not checked)'}", address=step.address)


def held(blame: Blame) -> str:
    """What held the bad pointer: `the field desc of struct storage_req`, `the field 0x20 bytes into its object`."""
    if blame.object_type and blame.field:
        return f"the field {blame.field} of {blame.object_type}"
    if blame.field_offset is not None:
        return f"the field {blame.field_offset:#x} bytes into its object, whose type is not known,"
    return ""


def bad_address(crash: Crash) -> Iterator[Fact]:
    """The faulting address and what it says, as a piece of evidence."""
    oops = crash.oops
    if oops is not None and oops.address is not None:
        yield Fact(text=f"address {oops.address.value:#x}: {oops.address.text}", path=oops.path, line=oops.line)


def pointer_evidence(crash: Crash) -> tuple[Fact, ...]:
    """The report, the address, the pointer's way, and what the dump says of the memory that held it."""
    facts = [crash.here(), *bad_address(crash)]
    if crash.blame is not None:
        facts += trail(crash.blame)
        facts += (Fact(text=sentence) for sentence in crash.blame.memory)
    return tuple(facts)


def gone_from_under(crash: Crash) -> list[str]:
    """Modules that were unloaded, where the fault is a hole in the modules' area: the last one first."""
    oops = crash.oops
    if oops is None or oops.kind != "paging-request" or oops.address is None or oops.error_code is None:
        return []
    unmapped = any("no page is mapped" in meaning for meaning in oops.error_code.meaning)
    if not unmapped or "modules' area" not in oops.address.text:
        return []
    return crash.unloaded
