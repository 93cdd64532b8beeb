"""Addresses of variables in a kernel without CONFIG_KALLSYMS_ALL, whose kallsyms has functions only.

Debian's arm64 kernels are such. There are three more sources: the symbols that the kernel exports to modules
(`struct kernel_symbol`, include/linux/export.h and kernel/module/internal.h), the places of per-CPU variables
in BTF, and what VMCOREINFO names.
"""

import re
import struct
from collections import Counter

from .btf import Btf
from .btf_format import BtfError, Kind

# Exported on all machines since long before any kernel of interest.
_ANCHOR = b"\0init_task\0"
_PER_CPU_SECTION = ".data..percpu"
# The table stands before the strings, with the checksums of CONFIG_MODVERSIONS between.
_TABLE_BEFORE = 4 << 20
_NAME = re.compile(rb"[A-Za-z_.$][\w.$]{0,511}\0", re.ASCII)
_ENTRIES_MAX = 100_000
_MASK = (1 << 64) - 1
_AGREE = 3


def exported_symbols(image: bytes | bytearray, start: int, order: str = "<") -> dict[str, int]:
    """Address by name of what the kernel exports, functions and variables; empty if the table isn't found.

    Args:
        image: the kernel's image from its text on.
        start: the address of its first byte.
        order: `<` for little-endian, `>` for big-endian.
    """
    at = image.find(_ANCHOR)
    while at >= 0:
        found = _around(image, start, at + 1, order)
        if len(found) > 100:
            return found
        at = image.find(_ANCHOR, at + 1)
    return {}


def _around(image: bytes | bytearray, start: int, name: int, order: str) -> dict[str, int]:
    """The table with an entry for the name at `name`. Its values are relative to their own places (Linux 4.19)."""
    low = max(name - _TABLE_BEFORE, 0) & -4
    words = struct.unpack(f"{order}{(name - low) // 4}i", image[low : low + (name - low) // 4 * 4])
    for i, word in enumerate(words):
        if low + 4 * i + word == name:
            # Linux 5.4 gave the entries a third word, for namespaces.
            for size in (12, 8):
                found = _entries(image, start, low + 4 * i - 4, size, order)
                if len(found) > 100:
                    return found
    return {}


def _entries(image: bytes | bytearray, start: int, entry: int, size: int, order: str) -> dict[str, int]:
    """All entries before and behind one of them."""
    found: dict[str, int] = {}
    for step in (-size, size):
        at = entry
        while 0 <= at <= len(image) - size and len(found) < _ENTRIES_MAX:
            value, name = struct.unpack_from(order + "ii", image, at)
            text = _NAME.match(image, at + 4 + name) if 0 <= at + 4 + name < len(image) else None
            if text is None:
                break
            # Per-CPU variables of x86 before Linux 6.15 are at small numbers, two gigabytes away.
            found[text[0][:-1].decode("ascii")] = start + at + value & _MASK
            at += step
    return found


def per_cpu_symbols(btf: Btf, exported: dict[str, int]) -> dict[str, int]:
    """Address by name of the per-CPU variables.

    BTF has the place of each in its section; where the section is, those that are exported tell.
    """
    places: dict[str, int] = {}
    try:
        for number in btf.numbers(_PER_CPU_SECTION):
            if btf.header(number).kind == Kind.DATASEC:
                places |= {name: offset for kind, offset, _ in btf.variables(number) if (name := btf.name(kind))}
    except BtfError:
        return {}
    starts = Counter(exported[name] - offset for name, offset in places.items() if name in exported)
    if not starts:
        return {}
    start, agree = starts.most_common(1)[0]
    return {name: start + offset for name, offset in places.items()} if agree >= _AGREE else {}
