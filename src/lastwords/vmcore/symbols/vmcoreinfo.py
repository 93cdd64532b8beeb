"""VMCOREINFO: the lines of text with which a kernel describes itself to those who read its memory.

kernel/crash_core.c (kernel/vmcore_info.c since Linux 6.9) writes it; Documentation/admin-guide/kdump/vmcoreinfo.rst
describes it.
"""

import re
from typing import NamedTuple

_SYMBOL = re.compile(r"SYMBOL\(([\w.]{1,128})\)=([0-9a-fA-F]{1,16})", re.ASCII)
_SIZE_MAX = 1 << 20


class Vmcoreinfo(NamedTuple):
    """What is used of it here.

    Attributes:
        release: kernel release, empty if it is missing.
        build_id: of the kernel, which it tells since Linux 5.9, else None.
        symbols: address by name.
    """

    release: str
    build_id: bytes | None
    symbols: dict[str, int]


def parse_vmcoreinfo(text: bytes) -> Vmcoreinfo:
    """Read the lines that are well-formed and pass over the others."""
    release, build_id, symbols = "", None, {}
    for line in text[:_SIZE_MAX].decode("ascii", "replace").splitlines():
        name, _, value = line.partition("=")
        if name == "OSRELEASE":
            release = value
        elif name == "BUILD-ID" and re.fullmatch(r"(?:[0-9a-f]{2}){8,64}", value):
            build_id = bytes.fromhex(value)
        elif match := _SYMBOL.fullmatch(line):
            symbols[match[1]] = int(match[2], 16)
    return Vmcoreinfo(release, build_id, symbols)
