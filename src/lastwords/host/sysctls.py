"""Settings that the next boot will make: sysctl.d(5) and sysctl.conf, in the order of systemd-sysctl."""

import re

from lastwords.model.oops import Struct

from .root import NoRight, Root

# A file hides those of the same name in directories further down.
_DIRECTORIES = (
    "/etc/sysctl.d",
    "/run/sysctl.d",
    "/usr/local/lib/sysctl.d",
    "/usr/lib/sysctl.d",
    "/lib/sysctl.d",
)
_FILES_LIMIT = 500

# Where fixes put a setting: read after the distribution's own files.
OUR_FILE = "/etc/sysctl.d/99-lastwords.conf"


class Persisted(Struct, frozen=True, kw_only=True):
    """A setting of a file.

    Attributes:
        value: as it is written there.
        source: the file.
    """

    value: str
    source: str


def persisted_sysctls(root: Root) -> dict[str, Persisted]:
    """What the files set, by name with dots: `kernel.panic`. Files that may not be read are left out."""
    files: dict[str, str] = {}
    for directory in _DIRECTORIES:
        for name in root.names(directory)[:_FILES_LIMIT]:
            if name.endswith(".conf"):
                files.setdefault(name, f"{directory}/{name}")
    paths = [files[name] for name in sorted(files)]
    # procps reads it last; Debian's systemd sees it as 99-sysctl.conf.
    paths.append("/etc/sysctl.conf")
    found: dict[str, Persisted] = {}
    for path in paths:
        try:
            text = root.text(path) or ""
        except NoRight:
            continue
        for name, value in settings(text):
            found[name] = Persisted(value=value, source=path)
    return found


def set_command(name: str, value: str) -> str:
    """The command that sets it now and for the boots to come."""
    return f"echo '{name} = {value}' >> {OUR_FILE} && sysctl -p {OUR_FILE}"


def settings(text: str) -> list[tuple[str, str]]:
    """Names and values of a file in sysctl.d's format; a name with slashes is told with dots."""
    found = []
    for line in text.splitlines():
        match = re.match(r"\s{0,40}-?([\w./*-]{1,200}?)\s{0,40}=\s{0,40}(.{0,1000})", line)
        if match and not line.lstrip().startswith(("#", ";")):
            name = match[1]
            if "/" in name.partition(".")[0]:
                name = name.replace(".", "\0").replace("/", ".").replace("\0", "/")
            found.append((name, match[2].strip()))
    return found
