"""The memory of a machine in tables: the sums, then who holds it."""

from collections.abc import Iterator

from rich.text import Text

from lastwords.glossary.units import size
from lastwords.model import Memory, Suspect, Zone

from .escape import printable

_SUMS = (
    ("total", "total", ""),
    ("free", "free", ""),
    ("cpu_lists", "on CPUs' lists", "free too, but only for one CPU each"),
    ("available", "available", "the kernel's estimate of what can be had without swapping"),
    ("page_cache", "page cache", "with shared memory and tmpfs"),
    ("buffers", "buffers", ""),
    ("shmem", "shared, tmpfs", "in the page cache too"),
    ("anonymous", "processes", "anonymous pages"),
    ("mapped", "mapped files", "in the page cache too"),
    ("slab_reclaimable", "slab", "reclaimable"),
    ("slab_unreclaimable", "slab", "not reclaimable"),
    ("vmalloc", "vmalloc", ""),
    ("kernel_stack", "kernel stacks", "mostly in vmalloc too"),
    ("page_tables", "page tables", ""),
    ("percpu", "per CPU", ""),
    ("hugepages", "huge pages", ""),
    ("hugepages_free", "huge pages free", "reserved, but in nobody's use"),
    ("dirty", "dirty", ""),
    ("writeback", "writeback", ""),
    ("swap_total", "swap", ""),
    ("swap_free", "swap free", ""),
    ("committed", "committed", ""),
    ("commit_limit", "commit limit", ""),
    ("unaccounted", "unaccounted", "in use, and no counter explains it"),
)
# Shown even if there is none.
_ALWAYS = {"free", "available"}
_LOUD = 5
"""Percent of the memory; more that is unaccounted stands out."""


def memory_tables(memory: Memory, *, longest: int) -> Iterator[Text]:
    """All of it; of each list at most `longest` lines."""
    yield from _sums(memory)
    yield from _suspects(memory.suspects)
    yield from _oom(memory)
    yield from _zones(memory)
    yield from _processes(memory, longest)
    yield from _slabs(memory, longest)
    yield from _vmalloc(memory, longest)
    yield from _tmpfs(memory, longest)


def _heading(text: str) -> Text:
    return Text(f"\n{text}", "bold")


def _percent(part: int, whole: int | None) -> str:
    return f"{part * 100 / whole:.0f} %" if whole else ""


def _sums(memory: Memory) -> Iterator[Text]:
    yield Text("MEMORY", "bold")
    for field, name, remark in _SUMS:
        value: int | None = getattr(memory, field)
        if value is None or (not value and field not in _ALWAYS):
            continue
        share = "" if field.startswith(("swap", "commit")) else _percent(value, memory.total)
        loud = field == "unaccounted" and value * 100 > (memory.total or 0) * _LOUD
        yield Text(f"  {name:<15} {size(value):>10} {share:>6}  {remark}".rstrip(), "bold yellow" if loud else "")


def _suspects(suspects: tuple[Suspect, ...]) -> Iterator[Text]:
    for each in suspects:
        where = "of a sample of unaccounted pages" if each.where == "pages" else f"of a sample of {each.where}'s pages"
        target = f"{each.module}" + (f" ({each.function})" if each.function else "")
        line = f"  {each.pages} of {each.sampled} {where} point to module {target}: it may hold them"
        yield Text(printable(line), "bold yellow")


def _oom(memory: Memory) -> Iterator[Text]:
    if memory.oom_victims:
        victims = ", ".join(map(str, memory.oom_victims))
        yield Text(f"  the OOM killer has chosen, and they are still there: {victims}", "bold yellow")


def _zones(memory: Memory) -> Iterator[Text]:
    if not memory.zones:
        return
    yield _heading("ZONES")
    yield Text(
        "  NODE  ZONE           FREE        MIN        LOW       HIGH    MANAGED  FREE BLOCKS OF 1, 2, 4, … PAGES",
        "bold",
    )
    for zone in memory.zones:
        marks = " ".join(f"{size(each):>10}" for each in (zone.free, zone.minimum, zone.low, zone.high, zone.managed))
        blocks = " ".join(map(str, zone.blocks))
        style = _pressure(zone)
        yield Text(f"  {zone.node:>4}  {printable(zone.name):<8} {marks}  {blocks}{style[1]}", style[0])
    if len(memory.nodes) > 1:
        yield Text("  NODE      TOTAL       FREE      CACHE  PROCESSES       SLAB", "bold")
        for node in memory.nodes:
            sums = (node.total, node.free, node.page_cache, node.anonymous, node.slab)
            yield Text(f"  {node.number:>4} " + " ".join(f"{size(each):>10}" for each in sums))


def _pressure(zone: Zone) -> tuple[str, str]:
    if zone.managed and zone.free < zone.minimum:
        return "bold red", "  below min: only emergencies get pages"
    if zone.managed and zone.free < zone.low:
        return "yellow", "  below low: kswapd is at work"
    return "", ""


def _cut(heading: str, shown: int, number: int) -> Text:
    return _heading(f"{heading}, the {shown} largest" if number > shown else heading)


def _processes(memory: Memory, longest: int) -> Iterator[Text]:
    found = memory.processes[:longest]
    if not found:
        return
    yield _cut("PROCESSES", len(found), len(memory.processes))
    yield Text("      PID   RESIDENT  ANONYMOUS       FILE     SHARED       SWAP  OOM ADJ  COMMAND", "bold")
    for each in found:
        sums = (each.resident, each.anonymous, each.file, each.shared, each.swapped)
        adj = "-" if each.oom_score_adj is None else str(each.oom_score_adj)
        numbers = " ".join(f"{size(amount):>10}" for amount in sums)
        yield Text(f"  {each.pid:>7} {numbers} {adj:>8}  {printable(each.comm)}")


def _slabs(memory: Memory, longest: int) -> Iterator[Text]:
    found = memory.slabs[:longest]
    if not found:
        return
    yield _cut("SLAB CACHES", len(found), len(memory.slabs))
    yield Text("        SIZE     IN USE      TOTAL  OBJECT  CACHE", "bold")
    for cache in found:
        counts = " ".join(f"{'-' if each is None else each:>10}" for each in (cache.objects, cache.total))
        remark = "  reclaimable" if cache.reclaimable else ""
        yield Text(f"  {size(cache.bytes):>10} {counts} {cache.object_size:>7}  {printable(cache.name)}{remark}")


def _vmalloc(memory: Memory, longest: int) -> Iterator[Text]:
    found = memory.vmalloc_users[:longest]
    if not found:
        return
    yield _cut("VMALLOC", len(found), len(memory.vmalloc_users))
    yield Text("        SIZE   AREAS  CALLER", "bold")
    for user in found:
        module = f" [{user.module}]" if user.module else ""
        yield Text(printable(f"  {size(user.bytes):>10} {user.areas:>7}  {user.function}{module}"))


def _tmpfs(memory: Memory, longest: int) -> Iterator[Text]:
    found = [each for each in memory.tmpfs if each.used][:longest]
    if not found:
        return
    yield _heading("TMPFS")
    yield Text("        USED         OF  MOUNTED AT", "bold")
    for each in found:
        yield Text(f"  {size(each.used):>10} {size(each.size):>10}  {printable(each.target)}")
