"""What a file is, by looking into it, and which reader reads it: names and the order of arguments mean nothing."""

import io
import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from lastwords.model.history import HardwareError, Reboot, Sample

from . import boots, edac, mcelog, rasdaemon, restart, sadf, sar, sel, sqlite_file
from .lines import lines_of

Form = Literal["rasdaemon", "wtmpdb", "wtmp", "last", "boot-list", "sadf", "sar", "sel", "mcelog", "edac", "restart"]

HEAD = 16 << 10
"""Bytes that decide what a file is."""
MOST_EVENTS = 20_000
"""Events of one file, the last ones."""
_MOST_JSON = 256 << 20
_MOST_LIST = 4 << 20
_FIRST = 200

Open = Callable[[], BinaryIO]


@dataclass
class History:
    """What one file, or several, had to say.

    Attributes:
        errors: recorded by hardware's watchers.
        samples: of the load.
        reboots: boots.
        problems: what could not be read, one line each.
    """

    errors: list[HardwareError]
    samples: list[Sample]
    reboots: list[Reboot]
    problems: list[str]

    def __init__(self) -> None:
        self.errors, self.samples, self.reboots, self.problems = [], [], [], []


_TEXTS: tuple[tuple[Form, Callable[[list[str]], bool]], ...] = (
    ("sar", sar.looks_like_sar),
    ("sel", sel.looks_like_sel),
    ("mcelog", mcelog.looks_like_mcelog),
    ("last", boots.looks_like_last),
    ("boot-list", boots.looks_like_boot_list),
    ("edac", edac.looks_like_edac),
    ("restart", restart.looks_like_restart),
)


def recognize(path: Path, open_file: Open | None = None) -> Form | None:
    """What a file is; None where no reader here knows it, as kernel logs and dumps.

    Args:
        path: the file.
        open_file: gives its content, unpacked where it was compressed; by default it is read as it is.
    """
    try:
        with (open_file or (lambda: path.open("rb")))() as file:
            head = file.read(HEAD)
    except OSError:
        return None
    if head.startswith(sqlite_file.MAGIC):
        return "rasdaemon" if rasdaemon.is_rasdaemon(path) else "wtmpdb" if boots.is_wtmpdb(path) else None
    if sadf.looks_like_sadf(head):
        return "sadf"
    if boots.looks_like_wtmp(head):
        return "wtmp"
    if b"\0" in head[:1024]:
        return None
    lines = list(itertools.islice(lines_of(io.BytesIO(head)), _FIRST))
    return next((form for form, fits in _TEXTS if fits(lines)), None)


def read_history(path: Path, form: Form, shown: str, into: History, open_file: Open | None = None) -> None:
    """Read a file that `recognize()` knows.

    Args:
        path: the file.
        form: what it is.
        shown: its path as the user knows it.
        into: is given what is found, also what could not be read.
        open_file: gives its content, unpacked where it was compressed.
    """
    if form == "rasdaemon":
        errors, problem = rasdaemon.read_rasdaemon(path, shown)
        into.errors += errors
        into.problems += filter(None, [problem])
        return
    if form == "wtmpdb":
        reboots, problem = boots.read_wtmpdb(path, shown)
        into.reboots += reboots
        into.problems += filter(None, [problem])
        return
    try:
        with (open_file or (lambda: path.open("rb")))() as file:
            _read(file, form, shown, into)
    except OSError as failure:
        into.problems.append(f"{shown}: {failure.strerror or failure}")


def _read(file: BinaryIO, form: Form, shown: str, into: History) -> None:
    if form == "sadf":
        samples, problem = sadf.read_sadf(file.read(_MOST_JSON), shown)
        into.samples += samples
        into.problems += filter(None, [problem])
    elif form == "wtmp":
        into.reboots += boots.read_wtmp(file, shown)
    elif form == "boot-list":
        into.reboots += boots.read_boot_list(file.read(_MOST_LIST).decode("utf-8", "replace"), shown)
    elif form == "last":
        into.reboots += boots.read_last(lines_of(file), shown)
    elif form == "sar":
        into.samples += sar.read_sar(lines_of(file), shown)
    else:
        into.errors += deque(_ERRORS[form](lines_of(file), shown), maxlen=MOST_EVENTS)


_ERRORS: dict[Form, Callable[[Iterable[str], str], Iterator[HardwareError]]] = {
    "sel": sel.read_sel,
    "mcelog": mcelog.read_mcelog,
    "edac": edac.read_edac,
    "restart": restart.read_restart,
}
