"""One log a file under `cases/`: what a good reader must find in it. `cases/none/` holds logs without a crash.

A case starts with `key: value` lines and a blank line; the rest is the log.

| key | meaning |
| --- | --- |
| kind | the catalogue entry that names the first oops |
| title | its title |
| function | the function to blame; absent where there is none |
| module | the module that the function lives in; absent for the kernel itself |
| intact | `no` where the text is cut off or interleaved |
| kinds | the kinds of all oopses, in order, where there are several |
| line | first line of the first oops, counted from the log's first line; default: not looked at |
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from lastwords.klog import catalogue, inputs, sieve
from lastwords.klog.headlines import headlines
from lastwords.klog.inputs import recognise
from lastwords.klog.scan import scan
from lastwords.model import Oops

CASES = Path(__file__).parent / "cases"
KEYS = {"kind", "title", "function", "module", "intact", "kinds", "line"}


class Case(NamedTuple):
    want: dict[str, str]
    log: bytes


def logs(*, crash: bool) -> list[Path]:
    return sorted(path for path in CASES.rglob("*.log") if (path.parent.name != "none") == crash)


@cache
def read_case(path: Path) -> Case:
    header, _, log = path.read_bytes().partition(b"\n\n")
    want = {}
    for line in header.decode().splitlines():
        key, _, value = line.removeprefix("# ").partition(": ")
        assert key in KEYS, f"{path.name}: unknown key {key!r}"
        want[key] = value
    return Case(want, log)


def oopses(log: bytes, tmp_path: Path) -> list[Oops]:
    path = tmp_path / "console.log"
    path.write_bytes(log)
    (source,) = inputs.find([str(path)])
    scanned = scan(source)
    assert scanned.error is None
    return scanned.oopses


def name(path: Path) -> str:
    return str(path.relative_to(CASES).with_suffix(""))


@pytest.mark.parametrize("path", logs(crash=True), ids=name)
def test_case(path: Path, tmp_path: Path) -> None:
    want, log = read_case(path)
    found = oopses(log, tmp_path)
    assert found, "no oops found"
    first = found[0]
    got = {
        "kind": first.kind,
        "title": first.title,
        "function": first.function,
        "module": first.module,
        "intact": "yes" if first.intact else "no",
    }
    assert got == {
        "kind": want["kind"],
        "title": want["title"],
        "function": want.get("function"),
        "module": want.get("module"),
        "intact": want.get("intact", "yes"),
    }
    assert [oops.kind for oops in found] == want.get("kinds", want["kind"]).split(", ")
    if "line" in want:
        assert first.line == int(want["line"])


@pytest.mark.parametrize("path", logs(crash=False), ids=name)
def test_no_alarm(path: Path, tmp_path: Path) -> None:
    assert [oops.title for oops in oopses(path.read_bytes(), tmp_path)] == []


@cache
def covered() -> frozenset[str]:
    """The kinds that some case names, and those of its lines that name no oops of their own."""
    names: set[str] = set()
    for path in logs(crash=True):
        want, log = read_case(path)
        names.update(want.get("kinds", want["kind"]).split(", "))
        records = recognise(log).records(log)
        seen = {headline.kind for headline in headlines(records, sieve.candidates(records))}
        names.update(kind.name for kind in seen if not kind.alone)
    return frozenset(names)


@pytest.mark.parametrize("kind", catalogue.KINDS, ids=lambda kind: kind.name)
def test_every_kind_has_a_log(kind: catalogue.Kind) -> None:
    assert kind.name in covered(), "add a log to tests/klog/cases/ for each new kind"


def test_names_are_unique() -> None:
    names = [kind.name for kind in catalogue.KINDS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("kind", catalogue.KINDS, ids=lambda kind: kind.name)
def test_every_entry_says_where_it_comes_from(kind: catalogue.Kind) -> None:
    assert kind.source
    assert all(form.title or kind.title or not kind.alone for form in kind.forms)
