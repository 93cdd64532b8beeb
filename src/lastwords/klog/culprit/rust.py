"""Names of Rust functions, as kallsyms has them, in the form that a reader of the source knows.

The mangling is "v0" (rust-lang.org RFC 2603), which the kernel's build asks for (`Makefile: KBUILD_RUSTFLAGS`). Generic
arguments, lifetimes and the hashes of crates are left out: two builds of one function differ in nothing else.
"""

import re
from collections.abc import Callable

_LONGEST = 1000
"""Characters of a name, before and after: KSYM_NAME_LEN is 512."""
_DEEPEST = 60

_BASIC_TYPES = {
    **{"a": "i8", "b": "bool", "c": "char", "d": "f64", "e": "str", "f": "f32", "h": "u8", "i": "isize", "j": "usize"},
    **{"l": "i32", "m": "u32", "n": "i128", "o": "u128", "p": "_", "s": "i16", "t": "u16", "u": "()", "v": "..."},
    **{"x": "i64", "y": "u64", "z": "!"},
}
_CONSTANT = re.compile(r"n?[0-9a-f]{0,64}_")
_LENGTH = re.compile(r"(0|[1-9][0-9]{0,3})_?")
_BASE_62 = re.compile(r"([0-9a-zA-Z]{0,12})_")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class _UnknownError(Exception):
    """The rest of the name is not in the grammar, or abuses it."""


def demangled(name: str) -> str:
    """The path of a Rust function; other names as they are.

    Example:
        >>> demangled("_RNvMs3_NtCshgDM7dBCdno_11rust_binder7processNtB5_7Process10update_ref")
        '<rust_binder::process::Process>::update_ref'
    """
    if not name.startswith("_R") or len(name) > _LONGEST:
        return name
    try:
        return _Reader(name[2:]).path()
    except _UnknownError:
        return name


class _Reader:
    """A recursive descent over the grammar of the RFC, whose names the methods have."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        self.budget = 2000  # steps: back references may refer to back references

    def path(self) -> str:
        self._step()
        tag = self._take()
        if tag == "C":
            self._disambiguator()
            result = self._identifier()
        elif tag == "M":
            self._disambiguator()
            self.path()
            result = f"<{self._type()}>"
        elif tag == "X":
            self._disambiguator()
            self.path()
            result = f"<{self._type()} as {self.path()}>"
        elif tag == "Y":
            result = f"<{self._type()} as {self.path()}>"
        elif tag == "N":
            result = self._nested()
        elif tag == "I":
            result = self.path()
            while not self._eat("E"):
                self._generic_argument()
        elif tag == "B":
            result = self._back_reference(_Reader.path)
        else:
            raise _UnknownError
        self.depth -= 1
        return result

    def _nested(self) -> str:
        namespace = self._take()
        outer = self.path()
        self._disambiguator()
        inner = self._identifier()
        if namespace == "C":
            return f"{outer}::{{closure}}"
        return f"{outer}::{inner}" if inner else outer

    def _type(self) -> str:
        self._step()
        tag = self._take()
        if tag in _BASIC_TYPES:
            result = _BASIC_TYPES[tag]
        elif tag in "RQ":
            if self._eat("L"):
                self._base_62()
            result = ("&" if tag == "R" else "&mut ") + self._type()
        elif tag in "PO":
            result = ("*const " if tag == "P" else "*mut ") + self._type()
        elif tag in "AS":
            result = f"[{self._type()}]"
            if tag == "A":
                self._constant()
        elif tag == "T":
            parts = []
            while not self._eat("E"):
                parts.append(self._type())
            result = f"({', '.join(parts)})"
        elif tag == "B":
            result = self._back_reference(_Reader._type)
        elif tag in "CMXYNI":
            self.at -= 1
            result = self.path()
        else:
            raise _UnknownError  # function pointers and trait objects: not in the names of functions worth a title
        self.depth -= 1
        return result

    def _generic_argument(self) -> None:
        if self._eat("L"):
            self._base_62()
        elif self._eat("K"):
            self._constant()
        else:
            self._type()

    def _constant(self) -> None:
        self._step()
        if self._eat("B"):
            self._base_62()
        elif not self._eat("p"):
            self._take()
            match = _CONSTANT.match(self.text, self.at)
            if match is None:
                raise _UnknownError
            self.at = match.end()
        self.depth -= 1

    def _back_reference(self, read: "Callable[[_Reader], str]") -> str:
        target, resume = self._base_62(), self.at
        if target >= resume - 1:
            raise _UnknownError
        self.at = target
        result = read(self)
        self.at = resume
        return result

    def _disambiguator(self) -> None:
        if self._eat("s"):
            self._base_62()

    def _identifier(self) -> str:
        self._eat("u")
        match = _LENGTH.match(self.text, self.at)
        if match is None:
            raise _UnknownError
        begin, end = match.end(), match.end() + int(match[1])
        if end > len(self.text):
            raise _UnknownError
        self.at = end
        return self.text[begin:end]

    def _base_62(self) -> int:
        match = _BASE_62.match(self.text, self.at)
        if match is None:
            raise _UnknownError
        self.at = match.end()
        value = 0
        for digit in match[1]:
            value = value * 62 + _DIGITS.index(digit)
        return value + 1 if match[1] else 0

    def _take(self) -> str:
        if self.at >= len(self.text):
            raise _UnknownError
        self.at += 1
        return self.text[self.at - 1]

    def _eat(self, char: str) -> bool:
        found = self.text.startswith(char, self.at)
        self.at += found
        return found

    def _step(self) -> None:
        self.depth += 1
        self.budget -= 1
        if self.depth > _DEEPEST or self.budget < 0:
            raise _UnknownError
