"""Names in the evidence store: made from names of the host, which anybody may have chosen.

An item's id is its path below `evidence/`: `pstore/sys/fs/pstore/dmesg-efi-1`. Only letters, digits and a few signs
stand in it as they are; every other byte becomes `%XX`, as in a URL, so that no name leaves the store, hides in it (a
leading dot is the store's own) or plays tricks on a terminal, and no two names of the host become one.
"""

import hashlib
import os
import re

LONGEST = 200
"""Bytes of one component; file systems take 255."""
DEEPEST = 16
"""Components of an id."""
MANIFEST = "manifest.jsonl"

# No colon: Debian's names have none, and FAT, exFAT and NTFS, which USB sticks have, refuse Fedora's and SUSE's.
_UNSAFE = re.compile(rb"[^A-Za-z0-9_.+@=,-]")
_COMPONENT = re.compile(r"[A-Za-z0-9_+@=,:%-][A-Za-z0-9_.+@=,:%-]{0,254}")


class BadName(ValueError):
    """An id that is no path inside the store."""


def component(name: str | bytes) -> str:
    """One file name of the host as one component of an id.

    Example:
        >>> component("dmesg-efi-1"), component("../x"), component(".hidden")
        ('dmesg-efi-1', '%2E.%2Fx', '%2Ehidden')
    """
    raw = os.fsencode(name)
    safe = ("%2E" + _escaped(raw[1:]) if raw.startswith(b".") else _escaped(raw)) or "%"
    if len(safe) > LONGEST:
        safe = f"{safe[: LONGEST - 34]}%-{hashlib.sha256(raw).hexdigest()[:32]}"
    return safe


def item_id(collector: str, *names: str | bytes) -> str:
    """The id of a collector's item.

    Args:
        collector: its id.
        names: components, or paths of the host, which give one component for each of theirs.
    """
    parts = [part for name in names for part in os.fsencode(name).split(b"/") if part]
    if len(parts) > DEEPEST - 1:
        parts = [*parts[: DEEPEST - 2], b"/".join(parts[DEEPEST - 2 :])]
    return "/".join([component(collector), *(component(part) for part in parts)])


def checked(item: str) -> list[str]:
    """The components of an id.

    Raises:
        BadName: it is no relative path of safe names, as a manifest from elsewhere may hold.
    """
    parts = item.split("/")
    if len(parts) > DEEPEST or parts[0] == MANIFEST or not all(_COMPONENT.fullmatch(part) for part in parts):
        raise BadName(f"not a name inside the evidence store: {item[:200]!r}")
    return parts


def _escaped(raw: bytes) -> str:
    return _UNSAFE.sub(lambda match: b"%%%02X" % match[0][0], raw).decode("ascii")
