"""Record what blame asks of dumps: `python -m tests.vmcore.blame.battery.record PREFIX DUMP...`, read bare."""

import sys
from pathlib import Path

from lastwords.vmcore.blame.blame import task_cpu_of
from lastwords.vmcore.blame.fault import find_fault
from lastwords.vmcore.blame.follow import follow
from lastwords.vmcore.blame.program_dump import ProgramDump
from lastwords.vmcore.machine.panic import crashed_frames
from lastwords.vmcore.program import open_program

from ..recorded import FOLDER, Recorder, told_bare


def main(prefix: str, dumps: list[Path]) -> None:
    FOLDER.mkdir(exist_ok=True)
    for path in dumps:
        kernel = open_program(path, debuginfo=False)
        task, frames = crashed_frames(kernel)
        recorder = Recorder(ProgramDump(kernel, task_cpu_of(task), task.value_()))
        fault = find_fault(recorder, frames)
        followed = follow(recorder, fault) if fault is not None else None
        if fault is None or followed is None:
            print(f"{path}: nothing to follow")
            continue
        told_bare(recorder, fault, followed)
        recorder.save(FOLDER / f"{prefix}{path.stem}.json", fault)


if __name__ == "__main__":
    main(sys.argv[1], [Path(argument) for argument in sys.argv[2:]])
