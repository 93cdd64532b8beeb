"""`lastwords doctor`: is this machine ready to explain its next crash."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .complaint import fail
from .progress import activity

if TYPE_CHECKING:
    from lastwords.model.readiness import Readiness


@click.command(
    epilog="Examples:\n\n\b\n"
    "  lastwords doctor                                  what the next crash will cost, and how to change that\n"
    "  sudo lastwords doctor -v                          every check, and what it means\n"
    "  sudo lastwords doctor --fix                       make it ready: shows a plan, asks, keeps the old files\n"
    "  lastwords doctor --root /mnt/disk                 a disk, a chroot or an unpacked sosreport\n"
    "  lastwords doctor --json | jq -r '.checks[] | select(.status == \"fail\") | .fix'\n\n"
    "Exit status: 0 ready (a crash now leaves a dump, or a log that survives), 1 not ready, 2 it could not be read."
)
@click.option("--root", metavar="DIR", default="/", help="The machine's files; runs no command then.")
@click.option("-v", "--verbose", is_flag=True, help="Tell also what is well, and where everything was read.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document; with --fix: the plan, and change nothing.")
@click.option("--fix", is_flag=True, help="Show what would make it ready, ask, and do it.")
@click.option("--undo", is_flag=True, help="Take back what the last --fix did.")
@click.option("--yes", is_flag=True, help="With --fix and --undo: don't ask.")
def command(root: str, verbose: bool, as_json: bool, fix: bool, undo: bool, yes: bool) -> None:
    """Say whether this machine is ready to explain its next crash.

    Looks whether a crash would leave a dump: memory for the crash kernel, the crash kernel, what triggers it, the
    place the dump goes to; whether the log survives without one; and whether dump and log could be read. Changes
    nothing without --fix. As root it sees more; what it may not read it says.
    """
    from lastwords.host.checks import AREAS
    from lastwords.host.readiness import readiness
    from lastwords.host.root import Root
    from lastwords.model import to_json

    if fix and undo:
        raise click.UsageError("--fix or --undo, not both")
    if yes and not (fix or undo):
        raise click.UsageError("--yes goes with --fix or --undo")
    if not Path(root).is_dir():
        fail(f"{root}: no such directory")
    if undo:
        from .doctor_fix import undo as take_back

        take_back(Root(root), yes=yes)
    with activity() as tell:
        found = readiness(Root(root), tell)
    if fix:
        from .doctor_fix import fix as make_ready

        make_ready(Root(root), found, yes=yes, as_json=as_json)
    if as_json:
        sys.stdout.write(to_json(found).decode() + "\n")
    else:
        from lastwords.report.readiness import render_readiness

        render_readiness(found, AREAS, sys.stdout, verbose=verbose)
        _hint(found)
    sys.exit(0 if found.ready else 2 if found.leaves == "unknown" else 1)


def _hint(found: "Readiness") -> None:
    """Who reads what is wrong wants to know what mends it."""
    from lastwords.host.setup.steps import steps
    from lastwords.report.width import folded

    mended = {name for one in steps() for name in one.checks}
    if any(check.id in mended and check.status in ("warn", "fail") for check in found.checks):
        for line in folded("lastwords doctor --fix sets what it can: it shows a plan, and asks", sys.stdout):
            click.echo(line)
