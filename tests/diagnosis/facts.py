"""Facts of made-up crashes, for the rules: as little of each as a rule needs."""

from typing import Any

import msgspec

from lastwords.model import (
    AddressSense,
    Blame,
    BlameStep,
    Boot,
    Cpu,
    ErrorCode,
    Facts,
    Frame,
    HardwareError,
    LinkedModule,
    ListedTask,
    Log,
    Machine,
    Oops,
    Precursor,
    Reboot,
    StackFrame,
    Taint,
    Task,
    Trace,
)

PATH = "crash.log"
FAMILIES = {
    "soft-lockup": "hang",
    "hung-task": "hang",
    "rcu-stall": "hang",
    "machine-check": "hardware",
    "nmi-panic": "hardware",
    "edac-uncorrected": "hardware",
    "ext4-error": "filesystem",
    "medium-error": "storage",
    "sysrq-crash": "panic",
    "panic": "panic",
    "init-killed": "panic",
    "no-root": "boot",
    "kernel-bug": "bug",
    "list-corruption": "bug",
    "sleeping-in-atomic": "bug",
    "warning": "warning",
    "slab-corruption": "memory",
    "out-of-memory": "memory",
    "memcg-out-of-memory": "memory",
    "kasan": "sanitizer",
}


def oops(kind: str, *, function: str | None = "read_ring", module: str | None = "ring", **rest: Any) -> Oops:
    """A report of that kind, in read_ring() of the module ring unless told otherwise."""
    fields: dict[str, Any] = {
        "title": f"{kind} in {function}",
        "message": f"{kind}: something",
        "line": 100,
        "last_line": 150,
        "intact": True,
        "path": PATH,
        "time": 5.0,
        "cpu": 0,
        "pid": 90,
        "comm": "sh",
        "context": "task",
        "release": "6.1.0-56-cloud-amd64",
        "family": FAMILIES.get(kind, "fault"),
        "traces": (trace(function, module),) if function else (),
        "modules": (LinkedModule(name="ring", flags="OE"),),
    }
    return Oops(kind=kind, function=function, module=module, **{**fields, **rest})


def frame(function: str, module: str | None = None, line: int = 110) -> Frame:
    return Frame(function, line, 0x10, 0x80, module or "")


def trace(*names: str | None, title: str = "Call Trace") -> Trace:
    """A trace of these functions, a module behind each: ("f", "mod", "g", None)."""
    pairs = zip(names[::2], names[1::2], strict=True)
    return Trace(title=title, line=109, frames=tuple(frame(function or "", module) for function, module in pairs))


def address(kind: str, value: int = 0x18, text: str = "", offset: int | None = None) -> AddressSense:
    return AddressSense(value=value, kind=kind, text=text or kind, offset=offset)


def error(*meaning: str) -> ErrorCode:
    return ErrorCode(value=0, meaning=meaning)


def sign(text: str, reason: str = "burst", count: int = 10) -> Precursor:
    return Precursor(reason=reason, text=text, count=count, line=90, last_line=99, seconds_before=0.1, why="New.")


def listed(pid: int, *names: str | None, state: str = "D", **rest: Any) -> ListedTask:
    """A task in a list, blocked in the first function of a module, with a trace of these functions."""
    found = trace(*names).frames
    own = next((each for each in found if each.module), found[-1])
    fields: dict[str, Any] = {"seen": 2, "seconds": 10.0, "function": own.function, "module": own.module or None}
    return ListedTask(
        pid=pid, comm=f"task-{pid}", state=state, line=pid, last_line=pid + 5, frames=found, **{**fields, **rest}
    )


def facts(
    *reports: Oops,
    signs: tuple[Precursor, ...] = (),
    machine: Machine | None = None,
    tasks: tuple[ListedTask, ...] = (),
    **boot: Any,
) -> Facts:
    boots = (Boot(number=1, line=1, last_line=200, **boot),)
    log = Log(path=PATH, format="dmesg", lines=200, boots=boots, precursors=signs, listed=tasks)
    return Facts(oopses=reports, logs=(log,), machine=machine)


def machine(**parts: Any) -> Machine:
    return Machine(release="6.1.0-56-cloud-amd64", **parts)


def blame(sense: str, **rest: Any) -> Blame:
    """A pointer trail that ends in read_ring(), each step checked."""
    step = BlameStep(kind="load", function="read_ring", module="ring", address=0xC0DE, text="loaded", checked=True)
    fields: dict[str, Any] = {
        "module": "ring",
        "origin": "read_ring",
        "origin_module": "ring",
        "steps": (step,),
        "confidence": "high",
    }
    return Blame(function="read_ring", address=0xC0DE, sense=sense, **{**fields, **rest})


def task(pid: int, comm: str, state: str, *functions: str) -> Task:
    stack = tuple(StackFrame(function=name, module="ring" if name.startswith("ring_") else None) for name in functions)
    return Task(pid=pid, comm=comm, state=state, stack=stack)


def cpu(number: int, comm: str, *functions: str, **rest: Any) -> Cpu:
    stack = tuple(StackFrame(function=name, module="ring" if name.startswith("ring_") else None) for name in functions)
    return Cpu(number=number, comm=comm, pid=100 + number, stack=stack, **rest)


def taints(letters: str) -> tuple[Taint, ...]:
    return tuple(Taint(letter=letter, bit=0, name=letter, meaning=letter) for letter in letters)


CRASHED = 1732426680.0
GONE = Reboot(
    ending="vanished", path="wtmp", started=CRASHED - 9000, explanation="a watchdog ended it", cause="watchdog"
)


def recorded(kind: Any, severity: Any, after: float, *, zone: bool = True, **rest: Any) -> HardwareError:
    """An error that rasdaemon recorded, so many seconds after the crash."""
    fields = {"source": "rasdaemon", "text": "an error", "path": "ras", **rest}
    return HardwareError(kind=kind, severity=severity, time=CRASHED + after, zone=zone, **fields)


def with_records(known: Facts, **records: Any) -> Facts:
    """The same with what had been recorded, and a boot that ended in this crash."""
    boot = Reboot(ending="crash", path="wtmp", started=CRASHED - 9000, ended=CRASHED)
    return msgspec.structs.replace(known, **{"reboots": (boot,), **records})
