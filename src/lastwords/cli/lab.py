"""`lastwords lab`: crash a real kernel in a virtual machine."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
import msgspec

if TYPE_CHECKING:
    from lastwords.lab import Case, Outcome
    from lastwords.lab.stock import Item


@click.group(
    epilog="Examples:\n\n\b\n"
    "  lastwords lab list                             what there is to crash\n"
    "  lastwords lab run null-field                   boot, crash, print the console\n"
    "  lastwords lab run null-field --log crash.log --dump vmcore\n"
    "  lastwords lab run hung-task --kernel 6.12 --kdump vmcore.kdump\n"
    "  lastwords lab cache --clear                    make room\n"
)
def command() -> None:
    """Crash a real Debian kernel in QEMU, record its console and dump its memory.

    The first run fetches the kernel and a compiler for it from Debian's mirrors (as root, some minutes); later
    ones take seconds. scripts/setup-lab installs what is needed. Everything is kept in ~/.cache/lastwords/lab.
    """


_cases = click.option(
    "--cases", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Cases of your own, a folder each."
)


@command.command("list")
@_cases
@click.option("--json", "as_json", is_flag=True, help="One JSON array, with recipes and known answers.")
def list_cases(cases: Path | None, as_json: bool) -> None:
    """List the cases: what goes wrong in each, and on which kernels it can be done."""
    from lastwords.lab import LabError, all_cases

    try:
        found = all_cases(cases)
    except LabError as error:
        _fail(error)
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    width = max(len(case.name) for case in found)
    for case in found:
        kernels = "" if len(case.kernels) > 2 else f" ({', '.join(case.kernels)} only)"
        click.echo(f"{case.name:<{width}}  {case.summary}{kernels}")


def _case_names(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """For the shell's completion."""
    from lastwords.lab import LabError, all_cases

    try:
        return [case.name for case in all_cases(context.params.get("cases")) if case.name.startswith(begun)]
    except LabError:
        return []


@command.command(
    epilog="Examples:\n\n\b\n"
    "  lastwords lab run storage-mod --log crash.log && lastwords analyze crash.log\n"
    "  lastwords lab run bug-on --kernel 5.10 --json | jq .answer\n\n"
    "Exit status: 0 the kernel crashed as its recipe says, 2 it did not, or the lab lacks something."
)
@click.argument("case_name", metavar="CASE", shell_complete=_case_names)
@_cases
@click.option(
    "--kernel",
    "kernel_name",
    default="6.1",
    show_default=True,
    help="6.1, 6.12, backports, 5.10, 6.1-arm64 or 6.12-arm64.",
)
@click.option("--log", type=click.Path(path_type=Path, dir_okay=False), help="File for the console log.")
@click.option("--dump", type=click.Path(path_type=Path, dir_okay=False), help="Dump from outside, by QEMU: ELF.")
@click.option(
    "--kdump",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Dump from inside, by kexec and makedumpfile: kdump-compressed.",
)
@click.option("--debuginfo", is_flag=True, help="Also fetch the kernel's debuginfo (1.7 GB) and say where it is.")
@click.option("--json", "as_json", is_flag=True, help="The outcome as one JSON object: files, times, known answer.")
def run(
    case_name: str,
    cases: Path | None,
    kernel_name: str,
    log: Path | None,
    dump: Path | None,
    kdump: Path | None,
    debuginfo: bool,
    as_json: bool,
) -> None:
    """Run one case. Without --log the console is printed."""
    from tempfile import TemporaryDirectory

    from lastwords.lab import LabError, case, kernel
    from lastwords.lab import run as crash

    with TemporaryDirectory(prefix="lastwords-lab-") as scratch:
        console = log or Path(scratch) / "console.log"
        try:
            which = case(case_name, cases)
            _say(f"fetching kernel {kernel_name} and its compiler, if they are not here yet")
            victim = kernel(kernel_name)
            outcome = crash(which, victim, console, elf=dump, kdump=kdump, say=_say)
            vmlinux = victim.debuginfo() if debuginfo else None
        except (LabError, OSError) as error:
            _fail(error)
        _say("")
        if as_json:
            click.echo(msgspec.json.encode(_result(which, outcome, vmlinux, log)))
        elif log is None:
            sys.stdout.write(_printable(console))
        if vmlinux and not as_json:
            click.echo(f"debuginfo: {vmlinux}", err=True)


@command.command(
    epilog="Examples:\n\n\b\n"
    "  lastwords lab cache                                what is kept, and how much room it takes\n"
    "  lastwords lab cache --clear --unused 7             what was not used for a week\n"
    "  lastwords lab cache --clear --kind crashes --kind systems\n\n"
    "Exit status: 0 done, 2 something may not be removed."
)
@click.option("--clear", "wanted", is_flag=True, help="Remove what nobody uses right now.")
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only of this kind; may be repeated.")
@click.option(
    "--unused", metavar="DAYS", type=click.FloatRange(min=0), default=0.0, help="Only what was not used since."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON array: the items, or those to be removed.")
def cache(wanted: bool, kinds: tuple[str, ...], unused: float, as_json: bool) -> None:
    """Show what the lab keeps, or clear it: all of it can be fetched or made again.

    Older crashes, modules and disks go by themselves: of each the newest few are kept, and none that nobody used for
    two weeks. Kernels, their debuginfo and Debian's releases stay.
    """
    from lastwords.lab.cache import cache as place
    from lastwords.lab.stock import KINDS, clear, stock
    from lastwords.report.captured import human

    for kind in kinds:
        if kind not in KINDS:
            raise click.UsageError(f"no kind {kind}: there are {', '.join(KINDS)}")
    chosen = kinds or tuple(KINDS)
    try:
        if wanted:
            found = list(clear(chosen, unused * 86_400))
        else:
            found = [(item, False) for item in stock(chosen) if item.unused >= unused * 86_400]
    except OSError as error:
        _fail(error)
    if as_json:
        click.echo(msgspec.json.encode([_stocked(item, removed) for item, removed in found]))
        return
    for kind in chosen:
        of_kind = [item for item, _ in found if item.kind == kind]
        size = human(sum(item.size for item in of_kind))
        click.echo(f"{kind:<10} {len(of_kind):>5}  {size:>10}  {KINDS[kind][0]}")
    if wanted:
        removed = [item for item, gone in found if gone]
        kept = f"; {len(found) - len(removed)} are in use" if len(found) > len(removed) else ""
        click.echo(f"removed {len(removed)}, {human(sum(item.size for item in removed))}{kept}")
    click.echo(f"in {place()}")


def _stocked(item: "Item", removed: bool) -> dict[str, object]:
    return {
        "kind": item.kind,
        "path": str(item.path),
        "size": item.size,
        "unused": round(item.unused),
        "in_use": item.in_use,
        "removed": removed,
    }


def _result(case: "Case", outcome: "Outcome", vmlinux: Path | None, log: Path | None) -> dict[str, object]:
    return {
        "case": case.name,
        "summary": case.summary,
        "release": outcome.release,
        "seconds": round(outcome.seconds, 1),
        "log": log and str(log),
        "dump": outcome.dump and str(outcome.dump),
        "kdump": outcome.kdump and str(outcome.kdump),
        "module": str(outcome.modules[0]) if outcome.modules else None,
        "vmlinux": vmlinux and str(vmlinux),
        "answer": outcome.answer,
        "mistake": case.mistake,
    }


def _printable(console: Path) -> str:
    from lastwords.report.escape import printable

    lines = console.read_text(encoding="utf-8", errors="replace").splitlines()
    return "".join(f"{printable(line)}\n" for line in lines)


def _say(text: str) -> None:
    """Progress: one line on stderr that the next one replaces, on a terminal only."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}{'…' if text else ''}")
        sys.stderr.flush()


def _fail(error: Exception) -> NoReturn:
    _say("")
    click.echo(f"lastwords: {error}", err=True)
    sys.exit(2)
