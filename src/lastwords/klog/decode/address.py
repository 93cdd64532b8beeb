"""What a faulting address says about the bug.

The rules are tried in order, and the first that knows something counts. Where the memory operand has been worked out,
they look at the pointer that the code used, not at the sum of pointer and offset: 4 may be ERR_PTR(-12) + 0x10.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from lastwords.glossary.errno import BY_NUMBER, MAX_ERRNO
from lastwords.model import AddressSense, MemoryOperand

from . import layout, poison

_PAGE = 4096
_LOWEST_USER = 0x10000
"""Where programs may have memory at the earliest (vm.mmap_min_addr): what lies below is no address of theirs either."""
_MEMBER = 0x100000
"""No structure has members further from its beginning than this."""


class Fault(NamedTuple):
    """An address that the kernel could not use, and what is known around it.

    Attributes:
        value: the address.
        architecture: as in `Code.architecture`.
        registers: the report's registers.
        operand: the faulting instruction's memory operand, or None.
        paging: the MMU looked the address up in the page tables.
        kasan: the kernel is built with KASAN.
        original: first and last address that KASAN says the code wanted to check, or None.
        big_endian: byte order of the machine.
        page_only: the lower 12 bits of the address are not known (s390).
        fetch: the CPU wanted to execute what lies there.
    """

    value: int
    architecture: str
    registers: Mapping[str, int] = {}
    operand: MemoryOperand | None = None
    paging: bool = False
    kasan: bool = False
    original: tuple[int, int] | None = None
    big_endian: bool = False
    page_only: bool = False
    fetch: bool = False

    @property
    def pointer(self) -> int | None:
        """The base register's value, where the operand explains the address."""
        operand = self.operand
        if operand is None or self.page_only or self.fetch or not (operand.agrees or operand.address == self.value):
            return None
        return operand.base_value

    @property
    def bits(self) -> int:
        """Width of a pointer."""
        return layout.bits(self.architecture, self.value)

    def signed(self, value: int) -> int:
        """A difference of addresses, negative where it goes down."""
        half = 1 << (self.bits - 1)
        return (value + half) % (2 * half) - half


def sense(fault: Fault) -> AddressSense:
    """What the address says.

    Args:
        fault: the address and what is known around it.
    """
    for rule in _RULES:
        found = rule(fault)
        if found is not None:
            return found
    return _region(fault)


def _plus(offset: int) -> str:
    return f" + {offset:#x}" if offset > 0 else f" - {-offset:#x}" if offset < 0 else ""


# KASAN. The compiler looks a pointer's shadow byte up before each access: a wild pointer faults there, at
# (pointer >> 3) + KASAN_SHADOW_OFFSET (`mm/kasan/report.c: kasan_non_canonical_hook()`).

_X86_64_SHADOW_OFFSET = 0xDFFFFC0000000000
_X86_64_SHADOW = (0xFFFFEC0000000000, 0xFFFFFC0000000000)


def _kasan_shadow(fault: Fault) -> AddressSense | None:
    told = fault.original
    if told is None:
        if fault.architecture != "x86_64" or not _in_shadow(fault):
            return None
        first = (fault.value - _X86_64_SHADOW_OFFSET << 3) % (1 << 64)
    else:
        first = told[0]
    inner = sense(Fault(first, fault.architecture, fault.registers, big_endian=fault.big_endian))
    return AddressSense(
        value=fault.value,
        kind="kasan-shadow",
        text=f"the place in KASAN's shadow where the check of an access to {first:#x} looks: {inner.text}",
        offset=inner.offset,
        # The kernel itself says "probably" and "maybe" of all but NULL.
        sure=inner.sure and inner.kind == "null",
    )


def _in_shadow(fault: Fault) -> bool:
    value, offset = fault.value, _X86_64_SHADOW_OFFSET
    inline = offset in fault.registers.values()  # the compiler keeps it in a register for the checks
    if not (fault.kasan or inline):
        return False
    low, high = _X86_64_SHADOW
    if low <= value < high:
        return True
    # Of other addresses it is the shadow only if no pointer would be so wrong: of NULL and of user space.
    return offset <= value < offset + (1 << 44) or (inline and offset <= value < 0xFFFF800000000000)


# Error numbers that were taken for pointers


def _errno(number: int) -> str:
    return BY_NUMBER[number].name if number in BY_NUMBER else ""


def _err_ptr(fault: Fault) -> AddressSense | None:
    top = 1 << fault.bits
    pointer = fault.pointer
    if pointer is not None:
        number = top - pointer
        if not 0 < number <= MAX_ERRNO:
            return None
        offset = fault.signed(fault.value - pointer)
        # -1 is also what a field of all ones holds.
        return _error(fault, number, offset, sure=number > 1 and _is_pointer(fault))
    number = top - fault.value
    if not 0 < number <= MAX_ERRNO or fault.page_only:
        return None
    name = _errno(number)
    if (held := _error_below(fault)) is not None:
        register, number = held
        return AddressSense(
            value=fault.value,
            kind="err-ptr",
            text=f"ERR_PTR(-{number}), -{_errno(number)},{_plus(fault.value - top + number)}, which {register} holds: an error"
            " number was taken for a pointer; or another error number, or NULL with a negative offset",
            sure=False,
        )
    return AddressSense(
        value=fault.value,
        kind="err-ptr",
        text=f"{'the kernel jumped to ' if fault.fetch else ''}an error number taken for a pointer, ERR_PTR(-{number}){f' = -{name}' if name else ''} or another with an"
        f" offset; or NULL - {number:#x}",
        sure=False,
    )


def _error_below(fault: Fault) -> tuple[str, int] | None:
    """The only register that holds an error number from which the address is a member's offset away, and the number."""
    top = 1 << fault.bits
    held = {
        top - value: register
        for register, value in fault.registers.items()
        if value < fault.value < value + _PAGE and 1 < top - value <= MAX_ERRNO and _errno(top - value)
    }
    return next(((register, number) for number, register in held.items()), None) if len(held) == 1 else None


def _is_pointer(fault: Fault) -> bool:
    """The base register alone makes the address, so that it is the pointer and not an index."""
    operand = fault.operand
    return operand is not None and "*" not in operand.expression and operand.expression.count("(") == 1


def _error(fault: Fault, number: int, offset: int, *, sure: bool) -> AddressSense:
    name = _errno(number)
    return AddressSense(
        value=fault.value,
        kind="err-ptr",
        text=f"ERR_PTR(-{number}){f', -{name}' if name else ''}{',' if name and offset else ''}{_plus(offset)}: an error number was used as a"
        " pointer,"
        " a check with IS_ERR() is missing",
        offset=offset,
        sure=sure,
    )


# NULL


def _null(fault: Fault) -> AddressSense | None:
    pointer, value = fault.pointer, fault.value
    if fault.fetch and value < _PAGE:
        return _jumped(fault)
    if pointer == 0 and abs(offset := fault.signed(value)) < _MEMBER:
        return _null_and(fault, offset, sure=_is_pointer(fault))
    if pointer is not None and 0 < pointer < _PAGE <= value < pointer + _MEMBER:
        return _small_number(fault, pointer)
    if value >= (_LOWEST_USER if pointer is None and not fault.fetch and not fault.page_only else _PAGE):
        return None
    if fault.page_only:
        return AddressSense(value=value, kind="null", text="NULL, or NULL with an offset below 0x1000", offset=None)
    if pointer and (marker := poison.small_poison(pointer, fault.architecture)) is not None:
        return _poisoned(fault, marker)
    if pointer is None and (number := _held_error(fault)) is not None:
        return AddressSense(
            value=value,
            kind="null-offset",
            text=f"NULL{_plus(value)}, or ERR_PTR(-{number}){_plus(value + number)}: a register holds that error number",
            offset=value,
            sure=False,
        )
    return _null_and(fault, value, sure=False)


def _small_number(fault: Fault, pointer: int) -> AddressSense:
    return AddressSense(
        value=fault.value,
        kind="null-offset",
        text=f"{pointer:#x}{_plus(fault.value - pointer)}: a small number, or NULL with an offset, was used as a pointer",
        offset=fault.value,
        sure=False,
    )


def _jumped(fault: Fault) -> AddressSense:
    if not fault.value:
        return AddressSense(value=0, kind="null", text="NULL: a call through a NULL function pointer", offset=0)
    return AddressSense(
        value=fault.value,
        kind="null-offset",
        text=f"{fault.value:#x}: the kernel jumped there; a function pointer, or a return address on the stack, was overwritten",
        offset=fault.value,
        sure=False,
    )


def _null_and(fault: Fault, offset: int, *, sure: bool) -> AddressSense:
    if not offset:
        return AddressSense(value=fault.value, kind="null", text="NULL", offset=0)
    where = "a member of a structure" if offset > 0 else "the structure around a member"
    if not sure:
        where = "most likely " + where
    marker = poison.small_poison(fault.value, fault.architecture) if fault.pointer is None else None
    return AddressSense(
        value=fault.value,
        kind="null-offset",
        text=f"NULL{_plus(offset)}: {where} whose pointer is NULL" + (f"; or {marker.name}" if marker else ""),
        offset=offset,
        sure=sure and marker is None,
    )


def _held_error(fault: Fault) -> int | None:
    top = 1 << fault.bits
    for held in fault.registers.values():
        number = top - held
        # -1 is common in registers, and says nothing.
        if 1 < number <= MAX_ERRNO and _errno(number):
            return number
    return None


# Poison


def _poison(fault: Fault) -> AddressSense | None:
    for value in (fault.pointer, fault.value):
        if value is not None and (marker := poison.poison(value, fault.architecture)) is not None:
            return _poisoned(fault, marker)
    return None


def _poisoned(fault: Fault, marker: poison.Poison) -> AddressSense:
    offset = fault.signed(fault.value - marker.value)
    return AddressSense(
        value=fault.value,
        kind="poison",
        text=f"{marker.name}{_plus(offset)}: {marker.meaning}",
        offset=offset,
        sure=marker.sure,
    )


# Text that was taken for a pointer

_PRINTABLE = re.compile(rb"[\x20-\x7e]{4,8}\0{0,3}\Z")
_TELLING = re.compile(rb"[A-Za-z0-9_./:-]")


def _ascii(fault: Fault) -> AddressSense | None:
    width = fault.bits // 8
    for value in (fault.pointer, fault.value):
        if value is None:
            continue
        memory = (value % (1 << fault.bits)).to_bytes(width, "big" if fault.big_endian else "little")
        if _PRINTABLE.match(memory) is None:
            continue
        text = memory.rstrip(b"\0")
        # Of a 64-bit value six bytes must be text, and nearly all of them letters: addresses have random bytes too.
        if len(text) >= (6 if width == 8 else 4) and len(_TELLING.findall(text)) >= len(text) - 1:
            return AddressSense(
                value=fault.value,
                kind="ascii",
                text=f"the bytes of the text {text.decode('ascii')!r}: a string lies where a pointer belongs",
                offset=fault.signed(fault.value - value),
                sure=False,
            )
    return None


# One bit


def _one_bit_off(fault: Fault) -> AddressSense | None:
    if fault.bits == 32:
        return None
    bad = fault.pointer if fault.pointer is not None else fault.value
    place = layout.region(bad, fault.architecture, fault.registers, False)
    if place.kind != "non-canonical":
        return None
    held = next((r for r, v in fault.registers.items() if (bad ^ v).bit_count() == 1 and _kernel(fault, v)), None)
    if held is not None:
        bit = (bad ^ fault.registers[held]).bit_length() - 1
        return _flipped(fault, bit, f"the value of {held}, {fault.registers[held]:#x}")
    # A pointer of the kernel begins with sixteen ones or more, on x86-64 seventeen.
    ones = 0xFFFF8 if fault.architecture == "x86_64" else 0xFFFF0 if fault.architecture == "arm64" else 0
    wrong = (bad >> 44 & ones) ^ ones
    if ones and wrong.bit_count() == 1 and bad >> 16 & 0xFFFFFFFF:
        bit = wrong.bit_length() - 1 + 44
        return _flipped(fault, bit, f"{bad ^ 1 << bit:#x}, an address of the kernel")
    return None


def _kernel(fault: Fault, value: int) -> bool:
    return layout.region(value, fault.architecture, fault.registers).kind == "kernel"


def _flipped(fault: Fault, bit: int, what: str) -> AddressSense:
    return AddressSense(
        value=fault.value,
        kind="one-bit-off",
        text=f"no valid pointer, but with bit {bit} flipped it is {what}: bad memory, or a bit operation on a wrong word",
        sure=False,
    )


def _region(fault: Fault) -> AddressSense:
    place = layout.region(fault.value, fault.architecture, fault.registers, fault.paging)
    text = f"the kernel jumped to {place.text}" if fault.fetch else place.text
    return AddressSense(value=fault.value, kind=place.kind, text=text, sure=place.sure)


_RULES: tuple[Callable[[Fault], AddressSense | None], ...] = (
    _kasan_shadow,
    _err_ptr,
    _null,
    _poison,
    _ascii,
    _one_bit_off,
)
