"""Where the kernel's own BTF is in a dump."""

import struct

from .btf import Btf
from .kallsyms import Kallsyms
from .memory import Read, read_available

_SIZE_MAX = 256 << 20
# The symbols around the section; Linux 5.7 renamed them.
_SECTIONS = (
    ("__start_BTF", "__stop_BTF"),
    ("_binary__btf_vmlinux_bin_start", "_binary__btf_vmlinux_bin_end"),
)
# As far as read-only data may be from the start of the text.
_IMAGE = 96 << 20


def kernel_btf(read: Read, kallsyms: Kallsyms | None, stext: int, order: str = "<") -> Btf | None:
    """The kernel's types, or None if it was built without or they are not in the dump whole.

    Args:
        read: reads the dump's virtual memory.
        kallsyms: the kernel's symbols, or None.
        stext: the start of the kernel's text, from which on to search where there are no symbols for the section
            (a kernel without CONFIG_KALLSYMS_ALL has none for data).
        order: `<` for little-endian, `>` for big-endian.
    """
    place = (kallsyms and _named(kallsyms)) or _search(read, stext, order)
    if place is None:
        return None
    start, size = place
    try:
        return Btf(read(start, size))
    except Exception:  # drgn's many for memory that is missing, BtfError for what is damaged
        return None


def _named(kallsyms: Kallsyms) -> tuple[int, int] | None:
    for first, last in _SECTIONS:
        start, end = kallsyms.address(first), kallsyms.address(last)
        if start is not None and end is not None and 0 < end - start <= _SIZE_MAX:
            return start, end - start
    return None


def _search(read: Read, stext: int, order: str) -> tuple[int, int] | None:
    """The largest piece of the kernel's image that begins like BTF."""
    header = struct.pack(order + "HBBI", 0xEB9F, 1, 0, 24)
    image = read_available(read, stext, _IMAGE)
    found: tuple[int, int] | None = None
    at = image.find(header)
    while at >= 0 and at + 24 <= len(image):
        _, _, _, length, type_off, type_size, str_off, str_size = struct.unpack_from(order + "HBBIIIII", image, at)
        size = length + max(type_off + type_size, str_off + str_size)
        if 1 << 16 < size <= len(image) - at and (found is None or size > found[1]):
            found = stext + at, size
        at = image.find(header, at + 8)
    return found
