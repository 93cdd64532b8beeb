"""Dumps, and the logs that kdump saved beside them: those of this crash only.

What each distribution's kdump leaves, one directory a crash:

    Debian, Ubuntu (kdump-tools)  /var/crash/202611240538/{dump,dmesg}.202611240538, while at it dump-incomplete
    Fedora, RHEL (kdump-utils)    /var/crash/127.0.0.1-2026-11-24-05:38:11/{vmcore,vmcore-dmesg.txt,kexec-dmesg.log},
                                  while at it vmcore-incomplete, vmcore-dmesg-incomplete.txt
    SUSE (kdump)                  /var/crash/2026-11-24-05:38/{vmcore,dmesg.txt,README.txt}, and if so configured
                                  the kernel: vmlinux-RELEASE.gz, System.map-RELEASE

The names under which unfinished dumps lie are evidence themselves: of a target that filled up, or of a second crash.
"""

import os
import posixpath
import re
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from lastwords.host.dump_room import room
from lastwords.host.dump_target import dump_directories

from .collector import collector
from .take import Take

_ABRT = "/var/spool/abrt"
_STAMP = re.compile(r"(20\d\d)-?(\d\d)-?(\d\d)-?(\d\d):?(\d\d)(?::?(\d\d))?$")
_DUMP = re.compile(r"(?:k?dump|vmcore)(?:[.-].{0,80})?")
_KERNEL = re.compile(r"vmlinux[.-].{0,80}")
_LOG = re.compile(r".{0,80}dmesg.{0,80}|README\.txt|.{0,80}\.log|System\.map.{0,80}")
_UNFINISHED = re.compile(r".{0,80}incomplete.{0,80}")
_DIFFERENT_ZONE = 26 * 3600.0
_RESTING = 60.0
"""Seconds without a change after which a dump counts as written to its end."""
_SAME_CRASH = 600.0
_MOST_DIRECTORIES = 1000
_MOST_SKIPPED = 20
_FULL = 1 << 20
_MOST_FILES = 64
"""Of one crash: a split dump has as many as there were CPUs to write it, a few mostly."""


@dataclass(frozen=True)
class _Crash:
    """One crash's directory.

    Attributes:
        files: their paths.
        at: seconds since the epoch: when the newest was written, or what the directory's name says.
        trusted: it belongs to root or to us, not to somebody who would have us believe something.
    """

    path: str
    below: str
    files: tuple[str, ...]
    at: float
    trusted: bool


@collector("dumps", "dump", "memory dumps and the logs beside them", order=90, timeout=600)
def dumps(take: Take) -> None:
    """Of the newest crash everything; older ones are told of."""
    crashes = sorted(_crashes(take), key=lambda crash: (crash.trusted, crash.at), reverse=True)
    mine = [crash for crash in crashes if take.boot.may_be_of_it(crash.at)]
    chosen = crashes if take.all_dumps else mine[:1]
    for crash in chosen:
        note = "" if crash.trusted else "in a directory that belongs neither to root nor to you"
        if take.boot.began is None and not take.all_dumps:
            note = "the newest; whether it is of this crash is not known, for want of a record of boots"
        files = sorted(crash.files, key=lambda path: (not _is_log(path), path))
        for path in files[:_MOST_FILES]:
            _take(take, crash, path, note)
        if len(files) > _MOST_FILES:
            take.miss(crash.path, "skipped", f"{len(files) - _MOST_FILES} more files than a crash leaves")
    _tell_of_the_others(take, [crash for crash in crashes if crash not in chosen], chosen)


def _take(take: Take, crash: _Crash, path: str, note: str) -> None:
    found = take.root.stat(path)
    finished = found is not None and not _UNFINISHED.fullmatch(posixpath.basename(path))
    if not finished:
        note = "; ".join(filter(None, (note, f"kdump did not finish it{_for_want_of_room(take, crash)}")))
    if found is not None and not found.st_size:  # as kdump-tools leaves it where makedumpfile is not installed
        note = "; ".join(filter(None, (note, "empty: kdump wrote nothing")))
    resting = found is not None and abs(time.time() - found.st_mtime) > _RESTING
    take.file(path, kind=_kind(posixpath.basename(path)), link=resting, note=note, links_below=crash.below)


def _for_want_of_room(take: Take, crash: _Crash) -> str:
    """A disk that is full is why; one that has room now may have been full then."""
    found = room(take.root, crash.below) if take.root.is_live else None
    return "" if found is None or found.for_root >= _FULL else f": {crash.below} has no room left"


def _tell_of_the_others(take: Take, crashes: list[_Crash], chosen: list[_Crash]) -> None:
    for crash in crashes[:_MOST_SKIPPED]:
        when = datetime.fromtimestamp(crash.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
        is_copy = crash.below == _ABRT and any(abs(crash.at - other.at) < _SAME_CRASH for other in chosen)
        what = "abrt's copy of the same dump" if is_copy else "another crash"
        told = f"of {when}: {what}; --all-dumps takes it too"
        take.miss(crash.path, "skipped", told, modified=None if is_copy else crash.at)
    if len(crashes) > _MOST_SKIPPED:
        take.miss("older", "skipped", f"{len(crashes) - _MOST_SKIPPED} more directories of other crashes")


def _crashes(take: Take) -> Iterator[_Crash]:
    seen = set()
    for top in dump_directories(take.root):
        if (real := take.root.real(top)) in seen:
            continue
        seen.add(real)
        names = take.names(top)
        loose = [f"{top}/{name}" for name in names if _DUMP.fullmatch(name)]
        if crash := _crash(take, top, top, [path for path in loose if take.root.is_file(path)]):
            yield crash
        for name in names[-_MOST_DIRECTORIES:]:
            path = f"{top}/{name}"
            if take.root.is_dir(path):
                inside = [f"{path}/{name}" for name in take.names(path)]
                files = [one for one in inside if _wanted(one) and not take.root.is_dir(one)]
                if crash := _crash(take, path, top, files):
                    yield crash
    for path in take.glob(f"{_ABRT}/vmcore-*"):
        if crash := _crash(take, path, _ABRT, [one for one in [f"{path}/vmcore"] if take.root.is_file(one)]):
            yield crash


def _crash(take: Take, path: str, below: str, files: list[str]) -> _Crash | None:
    found = [status for status in map(take.root.stat, files) if status]
    if not found:
        return None
    own = take.root.stat(path)
    written = max(status.st_mtime for status in found)
    named = _named_time(posixpath.basename(path), path == below, files)
    # The name is in the machine's own time zone, which we do not know; but a copy keeps it, and need not keep the time.
    at = named if named is not None and abs(written - named) > _DIFFERENT_ZONE else written
    trusted = own is not None and all(_is_trusted(status.st_uid, take) for status in found)
    if path != below:
        trusted = (
            trusted and own is not None and _is_trusted(own.st_uid, take) and not stat.S_IMODE(own.st_mode) & 0o002
        )
    return _Crash(path=path, below=below, files=tuple(files), at=at, trusted=trusted)


def _is_trusted(uid: int, take: Take) -> bool:
    return uid in (0, os.geteuid()) or not take.root.is_live


def _named_time(directory: str, loose: bool, files: list[str]) -> float | None:
    names = [posixpath.basename(path) for path in files] if loose else [directory]
    for name in names:
        if found := _STAMP.search(name):
            year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
            try:
                return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
            except ValueError:
                continue
    return None


def _wanted(path: str) -> bool:
    name = posixpath.basename(path)
    return any(pattern.fullmatch(name) for pattern in (_DUMP, _KERNEL, _LOG, _UNFINISHED))


def _kind(name: str) -> str:
    if _KERNEL.fullmatch(name):
        return "vmlinux"
    return "dmesg" if "dmesg" in name else "text" if _LOG.fullmatch(name) else "dump"


def _is_log(path: str) -> bool:
    return bool(_LOG.fullmatch(posixpath.basename(path)))
