"""The kernel's words of a crash, in its own spelling, and how each may be spelt by whoever typed it."""

import re
from functools import cache
from typing import NamedTuple

PANIC = "Kernel panic - not syncing"
END_OF_PANIC = "---[ end Kernel panic - not syncing"

CAUSES = (
    # kernel/exit.c, init/main.c, init/do_mounts.c
    "Attempted to kill init!",
    "Attempted to kill the idle task!",
    "Attempted to kill ",
    "VFS: Unable to mount root fs on ",
    "No working init found.  Try passing init= option to kernel.",
    "No working init found",
    "No init found.  Try passing init= option to kernel.",
    "No init found",
    "Requested init ",
    # kernel/panic.c, arch/*/kernel/traps.c
    "Fatal exception in interrupt",
    "Fatal exception",
    "Aiee, killing interrupt handler!",
    "Oops: Fatal exception",
    "Unrecoverable exception",
    "kernel: panic_on_warn set",
    "panic_on_warn set",
    "sysrq triggered crash",
    "stack-protector: Kernel stack is corrupted in: ",
    "corrupted stack end detected inside scheduler",
    "kernel stack overflow",
    "IO-APIC + timer doesn't work!",
    # mm/oom_kill.c
    "Out of memory and no killable processes...",
    "Out of memory: compulsory panic_on_oom is enabled",
    "Out of memory: system-wide panic_on_oom is enabled",
    "System is deadlocked on memory",
    # watchdogs
    "hung_task: blocked tasks",
    "softlockup: hung tasks",
    "Hard LOCKUP",
    "Watchdog detected hard LOCKUP on cpu ",
    "RCU Stall",
    # hardware
    "Fatal local machine check",
    "Fatal machine check",
    "Fatal Machine check",
    "Machine check from unknown source",
    "Timeout: Not all CPUs entered broadcast exception handler",
    "NMI: Not continuing",
    "An NMI occurred",
)
"""What panic() is called with, most telling first: of two that fit, the longer one stands first."""

_ADDRESS = r"(?:\W|_|\b(?:at|for|virtual|address|null|nil|(?:0x)?[0-9a-f]{1,16})\b){0,40}$"
_OOPS = r"[0-9a-fo]{4}\W{0,3}#"

HEADLINES: tuple[tuple[str, str], ...] = (
    # The wording, and what has to follow it: without that, the words are a title or a sentence.
    ("BUG: unable to handle kernel NULL pointer dereference", _ADDRESS),
    ("BUG: kernel NULL pointer dereference", _ADDRESS),
    ("Unable to handle kernel NULL pointer dereference", _ADDRESS),
    ("BUG: unable to handle kernel paging request", _ADDRESS),
    ("Unable to handle kernel paging request", _ADDRESS),
    ("BUG: unable to handle page fault for address:", _ADDRESS),
    ("general protection fault:", _OOPS),
    ("general protection fault, probably for non-canonical address ", r"(?:0x)?[0-9a-f]{4,16}\b"),
    ("invalid opcode:", _OOPS),
    ("divide error:", _OOPS),
    ("Oops:", _OOPS),
    ("VFS: Cannot open root device ", r"\S"),
)

SHORTENED = (
    ("BUG: unable to handle kernel NULL pointer", "BUG: unable to handle kernel NULL pointer dereference", _ADDRESS),
    ("Unable to handle kernel NULL pointer", "Unable to handle kernel NULL pointer dereference", _ADDRESS),
)
"""Wordings without their last word, the whole ones, and what has to follow."""

SENTENCES = (
    # Headlines with numbers and names in their midst; the groups are taken over as they were typed.
    (
        r"(?:nmi\W{1,3})?(?:watchdog\W{1,3})?bug\W{1,3}soft\W?lock\s?up\W{1,4}cpu\W{0,2}([0-9]{1,4})\s+stuck\s+for\s+"
        r"([0-9]{1,6})\s?s\W?",
        r"watchdog: BUG: soft lockup - CPU#\1 stuck for \2s!",
    ),
    (
        r"(?:nmi\W{1,3})?(?:watchdog\W{1,3})?watchdog\s+detected\s+hard\s+lock\s?up\s+on\s+cpu\W{0,2}([0-9]{1,4})",
        r"watchdog: Watchdog detected hard LOCKUP on cpu \1",
    ),
    (
        r"info\W{1,3}task\s+(\S{1,32})\s?:\s?([0-9]{1,9})\s+blocked\s+for\s+more\s+than\s+([0-9]{1,6})\s+sec(?:ond)?s?\W?",
        r"INFO: task \1:\2 blocked for more than \3 seconds.",
    ),
    (
        r"(?:rcu\W{1,3})?info\W{1,3}(rcu\w{0,12})\s+self\W?detected\s+stall\s+on\s+cpu",
        r"rcu: INFO: \1 self-detected stall on CPU",
    ),
    (
        r"(?:rcu\W{1,3})?info\W{1,3}(rcu\w{0,12})\s+detected\s+stalls?\s+on\s+cpus\W?tasks\W{0,2}",
        r"rcu: INFO: \1 detected stalls on CPUs/tasks:",
    ),
    (r"\W{0,3}kernel\s+bug\s+at\s+([\w./-]{1,120}\.[chs])\s?:\s?([0-9]{1,6})\W{0,2}", r"kernel BUG at \1:\2!"),
    (
        r"out\s+of\s+memory\W{1,3}kill(?:ed)?\s+process\s+([0-9]{1,9})\s+[(\[]?([^\s()\[\],]{1,32})[)\]]?",
        r"Out of memory: Killed process \1 (\2)",
    ),
    (
        r"(?:mce\W{1,3})?(?:\W?hardware\s+error\W{1,3})?cpu\W{0,2}([0-9]{1,4})\W{1,3}machine\s+check\s+exception\W{1,3}"
        r"([0-9a-f]{1,16})\s+bank\s+([0-9]{1,3})\W{1,3}([0-9a-f]{16})\b",
        r"mce: [Hardware Error]: CPU \1: Machine Check Exception: \2 Bank \3: \4",
    ),
)

BODY = (
    # Beginnings of the further lines of a report.
    "RIP: 0010:", "RIP: 0033:", "EIP: 0060:", "EIP is at ", "PC is at ", "LR is at ", "RIP:", "EIP:", "IP:",
    "CPU:", "Code:", "Modules linked in:", "Hardware name:", "Workqueue:", "CR2:", "Stack:",
    "---[ end trace ", "------------[ cut here ]------------", "Kernel Offset:", "Rebooting in ",
    'Please append a correct "root=" boot option; here are the available partitions:',
    "Run /sbin/init as init process",
)  # fmt: skip

INSIDE = (" PID:", " Comm:", " Not tainted ", " Tainted:", " Kdump: loaded ")
"""What follows in the same line as `CPU:`."""

CALL_TRACE = "Call Trace:"

_LOOKALIKES = {"o": "[o0]", "0": "[0o]", "l": "[l1|]", "i": "[i1l|]", "1": "[1l|]"}
_GAP = r"[\W_]{0,6}"
_WORD = re.compile(r"[A-Za-z0-9]+")


class Spelling(NamedTuple):
    """One wording: the kernel's, and the pattern of what people make of it, from its first letter to its last sign."""

    kernels: str
    pattern: re.Pattern[str]


@cache
def spelling(kernels: str, ahead: str = "") -> Spelling:
    """How a wording of the kernel may be spelt.

    Args:
        kernels: the kernel's own spelling.
        ahead: a pattern that has to follow.
    """
    words = list(_WORD.finditer(kernels))
    loose = _GAP.join("".join(_LOOKALIKES.get(sign, sign) for sign in word[0].lower()) for word in words)
    before = r"\W{0,20}" if words[0].start() else r"\s{0,3}"
    sign = kernels[words[-1].end() :].strip()
    signs = "".join(re.escape(one) for one in sorted({*sign, *":;.,!"}))
    # Of a single short word only the sign behind it tells that it is one of the kernel's.
    short = len(words) == 1 and len(words[0][0]) < 8
    after = rf"\s{{0,3}}[{signs}]{{1,16}}" if short else rf"(?:(?:\s{{0,3}}[{signs}]{{1,16}})|(?![A-Za-z0-9]))"
    return Spelling(kernels, re.compile(f"{before}{loose}{after}\\s{{0,8}}(?={ahead})", re.IGNORECASE))
