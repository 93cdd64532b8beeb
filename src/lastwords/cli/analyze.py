"""`lastwords analyze`: what died and where."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .case_options import cases_option, store_of, told_in_one_line
from .complaint import complain, fail
from .progress import activity, bar, meter

if TYPE_CHECKING:
    from lastwords.model import Analysis


@click.command(
    epilog="Examples:\n\n\b\n"
    "  lastwords analyze crash.log\n"
    "  journalctl -k -b -1 | lastwords analyze -\n"
    "  lastwords analyze /sys/fs/pstore /var/log/kern.log.1.gz\n"
    "  lastwords analyze /var/crash/202411240538        a dump and the log beside it\n"
    "  lastwords analyze vmcore vmlinux                 in any order\n"
    "  lastwords analyze 20241124-0538-db7              all evidence of a case; the result is kept there\n"
    "  lastwords analyze --case db7 vmcore              make a case of it, in the directory db7\n"
    "  lastwords analyze --qmp /run/guest.qmp           a hung guest; it goes on afterwards\n"
    "  lastwords analyze --boot -1 console.log          only the last boot in the file\n"
    "  lastwords analyze --html report.html vmcore       a page that opens offline\n"
    "  lastwords analyze --markdown crash.log           for an issue tracker or a mail\n"
    "  lastwords analyze --json crash.log | jq -r .verdict.summary\n\n"
    "Exit status: 0 a crash was found, 1 none, 2 something could not be read, or not to its end."
)
@click.argument("paths", nargs=-1, type=click.Path(), metavar="FILE|DIR...")
@click.option("--json", "as_json", is_flag=True, help="One JSON document with everything that was found.")
@click.option("--html", type=click.Path(), metavar="FILE", help="The report as one HTML file; `-` is standard output.")
@click.option("--markdown", is_flag=True, help="The report in Markdown, for an issue tracker or a mail.")
@click.option("--boot", type=int, metavar="N", help="Only boot N of each file: from 1, or from the end with -1.")
@click.option("--vmlinux", type=click.Path(), metavar="FILE", help="The kernel's debuginfo, or where to look for it.")
@click.option("--modules-dir", type=click.Path(), metavar="DIR", help="Debuginfo of modules.")
@click.option("--no-debuginfo", is_flag=True, help="Look for none: read the dump with what is in it.")
@click.option("--qmp", type=click.Path(), metavar="SOCKET", help="Dump a QEMU guest as it stands, and read that.")
@click.option("--keep", type=click.Path(), metavar="DIR", help="Leave the guest's dump in this directory.")
@click.option("--known", type=click.Path(), multiple=True, metavar="DIR", help="Known issues: YAML files of a team.")
@click.option("--tree", type=click.Path(), metavar="DIR", help="The kernel's source: its MAINTAINERS say whom to ask.")
@click.option("--case", type=click.Path(), metavar="DIR", help="Make a case of it there, or add it to the one there.")
@cases_option
@click.option("-v", "--verbose", is_flag=True, help="All traces and frames, registers, modules, later oopses.")
def command(
    paths: tuple[str, ...],
    as_json: bool,
    html: str | None,
    markdown: bool,
    boot: int | None,
    vmlinux: str | None,
    modules_dir: str | None,
    no_debuginfo: bool,
    qmp: str | None,
    keep: str | None,
    known: tuple[str, ...],
    tree: str | None,
    case: str | None,
    cases: str | None,
    verbose: bool,
) -> None:
    """Say what died and where, from kernel logs and memory dumps.

    Takes kernel logs in whatever form they come: dmesg, console and netconsole captures, syslog, journal, pstore,
    compressed or not; a directory is read with everything below it, `-` is standard input. And a dump (vmcore) of a
    crashed kernel, with or without debuginfo, whole or not, with its vmlinux beside it or not.

    The crash that the verdict is about is reported in full, the log's other reports in one line each.
    """
    if not paths and qmp is None:
        raise click.UsageError("name a log, a dump or a directory; `-` is standard input")
    if sum((as_json, markdown, html == "-")) > 1:
        raise click.UsageError("only one of --json, --markdown and --html - can have standard output")
    debuginfo = (vmlinux, modules_dir, not no_debuginfo)
    from lastwords.vmcore.ahead import reading_ahead

    with reading_ahead(paths), _guest(qmp, keep) as dump, _kept((*dump, *paths), case, cases) as named:
        analysis = named.done(_analyze(named, boot, debuginfo, known, tree), whole=boot is None)
    for error in analysis.errors:
        complain(error)
    partly = [log for log in analysis.logs if log.warning is not None]
    for log in partly:
        complain(f"{log.path}: {log.warning}")
    _write(analysis, as_json=as_json, html=html, markdown=markdown, verbose=verbose)
    sys.exit(2 if analysis.errors or partly else int(not analysis.oopses))


def _write(analysis: "Analysis", *, as_json: bool, html: str | None, markdown: bool, verbose: bool) -> None:
    """The forms of the report that were asked for; on a terminal, if none was."""
    if html is not None:
        from lastwords.report.html import render as page

        _html(page(analysis), html)
    if as_json:
        from lastwords.model import to_json

        sys.stdout.buffer.write(to_json(analysis, indent=2 if sys.stdout.isatty() else 0) + b"\n")
    elif markdown:
        from lastwords.report.markdown import render as text

        sys.stdout.buffer.write(text(analysis).encode())
    elif html is None:
        from lastwords.report.terminal import render

        render(analysis, sys.stdout, verbose=verbose)


def _html(page: str, path: str) -> None:
    if path == "-":
        sys.stdout.buffer.write(page.encode())
        return
    from .whole_file import write

    try:
        write(Path(path), page.encode())
    except OSError as error:
        fail(f"{path}: {error.strerror or error}")
    if sys.stderr.isatty():
        complain(f"the report is in {path}")


def _analyze(
    named: "_Named",
    boot: int | None,
    debuginfo: tuple[str | None, str | None, bool],
    known: tuple[str, ...],
    tree: str | None,
) -> "Analysis":
    import msgspec

    from lastwords.case import Debuginfo, analyze, collect
    from lastwords.case.known_issues import KnownIssuesError, known_issues
    from lastwords.case.maintainers import TreeError, source_tree

    # A colleague's slip in a file of known issues must not keep anybody from the report.
    unread: list[str] = []
    try:
        issues = known_issues(known, unread.append)
        source = source_tree(tree) if tree is not None else None
    except (KnownIssuesError, TreeError) as error:
        fail(str(error))
    kept: list[str] = []
    with activity() as tell:
        material = collect(named.paths, tell)
    with bar(material.logs) as progress, activity() as tell:
        analysis = analyze(
            material,
            boot=boot,
            debuginfo=Debuginfo(*debuginfo),
            known=issues,
            tree=source,
            progress=progress,
            tell=tell,
            say=kept.append,
        )
    for line in kept:
        complain(named.told(line))
    return msgspec.structs.replace(analysis, errors=(*analysis.errors, *unread)) if unread else analysis


class _Named:
    """What is to be analysed, and what becomes of the result: a case gets it, a tar's paths get its name."""

    def __init__(self, paths: list[str], names: dict[str, str]) -> None:
        self.paths = paths
        self.names = names

    def told(self, line: str) -> str:
        """A line with the paths that the user knows."""
        for folder, name in self.names.items():
            line = line.replace(folder, name)
        return line

    def done(self, analysis: "Analysis", *, whole: bool) -> "Analysis":
        """Keep the result in the case, where the paths name just one, and it is of the whole case."""
        from lastwords.case.directory import CaseDirectory, is_case
        from lastwords.case.errors import CaseError
        from lastwords.case.keep import keep
        from lastwords.case.opening import renamed

        analysis = renamed(analysis, self.names)
        if whole and len(self.paths) == 1 and self.paths[0] not in self.names and is_case(Path(self.paths[0])):
            try:
                keep(CaseDirectory(Path(self.paths[0]), self.paths[0]), analysis)
            except CaseError as error:
                complain(f"the result is not kept: {error}")
        return analysis


@contextmanager
def _kept(paths: tuple[str, ...], case: str | None, cases: str | None) -> Iterator[_Named]:
    """The paths, with cases and tars looked up; with `--case` the case that they have become."""
    from lastwords.case.opening import cases_among

    with told_in_one_line(), activity() as tell:
        if case is not None:
            yield _Named([_made(paths, case)], {})
            return
        with cases_among(paths, store_of(cases), tell, complain) as (found, names):
            yield _Named(found, names)


def _made(paths: tuple[str, ...], case: str) -> str:
    """Take the files into the case at this place."""
    from lastwords.case.directory import CaseDirectory, is_case
    from lastwords.case.evidence import add_files
    from lastwords.case.store import new_case

    if "-" in paths:
        fail("--case takes files, and standard input is none: put it into a file first")
    there = Path(case)
    _taken, errors = add_files(CaseDirectory(there, case) if is_case(there) else new_case(there, at=there), paths)
    for error in errors:
        complain(error)
    return case


@contextmanager
def _guest(qmp: str | None, keep: str | None) -> Iterator[tuple[str, ...]]:
    """The path of a dump of a running guest, which is removed afterwards unless it is to be kept; without one, none."""
    if qmp is None:
        yield ()
        return
    from lastwords.vmcore.qmp import QmpError, dump

    try:
        with meter("bytes") as progress:
            guest = dump(Path(qmp), Path(keep) if keep else None, progress)
    except QmpError as error:
        fail(str(error))
    if guest.stopped is not None:
        complain(f"the guest stood still for {guest.stopped:.1f} s while it was dumped")
    try:
        yield (str(guest.path),)
    finally:
        if keep is None:
            shutil.rmtree(guest.path.parent, ignore_errors=True)
        else:
            complain(f"the dump is in {guest.path}")
