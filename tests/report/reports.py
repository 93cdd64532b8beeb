"""Analyses to make reports of: a real log's with a diagnosis written by hand, a machine of any size, hostile ones."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec

from lastwords.case import analyze
from lastwords.model import (
    Analysis,
    Answer,
    Blame,
    BlameStep,
    BlockIo,
    BrokenRule,
    CodeLine,
    Cpu,
    Culprit,
    Disk,
    DumpCheck,
    Event,
    Evidence,
    Fact,
    Finding,
    FlippedBit,
    HardwareError,
    Interrupts,
    Irq,
    Listing,
    Lock,
    Locks,
    Machine,
    Memory,
    Module,
    NextStep,
    OpenFile,
    Panic,
    Part,
    ProcessMemory,
    Reboot,
    Request,
    Sample,
    SlabCache,
    StackFrame,
    Symbols,
    Task,
    Timer,
    Verdict,
    Waiter,
    Work,
    Zone,
    stack_groups,
)

LOG = "examples/storage_mod.log"
_ROOT = Path(__file__).parents[2]
_TEXT = 0xFFFFFFFFC02F2130
_FAULT = _TEXT + 0x15


@cache
def from_log() -> Analysis:
    """What the example's log alone gives."""
    analysis = analyze((str(_ROOT / LOG),))
    assert analysis.oopses
    return analysis


@cache
def diagnosed() -> Analysis:
    """The same with every part of a diagnosis, contradictions included."""
    found = from_log()
    oops, log = found.oopses[0], found.logs[0]
    burst = log.precursors[0]
    culprit = Culprit(
        module="storage_mod",
        function="storage_mod_write",
        file="storage_mod.c",
        line=112,
        object="struct storage_req",
        field="desc",
        origin="out-of-tree",
        owner="whoever builds the module storage_mod",
    )
    here = Fact(text=oops.message, path=log.path, line=oops.line, quote=True)
    mapping = Fact(text=burst.text, path=log.path, line=burst.line, quote=True)
    return msgspec.structs.replace(
        found,
        verdict=Verdict(
            summary="storage_mod completed a request whose descriptor had never been set: it does not check whether "
            "its DMA mapping worked.",
            crash_class="logic-bug",
            confidence=0.86,
            culprit=culprit,
            reasons=("the pointer is NULL in the dump", "against it: the module's source is not at hand"),
            findings=("null-field",),
        ),
        findings=(
            Finding(
                id="null-field",
                title="storage_mod_complete() used storage_req.desc, which was NULL",
                text="The mapping that should have set it had failed.",
                confidence=0.86,
                weight=0.9,
                crash_class="logic-bug",
                culprit=culprit,
                evidence=(here, mapping, Fact(text="rax is NULL", address=_FAULT)),
            ),
            Finding(
                id="random-corruption",
                title="The pointer may have been overwritten",
                confidence=0.2,
                weight=0.6,
                evidence=(Fact(text="the object's neighbours look whole", address=0xFFFF888004A2B000),),
                contradicts=("null-field", "a-rule-that-said-nothing"),
            ),
            Finding(id="out-of-tree", title="An out-of-tree module", confidence=0.99, weight=0.1, evidence=(here,)),
        ),
        timeline=(
            Event(kind="boot", text="Linux boots", time=0.0, path=log.path, line=1),
            Event(
                kind="sign",
                text=burst.text,
                time=(oops.time or 0) - 6.2,
                until=(oops.time or 0) - 0.1,
                count=burst.count,
                path=log.path,
                line=burst.line,
            ),
            Event(kind="oops", text=oops.title, time=oops.time, path=log.path, line=oops.line),
            Event(kind="panic", text=oops.panic or "", time=oops.time, path=log.path, line=oops.last_line - 2),
            Event(kind="dump", text="the memory was dumped"),
        ),
        panicked=(Answer(text="The fault came in an interrupt.", topic="panic", evidence=(here,)),),
        doing=(
            Answer(text="It happened on CPU 0 in a hardware interrupt.", topic="crash", evidence=(here,)),
            Answer(text="I/O in flight: 2 on stm0.", topic="I/O", evidence=(Fact(text="x", address=_FAULT),)),
        ),
        changed=(Answer(text="storage_mod comes from outside the kernel's tree."),),
        next=(
            NextStep(text="Go back to the version before.", command="modprobe storage_mod", phase="immediate"),
            NextStep(text="Look at the request.", command="lastwords shell vmcore"),
            NextStep(text="Ask whoever builds the module."),
        ),
        broken=(BrokenRule(id="broken-rule", error="division by zero"),),
    )


@cache
def with_machine(tasks: int = 60, cpus: int = 2) -> Analysis:
    """The diagnosed one with a machine of so many tasks, which stand at a few dozen places."""
    symbols = Symbols(source="btf", release="6.1.0-56-cloud-amd64", costs=("no source lines",), commands=("apt ...",))
    dump = DumpCheck(path="vmcore", verdict="whole", summary="all there", format="elf")
    return msgspec.structs.replace(
        diagnosed(),
        machine=_machine(tasks, cpus, symbols),
        dump=dump,
        hardware_errors=(
            HardwareError(source="edac", kind="memory", severity="corrected", text="mc0", path="edac", label="DIMM_A1"),
            HardwareError(source="sel", kind="power", severity="fatal", text="power lost", path="sel", time=1.7e9),
        ),
        samples=(Sample(time=1.7e9, path="sa24", load_1=3.5, memory_available=1 << 30, busiest_disk="sda"),),
        reboots=(Reboot(ending="crash", path="journal", started=1.7e9, ended=1e300, explanation="a dump was taken"),),
        evidence=(Evidence(id="dump/vmcore", kind="dump", state="taken", origin="/var/crash", size=1 << 30),),
    )


def _machine(number: int, cpus: int, symbols: Symbols) -> Machine:
    tasks = tuple(_task(pid) for pid in range(1, number + 1))
    return Machine(
        release="6.1.0-56-cloud-amd64",
        version="Linux version 6.1.0-56-cloud-amd64",
        command_line="console=ttyS0",
        hostname="lab",
        uptime=9.7,
        load=(0.5, 0.2, 0.1),
        panic=Panic(message="Fatal exception in interrupt", cpu=0),
        cpus=tuple(_cpu(each) for each in range(cpus)),
        tasks=tasks,
        stacks=stack_groups(tasks),
        modules=tuple(Module(name=f"mod_{each}", taints="OE" if not each % 40 else "") for each in range(number // 10)),
        memory=Memory(
            total=1 << 34,
            free=1 << 30,
            zones=(Zone(node=0, name="Normal", free=1, minimum=2, low=3, high=4, managed=5, blocks=(1, 2)),),
            slabs=tuple(SlabCache(name=f"kmalloc-{n}", object_size=n, objects=n, total=n, bytes=n) for n in range(300)),
            processes=tuple(ProcessMemory(pid=task.pid, comm=task.comm, resident=1 << 20) for task in tasks),
        ),
        locks=Locks(held=tuple(_lock(each) for each in range(number // 20))),
        io=BlockIo(
            disks=(Disk(name="stm0", size=1 << 30, in_flight=2),),
            requests=tuple(
                Request(device="stm0", operation="write", sector=each * 8, bytes=4096, age=2.0)
                for each in range(number // 20)
            ),
        ),
        interrupts=Interrupts(
            cpus=tuple(range(cpus)),
            irqs=tuple(Irq(number=n, actions=("stm0",), counts=(1,) * cpus, chip="PCI") for n in range(200)),
            timers=(Timer(function="storage_mod_timeout", module="storage_mod", cpu=0, late=2.0),),
            works=(Work(function="wb_workfn", workqueue="writeback"),),
        ),
        files=(OpenFile(pid=109, fd=3, path="/srv/upload.4", mode="w", position=0),),
        sysctls={"kernel.panic_on_oops": "1"},
        symbols=symbols,
        blame=Blame(
            function="storage_mod_complete",
            module="storage_mod",
            address=_FAULT,
            instruction="mov edx, dword ptr [rax + 0x18]",
            register="rax",
            sense="NULL",
            steps=(
                BlameStep(kind="fault", function="storage_mod_complete", address=_FAULT, text="rax was NULL"),
                BlameStep(
                    kind="load",
                    function="storage_mod_complete",
                    address=_TEXT,
                    text="rax came from req->desc",
                    checked=True,
                    file="storage_mod.c",
                    line=88,
                ),
            ),
            alternatives=("it was overwritten",),
            memory=("an object of slab cache kmalloc-64",),
            flipped=(FlippedBit(address=_TEXT, function="storage_mod_complete", byte=0x8B, expected=0x8A),),
            confidence="high",
            text="storage_mod_complete used req->desc, which was NULL.",
        ),
        code=Listing(
            function="storage_mod_complete",
            module="storage_mod",
            address=_TEXT,
            lines=tuple(
                CodeLine(address=_TEXT + n, offset=n, code="8b 50 18", text="mov edx, [rax]", marked=n == 0x15)
                for n in (0, 5, 0x15, 0x18)
            ),
        ),
        parts=(Part(name="net", seconds=0.1, error="not in this kernel"),),
    )


def _task(pid: int) -> Task:
    names = ["__schedule", "schedule", *(f"wait_{pid % 37}_{deep}" for deep in range(pid % 23)), "do_syscall_64"]
    return Task(
        pid=pid,
        comm=f"worker-{pid}",
        state="D" if not pid % 50 else "S",
        tgid=pid,
        cpu=pid % 4,
        waiting=pid * 0.1,
        rss=pid << 12,
        stack=tuple(StackFrame(function=name, address=pid, offset=16) for name in names),
    )


def _cpu(number: int) -> Cpu:
    if number:
        return Cpu(number=number, pid=0, comm="swapper", context="idle")
    return Cpu(
        number=0,
        pid=109,
        comm="dd",
        context="hardirq",
        crashing=True,
        stack=(
            StackFrame(function="delay_tsc", address=0xFFFFFFFF81000033, offset=0x33, interrupted=True),
            StackFrame(function="panic", address=0xFFFFFFFF81000133, offset=0x2E9),
            StackFrame(
                function="storage_mod_complete",
                address=_FAULT,
                offset=0x15,
                module="storage_mod",
                interrupted=True,
                file="storage_mod.c",
                line=88,
                registers={"rax": 0, "rip": _FAULT},
                variables={"req": "(struct storage_req *)0xffff888004a2b000"},
            ),
            *(StackFrame(function="descend", address=0xFFFFFFFF81000777, offset=7) for _ in range(40)),
            StackFrame(function="user", address=0x47B7A0, user=True),
        ),
    )


def _lock(number: int) -> Lock:
    waiters = tuple(Waiter(pid=each, comm=f"waiter-{each}", state="D") for each in range(30))
    return Lock(kind="mutex", address=0xFFFF888000000000 + number, name=f"lock_{number}", owner=1, waiters=waiters)


_FIXED = frozenset(("context", "schema"))
"""Fields whose values code of ours chooses from a few, though their type is a string."""


def with_strings(value: Any, change: Callable[[str], str]) -> Any:
    """A struct with all its strings changed, those of its structs included; what is one of a few words stays."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, tuple):
        return tuple(with_strings(each, change) for each in value)
    if isinstance(value, dict):
        return {with_strings(key, change): with_strings(each, change) for key, each in value.items()}
    if isinstance(value, msgspec.Struct):
        changed = {
            field.name: with_strings(getattr(value, field.name), change)
            for field in msgspec.structs.fields(value)
            if field.name not in _FIXED and not _one_of_a_few(field.type)
        }
        return msgspec.structs.replace(value, **changed)
    return value


def _one_of_a_few(kind: Any) -> bool:
    return get_origin(kind) is Literal or any(get_origin(each) is Literal for each in get_args(kind))
