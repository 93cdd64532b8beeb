"""The kernel's own symbol table, read from a dump."""

import struct
from array import array
from bisect import bisect_right
from collections.abc import Iterator

import drgn
from drgn import SymbolBinding, SymbolKind

from .kallsyms_tables import COUNT_MAX, LETTERS, Tables, name_places
from .memory import Read, read_available

# Symbols are as long as the way to the next one; a longer way is a gap between sections.
_SIZE_MAX = 16 << 20
_NAMES_MAX = 64 << 20
_OFFSET_MAX = 1 << 31
# What tables made by an attacker may expand to; those of a large kernel come to 10 MB.
_TOKEN_MAX, _TEXT_MAX = 512, 256 << 20
_CHUNK = 1024
_NO_STEXT = "kallsyms has another address for _stext than VMCOREINFO"

_KINDS = {"t": SymbolKind.FUNC, "w": SymbolKind.FUNC, "v": SymbolKind.OBJECT} | dict.fromkeys(
    "abcdgrs", SymbolKind.OBJECT
)
_WEAK = frozenset("vVwW")
_DATA = str.maketrans("tT", "dD")
# Labels inside of functions (SYM_INNER_LABEL in arch/x86) which kallsyms can't tell from
# functions; a vmlinux can, by their size of 0. An address behind one is named after the function, as it is there.
_INNER_LABELS = frozenset(
    (
        # entry_64.S, entry_64_compat.S
        "entry_SYSCALL_64_after_hwframe",
        "entry_SYSCALL_64_safe_stack",
        "entry_SYSRETQ_unsafe_stack",
        "entry_SYSRETQ_end",
        "syscall_return_via_sysret",
        "entry_SYSCALL_compat_after_hwframe",
        "entry_SYSCALL_compat_safe_stack",
        "entry_SYSRETL_compat_unsafe_stack",
        "entry_SYSRETL_compat_end",
        "entry_SYSENTER_compat_after_hwframe",
        "sysret32_from_system_call",
        "early_xen_iret_patch",
        "native_irq_return_iret",
        "restore_regs_and_return_to_kernel",
        "first_nmi",
        "repeat_nmi",
        "end_repeat_nmi",
        "nested_nmi",
        "nested_nmi_out",
        "nmi_no_fsgsbase",
        "nmi_restore",
        "nmi_swapgs",
        # head_64.S
        "secondary_startup_64_no_verify",
        "common_startup_64",
        # ftrace_64.S
        "ftrace_call",
        "ftrace_caller_op_ptr",
        "ftrace_caller_end",
        "ftrace_regs_call",
        "ftrace_regs_caller_op_ptr",
        "ftrace_regs_caller_jmp",
        "ftrace_regs_caller_end",
        # putuser.S
        "__put_user_nocheck_1",
        "__put_user_nocheck_2",
        "__put_user_nocheck_4",
        "__put_user_nocheck_8",
    )
)


POSITION_INDEPENDENT = "__pi_"
"""In front of a second name, by which code that runs before the kernel is at its address calls a function.

On arm64, and on x86-64 in newer kernels (7.3; not in 6.12). It may stand before the first name: as of
__x86_indirect_thunk_rax.
"""


class KallsymsError(ValueError):
    """The tables can't be read, or contradict themselves."""


class Kallsyms:
    """Symbols by name and by address.

    Attributes:
        addresses: of each symbol, ascending.
        types: of each symbol the letter that nm has for it.
        names: of each symbol.
        located: the first symbol whose address is one. Those before it are offsets into the per-CPU areas.
    """

    def __init__(self, addresses: list[int], types: str, names: list[str], located: int = 0) -> None:
        """The lists go side by side. They are sorted if they aren't yet."""
        self.located = located
        self._set(addresses, types, names)

    def _set(self, addresses: list[int], types: str, names: list[str]) -> None:
        if addresses != sorted(addresses):
            order = sorted(range(len(addresses)), key=addresses.__getitem__)
            addresses = [addresses[i] for i in order]
            types = "".join(types[i] for i in order)
            names = [names[i] for i in order]
        self.addresses = array("Q", addresses)
        self.names = names
        # The first of several with one name wins, as in the kernel: so fill from the end.
        self._by_name = dict(zip(reversed(names), range(len(names) - 1, -1, -1), strict=True))
        self.types = self._data_is_no_text(types)

    def _data_is_no_text(self, types: str) -> str:
        """Linux 6.14 put relocate_kernel()'s code into .data of x86-64: nm calls all of a section with code text."""
        start, end = (self._by_name.get(name) for name in ("_sdata", "_edata"))
        if start is None or end is None:
            return types
        return types[:start] + types[start:end].translate(_DATA) + types[end:]

    def add(self, variables: dict[str, int]) -> None:
        """Take in variables from elsewhere, those aside that have a symbol already."""
        new = {name: address for name, address in variables.items() if name not in self._by_name}
        # A per-CPU variable of x86 is at an offset, and offsets come first.
        self.located += sum(address < _OFFSET_MAX for address in new.values())
        self._set([*self.addresses, *new.values()], self.types + "D" * len(new), [*self.names, *new])

    def __len__(self) -> int:
        return len(self.addresses)

    def address(self, name: str) -> int | None:
        """The address of the first symbol called `name`."""
        place = self._by_name.get(name)
        return None if place is None else self.addresses[place]

    def size(self, place: int) -> int:
        """How far it is to the next address, 0 where that is too far for one symbol."""
        address = self.addresses[place]
        following = bisect_right(self.addresses, address, place)
        while following < len(self.names) and self.names[following] in _INNER_LABELS:
            following += 1
        size = self.addresses[following] - address if following < len(self.addresses) else 0
        return size if size <= _SIZE_MAX else 0

    def places(self, address: int) -> Iterator[int]:
        """The symbols that contain an address, the one that the kernel would name first."""
        end = bisect_right(self.addresses, address)
        first = end - 1
        while first > self.located and self.names[first] in _INNER_LABELS:
            first -= 1
        if first < self.located:
            return
        start = self.addresses[first]
        while first > self.located and self.addresses[first - 1] == start:
            first -= 1
        if address < start + max(self.size(first), 1):
            found = (place for place in range(first, end) if self.names[place] not in _INNER_LABELS)
            yield from sorted(found, key=lambda place: self.names[place].startswith(POSITION_INDEPENDENT))

    def symbol(self, place: int) -> drgn.Symbol:
        """A symbol as drgn has it."""
        letter = self.types[place]
        binding = SymbolBinding.LOCAL
        if letter in _WEAK:
            binding = SymbolBinding.WEAK
        elif letter.isupper():
            binding = SymbolBinding.GLOBAL
        kind = _KINDS.get(letter.lower(), SymbolKind.UNKNOWN)
        return drgn.Symbol(self.names[place], self.addresses[place], self.size(place), binding, kind)

    def find(self, prog: drgn.Program, name: str | None, address: int | None, one: bool) -> list[drgn.Symbol]:
        """Drgn's callback for symbols."""
        if address is not None:
            found: Iterator[int] = self.places(address)
            if name is not None:
                found = (place for place in found if self.names[place] == name)
        elif name is None:
            found = iter(range(len(self)))
        elif name not in self._by_name:
            return []
        elif one:
            found = iter((self._by_name[name],))
        else:
            found = (place for place, known in enumerate(self.names) if known == name)
        symbols = (self.symbol(place) for place in found)
        return [symbol for symbol in (next(symbols, None),) if symbol] if one else list(symbols)


def read_kallsyms(read: Read, tables: Tables, stext: int, word: int = 8, order: str = "<") -> Kallsyms:
    """Read the symbols that `tables` lead to.

    Args:
        read: reads the dump's virtual memory.
        tables: where the tables are.
        stext: the address of `_stext` as VMCOREINFO has it, which tells how addresses are written.
        word: the size of a pointer.
        order: `<` for little-endian, `>` for big-endian.

    Raises:
        KallsymsError: the tables are missing from the dump, or don't fit together.
    """
    (count,) = struct.unpack(order + "I", _exactly(read, tables.number, 4))
    if order == ">" and word == 8 and count == 0:
        # Before Linux 4.20 the number was as wide as a pointer.
        (count,) = struct.unpack(order + "I", _exactly(read, tables.number + 4, 4))
    if tables.relative_base and abs(_base(read, tables, word, order) - stext) >= 1 << 32:
        raise KallsymsError(_NO_STEXT)
    texts = _names(read, tables, count, order)
    names = [text[1:] for text in texts]
    try:
        known = names.index("_stext")
    except ValueError:
        raise KallsymsError("kallsyms without _stext") from None
    addresses, located = _addresses(read, tables, len(names), known, stext, word, order)
    return Kallsyms(addresses, "".join(text[:1] or "?" for text in texts), names, located)


def _exactly(read: Read, address: int, size: int) -> bytes:
    try:
        return read(address, size)
    except Exception as error:
        raise KallsymsError(f"kallsyms are not in the dump: {error}") from None


def _names(read: Read, tables: Tables, count: int, order: str) -> list[str]:
    """Every symbol's letter and name. Ends early where the names are damaged."""
    room = tables.tokens - tables.names
    if not 0 < room <= _NAMES_MAX or not 0 < count <= COUNT_MAX:
        raise KallsymsError("the kallsyms tables are not where they should be")
    blob = read_available(read, tables.names, room)
    index = struct.unpack(order + "256H", _exactly(read, tables.token_index, 512))
    table = read_available(read, tables.tokens, index[-1] + 1024)
    tokens = [table[at : at + _TOKEN_MAX].partition(b"\0")[0].decode("ascii", "replace") for at in index]
    # Only from Linux 6.1 on does a length of 128 or more take two bytes: nothing says which one a kernel does.
    texts = _expand(blob, tokens, count, long_names=True)
    if _believable(texts) < count:
        texts = max(texts, _expand(blob, tokens, count, long_names=False), key=_believable)
    return texts


def _expand(blob: bytes, tokens: list[str], count: int, long_names: bool) -> list[str]:
    """The names; many are put together at once, and taken apart again at the bytes that hold their lengths."""
    expand = [token.replace("\n", "?") for token in tokens].__getitem__
    places = name_places(blob, 0, len(blob), count, long_names)
    longest = max(map(len, tokens))
    texts: list[str] = []
    size = 0
    for first in range(0, len(places) - 1, _CHUNK):
        start, *following = places[first : first + _CHUNK + 1]
        pieces = list(map(expand, blob[start : following[-1]]))
        for at in (start, *following[:-1]):
            pieces[at - start] = "\n"
            if long_names and blob[at] >= 128:
                pieces[at - start + 1] = ""
        if size + len(pieces) * longest > _TEXT_MAX and size + sum(map(len, pieces)) > _TEXT_MAX:
            break
        text = "".join(pieces)
        size += len(text)
        texts += text.split("\n")[1:]
    return texts


def _believable(texts: list[str]) -> int:
    """How many of the names begin with one of nm's letters."""
    letters = frozenset(map(chr, LETTERS))
    return sum(text[:1] in letters for text in texts)


def _addresses(
    read: Read, tables: Tables, count: int, known: int, stext: int, word: int, order: str
) -> tuple[list[int], int]:
    """The addresses, and the number of the first one that is no per-CPU offset; symbol `known` must be at `stext`."""
    mask = (1 << 8 * word) - 1
    if tables.addresses:
        addresses = list(
            struct.unpack(f"{order}{count}{'IQ'[word == 8]}", _exactly(read, tables.addresses, count * word))
        )
        if addresses[known] == stext:
            return addresses, 0
        raise KallsymsError(_NO_STEXT)
    offsets = struct.unpack(f"{order}{count}i", _exactly(read, tables.offsets, 4 * count))
    if not tables.relative_base:
        # Relative to the place where each offset stands, as in other tables of the kernel.
        if tables.offsets + 4 * known + offsets[known] & mask == stext:
            return [tables.offsets + 4 * place + offset & mask for place, offset in enumerate(offsets)], 0
        raise KallsymsError(_NO_STEXT)
    base = _base(read, tables, word, order)
    if base + (offsets[known] & 0xFFFFFFFF) & mask == stext:
        return [base + (offset & 0xFFFFFFFF) & mask for offset in offsets], 0
    if base - 1 - offsets[known] & mask == stext:
        # CONFIG_KALLSYMS_ABSOLUTE_PERCPU: what is not negative is a per-CPU offset or an absolute value.
        located = next(place for place, offset in enumerate(offsets) if offset < 0)
        return [offset if offset >= 0 else base - 1 - offset & mask for offset in offsets], located
    raise KallsymsError(_NO_STEXT)


def _base(read: Read, tables: Tables, word: int, order: str) -> int:
    """kallsyms_relative_base: the lowest address that is not a per-CPU offset."""
    base: int = struct.unpack(order + "IQ"[word == 8], _exactly(read, tables.relative_base, word))[0]
    return base
