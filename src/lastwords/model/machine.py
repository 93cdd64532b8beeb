"""The state of a machine, read from its dump."""

from .blame import Blame, Listing
from .block import BlockIo
from .files import Mount, OpenFile
from .interrupts import Interrupts
from .locks import Locks
from .memory import Memory
from .modules import Module, UnloadedModule
from .oops import Struct
from .symbols import Symbols
from .tasks import Cpu, StackGroup, SystemCall, Task


class NetDevice(Struct, frozen=True, kw_only=True):
    """One network device: its `name`, whether it is `up`, its `mac`, its IPv4 `addresses`."""

    name: str
    up: bool
    mac: str | None = None
    addresses: tuple[str, ...] = ()


class Panic(Struct, frozen=True, kw_only=True):
    """Why the kernel gave up.

    Attributes:
        message: what the panic said, behind `Kernel panic - not syncing: `; None where it was dumped from the oops.
        report: how the last report before it began, as `BUG: kernel NULL pointer dereference, address: …`.
        cpu: that crashed, with the task on it (`pid`, `comm`).
    """

    message: str | None = None
    report: str | None = None
    cpu: int | None = None
    pid: int | None = None
    comm: str | None = None


class Part(Struct, frozen=True, kw_only=True):
    """One part of the collection.

    Attributes:
        name: a field of `Machine`, or `identity` for those that tell which kernel it is.
        seconds: how long it took.
        error: why it is missing, or None.
        incomplete: what of it could not be read, or None.
    """

    name: str
    seconds: float
    error: str | None = None
    incomplete: str | None = None


class Machine(Struct, frozen=True, kw_only=True):
    """A machine at the moment of its dump. A part that could not be read is None, and `parts` says why.

    Attributes:
        release: kernel release; `version` the whole banner; `architecture` as `uname -m` prints it.
        build_id: of the kernel, hexadecimal.
        command_line: of the kernel.
        hostname: and `time`, seconds since the epoch, and `uptime`, seconds since boot.
        load: load averages over 1, 5 and 15 minutes.
        taints: letters of the kernel.
        stacks: tasks grouped by equal stacks, the largest group first.
        symbols: where names and types come from, and what that costs.
        blame: where the bad pointer of the crash came from; None where it is none of a bad pointer.
        code: the function that faulted, a few instructions around the fault; None where the crash was no fault.
        system_call: that the task which crashed was in, with its arguments; None where it was in none.
        sysctls: those that decide what happens in a crash, by name.
        read_by: of a running kernel, the PID of the process that read it: nothing stood still meanwhile, so parts may
            disagree. None for a dump.
    """

    release: str
    version: str | None = None
    architecture: str | None = None
    build_id: str | None = None
    command_line: str | None = None
    hostname: str | None = None
    time: float | None = None
    uptime: float | None = None
    load: tuple[float, ...] | None = None
    taints: str | None = None
    panic: Panic | None = None
    cpus: tuple[Cpu, ...] | None = None
    tasks: tuple[Task, ...] | None = None
    stacks: tuple[StackGroup, ...] | None = None
    modules: tuple[Module, ...] | None = None
    unloaded_modules: tuple[UnloadedModule, ...] | None = None
    memory: Memory | None = None
    locks: Locks | None = None
    io: BlockIo | None = None
    interrupts: Interrupts | None = None
    mounts: tuple[Mount, ...] | None = None
    net: tuple[NetDevice, ...] | None = None
    files: tuple[OpenFile, ...] | None = None
    system_call: SystemCall | None = None
    sysctls: dict[str, str] | None = None
    symbols: Symbols | None = None
    blame: Blame | None = None
    code: Listing | None = None
    read_by: int | None = None
    parts: tuple[Part, ...] = ()
