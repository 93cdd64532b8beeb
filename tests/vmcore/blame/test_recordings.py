"""The ways of bad pointers through real crashes of Linux 6.1 on x86-64 and arm64, without any types."""

import time

import pytest

from lastwords.model import Blame
from lastwords.vmcore.blame.follow import follow

from .battery.answers import Answer, answers, way_wrong
from .recorded import FOLDER, Recorded, told_bare

_CASES = [(name, answer) for name, answer in answers("answers").items()]
_INSIDE = [(f"inside-{name}", answer) for name, answer in answers("inside").items()]
_MORE = [(f"more-{name}", answer) for name, answer in answers("more").items()]
_ARM64 = [(f"arm64-{name}", answer) for name, answer in [*_CASES, *_MORE] if (FOLDER / f"arm64-{name}.json").exists()]


def _blame(name: str) -> Blame:
    dump = Recorded(name)
    followed = follow(dump, dump.fault)
    assert followed is not None
    return told_bare(dump, dump.fault, followed)


@pytest.mark.parametrize(
    ("name", "answer"), [*_CASES, *_INSIDE, *_MORE, *_ARM64], ids=lambda value: value if isinstance(value, str) else ""
)
def test_way(name: str, answer: Answer) -> None:
    found = _blame(name)
    assert way_wrong(answer, found) == []
    if "offset" in answer:
        assert found.field_offset == answer["offset"]


def test_arm64_is_recorded() -> None:
    assert len(_ARM64) >= 30


def test_each_step_is_told() -> None:
    found = _blame("tail-call")
    assert [(step.kind, step.function, step.about, step.checked) for step in found.steps] == [
        ("fault", "descriptor_bytes", "pointer", True),
        ("argument", "descriptor_bytes", "pointer", True),
        ("load", "read_current", "pointer", True),
        ("argument", "read_current", "object", True),
        ("argument", "poll_device", "object", True),
        ("load", "battery_write", "object", True),
    ]
    assert "left by a tail call and is not on the stack" in found.steps[3].text
    assert found.steps[2].text.startswith("rdi came from [rdi+0x10] at 0xffff")
    assert found.steps[2].text.endswith(", which holds NULL; the object's type is not known")
    assert found.steps[5].expression == "storage"
    assert found.confidence == "high"


def test_what_paths_leave_open_is_said() -> None:
    found = _blame("branch")
    assert found.confidence == "low"
    assert len(found.alternatives) == 1
    assert "what allocate_descriptor() returned" in found.alternatives[0]
    assert "Unsure, because paths differ" in found.text


def test_memory_that_changed_is_not_called_the_cause() -> None:
    changed, overwritten = _blame("changed"), _blame("overwritten")
    assert "it was changed since, or it is not this one" in changed.text
    assert "which was overwritten after that, so it can't be checked" in overwritten.text
    assert not changed.steps[-1].checked or changed.steps[-1].about == "object"
    assert {changed.confidence, overwritten.confidence} == {"medium"}


def test_quick() -> None:
    dump = Recorded("list-loop")
    began = time.process_time()
    assert follow(dump, dump.fault) is not None
    assert time.process_time() - began < 0.5
