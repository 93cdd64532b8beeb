"""Versions of installed packages, from the package manager's own files or command."""

import re

from .root import NoRight, Root

_STATUS_LIMIT = 64 << 20


def installed_version(root: Root, *names: str) -> tuple[str, str] | None:
    """Version and source of the first of these packages that is installed; None where none is, or can't be told."""
    status = _dpkg(root)
    for name in names:
        if status:
            entry = re.search(rf"^Package: {re.escape(name)}\n(?:[^\n].*\n)*?Version: (.{{1,100}})$", status, re.M)
            if entry:
                return entry[1].strip(), "/var/lib/dpkg/status"
        for path in root.glob(f"/var/lib/pacman/local/{name}-*"):
            match = re.fullmatch(rf"{re.escape(name)}-([^-]{{1,80}}-[^-]{{1,20}})", path.rpartition("/")[2])
            if match:
                return match[1], path
        ran = root.run("rpm", "-q", "--qf", "%{VERSION}-%{RELEASE}", name, seconds=10)
        if ran is not None and ran.ok and ran.text:
            return ran.text, f"rpm -q {name}"
    return None


def _dpkg(root: Root) -> str:
    try:
        return (root.text("/var/lib/dpkg/status", _STATUS_LIMIT) or "") + "\n"
    except NoRight:
        return ""
