"""How large a dump will be: counted by makedumpfile, or estimated from /proc/meminfo; and the dump level."""

import re

from lastwords.model.oops import Struct

# makedumpfile(8): what each bit of the dump level leaves out, and where /proc/meminfo counts it.
_CACHE, _PRIVATE_CACHE, _USER, FREE_PAGES = 2, 4, 8, 16

# Kernel data packs to a fifth or a third with zlib, lzo or zstd; 16 MB of 70 MB in a small guest.
_PACKED_BEST, _PACKED_WORST = 5, 2


class DumpSize(Struct, frozen=True, kw_only=True):
    """An estimate. At a crash that was caused by a leak in the kernel, it will be more.

    Attributes:
        pages: bytes of the pages that are kept, before they are packed.
        likely: bytes of the file, as such data mostly packs.
        cautious: bytes of the file if it packs badly; the room to have.
        measured: it rests on a dump that this machine has made, not on what others' take.
    """

    pages: int
    likely: int
    cautious: int
    measured: bool = False


# The rows of `makedumpfile --mem-usage`, and the bit of the dump level that leaves each out.
_COUNTED = {
    "ZERO": 1,
    "NON_PRI_CACHE": _CACHE,
    "PRI_CACHE": _PRIVATE_CACHE,
    "USER": _USER,
    "FREE": FREE_PAGES,
    "KERN_DATA": 0,
}


def counted_size(text: str, level: int, *, packed: bool = True) -> DumpSize | None:
    """The size by what `makedumpfile --mem-usage /proc/kcore` writes; None where that is not its table.

    Args:
        text: what it wrote.
        level: makedumpfile's dump level.
        packed: the dump is compressed.
    """
    page = re.search(r"^page size:\s{1,20}(\d{1,9})", text, re.M)
    counts = {name: int(count) for name, count in re.findall(r"^([A-Z_]{4,20})\s{1,20}(\d{1,18})", text, re.M)}
    if page is None or not counts.keys() >= _COUNTED.keys():
        return None
    # Level 4 leaves out cache of both kinds.
    level |= _CACHE if level & _PRIVATE_CACHE else 0
    return _packed(sum(counts[name] for name, bit in _COUNTED.items() if not level & bit) * int(page[1]), packed=packed)


def dump_size(
    meminfo: dict[str, int], level: int, *, packed: bool = True, ratio: float | None = None
) -> DumpSize | None:
    """Estimate the dump of a machine with this memory; None where /proc/meminfo is not there.

    Args:
        meminfo: bytes, by the names of /proc/meminfo.
        level: makedumpfile's dump level.
        packed: the dump is compressed (`-c`, `-l`, `-p`, `-z`).
        ratio: bytes of dump for each byte of pages, as a rehearsal on this machine measured it; None without one.
    """
    total = meminfo.get("MemTotal")
    if total is None:
        return None
    shared = meminfo.get("Shmem", 0)
    cache = meminfo.get("Cached", 0) + meminfo.get("SwapCached", 0)
    left_out = 0
    if level & FREE_PAGES:
        left_out += meminfo.get("MemFree", 0)
    if level & _PRIVATE_CACHE:
        left_out += cache + meminfo.get("Buffers", 0)
    elif level & _CACHE:
        # Some of it is private (being written); meminfo does not tell how much, so half of the files' is counted.
        left_out += (cache - shared) // 2 + shared
    if level & _USER:
        left_out += meminfo.get("AnonPages", 0) + meminfo.get("Hugetlb", 0)
    pages = max(total - left_out, total // 100)
    if ratio is not None:
        likely = int(pages * ratio)
        return DumpSize(pages=pages, likely=likely, cautious=max(likely, min(2 * likely, pages)), measured=True)
    return _packed(pages, packed=packed)


def _packed(pages: int, *, packed: bool) -> DumpSize:
    if not packed:
        return DumpSize(pages=pages, likely=pages, cautious=pages)
    return DumpSize(pages=pages, likely=pages // _PACKED_BEST, cautious=pages // _PACKED_WORST)
