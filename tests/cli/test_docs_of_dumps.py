"""The manual's pages on dumps name every option of their commands, and every field of their JSON documents."""

import re
from pathlib import Path

import click
import msgspec
import pytest

from lastwords.cli.main import COMMANDS, cli
from lastwords.model import DumpCheck, Listing, Machine, Salvaged, View

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
VIEWS = ("bt", "ps", "log", "mod", "files", "locks", "mem", "io", "irq", "dis")
PAGES = {"verify": "verify", "salvage": "salvage", "symbols": "symbols", "shell": "shell"} | dict.fromkeys(
    VIEWS, "views"
)


def options(name: str) -> set[str]:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return {option for param in command.params if isinstance(param, click.Option) for option in param.opts}


def named(page: str) -> set[str]:
    rows = [row for row in (DOCS / f"{page}.md").read_text().splitlines() if row.startswith("| `")]
    return {option for row in rows for option in re.findall(r"`(--?[a-zA-Z-]+)", row)}


@pytest.mark.parametrize(("command", "page"), PAGES.items())
def test_every_option_is_on_its_page(command, page):
    assert options(command) <= named(page)


@pytest.mark.parametrize("page", sorted(set(PAGES.values())))
def test_no_option_is_on_a_page_that_no_command_has(page):
    known = set().union(*(options(command) for command, its in PAGES.items() if its == page))
    assert named(page) <= known


def test_options_of_a_single_view_stand_with_its_name():
    for row in (DOCS / "views.md").read_text().splitlines():
        if match := re.match(r"\| ((?:`[a-z]+`(?:, )?)+) \| (`-.*?) \|", row):
            for command in re.findall(r"`([a-z]+)`", match[1]):
                assert set(re.findall(r"`(--?[a-zA-Z-]+)", match[2])) <= options(command), row


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - set(PAGES)))
def test_the_other_options_of_dumps(command):
    """Those of `analyze` stand on the page about dumps too; `completion` is told in the README."""
    if command == "analyze":
        assert named("dumps") <= options(command)
    assert f"`{command}" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("command", PAGES)
def test_every_command_is_in_the_readme(command):
    assert f"`{command}" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("page", ["verify", "salvage", "symbols", "shell", "views", "dumps"])
def test_pages_have_the_same_parts(page):
    text = (DOCS / f"{page}.md").read_text()
    places = [text.index(f"\n## {part}") for part in ("Description", "Options", "Exit status", "Examples", "What ")]
    assert places == sorted(places)
    assert "/tmp/" not in text


def fields() -> dict[str, set[str]]:
    _, components = msgspec.json.schema_components((Machine, DumpCheck, Salvaged, View, Listing))
    return {name: set(found.get("properties", ())) for name, found in components.items()}


def test_the_page_on_json_has_every_field_and_no_other():
    page = (DOCS / "json-dumps.md").read_text()
    tables = {
        part.split("\n", 1)[0]: set(re.findall(r"^\| `(\w+)` \|", part, re.M)) for part in page.split("\n## ")[1:]
    }
    assert tables == fields()
