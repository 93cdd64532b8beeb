"""What `lastwords analyze` gives: the versioned document behind every report."""

from .dump import DumpCheck
from .log import Log
from .machine import Machine
from .oops import Oops, Struct

SCHEMA = "lastwords.analysis/1"
"""Name and version of the JSON document. The number changes when a field goes or changes its meaning, not when one
comes."""


class Analysis(Struct, frozen=True, kw_only=True):
    """One analysis.

    Attributes:
        schema: `SCHEMA`.
        version: version of lastwords.
        oopses: of all logs, in the order of the command line and of the files; those of one boot where the user asked
            for one.
        logs: what was read.
        machine: the state read from a dump, or None without one.
        dump: what the dump is and whether it is whole, or None without one.
        errors: what could not be read, one line each.
    """

    schema: str = SCHEMA
    version: str = ""
    oopses: tuple[Oops, ...] = ()
    logs: tuple[Log, ...] = ()
    machine: Machine | None = None
    dump: DumpCheck | None = None
    errors: tuple[str, ...] = ()
