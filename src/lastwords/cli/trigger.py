"""`lastwords trigger`: turn a hang into a dump."""

import sys
from typing import TYPE_CHECKING

import click

from lastwords.report.escape import printable
from lastwords.report.width import folded

from .complaint import fail
from .consent import consented
from .rehearse import crash_kernel_loaded, crash_now

if TYPE_CHECKING:
    from lastwords.host.machine import Host


@click.command(
    epilog="Examples:\n\n\b\n"
    "  lastwords trigger                                the ways to dump this machine; does nothing\n"
    "  lastwords trigger --crash-this-machine           asks for the host's name, then dumps by SysRq\n"
    "  lastwords trigger --crash-this-machine --host-name web7\n"
    "  lastwords trigger --ways                         to print and hang beside the machine\n\n"
    "Exit status: 0 with --ways. Otherwise it does not return; 2 where nothing was done."
)
@click.option("--ways", is_flag=True, help="Only list the ways from outside, for when no command runs any more.")
@click.option("--crash-this-machine", "flag", is_flag=True, help="Yes, crash it. The host's name is asked for, too.")
@click.option("--host-name", metavar="NAME", help="The host's name, where nobody is there to type it.")
@click.option("--without-kdump", is_flag=True, help="Also where no crash kernel is loaded, for the log alone.")
def command(ways: bool, flag: bool, host_name: str | None, without_kdump: bool) -> None:
    """Turn a machine that hangs into a dump: by SysRq while commands still run, by an NMI from outside if not.

    The stacks of blocked tasks and of all CPUs go into the kernel log first, then the kernel panics and kdump saves
    its memory. Secure what you can before: lastwords capture.
    """
    from lastwords.host.machine import Host
    from lastwords.host.root import Root

    host = Host(Root("/"))
    if ways or not flag:
        _show_ways(host)
    if ways:
        return
    _say(
        "With --crash-this-machine, the kernel's log takes the stacks of blocked tasks and CPUs, then it panics: every "
        "service and session here ends at once, the crash kernel saves the dump, and the machine reboots."
    )
    consented(host, flag, host_name)
    if host.container:
        fail(f"nothing was done: this is a container ({host.container}), and its host would crash")
    if not crash_kernel_loaded(host) and not without_kdump:
        fail("nothing was done: no crash kernel is loaded, so there would be no dump; say --without-kdump for the log")
    crash_now(host, "trigger")


def _show_ways(host: "Host") -> None:
    from lastwords.host.outside import nmi_panics
    from lastwords.host.outside import ways as known

    _say("From outside, when no command runs any more:")
    for way in known(host):
        _say(f"  {way.place}:")
        _say(f"      {way.command}")
        if way.note:
            _say(f"      ({way.note})")
    if nmi_panics(host) is False:
        _say("An NMI makes no dump here as long as kernel.unknown_nmi_panic is 0: lastwords doctor --fix")
    if not crash_kernel_loaded(host):
        _say("No crash kernel is loaded: a panic leaves no dump here. lastwords doctor says what is missing.")


def _say(text: str) -> None:
    for line in folded(printable(text), sys.stdout):
        click.echo(line)
