r"""Where the kernel keeps its symbol table: scripts/kallsyms.c writes it, kernel/kallsyms.c reads it.

Linux 6.0 names the tables in VMCOREINFO. For a kernel that doesn't, they are found in its memory:

- The table of tokens holds what each of the 256 codes in a compressed name stands for. A code that is a character
  of some name stands for itself, so `"0\0" "1\0" … "9\0"` stand side by side; the index of 256 offsets that follows
  proves the find.
- The names stand before it, and their number before them. A plausible number is a candidate; the table of markers,
  one for every 256th name, must stand behind the last name and agree with each.
- The addresses stand before the names up to Linux 6.4, behind the index of tokens since. Which of the ways of
  writing them a kernel has is seen from `_stext`, whose address VMCOREINFO tells.
"""

import re
import struct
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

DIGITS = re.compile(re.escape(b"".join(b"%d\0" % digit for digit in range(10))))
LETTERS = frozenset(b"aAbBcCdDgGiIpPrRsStTuUvVwW?")  # nm's
_TOKENS = 256
_TOKEN_MAX = 512
_FIRST_NAMES = 200
# What an image made by an attacker may cost.
_TABLES_MAX = 4
_WALKS_MAX = 16
_COUNT_MIN, COUNT_MAX = 1_000, 1_000_000
_NAMES_BEFORE = 32 << 20
_STRETCH = 4 << 20


class Tables(NamedTuple):
    """The addresses of the tables, in the dump's virtual memory. 0 for one that a kernel doesn't have.

    Attributes:
        names: kallsyms_names.
        number: kallsyms_num_syms.
        tokens: kallsyms_token_table.
        token_index: kallsyms_token_index.
        offsets: kallsyms_offsets.
        relative_base: kallsyms_relative_base.
        addresses: kallsyms_addresses, where offsets are not used (ia64, and CONFIG_KALLSYMS_BASE_RELATIVE=n).
    """

    names: int
    number: int
    tokens: int
    token_index: int
    offsets: int = 0
    relative_base: int = 0
    addresses: int = 0


_VMCOREINFO_NAMES = {
    "names": "kallsyms_names",
    "number": "kallsyms_num_syms",
    "tokens": "kallsyms_token_table",
    "token_index": "kallsyms_token_index",
    "offsets": "kallsyms_offsets",
    "relative_base": "kallsyms_relative_base",
    "addresses": "kallsyms_addresses",
}


def named(symbols: dict[str, int]) -> Tables | None:
    """The tables as VMCOREINFO names them, None where it doesn't (before Linux 6.0)."""
    found = Tables(**{field: symbols.get(name, 0) for field, name in _VMCOREINFO_NAMES.items()})
    complete = found.names and found.number and found.tokens and found.token_index
    return found if complete and (found.offsets or found.addresses) else None


def search(image: bytes | bytearray, start: int, word: int = 8, order: str = "<") -> Iterator[Tables]:
    """Find the tables in a piece of memory.

    Args:
        image: the kernel's read-only data, or all of its image.
        start: the virtual address of its first byte.
        word: the size of a pointer.
        order: `<` for little-endian, `>` for big-endian.

    Yields:
        Each set of tables that is consistent in itself, once for each way that the addresses may be written.
        `lastwords.vmcore.symbols.kallsyms` tells the right one by the address of `_stext`.
    """
    for tokens, index in islice(_token_tables(image, order), _TABLES_MAX):
        letters = _letter_codes(image, tokens, index, order)
        # The tables stood at multiples of a pointer's size until Linux 7.0 ended the only one that has pointers.
        for align in (word, 4) if word == 8 else (word,):
            counts = _counts(image, tokens, align, order)
            likely = (each for each in counts if _begins(image, each[0] + align, letters))
            for place, count in islice(likely, _WALKS_MAX):
                if _agree(image, place + align, count, tokens, align, order):
                    for where in _addresses(place, count, index + 2 * _TOKENS, align, word):
                        found = (place + align, place, tokens, index, *where)
                        yield Tables(*(at and start + at for at in found))


def _token_tables(image: bytes | bytearray, order: str) -> Iterator[tuple[int, int]]:
    """Each token table with its index."""
    for digits in DIGITS.finditer(image):
        for tokens in _token_starts(image, digits.start()):
            if (index := _token_index(image, tokens, order)) is not None:
                yield tokens, index
                break


def _token_starts(image: bytes | bytearray, zero: int) -> Iterator[int]:
    """Where the token table may start, from the place of the token "0".

    The byte before it may be 0 or not, so all that the alignment allows are tried.
    """
    second = zero
    for _ in range(ord("0") - 1):
        second = image.rfind(b"\0", max(second - _TOKEN_MAX, 0), second - 1) + 1
        if second == 0:
            return
    end = second - 1
    first = image.rfind(b"\0", max(end - _TOKEN_MAX, 0), end) + 1
    yield from (at for at in range(end, first - 1, -1) if at % 4 == 0)


def _token_index(image: bytes | bytearray, tokens: int, order: str) -> int | None:
    """Where the offsets of the tokens stand, behind the tokens themselves."""
    at, offsets = tokens, []
    for _ in range(_TOKENS):
        offsets.append(at - tokens)
        at = image.find(b"\0", at, at + _TOKEN_MAX) + 1
        if at == 0:
            return None
    if offsets[-1] > 0xFFFF:
        return None
    found = image.find(struct.pack(f"{order}{_TOKENS}H", *offsets), at, at + 16 + 2 * _TOKENS)
    return found if found >= 0 else None


def _counts(image: bytes | bytearray, tokens: int, align: int, order: str) -> Iterator[tuple[int, int]]:
    """Places before the token table that hold a plausible number of symbols. Looks at the nearest first."""
    high = tokens - tokens % align
    lowest = max(high - _NAMES_BEFORE, 0)
    lowest += -lowest % align
    while high > lowest:
        low = max(high - _STRETCH, lowest)
        yield from _counts_between(image, low, high, align, order)
        high = low


def _counts_between(image: bytes | bytearray, low: int, high: int, align: int, order: str) -> list[tuple[int, int]]:
    """Linux 4.20 made the number 32 bits wide, with padding behind it; it was as wide as a pointer before."""
    values = struct.unpack(f"{order}{(high - low) // align}{'IQ'[align == 8]}", image[low:high])
    found = [(low + align * i, n) for i, n in enumerate(values) if _COUNT_MIN <= n <= COUNT_MAX]
    if order == ">" and align == 8:
        tops = ((low + align * i, n >> 32) for i, n in enumerate(values) if not n & 0xFFFFFFFF)
        found += [(at, n) for at, n in tops if _COUNT_MIN <= n <= COUNT_MAX]
    return found


def _letter_codes(image: bytes | bytearray, tokens: int, index: int, order: str) -> bytes:
    """The codes that a name can begin with: it begins with its symbol's letter."""
    offsets = struct.unpack_from(f"{order}{_TOKENS}H", image, index)
    return bytes(code for code, offset in enumerate(offsets) if image[tokens + offset] in LETTERS)


def _begins(image: bytes | bytearray, names: int, letters: bytes) -> bool:
    """Whether the first few names look like names, which keeps the walk over all of them for the right place."""
    at = names
    for _ in range(_FIRST_NAMES):
        if at + 1 >= len(image) or not 0 < image[at] < 128 or image[at + 1] not in letters:
            return False
        at += image[at] + 1
    return True


def _agree(image: bytes | bytearray, names: int, count: int, limit: int, align: int, order: str) -> bool:
    """Whether `count` names stand here, with markers behind them that say where each 256th is."""
    for long_names in (True, False):
        places = name_places(image, names, limit, count, long_names)
        if len(places) <= count:
            continue
        markers = [place - names for place in places[:-1:256]]
        for letter in "IQ":  # Linux 4.20 made the markers 32 bits wide
            expected = struct.pack(f"{order}{len(markers)}{letter}", *markers)
            if image.startswith(expected, _aligned(places[-1], align)):
                return True
    return False


def name_places(blob: bytes | bytearray, start: int, end: int, count: int, long_names: bool) -> list[int]:
    """Where each name begins, and where the last one ends; shorter than that where the names are damaged.

    A name is its length in codes and as many codes. Linux 6.1 gave the lengths from 128 on two bytes.
    """
    places = [start]
    at = start
    for _ in range(count):
        if at >= end or not (size := blob[at]):
            break
        if size >= 128 and long_names and at + 1 < end:
            size = (size & 127) + (blob[at + 1] << 7) + 1
        at += size + 1
        if at > end:
            break
        places.append(at)
    return places


def _addresses(count_place: int, count: int, index_end: int, align: int, word: int) -> Iterator[tuple[int, int, int]]:
    """The ways to write addresses: (offsets, relative base, addresses)."""
    if align == word:
        yield count_place - word - _aligned(4 * count, word), count_place - word, 0
    # Linux 6.5 moved them behind the index of tokens, so that scripts/kallsyms.c writes what varies last.
    behind = _aligned(index_end, align)
    yield behind, _aligned(behind + 4 * count, align), 0
    yield behind, 0, 0  # Linux 7.0 made them relative to their own places
    if align == word:
        yield 0, 0, count_place - word * count


def _aligned(value: int, align: int) -> int:
    return value + -value % align
