"""CPUs and tasks that make no progress."""

from .entry import Form, Kind

_PANIC = "Kernel panic - not syncing: "
_PANIC_LITERAL = "Kernel panic - not syncing"

KINDS = (
    Kind(
        "soft-lockup",
        "hang",
        (
            Form("soft lockup - CPU", r"(?:NMI )?(?:watchdog: )?BUG: soft lockup - CPU#\d+"),
            Form("soft lockup detected on CPU", r"BUG: soft lockup detected on CPU#\d+"),
        ),
        title="BUG: soft lockup in {function}",
        alternatives=("stall in {function}",),
        where=("entry", "instruction"),
        source="kernel/watchdog.c: watchdog_timer_fn()",
    ),
    Kind(
        "hard-lockup",
        "hang",
        (
            Form(
                "hard LOCKUP",
                r"(?:Kernel panic - not syncing: |(?:NMI )?(?:watchdog: )?(?:BUG: )?)Watchdog detected hard LOCKUP on cpu ?\d+",
            ),
            Form("hard LOCKUP", r"(?:NMI )?(?:watchdog: )?(?:CPU ?\d+ )?.{0,40}[Hh]ard LOCKUP"),
            # Powerpc, 4.13 to 4.17.
            Form("Hard LOCKUP", r"Watchdog CPU:\d+ (?:detected )?Hard LOCKUP"),
            Form("NMI Watchdog detected LOCKUP", r"(?:BUG: )?NMI Watchdog detected LOCKUP"),
        ),
        title="BUG: hard lockup in {function}",
        alternatives=("stall in {function}",),
        where=("entry", "instruction"),
        source="kernel/watchdog_perf.c, kernel/watchdog.c: watchdog_hardlockup_check()",
    ),
    Kind(
        "rcu-stall",
        "hang",
        (
            Form(
                "detected stall",
                r"(?:rcu: )?INFO: rcu\w* (?:self-)?detected (?:expedited )?stalls? (?:on|with)",
            ),
            # `detected stalls? (Late IPI?)` of Linux 5.8 to 6.8; `detected stall, but suppressed full report …` since 6.13.
            Form("detected stall", r"(?:rcu: )?INFO: rcu\w* detected stalls?[ ?,]"),
            # Until Linux 2.6.33.
            Form("INFO: RCU detected CPU", r"INFO: RCU detected CPU (?:\d+ stall|stalls:)"),
            Form("detected expedited stall", r"(?:rcu: )?INFO: rcu\w* detected expedited stalls"),
        ),
        title="INFO: rcu detected stall in {function}",
        alternatives=("stall in {function}",),
        where=("entry",),
        source="kernel/rcu/tree_stall.h",
    ),
    Kind(
        # A CPU waits for another one to run a function, and that one does not take the interrupt.
        "csd-lock",
        "hang",
        (
            Form(
                "non-responsive CSD lock",
                r"(?:smp: )?csd: (?:Detected|Continued) non-responsive CSD lock \(#\d+\) on CPU#\d+, waiting -?\d+ ns for "
                r"CPU#(?P<cpu>\d+)",
            ),
        ),
        title="non-responsive CSD lock in {function}",
        alternatives=("stall in {function}",),
        # The traces are of the CPU that does not answer, and of the one that waits. The last but one is the news.
        where=("entry",),
        never=r"csd_lock_wait_toolong|__csd_lock_wait|smp_call_function_\w+|on_each_cpu\w*",
        source="kernel/smp.c: csd_lock_wait_toolong()",
    ),
    Kind(
        "suspend-timeout",
        "hang",
        (Form("DPM device timeout", r"\S{1,40} \S{1,60}: \*{4} DPM device timeout"),),
        title="DPM device timeout in {function}",
        where=("trace",),
        source="drivers/base/power/main.c: dpm_watchdog_handler()",
    ),
    Kind(
        # The kernel takes its own scheduler back, and goes on.
        "bpf-scheduler-disabled",
        "hang",
        (
            Form(
                "disabling BPF scheduler",
                r"sched_ext: (?P<what>(?:Soft|Hard) lockup) - CPU \d+.{0,40}, disabling BPF scheduler",
            ),
            Form(
                " disabled (",
                r'sched_ext: BPF \S{1,20} "[^"]{1,128}" disabled \((?P<what>runtime error|runnable task stall)\)',
            ),
        ),
        title="sched_ext: BPF scheduler disabled: {what}",
        where=(),
        trace="none",
        stamped=True,
        event=True,
        yields=True,
        source="kernel/sched/ext.c: handle_lockup(), scx_disable_workfn()",
    ),
    Kind(
        "workqueue-lockup",
        "hang",
        (Form("workqueue lockup", r"BUG: workqueue lockup"),),
        title="BUG: workqueue lockup",
        where=("trace",),
        trace="none",
        source="kernel/workqueue.c: wq_watchdog_timer_fn()",
    ),
    Kind(
        "hung-task",
        "hang",
        (
            Form(
                "blocked for more than",
                r"INFO: task (?P<comm>.{1,32}):(?P<pid>\d+) blocked for more than \d+ seconds",
            ),
            Form(
                "blocked in I/O wait for more than",
                r"INFO: task (?P<comm>.{1,32}):(?P<pid>\d+) blocked in I/O wait for more than",
            ),
            # A task's name may hold anything, a line feed too.
            Form("blocked for more than", r".{0,40}:(?P<pid>\d+) blocked for more than \d+ seconds\.\s*$"),
            Form("blocked on", r"INFO: task (?P<comm>.{1,32}):(?P<pid>\d+) blocked on an? "),
            Form(
                "can't die for more than",
                r"INFO: task (?P<comm>.{1,32}?):?(?P<pid>\d+) can't die for more than",
                "INFO: task can't die in {function}",
            ),
            # Not the kernel's: `lastwords capture --hang`, of tasks in state D while the machine hangs.
            Form(
                "==> /proc/",
                r"==> /proc/\d{1,10}/task/(?P<pid>\d{1,10}) D \((?P<comm>.{1,64})\)$",
                "Task in state D in {function}",
            ),
        ),
        title="INFO: task hung in {function}",
        alternatives=("hang in {function}",),
        where=("trace",),
        never="console_lock",
        source="kernel/hung_task.c: check_hung_task()",
    ),
    Kind(
        "watchdog-panic",
        "hang",
        (
            Form(_PANIC_LITERAL, rf"{_PANIC}(?P<what>Software Watchdog Timer expired)"),
            Form(_PANIC_LITERAL, rf"{_PANIC}(?P<what>watchdog pretimeout event)"),
            # Without panicking: all that is told of a hang before the hardware resets the machine.
            Form("pretimeout event", r"watchdog\d+: pretimeout event", "watchdog pretimeout event"),
            Form(_PANIC_LITERAL, rf"{_PANIC}(?P<what>(?:Watchdog )?pre-timeout)$"),
            Form(
                _PANIC_LITERAL,
                rf"{_PANIC}(?P<what>(?:Kernel Watchdog|Watchdog Timeout|SBSA Generic Watchdog timeout|vCPU stall detector"
                r"|SVC is not responding))$",
            ),
        ),
        # It ran out because a program did not write to it: what this CPU did at that moment is no culprit.
        title="kernel panic: {what}",
        where=(),
        trace="optional",
        part=True,
        source="drivers/watchdog/softdog.c, drivers/watchdog/pretimeout_panic.c",
    ),
    Kind(
        "rcu-starved",
        "hang",
        (Form("kthread starved for", r"rcu: rcu_\w+ kthread (?:timer wakeup didn't happen|starved) for"),),
        title="INFO: rcu kthread starved",
        where=("trace",),
        trace="optional",
        part=True,
        alone=False,
        source="kernel/rcu/tree_stall.h: rcu_check_gp_kthread_starvation()",
    ),
)
