"""Room for the dump, and the dumps that are there already."""

from lastwords.host.dump_estimate import counted, estimate, estimate_text
from lastwords.host.dump_room import Room, room
from lastwords.host.dump_settings import DumpSettings
from lastwords.host.dumps import dumps
from lastwords.host.machine import Host, size_text

from . import Found, absent, check, fail, ok, unknown, warn
from .target import dump_directory, elsewhere, local_settings


@check(
    "dump-room",
    "there is room for a dump",
    "target",
    why="A dump that fills the disk is cut off, and a cut-off dump may lack the very page that matters.",
    decides="target",
)
def dump_room(host: Host) -> Found:
    """Free bytes and inodes against an estimate from /proc/meminfo and the dump level."""
    settings = local_settings(host)
    if settings is None:
        return absent(elsewhere(host))
    if (directory := dump_directory(host, settings)) is None:
        return unknown(f"{settings.where} is not mounted here", settings.source)
    size, source = estimate(host), f"{directory}, /proc/meminfo"
    if (size is None or not size.measured) and (count := counted(host)) is not None:
        size, source = count, f"{directory}, makedumpfile --mem-usage"
    found = room(host.root, directory)
    if found is None or size is None:
        return unknown("memory or free space is not known", directory)
    free = found.for_root - settings.keep_free
    value = f"{_free_text(found, settings.keep_free)}; {estimate_text(host, size)}"
    fix = _more_room(host, directory, settings)
    if found.inodes is not None and found.inodes < 10:
        return fail(
            f"no inodes are left in {directory}", directory, fix=fix, cost="the dump's file system has no inodes"
        )
    if free < size.likely:
        cost = f"{directory} has no room for a dump: {size_text(max(free, 0))} for about {size_text(size.likely)}"
        return fail(value, source, fix=fix, cost=cost)
    if min(free, found.free) < size.cautious:
        return warn(value, source, fix=fix)
    return ok(value, source)


def _free_text(found: Room, kept: int) -> str:
    """Free bytes; and those apart that only root can write, which the crash kernel does."""
    reserve = found.for_root - found.free
    text = f"{size_text(max(found.for_root - kept, 0))} free"
    return f"{text}, {size_text(reserve)} of it for root only" if reserve > found.free else text


def _more_room(host: Host, directory: str, settings: DumpSettings) -> str:
    cut = [dump for dump in dumps(host.root, directory) if dump.incomplete and dump.size]
    size = size_text(sum(dump.size for dump in cut))
    secured = f" (unfinished dumps there take {size}: lastwords capture, then remove them)" if cut else ""
    fix = f"make room in {directory}{secured}, or let dumps go elsewhere: {settings.source}"
    return fix if settings.level == 31 else f"{fix}; or leave out more: dump level 31"


@check(
    "dump-retention",
    "old dumps do not fill the disk",
    "target",
    why="Dumps are large. A machine that crashes in a loop fills its disk, unless only some are kept.",
)
def dump_retention(host: Host) -> Found:
    """KDUMP_NUM_DUMPS, KDUMP_KEEP_OLD_DUMPS, and what lies there."""
    settings = local_settings(host)
    directory = dump_directory(host, settings) if settings else None
    if settings is None or directory is None:
        return absent(elsewhere(host))
    found = dumps(host.root, directory)
    size = sum(dump.size for dump in found)
    there = f"{len(found)} dumps, {size_text(size)}" if found else "no dumps yet"
    if settings.keep:
        return ok(f"the last {settings.keep} are kept; {there}", settings.source)
    fixes = {
        "debian": f"set KDUMP_NUM_DUMPS=3 in {settings.source}",
        "suse": f"set KDUMP_KEEP_OLD_DUMPS=3 in {settings.source}",
    }
    fix = fixes.get(host.distribution.family, f"have systemd-tmpfiles or cron delete what is old in {directory}")
    left = room(host.root, directory)
    if left is not None and size > left.free:
        return warn(f"all are kept; {there}, more than is free", directory, fix=fix)
    return ok(f"all are kept; {there}", settings.source)


@check(
    "incomplete-dumps",
    "no dump was cut off",
    "target",
    why="kdump renames a dump only when it is whole: a left-over `incomplete` tells of a dump that failed.",
)
def incomplete_dumps(host: Host) -> Found:
    """Left-over vmcore-incomplete and dump-incomplete."""
    settings = local_settings(host)
    directory = (dump_directory(host, settings) if settings else None) or host.distribution.kdump.directory
    cut = [dump for dump in dumps(host.root, directory) if dump.incomplete]
    if not cut:
        return ok("none", directory)
    # Where makedumpfile fails, kdump-tools goes on with cp, which on a full disk leaves a second, empty one.
    last = next((dump for dump in cut if dump.size), cut[0])
    fix = f"lastwords verify {last.path}   # and look why: room, crashkernel's size, watchdog"
    return warn(f"{len(cut)}, the last {last.path} ({size_text(last.size)})", directory, fix=fix)


@check(
    "dump-directory-mode",
    "dumps can't be read by everybody",
    "target",
    why="A dump holds keys, passwords and everybody's data.",
)
def dump_directory_mode(host: Host) -> Found:
    """Modes of the directory and of the dumps in it."""
    settings = local_settings(host)
    directory = (dump_directory(host, settings) if settings else None) or host.distribution.kdump.directory
    found = host.root.stat(directory)
    if found is None:
        return absent(f"{directory} is not there", directory)
    mode = found.st_mode & 0o7777
    if mode & 0o002 and not mode & 0o1000:
        return warn(f"{mode:04o}: everybody can write and delete there", directory, fix=f"chmod o-w {directory}")
    if not mode & 0o005:
        return ok(f"{mode:04o}", directory)
    readable = [dump for dump in dumps(host.root, directory) if dump.mode & 0o004]
    if readable:
        return warn(f"everybody can read {readable[0].path}", directory, fix=f"chmod o-r {readable[0].path}")
    return ok(f"{mode:04o}, and no dump in it is readable by others", directory)
