"""Proof: did a dump ever arrive, with this kernel and this configuration?"""

import datetime

from lastwords.host.dumps import dumps
from lastwords.host.machine import Host
from lastwords.host.rehearsal import result
from lastwords.host.rehearsal_record import MARKER, RESULT, last_result, marker
from lastwords.model.rehearsal import RehearsalResult

from . import Found, check, fail, ok, warn

_STATUS = "/var/lib/kdump/vmcore-creation.status"


@check(
    "last-dump",
    "a dump has arrived, with this kernel and configuration",
    "proof",
    why="Everything may look right and fail: firmware, disks and network cards have the last word. Only a dump that "
    "arrived is proof.",
)
def last_dump(host: Host) -> Found:
    """Kdump-utils' own test, and the newest whole dump against the kernel and kdump's configuration."""
    rehearse = "lastwords rehearse   # crashes this machine on purpose, after asking twice"
    settings = host.dump_settings
    directory = settings.path if settings and settings.kind == "local" else host.distribution.kdump.directory
    whole = [dump for dump in dumps(host.root, directory) if not dump.incomplete]
    status = (host.root.text(_STATUS, 4096) or "").partition("\n")[0]
    if "fail" in status.lower():
        return fail(f"the last test failed: {status[:120]}", _STATUS, fix="journalctl -b -1   # then: kdumpctl test")
    changed = {path: _changed(host, path) for path in (f"/boot/vmlinuz-{host.release}", _config(host))}
    at, source, what = (whole[0].written, whole[0].path, "the last dump") if whole else (0.0, directory, "")
    if "success" in status.lower() and (tested := _changed(host, _STATUS)) > at:
        at, source, what = tested, _STATUS, "the last test"
    rehearsal, record = _rehearsed(host)
    tried = rehearsal.rehearsal.started if rehearsal is not None and rehearsal.rehearsal is not None else 0.0
    if rehearsal is not None and rehearsal.outcome in ("none", "incomplete") and tried > at:
        fix = "look at the console of that boot and at the other checks; then again: lastwords rehearse"
        return fail(f"the rehearsal of {_day(tried)} failed: {rehearsal.summary}"[:300], record, fix=fix)
    if not what:
        return warn("never, as far as can be seen", source, fix=rehearse)
    newer = [path for path, when in changed.items() if when > at]
    if newer:
        return warn(f"{what} is of {_day(at)}, before {' and '.join(newer)} changed", source, fix=rehearse)
    return ok(f"{what} is of {_day(at)}", source)


def _rehearsed(host: Host) -> tuple[RehearsalResult | None, str]:
    """What came of the last crash on purpose, and where that was read: on a full disk no result can be kept."""
    kept, left = last_result(host.root), marker(host.root)
    if left is not None and (kept is None or kept.rehearsal != left):
        return result(host), MARKER
    return kept, RESULT


def _config(host: Host) -> str:
    return host.dump_settings.source if host.dump_settings else host.distribution.kdump.config


def _changed(host: Host, path: str) -> float:
    found = host.root.stat(path)
    return found.st_mtime if found else 0.0


def _day(at: float) -> str:
    return f"{datetime.datetime.fromtimestamp(at, datetime.UTC):%Y-%m-%d}"
