"""What a collector is given: takes files and outputs of commands, and keeps account of what could not be taken."""

import errno
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from lastwords.host.crashed_boot import CrashedBoot
from lastwords.host.item_name import item_id
from lastwords.host.root import NoRight, Root
from lastwords.host.staging import Staged, stage_bytes, stage_file
from lastwords.host.vault import Vault
from lastwords.model.evidence import Evidence, EvidenceState

from .collector import Collector

LARGEST_LOG = 256 << 20
"""Bytes of a log; of a longer one the end is taken."""
LARGEST_OUTPUT = 32 << 20
"""Bytes of a command's output."""
_SMALL = 64 << 10
_MOST_SMALL = 20_000

Report = Callable[[Evidence, Staged | None], None]


class Take:
    """The hands of one collector.

    Attributes:
        root: the machine, or the tree of one.
        boot: what is known of the boot that crashed.
        hang: the hang is going on: live state is wanted.
        all_dumps: those of earlier crashes too.
    """

    def __init__(
        self,
        collector: Collector,
        root: Root,
        vault: Vault,
        *,
        boot: CrashedBoot,
        report: Report,
        moved: Callable[[int], None],
        all_dumps: bool = False,
    ) -> None:
        self.root = root
        self.boot = boot
        self.all_dumps = all_dumps
        self._collector = collector
        self._vault = vault
        self._report = report
        self._moved = moved

    def file(
        self,
        path: str,
        *,
        kind: str = "",
        link: bool = False,
        tail: int | None = None,
        note: str = "",
        links_below: str = "",
    ) -> bool:
        """Take one file as it is.

        Args:
            path: on the host.
            kind: another one than the collector's.
            link: nobody writes to it any more, so that a hard link will do.
            tail: bytes; of a longer file only the end is taken.
            note: for the manifest.
            links_below: a directory that anybody may write to. Nothing below it is taken through a symbolic link:
                somebody else could have us read what he may not.

        Returns:
            It was there, whether or not it could be taken.
        """
        item = item_id(self._collector.id, path)
        if self._vault.holds(item):
            self._report(self._vault.items[item], None)
            return True
        began = time.monotonic()
        try:
            with self.root.open(path) as file:
                if links_below and not self._lies_below(file.fileno(), path, links_below):
                    self.miss(path, "refused", "a symbolic link in a directory that others write to: not followed")
                    return True
                found = os.fstat(file.fileno())
                if tail is not None and found.st_size > tail:
                    os.lseek(file.fileno(), found.st_size - tail, os.SEEK_SET)
                    note = _joined(note, f"the last {tail >> 20} MiB of {found.st_size >> 20}")
                staged = stage_file(self._vault.incoming, file.fileno(), link=link, most=tail, moved=self._moved)
        except NoRight:
            self.miss(path, "refused", "no right to read it")
            return True
        except FileNotFoundError:
            return False
        except PermissionError:
            self.miss(path, "refused", "no right to read it")
            return True
        except OSError as error:
            return self._could_not(path, error)
        note = _joined(note, "was written to while it was copied" if staged.changed else "")
        note = _joined(note, "a hard link to the original" if staged.way == "linked" else "")
        self._took(item, path, staged, kind=kind, note=note, modified=_own_time(path, found.st_mtime), began=began)
        return True

    def files(
        self,
        *patterns: str,
        newest: int = 100,
        since: float | None = None,
        kind: str = "",
        tail: int | None = LARGEST_LOG,
    ) -> int:
        """Take the files that fit patterns, the newest first.

        Args:
            patterns: as of `Root.glob`.
            newest: how many at most.
            since: seconds since the epoch; older ones are left out.
            kind: another one than the collector's.
            tail: as for `file`.

        Returns:
            How many were there.
        """
        found: dict[str, float] = {}
        for path in self.glob(*patterns):
            if self.root.is_file(path) and (status := self.root.stat(path)):
                found[path] = status.st_mtime
        paths = sorted(found, key=lambda path: (-found[path], path))
        wanted = [path for path in paths if since is None or found[path] >= since][:newest]
        for path in wanted:
            self.file(path, kind=kind, tail=tail)
        return len(wanted)

    def names(self, directory: str) -> list[str]:
        """Names in a directory; none, and a line that says so, where it may not be listed."""
        try:
            return self.root.names(directory)
        except NoRight:
            self.miss(directory, "refused", "no right to list it")
            return []

    def glob(self, *patterns: str) -> list[str]:
        """Paths that fit any of the patterns (see `Root.glob`); what may not be listed is told of."""
        found: dict[str, None] = {}
        for pattern in patterns:
            try:
                found |= dict.fromkeys(path for path in self.root.glob(pattern) if self._reaches(path))
            except NoRight as error:
                self.miss(error.path, "refused", "no right to list it")
        return list(found)

    def _reaches(self, path: str) -> bool:
        try:
            return self.root.exists(path)
        except NoRight:
            self.miss(path, "refused", "no right to read it")
            return False

    def small_files(
        self, name: str, patterns: Iterable[str], *, without: Callable[[str], bool] = lambda _path: False
    ) -> bool:
        """Take many small files of /proc and /sys as one text: `path:` and what stands in a line, as grep prints it.

        Args:
            name: of the item.
            patterns: as of `Root.glob`.
            without: paths to leave out.

        Returns:
            There was something.
        """
        patterns = list(patterns)
        if self.has(name):
            return True
        parts: list[bytes] = []
        for pattern in patterns:
            try:
                paths = self.root.glob(pattern)
            except NoRight:
                continue
            for path in paths[: _MOST_SMALL - len(parts)]:
                if not without(path):
                    try:
                        data = self.root.read(path, _SMALL)
                    except OSError as error:
                        if error.errno in (errno.ENOENT, errno.EISDIR, errno.ENOTDIR):
                            continue
                        data = f"({error.strerror})".encode()
                    parts += [b"%s:%s\n" % (os.fsencode(path), line) for line in data.rstrip(b"\n").split(b"\n")]
        if parts:
            self.output(name, ", ".join(patterns), b"".join(parts))
        return bool(parts)

    def has(self, name: str) -> bool:
        """Whether an earlier run took this item: then it need not be read again."""
        item = item_id(self._collector.id, name)
        if not self._vault.holds(item):
            return False
        self._report(self._vault.items[item], None)
        return True

    def output(
        self, name: str, origin: str, data: bytes, *, kind: str = "", note: str = "", began: float | None = None
    ) -> None:
        """Take what was read otherwise.

        Args:
            name: of the item; a command's or what it is.
            origin: where it comes from.
            data: the bytes.
            kind: another one than the collector's.
            note: for the manifest.
            began: `time.monotonic()` when reading began.
        """
        if self.has(name):
            return
        item = item_id(self._collector.id, name)
        began = time.monotonic() if began is None else began
        try:
            staged = stage_bytes(self._vault.incoming, data)
        except OSError as error:
            self._could_not(name, error)
            return
        self._took(item, origin, staged, kind=kind, note=note, modified=None, began=began)

    def command(
        self,
        name: str,
        *argv: str,
        seconds: float = 20,
        limit: int = LARGEST_OUTPUT,
        kind: str = "",
        silent: bool = False,
    ) -> bool:
        """Take what a command says; there is none with `--root`.

        Args:
            name: of the item.
            argv: program and arguments.
            seconds: its time limit.
            limit: bytes of its output; what is past it is lost.
            kind: another one than the collector's.
            silent: that it refuses is not worth a line (as with a boot that the journal does not know).

        Returns:
            Something was taken.
        """
        if self.has(name):
            return True
        began = time.monotonic()
        ran = self.root.run(*argv, seconds=seconds, limit=limit)
        if ran is None:
            return False
        origin = " ".join(argv)
        if not ran.out.strip():
            if ran.timed_out or (ran.status and not silent):
                why = (
                    f"no answer in {seconds:.0f} s" if ran.timed_out else ran.complaint[:200] or f"status {ran.status}"
                )
                denied = "permi" in why.lower() or "not permitted" in why.lower() or "must be root" in why.lower()
                self.miss(name, "refused" if denied else "failed", why, origin=origin)
            return False
        notes = [
            f"ended after {seconds:.0f} s" if ran.timed_out else "",
            f"cut after {limit >> 20} MiB" if ran.cut else "",
            f"exit status {ran.status}" if ran.status and not (ran.timed_out or ran.cut) else "",
        ]
        self.output(name, origin, ran.out, kind=kind, note=", ".join(filter(None, notes)), began=began)
        return True

    def miss(
        self,
        name: str,
        state: EvidenceState,
        note: str,
        *,
        origin: str = "",
        kind: str = "",
        modified: float | None = None,
    ) -> None:
        """Say of something why it was not taken; `modified` is its own time, where that tells something."""
        self._report(
            Evidence(
                id=item_id(self._collector.id, name),
                kind=kind or self._collector.kind,
                state=state,
                origin=_shown(origin or name),
                modified=modified,
                note=_shown(note),
            ),
            None,
        )

    def _took(
        self, item: str, origin: str, staged: Staged, *, kind: str, note: str, modified: float | None, began: float
    ) -> None:
        evidence = Evidence(
            id=item,
            kind=kind or self._collector.kind,
            state="taken",
            origin=_shown(origin),
            modified=modified,
            seconds=round(time.monotonic() - began, 3),
            note=note,
        )
        self._report(evidence, staged)

    def _could_not(self, name: str, error: OSError) -> bool:
        """A driver that has no answer says so with one of these; that is none of our failures."""
        if error.errno in (errno.ENODEV, errno.ENXIO, errno.ENODATA, errno.EOPNOTSUPP):
            return False
        self.miss(name, "failed", error.strerror or str(error))
        return True

    def _lies_below(self, file: int, path: str, directory: str) -> bool:
        """The open file is the one that the path names, without a link below the directory on the way."""
        top = self.root.resolve(directory)
        expected = top / Path(path).relative_to(directory)
        return os.readlink(f"/proc/self/fd/{file}") == str(expected)  # noqa: PTH115 - bytes that are no UTF-8 too


def _own_time(path: str, modified: float) -> float | None:
    """Files of /proc and /sys are as old as somebody's last look at them; pstore's have the time of the crash."""
    made_up = path.startswith(("/proc/", "/sys/")) and not path.startswith("/sys/fs/pstore/")
    return None if made_up else modified


def _shown(name: str) -> str:
    r"""Bytes of a name that are no UTF-8 as `\\xff`: JSON has no other way."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _joined(*notes: str) -> str:
    return "; ".join(filter(None, notes))
