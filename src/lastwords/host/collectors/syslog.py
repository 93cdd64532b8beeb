"""Logs in text files: what syslog daemons wrote, with their rotations, and what init wrote at boot."""

from .collector import collector
from .take import Take

LOGS = (
    "/var/log/kern.log*",  # Debian, Ubuntu
    "/var/log/messages*",  # Fedora, RHEL, SUSE
    "/var/log/syslog*",
    "/var/log/dmesg*",
    "/var/log/boot.log*",
    "/var/log/boot.msg*",
    "/var/log/warn*",  # SUSE
    "/var/log/kernel*",  # Arch with syslog-ng, Alpine
    "/var/log/kdump.log*",
    "/var/log/kdump/*",
)
_OF_EACH = 4
_BEFORE = 86400.0


@collector("syslog", "syslog", "kernel logs in /var/log", order=60, timeout=120)
def syslog(take: Take) -> None:
    """Of each log the newest files, as far back as a day before the boot that crashed."""
    since = None if take.boot.began is None else take.boot.began - _BEFORE
    for pattern in LOGS:
        take.files(pattern, newest=_OF_EACH, since=since)
