"""What the dump says of the machine, for the report: blame, stacks, who waits for what, and how far the dump goes."""

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.text import Text

from lastwords.glossary.units import duration, size
from lastwords.model import Blame, DumpCheck, Listing, Lock, LockCycle, Machine, Task

from .backtraces import cpus_one_by_one, groups_of_tasks
from .escape import printable

REQUESTS = 6
"""Block requests shown, the oldest first."""
GROUPS = 6
LOCKS = 6
WAITERS = 8
"""Lines of each kind shown, unless the user asks for all."""

Section = tuple[str, list[Text]]


def sections(machine: Machine, *, verbose: bool = False) -> Iterator[Section]:
    """The parts of the report that come from a dump, each with its title; those without news are left out.

    Args:
        machine: as collected.
        verbose: everything, in full.
    """
    if machine.blame is not None:
        yield "Where the bad pointer came from", list(_blame(machine.blame))
    # Of a CPU that runs there is no stack to be had, only in a dump.
    crashing = [cpu for cpu in machine.cpus or () if cpu.crashing or (verbose and machine.read_by is None)]
    if crashing and machine.symbols is not None:
        yield "Stack in the dump", list(cpus_one_by_one(machine, crashing, machine.symbols, verbose=verbose))[1:]
    if machine.locks is not None and (machine.locks.cycles or machine.locks.held):
        yield "Locks", list(_locks(machine, verbose))
    blocked = [task for task in machine.tasks or () if task.state == "D"]
    if blocked:
        lines = list(groups_of_tasks(blocked))
        yield f"Blocked: {len(blocked)} tasks in state D", lines if verbose else lines[: GROUPS * 12]
    if machine.io is not None and machine.io.requests:
        yield "Block requests in flight", list(_requests(machine))
    yield "The machine", list(_machine(machine))


def _blame(blame: Blame) -> Iterator[Text]:
    yield Text(printable(blame.text), "bold")
    for step in blame.steps:
        if step.kind == "fault":
            continue  # the sentence above has said it
        mark = "" if step.checked else "  (not checked against the dump)"
        where = f"  {printable(step.file)}:{step.line}" if step.file and step.line else ""
        module = f" [{printable(step.module)}]" if step.module else ""
        yield Text.assemble(
            (f"  {printable(step.function)}{module}: ", "cyan"), printable(step.text), (where, "cyan"), (mark, "dim")
        )
    yield from (Text(f"  {printable(sentence)}") for sentence in blame.memory)
    yield from (Text(f"  or else: {printable(other)}", "yellow") for other in blame.alternatives)
    for bit in blame.flipped:
        yield Text(
            f"  a bit of the code is flipped in {printable(bit.function)} at {bit.address:#x}: {bit.byte:#04x} "
            f"instead of {bit.expected:#04x}. Look at the memory (memtest, EDAC).",
            "bold yellow",
        )
    yield Text(f"  confidence: {blame.confidence}", "dim")


def code(listing: Listing) -> Iterator[Text]:
    """Some instructions of a function, the one that faulted marked."""
    module = f" [{printable(listing.module)}]" if listing.module else ""
    yield Text(f"{printable(listing.function)}{module}, in memory at {listing.address:#x}", "cyan")
    for line in listing.lines:
        mark, style = ("> ", "bold") if line.marked else ("  ", "")
        source = f"  {printable(line.file)}:{line.line}" if line.file and line.line else ""
        yield Text.assemble((f"{mark}+{line.offset:#x}  {printable(line.text)}", style), (source, "dim"))


def _locks(machine: Machine, verbose: bool) -> Iterator[Text]:
    locks = machine.locks
    if locks is None:
        return
    known = {lock.address: lock for lock in locks.held}
    for cycle in locks.cycles:
        doubt = "" if cycle.sure else "  (one of the owners is worked out, not read)"
        yield Text(f"deadlock: {_cycle(cycle, known, machine.tasks or ())}{doubt}", "bold red")
    held = [lock for lock in locks.held if lock.waiters or verbose]
    for lock in held if verbose else held[:LOCKS]:
        yield Text(_lock(lock))
    if not verbose and len(held) > LOCKS:
        yield Text(f"{len(held) - LOCKS} more: lastwords locks", "dim")


def _cycle(cycle: LockCycle, known: dict[int, Lock], tasks: Sequence[Task]) -> str:
    names = {task.pid: task.comm for task in tasks}
    steps = [
        f"{_who(pid, names.get(pid))} waits for {_named(known.get(address), address)}"
        for pid, address in zip(cycle.pids, cycle.locks, strict=False)
    ]
    return ", which the next holds; ".join(steps) + ", which the first holds"


def _nobody(lock: Lock) -> str:
    return "held by a task that has ended" if lock.owner_ended else "holder not known"


def _lock(lock: Lock) -> str:
    owner = f"held by {_who(lock.owner, lock.owner_comm)}" if lock.owner is not None else _nobody(lock)
    at = f" in {printable(lock.owner_function)}" if lock.owner_function else ""
    waiters = ", ".join(_who(waiter.pid, waiter.comm) for waiter in lock.waiters[:WAITERS])
    more = f" and {len(lock.waiters) - WAITERS} more" if len(lock.waiters) > WAITERS else ""
    doubt = "" if lock.sure and lock.owner_sure else "  (worked out, not read from the lock)"
    waiting = f"; waiting: {waiters}{more}" if waiters else ""
    return f"{lock.kind} {_named(lock, lock.address)}: {owner}{at}{waiting}{doubt}"


def _named(lock: Lock | None, address: int) -> str:
    return printable(lock.name) if lock is not None and lock.name else f"{address:#x}"


def _who(pid: int, comm: str | None) -> str:
    return f"{printable(comm)} ({pid})" if comm else f"PID {pid}"


def _requests(machine: Machine) -> Iterator[Text]:
    requests = machine.io.requests if machine.io is not None else ()
    for request in requests[:REQUESTS]:
        age = f", for {duration(request.age)}" if request.age is not None else ""
        tag = f", tag {request.tag}" if request.tag is not None else ""
        what = f"{request.operation} of {size(request.bytes)} at sector {request.sector}"
        yield Text(f"{printable(request.device)}: {what}{tag}{age}")
    if len(requests) > REQUESTS:
        yield Text(f"{len(requests) - REQUESTS} more: lastwords io", "dim")


def _machine(machine: Machine) -> Iterator[Text]:
    facts = [
        ("kernel", machine.version or machine.release),
        ("command line", machine.command_line),
        ("host", machine.hostname),
        ("up", duration(machine.uptime) if machine.uptime is not None else None),
        ("load", " ".join(f"{value:.2f}" for value in machine.load) if machine.load else None),
        ("CPUs", _cpus(machine)),
        ("tasks", _tasks(machine.tasks) if machine.tasks else None),
        ("memory", _memory(machine)),
        ("modules", _modules(machine)),
    ]
    for name, value in facts:
        if value:
            yield Text.assemble((f"{name:<13}", "cyan"), printable(value))
    yield from (Text(f"could not be read: {printable(line)}", "yellow") for line in _missing(machine))


def _missing(machine: Machine) -> Iterator[str]:
    """The parts that are absent, with their reasons; without types that is one for all."""
    missing = [part for part in machine.parts if part.error]
    if machine.symbols is not None and machine.symbols.source in ("none", "kallsyms") and len(missing) > 1:
        yield f"{', '.join(part.name for part in missing)}: the kernel's types are not in the dump"
        return
    yield from (f"{part.name}: {part.error}" for part in missing)


def _cpus(machine: Machine) -> str | None:
    if not machine.cpus:
        return None
    if all(cpu.pid is None for cpu in machine.cpus):
        return f"{len(machine.cpus)}; what they ran is not known"
    others = [cpu for cpu in machine.cpus if cpu.pid != machine.read_by]
    busy = [f"CPU {cpu.number} {cpu.comm} ({cpu.pid})" for cpu in others if cpu.pid]
    shown = ", ".join(busy[:8]) + (f" and {len(busy) - 8} more" if len(busy) > 8 else "")
    reader = "" if len(others) == len(machine.cpus) else ", lastwords on one of them to read this"
    if busy:
        return f"{len(machine.cpus)}{reader}, of which {len(busy)} busy: {shown}"
    return f"{len(machine.cpus)}{reader}, {'the others' if reader else 'all'} idle"


def _tasks(tasks: Sequence[Task]) -> str:
    states = Counter(task.state for task in tasks)
    return f"{len(tasks)}: " + ", ".join(f"{count} {state}" for state, count in states.most_common())


def _memory(machine: Machine) -> str | None:
    memory = machine.memory
    if memory is None or memory.total is None:
        return None
    parts = [
        ("free", memory.free),
        ("processes", memory.anonymous),
        ("page cache", memory.page_cache),
        ("slab that can't be reclaimed", memory.slab_unreclaimable),
        ("tmpfs and shared", memory.shmem),
    ]
    return f"{size(memory.total)}: " + ", ".join(f"{size(value)} {name}" for name, value in parts if value is not None)


def _modules(machine: Machine) -> str | None:
    if machine.modules is None:
        return None
    marked = [f"{m.name} ({m.taints})" for m in machine.modules if m.taints]
    return f"{len(machine.modules)}" + (f", of which taint the kernel: {', '.join(marked[:20])}" if marked else "")


def dump_lines(check: DumpCheck, machine: Machine | None) -> Iterator[Text]:
    """How good the dump is, and what the analysis lacks for want of debuginfo."""
    style = "" if check.verdict == "whole" else "yellow"
    yield Text(f"{printable(check.path)}: {check.verdict}: {printable(check.summary)}", style)
    if check.verdict != "whole":
        yield from (Text(f"{part.name}: {part.state}, {printable(part.text)}") for part in check.parts)
        yield from (Text(printable(advice), "dim") for advice in check.advice)
    symbols = machine.symbols if machine is not None else None
    if symbols is None:
        return
    if symbols.vmlinux:
        yield Text(f"debuginfo: {printable(symbols.vmlinux)}")
    yield from (Text(printable(cost), "dim") for cost in symbols.costs)
    for refused in symbols.refused:
        yield Text(f"{printable(refused.path)}: {printable(refused.reason)}", "yellow")
    if symbols.commands:
        yield Text("for source lines and variables:", "dim")
        yield from (Text(f"  {printable(command)}") for command in symbols.commands)
