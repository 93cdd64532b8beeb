"""`lastwords analyze`: what died and where."""

import sys

import click

from lastwords.report.escape import printable

from .progress import activity, bar


@click.command(
    epilog="Examples:\n\n\b\n"
    "  lastwords analyze crash.log\n"
    "  journalctl -k -b -1 | lastwords analyze -\n"
    "  lastwords analyze /sys/fs/pstore /var/log/kern.log.1.gz\n"
    "  lastwords analyze /var/crash/202411240538        a dump and the log beside it\n"
    "  lastwords analyze vmcore vmlinux                 in any order\n"
    "  lastwords analyze --boot -1 console.log          only the last boot in the file\n"
    "  lastwords analyze --json crash.log | jq -r '.oopses[0].title'\n\n"
    "Exit status: 0 a crash was found, 1 none, 2 something could not be read."
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(), metavar="FILE|DIR...")
@click.option("--json", "as_json", is_flag=True, help="One JSON document with everything that was found.")
@click.option("--boot", type=int, metavar="N", help="Only boot N of each file: from 1, or from the end with -1.")
@click.option("--vmlinux", type=click.Path(), metavar="FILE", help="The kernel's debuginfo, or where to look for it.")
@click.option("--modules-dir", type=click.Path(), metavar="DIR", help="Debuginfo of modules.")
@click.option("--no-debuginfo", is_flag=True, help="Look for none: read the dump with what is in it.")
@click.option("-v", "--verbose", is_flag=True, help="All traces and frames, registers, modules, later oopses.")
def command(
    paths: tuple[str, ...],
    as_json: bool,
    boot: int | None,
    vmlinux: str | None,
    modules_dir: str | None,
    no_debuginfo: bool,
    verbose: bool,
) -> None:
    """Say what died and where, from kernel logs and memory dumps.

    Takes kernel logs in whatever form they come: dmesg, console and netconsole captures, syslog, journal, pstore,
    compressed or not; a directory is read with everything below it, `-` is standard input. And a dump (vmcore) of a
    crashed kernel, with or without debuginfo, whole or not, with its vmlinux beside it or not.

    The first crash of a log is reported in full, what follows from it in one line each.
    """
    from lastwords.case import Debuginfo, analyze
    from lastwords.klog.inputs import find

    debuginfo = Debuginfo(vmlinux, modules_dir, wanted=not no_debuginfo)
    with bar(find(paths)) as progress, activity() as tell:
        analysis = analyze(paths, boot=boot, debuginfo=debuginfo, progress=progress, tell=tell)
    for error in analysis.errors:
        click.echo(f"lastwords: {printable(error)}", err=True)
    if as_json:
        from lastwords.model import to_json

        sys.stdout.buffer.write(to_json(analysis, indent=2 if sys.stdout.isatty() else 0) + b"\n")
    else:
        from lastwords.report.terminal import render

        render(analysis, sys.stdout, verbose=verbose)
    sys.exit(2 if analysis.errors else int(not analysis.oopses))
