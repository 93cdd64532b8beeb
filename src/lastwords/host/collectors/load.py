"""What the machine was doing: samples of sar and atop around the crash."""

from .collector import collector
from .take import Take

SAR = ("/var/log/sysstat/sa[0-9]*", "/var/log/sa/sa[0-9]*", "/var/log/sysstat/sar[0-9]*", "/var/log/sa/sar[0-9]*")
_DAYS = 4
_BEFORE = 86400.0


@collector("sar", "sar", "sar's samples", order=70, timeout=120)
def sar(take: Take) -> None:
    """The daily files, and as JSON those that only this machine's own sadf may be able to read."""
    take.files(*SAR, newest=2 * _DAYS, since=_since(take))
    if not take.root.runs_commands:
        return
    days = take.glob(SAR[0]) or take.glob(SAR[1])
    for path in sorted(days, key=lambda path: -_modified(take, path))[:_DAYS]:
        name = f"{path.rpartition('/')[2]}.json"
        take.command(
            name, "sadf", "-j", path, "--", "-u", "ALL", "-q", "-r", "-S", "-B", "-d", "-n", "DEV", silent=True
        )


@collector("atop", "atop", "atop's samples", order=72, timeout=60)
def atop(take: Take) -> None:
    """The daily files."""
    take.files("/var/log/atop/atop_*", "/var/log/atop/atopacctd*", newest=_DAYS, since=_since(take))


def _since(take: Take) -> float | None:
    return None if take.boot.began is None else take.boot.began - _BEFORE


def _modified(take: Take, path: str) -> float:
    found = take.root.stat(path)
    return found.st_mtime if found else 0.0
