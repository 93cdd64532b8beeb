"""A dump of a large guest against one of a small guest: time and memory of `lastwords analyze`.

    python bench/guest_size.py [--large 8192] [--small 256] [--filled 0] [--form elf] [--runs 3] [--folder DIR]

Boots both in the lab, crashes and dumps them. An ELF dump takes as much room as the guest has memory, and room in
the page cache if the disk is not to be measured. Exits with 1 where the large one takes more than 1.5 times as long.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from guests import make_dump
from measure import Run, lastwords, measure

WANTED = 1.5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", type=int, default=8192, help="MiB of the large guest")
    parser.add_argument("--small", type=int, default=256, help="MiB of the small guest")
    parser.add_argument("--filled", type=int, default=0, help="MiB of the large guest's memory that hold something")
    parser.add_argument("--form", choices=["elf", "kdump-zlib"], default="elf", help="how QEMU dumps it")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", help="for the dumps, which are removed afterwards")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        paths = {size: Path(folder) / f"{size}.dump" for size in (args.small, args.large)}
        for size, path in paths.items():
            make_dump(path, size, filled=args.filled if size == args.large else 0, form=args.form)
        commands = {
            size: [lastwords(), "analyze", "--json", "--no-debuginfo", str(path)] for size, path in paths.items()
        }
        runs: dict[int, list[Run]] = {size: [] for size in commands}
        for number in range(args.runs + 1):  # the first one fills the page cache
            for size, command in commands.items():
                run = measure(command)
                if number:
                    runs[size].append(run)
        for size, each in runs.items():
            used = paths[size].stat()
            seconds, cpu = (
                statistics.median(values) for values in zip(*((run.seconds, run.cpu) for run in each), strict=True)
            )
            print(
                f"{size:6} MiB  {seconds:5.2f} s  CPU {cpu:5.2f} s  {max(run.memory for run in each) >> 20:4} MiB  "
                f"file of {used.st_size >> 20} MiB, {used.st_blocks >> 11} MiB on the disk"
            )
    small, large = (statistics.median(run.seconds for run in runs[size]) for size in (args.small, args.large))
    print(f"{large / small:.2f} times as long (wanted at most {WANTED:g})")
    return int(large / small > WANTED)


if __name__ == "__main__":
    sys.exit(main())
