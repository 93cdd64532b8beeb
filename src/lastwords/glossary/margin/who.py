"""Lines about who and where: CPU, task, taint flags, work queue, machine, modules, contexts of a trace, frames."""

import re

from .. import taints
from .rule import Rule, listed, rule

_IDLE = "the idle task: the CPU was idle or in an interrupt"
_TASKS = (
    (re.compile(r"ksoftirqd/\d+"), "the thread that runs softirqs"),
    (re.compile(r"migration/\d+"), "the CPU's stopper thread"),
    (re.compile(r"rcu_(?:preempt|sched|bh)|rcu[bocs]+/\d+"), "a thread of RCU"),
    (re.compile(r"khungtaskd"), "the thread that looks for hung tasks, not the task that hangs"),
    (re.compile(r"kswapd\d+"), "the thread that frees memory"),
    (re.compile(r"khugepaged"), "the thread that makes huge pages"),
    (re.compile(r"kdevtmpfs|kthreadd|kauditd|jbd2/.{1,15}|xfsaild/.{1,15}|irq/\d+-.{1,15}"), "a kernel thread"),
)


def _task(match: re.Match[str]) -> str:
    comm = match["comm"] or ""
    task = next((text for pattern, text in _TASKS if pattern.fullmatch(comm)), "")
    if comm.startswith("swapper"):
        # Until it starts init, PID 1 has the idle task's name.
        task = {"0": _IDLE, "1": "the kernel while it boots"}.get(match["pid"] or "", "")
    kdump = "a crash kernel is loaded: look for a vmcore" if match.groupdict().get("kdump") else ""
    return "; ".join(part for part in (task, _taints(match["taint"] or ""), kdump) if part)


def _taints(text: str) -> str:
    known = taints.from_letters(text)
    return "tainted: " + "; ".join(f"{taint.letter} {taint.meaning}" for taint in known) if known else ""


def _work(match: re.Match[str]) -> str:
    return f"the worker ran {match['function']}(); who queued it is not on the trace"


_VIRTUAL = re.compile(
    r"QEMU|VMware|VirtualBox|Bochs|KVM|Xen|Virtual Machine|Google Compute|Amazon EC2|OpenStack|Red Hat KVM|Parallels"
    r"|linux,dummy-virt|riscv-virtio|Alibaba Cloud|DigitalOcean|pSeries.{0,40}emulated"
)


def _machine(match: re.Match[str]) -> str:
    return "a virtual machine" if _VIRTUAL.search(match[0]) else ""


_MODULE = re.compile(r"\b([\w-]{1,64})\(([A-Z+-]{1,12})\)")
_MODULE_FLAGS = {
    **{"P": "proprietary", "O": "out of tree", "F": "forced", "C": "staging", "E": "unsigned", "K": "live patch"},
    **{"+": "being loaded", "-": "being unloaded"},
}


def flagged_modules(text: str) -> dict[str, str]:
    """The modules of a `Modules linked in:` line that have flags, and what the most telling flag of each says.

    `(OE)` counts as out of tree, which says more than unsigned.
    """
    if not text.startswith("Modules linked in:"):
        return {}
    found = ((name, _flag(flags)) for name, flags in _MODULE.findall(text[:60_000]))
    return {name: flag for name, flag in found if flag}


def _flag(flags: str) -> str:
    return next((text for flag, text in _MODULE_FLAGS.items() if flag in flags), "")


def _modules(match: re.Match[str]) -> str:
    found: dict[str, list[str]] = {}
    for name, flag in flagged_modules(match[0]).items():
        found.setdefault(flag, []).append(name)
    return "; ".join(f"{kind}: {listed(names)}" for kind, names in found.items())


_CONTEXTS = {
    "IRQ": "from here on in an interrupt handler, below stands what it interrupted",
    "SOFTIRQ": "from here on in a softirq handler",
    "NMI": "from here on in an NMI handler, below stands what it interrupted",
    "#DF": "from here on on the double fault stack",
    "#DB": "from here on in a debug exception",
    "#MC": "from here on in a machine check",
    "ENTRY_TRAMPOLINE": "from here on on the entry stack",
}


def _context(match: re.Match[str]) -> str:
    return _CONTEXTS.get(match["name"], "")


_ENTRIES = (
    (
        r"(?:asm_)?exc_page_fault|async_page_fault|page_fault",
        "here the page fault came: below stands the code that it hit",
    ),
    (
        r"(?:asm_)?exc_general_protection|general_protection",
        "here the general protection fault came: below stands the code that it hit",
    ),
    (r"asm_exc_invalid_op|invalid_op", "here the BUG or WARN was met: below stands the code that holds it"),
    (r"asm_exc_\w{1,40}", "here an exception came: below stands the code that it hit"),
    (
        r"asm_(?:sysvec|common)_\w{1,40}|apic_timer_interrupt|common_interrupt|ret_from_intr|el[01]h?_irq\w{0,20}",
        "here an interrupt came: below stands the code that it hit",
    ),
    (r"el1h?_(?:abort|da|sync)\w{0,20}", "here the exception came: below stands the code that it hit"),
    (r"asm_exc_nmi|end_repeat_nmi|nmi", "here an NMI came: below stands the code that it hit"),
)
_ENTRY = tuple((re.compile(pattern), text) for pattern, text in _ENTRIES)


def frame(function: str) -> str:
    """What a frame of the kernel's entry code says; the empty string for all others."""
    plain = function.partition(".")[0]
    return next((text for pattern, text in _ENTRY if pattern.fullmatch(plain)), "")


_CPU = (
    r"CPU: ?\d{1,5} (?:UID: \d{1,10} )?PID: (?P<pid>-?\d{1,10}) (?:Comm: (?P<comm>.{0,64}?) )?"
    r"(?P<kdump>Kdump: loaded )?(?P<taint>Not tainted|Tainted: [A-Z ]{1,64})"
)

RULES: tuple[Rule, ...] = (
    rule("Tainted: ", r"Tainted: [A-Z ]{1,64}", lambda match: _taints(match[0])),
    rule("CPU:", _CPU, _task),
    rule(
        "Pid:", r"Pid: (?P<pid>\d{1,10}), comm: (?P<comm>.{1,64}?) (?P<taint>Not tainted|Tainted: [A-Z ]{1,64})", _task
    ),
    rule("Workqueue: ", r"Workqueue: \S{1,64} (?P<function>[\w.]{1,128})", _work),
    rule("Hardware name: ", r"Hardware name: .{1,300}", _machine),
    rule("Modules linked in:", r"Modules linked in:.{0,60000}", _modules),
    rule(">", r"<(?P<name>IRQ|SOFTIRQ|NMI|#DF|#DB|#MC|ENTRY_TRAMPOLINE)>\s*$", _context),
)
