"""`lastwords verify`: is a dump whole, what is lost, and what reads it."""

import datetime
import os
import sys

import click
import msgspec

from lastwords.model.dump import DumpCheck
from lastwords.report.escape import printable

from .complaint import fail
from .progress import meter

_EXIT = {"whole": 0, "incomplete": 1, "damaged": 1, "not-a-dump": 2}


@click.command(
    epilog="Examples:\n\n\b\n"
    "  lastwords verify /var/crash/202411240538          the dumps of a directory\n"
    "  lastwords verify --full vmcore                    unpack every page of a large dump, on all CPUs\n"
    "  lastwords verify part1 part2 part3                the files of a split dump, in any order\n"
    "  lastwords verify --json vmcore | jq -r .verdict\n\n"
    "Exit status: 0 whole, 1 incomplete or damaged, 2 no dump."
)
@click.argument("paths", nargs=-1, required=True, metavar="DUMP...")
@click.option("--full", is_flag=True, help="Unpack every page, of a large dump too.")
@click.option("-j", "--jobs", default=0, help="Processes for --full; 0, the default, for one a CPU.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a dump.")
def command(paths: tuple[str, ...], full: bool, jobs: int, as_json: bool) -> None:
    """Say whether a memory dump is whole, and what is lost.

    Checks headers, notes, VMCOREINFO, bitmaps and every page descriptor against the file's end, and whether the
    log, the page tables, the stacks and the modules can be read. Needs no debuginfo.
    """
    from lastwords.vmcore.files import sort_files
    from lastwords.vmcore.page_check import UnpackingDied
    from lastwords.vmcore.verify import check

    files = sort_files(paths)
    checks: list[DumpCheck] = []
    for dump in files.dumps:
        try:
            with meter("pages" if full else "bytes") as progress:
                checks.append(check(dump, full=full, jobs=jobs or os.cpu_count() or 1, progress=progress))
        except UnpackingDied as error:
            fail(f"{dump[0]}: {error}")
        _show(checks[-1], as_json)
    for path, reason in [
        *files.refused,
        *((path, "a vmlinux or program, not a dump") for path in files.vmlinux if path in paths),
        *((path, "a kernel module, not a dump") for path in files.modules if path in paths),
        *(
            (path, "a text, not a dump; of a kernel log, try: lastwords analyze")
            for path in files.logs
            if path in paths
        ),
    ]:
        checks.append(DumpCheck(path=path, verdict="not-a-dump", summary=reason))
        _show(checks[-1], as_json)
    sys.exit(max(_EXIT[check.verdict] for check in checks) if checks else 2)


def _show(check: DumpCheck, as_json: bool) -> None:
    if as_json:
        dump = check.dump and msgspec.structs.replace(check.dump, vmcoreinfo=None)
        sys.stdout.write(msgspec.json.encode(msgspec.structs.replace(check, dump=dump)).decode() + "\n")
    elif check.verdict == "not-a-dump":
        click.echo(f"lastwords: {printable(check.path)}: {printable(check.summary)}", err=True)
    else:
        sys.stdout.write("".join(f"{printable(line)}\n" for line in _lines(check)))
    sys.stdout.flush()


def _lines(check: DumpCheck) -> list[str]:
    sampled = check.verdict == "whole" and check.format != "elf" and not check.full
    verdict = "looks whole" if sampled else check.verdict
    lines = [f"{check.path}: {verdict.upper()}: {check.summary}"]
    lines += [f"  {name:12} {value}" for name, value in _facts(check)]
    lines += [f"  {part.name:12} {part.state}: {part.text}" for part in check.parts]
    lines += [f"  problem      {problem.text}" for problem in check.problems]
    lines += [f"  next         {advice}" for advice in check.advice]
    return lines


def _facts(check: DumpCheck) -> list[tuple[str, str]]:
    from lastwords.vmcore.verify import level_text

    dump, pages = check.dump, check.pages
    if dump is None:
        return []
    build_id = f", build ID {dump.build_id}" if dump.build_id else ""
    facts = [("kernel", f"{dump.release or 'not known'} ({dump.arch or 'architecture not known'}){build_id}")]
    if dump.crash_time is not None and 0 < dump.crash_time < 1 << 33:
        when = datetime.datetime.fromtimestamp(dump.crash_time, datetime.UTC)
        facts.append(("crashed", f"{when:%Y-%m-%d %H:%M:%S} UTC{f' on {dump.node}' if dump.node else ''}"))
    facts.append(("format", _format(check)))
    expected = f" of {_mib(check.expected_size)}" if (check.expected_size or 0) > check.size else ""
    facts.append(("size", f"{_mib(check.size)}{expected}"))
    facts.append(
        (
            "pages",
            f"{pages.stored} stored of the machine's {pages.machine}, {pages.excluded} left out on purpose, "
            f"{pages.missing} missing, {pages.damaged} damaged",
        )
    )
    if dump.dump_level is not None:
        level = level_text(dump.dump_level) if pages.excluded else f"{dump.dump_level}, and nothing was left out"
        facts.append(("dump level", level))
    if dump.format != "elf":
        facts.append(
            ("checked", f"every descriptor; {pages.decoded} pages unpacked{'' if check.full else ' (all: --full)'}")
        )
    if dump.drgn.why:
        facts.append(("note", f"drgn does not read it as it is ({dump.drgn.why}); lastwords does"))
    return facts


def _format(check: DumpCheck) -> str:
    dump = check.dump
    assert dump is not None
    text = dump.format
    if dump.version is not None:
        text += f" version {dump.version}, {dump.compression}"
    text += ", flattened" if dump.flattened else ""
    text += f", inside {dump.container}" if dump.container else ""
    text += f", {len(dump.paths)} files" if len(dump.paths) > 1 else ""
    text += f", written by {dump.producer}" if dump.producer else ""
    found = {"memory": "; VMCOREINFO found in memory", "": "; no VMCOREINFO"}.get(dump.vmcoreinfo_source, "")
    return text + found


def _mib(size: int | None) -> str:
    return f"{(size or 0) / (1 << 20):.1f} MiB"
