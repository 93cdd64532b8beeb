"""How many small logs a second one CPU reads completely, everything of an `Oops` filled in.

Usage: python bench/corpus_speed.py [FOLDER] [--runs 5] [--profile]

Compares with KernelCI's logspec where that is installed.
"""

import argparse
import cProfile
import gc
import importlib.util
import pstats
import sys
import time
from collections.abc import Callable
from pathlib import Path

from samples import logs

from lastwords.klog import sieve
from lastwords.klog.inputs import decoded, recognise
from lastwords.klog.oopses import find_oopses
from lastwords.klog.unwrapped import unwrapped
from lastwords.klog.wrapped import rejoined


def lastwords(log: bytes) -> int:
    text, _ = unwrapped(*decoded(log)[:2], sieve.hits)
    if not sieve.hits(text):
        return 0
    records = rejoined(recognise(log).records(text))
    return len(find_oopses(records, sieve.candidates(records)))


def logspec() -> Callable[[bytes], int] | None:
    if importlib.util.find_spec("logspec") is None:
        return None
    from logspec.main import load_parser, parse_log  # type: ignore[import-not-found]

    start = load_parser("generic_linux_boot")
    return lambda log: len(parse_log(log.decode(errors="replace"), start)["errors"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="by default the repository's own logs")
    parser.add_argument("--runs", type=int, default=5, help="of which the fastest counts")
    parser.add_argument("--profile", action="store_true", help="where the time goes")
    args = parser.parse_args()
    found = logs(args.folder)
    if not found:
        sys.exit("no logs; name a folder")
    print(f"{len(found)} logs, {sum(map(len, found)) / 1e6:.2f} MB")
    for name, read in (("lastwords", lastwords), ("logspec", logspec())):
        if read is None:
            print(f"{name:10} not installed")
            continue
        with_oops = sum(read(log) > 0 for log in found)  # also warms up caches and patterns
        seconds = min(measured(read, found) for _ in range(args.runs))
        print(f"{name:10} {len(found) / seconds:7.0f} logs/s  {with_oops} logs with a crash")
    if args.profile:
        with cProfile.Profile() as profile:
            measured(lastwords, found)
        pstats.Stats(profile).sort_stats("tottime").print_stats(30)


def measured(read: Callable[[bytes], int], found: list[bytes]) -> float:
    gc.collect()
    begin = time.process_time()
    for log in found:
        read(log)
    return time.process_time() - begin


if __name__ == "__main__":
    main()
