r"""VMCOREINFO: the text in which a kernel tells its dump's readers its release, addresses and layouts.

Lines like `OSRELEASE=6.1.0-13-amd64`, `SYMBOL(prb)=ffffffff8261a6a0`, `NUMBER(phys_base)=4194304`
(`kernel/vmcore_info.c`, before 6.9 `kernel/crash_core.c`; `Documentation/admin-guide/kdump/vmcoreinfo.rst`).

Where the dump's header lacks it, or has one that is not true (a hypervisor without its vmcoreinfo device, or one that
makes it up), the kernel's own is in memory: a page that begins with `OSRELEASE=`, and another in which it follows
the head of an ELF note.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from .physical import PhysicalMemory, Range, Unreadable

_START = b"OSRELEASE="
_NOTE_HEAD = 24
"""A note's head with its name, `VMCOREINFO`, padded to 4 bytes."""

_LINE = re.compile(rb"^([A-Za-z][A-Za-z0-9_. -]{0,63}(?:\([A-Za-z0-9_. ]{1,127}\))?)=([^\n]{0,255})$", re.M)
_SYMBOL = re.compile(r"SYMBOL\(([\w.]{1,127})\)", re.ASCII)
_ADDRESS = re.compile(r"[0-9a-fA-F]{1,16}")
_LARGEST = 1 << 14
"""It fits a page on every architecture, but pages may be 64 KiB while the text is not."""

_STEP = 1 << 22


@dataclass(frozen=True)
class Vmcoreinfo:
    """The text, parsed.

    Attributes:
        text: as the kernel wrote it.
    """

    text: bytes

    @cached_property
    def fields(self) -> dict[str, str]:
        """All lines, by what stands left of the equals sign."""
        return {
            name.decode("ascii"): value.decode("utf-8", "replace").strip()
            for name, value in _LINE.findall(self.text.replace(b"\r", b""))
        }

    @property
    def release(self) -> str | None:
        """`uname -r` of the crashed kernel."""
        return self.fields.get("OSRELEASE") or None

    @property
    def build_id(self) -> str | None:
        """In lower-case hexadecimal. Linux 5.9 added it."""
        value = self.fields.get("BUILD-ID", "").lower()
        return value if re.fullmatch("(?:[0-9a-f]{2}){8,32}", value) else None

    @property
    def page_size(self) -> int | None:
        """In bytes."""
        size = self._integer("PAGESIZE", 10)
        return size if size is not None and size in (1 << shift for shift in range(10, 19)) else None

    @property
    def crash_time(self) -> int | None:
        """Seconds since 1970; the kernel adds it when it crashes."""
        return self._integer("CRASHTIME", 10)

    @property
    def kernel_offset(self) -> int | None:
        """What KASLR added to the kernel's addresses."""
        return self._integer("KERNELOFFSET", 16)

    @cached_property
    def symbols(self) -> dict[str, int]:
        """Address by name of all symbols that it tells."""
        named = ((_SYMBOL.fullmatch(name), value) for name, value in self.fields.items())
        return {name[1]: int(value, 16) for name, value in named if name and _ADDRESS.fullmatch(value)}

    def symbol(self, name: str) -> int | None:
        """A symbol's address."""
        return self._integer(f"SYMBOL({name})", 16)

    def number(self, name: str) -> int | None:
        """A constant: decimal, or with `0x`; arm64 writes some in hexadecimal."""
        return self._integer(f"NUMBER({name})", 0)

    def offset(self, member: str) -> int | None:
        """A member's offset, `struct.member`."""
        return self._integer(f"OFFSET({member})", 10)

    @property
    def names_at(self) -> tuple[int, ...]:
        """Where `struct new_utsname` with the kernel's names may be, the likeliest first; none where it does not tell.

        Kernels before 5.11 don't tell the offset: a reference count of 4 bytes stood in front of it.
        """
        namespace, offset = self.symbol("init_uts_ns"), self.offset("uts_namespace.name")
        if namespace is None:
            return ()
        return (namespace + offset,) if offset is not None else (namespace + 4, namespace)

    def struct_size(self, name: str) -> int | None:
        """A struct's size in bytes."""
        return self._integer(f"SIZE({name})", 10)

    def length(self, name: str) -> int | None:
        """An array's length."""
        return self._integer(f"LENGTH({name})", 10)

    @property
    def arch(self) -> str | None:
        """Told from lines that only one architecture writes (`arch/*/kernel/vmcore_info.c`, `machine_kexec.c`)."""
        return next((arch for mark, arch in _ARCHES if mark in self.fields), None)

    def _integer(self, name: str, base: int) -> int | None:
        try:
            value = int(self.fields[name], base)
        except (KeyError, ValueError):
            return None
        return value if -(1 << 63) <= value < 1 << 64 else None


_ARCHES = (
    ("NUMBER(kimage_voffset)", "aarch64"),
    ("NUMBER(pgtable_l5_enabled)", "x86_64"),
    ("SYMBOL(init_top_pgt)", "x86_64"),
    ("SYMBOL(init_level4_pgt)", "x86_64"),
    ("NUMBER(KERNEL_IMAGE_SIZE)", "x86_64"),
    ("NUMBER(va_kernel_pa_offset)", "riscv64"),
    ("NUMBER(satp)", "riscv64"),
    ("SYMBOL(lowcore_ptr)", "s390x"),
    ("CONFIG_X86_PAE", "i686"),
    ("CONFIG_ARM_LPAE", "arm"),
)


def is_vmcoreinfo(text: bytes) -> bool:
    """Whether text is VMCOREINFO and not just a line of it: it names its page size and symbols."""
    return text.startswith(_START) and b"\nPAGESIZE=" in text and b"\nSYMBOL(" in text


Progress = Callable[[int, int], None]


def search(memory: PhysicalMemory, progress: Progress | None = None) -> Iterator[bytes]:
    """Every VMCOREINFO text in memory, in the order of addresses. Unreadable memory is skipped.

    Args:
        memory: of the crashed machine.
        progress: called with the bytes looked at and the bytes there are.
    """
    total = sum(found.size for found in memory.present()) if progress is not None else 0
    done = 0
    for found in memory.present():
        for start in range(found.start, found.end, _STEP):
            end = min(start + _STEP, found.end)
            yield from _in_block(memory, Range(start, end))
            done += end - start
            if progress is not None:
                progress(done, total)


def _in_block(memory: PhysicalMemory, block: Range) -> Iterator[bytes]:
    for address, data in readable(memory, block):
        at = data.find(_START)
        while at >= 0:
            within = (address + at) % memory.page_size
            # A page of 16 or 64 KiB may hold several kernel objects, so look at each 4 KiB.
            if within % 4096 in (0, _NOTE_HEAD):
                text = _text(memory, address + at)
                if is_vmcoreinfo(text):
                    yield text
            at = data.find(_START, at + 1)


def readable(memory: PhysicalMemory, block: Range) -> Iterator[tuple[int, bytes]]:
    """The readable pieces of a block: address and bytes. In one piece where nothing is missing, else by page."""
    try:
        yield block.start, memory.read(block.start, block.size)
        return
    except Unreadable:
        pass
    for address in range(block.start, block.end, memory.page_size):
        try:
            yield address, memory.read(address, min(memory.page_size, block.end - address))
        except Unreadable:
            continue


def _text(memory: PhysicalMemory, address: int) -> bytes:
    """The text from an address up to its NUL."""
    pieces: list[bytes] = []
    at = address
    while at < address + _LARGEST:
        size = 4096 - at % 4096
        try:
            piece = memory.read(at, size)
        except Unreadable:
            break
        text, nul, _ = piece.partition(b"\0")
        pieces.append(text)
        if nul:
            break
        at += size
    return b"".join(pieces)
