"""The kernel that hangs, as evidence: what `vmcore` reads of it through /proc/kcore, and that as text.

A collector like those in `host`, but that room knows no dumps: so whoever has both hands this one over.
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec

from lastwords.host.collectors import Collector, Take
from lastwords.model import Machine, from_json, to_json
from lastwords.vmcore.live import KCORE, SECONDS, obstacle, read_running_kernel
from lastwords.vmcore.session import DumpError

NAME = "kcore"
KIND = "machine"
"""Of the item that holds a `Machine` as JSON."""
_JSON, _TEXT = "machine.json", "machine.txt"
_LARGEST = 512 << 20
"""Bytes of JSON that are read back: ten thousand tasks with their stacks come to some 30 MiB."""


def live_kernel(view: Callable[[Machine], str], kcore: str = KCORE) -> Collector:
    """The collector.

    Args:
        view: makes the text for people.
        kcore: the kernel's memory.
    """
    return Collector(
        id=NAME,
        kind=KIND,
        about="the running kernel's tasks, locks and requests",
        order=26,
        timeout=SECONDS + 10,
        hang=True,
        take=partial(_take, view=view, kcore=kcore),
    )


def _take(take: Take, view: Callable[[Machine], str], kcore: str) -> None:
    if not take.root.is_live or not take.root.runs_commands or (take.has(_JSON) and take.has(_TEXT)):
        return
    if (found := obstacle(kcore)) is not None:
        state, why = found
        take.miss(_JSON, state, why, origin=kcore)
        return
    # Where memory is short, this process is to go, not one of the user's.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    # Half a gigabyte of debuginfo is not fetched over the network while the machine hangs.
    os.environ.pop("DEBUGINFOD_URLS", None)
    began = time.monotonic()
    try:
        machine = read_running_kernel(kcore)
    except DumpError as error:
        take.miss(_JSON, "failed", str(error), origin=kcore)
        return
    take.output(_JSON, kcore, to_json(machine) + b"\n", note=_note(machine), began=began)
    take.output(_TEXT, kcore, view(machine).encode("utf-8", "replace"), kind="text")


def _note(machine: Machine) -> str:
    """What the manifest says of it."""
    missing = [part.name for part in machine.parts if part.error]
    lacks = f"; not read: {', '.join(missing)}" if missing else ""
    reader = f", by PID {machine.read_by}" if machine.read_by is not None else ""
    return f"read while it ran{reader}{lacks}"


def machine_in(path: Path) -> Machine:
    """The machine in such an item.

    Raises:
        ValueError: it holds none; with the reason in one line.
        OSError: it can't be read.
    """
    if path.stat().st_size > _LARGEST:
        raise ValueError(f"larger than {_LARGEST >> 20} MiB")
    try:
        return from_json(path.read_bytes(), Machine)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not the state of a machine: {' '.join(str(error).split())[:200]}") from None
