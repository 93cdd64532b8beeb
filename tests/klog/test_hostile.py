"""Whatever a file holds, the reader neither fails nor hangs nor eats the memory.

Logs are cut, spliced, mixed up and filled with what no kernel prints; an attacker may have written them.
"""

import gc
import random
import time
import tracemalloc
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lastwords.klog.inputs import find, recognise
from lastwords.klog.inputs.recognition import DIALECTS
from lastwords.klog.read import read
from lastwords.klog.scan import MOST, scan
from lastwords.model import Analysis, Log, from_json, to_json

from .attacks import NASTY, SEEDS, SHAPES, made, mutated
from .inputs.crash import PLAIN, TITLE
from .machine import BOOT, CRASH, oopses_of, quiet, stamped


def _whole(path: Path, data: bytes) -> Log:
    """Everything that is done to a log: scan, read, JSON there and back; the two must agree."""
    path.write_bytes(data)
    (source,) = find([str(path)])
    scanned = scan(source)
    found = read(source)
    if found.log is None:
        assert found.error
        assert scanned.error
        return Log(path="", format="", lines=0)
    log = found.log
    assert [(oops.title, oops.line) for oops in found.oopses] == [(oops.title, oops.line) for oops in scanned.oopses]
    analysis = Analysis(oopses=found.oopses, logs=(log,))
    assert from_json(to_json(analysis), Analysis) == analysis
    for oops in found.oopses:
        assert oops.line >= 1
        assert oops.title
        assert 1 <= oops.boot <= len(log.boots)
    for boot in log.boots[:3]:
        assert boot.line <= boot.last_line
        assert read(source, boot=boot.number).log is not None or source.error
    return log


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile") / "log"


@given(data=st.binary(max_size=2000))
@settings(max_examples=150)
def test_random_bytes(path: Path, data: bytes) -> None:
    _whole(path, data)


@given(parts=st.lists(st.sampled_from(NASTY) | st.binary(max_size=20), max_size=60))
@settings(max_examples=150)
def test_nothing_but_nasty_things(path: Path, parts: list[bytes]) -> None:
    _whole(path, b"".join(parts))


@given(data=mutated())
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_mutated_logs(path: Path, data: bytes) -> None:
    _whole(path, data)


@given(data=mutated())
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
def test_every_dialect_takes_everything(data: bytes) -> None:
    """Also what was recognised as something else; the boundary is one; the text is that of the file."""
    for make in DIALECTS.values():
        dialect = make()
        end = dialect.boundary(data)
        assert 0 <= end <= len(data)
        records = dialect.records(data[:end], 1) + make().records(data[end:], 1 + data.count(b"\n", 0, end))
        assert all(1 <= record.line <= data.count(b"\n") + 1 for record in records)
        assert all("\n" not in record.text and "\0" not in record.text for record in records)
    assert recognise(data).name


@given(data=mutated(), size=st.integers(1500, 9000))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_in_chunks(path: Path, data: bytes, size: int) -> None:
    """Small chunks: the machinery for huge files, on small ones."""
    sizes = {"CHUNK": size, "TAIL": size // 3, "SMALL": 100, "BEFORE": 150, "REACH": 500, "WIDEST": 5000}
    sizes |= {"LONGEST_LINE": 150, "AT_HAND": 50, "TAIL_RECORDS": 10}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in sizes.items():
            patch.setattr(f"lastwords.klog.scan.{name}", value)
        patch.setattr("lastwords.klog.chunks.LONGEST_LINE", sizes["LONGEST_LINE"])
        _whole(path, data)


@given(data=mutated())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_damaged_archives(path: Path, data: bytes) -> None:
    """The same for packed logs, whose packing is damaged."""
    rng = random.Random(len(data))
    packed = rng.choice([p for p in SEEDS if p.startswith((b"\x1f\x8b", b"\x28\xb5"))] or [data])
    _whole(path, packed[: rng.randrange(len(packed))] + data[:100])


def _cpu(path: Path, data: bytes) -> float:
    """CPU seconds of a read, from the file to JSON."""
    path.write_bytes(data)
    gc.collect()
    start = time.process_time()
    (source,) = find([str(path)])
    log = read(source).log
    assert log is not None
    msgspec.json.encode(log)
    return time.process_time() - start


@pytest.mark.parametrize("shape", SHAPES)
def test_linear_time(path: Path, shape: str) -> None:
    """Four times the size takes at most about four times as long. CPU time, since others use the machine as well."""
    small = min(_cpu(path, made(shape, 1 << 18)) for _ in range(2))
    large = _cpu(path, made(shape, 1 << 20))
    if large > 6 * small + 0.05:
        large = min(large, _cpu(path, made(shape, 1 << 20)))
    # Quadratic work would take 16 times as long; other work on the same caches costs some.
    assert large < 9 * small + 0.05
    assert large < 10


@pytest.mark.parametrize(
    ("shape", "megabytes"),
    [
        ("one line", 48),
        ("dmesg --json without end", 48),
        ("doubtful frames", 16),
        ("deep traces", 2),
        ("headlines", 2),
        ("boots that crash", 1),
    ],
)
def test_bounded_memory(path: Path, shape: str, megabytes: int) -> None:
    """A few chunks of 16 MB and what was found in them, whatever the size."""
    path.write_bytes(made(shape, megabytes << 20))
    (source,) = find([str(path)])
    tracemalloc.start()
    try:
        scan(source)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 120 << 20


@pytest.mark.slow
def test_a_line_of_100_megabytes(path: Path) -> None:
    """Between two crashes, both of which are found."""
    crash = "\n".join(stamped(CRASH, 500)).encode() + b"\n"
    path.write_bytes(crash + b"x" * (100 << 20) + b"\n" + crash)
    (source,) = find([str(path)])
    start = time.process_time()
    result = scan(source)
    assert time.process_time() - start < 20
    assert [oops.title for oops in result.oopses].count(TITLE) == 2
    assert result.lines == 2 * len(CRASH) + 1


def test_too_many_crashes(path: Path) -> None:
    """The first ones are read, and the rest is said to be there."""
    line = "[{0:12.6f}] BUG: KASAN: use-after-free in foo+0x1/0x2\n[{0:12.6f}] x\n[{0:12.6f}] x\n[{0:12.6f}] x\n"
    path.write_text("".join(line.format(n * 200) for n in range(MOST + 100)))
    (source,) = find([str(path)])
    result = scan(source)
    assert len(result.oopses) == MOST
    assert result.warning is not None
    assert result.warning.startswith(f"more than {MOST} crash reports; read up to line ")


def test_the_crash_survives_its_surroundings(path: Path) -> None:
    """Garbage around a whole report does not hide it."""
    rng = random.Random(7)
    garbage = rng.randbytes(30_000).replace(b"\r", b"") + b"\n"
    path.write_bytes(garbage + PLAIN.encode() + garbage)
    assert TITLE in [oops.title for oops in oopses_of(path)]


def test_healthy_logs_stay_healthy(path: Path) -> None:
    path.write_text("\n".join(stamped(BOOT, 0) + quiet(100, 90_000)) + "\n")
    assert oopses_of(path) == ()
