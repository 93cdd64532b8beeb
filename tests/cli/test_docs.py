"""The manual says what the commands do: options, fields of the JSON documents, and examples with their output."""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

import click
import msgspec
import pytest
from click.testing import CliRunner

from lastwords.cli.main import cli
from lastwords.model import Analysis, HardwareError, Log, Oops, Reboot, Sample, Sightings
from lastwords.report.annotated import Annotation

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = (
    *("analyze", "annotate", "capture", "case", "checklist", "doctor", "explain", "lab", "rehearse", "scan"),
    "trigger",
)


class Example(NamedTuple):
    page: str
    command: str
    output: str


def examples() -> list[Example]:
    """Blocks of a `console`: a command behind `$`, then what it writes, with `…` for lines that are left out."""
    found = []
    for path in sorted(DOCS.glob("*.md")):
        for block in re.findall(r"^```console\n\$ lastwords (.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL):
            command, _, output = block.partition("\n")
            found.append(Example(path.stem, command, output))
    return found


@pytest.mark.parametrize("example", examples(), ids=lambda example: f"{example.page}: {example.command}")
def test_examples(example, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "120")
    written = CliRunner().invoke(cli, shlex.split(example.command)).output
    pattern = "(?:.*\n)+?".join(map(re.escape, example.output.split("…\n")))
    assert re.fullmatch(pattern, written), written


def _options(command: click.Command) -> set[str]:
    if isinstance(command, click.Group):
        return set().union(*map(_options, command.commands.values()))
    return {name for param in command.params if isinstance(param, click.Option) for name in param.opts}


@pytest.mark.parametrize("name", PAGES)
def test_pages_have_all_options_and_no_others(name):
    page = (DOCS / f"{name}.md").read_text()
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    rows = [row for row in page.splitlines() if row.startswith("| `-")]
    assert {option for row in rows for option in re.findall(r"`(--?[a-z-]+)", row.split("|")[1])} == _options(command)
    for heading in ("## Description", "## Options", "## Exit status", "## Examples", "## What it does not do"):
        assert heading in page


def test_the_index_names_every_page():
    index = (DOCS / "README.md").read_text()
    assert set(re.findall(r"\]\(([a-z-]+\.md)\)", index)) == {path.name for path in DOCS.glob("*.md")} - {"README.md"}


def fields(*kinds: type[msgspec.Struct]) -> dict[str, set[str]]:
    """Fields of structs and of those in them, by the struct's name."""
    schemas, components = msgspec.json.schema_components(kinds)
    assert schemas
    return {name: set(found.get("properties", ())) for name, found in components.items()}


@pytest.mark.parametrize(
    ("name", "names"), fields(Oops, Log, Sightings, Annotation, HardwareError, Sample, Reboot).items()
)
def test_the_page_on_json_has_every_field(name, names):
    page = (DOCS / "json.md").read_text()
    assert {field for field in names if f"`{field}`" not in page} == set(), name


def test_the_page_on_json_has_no_fields_that_are_gone():
    page = (DOCS / "json.md").read_text()
    named = {
        field
        for row in page.splitlines()
        if row.startswith("| `")
        for field in re.findall(r"`([a-z_]+)`", row.split("|")[1])
    }
    assert named <= set().union(*fields(Analysis, Sightings, Annotation).values())
