"""`lastwords capture`: secure the evidence of a crash."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .complaint import fail
from .progress import activity

if TYPE_CHECKING:
    from lastwords.case.directory import CaseDirectory
    from lastwords.host.crashed_boot import CrashedBoot
    from lastwords.model import Evidence


@click.command(
    epilog="Examples:\n\n\b\n"
    "  sudo lastwords capture                        all evidence of the last crash, into a new case\n"
    "  sudo lastwords capture --to /mnt/usb/db7      into this case; run again, it goes on where it was stopped\n"
    "  lastwords capture --root /mnt/disk --to db7   from a disk of the machine that crashed\n"
    "  sudo lastwords capture --hang                 the machine hangs, but this shell still answers\n"
    "  lastwords capture --json --to db7 | jq -r '.evidence[] | select(.state == \"failed\") | .note'\n\n"
    "Exit status: 0 all there is was taken, 1 something could not be taken, 2 nothing was."
)
@click.option("--to", metavar="DIR", type=click.Path(path_type=Path), help="The case's directory, new or begun.")
@click.option("--root", metavar="DIR", default="/", help="The machine's files; runs no command then.")
@click.option("--hang", is_flag=True, help="A hang that is going on: /proc, sysrq w, l and t, /proc/kcore; only reads.")
@click.option("--all-dumps", is_flag=True, help="Dumps of earlier crashes too.")
@click.option("--clear-pstore", is_flag=True, help="Afterwards remove from pstore what was taken of it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def command(to: Path | None, root: str, hang: bool, all_dumps: bool, clear_pstore: bool, as_json: bool) -> None:
    """Secure all evidence of the last crash, what would be overwritten next first.

    Takes pstore, ring buffer, BMC log, journal, logs, dumps, settings, hardware and package histories, raw and
    unchanged, with origin, time and SHA-256 in a manifest. Changes nothing on the machine; as root it sees more, and
    what it may not read it says. It can be stopped and run again at any moment. The live kernel is read with --hang
    alone, and never written to.
    """
    from lastwords.case.errors import CaseError
    from lastwords.case.live_kernel import live_kernel
    from lastwords.host.capture import Wish, clear_taken_pstore, secure
    from lastwords.host.crashed_boot import crashed_boot, hanging_boot
    from lastwords.host.root import Root
    from lastwords.host.vault import Vault, VaultError
    from lastwords.model import Capture, to_json
    from lastwords.report.captured import render_capture
    from lastwords.report.machine_text import machine_text

    if not Path(root).is_dir():
        fail(f"{root}: no such directory")
    machine = Root(root)
    if (hang or clear_pstore) and not machine.is_live:
        fail(f"{'--hang' if hang else '--clear-pstore'} is for the running machine, not for --root")
    began = time.monotonic()
    boot = hanging_boot(machine) if hang else crashed_boot(machine)
    host = machine.text("/etc/hostname", 256) or ""
    cleared: tuple[str, ...] = ()
    try:
        case = _case(to, host, None if hang else boot.running)
        with Vault(case.evidence) as vault, activity() as tell:
            wish = Wish(hang=hang, all_dumps=all_dumps)
            evidence = list(secure(vault, machine, wish, boot=boot, also=[live_kernel(machine_text)], tell=tell))
            if clear_pstore:
                cleared = clear_taken_pstore(vault, machine)
        _date(case, evidence, boot)
    except (VaultError, CaseError) as error:
        fail(str(error))
    result = Capture(
        case=str(case.root),
        root=str(machine.directory),
        host=host,
        boot_began=boot.began,
        boot_source=boot.source,
        evidence=tuple(evidence),
        cleared=cleared,
        seconds=round(time.monotonic() - began, 3),
    )
    if as_json:
        sys.stdout.write(to_json(result).decode() + "\n")
    else:
        render_capture(result, sys.stdout)
        if any(item.state == "taken" for item in evidence):
            _next(case, hang=hang)
    states = {item.state for item in evidence}
    sys.exit(2 if "taken" not in states else 1 if states & {"failed", "refused"} else 0)


def _case(to: Path | None, host: str, running: float | None) -> "CaseDirectory":
    """The case to go on with, or a new one.

    Args:
        to: its directory, where the user names one.
        host: the machine.
        running: when the running boot began: a case of this host that was made since then is of the same crash.
    """
    from lastwords.case.directory import CaseDirectory, is_case
    from lastwords.case.errors import CaseError
    from lastwords.case.store import all_cases, cases_directory, new_case
    from lastwords.host.vault import Vault

    store = cases_directory()
    if to is not None:
        if is_case(to):
            return CaseDirectory(to, str(to))
        # First the store: a case without a manifest would look as if somebody had lost it.
        Vault(to / "evidence").close()
        return new_case(store, host=host, at=to)
    for directory in all_cases(store) if running is not None else ():
        try:
            case = directory.read()
        except CaseError:
            continue
        if case.host == host and case.created >= (running or 0.0) and case.status == "open":
            return directory
    return new_case(store, host=host, elsewhere="--to DIR")


def _date(case: "CaseDirectory", evidence: "list[Evidence]", boot: "CrashedBoot") -> None:
    """Note in the case when the machine crashed, if a file tells: the first that kdump wrote, else pstore's last."""
    from datetime import UTC, datetime

    if case.read().crashed is not None:
        return
    times: dict[str, list[float]] = {"dumps": [], "pstore": []}
    for item in evidence:
        when, collector = item.modified, item.id.partition("/")[0]
        if item.state == "taken" and when is not None and collector in times and boot.may_be_of_it(when):
            times[collector].append(when)
    known = min(times["dumps"], default=max(times["pstore"], default=None))
    if known is not None and known <= (boot.running or time.time()):
        case.change(crashed=datetime.fromtimestamp(int(known), UTC))


def _next(case: "CaseDirectory", *, hang: bool) -> None:
    """Whoever is at it at night need not remember the commands."""
    import shlex

    from .case_options import named

    name = shlex.quote(named(case))
    steps = f"lastwords {'analyze' if hang else 'checklist'} {name}{'' if hang else ' --run'}"
    click.echo(f"Next: {steps}{'; a dump of the hang: lastwords trigger' if hang else ''}")
