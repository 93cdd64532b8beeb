"""The system call that the crashed task was in, with its arguments: arch/x86/include/asm/ptrace.h.

On its way into the kernel a task leaves its registers at the top of its kernel stack.
"""

from typing import TYPE_CHECKING

import drgn

from lastwords.glossary.syscalls import x86_64
from lastwords.model import SystemCall

from .current import current_task
from .panic import crashing_cpu
from .part import part

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_ARGUMENTS = ("di", "si", "dx", "r10", "r8", "r9")
_STACK_MAX = 1 << 18
_NUMBER_MAX = 1 << 12
_USER_SEGMENT = 3
"""The lowest two bits of the code segment, where a task came from user mode."""


@part("system_call")
def system_call(kernel: "Kernel") -> SystemCall | None:
    """That of the task that panicked, on x86-64; None where it was in none."""
    number = crashing_cpu(kernel)
    platform = kernel.prog.platform
    if number is None or platform is None or platform.arch != drgn.Architecture.X86_64:
        return None
    task = current_task(kernel, number)
    if not task.mm:
        return None  # a kernel thread has no user mode to come from
    registers = _registers(kernel.prog, task)
    call = registers.orig_ax.value_() & 0xFFFFFFFF
    if registers.cs.value_() & 3 != _USER_SEGMENT or call > _NUMBER_MAX:
        return None  # an exception or interrupt brought it into the kernel
    arguments = tuple(registers.member_(name).value_() & ((1 << 64) - 1) for name in _ARGUMENTS)
    return SystemCall(number=call, name=x86_64(call), arguments=arguments)


def _registers(prog: drgn.Program, task: drgn.Object) -> drgn.Object:
    """`struct pt_regs` at the top of the stack: task_pt_regs()."""
    kind = prog.type("struct pt_regs")
    size = _stack_size(task)
    address = task.stack.value_() + size - drgn.sizeof(kind)
    return drgn.Object(prog, kind, address=address)


def _stack_size(task: drgn.Object) -> int:
    """THREAD_SIZE: of the vmalloc area (CONFIG_VMAP_STACK), else the usual 16 KiB."""
    try:
        pages = int(task.stack_vm_area.nr_pages)
        return min(pages * 4096, _STACK_MAX) or 1 << 14
    except Exception:  # no such member, or its page is not in the dump
        return 1 << 14
