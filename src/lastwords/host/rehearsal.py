"""What is set down before a crash on purpose, and what came of it, after the reboot."""

import posixpath
import re
import time

from msgspec.structs import replace

from lastwords.model.rehearsal import Rehearsal, RehearsalResult

from .dump_estimate import estimate
from .dump_room import room
from .dumps import Dump, dumps
from .machine import Host, size_text
from .mounts import mounts
from .rehearsal_record import marker
from .root import Root

_CLOCK_SLACK = 5.0
"""Seconds that the crash kernel's clock may be behind: both read the same hardware clock, in whole seconds."""
_FULL = 1 << 20
"""Bytes. With less, a disk is full: kdump's `cp`, which follows a makedumpfile that failed, takes all it gets."""


def prepare(host: Host, purpose: str) -> Rehearsal:
    """What to set down before the crash. On a machine that hangs nothing is estimated: no command need come back."""
    settings = host.dump_settings
    directory = _directory(host)
    # Of a hung disk even the free space may never be told.
    size, free = (None, None) if purpose == "trigger" else (estimate(host), _free(host.root, directory))
    return Rehearsal(
        purpose="trigger" if purpose == "trigger" else "rehearsal",
        host=host.name,
        release=host.release,
        boot_id=boot_id(host.root),
        started=time.time(),
        directory=directory,
        server="" if settings is None or settings.kind in ("local", "device") else settings.where or settings.kind,
        pages=None if size is None else size.pages,
        expected=None if size is None else size.likely,
        free=free,
    )


def result(host: Host) -> RehearsalResult:
    """Look what came of the last crash on purpose.

    Raises:
        NoRight: the directory of dumps, or the marker, may not be read.
    """
    left = marker(host.root)
    if left is None:
        return RehearsalResult(outcome="not-rehearsed", summary="nobody has crashed this machine on purpose yet")
    base = RehearsalResult(outcome="none", summary="", rehearsal=left, release=host.release)
    if boot_id(host.root) == left.boot_id:
        return replace(base, outcome="not-crashed", summary="the machine has not rebooted since then")
    up = _booted_at(host.root)
    base = replace(base, back_after=round(up - left.started, 1) if up and up > left.started else None)
    if not left.directory:
        where = left.server or "a place that is not known"
        return replace(base, outcome="elsewhere", summary=f"the machine is back; its dump goes to {where}: look there")
    since = left.started - _CLOCK_SLACK
    found = [dump for dump in dumps(host.root, left.directory) if dump.written >= since]
    arrived = next((dump for dump in found if not dump.incomplete), None)
    if arrived is not None:
        text = f"a dump of {size_text(arrived.size)} arrived after {_seconds(arrived, left):.0f} s: {arrived.path}"
        return replace(_with(base, arrived, left), outcome="dump", summary=text)
    base = replace(base, free=_free(host.root, left.directory), log=_log(host.root, left.directory, since))
    # Where makedumpfile fails, kdump-tools goes on with cp: of two that were begun, the larger one holds more.
    begun = max(found, key=lambda dump: dump.size, default=None)
    why = _for_want_of_room(left, 0 if begun is None else begun.size, base.free)
    if begun is not None:
        text = f"a dump was begun and not finished: {begun.path}, {size_text(begun.size)}{why}"
        return replace(_with(base, begun, left), outcome="incomplete", summary=text)
    if base.log is not None:
        directory = posixpath.dirname(base.log)
        return replace(base, summary=f"kdump saved the log in {directory}, and no dump{why}")
    return replace(base, summary=f"no dump arrived in {left.directory}{why}")


def _with(base: RehearsalResult, dump: Dump, left: Rehearsal) -> RehearsalResult:
    return replace(base, dump=dump.path, size=dump.size, seconds=_seconds(dump, left))


def _seconds(dump: Dump, left: Rehearsal) -> float:
    return round(max(dump.written - left.started, 0.0), 1)


def _for_want_of_room(left: Rehearsal, saved: int, free: int | None) -> str:
    """Why there is no whole dump, as far as free space tells; empty where it tells nothing.

    Args:
        left: what was known before the crash.
        saved: bytes that were saved.
        free: bytes that can be written now: what runs after the boot may have made some room, or filled it.
    """
    if free is not None and free < _FULL:
        return f": it ran out of room: {left.directory} has {size_text(free)} free"
    known = [size for size in (left.free, None if free is None else saved + free) if size is not None]
    if left.expected is None or not known or min(known) >= 2 * left.expected:
        return ""
    likely = "most likely" if min(known) < left.expected else "perhaps"
    return f": {likely} for want of room: {size_text(min(known))} for about {size_text(left.expected)}"


def _free(root: Root, directory: str) -> int | None:
    found = room(root, directory) if directory else None
    return None if found is None else found.for_root


def _log(root: Root, directory: str, since: float) -> str | None:
    """The kernel log that kdump saved for itself, which takes little room; None where there is none."""
    for path in root.glob(f"{directory}/*/*dmesg*"):
        file = root.stat(path)
        if file is not None and file.st_mtime >= since and file.st_size and "kexec" not in path:
            return path
    return None


def boot_id(root: Root) -> str:
    """Of the running boot; empty where none runs."""
    return root.text("/proc/sys/kernel/random/boot_id", 64) or ""


def _directory(host: Host) -> str:
    """Where a dump on this machine's own disks will be seen; empty where it goes elsewhere."""
    settings = host.dump_settings
    if settings is None:
        return host.distribution.kdump.directory
    if settings.kind == "local":
        return settings.path
    if settings.kind == "device":
        for mount in mounts(host.root):
            if mount.device == settings.where:
                return f"{mount.directory.rstrip('/')}/{settings.path.lstrip('/')}"
    return ""


def _booted_at(root: Root) -> float | None:
    match = re.search(r"^btime (\d{1,12})$", root.text("/proc/stat") or "", re.M)
    return float(match[1]) if match else None
