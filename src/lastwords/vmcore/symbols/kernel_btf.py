"""Where the kernel's own BTF is in a dump."""

import struct
from collections.abc import Callable

from .btf import Btf
from .memory import KernelImage, Read

Address = Callable[[str], int | None]

_SIZE_MIN, _SIZE_MAX = 1 << 16, 64 << 20
# The symbols around the section; Linux 5.7 renamed them.
_SECTIONS = (
    ("__start_BTF", "__stop_BTF"),
    ("_binary__btf_vmlinux_bin_start", "_binary__btf_vmlinux_bin_end"),
)


def kernel_btf(read: Read, address: Address, image: KernelImage, order: str = "<") -> Btf | None:
    """The kernel's types, or None if it was built without or they are not in the dump whole.

    Args:
        read: reads the dump's virtual memory.
        address: gives the address of a symbol, or None.
        image: to search where there are no symbols for the section (a kernel without CONFIG_KALLSYMS_ALL has none
            for data).
        order: `<` for little-endian, `>` for big-endian.
    """
    place = _named(address) or _search(image, order)
    if place is None:
        return None
    start, size = place
    try:
        return Btf(read(start, size))
    except Exception:  # drgn's many for memory that is missing, BtfError for what is damaged
        return None


def _named(address: Address) -> tuple[int, int] | None:
    for first, last in _SECTIONS:
        start, end = address(first), address(last)
        if start is not None and end is not None and 0 < end - start <= _SIZE_MAX:
            return start, end - start
    return None


def _search(image: KernelImage, order: str) -> tuple[int, int] | None:
    """The largest piece of the kernel's image that begins like BTF."""
    header = struct.pack(order + "HBBI", 0xEB9F, 1, 0, 24)
    data = image.all()
    found: tuple[int, int] | None = None
    at = data.find(header)
    while 0 <= at <= len(data) - 24:
        _, _, _, length, type_off, type_size, str_off, str_size = struct.unpack_from(order + "HBBIIIII", data, at)
        size = length + max(type_off + type_size, str_off + str_size)
        if _SIZE_MIN < size <= len(data) - at and (found is None or size > found[1]):
            found = image.start + at, size
        at = data.find(header, at + 8)
    return found
