"""Whose code it is, by the MAINTAINERS of a kernel source tree.

The file's patterns are read as `scripts/get_maintainer.pl -f` reads them: `F:` names files and directories, `X:` what
is none of theirs, `N:` is a regular expression for names; of the sections that fit, that with the longest path counts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import translate
from pathlib import Path
from posixpath import normpath

from lastwords.model import Culprit

from .definitions import definition, directory_of

_LARGEST = 16 << 20
"""Bytes of a MAINTAINERS that are read: Linux's has one million."""
_ENTRY = re.compile(r"([A-Z]):\s{1,40}(\S.{0,400}?)\s*\Z")
_LONGEST_PATH = 500
_MOST_PEOPLE = 3
_MOST_LISTS = 2
# Of regular expressions that anybody may have written only those are taken that can't run away.
_RUNS_AWAY = re.compile(r"\)[*+{?]|\\\d|\(\?")
_MOST_REPETITIONS = 2
_WITHOUT_OWNER = ("Orphan", "Obsolete")


class TreeError(Exception):
    """A directory is no kernel source tree; the message names it and says what is wrong."""


@dataclass(frozen=True)
class Section:
    """A section of MAINTAINERS: its `title`, and the values of its lines by their letter."""

    title: str
    entries: dict[str, list[str]] = field(default_factory=dict)

    def values(self, letter: str) -> list[str]:
        """Of all lines with that letter, in their order."""
        return self.entries.get(letter, [])

    def depth(self, path: str) -> int | None:
        """How closely it names a file: the parts of the pattern's path, or None where it does not at all."""
        if any(_fits(pattern, path) for pattern in self.values("X")):
            return None
        depths = [_depth(pattern) for pattern in self.values("F") if _fits(pattern, path)]
        depths += [0 for pattern in self.values("N") if _named(pattern, path)]
        return max(depths, default=None)

    def people(self) -> str:
        """Whom to write to: maintainers, then lists."""
        lists = [value.split()[0] for value in self.values("L")]
        people = [", ".join(self.values("M")[:_MOST_PEOPLE]), ", ".join(lists[:_MOST_LISTS])]
        state = next((state for state in self.values("S") if state.startswith(_WITHOUT_OWNER)), None)
        whom = "; ".join(part for part in people if part)
        return f"{self.title}{f' ({state})' if state else ''}: {whom}" if whom else self.title


@dataclass(frozen=True)
class SourceTree:
    """A kernel source tree: its `directory`, and the `sections` of its MAINTAINERS."""

    directory: Path
    sections: tuple[Section, ...]

    def owner(self, path: str) -> str | None:
        """Whom to ask about a file; None where only the list of all lists fits.

        Args:
            path: in the tree, as `fs/ext4/inode.c`.
        """
        found = [(depth, section) for section in self.sections if (depth := section.depth(path)) is not None]
        # The last section, THE REST, has all files: its depth is below that of any other.
        own = [pair for pair in found if pair[0] >= 0 and (pair[1].values("M") or pair[1].values("L"))]
        return max(own, key=lambda pair: pair[0])[1].people() if own else None

    def file(self, path: str) -> str | None:
        """A source file's path in the tree, from that which debuginfo or a decoded trace has; None where it has none.

        The kernel may have been built anywhere: `/build/linux-6.1.90/fs/ext4/inode.c`, `./fs/ext4/inode.c`.
        """
        parts = [part for part in normpath(path[:_LONGEST_PATH]).split("/") if part not in ("", ".", "..")]
        for start in range(len(parts)):
            rest = "/".join(parts[start:])
            try:
                if (self.directory / rest).is_file():
                    return rest
            except (OSError, ValueError):
                return None
        return None


def source_tree(directory: str | Path) -> SourceTree:
    """Read a tree's MAINTAINERS.

    Raises:
        TreeError: there is none, it can't be read, or it has no sections.
    """
    path = Path(directory) / "MAINTAINERS"
    try:
        if not path.is_file():
            raise TreeError(f"{directory}: no kernel source tree: it has no file MAINTAINERS")
        if path.stat().st_size > _LARGEST:
            raise TreeError(f"{path}: larger than 16 MiB, not the MAINTAINERS of a kernel")
        text = path.read_bytes().decode(errors="replace")
    except (OSError, ValueError) as error:
        raise TreeError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    sections = tuple(_sections(text))
    if not sections:
        raise TreeError(f"{path}: no section with a line `F:` in it, not the MAINTAINERS of a kernel")
    return SourceTree(Path(directory), sections)


def _sections(text: str) -> Iterator[Section]:
    """Sections: a title, its lines below, then an empty line. What stands before the first has no `F:`."""
    section: Section | None = None
    for line in text.splitlines():
        entry = _ENTRY.match(line)
        if entry is not None and section is not None:
            section.entries.setdefault(entry[1], []).append(entry[2])
        elif line[:1].isalnum() and entry is None:
            if section is not None and _useful(section):
                yield section
            section = Section(line.strip()[:100])
        elif not line.strip() and section is not None and section.entries:
            if _useful(section):
                yield section
            section = None
    if section is not None and _useful(section):
        yield section


def _useful(section: Section) -> bool:
    return bool(section.values("F") or section.values("N"))


def _fits(pattern: str, path: str) -> bool:
    """Whether a pattern of `F:` or `X:` names a file: itself, or a directory above it."""
    if not any(mark in pattern for mark in "*?["):
        folder = pattern if pattern.endswith("/") else pattern + "/"
        return path == pattern or path.startswith(folder)
    try:
        if re.match(translate(pattern + "*"), path) is None:
            return False
    except re.error:
        return False
    # A star crosses no directory, unless all below is meant.
    return pattern.endswith("/") or pattern.count("/") == path.count("/")


def _depth(pattern: str) -> int:
    if pattern.startswith("*"):
        return -1
    return pattern.count("/") + (not pattern.endswith("/"))


def _named(pattern: str, path: str) -> bool:
    """Whether a regular expression of `N:` fits."""
    repetitions = sum(pattern.count(mark) for mark in "*+{?")
    if _RUNS_AWAY.search(pattern) is not None or repetitions > _MOST_REPETITIONS:
        return False
    try:
        return re.search(pattern, path[:_LONGEST_PATH], re.VERBOSE) is not None
    except re.error:
        return False


def asked(tree: SourceTree, culprit: Culprit) -> tuple[str | None, str]:
    """Whom to ask about a culprit.

    Args:
        tree: the source of the kernel that crashed, or of one near to it.
        culprit: of the verdict.

    Returns:
        Whom, or None; then why not, in a sentence, or else the empty string.
    """
    if culprit.origin in ("out-of-tree", "proprietary"):
        return None, f"the module {culprit.module} is not of the kernel's tree, so {tree.directory} says nothing of it"
    if culprit.function is None and culprit.module is None and culprit.file is None:
        return None, ""
    what = f"{culprit.function}()" if culprit.function else f"the module {culprit.module}"
    path = _place(tree, culprit)
    if path is None:
        return None, f"in which file of {tree.directory} {what} stands is not known, so whose it is is not either"
    owner = tree.owner(path)
    return owner, "" if owner else f"{tree.directory}/MAINTAINERS does not say whose {path} is"


def _place(tree: SourceTree, culprit: Culprit) -> str | None:
    """The file: that of debuginfo, or where the module's directory defines the function; or just that directory."""
    if culprit.file is not None and (path := tree.file(culprit.file)) is not None:
        return path
    if culprit.module is None:
        # Where in 60,000 files a function of the kernel itself stands would take too long to find out.
        return None
    folder = directory_of(tree.directory, culprit.module)
    if folder is None:
        return None
    found = definition(tree.directory / folder, culprit.function) if culprit.function else None
    return f"{folder}/{found or 'Makefile'}"
