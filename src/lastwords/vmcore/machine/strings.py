"""Text in a dump's memory: bounded, and never trusted to be text."""

import re

import drgn

LONGEST = 256
_NOT_FOUND = re.compile(r"could not find '(?:(?:struct|union|enum) )?([^']{1,200})'")


def text(prog: drgn.Program, address: int, limit: int = LONGEST) -> str | None:
    """The string at an address, cut off after `limit` bytes; None where there is none."""
    if not address:
        return None
    try:
        data = prog.read_c_string(address, max_size=limit)
    except Exception:  # drgn raises FaultError, but also ValueError and OSError where a dump is damaged
        return None
    return decoded(data)


def decoded(data: bytes) -> str:
    """Bytes as text; what is not UTF-8 as hexadecimal escapes."""
    return data.decode("utf-8", "backslashreplace")


def one_line(failure: Exception) -> str:
    """What an exception says, as one line."""
    return in_words(" ".join(str(failure).split())[:200]) or type(failure).__name__


def in_words(text: str) -> str:
    """A message of drgn's without its wording for names and types that the dump's own symbols lack."""
    return _NOT_FOUND.sub(r"\1 is not known to the dump's symbols and types", text)
