"""Long fuzzing of the dump readers: damaged and hostile files, each in a child with limits on memory and time.

    .venv/bin/python fuzz/dumps.py --seconds 3600           # goes on where the last run ended: seeds count up
    .venv/bin/python fuzz/dumps.py --seed 12345             # one case again, in this process, for a debugger
    .venv/bin/python fuzz/dumps.py --seconds 600 vmcore …   # real dumps as a start, in place of the small ones

What may not happen: a traceback, a death by signal, more than LIMIT bytes of memory, more than DEADLINE seconds.
A case that does is kept in fuzz-failures/ with its seed.
"""

import argparse
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "src")]

from tests.vmcore.formats.test_hostile import BUILDS, WIDE, exercise

from lastwords.vmcore.formats import NotADump
from lastwords.vmcore.rewrite import NoRoom
from lastwords.vmcore.salvage import salvage

LIMIT = 2 << 30
DEADLINE = 60
LARGEST_START = 64 << 20


def damaged(data, chooser):
    """Cut, overwritten, with strange numbers in it, with pieces moved or missing: several of these at once."""
    result = bytearray(data)
    for _ in range(chooser.randint(1, 6)):
        # Headers are worth most: half of the damage is done there.
        reach = min(chooser.choice((256, 4096, 40_000, len(result), len(result))), len(result))
        at = chooser.randrange(max(reach, 1))
        size = chooser.choice((1, 4, 8, 24, 500, 5000))
        match chooser.randrange(6):
            case 0:
                del result[at:]
            case 1:
                result[at : at + size] = chooser.randbytes(size)
            case 2:
                width = chooser.choice((1, 2, 4, 8))
                number = chooser.choice(WIDE) & (1 << 8 * width) - 1
                result[at : at + width] = number.to_bytes(width, chooser.choice(("little", "big")))
            case 3:
                del result[at : at + size]
            case 4:
                result[at:at] = result[at : at + size]
            case 5:
                result[at : at + size] = bytes(size)
    return bytes(result)


def run_case(starts, seed, folder):
    chooser = random.Random(seed)
    path = folder / "vmcore"
    path.write_bytes(damaged(chooser.choice(starts), chooser))
    exercise(str(path))
    try:
        saved = salvage([str(path)], str(folder / "out"), overwrite=True)
    except (NotADump, NoRoom):
        return
    if saved.dump_path is not None:
        exercise(saved.dump_path)


def in_child(starts, seed, folder):
    """How a case ended, or None where all is well."""
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.alarm(DEADLINE)
        try:
            run_case(starts, seed, folder)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return f"signal {signal.Signals(os.WTERMSIG(status)).name}"
    return None if os.WEXITSTATUS(status) == 0 else "traceback"


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=float, default=600)
    arguments.add_argument("--seed", type=int)
    arguments.add_argument("--first", type=int, default=int(time.time()) << 16, help="seed to count up from")
    arguments.add_argument("starts", nargs="*", help="dumps to damage; default: small ones of each format")
    options = arguments.parse_args()
    starts = [Path(path).read_bytes()[:LARGEST_START] for path in options.starts] or list(BUILDS.values())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["XDG_CACHE_HOME"] = name
        if options.seed is not None:
            run_case(starts, options.seed, folder)
            return 0
        end, seed, failed = time.monotonic() + options.seconds, options.first, 0
        while time.monotonic() < end:
            ending = in_child(starts, seed, folder)
            if ending is not None:
                failed += 1
                kept = Path("fuzz-failures", str(seed))
                kept.parent.mkdir(exist_ok=True)
                kept.write_bytes((folder / "vmcore").read_bytes())
                print(f"seed {seed}: {ending}; kept as {kept}", flush=True)
            seed += 1
    print(f"{seed - options.first} cases, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
