"""Tasks: ps and foreach."""

import argparse
import re
import shlex
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import drgn
from drgn.helpers.linux.mm import totalram_pages

from lastwords.model import Task
from lastwords.vmcore.machine.fields import Fields
from lastwords.vmcore.shell import from_drgn
from lastwords.vmcore.shell.command import COMMANDS, CommandError, argument, command, out
from lastwords.vmcore.shell.tasks import STATES, all_tasks, select, state_name

from . import stacks

if TYPE_CHECKING:
    from lastwords.vmcore.shell.shell import Shell

_OURS = re.compile(r"-[kuGAS]+")
_CHOICES: dict[str, Callable[[Task], bool]] = {
    "k": lambda task: task.kernel_thread,
    "u": lambda task: not task.kernel_thread,
    "G": lambda task: task.pid == task.tgid,
    "A": lambda task: task.running,
}


@command("ps", "tasks", argument("[-k | -u] [-G] [-A] [-S] [PID | TASK | NAME | STATE]...", text=""), raw=True)
def ps(shell: "Shell", given: argparse.Namespace) -> None:
    """List tasks: -k kernel threads, -u others, -G no threads but the first of a group, -A those on a CPU.

    -S counts the states. A `>` stands before a task that is on its CPU. RSS and VSZ are in KiB. The further options
    (-a arguments and environment, -g groups, -l last run, -m how long ago, -p parents, -c children, -t times,
    -s stack, -r limits) are drgn's.
    """
    words = shlex.split(given.text)
    letters = "".join(word[1:] for word in words if _OURS.fullmatch(word))
    if any(word.startswith("-") and not _OURS.fullmatch(word) for word in words):
        from_drgn.run(shell, "ps", words)
        return
    tasks, rest = select(shell.kernel, [word for word in words if not word.startswith("-")])
    if rest:
        raise CommandError(f"ps: no task {rest[0]}")
    tasks = [task for task in tasks if all(_CHOICES[letter](task) for letter in letters if letter in _CHOICES)]
    if "S" in letters:
        counts = Counter(map(state_name, tasks))
        for name in (*STATES, *(counts.keys() - STATES.keys())):
            if counts[name]:
                out(f"  {name}: {counts[name]}")
    else:
        print_tasks(shell, tasks)


def print_tasks(shell: "Shell", tasks: Sequence[Task]) -> None:
    """The table of tasks."""
    sizes = Sizes(shell.prog)
    out("      PID    PPID  CPU       TASK        ST  %MEM      VSZ      RSS  COMM")
    for task in tasks:
        comm = f"[{task.comm}]" if task.kernel_thread else task.comm
        cpu = "-" if task.cpu is None else task.cpu
        start = f"{'>' if task.running else ' '} {task.pid:>7} {task.ppid or 0:>7} {cpu:>4}  {task.address or 0:016x}"
        memory = f"{sizes.share(task.rss):>5} {sizes.virtual(task):>8} {(task.rss or 0) >> 10:>8}"
        out(f"{start}  {state_name(task):2} {memory}  {comm}")


class Sizes:
    """How much memory tasks have."""

    def __init__(self, prog: drgn.Program) -> None:
        """Read how much there is."""
        try:
            self._page = int(prog["PAGE_SIZE"])
            self._total = int(totalram_pages(prog)) * self._page
            self._task = Fields(prog, "struct task_struct", {"mm": "mm"})
            self._mm: Fields | None = Fields(prog, "struct mm_struct", {"pages": "total_vm"})
        except Exception:  # no types, or not in the dump
            self._total, self._mm = 0, None

    def share(self, rss: int | None) -> str:
        """Of the machine's memory, in percent."""
        return f"{100 * (rss or 0) / self._total:.1f}" if self._total else "-"

    def virtual(self, task: Task) -> str:
        """KiB of addresses."""
        if task.kernel_thread or not task.address or self._mm is None:
            return "0"
        pages = self._mm.read(self._task.read(task.address)["mm"] or 0)["pages"]
        return "-" if pages is None else str(pages * self._page >> 10)


def _ps_of_each(shell: "Shell", tasks: Sequence[Task], words: Sequence[str]) -> None:
    if words:
        _by_drgn(shell, "ps", tasks, words)
    else:
        print_tasks(shell, tasks)


_EACH: dict[str, Callable[["Shell", Sequence[Task], Sequence[str]], None]] = {
    "bt": stacks.of_each,
    "ps": _ps_of_each,
}


@command(
    "foreach",
    "a command for many tasks",
    argument("[PID | TASK | NAME]... [kernel | user | gleader | active] [STATE] COMMAND [OPTION]...", text=""),
    raw=True,
)
def foreach(shell: "Shell", given: argparse.Namespace) -> None:
    """Run bt, ps, files, vm, task, set, sig, vtop for each task that is named, or of a kind, or in a state; or for all.

    States are RU, IN, UN, ST, ZO, TR, DE, ID; names may be patterns: `foreach 'kworker.*' UN bt`.
    """
    # Quotes stay: they mark a pattern.
    words = shlex.split(given.text, posix=False)
    tasks, rest = select(shell.kernel, words)
    if not rest:
        raise CommandError("foreach: no command is named")
    name = rest[0]
    if name in _EACH:
        _EACH[name](shell, tasks, rest[1:])
    elif name in COMMANDS and name not in shell.drgn_commands:
        raise CommandError(f"foreach: {name} is not for single tasks")
    elif not tasks:
        raise CommandError("foreach: no such task")
    else:
        _by_drgn(shell, name, tasks, rest[1:])


def _by_drgn(shell: "Shell", name: str, tasks: Sequence[Task], words: Sequence[str]) -> None:
    if len(tasks) == len(all_tasks(shell.kernel)):
        from_drgn.run(shell, "foreach", [name, *words])
    else:
        from_drgn.run(shell, "foreach", [*(f"{task.address:x}" for task in tasks), name, *words])
