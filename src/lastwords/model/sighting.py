"""What `scan` says of an oops: enough to find it again, small enough to send from process to process."""

from .oops import Oops, Struct

SCAN_SCHEMA = "lastwords.scan/1"
"""Name and version of the JSON document. The number changes as that of `analysis.SCHEMA` does."""


class Sighting(Struct, frozen=True, kw_only=True):
    """One oops in one line. The attributes are those of `Oops`."""

    title: str
    alternative_titles: tuple[str, ...]
    kind: str
    family: str
    function: str | None
    module: str | None
    intact: bool
    line: int
    last_line: int
    boot: int
    follows: int | None
    time: float | None
    wall: str | None
    clock: str | None
    cpu: int | None
    pid: int | None
    comm: str | None
    release: str | None
    taint: str | None
    context: str | None


class Sightings(Struct, frozen=True, kw_only=True):
    """The oopses of one log.

    Attributes:
        schema: `SCAN_SCHEMA`.
        path: the log, as the user gave it.
        oopses: in the order of the file.
        format: the log's dialect.
        lines: its number of lines; `size` its bytes, unpacked.
        error: why it can't be read, in one line, or None.
        warning: why only a part of it could be read, or None.
    """

    schema: str = SCAN_SCHEMA
    path: str
    oopses: tuple[Sighting, ...] = ()
    format: str = ""
    lines: int = 0
    size: int = 0
    error: str | None = None
    warning: str | None = None


def sighting(oops: Oops) -> Sighting:
    """The short form of an oops."""
    return Sighting(**{name: getattr(oops, name) for name in Sighting.__struct_fields__})
