"""The verdict that a case should be given, known from its source: class, culprit, decisive evidence."""

import msgspec

from lastwords.model import CrashClass, Struct

OPEN = "?"
"""Stands among the right answers where leaving it open is right too."""

Names = str | tuple[str, ...]


class LogVerdict(
    Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, rename={"crash_class": "class"}
):
    """What differs where there is the console log alone; what is None does not."""

    crash_class: CrashClass | tuple[CrashClass, ...] | None = None
    module: Names | None = None
    function: Names | None = None
    object: Names | None = None
    field: Names | None = None
    evidence: tuple[str, ...] | None = None


class KnownVerdict(
    Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, rename={"crash_class": "class"}
):
    """What a diagnosis of the dump must come to.

    Each is the right answer or, where several are, a list of them, the truest first; `?` among them: or not known.

    Attributes:
        crash_class: `class` in the file.
        module: left out: none may be named, as the kernel itself or nobody is to blame.
        function: that is to be put right; left out: none may be named.
        object: the struct, and `field` its member; left out: not asked. They must be named only where types are known,
            that is with debuginfo, but another one is wrong everywhere.
        evidence: regular expressions, each to be found in the evidence of a finding, whatever its case.
        log: what differs where there is the console log alone.
    """

    crash_class: CrashClass | tuple[CrashClass, ...]
    module: Names = ()
    function: Names = ()
    object: Names = ()
    field: Names = ()
    evidence: tuple[str, ...] = ()
    log: LogVerdict = LogVerdict()

    def from_log(self) -> "KnownVerdict":
        """The same for the console log alone."""
        differs = {name: getattr(self.log, name) for name in self.log.__struct_fields__}
        return msgspec.structs.replace(self, **{name: value for name, value in differs.items() if value is not None})


def right(names: Names) -> tuple[str, ...]:
    """The right answers as a tuple."""
    return (names,) if isinstance(names, str) else names
