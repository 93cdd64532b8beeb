"""A case of a check: a ready machine, what is changed on it, and what the check must say then."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lastwords.host.checks import Registered, built_in
from lastwords.host.readiness import run

from ..trees import DISTRIBUTIONS, Tree

CHECKS = {one.id: one for one in built_in()}


@dataclass(frozen=True)
class Case:
    """`edit` changes the machine; `value` and `fix` are patterns that must be found."""

    check: str
    status: str
    edit: Callable[[Tree], Any] = field(default=lambda tree: None)
    value: str = ""
    fix: str = ""
    on: str = "debian12"

    @property
    def name(self) -> str:
        return f"{self.check}-{self.status}-{self.on}-{self.value[:24]}"


def judge(case: Case, tree: Tree) -> None:
    DISTRIBUTIONS[case.on](tree)
    case.edit(tree)
    found = run(check(case.check), tree.host())
    told = f"{found.status}: {found.value} | {found.source} | {found.fix}"
    assert found.status == case.status, told
    assert re.search(case.value, found.value), told
    assert re.search(case.fix, found.fix), told
    if found.status in ("warn", "fail"):
        assert found.fix, f"no fix: {told}"
    assert found.why
    assert found.area


def check(name: str) -> Registered:
    return CHECKS[name]
