"""The two consents that crashing a machine takes: a flag, and the host's name."""

import sys
from typing import TYPE_CHECKING

import click

from lastwords.report.escape import printable

from .complaint import complain, fail

if TYPE_CHECKING:
    from lastwords.host.machine import Host

FLAG = "--crash-this-machine"


def consented(host: "Host", flag: bool, name: str | None) -> None:
    """Go on only with both; else end with status 2 and nothing done.

    Args:
        host: the one that would crash.
        flag: `--crash-this-machine` was given.
        name: of `--host-name`, or None: then it is asked for, on a terminal.
    """
    if not flag:
        complain(f"nothing was done: it takes {FLAG} and the host's name")
        sys.exit(2)
    if name is None:
        if not sys.stdin.isatty():
            fail("nothing was done: nobody is there to type the host's name; say --host-name NAME")
        name = str(
            click.prompt(
                f"Type this host's name ({printable(host.name)}) to crash it", default="", show_default=False, err=True
            )
        )
    if not host.name or name.strip() != host.name:
        fail(f"nothing was done: this host's name is {host.name or 'not known'}, not {name.strip() or 'empty'}")
