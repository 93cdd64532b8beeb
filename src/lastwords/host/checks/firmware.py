"""Dumps by firmware: fadump on POWER, stand-alone dump on IBM Z."""

from lastwords.host.machine import Host, size_text

from . import Found, absent, check, fail, ok, unknown, warn


@check(
    "fadump",
    "firmware-assisted dump is registered",
    "firmware",
    why="On POWER the firmware can keep the memory over a reboot: more robust than kdump, if it is registered.",
    decides="fadump",
)
def fadump(host: Host) -> Found:
    """/sys/kernel/fadump/{enabled,registered,mem_reserved}; before 5.10, /sys/kernel/fadump_*."""
    if host.machine and not host.machine.startswith("ppc64"):
        return absent(f"not on {host.machine}")
    for prefix in ("/sys/kernel/fadump/", "/sys/kernel/fadump_"):
        enabled = host.root.number(f"{prefix}enabled")
        if enabled is None:
            continue
        if not enabled:
            return absent("not enabled (fadump=on); kdump is used", f"{prefix}enabled")
        if host.root.number(f"{prefix}registered") == 1:
            reserved = host.root.number(f"{prefix}mem_reserved")
            return ok(f"registered{f', {size_text(reserved)} reserved' if reserved else ''}", f"{prefix}registered")
        fix = host.distribution.enable()
        return fail("enabled, but not registered", f"{prefix}registered", fix=fix, cost="fadump is not registered")
    return unknown("not a running system") if not host.is_running else absent("the firmware has none")


@check(
    "zfcpdump",
    "stand-alone dump on IBM Z is configured",
    "firmware",
    why="On IBM Z a dump program on disk dumps all memory even where Linux can't start any more.",
    decides="firmware",
)
def zfcpdump(host: Host) -> Found:
    """/sys/firmware/dump/dump_type, and what is done on a panic."""
    source = "/sys/firmware/dump/dump_type"
    if host.machine and host.machine != "s390x":
        return absent(f"not on {host.machine}")
    kind = host.root.text(source, 64)
    if kind is None:
        return unknown("not a running system", source) if not host.is_running else absent("not there", source)
    if kind == "none":
        fix = (
            "prepare a dump device with zipl -d and set /etc/sysconfig/dumpconf; then: systemctl enable --now dumpconf"
        )
        return warn("no dump device (kdump is used, if it is set up)", source, fix=fix)
    on_panic = host.root.text("/sys/firmware/shutdown_actions/on_panic", 64) or ""
    if "dump" not in on_panic and on_panic != "vmcmd":
        fix = "set ON_PANIC=dump_reipl in /etc/sysconfig/dumpconf; then: systemctl restart dumpconf"
        return warn(f"{kind}, but on_panic is {on_panic or 'not known'}", source, fix=fix)
    return ok(f"{kind}, on_panic={on_panic}", source)
