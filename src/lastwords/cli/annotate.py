"""`lastwords annotate`: the text of a crash, with each line that needs it explained in its margin."""

import sys
from collections.abc import Callable

import click

from lastwords.report.escape import printable


@click.command(
    epilog="Examples:\n\n\b\n"
    "  lastwords annotate crash.log\n"
    "  lastwords annotate --oops 2 console.log        the second oops of the file\n"
    "  dmesg | lastwords annotate - | less\n"
    "  lastwords annotate --width 160 crash.log       notes beside the lines, also in a pipe\n\n"
    "Exit status: 0 an oops was shown, 1 none was found, 2 the file could not be read, or not to its end."
)
@click.argument("path", metavar="FILE", type=click.Path())
@click.option("--oops", "number", type=click.IntRange(min=1), metavar="N", help="Which oops of the file: from 1.")
@click.option("--all", "every", is_flag=True, help="All oopses of the file.")
@click.option("--width", type=click.IntRange(40, 1000), metavar="N", help="Columns; by default the terminal's.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object an oops: lines with their notes and marks.")
def command(path: str, number: int | None, every: bool, width: int | None, as_json: bool) -> None:
    """Print the text of an oops with its lines explained.

    The first oops of the log is shown, because it is nearly always the one that matters. A note stands beside its line,
    or below it where the terminal is narrow; a line that speaks for itself has none.
    """
    import msgspec

    from lastwords.klog.inputs import find
    from lastwords.klog.read import read
    from lastwords.report.annotated import annotate
    from lastwords.report.annotated_text import render

    shown = failed = False
    for source in find([path]):
        reading = read(source)
        if reading.log is None:
            click.echo(f"lastwords: {_problem(source.path, reading.error or '')}", err=True)
            failed = True
            continue
        if reading.log.warning is not None:
            click.echo(f"lastwords: {_problem(source.path, reading.log.warning)}", err=True)
            failed = True
        oopses = reading.oopses
        if number is not None and oopses and number > len(oopses):
            click.echo(f"lastwords: {printable(source.path)}: there is no oops {number}, only {len(oopses)}", err=True)
            failed = True
            continue
        chosen = range(len(oopses)) if every else range(len(oopses))[(number or 1) - 1 : (number or 1)]
        for i in chosen:
            annotation = annotate(
                oopses[i], reading.records, number=i + 1, total=len(oopses), machinery=_machinery(), named=_named
            )
            if as_json:
                sys.stdout.write(msgspec.json.encode(annotation).decode() + "\n")
            else:
                sys.stdout.write("\n" * shown)
                render(annotation, sys.stdout, width=width)
            shown = True
    if not shown and not failed:
        click.echo(f"lastwords: {printable(path)}: no oops found", err=True)
    sys.exit(2 if failed else int(not shown))


def _problem(path: str, error: str) -> str:
    return printable(error if error.startswith(path) else f"{path}: {error}")


def _named(function: str) -> str:
    """A function as the oops's title names it."""
    from lastwords.klog.culprit.names import named
    from lastwords.klog.culprit.never import plain

    return named(plain(function)).name


def _machinery() -> Callable[[str], bool]:
    """Whether a function only reports a crash."""
    from lastwords.klog.culprit.never import only_reports, plain

    return lambda function: only_reports(plain(function))
