"""What an entry of the catalogue says about one kind of crash."""

from dataclasses import dataclass
from typing import Literal

Family = Literal[
    "fault",
    "bug",
    "warning",
    "sanitizer",
    "lockdep",
    "hang",
    "memory",
    "hardware",
    "filesystem",
    "storage",
    "boot",
    "panic",
    "other",
]

# Where the function to blame is looked for, in the order of an entry:
#   headline     the group `function` of the form that matched
#   instruction  where the instruction pointer stood (RIP, pc, NIP, epc, PSW)
#   also         the group `function` of one of the entry's `also` patterns
#   trace        the first frame of the main call trace that is not machinery
#   origin       the trace of where the object or lock got its state, such as who allocated the page
#   entry        the representative function further out: the system call, the callback, the file operation
#                (for stalls and stack overflows, where the innermost frame is an accident)
Where = Literal["headline", "instruction", "also", "trace", "entry", "origin"]


@dataclass(frozen=True, slots=True)
class Form:
    """One wording of a headline.

    Attributes:
        literal: text that every such line holds, for the first sieve; rare in healthy logs, and not shorter than
            needed to be rare.
        pattern: regular expression matched at the start of the message. Groups may be used in the titles. The
            group `function` is a symbol with or without `+0x…/0x…`, the group `module` the module that it is in.
        title: the title, with `{function}` and the pattern's groups. Without it, the entry's title holds.
        bare: the title where no function is found; by default `{function}` becomes `corrupted`.
        partial: the title where the lines behind the headline, from which `title` takes groups, are missing.
    """

    literal: str
    pattern: str
    title: str = ""
    bare: str = ""
    partial: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of crash, as data: to teach lastwords a new one, add one of these and a log to the tests.

    Attributes:
        name: what `kind` says in results.
        family: the group it belongs to.
        forms: the wordings of its headline.
        title: title of forms that have none of their own.
        alternatives: other titles under which people search for the same crash.
        where: where the function to blame stands, best first.
        also: patterns looked for in the lines behind the headline, whose groups may be used in titles: the first
            match of each counts.
        also_within: how many of the report's own lines may stand between headline and those lines.
        trace: `needed` where the kernel always prints one (so its absence means damage), `optional`, `none`.
        never: more functions that are never to blame in this kind, as a regular expression of whole names.
        refines: kinds whose headline may stand beside this one's in the same report; this one names the crash
            (`list_del corruption` beside `kernel BUG at lib/list_debug.c`).
        stamped: counts only on lines with the kernel's own time stamp or level, if the log has such lines.
        headless: its main trace has no heading of its own.
        reporter: the function that prints this kind's trace, where its frames elsewhere mean that two reports mix.
        part: such a line inside an open report belongs to that report (`Oops: 0002 [#1]` behind
            `BUG: unable to handle …`, a panic because of the oops before it).
        alone: False where such a line by itself is no crash, only evidence beside one.
        event: a failure that the kernel survives and tells in passing, in lines between other messages. Amid another
            report such a line doesn't end that report; and what follows from it (the device fails, then its file
            system) belongs to it.
        yields: an event that is no news beside a crash: left out where the same boot crashes within ten minutes, and
            told as what came before instead (`klog/precursors.py`).
        confirmed: kinds of which one must stand in the report too, where it shows neither trace nor registers: the
            kernel prints the same headline for a program's fault, of which it kills the program.
        behind: what it tells of stands before it: where no headline has opened a report, the lines before it are one.
        source: where the kernel prints it.
    """

    name: str
    family: Family
    forms: tuple[Form, ...]
    title: str = ""
    alternatives: tuple[str, ...] = ()
    where: tuple[Where, ...] = ("trace",)
    also: tuple[str, ...] = ()
    also_within: int = 12
    trace: Literal["needed", "optional", "none"] = "needed"
    never: str = ""
    refines: tuple[str, ...] = ()
    stamped: bool = False
    headless: bool = False
    reporter: str = ""
    part: bool = False
    alone: bool = True
    event: bool = False
    yields: bool = False
    confirmed: tuple[str, ...] = ()
    behind: bool = False
    source: str = ""
