"""Tasks grouped by equal stacks: of ten thousand tasks there are a few dozen different ones."""

from collections import defaultdict
from collections.abc import Iterable

from .tasks import StackGroup, Task


def stack_groups(tasks: Iterable[Task]) -> tuple[StackGroup, ...]:
    """The tasks that have a stack, by its functions; the largest group first."""
    groups: defaultdict[tuple[str, ...], list[Task]] = defaultdict(list)
    names: dict[int, tuple[str, ...]] = {}
    for task in tasks:
        if not task.stack:
            continue
        # Equal stacks are mostly one object, which saves building the key again.
        key = id(task.stack)
        if key not in names:
            names[key] = tuple(frame.function for frame in task.stack)
        groups[names[key]].append(task)
    found = [
        StackGroup(
            pids=tuple(task.pid for task in members),
            states="".join(sorted({task.state for task in members})),
            functions=functions,
        )
        for functions, members in groups.items()
    ]
    return tuple(sorted(found, key=lambda group: -len(group.pids)))
