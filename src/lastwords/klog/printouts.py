"""Lines that are part of a longer printout: stacks, registers, memory, tasks, locks.

`sysrq t`, `w`, `m` and `d`, the OOM killer and `dump_stack()` print hundreds of them. Each looks like a message, and says
nothing without the others.
"""

import re

_LONGEST = 300

# Each is matched behind leading blanks. The kernel file is the one that prints them.
_PARTS = (
    # arch/*/kernel/dumpstack.c, stacktrace.c
    r"[Cc]all [Tt]race:?(?: .{0,40})?$",
    r"(?:Stack|Backtrace|Exception stack|Code):",
    r"</?[#A-Z]{2,12}\d?>",
    r"(?:\[<?[0-9a-f]{8,16}>?\] ){0,2}(?:\? )?\(?[\w.$]{1,120}\+0x[0-9a-f]{1,6}/0x[0-9a-f]{1,6}",
    r"\[<[0-9a-f]{8,16}>\]",
    r"---\[ end trace ",
    # show_regs() of x86, arm64, powerpc, s390, riscv
    r"(?:[RE]?(?:IP|SP|AX|BX|CX|DX|SI|DI|BP|FLAGS)|R\d\d|EFLAGS|ORIG_RAX|CS|FS|GS|CR[0-4]|DR[0-7]): ",
    r"(?:pc|lr|sp|pstate|x\d{1,2}|epc|ra|gp|tp|[ast]\d{1,2}|NIP|LR|MSR|CFAR|GPR\d\d|REGS|XER|Krnl \w{1,4}) ?: ",
    # lib/dump_stack.c: dump_stack_print_info(), kernel/workqueue.c: print_worker_info()
    r"CPU: \d{1,5} (?:UID: \d{1,10} )?PID: ",
    r"(?:Hardware name|Modules linked in|Workqueue|Stopper|Tainted): ",
    # kernel/sched/core.c: sched_show_task()
    r"task:\S.{0,40}state:\w",
    r"task {5,40}PC stack {1,8}pid father",
    r"\S.{0,15} {1,16}[A-Zt] (?:running task|(?:0x)?[0-9a-f]{8,16}) {1,8}\d",
    # kernel/sched/debug.c
    r"(?:Sched Debug Version|sysctl_sched|sched_clk|ktime|cpu_clk|jiffies|runnable tasks|task +PID +tree-key|cpu#\d{1,5}"
    r"|(?:cfs|rt|dl)_rq\[\d{1,5}\])",
    r"\.[\w.>-]{1,60} {1,60}:",
    # kernel/workqueue.c: show_all_workqueues()
    r"(?:Showing busy workqueues|workqueue \S{1,60}: flags=|pwq \d{1,5}:|pool \d{1,5}:|pending: |in-flight: |inactive: |delayed: )",
    # kernel/locking/lockdep.c: debug_show_all_locks()
    r"(?:Showing all locks held|\d{1,3} locks? held by |no locks held by |#\d{1,3}: )",
    # lib/nmi_backtrace.c, drivers/tty/sysrq.c
    r"(?:Sending NMI from CPU|NMI backtrace for cpu|(?:[Ss]ys[Rr]q ?: )?Show (?:State|Blocked State|Memory|Locks Held|backtrace))",
    # mm/show_mem.c, mm/page_alloc.c until Linux 6.3
    r"(?:Mem-Info:|Normal free:|lowmem_reserve\[\]|(?:in)?active_(?:anon|file):\d|isolated_(?:anon|file):\d|unevictable:\d"
    r"|slab_reclaimable:\d|mapped:\d|free:\d|kernel_misc_reclaimable:\d)",
    r"Node \d{1,4} (?:\w{1,12} free:|\w{1,12}: \d{1,9}\*|active_anon:|hugepages_)",
    r"\d{1,12} (?:total pagecache pages|pages? (?:in swap cache|RAM|HighMem|reserved|cma reserved|hwpoisoned))",
    r"(?:Swap cache stats:|Free swap +=|Total swap +=)",
    # mm/oom_kill.c: dump_tasks(), mm/slab_common.c: dump_unreclaimable_slab()
    r"Tasks state \(memory values",
    r"\[ *(?:pid|\d{1,7}) *\] +(?:uid|\d{1,10}) +(?:tgid|\d{1,7}) +(?:total_vm|\d{1,12}) ",
    r"(?:Unreclaimable slab info:|Name +Used +Total)",
    r"[\w.:@-]{1,60} {1,60}\d{1,12}KB {1,20}\d{1,12}KB$",
    # mm/memcontrol.c: mem_cgroup_print_oom_meminfo()
    r"(?:memory(?:\+swap)?|swap|kmem): usage \d{1,15}kB, limit ",
    r"Memory cgroup stats for ",
)
_PART = re.compile(r"\s{0,40}(?:" + "|".join(_PARTS) + ")")


def part_of_a_printout(text: str) -> bool:
    """Whether a message is a line of a stack, of registers, of a report on memory, tasks or locks."""
    return _PART.match(text[:_LONGEST]) is not None
