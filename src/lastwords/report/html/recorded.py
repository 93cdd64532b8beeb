"""What other programs had written down: hardware errors, boots, the load before the crash, the evidence of the case."""

from datetime import UTC, datetime
from typing import NamedTuple

from lastwords.glossary.units import size
from lastwords.model import Analysis, Evidence, HardwareError, Reboot, Sample

ROWS = 100
"""Rows of one table; of what has a time, the last ones."""


class Grid(NamedTuple):
    """A table: title, names of the columns, rows, and how many rows are left out."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: int


def grids(analysis: Analysis) -> list[Grid]:
    """Those that have rows."""
    found = (
        _grid("Hardware errors", ("when", "from", "severity", "what", "where"), map(_error, analysis.hardware_errors)),
        _grid("Boots", ("from", "to", "ended", "kernel", "why"), map(_reboot, analysis.reboots)),
        _grid("Load before the crash, from sar", _LOAD, map(_sample, analysis.samples)),
        _grid("Evidence", ("what", "state", "origin", "size", "SHA-256", ""), map(_evidence, analysis.evidence)),
    )
    return [grid for grid in found if grid.rows]


def _grid(title: str, columns: tuple[str, ...], rows: "map[tuple[str, ...]]") -> Grid:
    every = tuple(rows)
    return Grid(title, columns, every[-ROWS:], max(len(every) - ROWS, 0))


def _when(time: float | None, zone: bool = True) -> str:
    """A point in time; without a zone where only what a clock showed is known."""
    if time is None:
        return ""
    try:
        moment = datetime.fromtimestamp(time, UTC)
    except (ValueError, OverflowError, OSError):
        return "no time that a calendar has"
    return f"{moment:%Y-%m-%d %H:%M:%S}{' UTC' if zone else ''}"


def _error(error: HardwareError) -> tuple[str, ...]:
    place = error.label or (f"CPU {error.cpu}" if error.cpu is not None else "")
    times = f" ({error.count:,} times)" if error.count > 1 else ""
    return (_when(error.time, error.zone), error.source, error.severity, f"{error.text}{times}", place)


def _reboot(boot: Reboot) -> tuple[str, ...]:
    times = (_when(boot.started, boot.zone), _when(boot.ended, boot.zone))
    return (*times, boot.ending, boot.kernel or "", boot.explanation)


_LOAD = ("until", "load", "iowait", "steal", "memory used", "available", "swap used", "blocked", "busiest disk")


def _sample(sample: Sample) -> tuple[str, ...]:
    disk = f"{sample.busiest_disk} {_percent(sample.disk_busy)}" if sample.busiest_disk else ""
    return (
        _when(sample.time, sample.zone),
        "" if sample.load_1 is None else f"{sample.load_1:.2f}",
        *map(_percent, (sample.iowait, sample.steal, sample.memory_used)),
        "" if sample.memory_available is None else size(sample.memory_available),
        _percent(sample.swap_used),
        "" if sample.blocked is None else str(sample.blocked),
        disk,
    )


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.0f} %"


def _evidence(item: Evidence) -> tuple[str, ...]:
    amount = "" if item.size is None else size(item.size)
    return (item.id, item.state, item.origin, amount, (item.sha256 or "")[:16], item.note)
