"""The child that reads a dump, started when a command begins: it loads drgn while the command loads the rest.

Light on purpose: what this file imports is waited for.
"""

import os
import stat
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from pathlib import Path

from .child import started_ahead

_IMPORTS = ("lastwords.vmcore.program", "lastwords.vmcore.machine")
_KDUMP = (b"KDUMP   ", b"makedumpfile\0")
"""How kdump-compressed and flattened dumps begin: makedumpfile's diskdump_mod.h and makedumpfile.h."""
_CORE = (b"\x04\x00", b"\x00\x04")
"""ELF's e_type ET_CORE in both orders of bytes: elf.h."""
_LOOKED_AT = 50


def reading_ahead(paths: Sequence[str]) -> AbstractContextManager[None]:
    """Start the child of `session.reading_dump()` where the paths look like a dump; it ends unused if they are none.

    Args:
        paths: files, and directories, where only files directly in them are looked at.
    """
    if any(_promises_a_dump(path) for path in paths):
        return started_ahead("lastwords.vmcore.answers:machine", _IMPORTS)
    return nullcontext()


def _promises_a_dump(path: str) -> bool:
    try:
        if Path(path).is_dir():
            with os.scandir(path) as entries:
                return any(_begins_as_a_dump(entry.path) for entry in islice(entries, _LOOKED_AT))
        return _begins_as_a_dump(path)
    except (OSError, ValueError):
        return False


def _begins_as_a_dump(path: str) -> bool:
    if not stat.S_ISREG(Path(path).stat().st_mode):
        return False
    with Path(path).open("rb") as file:
        head = file.read(18)
    return head.startswith(_KDUMP) or (head.startswith(b"\x7fELF") and head[16:18] in _CORE)
