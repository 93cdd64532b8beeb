"""What makes the kernel panic, and so dump, and what each choice means.

The settings are a table. Sources: Documentation/admin-guide/sysctl/kernel.rst, and kernel-parameters.txt for arguments.
"""

from collections.abc import Callable

from lastwords.host.machine import Host
from lastwords.host.platforms import is_guest
from lastwords.host.sysctls import set_command
from lastwords.model.oops import Struct
from lastwords.model.readiness import CheckStatus

from . import Found, absent, check, ok, unknown, warn

_MOST = 1 << 62


class Meaning(Struct, frozen=True):
    """What values from `low` to `high` mean."""

    low: int
    high: int
    status: CheckStatus
    text: str


class Trigger(Struct, frozen=True, kw_only=True):
    """One setting.

    Attributes:
        id: the check's.
        setting: the sysctl's name.
        title: the check's.
        why: the check's.
        meanings: of all values, in order.
        default: the kernel's own, where no option of its configuration says otherwise.
        advised: what a fix would set; empty where each choice is as good.
        config: the kernel's option (without CONFIG_) that sets the default, empty for none.
        argument: the argument on the command line that sets it at boot, empty for none.
        bare_metal: it matters only there.
        cost: for the summary, where it is not as advised.
    """

    id: str
    setting: str
    title: str
    why: str
    meanings: tuple[Meaning, ...]
    default: str = "0"
    advised: str = ""
    config: str = ""
    argument: str = ""
    bare_metal: bool = False
    cost: str = ""


_REBOOTS = "the machine reboots by itself"

TRIGGERS = (
    Trigger(
        id="panic",
        setting="kernel.panic",
        title="a machine that panicked reboots",
        why="It decides what follows a panic where no crash kernel takes over, or where that one panics too.",
        meanings=(
            Meaning(-_MOST, -1, "ok", "it reboots at once"),
            Meaning(0, 0, "warn", "it hangs until somebody comes"),
            Meaning(1, _MOST, "ok", "it reboots after so many seconds"),
        ),
        advised="10",
        config="PANIC_TIMEOUT",
        argument="panic",
    ),
    Trigger(
        id="panic-on-oops",
        setting="kernel.panic_on_oops",
        title="an oops becomes a panic",
        why="After an oops the kernel goes on with whatever it has corrupted; only a panic makes a dump of it.",
        meanings=(
            Meaning(0, 0, "warn", "the task is killed, the kernel goes on, and there is no dump"),
            Meaning(1, _MOST, "ok", "an oops is dumped"),
        ),
        advised="1",
        config="PANIC_ON_OOPS",
        argument="oops",
        cost="an oops makes no dump (panic_on_oops is 0)",
    ),
    Trigger(
        id="panic-on-warn",
        setting="kernel.panic_on_warn",
        title="a WARNING does not become a panic",
        why="WARN() marks what is wrong but survivable. On a machine that works for others it should survive.",
        meanings=(
            Meaning(0, 0, "ok", "a WARNING is only logged"),
            Meaning(1, _MOST, "warn", "each WARNING takes the machine down: good for hunting one, else not"),
        ),
        argument="panic_on_warn",
    ),
    Trigger(
        id="unknown-nmi-panic",
        setting="kernel.unknown_nmi_panic",
        title="an NMI from outside becomes a panic",
        why="The NMI button, the BMC's `chassis power diag` and a cloud's diagnostic interrupt turn a total hang into "
        "a dump, if the kernel panics on it.",
        meanings=(
            Meaning(0, 0, "warn", "it is logged and ignored: a hung machine can't be dumped from outside"),
            Meaning(1, _MOST, "ok", "it makes a dump"),
        ),
        advised="1",
        argument="unknown_nmi_panic",
    ),
    Trigger(
        id="panic-on-unrecovered-nmi",
        setting="kernel.panic_on_unrecovered_nmi",
        title="what an NMI from the hardware does",
        why="Memory and bus errors may come as NMIs; the kernel can go on with data that may be wrong, or stop.",
        meanings=(
            Meaning(0, 0, "ok", "it is logged, and the kernel goes on"),
            Meaning(1, _MOST, "ok", "it makes a panic and a dump"),
        ),
    ),
    Trigger(
        id="panic-on-io-nmi",
        setting="kernel.panic_on_io_nmi",
        title="what an NMI for an I/O error does",
        why="A device's fatal error (IOCHK) may come as an NMI; the kernel can go on, or stop and dump.",
        meanings=(
            Meaning(0, 0, "ok", "it is logged, and the kernel goes on"),
            Meaning(1, _MOST, "ok", "it makes a panic and a dump"),
        ),
    ),
    Trigger(
        id="hung-task-panic",
        setting="kernel.hung_task_panic",
        title="what a task that hangs does",
        why="A task that waits uninterruptibly for minutes is logged; a panic would dump what it waits for.",
        meanings=(
            Meaning(0, 0, "ok", "it is only logged, and the machine goes on"),
            Meaning(1, _MOST, "ok", "it makes a panic and a dump; slow storage alone may do that"),
        ),
        config="BOOTPARAM_HUNG_TASK_PANIC",
        argument="hung_task_panic",
    ),
    Trigger(
        id="hung-task-timeout",
        setting="kernel.hung_task_timeout_secs",
        title="hanging tasks are looked for",
        why="khungtaskd's report is often the only trace of a deadlock.",
        meanings=(
            Meaning(0, 0, "warn", "nothing looks for them"),
            Meaning(1, 600, "ok", "a task is reported that hangs so many seconds"),
            Meaning(601, _MOST, "warn", "only after so many seconds: users will be quicker"),
        ),
        default="120",
        advised="120",
        config="DEFAULT_HUNG_TASK_TIMEOUT",
    ),
    Trigger(
        id="softlockup-panic",
        setting="kernel.softlockup_panic",
        title="what a soft lockup does",
        why="A CPU that is stuck in the kernel for 20 s may come free; a panic would dump what it is stuck in.",
        meanings=(
            Meaning(0, 0, "ok", "it is only logged, and the machine goes on"),
            Meaning(1, _MOST, "ok", "it makes a panic and a dump; an overloaded hypervisor may do that"),
        ),
        config="BOOTPARAM_SOFTLOCKUP_PANIC",
        argument="softlockup_panic",
    ),
    Trigger(
        id="hardlockup-panic",
        setting="kernel.hardlockup_panic",
        title="a hard lockup becomes a panic",
        why="A CPU that takes no interrupts for 10 s rarely comes back: without a panic the machine just stands still.",
        meanings=(
            Meaning(0, 0, "warn", "it is only logged, and the machine most likely hangs"),
            Meaning(1, _MOST, "ok", "it makes a panic and a dump"),
        ),
        advised="1",
        config="BOOTPARAM_HARDLOCKUP_PANIC",
        bare_metal=True,
    ),
    Trigger(
        id="nmi-watchdog",
        setting="kernel.nmi_watchdog",
        title="hard lockups are looked for",
        why="Without the NMI watchdog a CPU that hangs with interrupts off is never noticed.",
        meanings=(
            Meaning(0, 0, "warn", "nothing looks for them"),
            Meaning(1, _MOST, "ok", "the NMI watchdog runs"),
        ),
        default="1",
        advised="1",
        argument="nmi_watchdog",
        bare_metal=True,
    ),
    Trigger(
        id="watchdog-thresh",
        setting="kernel.watchdog_thresh",
        title="lockups are noticed in time",
        why="Hard lockups are noticed after so many seconds, soft lockups after twice that.",
        meanings=(
            Meaning(0, 0, "warn", "neither soft nor hard lockups are noticed"),
            Meaning(1, 60, "ok", "seconds"),
            Meaning(61, _MOST, "warn", "seconds: other watchdogs will be quicker"),
        ),
        default="10",
        advised="10",
    ),
    Trigger(
        id="panic-on-rcu-stall",
        setting="kernel.panic_on_rcu_stall",
        title="what an RCU stall does",
        why="RCU stalls tell of CPUs that are stuck or starved; most come free again.",
        meanings=(
            Meaning(0, 0, "ok", "it is only logged"),
            Meaning(1, _MOST, "ok", "it makes a panic and a dump (after max_rcu_stall_to_panic stalls)"),
        ),
    ),
    Trigger(
        id="oops-limit",
        setting="kernel.oops_limit",
        title="how many oopses it survives",
        why="Each oops leaks references; a counter that is driven round can be used to attack the kernel.",
        meanings=(
            Meaning(0, 0, "ok", "any number"),
            Meaning(1, 1, "ok", "the first makes a panic"),
            Meaning(2, _MOST, "ok", "that many, then it panics"),
        ),
        default="10000",
    ),
    Trigger(
        id="warn-limit",
        setting="kernel.warn_limit",
        title="how many WARNINGs it survives",
        why="A limit takes the machine down when WARNINGs pile up.",
        meanings=(
            Meaning(0, 0, "ok", "any number"),
            Meaning(1, 10, "warn", "that few, then it panics"),
            Meaning(11, _MOST, "ok", "that many, then it panics"),
        ),
    ),
    Trigger(
        id="panic-print",
        setting="kernel.panic_print",
        title="what a panic prints besides",
        why="Where there is no dump, tasks, memory and locks printed at the panic are all there will be.",
        meanings=(
            Meaning(0, 0, "ok", "only the panicking CPU's report"),
            Meaning(1, _MOST, "ok", "more, as its bits say (1 tasks, 2 memory, 4 timers, 8 locks, 16 ftrace, 64 CPUs)"),
        ),
        argument="panic_print",
    ),
    Trigger(
        id="panic-on-oom",
        setting="vm.panic_on_oom",
        title="being out of memory does not become a panic",
        why="Normally the OOM killer ends one process and the machine lives on.",
        meanings=(
            Meaning(0, 0, "ok", "the OOM killer ends a process"),
            Meaning(1, _MOST, "warn", "the machine panics when memory runs out: good for hunting a leak, else not"),
        ),
    ),
)


def advised() -> dict[str, str]:
    """What to set, by the sysctl's name: for a set-up that does it all at once."""
    return {one.setting: one.advised for one in TRIGGERS if one.advised}


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
    note = " (who stands at the keyboard can then crash the machine)"
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
