"""Run all readiness checks of a host and say in one sentence what its next crash will cost."""

import os
import threading
from collections.abc import Callable

from lastwords import __version__
from lastwords.model.readiness import Check, Leaves, Readiness

from .checks import AREAS, Found, Registered, everything, unknown
from .machine import Host
from .root import Root

# Longer than any command may take that a check runs. What hangs once hangs for the next check too.
SECONDS = 90
AFTER_A_HANG = 5
HANGS = "a file system or command does not answer within"

_COSTS_LIMIT = 4


def readiness(root: Root, tell: Callable[[str], None] | None = None) -> Readiness:
    """All checks of a host. None can stop the others: what a check raises is its own result.

    Args:
        root: the host.
        tell: called with what is being looked at.
    """
    host = Host(root)
    registered, broken = everything()
    checks: list[Check] = []
    seconds = SECONDS
    for one in registered:
        if tell is not None:
            tell(f"looking at {one.id}")
        checks.append(run(one, host, seconds))
        if HANGS in checks[-1].value:
            seconds = AFTER_A_HANG
    checks += [_broken(name, reason) for name, reason in broken]
    leaves = _leaves(registered, checks)
    return Readiness(
        ready=leaves in ("dump", "log"),
        summary=_summary(leaves, registered, checks) + _container(checks),
        leaves=leaves,
        checks=tuple(checks),
        host=_quietly(lambda: host.name),
        distribution=_quietly(lambda: host.distribution.name),
        release=_quietly(lambda: host.release),
        version=__version__,
    )


def run(one: Registered, host: Host, seconds: float = SECONDS) -> Check:
    """Run one check. What it may not read, what goes wrong in it and what hangs makes it `unknown`.

    Args:
        one: the check.
        host: the machine.
        seconds: it is left behind after that: a dead NFS server lets whoever looks at its files wait for ever.
    """
    answer: list[Found] = []
    worker = threading.Thread(target=lambda: answer.append(_found(one, host)), daemon=True)
    worker.start()
    worker.join(seconds)
    return _check(one, answer[0] if answer else unknown(f"{HANGS} {seconds:.0f} s"))


def _found(one: Registered, host: Host) -> Found:
    try:
        return one.function(host)
    except PermissionError as error:  # NoRight, and what the libraries raise
        return unknown("no right to read it", str(error.filename or ""), fix=_as_root())
    except Exception as error:  # a check's mistake must not cost the others
        return unknown(f"the check failed: {type(error).__name__}: {error}"[:300])


def _as_root() -> str:
    return "run as root: sudo lastwords doctor" if os.geteuid() else ""


def _check(one: Registered, found: Found) -> Check:
    return Check(
        id=one.id,
        title=one.title,
        status=found.status,
        value=found.value,
        source=found.source,
        why=one.why,
        fix=found.fix,
        area=one.area,
        cost=found.cost,
    )


def _broken(name: str, reason: str) -> Check:
    return Check(
        id=f"plugin-{name}",
        title=f"checks of the plugin {name}",
        status="unknown",
        value=f"it can't be loaded: {reason}"[:300],
        area=next(reversed(AREAS)),
    )


def _quietly(fact: Callable[[], str]) -> str:
    try:
        return fact()
    except OSError:
        return ""


def _leaves(registered: list[Registered], checks: list[Check]) -> Leaves:
    """What a crash would leave.

    A dump needs a loaded crash kernel, or fadump, and no failure of what decides about the target; or firmware that
    dumps by itself.
    """
    by_kind: dict[str, list[str]] = {}
    for one, found in zip(registered, checks, strict=False):
        by_kind.setdefault(one.decides, []).append(found.status)
    kdump, target = by_kind.get("kdump", []), by_kind.get("target", [])
    fadump, firmware = by_kind.get("fadump", []), by_kind.get("firmware", [])
    captures = "ok" in fadump or set(kdump) == {"ok"}
    if "ok" in firmware or (captures and "fail" not in target):
        return "dump"
    if "ok" in by_kind.get("log", []):
        return "log"
    no_dump = "fail" in (*kdump, *fadump, *target)
    if (not no_dump and "unknown" in (*kdump, *fadump, *firmware)) or "unknown" in by_kind.get("log", []):
        return "unknown"
    return "console" if by_kind.get("console", []).count("ok") else "nothing"


def _summary(leaves: Leaves, registered: list[Registered], checks: list[Check]) -> str:
    no_dump = _costs(registered, checks, lambda one: one.decides in ("kdump", "fadump", "target", "firmware"))
    no_log = _costs(registered, checks, lambda one: one.area == "fallback")
    others = _costs(registered, checks, lambda one: not one.decides and one.area != "fallback")
    match leaves:
        case "dump":
            target = next((one.value for one in checks if one.id == "dump-target" and one.status == "ok"), "")
            text = f"ready: a crash now leaves a dump{f', {target}' if target else ''}"
            return f"{text}; but {_listed(others)}" if others else text
        case "log":
            kept = ", ".join(_ok(registered, checks, "log"))
            return f"ready for a log only: a crash now leaves its log ({kept}), but no dump: {_listed(no_dump)}"
        case "console":
            consoles = ", ".join(_ok(registered, checks, "console"))
            return (
                f"not ready: a crash now leaves no dump: {_listed(no_dump + no_log)}; "
                f"its last words are seen only where something records the console ({consoles})"
            )
        case "nothing":
            return f"not ready: a crash now leaves no dump and no log: {_listed(no_dump + no_log)}"
        case "unknown":
            what = "whether its log survives" if no_dump else "what decides it"
            known = f"a crash now leaves no dump: {_listed(no_dump)}; " if no_dump else ""
            return f"not known: {known}{what} could not be read, see below"


def _container(checks: list[Check]) -> str:
    found = next((one for one in checks if one.id == "container" and one.status == "warn"), None)
    return "; but this is a container: its host decides, ask there" if found else ""


def _costs(registered: list[Registered], checks: list[Check], wanted: Callable[[Registered], bool]) -> list[str]:
    """What the checks that are not well say of the next crash, each once."""
    pairs = zip(registered, checks, strict=False)
    costs = [found.cost for one, found in pairs if found.cost and found.status in ("fail", "warn") and wanted(one)]
    return list(dict.fromkeys(costs))


def _ok(registered: list[Registered], checks: list[Check], decides: str) -> list[str]:
    pairs = zip(registered, checks, strict=False)
    return [found.value for one, found in pairs if one.decides == decides and found.status == "ok"]


def _listed(texts: list[str]) -> str:
    more = len(texts) - _COSTS_LIMIT
    return ", ".join(texts[:_COSTS_LIMIT]) + (f" and {more} more" if more > 0 else "")
