"""Exceptions: bad pointers, bad instructions, bad stacks."""

from .entry import Form, Kind, Where

_PARISC = r"(?:Kernel Fault|Bad Address \(null pointer deref\?\)|[A-Z][\w -]{3,40})"
_ARC = r"(?:\[ECR   \]: 0x[0-9a-f]{8} => )?"
# What sparc, alpha and ia64 begin with: `systemd(1): Oops [#1]`.
_TASK = r"(?P<comm>.{1,16})\((?P<pid>\d{1,10})\): "
_BAD_ACCESS = ("bad-access in {function}",)
_IP: tuple[Where, ...] = ("instruction", "also", "trace")

# `IP: func+0x1/0x2` stood right behind the headline until Linux 4.19 (`arch/x86/mm/fault.c: show_fault_oops()`).
_OLD_IP = (r"E?IP:? (?:\w+:)?(?:\[<[0-9a-f]+>\] )?(?P<function>[A-Za-z_][\w.]*)\+0x",)

# What an exception is called: words, of which one is an exception's.
_DIED = (
    r"(?!Oops|Bad pagetable|[Kk]ernel BUG at )(?=.{0,60}?(?i:kernel|bug|exception|access|fault|trap|instruction|overflow|context"
    r"|error|operation|event|lock|alignment|interrupt|program counter|stack|call|protection|unexpected))"
    r"(?:COP2: )?[A-Za-z][\w !#(),./'?-]{2,70}?"
)

KINDS = (
    Kind(
        "null-dereference",
        "fault",
        (
            Form(
                "NULL pointer dereference",
                r"(?:BUG: )?(?:[Uu]nable to handle kernel|kernel|Kernel|BUG: Unable to handle kernel) NULL pointer dereference",
            ),
            Form("NULL pointer access", r"Unable to handle kernel NULL pointer access"),
            Form("kernel NULL pointer dereference", r"BUG: Kernel NULL pointer dereference"),
        ),
        title="BUG: unable to handle kernel NULL pointer dereference in {function}",
        alternatives=_BAD_ACCESS,
        where=_IP,
        also=_OLD_IP,
        also_within=1,
        refines=("oops", "internal-error", "general-protection-fault", "panic-after-oops"),
        source="arch/x86/mm/fault.c, arch/arm64/mm/fault.c, arch/powerpc/mm/fault.c",
    ),
    Kind(
        "user-memory-access",
        "fault",
        (
            Form("access to user memory", r"(?:BUG: )?[Uu]nable to handle kernel access to user memory"),
            Form(
                "user memory access outside",
                r"Unable to handle kernel access to user memory outside uaccess routines",
            ),
            Form(
                "Kernel attempted to ",
                r"Kernel attempted to (?:read|write|access|execute) user (?:page|memory)",
                "",
            ),
        ),
        title="BUG: unable to handle kernel access to user memory in {function}",
        alternatives=_BAD_ACCESS,
        where=_IP,
        also=_OLD_IP,
        also_within=1,
        refines=("oops", "internal-error"),
        source="arch/riscv/mm/fault.c, arch/arm64/mm/fault.c",
    ),
    Kind(
        "paging-request",
        "fault",
        (
            Form(
                "nable to handle kernel",
                r"(?:BUG: )?[Uu]nable to handle kernel (?:paging request|pointer dereference|execute from non-executable"
                r"|read from unreadable memory|write to read-only memory|execution of (?:user|unreadable|NX)"
                r"|instruction fetch|data access|write|read|access|paging)",
            ),
            Form("nable to handle page fault for address", r"(?:BUG: )?[Uu]nable to handle page fault for address"),
            Form("unable to handle kernel", r"BUG: unable to handle kernel\s*$", "BUG: unable to handle kernel"),
            Form("nable to handle kernel pointer dereference", r"Unable to handle kernel pointer dereference in "),
            Form("nable to handle kernel data access", r"(?:BUG: )?Unable to handle kernel data access"),
            Form("nable to handle kernel instruction fetch", r"(?:BUG: )?Unable to handle kernel instruction fetch"),
            Form("Unable to handle kernel paging request", r"CPU -?\d+ Unable to handle kernel paging request"),
            # parisc: the numbers of faults of the TLB and of access rights.
            Form(": Code=", rf"{_PARISC}: Code=(?:6|7|15|16|17|18|26|27) "),
            Form("Invalid Read @ 0x", rf"{_ARC}Invalid Read @ 0x"),
            Form("Invalid Write @ 0x", rf"{_ARC}Invalid Write @ 0x"),
            Form("nable to handle unknown paging fault", r"BUG: Unable to handle unknown paging fault"),
            Form("kernel tried to execute", r"kernel tried to execute (?:NX-protected|exec-protected|user) page"),
            Form("unable to execute userspace code", r"unable to execute userspace code \(SMEP\?\)"),
            Form(
                "unable to handle kernel execution of user memory",
                r"Unable to handle kernel execution of user memory",
            ),
        ),
        title="BUG: unable to handle kernel paging request in {function}",
        alternatives=_BAD_ACCESS,
        where=_IP,
        also=_OLD_IP,
        also_within=1,
        refines=("oops", "internal-error"),
        source="arch/*/mm/fault.c",
    ),
    Kind(
        "kernel-stack-overflow",
        "fault",
        (
            Form(
                "stack guard page was hit",
                r"BUG: [\w/ #!-]*?(?:kernel )?stack guard page was hit",
                "BUG: stack guard page was hit in {function}",
            ),
            Form(
                "stack guard page was hit",
                r"BUG: TASK stack guard page was hit",
                "BUG: stack guard page was hit in {function}",
            ),
            Form(
                "nsufficient stack space to handle exception",
                r"Insufficient stack space to handle exception",
                "kernel stack overflow in {function}",
            ),
            Form(
                "kernel stack overflow",
                r"(?:Kernel panic - not syncing: |Internal error: )?kernel stack overflow",
                "kernel stack overflow in {function}",
            ),
            Form(
                "Kernel stack overflow",
                r"(?:Oops: |Kernel panic - not syncing: )?Kernel [Ss]tack overflow",
                "kernel stack overflow in {function}",
            ),
            Form(
                "Corrupt kernel stack",
                r"(?:Kernel panic - not syncing: )?Corrupt kernel stack",
                "kernel stack overflow in {function}",
            ),
            Form(
                "Bad kernel stack pointer",
                r"(?:Oops: )?Bad kernel stack pointer",
                "kernel stack overflow in {function}",
            ),
            Form(
                "stack guard hit",
                r"Kernel panic - not syncing: \S{1,20} stack guard hit",
                "BUG: stack guard page was hit in {function}",
            ),
            Form(
                "ow stack detected by irq handler",
                r"(?:Kernel panic - not syncing: )?[Ll]ow stack detected by irq handler",
                "kernel stack overflow in {function}",
            ),
            # s390.
            Form(
                "ernel stack pointer",
                r"(?:Kernel panic - not syncing: Invalid kernel stack pointer|Kernel stack pointer invalid)",
                "kernel stack overflow in {function}",
            ),
            Form("do_IRQ: stack overflow", r"do_IRQ: stack overflow: ", "kernel stack overflow in {function}"),
            Form(
                "stack overflow detected",
                r"(?:BUG|ERROR)?:? ?[Ss]tack overflow detected",
                "kernel stack overflow in {function}",
            ),
            Form("task stack overflow", r"BUG: .*(?:stack overflow)", "kernel stack overflow in {function}"),
        ),
        alternatives=("stack-overflow in {function}",),
        where=("entry", "trace", "instruction"),
        refines=("oops", "internal-error", "double-fault", "panic", "paging-request"),
        source="arch/x86/kernel/traps.c, arch/arm64/kernel/traps.c",
    ),
    Kind(
        "corrupted-stack-end",
        "fault",
        (
            Form(
                "corrupted stack end",
                r"(?:Kernel panic - not syncing: )?corrupted stack end detected inside scheduler",
            ),
            # The second stack, of return addresses only (arm64, CONFIG_SHADOW_CALL_STACK).
            Form(
                "corrupted shadow stack",
                r"(?:Kernel panic - not syncing: )?corrupted shadow stack detected inside scheduler",
            ),
            Form("stack overrun", r"Thread overran stack, or stack corrupted"),
        ),
        title="kernel panic: corrupted stack end in {function}",
        alternatives=("stack-overflow in {function}",),
        where=("entry", "trace"),
        refines=("panic",),
        source="kernel/sched/core.c: schedule_debug()",
    ),
    Kind(
        "stack-protector",
        "fault",
        (
            Form(
                "stack is corrupted",
                r"(?:Kernel panic - not syncing: )?stack-protector: Kernel stack is corrupted in: ?(?P<function>\S*)",
            ),
        ),
        title="kernel panic: stack is corrupted in {function}",
        where=("headline", "trace"),
        source="kernel/panic.c: __stack_chk_fail()",
    ),
    Kind(
        "double-fault",
        "fault",
        (
            Form("double fault", r"(?:Oops: |PANIC: |traps: PANIC: |Kernel panic - not syncing: )?double fault[:,]"),
            Form("Machine halted", r"Kernel panic - not syncing: Machine halted", "kernel panic: Machine halted"),
        ),
        title="PANIC: double fault in {function}",
        where=("instruction", "trace"),
        source="arch/x86/kernel/traps.c: DEFINE_IDTENTRY_DF(exc_double_fault)",
    ),
    Kind(
        "general-protection-fault",
        "fault",
        (
            Form(
                "general protection",
                r"(?:Oops: |segment-related )*general protection(?: fault)?(?:, |: )(?![^[]* ip:)",
            ),
            Form("General protection fault", r"General protection fault in kernel space"),
            Form("maybe for address", r"(?:Oops: )?(?:stack segment|segment not present).*maybe for address"),
        ),
        title="general protection fault in {function}",
        alternatives=_BAD_ACCESS,
        where=_IP,
        refines=("oops",),
        source="arch/x86/kernel/traps.c: DEFINE_IDTENTRY_ERRORCODE(exc_general_protection)",
    ),
    Kind(
        "divide-error",
        "fault",
        (
            Form("divide error", r"(?:Oops: )?divide error: "),
            Form("ivision by zero in kernel", r"(?:Kernel BUG: )?[Dd]ivision by zero in kernel"),
        ),
        title="divide error in {function}",
        where=_IP,
        source="arch/x86/kernel/traps.c: DEFINE_IDTENTRY(exc_divide_error)",
    ),
    Kind(
        "invalid-opcode",
        "fault",
        (
            Form("invalid opcode: ", r"(?:Oops: )?invalid opcode: "),
            # arm64 writes it with a capital since Linux 5.13.
            Form("ndefined instruction", r"(?:Internal error: )?Oops - [Uu]ndefined instruction"),
            Form("Oops - illegal instruction", r"Oops - illegal instruction"),
            Form("Kernel illegal instruction", rf"{_TASK}Kernel illegal instruction \[#\d+\]"),
            Form("illegal operation: ", r"illegal operation: "),
        ),
        title="invalid opcode in {function}",
        where=_IP,
        source="arch/x86/kernel/traps.c: DEFINE_IDTENTRY_RAW(exc_invalid_op)",
    ),
    Kind(
        # s390's `die()` names the exception, then its interruption code and the length of the instruction.
        "program-check",
        "fault",
        (Form(" ilc:", r"(?!Oops:|monitor event:)(?P<what>[A-Za-z][\w /-]{3,50}): [0-9a-f]{4} ilc:\d \[#\d+\]"),),
        title="{what} in {function}",
        where=_IP,
        # Without CONFIG_DEBUG_BUGVERBOSE, `Kernel BUG at 00000000002b0362` stood before any of them.
        refines=("kernel-bug",),
        source="arch/s390/kernel/traps.c, arch/s390/kernel/dumpstack.c: die()",
    ),
    Kind(
        "missing-endbr",
        "fault",
        # An indirect call to where none may go; `cfi` is the compiler's check of the same.
        (Form("Missing ENDBR", r"Missing ENDBR: (?P<function>[^\s+]+)"),),
        title="Missing ENDBR in {function}",
        where=("headline",),
        refines=("kernel-bug", "warning", "invalid-opcode", "oops"),
        source="arch/x86/kernel/cet.c: do_kernel_cp_fault()",
    ),
    Kind(
        "cpu-exception",
        "fault",
        (
            Form(
                "[#",
                r"(?:Oops: )?(?P<what>stack segment|segment not present|invalid TSS|bounds|overflow|int3|debug"
                r"|alignment check|coprocessor error|simd exception|coprocessor segment overrun|control protection"
                r"|device not available|unknown exception|spurious interrupt bug|iret exception|math-emu|trap|exit"
                r"|unexpected machine check|virtualization exception|VMM communication exception): [0-9a-f]{4} \[#\d+\]",
                "{what} in {function}",
            ),
            Form(
                "fatal FRED event",
                r"(?:PANIC|BUG): invalid or fatal FRED event",
                "invalid or fatal FRED event in {function}",
            ),
            Form("stack segment", r"(?:Oops: )?stack segment: [0-9a-f]{4}", "stack segment fault in {function}"),
            Form(
                "ernel unaligned access",
                r"(?:BUG: Unable to handle k|K|k)ernel unaligned access",
                "unaligned access in {function}",
            ),
            Form("Unexpected kernel", r"Unexpected kernel (?P<what>[\w-]+)", "Unexpected kernel {what} in {function}"),
        ),
        where=_IP,
        source="arch/x86/kernel/traps.c, arch/x86/kernel/cet.c",
    ),
    Kind(
        "alignment-trap",
        "fault",
        (Form("Alignment trap: ", r"Alignment trap: not handling instruction"),),
        title="Alignment trap in {function}",
        where=("trace",),
        confirmed=("internal-error",),
        refines=("unhandled-fault", "internal-error"),
        source="arch/arm/mm/alignment.c",
    ),
    Kind(
        "unhandled-fault",
        "fault",
        (
            Form("nhandled fault", r"(?:Oops - |Internal error: )?Unhandled fault(?:: | at )"),
            Form("nhandled prefetch abort", r"Unhandled prefetch abort"),
            Form("bad data abort", r"Bad data abort"),
        ),
        title="Unhandled fault in {function}",
        alternatives=_BAD_ACCESS,
        where=("trace", "instruction"),
        confirmed=("internal-error", "oops"),
        refines=("internal-error", "oops"),
        source="arch/arm/mm/fault.c: do_DataAbort()",
    ),
    Kind(
        "internal-error",
        "fault",
        (Form("Internal error: ", r"Internal error: "),),
        title="Internal error in {function}",
        alternatives=_BAD_ACCESS,
        where=_IP,
        part=True,
        source="arch/arm64/kernel/traps.c: __die()",
    ),
    Kind(
        "bad-mode",
        "fault",
        (
            Form("Bad mode in ", r"Bad mode in [\w ]+ (?:handler|exception)?.*detected", "kernel panic: bad mode"),
            # Since Linux 5.12: `Unhandled 64-bit el1h sync exception on CPU3, ESR 0x… -- DABT (current EL)`.
            Form(
                " exception on CPU",
                r"Unhandled (?:\d\d-bit )?(?P<what>[\w -]{1,40}) exception on CPU\d+, ESR ",
                "kernel panic: Unhandled {what} exception",
            ),
        ),
        where=_IP,
        refines=("internal-error", "oops", "panic"),
        source="arch/arm64/kernel/traps.c: bad_mode(), entry-common.c: __panic_unhandled()",
    ),
    Kind(
        "unhandled-exception",
        "fault",
        (
            Form("Unhandled kernel unaligned access", r"Unhandled kernel unaligned access"),
            Form("Reserved instruction in kernel", r"Reserved instruction in kernel code"),
            Form("Kernel bug detected", r"Kernel bug detected\[#\d+\]", "kernel BUG in {function}"),
            Form("Break instruction in kernel", r"Break instruction in kernel code"),
            Form("Unexpected exception", r"Unexpected (?:exception|fault|trap|interrupt).* in kernel mode"),
            Form("Exception in kernel mode", r"Exception in kernel mode"),
            # Of a program's bus error the kernel prints the same line and kills the program.
            Form(
                "bus error, epc ==",
                r"(?:Data|Instruction) bus error, epc == (?:[89a-f][0-9a-f]{7}|[4-9a-f][0-9a-f]{15})\b",
            ),
            # Arm without MMU (`arch/arm/kernel/entry-v7m.S`).
            Form("nhandled exception: IPSR", r"Unhandled exception: IPSR = "),
            Form(": Code=", rf"{_PARISC}: Code=\d{{1,3}} "),
            Form("Misaligned r/w from 0x", rf"{_ARC}Misaligned r/w from 0x"),
            Form("Unhandled FSC", r"Unhandled (?:FSC|exception)"),
        ),
        title="Internal error in {function}",
        where=_IP,
        refines=("internal-error", "oops"),
        source="arch/mips/kernel/traps.c, arch/s390/kernel/traps.c",
    ),
    Kind(
        # Printed on the early console, before there are handlers for anything.
        "early-exception",
        "fault",
        (Form("PANIC: early exception", r"PANIC: early exception (?:0x)?[0-9a-f]{2,4}\b"),),
        title="PANIC: early exception in {function}",
        where=("instruction", "trace"),
        trace="optional",
        source="arch/x86/mm/extable.c: early_fixup_exception(), arch/s390/kernel/early.c",
    ),
    Kind(
        "oops",
        "fault",
        (
            # What else die() is called with, as each architecture prints it.
            # x86 (without `Oops: ` until Linux 6.9), sh; s390: `specification exception: 0006 ilc:3 [#1] SMP`.
            Form("[#", rf"(?:Oops: )?(?P<what>{_DIED}): [0-9a-f]{{4}} (?:ilc:\d )?\[#\d+\]", "{what} in {function}"),
            # mips, loongarch; riscv, csky; xtensa.
            Form("[#", rf"(?P<what>{_DIED})(?: |: sig: \d{{1,3}} )?\[#\d+\]:?$", "{what} in {function}"),
            Form("Oops: ", r"Oops: (?!Bad pagetable).*\[#?\d+\]"),
            Form("): Oops ", rf"{_TASK}Oops (?:\[#\d+\]|\d+ \[\d+\]|-?\d+\s*\Z)"),
            Form("): Kernel ", rf"{_TASK}Kernel [\w /.]{{3,60}} \[#\d+\]"),
            # sparc: `swapper/0(1): TL1: Illegal Instruction Exception [#1]`.
            Form("[#", rf"{_TASK}(?P<what>[A-Z][\w !(),./:?-]{{1,70}}?) \[#\d+\]$", "{what} in {function}"),
            # Powerpc's debugger.
            Form(": Vector: ", r"cpu 0x[0-9a-f]{1,4}: Vector: [0-9a-f]{3,4} \([\w -]{3,60}\) at \["),
            Form("Oops[#", r"Oops\[#\d+\]"),
            Form("Oops - ", r"(?:Internal error: )?Oops - "),
            Form("Oops [#", r"Oops \[#\d+\]"),
            # The task of an oops ran into the next one while it died.
            Form(
                "Fixing recursive fault",
                r"Fixing recursive fault but reboot is needed!",
                "recursive fault in {function}",
                "recursive fault",
            ),
            # nios2 and microblaze; openrisc.
            Form("Oops: ", r"Oops: (?P<what>.{1,60}), sig: \d+$"),
            Form("Oops#: ", r"Oops#: [0-9a-f]{4}$"),
        ),
        title="Oops in {function}",
        where=_IP,
        part=True,
        source="arch/*/kernel/traps.c: die(), arch/s390/kernel/dumpstack.c",
    ),
)
