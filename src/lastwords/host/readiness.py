"""Run all readiness checks of a host and say in one sentence what its next crash will cost."""

from collections.abc import Callable

from lastwords import __version__
from lastwords.model.readiness import Check, Leaves, Readiness

from .checks import AREAS, Found, Registered, everything, unknown
from .machine import Host
from .root import NoRight, Root

_COSTS_LIMIT = 4


def readiness(root: Root) -> Readiness:
    """All checks of a host. None can stop the others: what a check raises is its own result."""
    host = Host(root)
    registered, broken = everything()
    checks = [run(one, host) for one in registered]
    checks += [_broken(name, reason) for name, reason in broken]
    leaves = _leaves(registered, checks)
    return Readiness(
        ready=leaves in ("dump", "log"),
        summary=_summary(leaves, registered, checks),
        leaves=leaves,
        checks=tuple(checks),
        host=_quietly(lambda: host.name),
        distribution=_quietly(lambda: host.distribution.name),
        release=_quietly(lambda: host.release),
        version=__version__,
    )


def run(one: Registered, host: Host) -> Check:
    """Run one check. What it may not read, and what goes wrong in it, makes it `unknown`."""
    try:
        found = one.function(host)
    except NoRight as error:
        found = unknown("no right to read it", error.path, fix="run as root: sudo lastwords doctor")
    except PermissionError as error:
        found = unknown("no right to read it", str(error.filename or ""), fix="run as root: sudo lastwords doctor")
    except Exception as error:  # a check's mistake must not cost the others
        found = unknown(f"the check failed: {type(error).__name__}: {error}"[:300])
    return _check(one, found)


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

    A dump needs a loaded crash kernel (or firmware that dumps) and no failure of what decides about the target.
    """
    by_kind: dict[str, list[str]] = {}
    for one, found in zip(registered, checks, strict=False):
        by_kind.setdefault(one.decides, []).append(found.status)
    kdump, target = by_kind.get("kdump", []), by_kind.get("target", [])
    firmware = by_kind.get("firmware", [])
    if "ok" in firmware or ("ok" in kdump and "fail" not in kdump and "fail" not in target):
        return "dump"
    if "ok" in by_kind.get("log", []):
        return "log"
    undecided = "fail" not in kdump and "fail" not in target and "unknown" in (*kdump, *firmware)
    if undecided:
        return "unknown"
    return "console" if by_kind.get("console", []).count("ok") else "nothing"


def _summary(leaves: Leaves, registered: list[Registered], checks: list[Check]) -> str:
    target = next((one.value for one in checks if one.id == "dump-target"), "")
    costs = [one.cost for one in checks if one.cost and one.status in ("fail", "warn")]
    dump_costs = [
        found.cost
        for one, found in zip(registered, checks, strict=False)
        if one.decides in ("kdump", "target") and found.cost and found.status == "fail"
    ]
    match leaves:
        case "dump":
            text = f"ready: a crash now leaves a dump ({target})" if target else "ready: a crash now leaves a dump"
            rest = [cost for cost in costs if cost not in dump_costs]
            return text + (f"; but {_listed(rest)}" if rest else "")
        case "log":
            kept = _listed([one.value for one in _deciding(registered, checks, "log")])
            return f"ready for a log only: a crash now leaves no dump: {_listed(dump_costs)}; the log survives ({kept})"
        case "console":
            consoles = _listed([one.value for one in _deciding(registered, checks, "console")])
            return (
                f"not ready: a crash now leaves no dump: {_listed(costs)}; "
                f"its log is seen only on the console ({consoles}), if something records that"
            )
        case "nothing":
            return f"not ready: a crash now leaves no dump and no log: {_listed(costs)}"
        case "unknown":
            return "not known: what decides it could not be read" + (f"; {_listed(costs)}" if costs else "")


def _deciding(registered: list[Registered], checks: list[Check], decides: str) -> list[Check]:
    pairs = zip(registered, checks, strict=False)
    return [found for one, found in pairs if one.decides == decides and found.status == "ok"]


def _listed(texts: list[str]) -> str:
    shown = texts[:_COSTS_LIMIT]
    more = len(texts) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
