"""`lastwords verify --full` against plain decompression of the same pages over all CPUs.

    python bench/verify_full.py [DUMP] [--filled 1500] [--runs 3]

DUMP is kdump-compressed with zlib, and large; without one, a guest is dumped in the lab with so many MiB of its memory
filled. Plain decompression knows beforehand where the pages are: it maps the file, calls zlib for one page after the
other in as many processes as there are CPUs, and checks nothing. Exits with 1 below 70 % of its speed.
"""

import argparse
import mmap
import os
import sys
import tempfile
import time
import zlib
from multiprocessing import get_context
from pathlib import Path

from guests import make_dump
from measure import lastwords, measure

from lastwords.lab.dump import reassembled
from lastwords.vmcore.formats import open_dump
from lastwords.vmcore.formats.compression import ANY_METHOD, ZLIB
from lastwords.vmcore.formats.kdump_pages import KdumpMemory

WANTED = 0.70
_BATCH = 4096

Place = tuple[int, int]
"""Offset and size of a page."""


def pages(dump: Path) -> tuple[str, list[Place]]:
    """The file with the pages, and where each that is compressed is in it."""
    with open_dump([str(dump)]) as opened:
        if not isinstance(opened.memory, KdumpMemory):
            raise SystemExit(f"{dump}: not kdump-compressed")
        (part,) = opened.memory.parts
        found = [place for place in part.descriptors(0, part.count) if place.flags & ANY_METHOD]
        if any(place.flags & ANY_METHOD != ZLIB for place in found):
            raise SystemExit(f"{dump}: compressed by something else than zlib")
        return part.storage.path, [(place.offset, place.size) for place in found]


def unpack(places: list[Place]) -> int:
    """Unpack pages of the file that is mapped."""
    size = 0
    for offset, length in places:
        size += len(zlib.decompress(_mapped[offset : offset + length]))
    return size


_mapped: mmap.mmap


def plain(path: str, places: list[Place]) -> tuple[float, int]:
    """Seconds, and bytes that it came to."""
    global _mapped
    batches = [places[at : at + _BATCH] for at in range(0, len(places), _BATCH)]
    began = time.perf_counter()
    with (
        Path(path).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as _mapped,
        get_context("fork").Pool(os.cpu_count()) as pool,
    ):
        size = sum(pool.imap_unordered(unpack, batches))
    return time.perf_counter() - began, size


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dump", nargs="?", type=Path)
    parser.add_argument("--filled", type=int, default=1500, help="MiB of the guest's memory that hold something")
    parser.add_argument("--runs", type=int, default=3, help="of which the fastest counts")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        dump = args.dump
        if dump is None:
            dump, flattened = Path(folder) / "vmcore", Path(folder) / "flattened"
            make_dump(flattened, args.filled + 300, filled=args.filled)
            reassembled(flattened, dump)
            flattened.unlink()
        path, places = pages(dump)
        ours, bare, size = [], [], 0
        for _ in range(args.runs):
            ours.append(measure([lastwords(), "verify", "--full", str(dump)]).seconds)
            seconds, size = plain(path, places)
            bare.append(seconds)
    share = min(bare) / min(ours)
    print(f"{len(places):,} pages, {size >> 20} MiB, {os.cpu_count()} CPUs")
    print(f"plain decompression  {min(bare):6.2f} s  {size / min(bare) / 1e6:6.0f} MB/s")
    print(f"verify --full        {min(ours):6.2f} s  {size / min(ours) / 1e6:6.0f} MB/s")
    print(f"{share:.0%} of plain decompression (wanted {WANTED:.0%})")
    return int(share < WANTED)


if __name__ == "__main__":
    sys.exit(main())
