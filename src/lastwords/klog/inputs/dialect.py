"""What every way of writing kernel messages down has in common."""

from typing import Protocol

from lastwords.model import Record


class Dialect(Protocol):
    """One way of writing kernel messages to a file.

    Attributes:
        name: for the user: `dmesg`, `console`, `syslog`, `journal-json`, `pstore`, …
        line_oriented: any run of whole lines of the file can be decoded by itself. Where it is False the
            file has to be decoded from its start, chunk after chunk, by the same object.
    """

    @property
    def name(self) -> str:
        """What the user reads."""
        ...

    @property
    def line_oriented(self) -> bool:
        """Whether any run of whole lines can be decoded by itself."""
        ...

    def boundary(self, data: bytes) -> int:
        """Offset just behind the last complete record in `data`, 0 if there is none."""
        ...

    def records(self, data: bytes, line: int = 1) -> list[Record]:
        """Decode `data`, which starts at a record boundary, on line `line` of the file. Never raises."""
        ...


def last_line_end(data: bytes) -> int:
    """The boundary of all formats in which a record is a line."""
    return data.rfind(b"\n") + 1
