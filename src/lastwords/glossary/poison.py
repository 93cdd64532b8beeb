"""Poison: values that the kernel writes into memory so that a wrong use of it shows.

Source: `include/linux/poison.h` where an entry says nothing else. Pointers of poison begin at the architecture's
CONFIG_ILLEGAL_POINTER_VALUE, where nothing can be mapped, or at 0 on 32-bit machines.
"""

from typing import Literal, NamedTuple


class Poison(NamedTuple):
    """One poison value.

    Attributes:
        value: a byte that fills memory, a whole word, or the bytes above CONFIG_ILLEGAL_POINTER_VALUE.
        form: which of the three it is.
        name: its macro.
        meaning: what finding it says.
        state: of the memory that holds it: `freed`, `unlinked` (from a list), `unwritten`, or the empty string.
        source: the kernel file that defines it.
    """

    value: int
    form: Literal["byte", "word", "pointer"]
    name: str
    meaning: str
    state: Literal["freed", "unlinked", "unwritten", ""] = ""
    source: str = "include/linux/poison.h"


_HARDENING = "security/Kconfig.hardening"
BY_HAND = "drivers of all kinds"
"""The `source` of markers that no header defines."""
_STACKLEAK = "include/linux/stackleak.h"

ILLEGAL_POINTERS: dict[str, int] = {
    **dict.fromkeys(("x86_64", "arm64", "s390x", "riscv64", "loongarch64"), 0xDEAD000000000000),
    "ppc64": 0x5DEADBEEF0000000,
}
"""CONFIG_ILLEGAL_POINTER_VALUE of the architectures that have one: 64-bit ones, without mips."""

POISONS: tuple[Poison, ...] = (
    # Bytes
    Poison(0x6B, "byte", "POISON_FREE", "freed slab memory: use after free", "freed"),
    Poison(0x5A, "byte", "POISON_INUSE", "slab memory that was allocated and never written", "unwritten"),
    Poison(0xA5, "byte", "POISON_END", "the last byte of a poisoned slab object"),
    Poison(0xBB, "byte", "SLUB_RED_INACTIVE", "the red zone beside a free slab object"),
    Poison(0xCC, "byte", "SLUB_RED_ACTIVE", "the red zone beside a slab object in use, or POISON_FREE_INITMEM"),
    # Also what Clang's automatic initialization puts into local variables.
    Poison(0xAA, "byte", "PAGE_POISON", "a freed page, or a local variable that was never written", "freed"),
    # GCC's -ftrivial-auto-var-init=pattern
    Poison(0xFE, "byte", "INIT_STACK_ALL_PATTERN", "a local variable that was never written", "unwritten", _HARDENING),
    Poison(0xA7, "byte", "POOL_POISON_FREED", "memory freed to a DMA pool: use after free", "freed"),
    Poison(0xA9, "byte", "POOL_POISON_ALLOCATED", "memory of a DMA pool that was never written", "unwritten"),
    Poison(0x5B, "byte", "JBD_POISON_FREE", "a freed journal head of jbd (ext3)", "freed"),
    Poison(0x5C, "byte", "JBD2_POISON_FREE", "a freed journal head of jbd2 (ext4)", "freed"),
    Poison(0x6C, "byte", "FLEX_ARRAY_FREE", "a freed element of a flex_array (until Linux 5.0)", "freed"),
    Poison(0xBD, "byte", "KEY_DESTROY", "a destroyed key of the key ring", "freed"),
    Poison(0x11, "byte", "MUTEX_DEBUG_INIT", "a waiter of a mutex, just set up (CONFIG_DEBUG_MUTEXES)"),
    Poison(0x22, "byte", "MUTEX_DEBUG_FREE", "a waiter of a mutex that is gone (CONFIG_DEBUG_MUTEXES)", "freed"),
    # Pointers
    Poison(0x100, "pointer", "LIST_POISON1", "`next` of an entry taken off its list", "unlinked"),
    Poison(0x122, "pointer", "LIST_POISON2", "`prev` or `pprev` of an entry taken off its list", "unlinked"),
    # From Linux 4.3 to about 4.20; before, 0x100100 and 0x200200.
    Poison(0x200, "pointer", "LIST_POISON2", "`prev` or `pprev` of an entry taken off its list", "unlinked"),
    Poison(0x100100, "pointer", "LIST_POISON1", "`next` of an entry taken off its list", "unlinked"),
    Poison(0x200200, "pointer", "LIST_POISON2", "`prev` or `pprev` of an entry taken off its list", "unlinked"),
    Poison(0x40, "pointer", "PP_SIGNATURE", "the mark of a page of a page_pool (network receive buffers)"),
    Poison(0xF5, "pointer", "VFS_PTR_POISON", "an inode's pointer after its file system was unmounted", "freed"),
    Poison(0x300, "pointer", "TIMER_ENTRY_STATIC", "a timer that was set up statically"),
    Poison(0x400, "pointer", "TAIL_MAPPING", "`mapping` of a tail page of a compound page"),
    Poison(0x500, "pointer", "MUTEX_POISON_WW_CTX", "the context of a wait/wound mutex that is gone", "freed"),
    Poison(0x800, "pointer", "SKB_LIST_POISON_NEXT", "`next` of a freed socket buffer", "freed"),
    Poison(0x801, "pointer", "NET_PTR_POISON", "a pointer of the network stack that is no longer valid", "freed"),
    Poison(0xEB9F, "pointer", "BPF_PTR_POISON", "a pointer that BPF never fills in"),
    # Words
    Poison(0x09F911029D74E35B, "word", "RED_INACTIVE", "the red zone of a free SLAB object (until Linux 6.7)"),
    Poison(0xD84156C5635688C0, "word", "RED_ACTIVE", "the red zone of a SLAB object in use (until Linux 6.7)"),
    Poison(0xDEAD4EAD, "word", "SPINLOCK_MAGIC", "the mark of a sound spinlock", "", "include/linux/spinlock_types.h"),
    Poison(0xDEAF1EED, "word", "RWLOCK_MAGIC", "the mark of a sound rwlock", "", "include/linux/rwlock_types.h"),
    Poison(0x57AC6E9D, "word", "STACK_END_MAGIC", "the end of a kernel stack", "", "include/uapi/linux/magic.h"),
    Poison(0xFFFFFFFFFFFF4111, "word", "STACKLEAK_POISON", "stack that STACKLEAK wiped", "unwritten", _STACKLEAK),
    Poison(0xDEAD57AC, "word", "NETFILTER_LINK_POISON", "a netfilter hook that was unlinked", "unlinked"),
    Poison(0xDEADBEEF, "word", "DEADBEEF", "dead memory, as many drivers mark it", "", BY_HAND),
    Poison(0xDEADC0DE, "word", "DEADC0DE", "a marker that programmers write by hand", "", BY_HAND),
    Poison(0xBAADF00D, "word", "BAADF00D", "a marker that programmers write by hand", "", BY_HAND),
    Poison(0xFEEDFACE, "word", "FEEDFACE", "a marker that programmers write by hand", "", BY_HAND),
    Poison(0x74737461, "word", "TIMER_ENTRY_STATIC", "a timer that was set up statically (old kernels: `tsta`)"),
)
"""Of `pointer` entries, the first two are what one meets by far the most."""

REACH = 0x1000
"""Bytes from a poison value up to which an address is taken for a field of the object that it stands for."""
_BELOW = 0x800
"""Bytes below a list's poison: `container_of()` goes back from the list head to the object's start."""


class PoisonHit(NamedTuple):
    """A value that is a poison value, or near one.

    Attributes:
        poison: the table's entry.
        base: the poison value in full width.
        offset: bytes from there.
        sure: False where the value is only near.
    """

    poison: Poison
    base: int
    offset: int
    sure: bool


def recognise(value: int, bits: int = 64) -> PoisonHit | None:
    """The poison value that a register or an address holds or was computed from, or None.

    A 32-bit machine's list poison (0x100 and up) looks like a NULL plus an offset; it is not recognised.

    Args:
        value: an unsigned number.
        bits: its width: 64 or 32.

    Example:
        >>> hit = recognise(0xDEAD000000000108)
        >>> hit.poison.name, hit.offset
        ('LIST_POISON1', 8)
    """
    near = _bytes(value, bits) or (_pointer(value) if bits == 64 else _old_list(value))
    return near or next(
        (PoisonHit(p, value, 0, True) for p in POISONS if p.form == "word" and p.value == value and value), None
    )


def _bytes(value: int, bits: int) -> PoisonHit | None:
    """Memory full of one byte, read as a pointer, and fields behind it."""
    for poison in POISONS:
        if poison.form == "byte":
            base = int.from_bytes(bytes([poison.value]) * (bits // 8), "big")
            offset = value - base
            # A pointer read from freed slab memory is common; of the others only small offsets are believable.
            low, high = (-_BELOW, REACH) if poison.name == "POISON_FREE" else (0, 0x200)
            if offset == 0 or (low <= offset < high and poison.state):
                return PoisonHit(poison, base, offset, offset == 0 or bits == 64)
    return None


def _pointer(value: int) -> PoisonHit | None:
    for illegal in set(ILLEGAL_POINTERS.values()):
        above = value - illegal
        if not 0 <= above < 0x400000:
            continue
        pointers = [p for p in POISONS if p.form == "pointer"]
        exact = next((p for p in pointers if p.value == above), None)
        if exact is not None:
            return PoisonHit(exact, value, 0, True)
        near = [p for p in pointers if p.state == "unlinked" and -_BELOW <= above - p.value < REACH]
        if near:
            # A field of the object: at or above the poison more often than below it.
            best = min(near, key=lambda p: (above < p.value, abs(above - p.value)))
            return PoisonHit(best, illegal + best.value, above - best.value, False)
    return None


def _old_list(value: int) -> PoisonHit | None:
    """List poison of 32-bit kernels until Linux 4.2: far enough from NULL to be told from it."""
    for poison in POISONS:
        if poison.form == "pointer" and poison.value > 0x100000 and 0 <= value - poison.value < 0x100:
            return PoisonHit(poison, poison.value, value - poison.value, value == poison.value)
    return None
