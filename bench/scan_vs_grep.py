"""`lastwords scan` against `grep -cE 'BUG:|Oops|panic'` on one huge log.

Usage: python bench/scan_vs_grep.py [--megabytes 1000] [--crashes 20] [--logs FOLDER] [--runs 3]

Prints elapsed time and, for machines that do other work meanwhile, CPU time; the fastest of the runs counts. The peak
is that of the largest process.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from samples import installed, logs, write_huge


class Run(NamedTuple):
    seconds: float
    cpu_seconds: float
    peak_mb: float
    output: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--crashes", type=int, default=20)
    parser.add_argument("--logs", type=Path, help="folder with logs of crashes; by default the repository's")
    parser.add_argument("--runs", type=int, default=3, help="of which the fastest counts")
    args = parser.parse_args()
    found = [log for log in logs(args.logs) if 2_000 < len(log) < 60_000]
    if not found:
        sys.exit("no logs with crashes; name a folder with --logs")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "huge.log"
        write_huge(path, args.megabytes, [found[i * 7 % len(found)] for i in range(args.crashes)])
        path.read_bytes()  # into the page cache
        print(f"{path.stat().st_size / 1e6:.0f} MB, {args.crashes} crashes")
        grep = best(args.runs, ["grep", "-cE", "BUG:|Oops|panic", str(path)], 1)
        print(f"grep      {grep.seconds:6.2f} s  {grep.cpu_seconds:5.2f} s of CPU")
        command = [shutil.which("lastwords", path=str(Path(sys.executable).parent)) or "lastwords"]
        one = None
        for jobs in sorted({1, 2, os.cpu_count() or 1}):
            run = best(args.runs, [*command, "scan", "--json", "-j", str(jobs), str(path)], jobs)
            one = one or run.seconds
            oopses = json.loads(run.output)["oopses"]
            print(
                f"scan -j{jobs}  {run.seconds:6.2f} s  {run.cpu_seconds:5.2f} s of CPU  "
                f"{run.seconds / grep.seconds:4.2f} x grep  {run.cpu_seconds / grep.cpu_seconds:4.2f} x its CPU  "
                f"{one / run.seconds:4.2f} x as fast as -j1  {run.peak_mb:3.0f} MB peak  {len(oopses)} oopses"
            )


def best(runs: int, command: list[str], cpus: int) -> Run:
    return min((measured(command, cpus) for _ in range(runs)), key=lambda run: run.seconds)


def measured(command: list[str], cpus: int) -> Run:
    """One run, on so many CPUs."""
    allowed = sorted(os.sched_getaffinity(0))[:cpus]
    begin = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(
            command,
            stdout=out,
            env=installed({**os.environ, "LC_ALL": "C"}),
            preexec_fn=lambda: os.sched_setaffinity(0, allowed),
        )
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        seconds = time.perf_counter() - begin
        out.seek(0)
        # ru_maxrss of wait4() is the largest of the process and of those that it has waited for.
        return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, out.read())


if __name__ == "__main__":
    main()
