"""`lastwords log`: the kernel log in a dump."""

import os
import sys
from typing import Any

import click

from .dump_view import dump_options, fail, note, read, show_json

_LEVELS = ("emerg", "alert", "crit", "err", "warn", "notice", "info", "debug")


def _level(_context: click.Context, _option: click.Parameter, text: str | None) -> int | None:
    """A level as a number from 0 to 7, given as that or by its name."""
    if text in _LEVELS:
        return _LEVELS.index(text)
    if text is None or (text.isdecimal() and int(text) < len(_LEVELS)):
        return None if text is None else int(text)
    raise click.BadParameter(f"{text!r} is none: 0 to 7, or one of {', '.join(_LEVELS)}")


@click.command(
    epilog="Examples:\n\n\b\n"
    "  lastwords log vmcore | tail -60\n"
    "  lastwords log vmcore --level err           errors and worse\n"
    "  lastwords log vmcore -r | lastwords analyze -\n\n"
    "Exit status: 0 read, 1 the log is empty, 2 the dump can't be read."
)
@click.argument("paths", nargs=-1, required=True, metavar="DUMP [VMLINUX]")
@click.option("--level", callback=_level, metavar="LEVEL", help="Only messages of this level or worse.")
@click.option("-T", "--wall", is_flag=True, help="The time of day (UTC), as exact as a second.")
@click.option("-r", "--raw", is_flag=True, help="With each line's level and caller, as in <4>[  1.5][T95].")
@dump_options
def command(paths: tuple[str, ...], level: int | None, wall: bool, raw: bool, as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """Print the kernel log as dmesg does."""
    from lastwords.report.dmesg import dmesg

    reading = read(paths, options, (), log=True)
    lines = [line for line in reading.log if level is None or line.level is None or line.level <= level]
    if as_json:
        show_json(reading, log=tuple(lines), missing=reading.log_missing)
    else:
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        sys.stdout.writelines(dmesg(lines, wall=wall, raw=raw, colour=colour))
    if not reading.log:
        fail(f"no kernel log: {reading.log_missing or 'it is empty'}")
    note(reading.log_missing)
    sys.exit(0 if lines else 1)
