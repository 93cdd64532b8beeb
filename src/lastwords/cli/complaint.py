"""What a command says on stderr when something is wrong: one line, whatever is in it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import click

from lastwords.report.escape import printable

NO_DRGN = "reading dumps needs drgn, which is not installed: pip install 'lastwords[vmcore]'"


def complain(text: str) -> None:
    """One line on stderr; what `progress` shows there of work that goes on gives way to it."""
    clear = "\r\x1b[K" if sys.stderr.isatty() else ""
    click.echo(f"{clear}lastwords: {printable(text)}", err=True)


def fail(text: str, status: int = 2) -> NoReturn:
    """One line on stderr, and the exit status."""
    complain(text)
    sys.exit(status)


@contextmanager
def needing_drgn() -> Iterator[None]:
    """Around imports that take drgn, an extra: without it the command fails in one line."""
    try:
        yield
    except ImportError as error:
        if error.name not in ("drgn", "_drgn"):
            raise
        fail(NO_DRGN)
