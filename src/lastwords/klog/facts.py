"""Lines of a report that state one fact each: who, where, on which kernel, and what RCU waits for."""

import re
from collections.abc import Callable

from .decode.modules import continues
from .draft import MAX_ERROR_LINES, MAX_MODULES_TEXT, Draft

# The release is mostly a number, but may be any word that the builder chose: `Not tainted next-20260101 #1`.
# Red Hat's kernels go on with dashes for the taints that are theirs alone: `G      D    ---------------   2.6.32-…`,
# `OE    --------- -t - 4.18.0-…`.
_VENDOR = r"(?: {1,20}-(?:[ t-]{0,60}[t-])?(?= ))?"
_KERNEL = (
    # Vendors' own letters may be unknown to the kernel that prints them, and leave blanks.
    rf"(?P<taint>Not tainted|Tainted:(?: [A-Z](?:[A-Z ]*[A-Z])?)?){_VENDOR}"
    # In brackets before Linux 2.6.37.
    r" +(?P<bracket>\()?(?P<release>[a-z\d]\S*)(?: (?P<build>.*?)(?(bracket)\)?\s*\Z|\Z))?"
)
# lib/dump_stack.c: dump_stack_print_info()
_CPU_LINE = re.compile(
    r"CPU: *(?P<cpu>\d+) +(?:UID: \d+ )?(?:PID: (?P<pid>-?\d+) )?(?:Comm: (?P<comm>.{0,64}?) )?(?:Kdump: loaded )?"
    rf"{_KERNEL}"
)
# All of it on i386 until Linux 2.6.24, and on x86_64 until 3.10.
_CPU_ALONE = re.compile(r"CPU:? *(?P<cpu>\d{1,5}):?\s*\Z")
# arch/i386/kernel/traps.c: show_registers(), until Linux 2.6.24: `EIP:    0060:[<c013ac4e>]    Not tainted VLI`,
# `EFLAGS: 00010282   (2.6.19.1 #1)`, `Process cc1 (pid: 24220, ti=ebd0c000 …`. Later `EIP: 0060:[<…>] EFLAGS: … CPU: 1`.
_BESIDE_EIP = re.compile(r"(?P<taint>Not tainted|Tainted: [A-Z -]{1,60})|\bCPU: (?P<cpu>\d{1,5})")
_EFLAGS_LINE = re.compile(r"EFLAGS: [0-9a-f]{8} {1,8}\((?P<release>[a-z\d]\S*)(?: (?P<build>[^)]{1,100}))?\)")
# The same where the line is cut off, or was folded by who sent it.
_CUT_CPU_LINE = re.compile(
    r"CPU: *(?P<cpu>\d+) (?:UID: \d+ )?PID: (?P<pid>-?\d+) Comm: (?P<comm>.{1,64}?)(?: (?:Not |Tainted: |Kdump:).*|\s*)\Z"
)
_TAINT = re.compile(r"Not tainted|Tainted: [A-Z](?:[A-Z ]{0,40}[A-Z])?")
# Once more below the registers: `Process swapper/0 (pid: 1, stack limit = 0xc1546210)`. Before Linux 3.11, and cut off
# lines apart, the only ones that arm and mips have.
_PROCESS_LINE = re.compile(r"Process (?P<comm>.{1,64}?) \(pid: (?P<pid>\d+),")
# The same of powerpc until Linux 4.9; on SMP with the CPU behind it.
_OLD_PPC_TASK = re.compile(
    r"TASK = [0-9a-f]{8,16}\[(?P<pid>\d+)\] '(?P<comm>.{1,64}?)' THREAD: ?[0-9a-f]{8,16}(?: CPU: (?P<cpu>\d{1,5}))?"
)
# arch/powerpc/xmon/xmon.c: excprint()
_XMON_TASK = re.compile(r"pid   = (?P<pid>\d+), comm = (?P<comm>.{1,64}?)\s*\Z")
# The same before Linux 3.11.
_PID_LINE = re.compile(
    rf"Pid: (?P<pid>\d+), comm: (?P<comm>.{{1,64}}?) (?P<taint>Not tainted|Tainted: [A-Z](?:[A-Z ]*[A-Z])?){_VENDOR}"
    r"(?:\s+\(?(?P<release>\d\S*))?(?:\s(?P<build>#\d[^\s)]*)\)?)?(?P<hardware>.*)"
)
# kernel/hung_task.c: check_hung_task(), below its headline; the `CPU:` lines that may follow are of other tasks.
_KERNEL_LINE = re.compile(rf"\s{{4,8}}{_KERNEL}")
# kernel/sched/core.c: sched_show_task(); the second form is that before Linux 5.9.
_TASK_LINE = re.compile(r"task:(?P<comm>.{1,64}?)\s+state:\w\s.*?pid:(?P<pid>\d+)")
_OLD_TASK_LINE = re.compile(
    r"(?P<comm>\S.{0,60}?)\s+[RSDTtZXIPKW]\s*(?:running task(?: on cpu\s+\d+)?\s+|[0-9a-f]{8,16}\s+)?"
    r"\d+\s+(?P<pid>\d+)\s+\d+ 0x"
)
# The further lines of powerpc's `Instruction dump:`, of sparc's, one word each since Linux 4.9, and s390's `Krnl Code:`; and
# of an x86 line that was wrapped.
_MORE_CODE = re.compile(
    r"\s*(?:(?:[<(]?[0-9a-fX]{8}[>)]?(?:\s|\Z)){1,16}|[#>* ]?[0-9a-f]{16}: [0-9a-f]{4,12}\s"
    r"|(?:<?[0-9a-f]{2}>?(?:\s{1,4}|\Z)){1,64}\Z)"
)
_BACKTRACE_OF = re.compile(r"(?:NMI backtrace for cpu |Backtrace for cpu |CPU#)(?P<cpu>\d+)")
# kernel/rcu/tree_stall.h
_STALLED_CPU = re.compile(r"\s*(?P<cpu>\d+)-[.!OoNRD]{3,6}:")
_STALLED_TASKS = re.compile(r"\s*Tasks blocked on level-\d+ rcu_node \(CPUs [^)]*\):(?P<tasks>.*)")
_STARVED_CPU = re.compile(r".{0,200}? kthread starved for .{0,200}?->cpu=(?P<cpu>\d+)")


def _cpu(draft: Draft, text: str) -> None:
    whole = _CPU_LINE.match(text)
    match = whole or _CUT_CPU_LINE.match(text[:400])
    if match is None:
        _cpu_alone(draft, text)
        return
    cpu, pid = int(match["cpu"]), int(match["pid"]) if match["pid"] else None
    if not draft.ended:
        draft.speakers.add((cpu, pid))
    if draft.release is None:
        if not draft.task_named:
            draft.cpu, draft.pid, draft.comm = cpu, pid, match["comm"]
        if whole is not None:
            _kernel(draft, whole)
        elif (taint := _TAINT.search(text[:400])) is not None:
            draft.taint = taint[0]
    draft.speaker = pid
    draft.next_cpu = cpu


def _cpu_alone(draft: Draft, text: str) -> None:
    match = _CPU_ALONE.match(text[:40])
    if match is not None and draft.cpu is None and draft.release is None and not draft.task_named:
        draft.cpu = int(match["cpu"])


def eip_line(draft: Draft, text: str) -> None:
    """What i386 says behind the instruction pointer: taint flags, or the CPU."""
    match = _BESIDE_EIP.search(text[:200])
    if match is None or draft.registers.sets > 1:
        return
    if match["taint"]:
        draft.taint = draft.taint or match["taint"].rstrip().removesuffix("VLI").rstrip()
    if match["cpu"] and draft.cpu is None and not draft.task_named:
        draft.cpu = int(match["cpu"])


def eflags_line(draft: Draft, text: str) -> None:
    """The kernel, which i386 named behind the flags."""
    match = _EFLAGS_LINE.match(text)
    if match is not None and draft.release is None:
        draft.release, draft.build = match["release"], match["build"]


def _mips_cpu(draft: Draft, text: str) -> None:
    """`Cpu 0`, which mips printed before Linux 3.11."""
    if draft.cpu is None and (match := re.fullmatch(r"Cpu (\d{1,5})\s*", text[:20])) is not None:
        draft.cpu = int(match[1])


def _process(draft: Draft, text: str) -> None:
    match = _PROCESS_LINE.match(text) or _OLD_PPC_TASK.match(text)
    if match is not None and draft.comm is None and not draft.ended:
        draft.pid, draft.comm = int(match["pid"]), match["comm"]
        if cpu := match.groupdict().get("cpu"):
            draft.cpu = int(cpu)


def _vector(draft: Draft, text: str) -> None:
    """`cpu 0x1: Vector: 300 (Data Access) at [c00000009a9b74f0]`, where powerpc's debugger takes over."""
    match = re.match(r"cpu 0x(?P<cpu>[0-9a-f]{1,4}): Vector: (?P<trap>[0-9a-f]{3,4}) ", text)
    if match is not None and draft.cpu is None:
        draft.cpu = int(match["cpu"], 16)
        draft.registers.registers.setdefault("trap", int(match["trap"], 16))


def xmon_line(draft: Draft, text: str) -> bool:
    """The task, as powerpc's debugger prints it; True if it was one."""
    match = _XMON_TASK.match(text) if text.startswith("pid   =") else None
    if match is not None and draft.comm is None:
        draft.pid, draft.comm = int(match["pid"]), match["comm"]
    return match is not None


def _kernel(draft: Draft, match: re.Match[str]) -> None:
    draft.taint = match["taint"]
    draft.release = match["release"].strip("()")
    draft.build = match["build"]


def kernel_line(draft: Draft, text: str) -> bool:
    """The kernel on a line of its own, as a hung task's report has it; True if it was one."""
    match = _KERNEL_LINE.match(text) if draft.release is None and "ainted" in text[:20] else None
    if match is not None:
        _kernel(draft, match)
    return match is not None


def _pid(draft: Draft, text: str) -> None:
    match = _PID_LINE.match(text)
    if match is not None and draft.release is None:
        draft.pid = int(match["pid"])
        draft.comm = match["comm"]
        draft.taint = match["taint"]
        draft.release = (match["release"] or "").strip("()") or None
        draft.build = match["build"]
        draft.hardware = draft.hardware or match["hardware"].strip() or None


def _hardware(draft: Draft, text: str) -> None:
    if draft.hardware is None and text.startswith("Hardware name: "):
        draft.hardware = text[15:].strip()


def _workqueue(draft: Draft, text: str) -> None:
    # Below the `CPU:` or `task:` line of another task it is that one's.
    if draft.workqueue is None and draft.speaker in (None, draft.pid):
        draft.workqueue = text[11:].strip()


def _code(draft: Draft, text: str) -> None:
    # Since Linux 4.18 x86 prints the code right behind each instruction pointer, that of user mode too.
    pointer, draft.pointer = draft.pointer, ""
    if (not pointer or pointer == draft.pointer_text) and not pointer.startswith("RIP: 0033"):
        begin_code(draft, text)


def _modules(draft: Draft, text: str) -> None:
    if draft.modules is None and text.startswith("Modules linked in:"):
        draft.modules = text
        draft.continued = "modules"


def begin_code(draft: Draft, text: str) -> None:
    """The line that begins the instructions around the faulting one."""
    if draft.code is None:
        draft.code = text
        draft.continued = "code"


def _goes_on(modules: str, text: str) -> bool:
    return len(modules) < MAX_MODULES_TEXT and continues(text, modules[modules.rfind("\n") + 1 :])


def continuation(draft: Draft, text: str) -> bool:
    """A further line of the modules or of the code; True if it was one."""
    what = draft.continued
    if what == "modules" and draft.modules is not None and _goes_on(draft.modules, text):
        draft.modules += "\n" + text
    elif what == "code" and draft.code is not None and len(draft.code) < 4000 and _MORE_CODE.match(text) is not None:
        draft.code += "\n" + text
    else:
        draft.continued = ""
        return False
    return True


def _end(draft: Draft, text: str) -> None:
    if text.startswith(("---[ end trace", "---[ end Kernel panic")):
        draft.ended = True
        draft.open_trace = None


def _backtrace_of(draft: Draft, text: str) -> None:
    match = _BACKTRACE_OF.match(text)
    if match is not None:
        draft.next_cpu = int(match["cpu"])
        if draft.next_role == "starved":
            draft.next_role = ""
        draft.open_trace = None


def _error(draft: Draft, text: str) -> None:
    if len(draft.error_lines) < MAX_ERROR_LINES:
        draft.error_lines.append(text[:1000])


def _foreign_report(draft: Draft, text: str) -> None:
    """A message that brings a trace of its own, from another task or CPU."""
    draft.foreign += not draft.unwoven


FACTS: dict[str, Callable[[Draft, str], None]] = {
    "CPU:": _cpu,
    "CPU": _cpu_alone,
    "Pid:": _pid,
    "Cpu": _mips_cpu,
    "cpu": _vector,
    "Process": _process,
    "TASK": _process,
    "Hardware": _hardware,
    "Workqueue:": _workqueue,
    "Code:": _code,
    "Modules": _modules,
    "---[": _end,
    "FAULT_INJECTION:": _foreign_report,
    "NMI": _backtrace_of,
    **dict.fromkeys(("Oops:", "#PF:", "Internal", "ESR", "KASAN:", "Read", "Write", "Failing", "Unhandled"), _error),
    **dict.fromkeys(("LE", "BE", "preempt_count:"), _error),
}
"""Readers by the first word of their lines."""


def task_line(draft: Draft, text: str, word: str) -> bool:
    """The line above a task's trace, in both forms; True if it was one."""
    match = _TASK_LINE.match(text) if word.startswith("task:") else None
    if match is None and " 0x" in text:
        match = _OLD_TASK_LINE.match(text)
    if match is not None:
        draft.next_pid, draft.next_comm = int(match["pid"]), match["comm"]
        draft.speaker = draft.next_pid
    return match is not None


def rcu_line(draft: Draft, text: str) -> bool:
    """A line on what RCU waits for, without its `rcu:`; True if it was one.

    Such as `1-...!: (10499 ticks this GP)`, `Tasks blocked on level-0 rcu_node (CPUs 0-1): P2270`, and
    `rcu_preempt kthread starved for 10502 jiffies! g10601 f0x0 RCU_GP_WAIT_FQS(5) ->state=0x402 ->cpu=0`.
    """
    if " kthread starved for " in text:
        draft.starved = True
        match = _STARVED_CPU.match(text)
        draft.starved_cpu = int(match["cpu"]) if match is not None else None
        return True
    if (match := _STALLED_CPU.match(text)) is not None:
        draft.stalled_cpus.add(int(match["cpu"]))
    elif (match := _STALLED_TASKS.match(text)) is not None:
        draft.stalled_tasks.update(int(pid) for pid in re.findall(r"P(\d{1,9})\b", match["tasks"][:2000]))
    return match is not None
