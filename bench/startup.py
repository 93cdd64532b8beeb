"""How long the command needs before it does anything.

Usage: python bench/startup.py [--runs 20]
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from samples import installed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    args = parser.parse_args()
    command = shutil.which("lastwords", path=str(Path(sys.executable).parent)) or "lastwords"
    with tempfile.NamedTemporaryFile(suffix=".log") as log:
        log.write(b"[    1.000000] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\n")
        log.flush()
        for arguments in (["--help"], ["scan", "--help"], ["scan", log.name]):
            times = []
            for _ in range(args.runs):
                begin = time.perf_counter()
                subprocess.run([command, *arguments], stdout=subprocess.DEVNULL, env=installed(os.environ), check=False)
                times.append(time.perf_counter() - begin)
            shown = " ".join(arguments).replace(log.name, "FILE")
            median, best = 1000 * statistics.median(times), 1000 * min(times)
            print(f"lastwords {shown:12} median {median:4.0f} ms, best {best:4.0f} ms")


if __name__ == "__main__":
    main()
