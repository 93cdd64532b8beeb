"""What `lastwords analyze` gives: the versioned document behind every report."""

from .log import Log
from .oops import Oops, Struct

SCHEMA = "lastwords.analysis/1"
"""Name and version of the JSON document. The number changes when a field goes or changes its meaning, not when one
comes."""


class Analysis(Struct, frozen=True, kw_only=True):
    """One analysis.

    Attributes:
        schema: `SCHEMA`.
        version: version of lastwords.
        oopses: of all logs, in the order of the command line and of the files.
        logs: what was read.
        errors: what could not be read, one line each.
    """

    schema: str = SCHEMA
    version: str = ""
    oopses: tuple[Oops, ...] = ()
    logs: tuple[Log, ...] = ()
    errors: tuple[str, ...] = ()
