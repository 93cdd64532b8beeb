"""Is a dump whole? What is lost, what was left out on purpose, and what can read it?

Headers, notes, VMCOREINFO, bitmaps and every page descriptor are held against the file's end; some pages are unpacked,
with `full` and in small dumps all of them.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from lastwords.model.dump import Dump, DumpCheck, DumpPart, DumpProblem, PageCount

from .formats import NotADump, OpenDump, open_dump
from .formats.elf import ElfHeader
from .formats.kdump_pages import KdumpMemory, KdumpPart
from .formats.physical import ExtentMemory
from .formats.storage import BrokenHeader
from .losses import parts
from .page_check import Faults, check_all, check_descriptors, sample

Progress = Callable[[int, int], None]

SAMPLE = 256
"""Pages that are unpacked of a large dump without `full`."""
SMALL = 256 << 20
"""Bytes; of a dump up to this size every page is unpacked anyway, which takes seconds."""

# What -d leaves out, bit by bit (makedumpfile's DL_EXCLUDE_*).
LEVELS = (
    (1, "zero pages"),
    (2, "page cache"),
    (4, "private page cache"),
    (8, "user pages"),
    (16, "free pages"),
)

_FREE_PAGES = 16
_INCOMPLETE_FLAG = "marked incomplete: there was no room for all of it, or it was salvaged"

# Problems that make a dump incomplete, or damaged; others are worth saying and no more.
_INCOMPLETE = frozenset({"cut-off", "incomplete-flag", "missing-part", "never-written"})
_DAMAGED = frozenset({"bad-header", "bad-notes", "bad-descriptor", "bad-page", "part-lost"})


def check(
    paths: Sequence[str],
    *,
    full: bool = False,
    small: int | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
    more: Callable[[OpenDump], Sequence[DumpPart]] | None = None,
) -> DumpCheck:
    """Check one dump.

    Args:
        paths: its file, or all files of a split dump.
        full: unpack every page, of a large dump too.
        small: bytes; of a dump up to this size every page is unpacked in any case; `SMALL` by default.
        jobs: processes for that.
        progress: called with what is done and what there is to do.
        more: adds what a reader with symbols can tell about what is left.

    Returns:
        The verdict; also for what is no dump, or can't be opened at all.
    """
    shown = paths[0] if len(paths) == 1 else f"{paths[0]} … ({len(paths)} files)"
    try:
        with open_dump(paths, progress=progress) as opened:
            return _check_open(shown, opened, full, SMALL if small is None else small, jobs, progress, more)
    except BrokenHeader as error:
        advice = (f"lastwords salvage {paths[0]} -o OUT looks for what is left without the header",)
        problem = DumpProblem(kind="bad-header", text=_without_path(str(error), paths))
        return DumpCheck(
            path=shown, verdict="damaged", summary=problem.text, advice=advice, size=_size(paths), problems=(problem,)
        )
    except (NotADump, OSError) as error:
        text = (isinstance(error, OSError) and error.strerror) or str(error)
        return DumpCheck(path=shown, verdict="not-a-dump", summary=_without_path(text, paths), size=_size(paths))


def _check_open(
    shown: str,
    opened: OpenDump,
    full: bool,
    small: int,
    jobs: int,
    progress: Progress | None,
    more: Callable[[OpenDump], Sequence[DumpPart]] | None,
) -> DumpCheck:
    problems = list(opened.problems)
    full = full or sum(raw.storage.size for raw in opened.raws) <= small
    if isinstance(opened.memory, KdumpMemory):
        pages, expected = _check_kdump(opened, opened.memory, full, jobs, progress, problems)
    else:
        pages, expected = _check_elf(opened, problems)
    if not opened.vmcoreinfo.text:
        text = "no VMCOREINFO in the header, and none found in memory"
        problems.append(DumpProblem(kind="no-vmcoreinfo", text=text))
    left = [*parts(opened), *(more(opened) if more else ())]
    verdict = _verdict(problems, pages)
    if verdict == "whole":
        problems += _lost(left)
        verdict = _verdict(problems, pages)
    return DumpCheck(
        path=shown,
        verdict=verdict,
        format=opened.dump.format,
        summary=_summary(verdict, opened.dump, pages, problems, full),
        advice=_advice(verdict, opened.dump, pages, problems, left),
        dump=opened.dump,
        size=_size([raw.plain_path for raw in opened.raws]),
        expected_size=expected,
        pages=pages,
        problems=tuple(problems),
        parts=tuple(left),
        full=full,
    )


def _check_kdump(
    opened: OpenDump,
    memory: KdumpMemory,
    full: bool,
    jobs: int,
    progress: Progress | None,
    problems: list[DumpProblem],
) -> tuple[PageCount, int | None]:
    faults = Faults()
    for part in memory.parts:
        faults.add(_check_part(part, problems))
    _check_ranges(memory, problems)
    unpacked = Faults()
    for found in (
        check_all(opened, jobs, progress)
        if full
        else [sample(part, SAMPLE // len(memory.parts)) for part in memory.parts]
    ):
        unpacked.add(found)
    if unpacked.damaged:
        text = f"pages that don't unpack: {_named(unpacked)}"
        problems.append(DumpProblem(kind="bad-page", text=text, count=unpacked.damaged))
    machine, dumped = memory.parts[0].memory.count, sum(part.count for part in memory.parts)
    elsewhere = max(memory.parts[0].dumped.count - dumped, 0)
    damaged = faults.damaged + unpacked.damaged
    pages = PageCount(
        machine=machine,
        stored=dumped - faults.missing - damaged,
        excluded=max(machine - dumped - elsewhere, 0),
        missing=faults.missing + elsewhere,
        damaged=damaged,
        decoded=unpacked.decoded,
    )
    return pages, None


def _check_part(part: KdumpPart, problems: list[DumpProblem]) -> Faults:
    """One file's flags, bitmaps and descriptors."""
    header, size = part.header, part.storage.size
    name = Path(part.storage.path).name
    if header.incomplete:
        text = f"{name}: {_INCOMPLETE_FLAG}"
        problems.append(DumpProblem(kind="incomplete-flag", text=text))
    if header.descriptors_offset > size:
        text = f"{name}: cut off inside its bitmaps, at {size} bytes: all pages are lost"
        problems.append(DumpProblem(kind="cut-off", text=text, offset=size))
    faults = check_descriptors(part)
    if faults.missing:
        unwritten = sum(reason == "never written" for _, reason in faults.named)
        kind, why = ("never-written", "were never written") if unwritten else ("cut-off", "lie behind the file's end")
        text = f"{name}: {faults.missing} of {part.count} pages {why}"
        problems.append(DumpProblem(kind=kind, text=text, offset=size, count=faults.missing))
    if faults.damaged:
        text = f"{name}: page descriptors that make no sense: {_named(faults, part.MISSING)}"
        problems.append(DumpProblem(kind="bad-descriptor", text=text, count=faults.damaged))
    elif part.count and not faults.missing:
        _check_count(part, name, problems)
    if not problems:
        _check_sub_header(part, name, problems)
    return faults


def _check_sub_header(part: KdumpPart, name: str, problems: list[DumpProblem]) -> None:
    """The sub header points to three texts in the file."""
    if (what := part.header.misplaced(part.storage.size)) is not None:
        text = f"{name}: the sub header puts its {what} behind the file's end: overwritten"
        problems.append(DumpProblem(kind="bad-header", text=text, offset=part.header.block_size))


def _check_count(part: KdumpPart, name: str, problems: list[DumpProblem]) -> None:
    """Page data begin right behind the descriptors: a bitmap with more or fewer bits than that was overwritten.

    makedumpfile 1.7.6 leaves room for the descriptors of the whole dump in each file of a split one.
    """
    first = min(found.offset for found in part.descriptors(0, min(part.count, 4096)))
    there = (first - part.header.descriptors_offset) // 24
    if part.header.version >= 3 and there > part.count and there != part.dumped.count:
        text = f"{name}: the bitmap names {part.count} pages, and there are {there} descriptors: overwritten"
        problems.append(DumpProblem(kind="bad-header", text=text))


def _check_ranges(memory: KdumpMemory, problems: list[DumpProblem]) -> None:
    """Whether the files of a split dump cover all page frames."""
    covered = 0
    for part in memory.parts:
        if part.header.start_pfn > covered:
            break
        covered = max(covered, part.header.end_pfn)
    if covered < memory.parts[0].header.max_mapnr:
        have = ", ".join(Path(part.storage.path).name for part in memory.parts)
        text = f"a split dump of which a file is not given: page frames from {covered:#x} on are not in {have}"
        problems.append(DumpProblem(kind="missing-part", text=text))


def _check_elf(opened: OpenDump, problems: list[DumpProblem]) -> tuple[PageCount, int | None]:
    raw = opened.raws[0]
    memory = opened.memory
    assert isinstance(memory, ExtentMemory)
    assert raw.elf_header is not None
    header: ElfHeader = raw.elf_header
    size = raw.storage.size
    if header.incomplete:
        problems.append(DumpProblem(kind="incomplete-flag", text=_INCOMPLETE_FLAG))
    machine = sum(found.size for found in memory.segments)
    stored = sum(min(extent.stored, extent.end - extent.start) for extent in memory.extents)
    there = sum(found.size for found in memory.present())
    if header.data_end > size:
        text = f"the file ends at {size} bytes, and its headers promise {header.data_end}"
        problems.append(DumpProblem(kind="cut-off", text=text, offset=size))
    if not machine:
        problems.append(DumpProblem(kind="bad-header", text="no segment holds any memory"))
    page = memory.page_size
    excluded = (machine - stored) // page
    pages = PageCount(
        machine=machine // page,
        stored=there // page,
        excluded=excluded,
        missing=machine // page - excluded - there // page,
    )
    return pages, header.data_end


def _named(faults: Faults, leave_out: Sequence[str] = ()) -> str:
    """The first bad pages."""
    named = [(address, reason) for address, reason in faults.named if reason not in leave_out][:3]
    text = "; ".join(f"{address:#x}: {reason}" for address, reason in named)
    more = faults.damaged - len(named)
    return f"{text}{f'; and {more} more' if more > 0 else ''}"


def _lost(left: Sequence[DumpPart]) -> list[DumpProblem]:
    """What an analysis needs and is not there, though its memory is: it was overwritten."""
    return [
        DumpProblem(kind="part-lost", text=f"the {part.name} can't be read: {part.text}")
        for part in left
        if part.state == "lost" and "left out" not in part.text
    ]


def _verdict(problems: Sequence[DumpProblem], pages: PageCount) -> str:
    kinds = {problem.kind for problem in problems}
    if kinds & _DAMAGED or pages.damaged:
        return "damaged"
    if kinds & _INCOMPLETE or pages.missing or "bad-container" in kinds:
        return "incomplete"
    return "whole"


def _summary(verdict: str, dump: Dump, pages: PageCount, problems: Sequence[DumpProblem], full: bool) -> str:
    if verdict == "whole" and dump.format != "elf" and not full:
        return f"{pages.decoded} of {pages.stored} pages unpacked, and those are good; --full unpacks all"
    if verdict == "whole":
        return "all there" if not pages.excluded else "all there, but for what was left out on purpose"
    if pages.missing:
        wanted = pages.stored + pages.missing + pages.damaged
        share = 100 * pages.missing / wanted if wanted else 100
        return f"{pages.missing} of {wanted} pages are missing ({share:.{0 if share > 1 else 2}f} %)"
    if pages.damaged:
        return f"{pages.damaged} pages are damaged"
    serious = [problem for problem in problems if problem.kind in _INCOMPLETE | _DAMAGED | {"bad-container"}]
    return serious[0].text if serious else f"a {dump.format} dump"


def level_text(level: int) -> str:
    """What a dump level leaves out: `31: without zero pages, page cache, …`."""
    names = [name for bit, name in LEVELS if level & bit]
    return f"{level}: without {', '.join(names)}" if names else f"{level}: nothing left out"


def _advice(
    verdict: str, dump: Dump, pages: PageCount, problems: Sequence[DumpProblem], left: Sequence[DumpPart]
) -> tuple[str, ...]:
    kinds = {problem.kind for problem in problems}
    advice = []
    # A dump that was salvaged has the flag too, and nothing more is to be had from it.
    flagged = verdict == "incomplete" and not pages.missing and kinds == {"incomplete-flag"}
    if kinds & {"incomplete-flag", "never-written"}:
        made = "if kdump wrote it: " if flagged else ""
        advice.append(f"{made}make room where kdump writes, or filter more (makedumpfile -d 31)")
    if "cut-off" in kinds:
        advice.append("if it was copied, copy it again and compare sizes")
    if "missing-part" in kinds:
        advice.append("give all files of the split dump together")
    if verdict != "whole" and not flagged:
        files = " ".join(dump.paths)
        lost = any(part.name == "log" and part.state != "whole" for part in left)
        log = "looks for the log in all of it" if lost else "saves the log"
        advice.append(f"lastwords salvage {files} -o OUT makes a dump of what is left, and {log}")
    if "no-vmcoreinfo" in kinds and "cut-off" not in kinds and dump.producer not in ("makedumpfile", "kernel"):
        advice.append("start QEMU with -device vmcoreinfo, and load qemu_fw_cfg in the guest, before the next crash")
    if (dump.dump_level or 0) & _FREE_PAGES and pages.machine and pages.stored > pages.machine * 3 // 4:
        advice.append("the filter took away next to nothing: is makedumpfile older than this kernel? Then update it")
    excluded = [part.name for part in left if part.state != "whole" and "left out" in part.text]
    if excluded:
        advice.append(f"{' and '.join(excluded)} were filtered away: use a newer makedumpfile, or a lower dump level")
    return tuple(advice)


def _without_path(text: str, paths: Sequence[str]) -> str:
    return text.removeprefix(f"{paths[0]}: ")


def _size(paths: Sequence[str]) -> int:
    total = 0
    for path in paths:
        try:
            total += os.stat(path).st_size  # noqa: PTH116  # Path refuses some strings with other errors
        except (OSError, ValueError):
            continue
    return total
