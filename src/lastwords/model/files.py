"""Mounts and open files."""

from .oops import Struct


class Mount(Struct, frozen=True, kw_only=True):
    """One mount: `source` on `target`, of file system `kind`, with its `options`."""

    source: str
    target: str
    kind: str
    options: str = ""


class OpenFile(Struct, frozen=True, kw_only=True):
    """One open file of a task: its `fd`, `path` as far as it can be told, `mode` (`r`, `w`, `rw`), `position`."""

    pid: int
    fd: int
    path: str
    mode: str = ""
    position: int | None = None
