"""Score blame over dumps of the battery: `python -m tests.vmcore.blame.battery.score DIR [VMLINUX MODULES_DIR]`.

DIR has one dump a case, named after it. Without a vmlinux, the dumps are read bare.
"""

import sys
import time
import tomllib
from pathlib import Path
from typing import Any

from lastwords.model import Blame
from lastwords.vmcore.blame.blame import blame
from lastwords.vmcore.program import open_program

ANSWERS: dict[str, dict[str, Any]] = tomllib.loads((Path(__file__).parent / "answers.toml").read_text())
_RANK = {"none": 0, "low": 1, "medium": 2, "high": 3}


def wrong(answer: dict[str, Any], found: Blame | None, types: str) -> list[str]:
    """What of an answer was not found, in words.

    `types` says where those of the module are known from: `dwarf`, `btf`, or the empty string.
    """
    if found is None:
        return ["nothing"]
    steps = [step for step in found.steps if step.about == "pointer"]
    last = steps[-1]
    problems = []
    for name, value in (
        ("function", found.function),
        ("origin", found.origin),
        ("kind", last.kind),
        ("expression", last.expression),
    ):
        if name in answer and value not in ([answer[name]] if isinstance(answer[name], str) else answer[name]):
            problems.append(f"{name} {value}, not {answer[name]}")
    if types or answer.get("typed"):
        names = {"object": found.object_type, "field": found.field}
        if "object" not in answer:
            names.pop("object")
        wanted = [{name: answer.get(name) for name in names}, answer.get("also")]
        if types in answer.get("nameless", ()):
            wanted = [dict.fromkeys(names)]
        if "field" in answer and names not in wanted:
            problems.append(f"{names}, not {wanted[0]}")
    if not types and "offset" in answer and found.field_offset != answer["offset"]:
        problems.append(f"offset {found.field_offset}, not {answer['offset']}")
    if not found.sense.startswith(answer.get("sense", "")):
        problems.append(f"sense {found.sense}")
    if "returned" in answer and answer["returned"] not in last.text:
        problems.append(f"returned by {last.expression}, not {answer['returned']}")
    if "memory" in answer and not any(answer["memory"] in sentence for sentence in found.memory):
        problems.append(f"memory: {answer['memory']} is not told")
    if "accessed" in answer and not (found.accessed or "").startswith(answer["accessed"]):
        problems.append(f"accessed {found.accessed}")
    if _RANK[found.confidence] > _RANK[answer.get("confidence", "high")]:
        problems.append(f"confidence {found.confidence} is too much")
    return problems


def main(directory: Path, vmlinux: Path | None, modules: Path | None) -> None:
    """Print a table, and the score."""
    right, seconds = 0, []
    for name, answer in ANSWERS.items():
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
        types = next((source for source, modules in known.items() if "battery" in modules), "")
        problems = wrong(answer, found, types)
        right += not problems
        confidence = found.confidence if found else "-"
        print(f"{name:16} {'right' if not problems else 'WRONG':6} {confidence:7} {took:.2f} s  {'; '.join(problems)}")
    if seconds:
        print(f"{right} of {len(seconds)}; CPU time {sum(seconds) / len(seconds):.2f} s, at most {max(seconds):.2f} s")


if __name__ == "__main__":
    paths = [Path(argument) for argument in sys.argv[1:]]
    main(paths[0], *(paths[1:3] if len(paths) > 2 else (None, None)))
