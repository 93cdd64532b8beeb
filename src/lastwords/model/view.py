"""What one view of a dump gives as JSON: `lastwords bt`, `ps`, `mod`, `locks`, `mem` and so on."""

from .block import BlockIo
from .files import OpenFile
from .interrupts import Interrupts
from .locks import Locks
from .machine import Panic, Part
from .memory import Memory
from .modules import Module, UnloadedModule
from .oops import Struct
from .record import Record
from .symbols import Symbols
from .tasks import Cpu, StackGroup, Task

VIEW_SCHEMA = "lastwords.view/1"
"""Name and version of the JSON document. The number changes when a field goes or changes its meaning."""


class View(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A view; only what it shows is there.

    Attributes:
        schema: `VIEW_SCHEMA`.
        dump: the file.
        release: of the kernel; `symbols` where its names come from.
        parts: how long each part took, and what of it is missing.
        missing: why the log or the files are not whole.
    """

    schema: str
    dump: str
    release: str
    symbols: Symbols
    parts: tuple[Part, ...] = ()
    panic: Panic | None = None
    cpus: tuple[Cpu, ...] | None = None
    tasks: tuple[Task, ...] | None = None
    stacks: tuple[StackGroup, ...] | None = None
    modules: tuple[Module, ...] | None = None
    unloaded_modules: tuple[UnloadedModule, ...] | None = None
    files: tuple[OpenFile, ...] | None = None
    memory: Memory | None = None
    locks: Locks | None = None
    io: BlockIo | None = None
    interrupts: Interrupts | None = None
    log: tuple[Record, ...] | None = None
    missing: str | None = None
