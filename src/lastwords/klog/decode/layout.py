"""Where an address lies in the address space of its architecture.

Sources: `Documentation/arch/x86/x86_64/mm.rst`, `Documentation/arch/arm64/memory.rst`,
`Documentation/arch/riscv/vm-layout.rst`, `arch/powerpc/include/asm/book3s/64/`, `arch/mips/include/asm/addrspace.h`,
`arch/loongarch/include/asm/addrspace.h`.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple


class Region(NamedTuple):
    """A part of the address space: `kind` as in `AddressSense.kind`, and what it is in words."""

    kind: str
    text: str
    sure: bool = True


_NARROW = frozenset(("i386", "arm", "ppc", "m68k", "arc"))
_CR4_LA57 = 1 << 12

# CONFIG_RANDOMIZE_MEMORY moves these, 5-level page tables too.
_X86_64_DEFAULT = (
    (0xFFFF888000000000, 0xFFFFC88000000000, "the direct map of all memory"),
    (0xFFFFC90000000000, 0xFFFFE90000000000, "the vmalloc area, which also holds kernel stacks"),
    (0xFFFFEA0000000000, 0xFFFFEB0000000000, "the array of struct page"),
)
_X86_64 = (
    (0xFFFFFE0000000000, 0xFFFFFE8000000000, "the per-CPU entry area"),
    (0xFFFFFFFF80000000, 0xFFFFFFFFA0000000, "the kernel's own text and data"),
    (0xFFFFFFFFA0000000, 0xFFFFFFFFC0000000, "the kernel's own text and data, or its modules"),
    (0xFFFFFFFFC0000000, 0xFFFFFFFFFF000000, "the modules' area"),
)


def bits(architecture: str, value: int = 0) -> int:
    """Width of a pointer. 32-bit mips and parisc kernels print short addresses."""
    return 32 if architecture in _NARROW or (architecture in ("mips", "parisc") and value < 1 << 32) else 64


def non_canonical(value: int, registers: Mapping[str, int]) -> bool | None:
    """Whether x86-64 refuses an address; None where that depends on 5-level page tables, and CR4 is not known."""
    top = value >> 47
    if top in (0, 0x1FFFF):
        return False
    if value >> 56 not in (0, 0xFF):
        return True
    return None if "cr4" not in registers else not registers["cr4"] & _CR4_LA57


def region(value: int, architecture: str, registers: Mapping[str, int], paging: bool = False) -> Region:
    """What part of the address space an address belongs to.

    Args:
        value: the address.
        architecture: as in `Code.architecture`.
        registers: the report's registers.
        paging: the MMU got as far as the page tables, so that the address can't be non-canonical.
    """
    rule = _RULES.get(architecture)
    return Region("unknown", "an address") if rule is None else rule(value, registers, paging)


def _x86_64(value: int, registers: Mapping[str, int], paging: bool) -> Region:
    refused = non_canonical(value, registers)
    if refused and not paging:
        return Region("non-canonical", "no valid pointer: the bits above its 48th or 57th do not agree")
    if refused is None and not paging:
        return Region("non-canonical", "no valid pointer, unless the kernel has 5-level page tables", sure=False)
    if not value >> 63:
        return Region("user", "an address of user space")
    if value >> 47 != 0x1FFFF:
        return Region("kernel", "an address of the kernel, with 5-level page tables")
    # A stack that lies where the default layout has stacks says that nothing was moved.
    areas = _X86_64 + _X86_64_DEFAULT if registers.get("rsp", 0) >> 40 == 0xFFFFC9 else _X86_64
    text = next((text for low, high, text in areas if low <= value < high), "")
    return Region("kernel", f"an address of the kernel, in {text}" if text else "an address of the kernel")


def _arm64(value: int, registers: Mapping[str, int], paging: bool) -> Region:
    top = value >> 48
    if top == 0xFFFF or top >> 4 == 0xFFF:
        return Region("kernel", "an address of the kernel")
    if top == 0:
        return Region("user", "an address of user space")
    if top & 0xFF == 0xFF:
        return Region("kernel", "an address of the kernel with a tag in its highest byte", sure=False)
    if top & 0xFF == 0:
        return Region("user", "an address of user space with a tag in its highest byte", sure=False)
    if top < 0x10:
        return Region("user", "an address of user space, with 52-bit addresses", sure=False)
    return Region("non-canonical", "no valid pointer: between the ranges of user space and kernel")


def _riscv64(value: int, registers: Mapping[str, int], paging: bool) -> Region:
    if value >> 56 == 0xFF:
        return Region("kernel", "an address of the kernel")
    if value >> 56 == 0:
        return Region("user", "an address of user space")
    return Region("non-canonical", "no valid pointer: the highest bits do not agree")


def _ppc64(value: int, registers: Mapping[str, int], paging: bool) -> Region:
    if value >> 60 == 0xC:
        return Region("kernel", "an address of the kernel")
    if value >> 60 in (0xD, 0xF):
        return Region("kernel", "an address of the kernel's virtual areas", sure=False)
    if value >> 53 == 0:
        return Region("user", "an address of user space")
    return Region("non-canonical", "no valid pointer: neither user space nor a region of the kernel")


def _s390x(value: int, registers: Mapping[str, int], paging: bool) -> Region:
    return Region("unknown", "an address; kernel and user space have the same range on s390", sure=False)


def _mips(value: int, registers: Mapping[str, int], paging: bool) -> Region:
    if value < 1 << 32:
        return (
            Region("kernel", "an address of the kernel") if value >> 31 else Region("user", "an address of user space")
        )
    if value >> 62 == 0:
        return Region("user", "an address of user space")
    return Region("kernel", "an address of the kernel")


def _loongarch64(value: int, registers: Mapping[str, int], paging: bool) -> Region:
    if value >> 63:
        return Region("kernel", "an address of the kernel")
    if value >> 48 == 0:
        return Region("user", "an address of user space")
    return Region("non-canonical", "no valid pointer: neither user space nor a window of the kernel")


def _narrow(pc: str) -> Callable[[int, Mapping[str, int], bool], Region]:
    def rule(value: int, registers: Mapping[str, int], paging: bool) -> Region:
        # CONFIG_VMSPLIT moves the border; the kernel's own text lies above it.
        text = registers.get(pc, 0)
        border = (
            0x80000000
            if 0x80000000 <= text < 0xB0000000
            else 0x40000000
            if 0x40000000 <= text < 0x7F000000
            else 0xC0000000
        )
        if value >= border:
            return Region("kernel", "an address of the kernel")
        if pc == "pc" and value >= border - 0x01000000:
            return Region("kernel", "an address of the kernel's modules")
        return Region("user", "an address of user space")

    return rule


_RULES: dict[str, Callable[[int, Mapping[str, int], bool], Region]] = {
    "x86_64": _x86_64,
    "i386": _narrow("eip"),
    "arm64": _arm64,
    "arm": _narrow("pc"),
    "ppc64": _ppc64,
    "ppc": _narrow("nip"),
    "s390x": _s390x,
    "riscv64": _riscv64,
    "mips": _mips,
    "loongarch64": _loongarch64,
}
