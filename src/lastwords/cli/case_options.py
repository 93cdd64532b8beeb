"""What the commands about cases share: where cases live, errors in one line, text that is safe for a terminal."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lastwords.report.escape import printable
from lastwords.report.width import folded

from .complaint import complain, fail
from .progress import activity

if TYPE_CHECKING:
    from lastwords.case.directory import CaseDirectory


def cases_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--cases DIR`."""
    return click.option(
        "--cases", type=click.Path(), metavar="DIR", help="Where cases live, instead of LASTWORDS_CASES or the default."
    )(function)


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")(function)


def store_of(cases: str | None) -> Path:
    """Where cases live."""
    from lastwords.case.store import cases_directory

    return cases_directory(cases)


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """Around what can go wrong with a case: exit status 2."""
    from lastwords.case.errors import CaseError

    try:
        yield
    except CaseError as error:
        fail(str(error))


@contextmanager
def opened(name: str, cases: str | None) -> Iterator["CaseDirectory"]:
    """The case that the user means; errors while it is open end the command in one line."""
    from lastwords.case.opening import opened_case

    with told_in_one_line(), activity() as tell, opened_case(name, store_of(cases), tell, complain) as case:
        yield case


def named(case: "CaseDirectory") -> str:
    """What to type for a case: its name where it is in the store, else its path."""
    from lastwords.case.store import cases_directory

    return case.root.name if case.root.parent == cases_directory() else case.shown


def say(lines: Iterable[str]) -> None:
    """Lines on stdout, safe for a terminal."""
    for line in lines:
        for part in folded(printable(line), sys.stdout):
            sys.stdout.write(f"{part}\n")


def say_json(*documents: Any) -> None:  # noqa: ANN401
    """Structs of the model on stdout, one JSON object a line."""
    from lastwords.model import to_json

    for document in documents:
        sys.stdout.buffer.write(to_json(document) + b"\n")
    sys.stdout.buffer.flush()
