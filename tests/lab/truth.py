"""What an analysis says, held against what a case is known for."""

from pathlib import Path

from lastwords.lab import Case
from lastwords.model import Analysis, Lock, Machine, StackFrame

Wrong = list[str]

# Kernels that keep no names of variables, their own and modules' (CONFIG_KALLSYMS_ALL): only debuginfo has them.
_FTRACE_ROOM = 8
NAMELESS = ("6.1-arm64",)


def wrong_log(case: Case, kernel: str, found: Analysis) -> Wrong:
    """What is wrong with the first oops of the dump's own log."""
    if not found.oopses:
        return [f"no oops; errors: {found.errors}"]
    oops, known = found.oopses[0], case.known_answer(kernel)
    return _differences(
        ("kind", oops.kind, known.kind),
        ("title", oops.title, known.title),
        ("function", oops.function, known.function),
        ("module", oops.module, known.module),
    )


def wrong_blame(case: Case, kernel: str, found: Analysis, *, typed: bool) -> Wrong:
    """What is wrong with where the bad pointer is said to come from; `typed` if the module's types can be known."""
    assert found.machine is not None, found.errors
    blame, known = found.machine.blame, case.blame
    if known is None:
        # A jump to nowhere tells of its target alone.
        return [] if blame is None or blame.origin is None else [f"there is no bad pointer, but: {blame.text}"]
    if blame is None:
        return [f"nothing found: {_missing(found.machine, 'blame')}"]
    answer = case.known_answer(kernel)
    wrong = _differences(
        ("function", blame.function, known.function or answer.function),
        ("module", blame.module, known.module if known.function else answer.module),
        ("origin", blame.origin, known.origin),
        ("origin's module", blame.origin_module, known.module if known.function else known.module or answer.module),
        ("offset", blame.field_offset, known.offset),
    )
    variable, sense = known.variable, known.sense
    if not typed and kernel in NAMELESS:
        variable, sense = None, sense.replace("the address of data (table), not of code", "a mapped address where no")
    if typed or blame.field is not None:  # without types: none, or the right ones
        wrong += _differences(("field", blame.field, known.field or known.variable))
    if known.variable is None and (typed or blame.object_type is not None):
        wrong += _differences(("object", blame.object_type, known.object_type))
    if not blame.sense.startswith(sense):
        wrong.append(f"sense: {blame.sense!r}, not {sense!r}")
    steps = [step for step in blame.steps if step.about == "pointer"]
    expression = (steps[-1].expression or "") if steps else ""
    for part in (known.returned_by, variable):
        if part and not expression.startswith(part):
            wrong.append(f"from {expression!r}, not {part!r}")
    if known.memory and not any(known.memory in sentence for sentence in blame.memory):
        wrong.append(f"memory: {blame.memory}, not {known.memory!r}")
    if blame.confidence == "none":
        wrong.append("no confidence at all")
    return wrong


def wrong_callers(case: Case, kernel: str, found: Analysis) -> Wrong:
    """What is wrong with who called the function that crashed: no frame may be left out."""
    assert found.machine is not None, found.errors
    if case.blame is None or not case.blame.callers:
        return []
    whole = (str(case.blame.function or case.known_answer(kernel).function), *case.blame.callers)
    for cpu in found.machine.cpus or ():
        names = tuple(frame.function for frame in cpu.stack if not frame.inline)
        if any(names[start : start + len(whole)] == whole for start in range(len(names))):
            return []
    return [f"no stack has {', '.join(whole)} in a row"]


def wrong_lines(case: Case, found: Analysis) -> Wrong:
    """What is wrong with the source lines: of the origin in the module, and of the kernel's own frames."""
    assert found.machine is not None, found.errors
    wrong: Wrong = []
    for frame in (frame for cpu in found.machine.cpus or () for frame in cpu.stack):
        if frame.module is None and not frame.user and frame.file is None and not _has_no_line(frame):
            wrong.append(f"no line for {frame.function}")
    if case.blame is None or case.blame.line is None:
        return wrong
    (known,) = [
        (source.name, number)
        for source in case.sources.values()
        for number, line in enumerate(source.read_text().splitlines(), 1)
        if case.blame.line in line
    ]
    blame = found.machine.blame
    steps = [step for step in blame.steps if step.about == "pointer"] if blame else []
    place = (Path(steps[-1].file or "").name, steps[-1].line) if steps else None
    if place != known:
        wrong.append(f"origin at {place}, not {known}")
    return wrong


def wrong_stall(case: Case, found: Analysis, *, named: bool = True) -> Wrong:
    """What is wrong with who hangs where; `named` if the names of locks can be known."""
    machine, known = found.machine, case.stall
    if known is None:
        return []
    assert machine is not None, found.errors
    wrong: Wrong = []
    stacks = [cpu.stack for cpu in machine.cpus or ()] + [task.stack for task in machine.tasks or ()]
    if not any(_stands_on(stack, known.stack) for stack in stacks):
        wrong.append(f"no stack with {', '.join(known.stack)}")
    locks = machine.locks.held if machine.locks else ()
    if known.locks and not named:
        wrong += _differences(("number of locks", len(locks), len(known.locks)))
    elif known.locks:
        wrong += _differences(("locks", sorted(map(_plain_name, locks)), sorted(known.locks)))
    if known.owner or known.waiter:
        pairs = [(lock.owner_comm, waiter.comm) for lock in locks for waiter in lock.waiters]
        wrong += _differences(("owner and waiter", pairs, [(known.owner, known.waiter)]))
    names = {task.pid: task.comm for task in machine.tasks or ()}
    cycles = [sorted(names[pid] for pid in cycle.pids) for cycle in (machine.locks.cycles if machine.locks else ())]
    wrong += _differences(("cycles", cycles, [sorted(known.cycle)] if known.cycle else []))
    return wrong


def wrong_memory(case: Case, found: Analysis) -> Wrong:
    """What is wrong with who ate the memory."""
    machine, known = found.machine, case.memory_hog
    if known is None:
        return []
    assert machine is not None, found.errors
    memory = machine.memory
    if memory is None:
        return ["no memory"]
    wrong: Wrong = []
    largest = memory.processes[0].comm if memory.processes else None
    if known.process:
        wrong += _differences(("largest process", largest, known.process))
    if known.slab:
        cache = memory.slabs[0] if memory.slabs else None
        wrong += _differences(("largest cache", cache and cache.name, known.slab))
        if cache and memory.total and cache.bytes < memory.total // 2:
            wrong.append(f"{known.slab} has only {cache.bytes} of {memory.total} bytes")
    if known.module:
        suspects = [(suspect.module, suspect.function, suspect.where) for suspect in memory.suspects]
        wrong += _differences(("suspects", suspects[:1], [(known.module, known.function, known.slab)]))
    return wrong


def _missing(machine: Machine, part: str) -> str | None:
    return next((each.error for each in machine.parts if each.name == part), None)


def _differences(*each: tuple[str, object, object]) -> Wrong:
    return [f"{name}: {found!r}, not {known!r}" for name, found, known in each if found != known]


def _stands_on(stack: tuple[StackFrame, ...], functions: tuple[str, ...]) -> bool:
    """Whether functions stand on a stack in this order; others may stand between them."""
    left = iter(frame.function for frame in stack)
    return all(function in left for function in functions)


def _plain_name(lock: Lock) -> str:
    return (lock.name or hex(lock.address)).split(" ")[0]


def _has_no_line(frame: StackFrame) -> bool:
    """Assembly, the target of a bad function pointer, and on arm64 the room for ftrace where a function begins."""
    if frame.interrupted and frame.offset is not None and frame.offset < _FTRACE_ROOM:
        return True
    return frame.function.startswith(("asm_", "entry_", "ret_from_", "__x86_", "secondary_startup", "0x"))
