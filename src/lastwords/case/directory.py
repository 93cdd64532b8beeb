"""The directory of a case: plain files, to be read and edited with any tool.

    case.toml                  what is known of the case, and notes
    checklist.toml             what became of each step of the checklist
    case.lock                  taken by whoever writes
    evidence/                  what was secured, read-only
    evidence/manifest.jsonl    one line an item: origin, time, size, SHA-256
    results/                   what came out: analysis.json and reports; can be made again

docs/case.md describes it for users.
"""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from lastwords.model import Analysis, Case, Note, from_json, to_json

from .atomic import write_file, writing
from .errors import CaseError
from .toml_files import Value, as_keys, change_toml, read_toml, when

CASE_TOML = "case.toml"
CHECKLIST_TOML = "checklist.toml"
LOCK = "case.lock"
EVIDENCE = "evidence"
MANIFEST = "manifest.jsonl"
RESULTS = "results"
ANALYSIS = "analysis.json"

_HEAD = "# A case of lastwords: yours to edit. Times may be local; lastwords writes UTC.\n"
_MOST_RESULT = 1 << 30
_RESULT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}")


class _Note(msgspec.Struct):
    at: datetime
    who: str = ""
    text: str = ""


class _CaseToml(msgspec.Struct):
    """`case.toml`, as people may have left it: unknown keys are theirs."""

    id: str
    created: datetime
    title: str = ""
    status: str = "open"
    host: str = ""
    crashed: datetime | None = None
    resolved: datetime | None = None
    resolution: str = ""
    note: list[_Note] = []


@dataclass(frozen=True)
class CaseDirectory:
    """A case on disk.

    Attributes:
        root: its directory.
        shown: what the user called it: a path, or the tar it was unpacked from.
        passing: unpacked for one command only, so that nothing may be written to it.
    """

    root: Path
    shown: str
    passing: bool = False

    @property
    def evidence(self) -> Path:
        """Where what was secured lies."""
        return self.root / EVIDENCE

    @property
    def results(self) -> Path:
        """Where what came out of it lies."""
        return self.root / RESULTS

    def read(self) -> Case:
        """What `case.toml` says.

        Raises:
            CaseError: it is missing or damaged.
        """
        path = self.root / CASE_TOML
        try:
            found = msgspec.convert(read_toml(path), _CaseToml)
        except msgspec.ValidationError as error:
            raise CaseError(f"{path}: {error}") from error
        if found.status not in ("open", "resolved"):
            raise CaseError(f"{path}: status is {found.status!r}, neither open nor resolved")
        return Case(
            id=found.id,
            title=found.title,
            status="resolved" if found.status == "resolved" else "open",
            host=found.host,
            created=found.created.timestamp(),
            crashed=found.crashed.timestamp() if found.crashed else None,
            resolved=found.resolved.timestamp() if found.resolved else None,
            resolution=found.resolution,
            notes=tuple(Note(at=note.at.timestamp(), who=note.who, text=note.text) for note in found.note),
            path=self.shown,
        )

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Around changes: keeps other writers out.

        Raises:
            CaseError: somebody else is writing, or the case can't be written to.
        """
        if self.passing:
            raise CaseError(f"{self.shown}: a tar is not written to; first: lastwords case open {self.shown}")
        with writing(self.root / LOCK):
            yield

    def note(self, text: str, who: str) -> None:
        """Append a note to `case.toml`."""
        with self.writing():
            change_toml(self.root / CASE_TOML, tables=[("note", {"at": when(time.time()), "who": who, "text": text})])

    def change(self, **keys: Value) -> None:
        """Set keys of `case.toml`."""
        with self.writing():
            change_toml(self.root / CASE_TOML, keys)

    def resolve(self, resolution: str, who: str) -> None:
        """Close the case."""
        now = when(time.time())
        keys: dict[str, Value] = {"status": "resolved", "resolved": now, "resolution": resolution}
        note: dict[str, Value] = {"at": now, "who": who, "text": f"resolved: {resolution}"}
        with self.writing():
            change_toml(self.root / CASE_TOML, keys, [("note", note)])

    def reopen(self, who: str) -> None:
        """Take a resolved case up again."""
        note: dict[str, Value] = {"at": when(time.time()), "who": who, "text": "opened again"}
        with self.writing():
            change_toml(self.root / CASE_TOML, {"status": "open"}, [("note", note)])

    def write_result(self, name: str, data: bytes) -> Path:
        """Put a file into `results/`, over an older one.

        Raises:
            CaseError: it can't be written, or would land elsewhere.
        """
        if not _RESULT_NAME.fullmatch(name):
            raise CaseError(f"{name}: no name for a result")
        if self.results.is_symlink():
            raise CaseError(f"{self.results}: a symbolic link; results are not written through it")
        with self.writing():
            try:
                self.results.mkdir(mode=0o750, exist_ok=True)
            except OSError as error:
                raise CaseError(f"{self.results}: {error.strerror or error}") from error
            write_file(self.results / name, data)
        return self.results / name

    def write_analysis(self, analysis: Analysis) -> Path:
        """Keep an analysis beside the evidence that it came from."""
        return self.write_result(ANALYSIS, to_json(analysis, indent=2) + b"\n")

    def analysis(self) -> Analysis | None:
        """The analysis that was made last, or None. One that this version can't read counts as none."""
        path = self.results / ANALYSIS
        try:
            if path.is_symlink() or path.stat().st_size > _MOST_RESULT:
                return None
            return from_json(path.read_bytes(), Analysis)
        except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
            return None

    def analysis_is_current(self) -> bool:
        """Whether the analysis is newer than the evidence."""
        try:
            made = (self.results / ANALYSIS).stat().st_mtime_ns
            return made >= (self.evidence / MANIFEST).stat().st_mtime_ns
        except OSError:
            return False


def is_case(path: Path) -> bool:
    """Whether a directory is a case."""
    return (path / CASE_TOML).is_file()


def make_case(root: Path, case: Case, shown: str | None = None) -> CaseDirectory:
    """Make the directory of a new case, or make a case of a directory that has evidence already.

    Raises:
        CaseError: it is a case already, or can't be made.
    """
    if is_case(root):
        raise CaseError(f"{root}: is a case already")
    keys: dict[str, Value] = {"id": case.id, "title": case.title, "status": case.status, "host": case.host}
    keys["created"] = when(case.created)
    if case.crashed is not None:
        keys["crashed"] = when(case.crashed)
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (EVIDENCE, RESULTS):
            (root / folder).mkdir(mode=0o750, exist_ok=True)
    except OSError as error:
        raise CaseError(f"{root}: {error.strerror or error}") from error
    directory = CaseDirectory(root, shown or str(root))
    with directory.writing():
        write_file(root / CASE_TOML, (_HEAD + as_keys(keys)).encode())
    return directory


def whoami() -> str:
    """Who writes: the user, also behind sudo."""
    import pwd

    if name := os.environ.get("SUDO_USER"):
        return name
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
