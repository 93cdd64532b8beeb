"""`lastwords analyze` of a dump against `crash`, scripted to show the same: time and memory, as ratios of one run.

    python bench/vs_crash.py DUMP VMLINUX [--modules-dir DIR] [--runs 3]

crash needs the vmlinux, so both of ours are compared with the same runs of it.
`lastwords lab run null-field --help` tells how to make a dump and get the debuginfo of its kernel. Exits with 1 where a
target is missed.
"""

import argparse
import statistics
import sys
import tempfile

from measure import Run, lastwords, measure

COMMANDS = ("sys", "log", "bt -a", "foreach bt", "ps", "mod", "kmem -i", "files", "mount", "net", "quit")
FASTER = {"with debuginfo": 5.0, "without": 10.0}
"""How many times as fast as crash."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dump")
    parser.add_argument("vmlinux")
    parser.add_argument("--modules-dir", help="debuginfo of modules")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    modules = ["--modules-dir", args.modules_dir] if args.modules_dir else []
    ours = [lastwords(), "analyze", "--json", args.dump]
    with tempfile.NamedTemporaryFile("w", suffix=".crash") as script:
        script.write("".join(f"{command}\n" for command in COMMANDS))
        script.flush()
        commands = {
            "crash": ["crash", "-s", "-i", script.name, args.vmlinux, args.dump],
            "with debuginfo": [*ours, "--vmlinux", args.vmlinux, *modules],
            "without": [*ours, "--no-debuginfo"],
        }
        for command in commands.values():  # files in the page cache, modules compiled
            measure(command, fine=(0, 1))  # 1: no crash in the dump
        runs = {name: [] for name in commands}
        for _ in range(args.runs):
            for name, command in commands.items():
                runs[name].append(measure(command, fine=(0, 1)))
    return compare(runs)


def compare(runs: dict[str, list[Run]]) -> int:
    """Print the medians; returns the exit status."""
    typical = {
        name: Run(
            statistics.median(run.seconds for run in each),
            statistics.median(run.cpu for run in each),
            max(run.memory for run in each),
        )
        for name, each in runs.items()
    }
    crash, missed = typical["crash"], False
    for name, run in typical.items():
        print(f"{name:15} {run.seconds:6.2f} s  CPU {run.cpu:6.2f} s  {run.memory >> 20:5} MiB", end="")
        if name in FASTER:
            faster, memory = crash.seconds / run.seconds, run.memory / crash.memory
            print(f"  {faster:5.1f} times as fast (wanted {FASTER[name]:g}), {memory:.2f} of the memory", end="")
            missed |= faster < FASTER[name] or memory > 1
        print()
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
