"""What one crash report of the kernel says: the structs that klog fills and all other rooms read."""

import msgspec

from .oom import OomReport


class Struct(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all results: immutable, JSON in and out through msgspec."""


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One line of a call trace.

    Attributes:
        function: the symbol without offset: `ext4_iget`, `ring_bind.constprop.0`, `<mod::Type>::method`.
        line: number of its line in the file, from 1.
        offset: bytes from the symbol's start, None for inlined frames and bare addresses.
        size: the symbol's size in bytes as kallsyms gives it, or None.
        module: module name, or the empty string for the kernel's own text.
        reliable: False for frames marked `?` (`arch/x86/kernel/dumpstack.c: printk_stack_address()`):
            an address found on the stack that the unwinder can't vouch for.
        inline: True where a decoder (`scripts/decode_stacktrace.sh`, syz-symbolize) marked it `[inline]`.
        file: source file, or the empty string.
        source_line: line in the source file, or None.
        address: the frame's address where the kernel printed it, or None.
    """

    function: str
    line: int
    offset: int | None = None
    size: int | None = None
    module: str = ""
    reliable: bool = True
    inline: bool = False
    file: str = ""
    source_line: int | None = None
    address: int | None = None


class Trace(Struct, frozen=True, kw_only=True):
    """One call trace.

    Attributes:
        title: what the kernel wrote above it: `Call Trace`, `Allocated by task 12`, `stack backtrace`.
        line: number of the title's line, from 1.
        frames: innermost first.
        pid: the task whose stack it is, where the text says so.
        comm: that task's name, or the empty string.
        cpu: the CPU whose stack it is, where the text says so.
        contexts: stack markers crossed, innermost first: `IRQ`, `SOFTIRQ`, `NMI`, `TASK`, `#DF`.
    """

    title: str
    line: int
    frames: tuple[Frame, ...] = ()
    pid: int | None = None
    comm: str = ""
    cpu: int | None = None
    contexts: tuple[str, ...] = ()


class Taint(Struct, frozen=True, kw_only=True):
    """One taint flag (`Documentation/admin-guide/tainted-kernels.rst`).

    Attributes:
        letter: as it stands behind `Tainted:`.
        bit: in /proc/sys/kernel/tainted, from 0.
        name: the kernel's, without `TAINT_`.
        meaning: what had happened.
    """

    letter: str
    bit: int
    name: str
    meaning: str


class LinkedModule(Struct, frozen=True, kw_only=True):
    """An entry of "Modules linked in:" (`kernel/module/main.c: print_modules()`).

    Attributes:
        name: the module's name.
        flags: its taint letters and `+` (loading) or `-` (unloading), without the parentheses.
        last_unloaded: it stands under `[last unloaded: …]`.
    """

    name: str
    flags: str = ""
    last_unloaded: bool = False


class AddressSense(Struct, frozen=True, kw_only=True):
    """What an address says about the bug.

    Attributes:
        value: the address.
        kind: `null`, `null-offset`, `err-ptr`, `poison`, `non-canonical`, `user`, `kernel`, `one-bit-off`,
            `ascii`, `kasan-shadow`, or `unknown`.
        text: one sentence for people.
        offset: bytes from the base that the kind names (NULL, the poison value), or None.
        sure: False where it is a guess that the registers or the dump would have to confirm.
    """

    value: int
    kind: str
    text: str
    offset: int | None = None
    sure: bool = True


class ErrorCode(Struct, frozen=True, kw_only=True):
    """The error code of a fault.

    Attributes:
        value: as the kernel printed it.
        meaning: each bit or field in words.
    """

    value: int
    meaning: tuple[str, ...] = ()


class Instruction(Struct, frozen=True, kw_only=True):
    """One disassembled instruction of the `Code:` bytes.

    Attributes:
        offset: bytes from the faulting instruction; negative before it.
        data: its bytes in hexadecimal.
        text: mnemonic and operands, Intel syntax on x86.
        faulting: it is the one that the kernel marked with `<..>` or `(..)`.
    """

    offset: int
    data: str
    text: str
    faulting: bool = False


class MemoryOperand(Struct, frozen=True, kw_only=True):
    """The memory that the faulting instruction wanted, worked out from the registers.

    Attributes:
        text: as in the assembly: `qword ptr [rdi + 0x18]`.
        expression: with the values in place: `rdi (0x0) + 0x18`.
        address: the effective address, or None where a register is not known.
        base: name of the base register, or the empty string.
        base_value: its value, or None.
        displacement: the constant part, in bytes.
        write: the instruction stores there.
        agrees: the address is the one that the kernel reported as faulting; None where it reported none.
    """

    text: str
    expression: str
    address: int | None
    base: str = ""
    base_value: int | None = None
    displacement: int = 0
    write: bool = False
    agrees: bool | None = None


class Code(Struct, frozen=True, kw_only=True):
    """The `Code:` line, disassembled.

    Attributes:
        architecture: `x86_64`, `i386`, `arm64`, `arm`, `ppc64`, `ppc`, `s390x`, `riscv64`, `mips`,
            `loongarch64`, `sparc64`, `parisc`, `alpha`, `m68k`, `arc`.
        instructions: those that could be decoded; before the faulting one only where decoding falls into step.
        operand: the faulting instruction's memory operand, or None.
        note: why something is missing, or what the bytes say by themselves (all zero, `ud2` of a BUG).
    """

    architecture: str
    instructions: tuple[Instruction, ...] = ()
    operand: MemoryOperand | None = None
    note: str = ""


class Damage(Struct, frozen=True, kw_only=True):
    """One reason why an oops's text is not to be trusted as a whole.

    Attributes:
        kind: `cut-off`, `interleaved`, `dropped`, `no-trace`, `unreliable-trace`, `typed`.
        text: one sentence for people.
        line: where in the file, from 1, or None.
    """

    kind: str
    text: str
    line: int | None = None


class Oops(Struct, frozen=True, kw_only=True):
    """One crash report.

    Attributes:
        title: the crash's name in the wording that kernel developers search for.
        alternative_titles: other names of the same crash.
        kind: name of the catalogue entry: `kasan`, `null-dereference`, `soft-lockup`, …
        family: group of kinds: `fault`, `bug`, `warning`, `sanitizer`, `lockdep`, `hang`, `memory`, `hardware`,
            `filesystem`, `storage`, `boot`, `panic`, `other`.
        path: the log that it stands in.
        panic: the `Kernel panic - not syncing: …` line that ends the report, or None; `panic_line` its number,
            `panic_time` when it came, in seconds since boot.
        line: first line of the report, from 1; `last_line` its last one.
        intact: the text is whole: neither cut off nor interleaved, and its trace can be trusted.
        damage: why not, where it is not.
        function: the function to blame, or None; `module` where that function lives (None: the kernel's own
            text or not known); `file` and `source_line` where the log has them.
        frame: the frame of the function to blame as the log spells it; on no line (0) where it stands only in the
            instruction pointer's line. None where the log shows none.
        at: where the instruction pointer stood, in the kernel; None where the log doesn't tell. Where it is not in
            the function to blame, that one is further out: a caller of a string function, the way into a loop.
        message: the kernel's own line that opened the report.
        time: seconds since boot; `wall` the wall-clock time as the log spells it; `clock` the same in ISO 8601, without
            an offset where the log names no time zone, and `--11-24T12:34:11` where it names no year.
        cpu: where it happened; `pid` and `comm` of the task that ran there, or that hangs; `workqueue` the worker's
            queue and function.
        release: the kernel's, as `uname -r` gives it; `build` what follows it on the line.
        architecture: as in `Code.architecture`.
        hardware: the `Hardware name:` line; `hypervisor` the one that this names.
        taint: `Tainted: G        W  OE` or `Not tainted`, as printed; `taints` its flags.
        error_code: of a fault, or None; likewise `address` that could not be used, and `code` around the instruction.
        registers: by name in lower case (`rip`, `x0`, `gpr2`), those of the crash itself; of the program, where the
            report has no others.
        traces: in the order of the report.
        modules: those of "Modules linked in:".
        follows: the oops that this one is a consequence of: its number (from 0) among those of the same log, or None.
        context: `task`, `softirq`, `hardirq`, `nmi`, or None where the log doesn't tell.
        boot: number of the boot in the file, from 1.
        oom: what the OOM killer said of the memory, where it ran out; else None.
    """

    title: str
    kind: str
    family: str
    line: int
    last_line: int
    message: str
    intact: bool
    damage: tuple[Damage, ...] = ()
    alternative_titles: tuple[str, ...] = ()
    function: str | None = None
    module: str | None = None
    frame: Frame | None = None
    at: Frame | None = None
    file: str | None = None
    source_line: int | None = None
    follows: int | None = None
    boot: int = 1
    time: float | None = None
    wall: str | None = None
    clock: str | None = None
    cpu: int | None = None
    pid: int | None = None
    comm: str | None = None
    context: str | None = None
    workqueue: str | None = None
    release: str | None = None
    build: str | None = None
    architecture: str | None = None
    hardware: str | None = None
    hypervisor: str | None = None
    taint: str | None = None
    taints: tuple[Taint, ...] = ()
    error_code: ErrorCode | None = None
    address: AddressSense | None = None
    registers: dict[str, int] = {}
    traces: tuple[Trace, ...] = ()
    modules: tuple[LinkedModule, ...] = ()
    code: Code | None = None
    path: str = ""
    panic: str | None = None
    panic_line: int | None = None
    panic_time: float | None = None
    oom: OomReport | None = None
