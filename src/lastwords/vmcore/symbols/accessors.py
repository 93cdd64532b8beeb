"""Addresses of variables out of the code of functions that do little but read them.

For a kernel without CONFIG_KALLSYMS_ALL, as Debian's for arm64. It names its functions all the same, and what a short
one reads is the same in all versions.
"""

import struct
from collections.abc import Callable

import drgn

from .kallsyms import Kallsyms

# The variable, and the function whose only 64-bit variable it is.
_ACCESSORS = {
    "tainted_mask": "get_taint",  # kernel/panic.c
    "saved_command_line": "cmdline_proc_show",  # fs/proc/cmdline.c
}
_FUNCTION_MAX = 256
_MASK = (1 << 64) - 1
_ADRP, _LDR_X, _RET = 0x90000000, 0xF9400000, 0xD65F03C0


def variables_in_code(read: Callable[[int, int], bytes], kallsyms: Kallsyms) -> dict[str, int]:
    """Address by name of those that an arm64 kernel's code tells beyond doubt.

    Args:
        read: gives bytes at a virtual address, and raises where there are none.
        kallsyms: the kernel's functions.
    """
    found = {}
    for variable, function in _ACCESSORS.items():
        start = kallsyms.address(function)
        if start is None:
            continue
        try:
            code = read(start, _FUNCTION_MAX)
        except (drgn.FaultError, ValueError, OSError):  # not in the dump
            continue
        addresses = _read_by(code, start)
        if len(addresses) == 1:
            found[variable] = addresses.pop()
    return found


def _read_by(code: bytes, start: int) -> set[int]:
    """The addresses that code up to its first return reads 64 bits from: `adrp x1, page` and `ldr x0, [x1, #rest]`."""
    pages: dict[int, int] = {}
    found = set()
    for place, (word,) in enumerate(struct.iter_unpack("<I", code[: len(code) & -4])):
        target, base = word & 31, word >> 5 & 31
        if word & 0x9F000000 == _ADRP:
            distance = (word >> 5 & 0x7FFFF) << 2 | word >> 29 & 3
            distance -= (distance & 1 << 20) << 1
            pages[target] = (start + 4 * place & -4096) + (distance << 12) & _MASK
        elif word & 0xFFC00000 == _LDR_X and base in pages:
            found.add(pages[base] + (word >> 10 & 0xFFF) * 8)
            pages.pop(target, None)
        elif word == _RET:
            break
    return found
