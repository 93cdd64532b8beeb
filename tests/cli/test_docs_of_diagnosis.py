"""The manual's page on the diagnosis: its tables are those of the code, its examples work."""

import re
from pathlib import Path
from typing import get_args

import click
import msgspec
import pytest

from lastwords.case.known_issues import known_issues
from lastwords.cli.main import cli
from lastwords.diagnosis import KnownIssue, diagnose, rules
from lastwords.diagnosis.rule import _DECLARED
from lastwords.model import CrashClass, Finding
from tests.diagnosis.facts import facts, oops, sign

PAGE = (Path(__file__).parents[2] / "docs" / "diagnosis.md").read_text()


def table(heading: str) -> set[str]:
    """What the first column of the tables under a heading names."""
    part = PAGE.split(f"# {heading}\n")[1].split("\n#")[0]
    rows = [row for row in part.splitlines() if row.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([\w-]+)", row.split("|")[1])}


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_classes():
    assert table("Classes") == set(get_args(CrashClass))


def test_fields_of_findings():
    names = {field.encode_name for field in msgspec.structs.fields(Finding)}
    # Class and culprit are told with the verdict.
    assert table("Findings") == names - {"class", "culprit"}


def test_options():
    command = cli.get_command(click.Context(cli), "rules")
    assert command is not None
    assert table("Options") == {"ID"} | {name for p in command.params if isinstance(p, click.Option) for name in p.opts}


def test_fields_of_known_issues():
    assert table("Known issues") == {field.name for field in msgspec.structs.fields(KnownIssue)} - {"path"}


def test_the_known_issue_fits_its_crash(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    (tmp_path / "team.yaml").write_text(block("yaml"))
    crash = facts(oops("divide-error"), signs=(sign("ring 0000:00:02.0: DMA mapping error"),))
    diagnosis = diagnose(crash, known_issues([str(tmp_path)]))
    assert diagnosis is not None
    assert next(f.confidence for f in diagnosis.findings if f.id == "known:OPS-1234") == 0.9


@pytest.fixture
def _rules_of_before():
    rules()
    before = dict(_DECLARED)
    yield
    _DECLARED.clear()
    _DECLARED.update(before)


@pytest.mark.usefixtures("_rules_of_before")
def test_the_rule_finds_its_crash():
    exec(block("python"), {"__name__": "ring_rules"})
    diagnosis = diagnose(facts(oops("divide-error"), signs=(sign("ring: firmware heartbeat lost"),)))
    assert diagnosis is not None
    assert diagnosis.verdict.crash_class == "hardware"
