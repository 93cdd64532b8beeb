"""Settings that make the kernel panic, and what each choice means: a table.

Sources: Documentation/admin-guide/sysctl/kernel.rst, and kernel-parameters.txt for arguments.
"""

from lastwords.model.oops import Struct
from lastwords.model.readiness import CheckStatus

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
