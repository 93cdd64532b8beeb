"""The files of pstore file systems and of systemd-pstore's archive: which of them belong to one crash."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from .pstore import HEADER

# fs/pstore/inode.c: pstore_mkfile(). The number is the backend's record id.
NAME = re.compile(r"dmesg-([a-z_]{1,32})-([0-9]{1,24})(\.enc\.z)?")
# systemd-pstore leaves the parts beside what it put together from them.
PUT_TOGETHER = "dmesg.txt"
# drivers/firmware/efi/efi-pstore.c: generic_id() is (seconds * 100 + part) * 1000 + count.
EFI = ("efi", "efi_pstore")
# The parts of one crash are written in one go, but NVRAM is slow.
SECONDS_APART = 60


class PartFile(msgspec.Struct, frozen=True):
    """One pstore file. `crash` is what all parts of one crash have in common, `time` is 0 if unknown."""

    path: Path
    crash: tuple[str, str, str]
    time: int
    number: int
    part: int


def is_compressed(path: Path) -> bool:
    """Whether the kernel left the record compressed."""
    name = NAME.fullmatch(path.name)
    return name is not None and name[3] is not None


def part_file(path: Path, start: bytes) -> PartFile | None:
    """What the name and the first bytes of a file say about it; None if it isn't a pstore record.

    Args:
        path: the file.
        start: its first bytes, unpacked.
    """
    name = NAME.fullmatch(path.name)
    if not name:
        return None
    backend, number = name[1], int(name[2])
    is_efi = backend in EFI and number > 10**9
    header = HEADER.search(start)
    if header:
        part, crash = int(header[2]), header[1].decode("ascii")
    else:
        part, crash = (number // 1000 % 100 if is_efi else 1), ""
    return PartFile(path, (str(path.parent), backend, crash), number // 100_000 if is_efi else 0, number, part)


def crashes(parts: list[PartFile]) -> Iterator[list[PartFile]]:
    """The parts of each crash, the oldest text first."""
    crash: dict[int, PartFile] = {}
    last = None
    for part in sorted(parts, key=lambda part: (part.crash, part.time, part.number)):
        if last and (part.crash != last.crash or part.time > last.time + SECONDS_APART or part.part in crash):
            yield _ordered(crash)
            crash = {}
        crash[part.part] = last = part
    if crash:
        yield _ordered(crash)


def _ordered(crash: dict[int, PartFile]) -> list[PartFile]:
    return [crash[part] for part in sorted(crash, reverse=True)]
