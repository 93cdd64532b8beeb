"""How large the next dump of a host will be, by its settings: dump level, collector, and what a rehearsal measured."""

from .collector import collector
from .dump_size import FREE_PAGES, DumpSize, counted_size, dump_size
from .machine import Host, size_text
from .rehearsal_record import measured_ratio

_LEVELS = {1: "zero pages", 2: "page cache", 4: "private page cache", 8: "user pages", 16: "free pages"}


def estimate(host: Host) -> DumpSize | None:
    """How large a dump will be with kdump's settings, by /proc/meminfo; None where it can't be told."""
    return dump_size(host.meminfo, _level(host), packed=_packs(host), ratio=measured_ratio(host.root))


# makedumpfile looks at every page: some seconds for this much memory, minutes for a terabyte.
_COUNTABLE = 64 << 30


def counted(host: Host) -> DumpSize | None:
    """The same by makedumpfile's own count; None where it can't count here, or would take long."""
    if (host.memory or _COUNTABLE) >= _COUNTABLE:
        return None
    ran = host.root.run("makedumpfile", "--mem-usage", "/proc/kcore", seconds=15)
    return counted_size(ran.text, _level(host), packed=_packs(host)) if ran is not None and ran.ok else None


def _packs(host: Host) -> bool:
    settings = host.dump_settings
    if settings is not None and host.distribution.family == "fedora":
        return any(option in ("-c", "-l", "-p", "-z") for option in settings.options)
    return settings is None or settings.kind != "raw"


def _level(host: Host) -> int:
    """What is left out: the dump level, without free pages where makedumpfile is too old to find them."""
    settings = host.dump_settings
    level = settings.level if settings else 31
    tool = collector(host)
    return level & ~FREE_PAGES if tool is not None and tool.keeps_free_pages else level


def estimate_text(host: Host, size: DumpSize) -> str:
    """The estimate in words."""
    level = _level(host)
    left_out = [text for bit, text in _LEVELS.items() if level & bit]
    without = f"without {', '.join(left_out)}" if left_out else "everything"
    likely = f"about {size_text(size.likely)}, at worst {size_text(size.cautious)}"
    measured = ", as the rehearsal here measured" if size.measured else ""
    return f"a dump at level {level} ({without}) will take {likely}{measured}"
