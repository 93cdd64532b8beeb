"""The answers, and what of them a result lacks."""

import tomllib
from pathlib import Path
from typing import Any

from lastwords.model import Blame

Answer = dict[str, Any]
_RANK = {"none": 0, "low": 1, "medium": 2, "high": 3}


def answers(name: str) -> dict[str, Answer]:
    """By case: of `answers` for battery.c, of `inside` for inside.c."""
    return tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text())


def wrong(answer: Answer, found: Blame | None, types: str) -> list[str]:
    """What of an answer was not found, in words.

    `types` says where those of the module are known from: `dwarf`, `btf`, or the empty string.
    """
    if found is None:
        return ["nothing"]
    problems = [*way_wrong(answer, found), *_names_wrong(answer, found, types)]
    if not found.sense.startswith(answer.get("sense", "")):
        problems.append(f"sense {found.sense}")
    if "memory" in answer and not any(answer["memory"] in sentence for sentence in found.memory):
        problems.append(f"memory: {answer['memory']} is not told")
    if "accessed" in answer and not (found.accessed or "").startswith(answer["accessed"]):
        problems.append(f"accessed {found.accessed}")
    return problems


def way_wrong(answer: Answer, found: Blame) -> list[str]:
    """The same of the way alone, which needs no types."""
    last = [step for step in found.steps if step.about == "pointer"][-1]
    have = {"function": found.function, "origin": found.origin, "kind": last.kind, "expression": last.expression}
    problems = [
        f"{name} {value}, not {answer[name]}"
        for name, value in have.items()
        if name in answer and value not in (answer[name] if isinstance(answer[name], list) else [answer[name]])
    ]
    if "returned" in answer and answer["returned"] not in last.text:
        problems.append(f"returned by {last.expression}, not {answer['returned']}")
    if _RANK[found.confidence] > _RANK[answer.get("confidence", "high")]:
        problems.append(f"confidence {found.confidence} is too much")
    return problems


def _names_wrong(answer: Answer, found: Blame, types: str) -> list[str]:
    if not types and "offset" in answer and found.field_offset != answer["offset"]:
        return [f"offset {found.field_offset}, not {answer['offset']}"]
    if "field" not in answer or not (types or answer.get("typed")):
        return []
    names = {"field": found.field}
    if "object" in answer:
        names["object"] = found.object_type
    wanted: list[Any] = [{name: answer[name] for name in names}, answer.get("also")]
    if types in answer.get("nameless", ()):
        wanted = [dict.fromkeys(names)]
    return [] if names in wanted else [f"{names}, not {wanted[0]}"]
