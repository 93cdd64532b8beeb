"""Every check has a case for each thing that it can say, and stands in the manual."""

import ast
import importlib
import inspect
import pkgutil
import re
import textwrap
from pathlib import Path

import pytest

from lastwords.host.checks import AREAS, built_in
from lastwords.host.triggers import TRIGGERS

from .cases import CHECKS, Case

MANUAL = Path(__file__).parents[3] / "docs" / "doctor.md"
_MEANINGS: dict[str, set[str]] = {trigger.id: {one.status for one in trigger.meanings} for trigger in TRIGGERS}


def cases() -> list[Case]:
    package = importlib.import_module("tests.host.checks")
    modules = [
        importlib.import_module(f"{package.__name__}.{one.name}") for one in pkgutil.iter_modules(package.__path__)
    ]
    return [case for module in modules for case in getattr(module, "CASES", [])]


def can_say(name: str) -> set[str]:
    """The results that a check's function makes: ok, warn and fail, from its source."""
    if name in _MEANINGS:
        return _MEANINGS[name]
    tree = ast.parse(textwrap.dedent(inspect.getsource(CHECKS[name].function)))
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    return called & {"ok", "warn", "fail"}


# Read through os.getxattr, which a tree can't have: test_trust.test_labels has them.
ELSEWHERE = {"selinux-labels": {"warn"}}


@pytest.mark.parametrize("name", CHECKS)
def test_a_case_for_each_result(name):
    covered = {case.status for case in cases() if case.check == name} | ELSEWHERE.get(name, set())
    assert can_say(name), "it can say nothing"
    assert can_say(name) - covered == set()


@pytest.mark.parametrize("one", built_in(), ids=lambda one: one.id)
def test_the_manual_has_it(one):
    assert f"| `{one.id}` | {one.title} | {one.why} |" in MANUAL.read_text()


def test_the_manual_has_no_others():
    chapter = MANUAL.read_text().partition("\n## Checks\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([^`]+)` \|", chapter, re.MULTILINE) == [one.id for one in built_in()]
    assert re.findall(r"^### (.*)$", chapter, re.MULTILINE) == list(AREAS.values())


def test_every_distribution_has_cases():
    assert {case.on for case in cases()} == {"debian12", "ubuntu2404", "rhel9", "fedora41", "suse15", "arch"}


@pytest.mark.parametrize("one", built_in(), ids=lambda one: one.id)
def test_declarations(one):
    assert re.fullmatch(r"[a-z][a-z0-9-]+", one.id)
    assert one.why.endswith(".")
    assert not one.title.endswith(".")
    assert one.area in AREAS
    assert inspect.getdoc(one.function)
