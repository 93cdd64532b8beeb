"""Score blame over dumps of a battery.

    python -m tests.vmcore.blame.battery.score answers|inside DIR [VMLINUX MODULES_DIR]

DIR has one dump a case, named after it. Without a vmlinux, the dumps are read bare.
"""

import sys
import time
from pathlib import Path

from lastwords.vmcore.blame.blame import blame
from lastwords.vmcore.program import open_program

from .answers import answers, wrong


def main(battery: str, directory: Path, vmlinux: Path | None = None, modules: Path | None = None) -> None:
    """Print a table, and the score."""
    right, seconds = 0, []
    for name, answer in answers(battery).items():
        dump = directory / f"{name}.elf"
        if not dump.exists():
            print(f"{name:16} no dump")
            continue
        kernel = open_program(dump, vmlinux=vmlinux, modules_dir=modules, debuginfo=vmlinux is not None)
        began = time.process_time()
        found = blame(kernel)
        took = time.process_time() - began
        seconds.append(took)
        known = {"dwarf": kernel.symbols.module_debuginfo, "btf": kernel.symbols.module_types}
        types = next(
            (
                source
                for source, modules in known.items()
                if any("battery" in module or "inside" in module or "more" in module for module in modules)
            ),
            "",
        )
        problems = wrong(answer, found, types)
        right += not problems
        confidence = found.confidence if found else "-"
        print(f"{name:16} {'right' if not problems else 'WRONG':6} {confidence:7} {took:.2f} s  {'; '.join(problems)}")
    if seconds:
        print(f"{right} of {len(seconds)}; CPU time {sum(seconds) / len(seconds):.2f} s, at most {max(seconds):.2f} s")


if __name__ == "__main__":
    main(sys.argv[1], *map(Path, sys.argv[2:]))
