"""Kernel-virtual memory by walking the page tables: x86-64 with 4 or 5 levels, arm64 with any granule.

drgn does this for everything else; here it serves what must work on a dump that drgn does not open. The kernel's own
image is found without page tables, by the constant between its virtual and physical addresses, so that it can be read
where they are lost (`arch/x86/include/asm/pgtable_types.h`, `arch/arm64/include/asm/pgtable-hwdef.h`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .physical import PhysicalMemory, Range, Unreadable
from .vmcoreinfo import Vmcoreinfo

START_KERNEL_MAP = 0xFFFF_FFFF_8000_0000
"""x86-64's __START_KERNEL_map: where the kernel's image is mapped, up to KERNEL_IMAGE_SIZE."""

_ADDRESS_MASK = 0x000F_FFFF_FFFF_F000
_TOP = 1 << 64
_REMEMBERED = 1 << 12


class Unmapped(Exception):
    """A virtual address that no page table entry maps."""

    def __init__(self, address: int) -> None:
        self.address = address
        super().__init__(f"virtual address {address:#x} is not mapped")


@dataclass(frozen=True, slots=True)
class Tables:
    """The shape of an architecture's page tables.

    Attributes:
        root: physical address of the topmost table.
        shifts: bits of a virtual address below each level's index, topmost first; the last is the page shift.
        index_bits: bits of an index below the topmost level; `top_bits` those of the topmost.
        top_bits: see `index_bits`.
        arm64: descriptors are arm64's, else x86-64's.
        ignored: bits of an entry that are not part of the address (AMD's memory encryption bit).
    """

    root: int
    shifts: tuple[int, ...]
    index_bits: int
    top_bits: int
    arm64: bool = False
    ignored: int = 0

    def target(self, entry: int, level: int) -> tuple[int, bool] | None:
        """Where an entry points to, and whether that is memory and not another table. None: to nothing."""
        last = level == len(self.shifts) - 1
        if self.arm64:
            if not entry & 1 or (last and not entry & 2):
                return None
            leaf = last or not entry & 2
            address = entry & ((1 << 48) - 1) & -(1 << self.shifts[-1])
        else:
            # Linux keeps a page whose access is taken away (PROT_NONE) with bit 8; kernel pages have the present bit.
            if not entry & 1:
                return None
            leaf = last or bool(entry & 0x80)
            address = entry & _ADDRESS_MASK & ~self.ignored
        if leaf:
            address &= -(1 << self.shifts[level])
        return address, leaf

    def size_of(self, level: int) -> int:
        """Entries of a table."""
        return 1 << (self.index_bits if level else self.top_bits)


@dataclass(frozen=True, slots=True)
class Mapping:
    """Virtual memory from `start` up to `end`, mapped to physical memory from `physical` on."""

    start: int
    end: int
    physical: int


class KernelMemory:
    """Reads by virtual address, through the kernel's page tables.

    Attributes:
        tables: their shape, or None where VMCOREINFO does not tell.
    """

    def __init__(self, memory: PhysicalMemory, vmcoreinfo: Vmcoreinfo, arch: str, phys_base: int | None = None) -> None:
        """Work out where the kernel's image and its page tables are.

        Args:
            memory: physical memory.
            vmcoreinfo: of the crashed kernel.
            arch: as `uname -m` says it.
            phys_base: x86-64's, from the dump's header, for kernels that don't name it in VMCOREINFO.
        """
        self.memory = memory
        self.arch = arch
        self._pages: dict[int, int] = {}
        self._info = vmcoreinfo
        self._offset = _image_offset(vmcoreinfo, arch, phys_base)
        self.tables = _tables(vmcoreinfo, arch, self._image)

    def _image(self, address: int) -> int | None:
        """Physical address of something in the kernel's image, or None."""
        if self._offset is None:
            return None
        if self.arch == "x86_64" and not START_KERNEL_MAP <= address < START_KERNEL_MAP + self.image_size:
            return None
        if self.arch == "aarch64" and not self._in_arm64_image(address):
            return None
        physical = address + self._offset
        return physical if 0 <= physical < _TOP else None

    @property
    def image_size(self) -> int:
        """x86-64's KERNEL_IMAGE_SIZE: modules begin behind it. Kernels before 4.9 don't tell; KASLR doubles it."""
        return self._info.number("KERNEL_IMAGE_SIZE") or (1 << 30 if self._info.kernel_offset else 1 << 29)

    def modules(self) -> Range | None:
        """Where modules are mapped, or None where that is not known."""
        if self.arch == "x86_64":
            return Range(START_KERNEL_MAP + self.image_size, 0xFFFF_FFFF_FF00_0000)
        start, end = self._info.number("MODULES_VADDR"), self._info.number("MODULES_END")
        return Range(start & _TOP - 1, end & _TOP - 1) if start is not None and end is not None else None

    def is_kernel_address(self, address: int) -> bool:
        """In the upper half, where the kernel's addresses are."""
        return bool(address >> 55 & 1)

    def _in_arm64_image(self, address: int) -> bool:
        text = self._info.symbol("_stext")
        return text is not None and abs(address - text) < 1 << 28

    def read(self, address: int, size: int) -> bytes:
        """Exactly `size` bytes.

        Raises:
            Unmapped: nothing is mapped there.
            Unreadable: the page, or a page table on the way to it, can't be had from the dump.
        """
        pieces: list[bytes] = []
        while size > 0:
            physical, room = self._translated(address)
            piece = self.memory.read(physical, min(size, room))
            pieces.append(piece)
            address += len(piece)
            size -= len(piece)
        return b"".join(pieces)

    def _translated(self, address: int) -> tuple[int, int]:
        """As `translate()`, up to the end of 4 KiB, and remembered."""
        page, within = address & -4096, address & 4095
        physical = self._pages.get(page)
        if physical is None:
            physical = self.translate(page)[0]
            if len(self._pages) >= _REMEMBERED:
                self._pages.clear()
            self._pages[page] = physical
        return physical + within, 4096 - within

    def translate(self, address: int) -> tuple[int, int]:
        """Physical address, and how many bytes from there on are mapped in one piece. Raises as `read()`."""
        physical = self._image(address & _TOP - 1)
        if physical is not None:
            return physical, 0x1000 - address % 0x1000
        return self._walk(address & _TOP - 1)

    def walked(self, address: int) -> int:
        """Physical address by the page tables alone, also for the kernel's image. Raises as `read()`."""
        return self._walk(address & _TOP - 1)[0]

    def _walk(self, address: int) -> tuple[int, int]:
        if self.tables is None:
            raise Unmapped(address)
        table = self.tables.root
        for level, shift in enumerate(self.tables.shifts):
            index = address >> shift & self.tables.size_of(level) - 1
            entry = int.from_bytes(self.memory.read(table + 8 * index, 8), "little")
            target = self.tables.target(entry, level)
            if target is None:
                raise Unmapped(address)
            table, leaf = target
            if leaf:
                within = address & (1 << shift) - 1
                return table + within, (1 << shift) - within
        raise Unmapped(address)

    def mappings(self, start: int, end: int, most_tables: int = 1 << 12, *, pages: bool = True) -> "Walk":
        """What is mapped between two addresses; see `Walk`."""
        return Walk(self, start, end, most_tables, pages)


class Walk:
    """All that is mapped in a region.

    Iterating gives `Mapping`s, ascending; without `pages`, one for each table of pages that is not empty.

    Attributes:
        tables: tables read so far.
        unreadable: the reasons for those that could not be read.
        stopped: there were more tables than the walk was allowed to read.
    """

    def __init__(self, kernel: KernelMemory, start: int, end: int, most_tables: int, pages: bool) -> None:
        self._kernel = kernel
        self._pages = pages
        self._start, self._end = start, end
        self._most = most_tables
        self.tables = 0
        self.unreadable: list[Unreadable] = []
        self.stopped = False

    def __iter__(self) -> Iterator[Mapping]:
        tables = self._kernel.tables
        if tables is None:
            return
        top = tables.shifts[0] + tables.top_bits
        # Kernel addresses: all bits above the topmost index are set.
        yield from self._in_table(tables, tables.root, 0, -(1 << top) & _TOP - 1)

    def _in_table(self, tables: Tables, table: int, level: int, base: int) -> Iterator[Mapping]:
        if self.tables >= self._most:
            self.stopped = True
            return
        self.tables += 1
        shift = tables.shifts[level]
        count = tables.size_of(level)
        try:
            data = self._kernel.memory.read(table, 8 * count)
        except Unreadable as error:
            self.unreadable.append(error)
            return
        if level + 1 == len(tables.shifts) and not self._pages:
            if any(data):
                yield Mapping(base, base + (count << shift), 0)
            return
        entries = memoryview(data).cast("Q")
        first = max((self._start - base) >> shift, 0)
        last = min((self._end - 1 - base) >> shift, count - 1)
        for index in range(first, last + 1):
            entry = int.from_bytes(data[8 * index : 8 * index + 8], "little") if entries[index] else 0
            target = tables.target(entry, level)
            if target is None:
                continue
            address = base + (index << shift)
            if target[1]:
                yield Mapping(address, address + (1 << shift), target[0])
            elif level + 1 < len(tables.shifts):
                yield from self._in_table(tables, target[0], level + 1, address)


def _image_offset(info: Vmcoreinfo, arch: str, phys_base: int | None) -> int | None:
    """What to add to an image address to get the physical one."""
    if arch == "x86_64":
        base = info.number("phys_base")
        base = phys_base if base is None else base
        return None if base is None else base - START_KERNEL_MAP
    if arch == "aarch64":
        offset = info.number("kimage_voffset")
        return None if offset is None else -(offset & _TOP - 1)
    return None


def _tables(info: Vmcoreinfo, arch: str, image: Callable[[int], int | None]) -> Tables | None:
    symbol = info.symbol("swapper_pg_dir") or info.symbol("init_top_pgt") or info.symbol("init_level4_pgt")
    root = None if symbol is None else image(symbol)
    if root is None:
        return None
    if arch == "x86_64":
        shifts = (48, 39, 30, 21, 12) if info.number("pgtable_l5_enabled") else (39, 30, 21, 12)
        return Tables(root & -0x1000, shifts, 9, 9, ignored=info.number("sme_mask") or 0)
    return _arm64_tables(info, root)


def _arm64_tables(info: Vmcoreinfo, root: int) -> Tables | None:
    page_size = info.page_size or 4096
    page_shift = page_size.bit_length() - 1
    t1sz = info.number("TCR_EL1_T1SZ")
    bits = 64 - t1sz if t1sz is not None else info.number("VA_BITS")
    # With 52-bit addresses in hardware of 48 bits, T1SZ tells what is really used.
    if bits is None or not 36 <= bits <= 52 or page_shift not in (12, 14, 16):
        return None
    index_bits = page_shift - 3
    shifts = list(range(page_shift, bits, index_bits))
    return Tables(root, tuple(reversed(shifts)), index_bits, bits - shifts[-1], arm64=True)
