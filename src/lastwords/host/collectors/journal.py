"""The journal: of the boot that crashed and those before it, as text, and the journal's own files."""

from .collector import collector
from .take import Take

BOOTS = (-1, -2, -3, 0)
"""Of kdump, the boot before this one is the crash kernel's, if that had a journal."""
FILES = (
    "/var/log/journal/*/system*.journal*",
    "/run/log/journal/*/system*.journal*",
    "/var/log/journal/system*.journal*",
)
_LONGEST_DUMP = 3600.0
"""Seconds that the crash kernel runs at most, to write a dump."""
_MOST_MESSAGES = 30_000
_MESSAGE = 2048
"""Bytes of a message in the export format, with all its fields; few have more than half of it."""
_MOST_FILES = 12
_LARGEST_FILE = 256 << 20


@collector("journal", "journal", "the journal of the last boots", order=50, timeout=240)
def journal(take: Take) -> None:
    """The kernel's messages of the last boots, all messages of the one that crashed, then the binary files."""
    if take.root.runs_commands:
        take.command("list-boots.txt", "journalctl", "--list-boots", "--no-pager", kind="boots", silent=True)
        # Of a hang, what earlier boots said would be taken for its log.
        for boot in (0,) if take.boot.goes_on else BOOTS:
            _last_messages(take, f"kernel-boot{boot}.export", "-k", "-b", str(boot))
        # The last words of user space, too. The last boot may be kdump's own: then the one before it crashed.
        for boot in (0,) if take.boot.goes_on else (-1, -2) if _may_be_kdumps(take) else (-1,):
            _last_messages(take, f"all-boot{boot}.export", "-b", str(boot))
    _binary_files(take)


def _last_messages(take: Take, name: str, *which: str) -> None:
    """The end of a boot is what matters: the oldest messages are left out, where there are too many."""
    last = ("journalctl", *which, "-n", str(_MOST_MESSAGES), "-o", "export", "--no-pager")
    take.command(name, *last, seconds=45, limit=_MOST_MESSAGES * _MESSAGE, silent=True)


def _may_be_kdumps(take: Take) -> bool:
    boot = take.boot
    return boot.began is not None and boot.running is not None and boot.running - boot.began < _LONGEST_DUMP


def _binary_files(take: Take) -> None:
    """Those that were still written to during the boot that crashed; a file that is too old or large is told of."""
    paths = [path for pattern in FILES for path in take.glob(pattern) if take.root.is_file(path)]
    found = [(status.st_mtime, status.st_size, path) for path in paths if (status := take.root.stat(path))]
    found.sort(key=lambda one: -one[0])
    wanted = [one for one in found if take.boot.may_be_of_it(one[0])][:_MOST_FILES]
    for _time, size, path in wanted:
        if size > _LARGEST_FILE:
            take.miss(
                path,
                "skipped",
                f"{size >> 20} MiB: more than the {_LARGEST_FILE >> 20} MiB that are taken of a journal",
            )
        else:
            take.file(path, kind="journal-file")
    if len(found) > len(wanted):
        take.miss("older", "skipped", f"{len(found) - len(wanted)} older journal files", origin="/var/log/journal")
