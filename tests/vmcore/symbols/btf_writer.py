"""Writes BTF for tests, type by type."""

import struct

from lastwords.vmcore.symbols.btf_format import Kind


class BtfWriter:
    """Types get their numbers in the order in which they are added."""

    def __init__(self, order="<", *, first=1, first_string=0):
        self.order = order
        self.types = b""
        self.strings = b"" if first_string else b"\0"
        self.first_string = first_string
        self.next = first

    def name(self, text):
        if not text:
            return 0
        if isinstance(text, int):
            return text
        at = (b"\0" + self.strings).find(b"\0" + text.encode() + b"\0")
        if at < 0:
            at = len(self.strings)
            self.strings += text.encode() + b"\0"
        return self.first_string + at

    def add(self, kind, name="", value=0, words=(), *, length=0, flag=False):
        info = kind << 24 | length | flag << 31
        numbers = [self.name(name), info, value, *words]
        self.types += struct.pack(f"{self.order}{len(numbers)}I", *(n & 0xFFFFFFFF for n in numbers))
        self.next += 1
        return self.next - 1

    def integer(self, name, size, *, signed=False, boolean=False, bits=None, offset=0):
        encoding = signed << 24 | boolean << 26 | offset << 16 | (size * 8 if bits is None else bits)
        return self.add(Kind.INT, name, size, (encoding,))

    def struct(self, name, size, members, *, union=False, flag=False):
        """Members as (name, type, bit offset, width of the bit field or 0); `flag` for how widths are written."""
        words = []
        for member, kind, offset, bits in members:
            words += [self.name(member), kind, bits << 24 | offset if flag else offset]
        return self.add(Kind.UNION if union else Kind.STRUCT, name, size, words, length=len(members), flag=flag)

    def enum(self, name, size, values, *, signed=False):
        words = []
        for label, value in values:
            words += [self.name(label), value] if size < 8 else [self.name(label), value, value >> 32]
        kind = Kind.ENUM if size < 8 else Kind.ENUM64
        return self.add(kind, name, size, words, length=len(values), flag=signed)

    def prototype(self, returns, parameters):
        words = [word for name, kind in parameters for word in (self.name(name), kind)]
        return self.add(Kind.FUNC_PROTO, "", returns, words, length=len(parameters))

    def bytes(self, layout=b""):
        fields = [0, len(self.types), len(self.types), len(self.strings)]
        if layout:
            fields += [len(self.types) + len(self.strings), len(layout)]
        header = struct.pack(f"{self.order}HBBI{len(fields)}I", 0xEB9F, 1, 0, 8 + 4 * len(fields), *fields)
        return header + self.types + self.strings + layout
