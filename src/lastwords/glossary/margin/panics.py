"""Lines of BUG, WARN, panics and hardware errors."""

import re

from .. import codes
from ..machine_check import machine_check_status
from .rule import Rule, joined, rule

_TURNED = "{} turned the report above into a panic"

# What comes behind `Kernel panic - not syncing: `, and what it means.
_REASONS = (
    (r"Fatal exception in interrupt", "the oops above was in an interrupt, where no task can be killed for it"),
    (r".{0,20}panic_on_warn set", _TURNED.format("panic_on_warn")),
    (r"(?:Oops.{0,40}?: )?Fatal exception", "because of the oops above: panic_on_oops, or a task that can't be killed"),
    (r"Aiee, killing interrupt handler!", "the oops above was in an interrupt, where no task can be killed for it"),
    (r"hung_task: blocked tasks", _TURNED.format("hung_task_panic")),
    (r"softlockup: hung tasks", _TURNED.format("softlockup_panic")),
    (r"[Hh]ard LOCKUP", _TURNED.format("hardlockup_panic")),
    (r"RCU Stall", _TURNED.format("panic_on_rcu_stall")),
    (r"VFS: Unable to mount root fs on unknown-block\(0,0\)", "no such device: wrong root=, or no initramfs"),
    (r"VFS: Unable to mount root fs", "the device is there, but no file system that this kernel can read"),
    (r"No working init found", "the root file system has no program that can be started as PID 1"),
    (r"sysrq triggered crash", "somebody asked for this panic through sysrq"),
    (r"System is deadlocked on memory|Out of memory and no killable", "no memory, and no program left to kill"),
    (r"(?:Fatal|Uncorrected).{0,20}[Mm]achine check", "the hardware reported an error that it could not correct"),
    (r"stack-protector", "the function's stack canary was overwritten: a buffer on its stack overflowed"),
    (r"corrupted stack end", "the kernel stack overflowed"),
    (r"Attempted to kill the idle task", "the oops above was in the idle task, without which the CPU can't go on"),
)  # fmt: skip
_COMPILED = tuple((re.compile(pattern), text) for pattern, text in _REASONS)


def _panic(match: re.Match[str]) -> str:
    reason = match["reason"]
    code = re.search(r"exitcode=(0x[0-9a-f]{8})", reason)
    if reason.startswith("Attempted to kill init") and code is not None:
        return f"PID 1 died: {codes.exit_code(int(code[1], 16))}"
    return next((text for pattern, text in _COMPILED if pattern.match(reason)), "")


def _mce(match: re.Match[str]) -> str:
    return joined(machine_check_status(int(match["status"], 16)))


RULES: tuple[Rule, ...] = (
    rule("Kernel panic - not syncing", r"(?:.{0,40}?)Kernel panic - not syncing: (?P<reason>.{1,300})", _panic),
    rule(
        "kernel BUG at ", r"kernel BUG at \S{1,300}:\d", "a BUG_ON() there came true; read its condition in the source"
    ),
    rule(
        "WARNING: ",
        r"WARNING: (?:CPU: ?\d{1,5} PID: -?\d{1,10} )?(?:at )?\S{1,300}:\d{1,7}\b",
        "a WARN_ON() there came true; the kernel goes on",
    ),
    rule(
        "Bank ",
        r".{0,100}?Bank \d{1,3}: (?P<status>[0-9a-f]{16})\b",
        _mce,
    ),
)
