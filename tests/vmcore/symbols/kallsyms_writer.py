"""Writes kallsyms tables for tests, in the layouts that kernels have had."""

import struct
from typing import NamedTuple

SYMBOLS = [("T", "_stext", 0), ("T", "schedule", 0x40), ("t", "ring_bind.isra.0", 0x100)]
# Substrings that stand for codes which no name has as a character.
_TOKENS = {1: "ring_", 2: "sched", 3: "_", 0x80: "lab_", 0xFF: "Tx"}


class Layout(NamedTuple):
    """How one range of versions writes the tables.

    Attributes:
        addresses_first: the addresses stand before the names, until 6.4.
        wide: number and markers are as wide as a pointer, until 4.19.
        align: to how many bytes each table is aligned.
        how: `base` for offsets from a base, `percpu` for CONFIG_KALLSYMS_ABSOLUTE_PERCPU, `absolute`, or
            `place` for offsets from their own places.
        long_names: lengths from 128 on take two bytes, since 6.1.
        seqs: the bytes in an entry of kallsyms_seqs_of_names, and whether it stands before the tokens.
    """

    addresses_first: bool = True
    wide: bool = False
    align: int = 8
    how: str = "base"
    long_names: bool = False
    seqs: tuple[int, bool] = (0, False)


LAYOUTS = {
    "4.18": Layout(wide=True, how="percpu"),
    "5.4": Layout(how="percpu"),
    "5.10 arm64": Layout(),
    "5.14 absolute": Layout(how="absolute"),
    "6.1": Layout(how="percpu", long_names=True),
    "6.2": Layout(how="percpu", long_names=True, seqs=(4, True)),
    "6.3": Layout(how="percpu", long_names=True, seqs=(3, True)),
    "6.6": Layout(addresses_first=False, how="percpu", long_names=True, seqs=(3, False)),
    "6.15": Layout(addresses_first=False, long_names=True, seqs=(3, False)),
    "7.2": Layout(addresses_first=False, align=4, how="place", long_names=True, seqs=(3, False)),
}


def symbols(base, *, percpu=(), count=1500, long_name=False):
    """(letter, name, address) of a made-up kernel at `base`: what stands in SYMBOLS, and many more."""
    found = [("D", name, address) for name, address in percpu]
    found += [(letter, name, base + offset) for letter, name, offset in SYMBOLS]
    found += [("tTdDbBr"[i % 7], f"lab_{'x' * (i % 30)}_{i:x}", base + 0x1000 + 16 * i) for i in range(count)]
    if long_name:
        found.append(("t", "_R" + "NvCs" * 60, base + 0x1000 + 16 * count))
    return found


def tables(found, base, place, layout, order="<"):
    """The tables as bytes that stand at address `place`, and the address of each table in it."""
    word = "Q" if layout.wide else "I"
    blob, where = bytearray(), {}

    def put(name, data):
        blob.extend(bytes(-len(blob) % layout.align))
        where[name] = place + len(blob)
        blob.extend(data)

    def put_addresses():
        if layout.how == "absolute":
            put("addresses", struct.pack(f"{order}{len(found)}Q", *(address for _, _, address in found)))
            return
        blob.extend(bytes(-len(blob) % layout.align))
        start = place + len(blob)
        addresses = [address for _, _, address in found]
        offsets = [_offset(layout.how, address, base, start + 4 * i) for i, address in enumerate(addresses)]
        put("offsets", struct.pack(f"{order}{len(found)}i", *offsets))
        if layout.how != "place":
            put("relative_base", struct.pack(order + "Q", base))

    if layout.addresses_first:
        put_addresses()
    put("number", struct.pack(order + word, len(found)))
    names, markers = _names(found, layout)
    put("names", names)
    put("markers", struct.pack(f"{order}{len(markers)}{word}", *markers))
    size, before = layout.seqs
    if before:
        put("seqs", bytes(range(256)) * (size * len(found) // 256))
    tokens, index = _tokens()
    put("tokens", tokens)
    put("token_index", struct.pack(order + "256H", *index))
    if not layout.addresses_first:
        put_addresses()
        put("seqs", bytes(size * len(found)))
    return bytes(blob), where


def _offset(how, address, base, place):
    if how == "place":
        return address - place
    if how == "percpu":
        return address if address < 1 << 31 else base - 1 - address
    return address - base


def _codes(text):
    codes = []
    while text:
        code = next(
            (code for code, token in _TOKENS.items() if len(token) > 1 and text.startswith(token)), ord(text[0])
        )
        codes.append(code)
        text = text[len(_TOKENS.get(code, "x")) :]
    return bytes(codes)


def _names(found, layout):
    names, markers = bytearray(), []
    for number, (letter, name, _) in enumerate(found):
        if number % 256 == 0:
            markers.append(len(names))
        codes = _codes(letter + name)
        if len(codes) >= 128 and layout.long_names:
            names += bytes((len(codes) & 127 | 128, len(codes) >> 7))
        else:
            names.append(len(codes))
        names += codes
    return bytes(names), markers


def _tokens():
    table, index = bytearray(), []
    for code in range(256):
        index.append(len(table))
        table += (_TOKENS.get(code) or (chr(code) if 0x21 <= code < 0x7F else "")).encode() + b"\0"
    return bytes(table), index
