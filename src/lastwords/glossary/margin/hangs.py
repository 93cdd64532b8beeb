"""Lines of lockups, RCU stalls, hung tasks and atomic contexts."""

import re

from .. import codes
from .rule import Rule, joined, listed, rule


def _rcu_cpu(match: re.Match[str]) -> str:
    flags, ticks = match["flags"], int(match["ticks"])
    words = [f"CPU {match['cpu']} holds up the grace period"]
    if flags[0] == "O":
        words.append("it is offline")
    if flags[3] == "!" or flags[3].isdigit():
        words.append("an interrupt sent to it was not served: interrupts off there, or it does not run")
    if "idle=" in match.string and re.search(r"/0x0 softirq", match.string):
        words.append("it says that it is idle")
    if ticks == 0:
        words.append("no timer tick since: interrupts are off, or it does not run")
    elif match["unit"].startswith("GPs"):
        words.append(f"it has not been heard of for {ticks} grace period{'s' * (ticks > 1)}")
    return joined(words)


def _rcu_tasks(match: re.Match[str]) -> str:
    return f"preempted inside rcu_read_lock(): task {listed(re.findall(r'P([0-9]{1,9})', match['tasks']))}"


def _rcu_age(match: re.Match[str]) -> str:
    jiffies = int(match["jiffies"])
    # 100, 250 and 1000 are what distributions build with.
    seconds = ", ".join(f"{jiffies / hz:.0f} s at HZ={hz}" for hz in (1000, 250, 100))
    return f"the grace period is {jiffies} ticks old: {seconds}"


_STATES = {
    "R": "running or ready to run",
    "S": "asleep, a signal wakes it",
    "D": "in uninterruptible sleep: it waits for a lock or for I/O, and can't be killed",
    "T": "stopped by a signal",
    "t": "stopped by a debugger",
    "I": "an idle kernel thread",
    "Z": "ended, not yet collected by its parent",
    "X": "being removed",
    "P": "parked",
}


def _state(match: re.Match[str]) -> str:
    return _STATES.get(match["state"], "")


def _starved(match: re.Match[str]) -> str:
    cpu = re.search(r"->cpu=(\d{1,5})", match.string)
    where = f": look at CPU {cpu[1]}" if cpu else ""
    return f"RCU's own thread got no CPU: the stall may be its consequence{where}"


def _atomic(match: re.Match[str]) -> str:
    count = int(match["count"], 16)
    # schedule() itself has disabled preemption once when it finds this out.
    return joined(codes.preempt_count(count - 1 if count & 0xFF else count))


def _context(match: re.Match[str]) -> str:
    words = ["preemption was off (spinlock, softirq or preempt_disable())"] if match["atomic"] == "1" else []
    words += ["interrupts were off"] if match["irqs"] != "0" else []
    return joined(words)


_RCU_CPU = r"(?:rcu:)?\s{0,8}(?P<cpu>\d{1,5})-(?P<flags>[.!OoN0-9?]{4}):? \((?P<ticks>\d{1,10}) "

RULES: tuple[Rule, ...] = (
    rule(
        "soft lockup",
        r"(?:watchdog: |NMI watchdog: )?BUG: soft lockup",
        "kernel code ran that long without letting another task run; interrupts still worked",
    ),
    rule(
        "hard LOCKUP",
        r"(?:NMI )?(?:watchdog: )?(?:BUG: )?Watchdog detected hard LOCKUP",
        "the CPU took no timer interrupt: it ran with interrupts off, or was dead",
    ),
    rule(
        "stall",
        r"(?:rcu: )?INFO: rcu\w{0,20} (?:self-)?detected",
        "RCU waits for a CPU or task that does not let it go on",
    ),
    rule(
        "this GP) ",
        _RCU_CPU + r"(?P<unit>ticks this GP)\)",
        _rcu_cpu,
    ),
    rule(
        "GPs behind) ",
        _RCU_CPU + r"(?P<unit>GPs behind)\)",
        _rcu_cpu,
    ),
    rule("Tasks blocked on", r"(?:rcu:)?\s{0,8}Tasks blocked on level-\d (?P<tasks>.{0,2000}P\d.{0,2000})", _rcu_tasks),
    rule("jiffies", r".{0,80}?\((?:detected by \d{1,5}, )?t=(?P<jiffies>\d{1,10}) jiffies", _rcu_age),
    rule("kthread starved", r"(?:rcu: )?rcu\w{0,20} kthread starved for", _starved),
    rule(
        "timer wakeup didn't happen",
        r"(?:rcu: )?rcu",
        "RCU's thread was not woken: a timer interrupt got lost, or its CPU does not run",
    ),
    rule(
        "blocked for more than",
        r"INFO: task ",
        "the task waits that long for something that does not come: the trace shows for what",
    ),
    rule("task:", r"task:.{1,40}?\sstate:(?P<state>[A-Za-z])\b", _state),
    rule("idling at", r"NMI backtrace for cpu \d{1,5} skipped", "that CPU had nothing to do"),
    rule(
        "scheduling while atomic",
        r"BUG: scheduling while atomic: .{1,64}/(?P<count>0x[0-9a-f]{8})\b",
        _atomic,
    ),
    rule("in_atomic():", r"in_atomic\(\): (?P<atomic>\d{1,6}), irqs_disabled\(\): (?P<irqs>\d{1,6})", _context),
    rule("RCU nest depth: ", r"RCU nest depth: [1-9]", "inside rcu_read_lock()"),
    rule(
        "note: ",
        r"note: .{1,40}exited with (?:preempt_count|irqs disabled)",
        "it died inside a critical section: locks stay taken, hangs may follow",
    ),
    rule(
        "lockdep is turned off",
        r"INFO: lockdep is turned off",
        "lockdep reported something earlier and stopped: no list of locks",
    ),
)
