"""`lastwords rehearse`: crash on purpose and see that a dump arrives."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NoReturn

import click

from lastwords.report.escape import printable
from lastwords.report.width import folded

from .complaint import complain, fail
from .consent import consented

if TYPE_CHECKING:
    from lastwords.host.machine import Host
    from lastwords.model.rehearsal import Rehearsal, RehearsalResult

_MARKER_SECONDS = 10.0
_EXIT = {"dump": 0, "incomplete": 1, "none": 1, "elsewhere": 3, "not-crashed": 2, "not-rehearsed": 2}


@click.command(
    epilog="Examples:\n\n\b\n"
    "  lastwords rehearse                               say what would happen, and do nothing\n"
    "  lastwords rehearse --crash-this-machine          asks for the host's name, then crashes it\n"
    "  lastwords rehearse --result                      after the reboot: did the dump arrive?\n"
    "  lastwords rehearse --result --json | jq .outcome\n\n"
    "Exit status: of --result: 0 a whole dump arrived, 1 none or a damaged one, 2 nothing was rehearsed, "
    "3 the dump goes to another machine. Otherwise 2: nothing was done."
)
@click.option("--crash-this-machine", "flag", is_flag=True, help="Yes, crash it. The host's name is asked for, too.")
@click.option("--host-name", metavar="NAME", help="The host's name, where nobody is there to type it.")
@click.option("--without-kdump", is_flag=True, help="Also where no crash kernel is loaded: to see what else is left.")
@click.option("--result", is_flag=True, help="Say what came of the last rehearsal.")
@click.option("--json", "as_json", is_flag=True, help="With --result: one JSON object.")
def command(flag: bool, host_name: str | None, without_kdump: bool, result: bool, as_json: bool) -> None:
    """Crash this machine on purpose, to see that its dump arrives: the only real proof that kdump works.

    All that runs on it ends at once. It says first what will follow, and wants the flag and the host's name. After
    the reboot, --result looks for the dump, checks that it is whole, and keeps what was measured for `doctor`.
    """
    from lastwords.host.machine import Host
    from lastwords.host.root import Root

    host = Host(Root("/"))
    if result:
        _result(host, as_json)
    for line in _outlook(host):
        click.echo("\n".join(folded(printable(line), sys.stderr)), err=True)
    consented(host, flag, host_name)
    _refuse(host, without_kdump)
    crash_now(host, "rehearsal")


def crash_now(host: "Host", purpose: str) -> NoReturn:
    """Leave the marker, sync, crash. The caller has asked for both consents."""
    from lastwords.host import crash
    from lastwords.host.rehearsal import prepare
    from lastwords.host.rehearsal_record import leave_marker, take_marker_back

    if os.geteuid() != 0:
        fail("nothing was done: crashing the machine takes root")
    left: Rehearsal = prepare(host, purpose)
    trouble = _within(_MARKER_SECONDS, lambda: leave_marker(host.root, left))
    if trouble:  # a marker of an earlier crash would tell of the wrong one
        _within(_MARKER_SECONDS, lambda: take_marker_back(host.root))
    if trouble and purpose == "rehearsal":
        fail(f"nothing was done: the marker can't be written: {trouble}")
    if trouble:
        complain(f"going on without a marker: {trouble}")
    try:
        if purpose == "trigger":
            crash.show_stacks()
        if not crash.sync():
            complain("sync does not end; going on without it")
        click.echo("crashing now", err=True)
        crash.announce(purpose)
        crash.crash()
    except OSError as error:
        take_marker_back(host.root)
        fail(f"the kernel refused: {error.filename}: {error.strerror}")
    take_marker_back(host.root)
    fail("the kernel did not crash: see its log (lastwords doctor looks at sysrq)")


def _within(seconds: float, write: Callable[[], None]) -> str:
    """Why a file could not be written in so many seconds, empty where it was: a disk that hangs must not stop us."""
    trouble = ["the disk does not answer"]

    def run() -> None:
        try:
            write()
            trouble[0] = ""
        except OSError as error:
            trouble[0] = f"{error.filename or 'its disk'}: {error.strerror}"

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    return trouble[0]


def crash_kernel_loaded(host: "Host") -> bool:
    """A crash would jump into a crash kernel, or the firmware would dump."""
    from lastwords.host.machine import CRASH_LOADED

    if any(host.root.number(path) == 1 for path in CRASH_LOADED):
        return True
    return host.root.number("/sys/kernel/fadump/registered") == 1


def _refuse(host: "Host", without_kdump: bool) -> None:
    if host.container:
        fail(f"nothing was done: this is a container ({host.container}), and its host would crash")
    if not crash_kernel_loaded(host) and not without_kdump:
        fail("nothing was done: no crash kernel is loaded, so there would be no dump: lastwords doctor says why")


def _outlook(host: "Host") -> Iterator[str]:
    """What will follow."""
    from lastwords.host.machine import size_text
    from lastwords.host.rehearsal import prepare

    left = prepare(host, "rehearsal")
    yield f"This crashes the kernel of {host.name or 'this host'}. What will follow:"
    yield "  1. All data in memory is written to the disks (sync)."
    yield "  2. The kernel panics. Every service and session here ends at once, without warning."
    if crash_kernel_loaded(host):
        where = left.directory or left.server or "a place that is not known"
        size = f", about {size_text(left.expected)}" if left.expected else ""
        yield f"  3. The crash kernel saves a dump to {where}{size}, and reboots."
        if left.expected and left.free is not None and left.free < left.expected:
            yield f"     NO ROOM: {size_text(left.free)} are free there, so it will be cut off. Make room first."
        yield "  4. The machine boots. Then: lastwords rehearse --result"
    else:
        yield "  3. There is no dump: no crash kernel is loaded."
        seconds = int(host.sysctl("kernel.panic") or 0)
        if seconds == 0:
            yield "  4. The machine stands still until somebody resets it (kernel.panic is 0)."
        else:
            yield f"  4. The machine reboots {f'after {seconds} s' if seconds > 0 else 'at once'}."


def _result(host: "Host", as_json: bool) -> NoReturn:
    from lastwords.host.rehearsal import result as look
    from lastwords.host.rehearsal_record import RESULT, keep_result

    try:
        found = look(host)
    except PermissionError as error:
        fail(f"{error}: run as root")
    if found.outcome == "dump" and found.dump:
        found = _checked(found)
    kept = found.outcome not in ("not-crashed", "not-rehearsed")
    if kept:
        try:
            keep_result(host.root, found)
        except OSError as error:
            kept = False
            complain(f"the result can't be kept for doctor: {RESULT}: {error.strerror}")
    if as_json:
        import msgspec

        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    else:
        for line in _lines(found, kept=kept):
            click.echo("\n".join(folded(printable(line), sys.stdout)))
    sys.exit(_EXIT[found.outcome])


def _checked(found: "RehearsalResult") -> "RehearsalResult":
    """Look into the dump, as `lastwords verify` does."""
    from msgspec.structs import replace

    from lastwords.vmcore.verify import check

    assert found.dump
    checked = check([found.dump])
    if checked.verdict == "whole":
        return replace(found, verdict=checked.verdict)
    summary = f"{found.dump} is no whole dump: {checked.summary}"
    return replace(found, outcome="incomplete", verdict=checked.verdict, summary=summary)


def _lines(found: "RehearsalResult", *, kept: bool) -> Iterator[str]:
    from lastwords.host.machine import size_text

    yield found.summary + (", and it is whole" if found.verdict == "whole" else "")
    if found.back_after is not None:
        yield f"  the kernel was back after {found.back_after:.0f} s"
    left = found.rehearsal
    if left and found.size and left.expected and found.outcome == "dump":
        counts = "; doctor now counts with what was measured" if kept else ""
        yield f"  expected were about {size_text(left.expected)}{counts}"
    if found.log:
        yield f"  the kernel's log was saved: {found.log}"
    if found.outcome in ("none", "incomplete"):
        yield "  what to look at: lastwords doctor, free space in the directory, and the console of the crash kernel"
    if found.outcome == "not-rehearsed":
        yield "  lastwords rehearse says what would happen"
