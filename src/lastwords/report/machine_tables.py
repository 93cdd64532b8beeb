"""Tables of what is in a dump: tasks, modules, open files."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from rich.text import Text

from lastwords.glossary.units import duration, size
from lastwords.model import Module, OpenFile, Task, UnloadedModule

from .escape import printable

_DEEPEST = 64
_LOUD = {"D": "bold yellow", "Z": "dim", "I": "dim"}


def task_table(tasks: Sequence[Task]) -> Iterator[Text]:
    """One line a task. `>` marks those on a CPU; kernel threads stand in brackets, as in ps."""
    yield Text("     PID    PPID  CPU S          WAITED       MEMORY  COMMAND", "bold")
    for task in tasks:
        yield _task(task, "")


def task_tree(tasks: Sequence[Task]) -> Iterator[Text]:
    """The same, children below their parents."""
    yield Text("     PID    PPID  CPU S          WAITED       MEMORY  COMMAND", "bold")
    children: defaultdict[int | None, list[Task]] = defaultdict(list)
    leaders = {task.tgid for task in tasks}
    roots = []
    for task in tasks:
        # Threads stand below their process, processes below their parents.
        above = task.tgid if task.pid != task.tgid else task.ppid
        if above in leaders and task.pid not in (above, 0):
            children[above].append(task)
        else:
            roots.append(task)
    shown: set[int] = set()
    # Those that no root leads to are each other's children, in a damaged dump; they come last.
    for root in [*roots, *tasks]:
        waiting = [(root, 0)]
        while waiting:
            task, depth = waiting.pop()
            if id(task) in shown:
                continue
            shown.add(id(task))
            yield _task(task, "  " * min(depth, _DEEPEST))
            waiting += ((child, depth + 1) for child in reversed(children[task.pid]))


def _task(task: Task, indent: str) -> Text:
    waited = duration(task.waiting) if task.waiting is not None else "-"
    name = f"[{task.comm}]" if task.kernel_thread else task.comm
    numbers = f"{task.pid:>7} {'-' if task.ppid is None else task.ppid:>7} {'-' if task.cpu is None else task.cpu:>4}"
    return Text.assemble(
        ("> " if task.running else "  ", "bold green"),
        f"{numbers[1:]} ",
        (task.state, _LOUD.get(task.state, "")),
        f" {waited:>15} {size(task.rss):>12}  ",
        (f"{indent}{printable(name)}", "bold green" if task.running else ""),
    )


def module_table(modules: Sequence[Module], unloaded: Sequence[UnloadedModule]) -> Iterator[Text]:
    """One line a module, the one loaded last first."""
    width = max((len(printable(module.name)) for module in modules), default=4)
    yield Text(f"{'MODULE':<{width}}  {'ADDRESS':<18}  {'SIZE':>9}  USED  TAINTS  STATE   VERSION", "bold")
    for module in modules:
        address = f"{module.address:#018x}" if module.address else "-"
        used = "-" if module.references is None else str(module.references)
        by = f"  used by {', '.join(map(printable, module.users))}" if module.users else ""
        state = "" if module.state == "live" else module.state
        version = printable(module.version or (f"srcversion {module.srcversion}" if module.srcversion else ""))
        line = f"{address:<18}  {size(module.size):>9}  {used:>4}  {module.taints:<6}  {state:<6}  {version}{by}"
        style = "yellow" if module.taints or state else ""
        yield Text(f"{printable(module.name):<{width}}  {line}".rstrip(), style)
    if unloaded:
        gone = (f"{printable(each.name)}{f' ({each.taints})' if each.taints else ''}" for each in unloaded)
        yield Text(f"\nunloaded before: {', '.join(gone)}")


def module_details(modules: Iterable[Module]) -> Iterator[Text]:
    """Everything on some modules."""
    for number, module in enumerate(modules):
        if number:
            yield Text()
        yield Text(printable(module.name), "bold")
        facts = (
            ("address", f"{module.address:#x}" if module.address else None),
            ("size", size(module.size)),
            ("state", module.state),
            ("taints", module.taints or None),
            ("version", module.version),
            ("srcversion", module.srcversion),
            ("build ID", module.build_id),
            ("references", None if module.references is None else str(module.references)),
            ("used by", ", ".join(module.users) or None),
        )
        yield from (Text(f"  {name:<11} {printable(value)}") for name, value in facts if value is not None)
        if module.parameters:
            yield Text("  parameters")
            yield from (
                Text(f"    {printable(name)} = {printable(value)}") for name, value in module.parameters.items()
            )


def file_table(files: Sequence[OpenFile]) -> Iterator[Text]:
    """One line an open file."""
    yield Text("  FD  MODE    POSITION  PATH", "bold")
    for file in files:
        position = "-" if file.position is None else str(file.position)
        yield Text(f"{file.fd:>4}  {file.mode:<4}  {position:>10}  {printable(file.path)}")
