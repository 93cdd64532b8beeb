"""`blame()`: what a crash on a bad pointer says of where the pointer came from."""

import time
from typing import TYPE_CHECKING

from lastwords.model import Blame

from .callers import Activation, Stack, called, is_return, pointer_place
from .fault import Bad, Fault, bad_operand, find_fault, values
from .function import Function
from .instruction import Act
from .objects import about, live_name
from .origin import Node, Tracer
from .program_dump import ProgramDump
from .sense import Sense, sense
from .text import broken_code, flipped_bits
from .types import Types
from .undo import State
from .walk import Budget
from .words import Found, told

if TYPE_CHECKING:
    import drgn

    from lastwords.vmcore.program import Kernel

_JUMPS_MAX = 8


def blame(kernel: "Kernel") -> Blame | None:
    """Follow the bad pointer of the crash back to where it came from.

    Args:
        kernel: an opened dump.

    Returns:
        What was found, with what is not known said so; None where the crash was no fault on a pointer, or the stack of
        the task that crashed can't be read.
    """
    began = time.monotonic()
    try:
        thread = kernel.prog.crashed_thread()
        frames = list(kernel.frames(thread))
        task = thread.object.value_()
    except Exception:  # no such thread, or its stack is not in the dump
        return None
    dump = ProgramDump(kernel, _cpu(thread.object))
    fault = find_fault(dump, frames) if _is_x86(kernel) else None
    if fault is None:
        return None
    found = _follow(dump, fault, task)
    if found is None:
        return None
    found.memory += tuple(_code(dump, found))
    symbol = found.function.symbol
    flipped = flipped_bits(dump, kernel.symbols.vmlinux, symbol, _kaslr_offset(kernel))
    return told(found, flipped=flipped, began=began)


def _code(dump: ProgramDump, found: Found) -> list[str]:
    """Whether the code that ran makes sense."""
    broken = broken_code(dump, found.function.symbol)
    return [broken] if broken else []


def _is_x86(kernel: "Kernel") -> bool:
    import drgn

    platform = kernel.prog.platform
    return platform is not None and platform.arch == drgn.Architecture.X86_64


def _kaslr_offset(kernel: "Kernel") -> int | None:
    """How far from its link address the kernel runs; None without debuginfo."""
    try:
        bias: int | None = kernel.prog.main_module().debug_file_bias
    except Exception:  # no debuginfo
        return None
    return bias


def _cpu(task: "drgn.Object") -> int | None:
    """The CPU of a task that was running."""
    from drgn.helpers.linux.sched import task_cpu

    try:
        return int(task_cpu(task))
    except Exception:  # its page is not in the dump
        return None


def _follow(dump: ProgramDump, fault: Fault, task: int) -> Found | None:
    stack = Stack(dump, fault.frames)
    tracer = Tracer(dump, stack, Budget())
    types = Types(dump, fault.traces, task)
    state = State(dump, fault.registers["rsp"], values(fault.registers))
    rip = fault.registers["rip"]
    function = stack.function(rip)
    index = function.index(rip) if function is not None else None
    if function is None or index is None:
        return _bad_target(dump, fault, stack, tracer, types, state)
    instruction = function.instruction(index)
    bad = bad_operand(dump, instruction, fault)
    if bad is None:
        return None
    activation = Activation(function, index, state, 0)
    nodes = tracer.trace(activation, bad.place)
    return Found(
        dump=dump,
        function=function,
        index=index,
        bad=bad,
        sense=_sense(dump, bad.value),
        nodes=nodes,
        types=types,
        fault=fault,
        memory=_memory(dump, bad, nodes),
        budget=tracer.budget,
    )


def _sense(dump: ProgramDump, value: int) -> Sense:
    return sense(value, dump, lambda address: live_name(dump.prog, address))


def _memory(dump: ProgramDump, bad: Bad, nodes: list[Node]) -> tuple[str, ...]:
    """What lies where the bad pointer points, and where it was loaded from."""
    sentences = about(dump.prog, bad.value, "The bad pointer") if bad.role == "pointer" else []
    holder = _holder(nodes)
    if holder is not None and holder.address is not None and holder.memory is not None and holder.memory.base:
        sentences += about(dump.prog, holder.address, "The field that held it")
    return tuple(dict.fromkeys(sentences))


def _holder(nodes: list[Node]) -> Node | None:
    """The load that the bad pointer came from."""
    from .origin import choose
    from .walk import Source

    for _ in range(32):
        node = choose(nodes).node
        if node is None:
            return None
        if node.definition.source is Source.LOAD:
            return node
        nodes = node.further
    return None


def _bad_target(
    dump: ProgramDump, fault: Fault, stack: Stack, tracer: Tracer, types: Types, state: State
) -> Found | None:
    """A call or jump through a bad function pointer: there is no instruction where it went."""
    target = fault.registers["rip"]
    site = stack.call_site(1)
    if site is None or fault.registers["rsp"] + 8 != fault.frames[1].sp:
        return None
    function, index = site
    before = state.copy()
    before.values["rsp"] = fault.frames[1].sp
    activation = Activation(function, index, before, 1)
    call = function.instruction(index)
    if pointer_place(dump, call) is None and call.memory is None and call.number is not None:
        jump = _tail_jump(dump, stack, call.number, state, target)
        if jump is None:
            return None
        function, index = jump
        activation = Activation(function, index, state, 0, on_stack=False)
        call = function.instruction(index)
    place = pointer_place(dump, call)
    nodes = (
        tracer.trace(activation, place)
        if place is not None
        else [tracer.load(activation, target)]
        if call.memory
        else []
    )
    bad = Bad(place if place is not None else "rip", target, 0, target, 8)
    return Found(
        dump=dump,
        function=function,
        index=index,
        bad=bad,
        sense=_sense(dump, target),
        nodes=nodes,
        types=types,
        fault=fault,
        memory=_memory(dump, bad, nodes),
        budget=tracer.budget,
        target=True,
    )


def _tail_jump(
    dump: ProgramDump, stack: Stack, start: int, state: State, target: int, depth: int = 3
) -> tuple[Function, int] | None:
    """The jump through a pointer by which a function left the stack: the only one that can have gone to `target`."""
    function = stack.function(start)
    if function is None or depth == 0:
        return None
    found: list[tuple[Function, int]] = []
    for index in function.exits():
        jump = function.instruction(index)
        if jump.act is not Act.JUMP or is_return(dump, jump):
            continue
        goes = called(dump, jump, state)
        if goes == target or (goes is None and pointer_place(dump, jump) is None and jump.number is None):
            found.append((function, index))
        elif goes is not None and goes != start and dump.symbol(goes) is not None and len(found) < _JUMPS_MAX:
            inner = _tail_jump(dump, stack, goes, state, target, depth - 1)
            if inner is not None:
                found.append(inner)
    return found[0] if len(found) == 1 else None
