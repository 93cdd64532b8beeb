"""`lastwords case`: one directory for each crash, with its evidence, notes and results."""

import sys
from typing import TYPE_CHECKING

import click

from .case_options import cases_option, json_option, opened, say, say_json, store_of, told_in_one_line
from .complaint import complain, fail
from .progress import activity

if TYPE_CHECKING:
    from lastwords.case.directory import CaseDirectory


@click.group(
    epilog="Examples:\n\n\b\n"
    "  lastwords case new --title 'db7 froze' /var/crash/202411240538 sel.txt\n"
    "  lastwords case list --status open\n"
    "  lastwords analyze 20241124-0538-db7\n"
    "  lastwords case note 20241124-0538-db7 'second time this week'\n"
    "  lastwords case resolve 20241124-0538-db7 'fixed by firmware 4.2'\n"
    "  tar -caf db7.tar.zst -C /var/lib/lastwords/cases 20241124-0538-db7\n"
    "  lastwords case open db7.tar.zst\n\n"
    "CASE is a directory, a tar of one, the name of a case in the store, or how one name alone begins.\n\n"
    "Exit status: 0 done, 1 the evidence is not what was taken or something was not taken, 2 an error."
)
def command() -> None:
    """Keep all about one crash in one directory: evidence, notes, checklist, results.

    Cases live in /var/lib/lastwords/cases (root) or ~/.local/share/lastwords/cases, or where LASTWORDS_CASES or --cases
    says. Everything is plain files.
    """


@command.command()
@click.argument("paths", nargs=-1, type=click.Path(), metavar="[FILE|DIR...]")
@click.option("--title", default="", metavar="TEXT", help="One line for lists.")
@click.option("--host", default="", metavar="NAME", help="The machine that crashed.")
@click.option("--crashed", metavar="TIME", help="When: 2024-11-24T05:38 (local time), with Z for UTC, or @SECONDS.")
@click.option("--at", "directory", type=click.Path(), metavar="DIR", help="Make the case here, not among the others.")
@cases_option
@json_option
def new(
    paths: tuple[str, ...],
    title: str,
    host: str,
    crashed: str | None,
    directory: str | None,
    cases: str | None,
    as_json: bool,
) -> None:
    """Make a case, and take copies of files into its evidence."""
    from pathlib import Path

    from lastwords.case.store import new_case

    time = _time(crashed) if crashed is not None else None
    for path in paths:
        if not Path(path).exists():
            fail(f"{path}: no such file")
    with told_in_one_line():
        host, time = _of_logs(paths, host, time)
        at = Path(directory) if directory is not None else None
        case = new_case(store_of(cases), title=title, host=host, crashed=time, at=at)
        errors = _take(case, paths)
        if as_json:
            say_json(case.read())
        else:
            say([case.shown])
    sys.exit(int(bool(errors)))


@command.command("open")
@click.argument("name", metavar="TAR|CASE")
@cases_option
@json_option
def open_(name: str, cases: str | None, as_json: bool) -> None:
    """Bring in a case that comes in a tar, or take up a resolved one again."""
    from pathlib import Path

    from lastwords.case.archive import is_tar
    from lastwords.case.directory import whoami
    from lastwords.case.evidence import check_case
    from lastwords.case.opening import bring_in
    from lastwords.case.store import find_case
    from lastwords.report.case import check_lines

    with told_in_one_line():
        if not is_tar(Path(name)):
            case = find_case(name, store_of(cases))
            if case.read().status == "open":
                fail(f"{case.shown}: is open", 1)
            case.reopen(whoami())
            say_json(case.read()) if as_json else say([case.shown])
            return
        with activity() as tell:
            case, found = bring_in(Path(name), store_of(cases), tell)
            tell and tell("comparing the evidence with its manifest")
            check = check_case(case)
        for line in found.left_out:
            complain(f"{name}: not unpacked: {line}")
        if found.damaged:
            complain(f"{name}: {found.damaged}")
        say_json(case.read()) if as_json else say([case.shown])
        if not check.good:
            for line in check_lines(check):
                complain(line)
    sys.exit(int(not check.good or bool(found.refused) or found.damaged is not None))


@command.command("list")
@click.option("--status", type=click.Choice(["open", "resolved"]), help="Only these.")
@cases_option
@json_option
def list_(status: str | None, cases: str | None, as_json: bool) -> None:
    """List the cases, the newest first."""
    from lastwords.case.errors import CaseError
    from lastwords.case.store import all_cases
    from lastwords.report.case import case_rows

    found, broken = [], False
    with told_in_one_line():
        for directory in all_cases(store_of(cases)):
            try:
                case = directory.read()
            except CaseError as error:
                complain(str(error))
                broken = True
                continue
            if status in (None, case.status):
                found.append(case)
    say_json(*found) if as_json else say(case_rows(found))
    sys.exit(2 if broken else 0)


@command.command()
@click.argument("name", metavar="CASE")
@cases_option
@json_option
def show(name: str, cases: str | None, as_json: bool) -> None:
    """Show a case: evidence, verdict, checklist, notes."""
    from lastwords.case.checklist import read_checklist
    from lastwords.case.evidence import manifest_of
    from lastwords.model import CaseView
    from lastwords.report.case import case_lines

    with opened(name, cases) as case:
        about, evidence, checklist = case.read(), manifest_of(case), read_checklist(case)
        analysis, current = case.analysis(), case.analysis_is_current()
        if not as_json:
            say(case_lines(about, evidence, checklist, analysis, current=current))
            return
        view = CaseView(
            case=about,
            evidence=evidence,
            times=checklist.times,
            steps=len(checklist.steps),
            steps_done=sum(status.state in ("done", "skipped") for status in checklist.steps),
            verdict=analysis.verdict if analysis else None,
            verdict_current=current,
            oops=analysis.crash.title if analysis and analysis.crash else None,
        )
        say_json(view)


@command.command()
@click.argument("name", metavar="CASE")
@cases_option
@json_option
def verify(name: str, cases: str | None, as_json: bool) -> None:
    """Compare the evidence with its manifest: size and SHA-256 of every file."""
    from lastwords.case.evidence import check_case
    from lastwords.report.case import check_lines

    with opened(name, cases) as case:
        check = check_case(case)
        say_json(check) if as_json else say(check_lines(check))
    sys.exit(int(not check.good))


@command.command()
@click.argument("name", metavar="CASE")
@click.argument("paths", nargs=-1, required=True, type=click.Path(), metavar="FILE|DIR...")
@cases_option
@json_option
def add(name: str, paths: tuple[str, ...], cases: str | None, as_json: bool) -> None:
    """Take copies of more files into the evidence."""
    with opened(name, cases) as case:
        errors = _take(case, paths)
        if as_json:
            say_json(case.read())
    sys.exit(int(bool(errors)))


@command.command()
@click.argument("name", metavar="CASE")
@click.argument("text")
@cases_option
@json_option
def note(name: str, text: str, cases: str | None, as_json: bool) -> None:
    """Write a note into the case, with the time and your name."""
    from lastwords.case.directory import whoami

    with opened(name, cases) as case:
        case.note(text, whoami())
        if as_json:
            say_json(case.read())


@command.command()
@click.argument("name", metavar="CASE")
@click.argument("text", metavar="RESOLUTION")
@cases_option
@json_option
def resolve(name: str, text: str, cases: str | None, as_json: bool) -> None:
    """Close a case: what it was, and what was done about it."""
    from lastwords.case.checklist import of_phase, read_checklist
    from lastwords.case.directory import whoami

    with opened(name, cases) as case:
        case.resolve(text, whoami())
        if as_json:
            say_json(case.read())
        left = [s.step.id for s in of_phase(read_checklist(case), "post-mortem").steps if s.state in ("open", "failed")]
        left = [step for step in left if step != "case-resolved"]
    if left:
        complain(f"resolved; steps of the checklist that are still open: {', '.join(left)}")


def _take(case: "CaseDirectory", paths: tuple[str, ...]) -> list[str]:
    """Add files, tell what was taken as it is on stderr; gives what went wrong."""
    if not paths:
        return []
    from lastwords.case.evidence import add_files

    with activity() as tell:
        taken, errors = add_files(case, paths, tell=tell)
    for item in taken:
        complain(f"took {item.origin} as {item.kind}")
    for error in errors:
        complain(error)
    return errors


def _of_logs(paths: tuple[str, ...], host: str, time: float | None) -> tuple[str, float | None]:
    """The machine and the time as the user gave them; what is missing as the logs tell it."""
    if not paths or (host and time is not None):
        return host, time
    from lastwords.case.foretold import foretold
    from lastwords.glossary.clock import shown

    with activity() as tell:
        told = foretold(paths, tell)
    if time is None and told.clock:
        complain(
            f"the log says {shown(told.clock)}: that is no point in time; give --crashed, or write it into case.toml"
        )
    return host or told.host, told.crashed if time is None else time


def _time(text: str) -> float:
    from datetime import datetime

    try:
        return float(text[1:]) if text.startswith("@") else datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        raise click.UsageError(f"--crashed: no time: {text!r}; like 2024-11-24T05:38:11Z") from None
