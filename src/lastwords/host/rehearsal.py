"""What is set down before a crash on purpose, and what came of it, after the reboot."""

import re
import time

from msgspec.structs import replace

from lastwords.model.rehearsal import Rehearsal, RehearsalResult

from .dump_estimate import estimate
from .dumps import dumps
from .machine import Host, size_text
from .mounts import mounts
from .rehearsal_record import marker
from .root import Root

_CLOCK_SLACK = 5.0
"""Seconds that the crash kernel's clock may be behind: both read the same hardware clock, in whole seconds."""


def prepare(host: Host, purpose: str) -> Rehearsal:
    """What to set down before the crash. On a machine that hangs nothing is estimated: no command need come back."""
    settings = host.dump_settings
    size = None if purpose == "trigger" else estimate(host)
    return Rehearsal(
        purpose="trigger" if purpose == "trigger" else "rehearsal",
        host=host.name,
        release=host.release,
        boot_id=boot_id(host.root),
        started=time.time(),
        directory=_directory(host),
        server="" if settings is None or settings.kind in ("local", "device") else settings.where or settings.kind,
        pages=None if size is None else size.pages,
        expected=None if size is None else size.likely,
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
    found = [dump for dump in dumps(host.root, left.directory) if dump.written >= left.started - _CLOCK_SLACK]
    if not found:
        return replace(base, outcome="none", summary=f"no dump arrived in {left.directory}")
    path, size = found[0].path, found[0].size
    seconds = round(max(found[0].written - left.started, 0.0), 1)
    base = replace(base, dump=path, size=size, seconds=seconds)
    if not size or found[0].incomplete:
        text = f"a dump was begun and not finished: {path}, {size_text(size)}"
        return replace(base, outcome="incomplete", summary=text)
    text = f"a dump of {size_text(size)} arrived after {seconds:.0f} s: {path}"
    return replace(base, outcome="dump", summary=text)


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
