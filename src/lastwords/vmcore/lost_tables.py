"""Memory to which no page table leads any more, found by what the kernel keeps to without them.

Its image and its linear map of all memory stand at a fixed distance from physical memory, and of what is mapped page
by page (stacks, modules, vmalloc) it remembers the pages in struct vm_struct. A dump that was cut off has often lost
just the tables: the kernel takes their pages from the end of memory
(`arch/x86/mm/init.c`, `arch/arm64/mm/mmu.c`, `mm/vmalloc.c`).
"""

from bisect import bisect_right
from collections.abc import Callable
from itertools import islice

import drgn
from drgn.helpers.linux.mm import for_each_vmap_area

from .formats import KernelMemory, OpenDump, Range, Unmapped, Unreadable

_STEP = 1 << 21
_IMAGE_MAX = 128 << 20
_MOST_TABLES = 1 << 11
_MOST_AREAS = 1 << 20
_MOST_SEGMENTS = 1 << 12
_KERNEL_HALF = Range(0xFF00_0000_0000_0000, 1 << 64)
_TOP = 1 << 64
_PAGE_OFFSET = 0xFFFF_8880_0000_0000
"""x86-64's, where it is a constant: with 4 levels and CONFIG_DYNAMIC_MEMORY_LAYOUT=n."""

Translate = Callable[[int], int]
"""Gives the physical address; raises LookupError where there is none."""


def read_image(prog: drgn.Program, dump: OpenDump) -> bool:
    """Have the kernel's image read without page tables, where they don't lead to it. True if that was needed."""
    kernel = dump.kernel
    start = dump.vmcoreinfo.symbol("_stext")
    if kernel is None or start is None or not _image_lost(kernel, start):
        return False
    _add(prog, dump, Range(start & -_STEP, (start & -_STEP) + _IMAGE_MAX), lambda address: kernel.translate(address)[0])
    return True


def _image_lost(kernel: KernelMemory, start: int) -> bool:
    """Whether a table on the way to the image is lost or wrong."""
    try:
        for address in range(start, start + (_STEP << 3), _STEP):
            if kernel.walked(address) != kernel.translate(address)[0]:
                return True
    except Unreadable:
        return True
    except Unmapped as nothing:
        return nothing.address & -_STEP == start & -_STEP  # behind its end nothing is mapped
    return False


def read_rest(prog: drgn.Program, dump: OpenDump) -> tuple[str, ...]:
    """Have the linear map and vmalloc's memory read without page tables, where some of these are lost.

    Call it when names and types are known.

    Returns:
        What that costs: sentences for the report.
    """
    if dump.kernel is None or not _tables_lost(dump.kernel):
        return ()
    linear = _linear_map(prog, dump)
    if linear is None:
        return ("Page tables are lost: what they led to can't be read.",)
    for segment in dump.memory.segments[:_MOST_SEGMENTS]:
        start = segment.start + linear & _TOP - 1
        _add(prog, dump, Range(start, start + segment.size), lambda address: address - linear & _TOP - 1)
    try:
        areas = _Areas(prog)
    except Exception:  # drgn raises what fits: types or areas that are not in the dump
        return ("Page tables are lost: stacks and modules beyond them can't be read.",)
    for place in areas.ranges:
        _add(prog, dump, place, areas.physical)
    return ("Page tables are lost: memory was found without them, by the kernel's own notes of it.",)


def _tables_lost(kernel: KernelMemory) -> bool:
    walk = kernel.mappings(_KERNEL_HALF.start, _KERNEL_HALF.end, _MOST_TABLES, pages=False)
    mapped = sum(1 for _ in walk)
    return bool(walk.unreadable) or not mapped


def _linear_map(prog: drgn.Program, dump: OpenDump) -> int | None:
    """What to add to a physical address, in 64 bits, to get the one in the linear map; None where it is not known."""
    if dump.arch == "x86_64":
        try:
            base: int = prog.read_u64(prog.symbol("page_offset_base").address)
        except LookupError:
            return _PAGE_OFFSET
        except drgn.FaultError:
            return None
        return base
    bits, start = dump.vmcoreinfo.number("VA_BITS"), dump.vmcoreinfo.number("PHYS_OFFSET")
    # Before Linux 5.4 the linear map was the upper half; VMCOREINFO has told TCR_EL1_T1SZ since.
    if dump.arch != "aarch64" or bits is None or start is None or dump.vmcoreinfo.number("TCR_EL1_T1SZ") is None:
        return None
    return -(1 << bits) - start


class _Areas:
    """What vmalloc() has mapped, by the pages that struct vm_struct lists.

    Attributes:
        ranges: the virtual memory of each.
    """

    def __init__(self, prog: drgn.Program) -> None:
        page = prog.type("struct page")
        self._page_size: int = prog["PAGE_SIZE"].value_()
        self._struct_size: int = drgn.sizeof(page)
        self._pages: int = prog["vmemmap"].value_()
        self._prog = prog
        found: dict[int, tuple[int, int, int]] = {}
        for area in islice(for_each_vmap_area(prog), _MOST_AREAS):
            vm = area.vm
            if vm and vm.pages and vm.nr_pages:
                start, count = area.va_start.value_(), vm.nr_pages.value_()
                found[start] = (start + count * self._page_size, vm.pages.value_(), start)
        self._starts = sorted(found)
        self._found = found
        self.ranges = [Range(start, found[start][0]) for start in self._starts]

    def physical(self, address: int) -> int:
        """Of an address in one of the areas."""
        place = bisect_right(self._starts, address) - 1
        end, pages, start = self._found[self._starts[place]]
        if place < 0 or address >= end:
            raise LookupError
        number, within = divmod(address - start, self._page_size)
        page: int = self._prog.read_u64(pages + 8 * number)
        frame = (page - self._pages) // self._struct_size
        return frame * self._page_size + within


def _add(prog: drgn.Program, dump: OpenDump, place: Range, translate: Translate) -> None:
    """Have virtual memory read page by page from the dump's physical memory."""

    def read(address: int, count: int, offset: int, physical: bool) -> bytes:
        pieces: list[bytes] = []
        at, end = address, address + count
        while at < end:
            size = min(end, (at | 0xFFF) + 1) - at
            try:
                pieces.append(dump.memory.read(translate(at), size))
            except (Unreadable, Unmapped) as error:
                raise drgn.FaultError(str(error), at) from None
            except LookupError:
                raise drgn.FaultError("no page table leads there", at) from None
            at += size
        return b"".join(pieces)

    prog.add_memory_segment(place.start, place.size, read)
