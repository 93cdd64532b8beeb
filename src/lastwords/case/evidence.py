"""What a case holds, sorted by who reads it; and files of the host, taken into a case."""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from lastwords.host.item_name import BadName, item_id
from lastwords.host.manifest import open_item, read_manifest, verify
from lastwords.host.readers import Form, recognize
from lastwords.host.vault import Vault, VaultError
from lastwords.klog.inputs import Input
from lastwords.model import CaseCheck, Evidence
from lastwords.vmcore.files import sort_files

from .directory import CaseDirectory, is_case
from .errors import CaseError
from .live_kernel import KIND as MACHINE

READ_AS_CRASH = frozenset(
    {"dump", "vmlinux", "module", "dmesg", "pstore", "journal", "syslog", "console", "netconsole", "log", "crash-tool"}
)
"""Kinds of evidence that are handed to the readers of logs and dumps. Lists of packages and settings are not: they
may well hold the words of a crash."""

_LIKE_A_LOG = re.compile(r"/(?:kmsg|waiting-tasks)[^/]{0,80}$")
_WAITING = "/waiting-tasks.txt"

_MAYBE_LOGS: tuple[Form | None, ...] = (None, "mcelog")
"""Forms that may be a kernel log as well: mcelog's lines stand in syslog between the kernel's."""

_MOST_FILES = 20_000
_LOOKED_AT = 1 << 20


@dataclass(frozen=True)
class Past:
    """A file of what had been recorded before the crash: where it is, what, and its name for the user."""

    path: Path
    form: Form
    shown: str


@dataclass(frozen=True)
class Holdings:
    """What the paths that a user gave come to.

    Attributes:
        paths: for the readers of logs and dumps.
        pasts: for the readers of what had been recorded.
        machines: of kernels that were read while they hung.
        evidence: of the cases among the paths.
        errors: what can't be used, one line each.
    """

    paths: tuple[str, ...] = ()
    pasts: tuple[Past, ...] = ()
    machines: tuple[Path, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    errors: tuple[str, ...] = ()


def holdings(paths: Sequence[str]) -> Holdings:
    """Put the evidence of a case in the place of its directory, and tell records of the past from logs."""
    read: list[str] = []
    pasts: list[Past] = []
    machines: list[Path] = []
    evidence: list[Evidence] = []
    errors: list[str] = []
    for path in dict.fromkeys(paths):
        here = Path(path)
        if path != "-" and is_case(here):
            case = CaseDirectory(here, path)
            files, problems = evidence_files(case)
            evidence += manifest_of(case)
            errors += problems + _unread_journals(files)
            machines += [file for file, kind in files if kind == MACHINE]
            if machines:  # it has these tasks and their stacks, and the locks that they wait for
                files = [(file, kind) for file, kind in files if not str(file).endswith(_WAITING)]
            for file, kind in files:
                form = recognize(file, _unpacked(file)) if kind not in ("dump", "vmlinux", "module") else None
                if form is not None:
                    pasts.append(Past(file, form, str(file)))
                if form in _MAYBE_LOGS and kind in READ_AS_CRASH:
                    read.append(str(file))
        else:
            form = recognize(here, _unpacked(here)) if path != "-" and here.is_file() else None
            if form is not None:
                pasts.append(Past(here, form, path))
            if form in _MAYBE_LOGS:
                read.append(path)
    return Holdings(tuple(read), tuple(pasts), tuple(machines), tuple(evidence), tuple(errors))


def _unread_journals(files: Sequence[tuple[Path, str]]) -> list[str]:
    """Where only the journal's own files were secured, as from a disk: how to have them read."""
    kinds = {kind for _path, kind in files}
    if "journal" in kinds or "journal-file" not in kinds:
        return []
    first = next(path for path, kind in files if kind == "journal-file")
    how = f"journalctl --file {first} -k -o export > kernel.export; lastwords case add CASE kernel.export"
    return [f"the journal is in its binary form, which is not read here: {how}"]


def manifest_of(case: CaseDirectory) -> tuple[Evidence, ...]:
    """What the manifest lists.

    Raises:
        CaseError: it can't be read.
    """
    try:
        return tuple(read_manifest(case.evidence).values())
    except OSError as error:
        raise CaseError(f"{case.evidence}: {error.strerror or error}") from error


def evidence_files(case: CaseDirectory) -> tuple[list[tuple[Path, str]], list[str]]:
    """The files of a case's evidence with their kinds, and what must not be read.

    Files that somebody put there by hand count as logs; a link or a path that leads out of the case is left alone.
    """
    files: list[tuple[Path, str]] = []
    errors: list[str] = []
    known: set[str] = set()
    for item in manifest_of(case):
        if item.state != "taken" or item.path is None:
            continue
        known.add(item.path)
        try:
            open_item(case.evidence, item).close()
        except BadName:
            errors.append(f"{case.shown}: the manifest names a path outside of the case: {item.path[:200]}")
        except OSError as error:
            errors.append(f"{case.evidence / item.path}: {error.strerror or error}")
        else:
            # What sysrq made the kernel print during a hang is a kernel log among states of /proc, and of the tasks
            # that wait the stacks are written down as the log of a hung task has them.
            kind = "dmesg" if item.kind == "hang" and _LIKE_A_LOG.search(item.path) else item.kind
            files.append((case.evidence / item.path, kind))
    for path in _files_below(case.evidence):
        name = str(path.relative_to(case.evidence))
        if name not in known:
            errors.append(f"{path}: not in the manifest: nobody knows where it comes from")
            files.append((path, kind_of(path)))
    return files, errors


def check_case(case: CaseDirectory) -> CaseCheck:
    """Compare the evidence with its manifest: sizes, hashes, and what else lies there.

    Raises:
        CaseError: `case.toml` is no good.
    """
    identity = case.read().id
    try:
        found = verify(case.evidence)
    except FileNotFoundError:
        return CaseCheck(id=identity, path=case.shown, good=False, error="no evidence has been secured yet")
    except OSError as error:
        return CaseCheck(id=identity, path=case.shown, good=False, error=f"{case.evidence}: {error.strerror or error}")
    return CaseCheck(
        id=identity,
        path=case.shown,
        good=found.good,
        whole=found.whole,
        missing=found.missing,
        changed=found.changed,
        surplus=found.surplus,
        unreadable=found.unreadable,
        damaged_lines=found.damaged_lines,
    )


def add_files(
    case: CaseDirectory, paths: Iterable[str], tell: Callable[[str], None] | None = None
) -> tuple[list[Evidence], list[str]]:
    """Take files, and directories with what is below them, into a case's evidence.

    Args:
        case: it gets the files.
        paths: of the host.
        tell: called with what is being taken.

    Returns:
        What was taken, and why other things were not.

    Raises:
        CaseError: somebody else writes to it, or it can't be written to.
    """
    taken: list[Evidence] = []
    errors: list[str] = []
    with case.writing():
        try:
            vault = Vault(case.evidence)
        except VaultError as error:
            raise CaseError(str(error)) from error
        with vault:
            for path, name in _named_files(paths, errors):
                if tell is not None:
                    tell(f"taking {path}")
                try:
                    taken.append(_take(vault, path, name))
                except (OSError, BadName) as error:
                    errors.append(f"{path}: {(isinstance(error, OSError) and error.strerror) or error}")
    return taken, errors


def kind_of(path: Path) -> str:
    """What a file is, for the manifest: `dump`, `vmlinux`, `module`, a form of `host.readers`, or `log`."""
    files = sort_files([str(path)])
    program = "dump" if files.dumps else "vmlinux" if files.vmlinux else "module" if files.modules else None
    form = recognize(path, _unpacked(path)) if program is None else None
    if form is None or (form in _MAYBE_LOGS and _has_kernel_lines(path)):
        return program or ("log" if files.logs else "file")
    return form


def _has_kernel_lines(path: Path) -> bool:
    """Whether a text of another program has the kernel's lines too, as syslog has."""
    with _unpacked(path)() as file:
        return b"kernel: " in file.read(_LOOKED_AT)


def _take(vault: Vault, path: Path, name: str) -> Evidence:
    kind = kind_of(path)
    item = _free_id(vault, item_id(kind, name))
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        status = os.fstat(handle)
        return vault.put(
            item, kind=kind, origin=str(path.absolute()), source=handle, link=False, modified=status.st_mtime
        )
    finally:
        os.close(handle)


def _free_id(vault: Vault, wanted: str) -> str:
    number, item = 1, wanted
    while item in vault.items and vault.items[item].state == "taken":
        number += 1
        item = f"{wanted}-{number}"
    return item


def _named_files(paths: Iterable[str], errors: list[str]) -> Iterable[tuple[Path, str]]:
    """Regular files, each with the name it gets: of a directory's files with the way to them."""
    for given in paths:
        path = Path(given)
        if path.is_dir():
            for file in _files_below(path):
                yield file, str(file.relative_to(path))
        elif path.is_file():
            yield path, path.name
        else:
            errors.append(f"{given}: {'not a regular file' if path.exists() else 'no such file'}")


def _files_below(top: Path) -> Iterable[Path]:
    """Regular files, not through links; without the evidence store's own."""
    count = 0
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if name != ".incoming")
        for name in sorted(names):
            path = Path(folder, name)
            if name in ("manifest.jsonl", ".lock") and folder == str(top):
                continue
            if path.is_symlink() or not path.is_file():
                continue
            count += 1
            if count > _MOST_FILES:
                return
            yield path


def _unpacked(path: Path) -> Callable[[], BinaryIO]:
    return lambda: Input(str(path), [path]).open()
