"""Crashes that somebody asked for, and reports that only panic because the kernel is told to."""

from collections.abc import Iterator

from lastwords.diagnosis.crash import Crash, first_line
from lastwords.diagnosis.listed import blocked, is_hang
from lastwords.diagnosis.rule import rule
from lastwords.model import Culprit, Finding, NextStep

_POLICIES = (
    ("panic_on_warn", "a warning", "kernel.panic_on_warn"),
    ("hung_task: blocked tasks", "a task stuck for too long", "kernel.hung_task_panic"),
    ("softlockup: hung tasks", "a soft lockup", "kernel.softlockup_panic"),
    ("RCU Stall", "an RCU stall", "kernel.panic_on_rcu_stall"),
    ("panic_on_oom is enabled", "a lack of memory", "vm.panic_on_oom"),
)


_ASK = NextStep(text="Ask who did it and why: they saw something that is not in the log.", phase="immediate", value=0.8)
_LOOK = NextStep(
    text="It was lastwords rehearse, or trigger on a hang: see which, and whether the dump is whole.",
    command="lastwords rehearse --result",
    phase="immediate",
    value=0.8,
)


@rule(
    "asked-for",
    "a crash that somebody asked for",
    why="sysrq c, or a write to /proc/sysrq-trigger, crashes the kernel on purpose, mostly to get a dump of a hang.",
    sure="almost certain: nothing else gets there",
)
def asked_for(crash: Crash) -> Iterator[Finding]:
    """Sysrq c."""
    report = next((oops for oops in crash.reports if oops.kind == "sysrq-crash"), None)
    asked = report is not None or "sysrq triggered crash" in (crash.panic or "")
    if not asked and not any(function == "sysrq_handle_crash" for function, _module in crash.functions()):
        return
    # Who crashes a kernel on purpose wants a dump of what was wrong before.
    wrong = [oops for oops in crash.reports if oops.family == "hang"]
    if not wrong and crash.oops is not None and crash.oops is not report:
        wrong = [crash.oops] if crash.oops.family not in ("warning", "other", "panic") else []
    who = f"{report.comm} (PID {report.pid})" if report is not None and report.comm else "somebody"
    ours = report is not None and report.comm == "lastwords"  # rehearse and trigger give themselves that name
    before = f" Before that: {wrong[0].title}; that is what to look at." if wrong else ""
    if not wrong and is_hang(crash):
        wrong = list(blocked(crash))
        before = " Before that it listed tasks that were blocked; that is what to look at."
    yield Finding(
        id="asked-for",
        title="somebody crashed the kernel on purpose (sysrq c)",
        text=f"{who} crashed the kernel on purpose (sysrq c).{before}",
        confidence=0.95,
        crash_class="deliberate",
        culprit=Culprit(),
        evidence=(first_line(report) if report else crash.here("sysrq_handle_crash() on the stack"),),
        next=(_LOOK,) if ours else () if wrong else (_ASK,),
        weight=1.0 if not wrong else 0.2,
    )


@rule(
    "told-to-panic",
    "a report that panics only because the kernel is told to",
    why="panic_on_warn and its like make a crash of what else would be a message: good for a dump, and to be known before "
    "anyone calls it worse than it is.",
    sure="certain: the panic's own words name the setting",
)
def told_to_panic(crash: Crash) -> Iterator[Finding]:
    """The panic_on_* settings."""
    message = crash.panic or ""
    for mark, what, sysctl in _POLICIES:
        if mark in message:
            yield Finding(
                id="told-to-panic",
                title=f"{what} panics here because {sysctl} is set",
                confidence=0.97,
                evidence=(crash.gave_up(),),
                weight=0.1,
            )


@rule(
    "policy-panic",
    "a panic that only a setting called for",
    why="Some settings panic a kernel that has nothing wrong with it: a module of a kind that is not wanted was loaded.",
    sure="certain: the panic's own words name the setting",
)
def policy_panic(crash: Crash) -> Iterator[Finding]:
    """panic_on_taint: the kernel was tainted in a way that somebody forbade."""
    message = crash.panic or (crash.oops.message if crash.oops else "")
    if "panic_on_taint" not in message or (crash.oops is not None and crash.oops.family not in ("panic", "other")):
        return
    yield Finding(
        id="policy-panic",
        title="the kernel was told to panic when it is tainted (panic_on_taint)",
        text="The kernel was told to panic when it becomes tainted (panic_on_taint), and something tainted it: "
        "mostly a module from outside the tree or without a signature that was loaded.",
        confidence=0.92,
        crash_class="deliberate",
        culprit=Culprit(),
        evidence=(crash.here(), *crash.stood()),
        next=(
            NextStep(text="See which module was loaded last, and whether panic_on_taint= is still wanted.", value=0.8),
        ),
        weight=1.0,
    )
