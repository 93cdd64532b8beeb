"""`sadf -j`: what sysstat collected, as JSON (sysstat's `json_stats.c`)."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from lastwords.model.history import Sample

from .lines import clock
from .samples import Reading

_MOST_SAMPLES = 20_000
_SAYS_SO = re.compile(rb'^\s{0,64}\{\s{0,64}"sysstat"\s{0,64}:')

# Part of the document, value in it, field, factor to its unit. Of two for one field the one that is there counts.
_VALUES: tuple[tuple[str, str, str, float], ...] = (
    ("queue", "runq-sz", "run_queue", 1),
    ("queue", "ldavg-1", "load_1", 1),
    ("queue", "blocked", "blocked", 1),
    ("memory", "memused-percent", "memory_used", 1),
    ("memory", "avail", "memory_available", 1024),
    ("memory", "commit-percent", "commit", 1),
    ("memory", "swpused-percent", "swap_used", 1),
    ("paging", "majflt", "faults", 1),
    ("io-reads", "bread", "read", 512),
    ("io-writes", "bwrtn", "written", 512),
)
_SUMS: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...] = (
    ("user", (("user", "nice"), ("usr", "nice"))),
    ("system", (("system",), ("sys", "irq", "soft"))),
)


def looks_like_sadf(head: bytes) -> bool:
    """Whether a file begins as `sadf -j` writes it."""
    return _SAYS_SO.match(head) is not None


def read_sadf(data: bytes, path: str) -> tuple[list[Sample], str | None]:
    """The samples of a document by time, and what was wrong with it.

    Args:
        data: the document.
        path: of the evidence.
    """
    try:
        document = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as problem:
        return [], f"{path}: no JSON of sadf that can be read: {problem}"
    samples: list[Sample] = []
    for host in _parts(_part(document, "sysstat").get("hosts")):
        for statistics in _parts(host.get("statistics")):
            if len(samples) < _MOST_SAMPLES and (sample := _sample(statistics, path)) is not None:
                samples.append(sample)
    return sorted(samples, key=lambda sample: sample.time), None


def _sample(statistics: dict[str, Any], path: str) -> Sample | None:
    stamp = _part(statistics, "timestamp")
    found = _time(stamp)
    if found is None:
        return None
    reading = Reading()
    cpus = [*_parts(statistics.get("cpu-load")), *_parts(statistics.get("cpu-load-all"))]
    for cpu in cpus:
        if cpu.get("cpu") in ("all", "-1"):
            for name in ("iowait", "steal", "idle"):
                reading.value(name, _number(cpu, name))
            for name, sets in _SUMS:
                parts = next((each for each in sets if set(each) <= cpu.keys()), ())
                reading.value(name, round(sum(_number(cpu, part) or 0.0 for part in parts), 2) if parts else None)
    io = _part(statistics, "io")
    for part, key, name, factor in _VALUES:
        reading.value(name, _number(_part(io if part.startswith("io-") else statistics, part), key), factor)
    paging = _part(statistics, "paging")
    if (scanned := _number(paging, "pgscank")) is not None:
        reading.value("scanned", scanned + (_number(paging, "pgscand") or 0.0))
    for disk in _parts(statistics.get("disk")):
        reading.busy(str(disk.get("disk-device", "")), _number(disk, "util-percent"), _number(disk, "await"))
    for device in _parts(_part(statistics, "network").get("net-dev")):
        if device.get("iface") != "lo":
            reading.traffic(*(_scaled(_number(device, key)) for key in ("rxkB", "txkB")))
    return reading.sample(found[0], path, zone=found[1])


def _time(stamp: dict[str, Any]) -> tuple[float, bool] | None:
    """The end of the interval, and whether its zone is known: `utc` is 1, or `tz` gives an offset or says UTC."""
    text = f"{stamp.get('date', '')} {stamp.get('time', '')}"[:40]
    shown = clock(text, "%Y-%m-%d %H:%M:%S")
    if shown is None:
        return None
    zone = str(stamp.get("tz", ""))[:20]
    if stamp.get("utc") == 1 or zone in ("UTC", "GMT"):
        return shown, True
    try:
        return datetime.strptime(f"{text} {zone}", "%Y-%m-%d %H:%M:%S %z").timestamp(), True
    except (ValueError, OverflowError):
        return shown, False


def _scaled(value: float | None) -> float | None:
    return None if value is None else value * 1024


def _part(of: object, name: str) -> dict[str, Any]:
    value = of.get(name) if isinstance(of, dict) else None
    return value if isinstance(value, dict) else {}


def _parts(of: object) -> Iterable[dict[str, Any]]:
    return [each for each in of if isinstance(each, dict)] if isinstance(of, list) else []


def _number(of: dict[str, Any], name: str) -> float | None:
    value = of.get(name)
    return float(value) if isinstance(value, int | float) and abs(value) < 1e18 else None
