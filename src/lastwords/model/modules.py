"""Kernel modules."""

from .oops import Struct


class Module(Struct, frozen=True, kw_only=True):
    """One loaded module (`include/linux/module.h: struct module`).

    Attributes:
        name: its name.
        address: where its text begins.
        size: bytes of its core in memory.
        version: MODULE_VERSION; `srcversion` the checksum of its source.
        taints: its letters (`O`, `E`, `P`, …).
        state: `live`, `coming`, `going` or `unformed`.
        references: its use count; `users` the modules that need it.
        parameters: values by name, as /sys/module/NAME/parameters would show, where they could be read.
        build_id: hexadecimal, or None.
    """

    name: str
    address: int | None = None
    size: int | None = None
    version: str | None = None
    srcversion: str | None = None
    taints: str = ""
    state: str = "live"
    references: int | None = None
    users: tuple[str, ...] = ()
    parameters: dict[str, str] = {}
    build_id: str | None = None


class UnloadedModule(Struct, frozen=True, kw_only=True):
    """A module that tainted the kernel and is gone (`kernel/module/tracking.c`)."""

    name: str
    taints: str = ""
    count: int = 1
