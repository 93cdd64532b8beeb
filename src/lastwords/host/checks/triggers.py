"""What makes the kernel panic, and so dump: one check a setting of the table, and what is no plain setting."""

from collections.abc import Callable

from lastwords.host.machine import Host
from lastwords.host.platforms import is_guest
from lastwords.host.sysctls import set_command
from lastwords.host.triggers import TRIGGERS, Meaning, Trigger

from . import Found, absent, check, ok, unknown, warn


def _trigger_check(trigger: Trigger) -> Callable[[Host], Found]:
    def found(host: Host) -> Found:
        return judge(trigger, host)

    found.__doc__ = f"The running value of {trigger.setting}, and what the next boot will set."
    return found


for _trigger in TRIGGERS:
    check(_trigger.id, _trigger.title, "triggers", why=_trigger.why)(_trigger_check(_trigger))


def judge(trigger: Trigger, host: Host) -> Found:
    """Compare the running value, and the one of the next boot, with the table."""
    source = f"/proc/sys/{trigger.setting.replace('.', '/')}"
    running = host.sysctl(trigger.setting)
    later, later_source = _next_boot(trigger, host)
    if running is None:
        if host.is_running:
            return absent("the kernel has no such setting", source)
        running, source = later, later_source
    meaning = _meaning(trigger, running)
    if meaning is None:
        return unknown(f"{running[:40]}: not a number", source)
    value = f"{running}: {meaning.text}"
    fix = set_command(trigger.setting, trigger.advised) if trigger.advised else ""
    if meaning.status != "ok":
        if trigger.bare_metal and is_guest(host):
            return ok(f"{value} (a virtual machine: the hypervisor looks)", source)
        undo = set_command(trigger.setting, trigger.default)
        return Found(status=meaning.status, value=value, source=source, fix=fix or undo, cost=trigger.cost)
    after = _meaning(trigger, later)
    if trigger.advised and after is not None and after.status != "ok" and not _set_by_kdump(trigger, host):
        return warn(f"{value}; but the next boot sets {later}: {after.text}", later_source, fix=fix)
    return ok(value, source)


def _meaning(trigger: Trigger, value: str) -> Meaning | None:
    try:
        number = int(value.split()[0], 0)
    except (ValueError, IndexError):
        return None
    return next((one for one in trigger.meanings if one.low <= number <= one.high), None)


def _next_boot(trigger: Trigger, host: Host) -> tuple[str, str]:
    """What the next boot will have, and what says so: sysctl.d, the command line, the kernel's build, its default."""
    persisted = host.sysctls.get(trigger.setting)
    if persisted is not None:
        return persisted.value, persisted.source
    if trigger.argument and host.arguments is not None:
        given = host.argument(trigger.argument)
        if trigger.argument == "oops":
            given = "1" if given == "panic" else None
        if given is not None:
            return given or "1", "/proc/cmdline"
    config = host.kernel_config
    if config is not None and (built := config[1].get(trigger.config, "")):
        return "1" if built == "y" else built, config[0]
    return trigger.default, "the kernel's default"


def _set_by_kdump(trigger: Trigger, host: Host) -> bool:
    """Debian's kdump-config sets panic_on_oops whenever it loads the crash kernel."""
    return trigger.setting == "kernel.panic_on_oops" and host.distribution.family == "debian" and bool(host.crash_size)


_BACKTRACES = (
    "kernel.oops_all_cpu_backtrace",
    "kernel.softlockup_all_cpu_backtrace",
    "kernel.hardlockup_all_cpu_backtrace",
    "kernel.hung_task_all_cpu_backtrace",
)


@check(
    "all-cpu-backtrace",
    "a report has the stacks of all CPUs",
    "triggers",
    why="Where there is no dump, the other CPUs' stacks show who holds the lock that this one waits for.",
)
def all_cpu_backtrace(host: Host) -> Found:
    """The four *_all_cpu_backtrace settings."""
    values = {name: host.sysctl(name) for name in _BACKTRACES}
    there = {name.removeprefix("kernel."): value for name, value in values.items() if value is not None}
    if not there:
        return absent("the kernel has no such settings") if host.is_running else unknown("not a running system")
    on = [name for name, value in there.items() if value != "0"]
    off = [name for name in there if name not in on]
    text = "on: " + ", ".join(on) if on else "off: only the CPU that reports shows its stack"
    return ok(text + (f"; off: {', '.join(off)}" if on and off else ""), "/proc/sys/kernel")


# include/linux/sysrq.h
_SYSRQ_LOG, _SYSRQ_KEYBOARD, _SYSRQ_DUMP, _SYSRQ_SYNC, _SYSRQ_REMOUNT, _SYSRQ_BOOT = 2, 4, 8, 16, 32, 128


@check(
    "sysrq",
    "SysRq can dump a hung machine",
    "triggers",
    why="SysRq-c from a keyboard or as a break on a serial line turns a hang into a dump; -w and -l show stacks.",
)
def sysrq(host: Host) -> Found:
    """The bits of kernel.sysrq; /proc/sysrq-trigger works for root whatever they are."""
    source = "/proc/sys/kernel/sysrq"
    text = host.sysctl("kernel.sysrq")
    if text is None:
        return absent("the kernel has no SysRq", source) if host.is_running else unknown("not a running system", source)
    mask = int(text) if text.isdigit() else 0
    if mask == 1 or mask & _SYSRQ_DUMP:
        return ok(f"{mask}: SysRq-c, -w and -l are allowed", source)
    what = "nothing is allowed" if mask == 0 else "-c, -w and -l (bit 8) are not allowed"
    fix = set_command("kernel.sysrq", str(mask | _SYSRQ_DUMP))
    note = "   # who stands at the keyboard can then crash the machine"
    return warn(f"{mask}: {what} from a keyboard or serial line; root's /proc/sysrq-trigger works", source, fix + note)


@check(
    "panic-on-taint",
    "no taint makes it panic",
    "triggers",
    why="panic_on_taint= stops the machine when, say, an unsigned module is loaded; it is for hunting.",
)
def panic_on_taint(host: Host) -> Found:
    """The argument on the command line."""
    if host.arguments is None:
        return unknown("not a running system", "/proc/cmdline")
    given = host.argument("panic_on_taint")
    if given is None:
        return ok("not set", "/proc/cmdline")
    return warn(f"panic_on_taint={given}", "/proc/cmdline", fix="take it off the command line if nobody hunts a taint")


@check(
    "post-notifiers",
    "what comes first, the dump or the log's rescue",
    "triggers",
    why="With crash_kexec_post_notifiers the kernel tells pstore and the hypervisor before it jumps into the crash "
    "kernel: a second chance for the log, at some risk for the dump.",
)
def post_notifiers(host: Host) -> Found:
    """/sys/module/kernel/parameters/crash_kexec_post_notifiers."""
    source = "/sys/module/kernel/parameters/crash_kexec_post_notifiers"
    text = host.root.text(source, 16)
    if text is None:
        return absent("the kernel has none", source) if host.is_running else unknown("not a running system", source)
    if text in ("Y", "1"):
        return ok("on: pstore and the hypervisor are told first, then it dumps", source)
    return ok("off: the dump comes first; where it is made, pstore gets nothing", source)


_DUMP_SECONDS = 300


@check(
    "hardware-watchdog",
    "the hardware watchdog leaves time for the dump",
    "triggers",
    why="A watchdog that runs out while the crash kernel dumps resets the machine in the middle of it.",
)
def hardware_watchdog(host: Host) -> Found:
    """/sys/class/watchdog/*/{state,timeout}, and whether the crash initrd feeds it."""
    devices = host.root.names("/sys/class/watchdog")
    if not devices:
        return absent("no watchdog device", "/sys/class/watchdog")
    for name in devices:
        directory = f"/sys/class/watchdog/{name}"
        if host.root.text(f"{directory}/state", 32) != "active":
            continue
        seconds = host.root.number(f"{directory}/timeout") or 0
        identity = host.root.text(f"{directory}/identity", 128) or name
        text = f"{identity}, {seconds} s"
        if seconds >= _DUMP_SECONDS:
            return ok(text, directory)
        if host.distribution.family == "fedora":
            return ok(f"{text}; dracut's watchdog module feeds it in the crash kernel", directory)
        fix = (
            f"see that the crash initrd feeds it, or set RuntimeWatchdogSec={_DUMP_SECONDS} in /etc/systemd/system.conf"
        )
        return warn(f"{text}: shorter than a dump may take", directory, fix=fix)
    return ok("not in use", "/sys/class/watchdog")


@check(
    "fence-kdump",
    "the cluster waits for the dump",
    "triggers",
    why="A cluster that fences a node by power while it dumps cuts the dump off.",
)
def fence_kdump(host: Host) -> Found:
    """Corosync is there: then fence_kdump must be configured."""
    if not host.root.exists("/etc/corosync/corosync.conf"):
        return absent("not in a cluster", "/etc/corosync/corosync.conf")
    for path, words in (
        ("/etc/kdump.conf", ("fence_kdump_nodes", "fence_kdump_args")),
        ("/etc/sysconfig/fence_kdump", ("FENCE_KDUMP_OPTS",)),
        ("/etc/sysconfig/kdump", ("fence_kdump_send",)),
        ("/etc/default/kdump-tools", ("fence_kdump",)),
    ):
        lines = (line.strip() for line in (host.root.text(path) or "").splitlines())
        if any(line.startswith(words) or (not line.startswith("#") and words[0] in line) for line in lines):
            return ok("fence_kdump is configured", path)
    fix = "add a fence_kdump stonith device on the first level, and fence_kdump_nodes to kdump's configuration"
    return warn("a cluster without fence_kdump", "/etc/corosync/corosync.conf", fix=fix)
