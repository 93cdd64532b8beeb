"""What the logs of a crash say of it before there is a case: which machine, and when."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from lastwords.vmcore.files import Files

from .analysis import analyze, collect
from .keep import crashed_at, host_of

_MOST = 256 << 20
"""Bytes of logs that are read for a name and a time."""


class Foretold(NamedTuple):
    """The machine and when it crashed, in seconds since the epoch; `clock` where the log tells only a part of that."""

    host: str = ""
    crashed: float | None = None
    clock: str = ""


def foretold(paths: Sequence[str], tell: Callable[[str], None] | None = None) -> Foretold:
    """Read the logs among these paths, unless they are huge; dumps are left for the analysis."""
    material = collect(paths, tell)
    size = sum(path.stat().st_size for source in material.logs for path in source.files if path.is_file())
    if size > _MOST or not any(Path(path).exists() for path in paths):
        return Foretold()
    analysis = analyze(dataclasses.replace(material, files=Files()), tell=tell)
    crashed, crash = crashed_at(analysis), analysis.crash
    clock = (crash.clock if crash is not None else None) or ""
    return Foretold(host_of(analysis) or "", crashed, "" if crashed is not None else clock)
