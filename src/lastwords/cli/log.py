"""`lastwords log`: the kernel log in a dump."""

import os
import re
import sys
from typing import Any, NoReturn

import click
import msgspec

from lastwords.model import VIEW_SCHEMA, Record, Symbols, View, to_json
from lastwords.report.escape import printable
from lastwords.vmcore.session import DumpError, Reading, Sources, rescue_log

from .complaint import complain
from .dump_view import ask, dump_options, fail, note, show_json, sources
from .progress import activity

_STAMP = re.compile(r"\[ {0,11}(\d{1,12}\.\d{1,9})\] ")
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

    try:
        files = sources(paths, options)
    except DumpError as error:
        fail(str(error))
    try:
        reading = _read(files, options)
    except DumpError as error:
        _rescued(files, str(error), as_json)
    if not reading.log:
        _rescued(files, reading.log_missing or f"{paths[0]}: the log is empty", as_json)
    lines = [line for line in reading.log if level is None or line.level is None or line.level <= level]
    if as_json:
        show_json(reading, log=tuple(lines), missing=reading.log_missing)
    else:
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        sys.stdout.writelines(dmesg(lines, wall=wall, raw=raw, colour=colour))
    note(reading.log_missing)
    sys.exit(0 if lines else 1)


def _read(files: Sources, options: dict[str, Any]) -> Reading:
    """The log; a vmlinux that can't be used is no reason to go without, for it takes none."""
    try:
        return ask(files, options, (), log=True)
    except DumpError as error:
        if files.vmlinux is None:
            raise
        reading = ask(msgspec.structs.replace(files, vmlinux=None, debuginfo=False), options, (), log=True)
        complain(f"{error}; the log takes no debuginfo")
        return reading


def _rescued(files: Sources, why: str, as_json: bool) -> NoReturn:
    """What a search through the whole dump finds of the log, where the way to it is lost: text without levels."""
    try:
        with activity() as progress:
            found = rescue_log(files.dump, progress=progress)
    except DumpError:
        fail(why, files.dump)
    if not found.text:
        fail(why, files.dump)
    lines = found.text.removesuffix("\n").split("\n")
    if as_json:
        records = tuple(_record(number, line) for number, line in enumerate(lines, 1))
        symbols = Symbols(source="none", release="")
        missing = found.missing or why
        view = View(schema=VIEW_SCHEMA, dump=files.dump[0], release="", symbols=symbols, log=records, missing=missing)
        sys.stdout.buffer.write(to_json(view, indent=2 if sys.stdout.isatty() else 0) + b"\n")
    else:
        sys.stdout.writelines(f"{printable(line)}\n" for line in lines)
    complain(f"{why}; this was found by searching the dump")
    note(found.missing)
    sys.exit(0)


def _record(number: int, line: str) -> Record:
    """A line with the time that it begins with, if it does."""
    stamp = _STAMP.match(line)
    return Record(number, line[stamp.end() :], time=float(stamp[1])) if stamp else Record(number, line)
