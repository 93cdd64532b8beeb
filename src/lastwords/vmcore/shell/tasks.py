"""Tasks as people name them: by PID, address or command name; all of a kind, all in a state."""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import drgn
from drgn.helpers.linux.pid import find_task
from drgn.helpers.linux.sched import cpu_curr, idle_task, task_cpu

from lastwords.model import Task
from lastwords.vmcore.machine.panic import crashing_cpu
from lastwords.vmcore.machine.part import once
from lastwords.vmcore.machine.strings import decoded
from lastwords.vmcore.machine.tasks import TaskReader, task_addresses

from .command import CommandError

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

# crash's names of states, and the letters of /proc/PID/stat that they stand for.
STATES = {
    "RU": "R",
    "IN": "S",
    "UN": "D",
    "ST": "T",
    "TR": "t",
    "DE": "X",
    "ZO": "Z",
    "PA": "P",
    "ID": "I",
}
NAMES = {letter: name for name, letter in STATES.items()}

_KINDS: dict[str, Callable[[Task], bool]] = {
    "kernel": lambda task: task.kernel_thread,
    "user": lambda task: not task.kernel_thread,
    "gleader": lambda task: task.pid == task.tgid,
    "active": lambda task: task.running,
}
_HEXADECIMAL = re.compile(r"(?:0x)?[0-9a-fA-F]{5,16}")
_POINTERS = 1 << 32


@once
def all_tasks(kernel: "Kernel") -> tuple[Task, ...]:
    """Every task, without its stack, idle ones first, then by PID."""
    reader = TaskReader(kernel)
    rows = ((address, reader.fields(address)) for address in task_addresses(kernel, []))
    found = (reader.task(address, fields, stack=False) for address, fields in rows if fields["pid"] is not None)
    return tuple(sorted(found, key=lambda task: task.pid))


def default_task(kernel: "Kernel") -> drgn.Object:
    """The task on the CPU that panicked; of a machine that was still alive, that on CPU 0."""
    number = crashing_cpu(kernel)
    return cpu_curr(kernel.prog, 0 if number is None else number).read_()


def task_object(kernel: "Kernel", word: str) -> drgn.Object:
    """The task of a PID or an address, as `struct task_struct *`.

    Raises:
        CommandError: there is none.
    """
    if word.isdecimal() and len(word) < 11:
        if word == "0":
            return idle_task(kernel.prog, crashing_cpu(kernel) or 0)
        task = find_task(kernel.prog, int(word))
        if not task:
            raise CommandError(f"no task with PID {word}")
        return task
    address = _address(word)
    if address is None:
        raise CommandError(f"{word}: neither a PID nor the address of a task")
    if not any(task.address == address for task in all_tasks(kernel)):
        raise CommandError(f"no task at {address:#x}")
    return drgn.Object(kernel.prog, "struct task_struct *", value=address)


def select(kernel: "Kernel", words: Sequence[str]) -> tuple[list[Task], list[str]]:
    r"""The tasks that words name, as `foreach` takes them, and the words behind: the first that names none.

    PIDs, addresses, command names (`'ba.*'` for a pattern, `\bash` where a name is also a command's) add to the
    tasks; kinds (kernel, user, gleader, active) and states (RU, IN, UN, …) choose among them.
    """
    tasks = all_tasks(kernel)
    named: list[Callable[[Task], bool]] = []
    kinds: list[Callable[[Task], bool]] = []
    states = ""
    names = {task.comm for task in tasks}
    rest = list(words)
    while rest:
        word = rest[0]
        if word in _KINDS:
            kinds.append(_KINDS[word])
        elif word in STATES:
            states += STATES[word]
        elif (test := _named(word, names)) is not None:
            named.append(test)
        else:
            break
        rest.pop(0)
    found = [
        task
        for task in tasks
        if (not named or any(test(task) for test in named))
        and all(kind(task) for kind in kinds)
        and (not states or task.state in states)
    ]
    return found, rest


def _named(word: str, names: set[str]) -> Callable[[Task], bool] | None:
    if word.isdecimal():
        return lambda task: task.pid == int(word)
    address = _address(word)
    if address is not None and address > _POINTERS:
        return lambda task: task.address == address
    if len(word) > 2 and word[0] == word[-1] == "'":
        return _matching(word[1:-1])
    if any(sign in word for sign in "*.[^$+"):
        return _matching(word)
    name = word.removeprefix("\\")
    return (lambda task: task.comm == name) if name in names else None


def _matching(pattern: str) -> Callable[[Task], bool]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise CommandError(f"{pattern}: {error}") from None
    return lambda task: compiled.search(task.comm) is not None


def _address(word: str) -> int | None:
    return int(word, 16) if _HEXADECIMAL.fullmatch(word) else None


def header(task: drgn.Object) -> str:
    """The line that crash begins with for a task."""
    comm = decoded(task.comm.string_())
    cpu = _cpu(task)
    return f'PID: {task.pid.value_():<8} TASK: {task.value_():x}  CPU: {cpu:<4} COMMAND: "{comm}"'


def _cpu(task: drgn.Object) -> object:
    try:
        return task_cpu(task)
    except (LookupError, AttributeError, drgn.FaultError):
        return "-"


def state_name(task: Task) -> str:
    """Its state as crash calls it, such as RU."""
    return NAMES.get(task.state, task.state)
