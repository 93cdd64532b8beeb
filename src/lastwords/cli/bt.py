"""`lastwords bt`: stacks in a dump."""

import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from lastwords.model import Cpu, Task, stack_groups
from lastwords.vmcore.session import Reading

from .complaint import complain
from .dump_view import dump_options, files_among, missing, read, require, show, show_json, unknown


@click.command(
    epilog="Examples:\n\n\b\n"
    "  lastwords bt vmcore                    the task that crashed, with registers and variables\n"
    "  lastwords bt vmcore -a                 all CPUs\n"
    "  lastwords bt vmcore -c 3 -c 7          these CPUs\n"
    "  lastwords bt vmcore 4711 kswapd0       tasks by PID or name\n"
    "  lastwords bt vmcore --state D          tasks in uninterruptible sleep, equal stacks together\n"
    "  lastwords bt vmcore --all-tasks        all tasks, equal stacks together\n\n"
    "Exit status: 0 something to show, 1 no such task or CPU, 2 the dump can't be read, or none of the stacks."
)
@click.argument("dump", metavar="DUMP [VMLINUX]")
@click.argument("tasks", nargs=-1, metavar="[PID|COMM]...")
@click.option("-a", "--all-cpus", is_flag=True, help="The stacks of all CPUs.")
@click.option("-c", "--cpu", "numbers", type=int, multiple=True, metavar="N", help="The stack of CPU N.")
@click.option("--all-tasks", is_flag=True, help="The stacks of all tasks, equal ones together.")
@click.option("--state", metavar="LETTERS", help="Tasks in these states: R, S, D, T, t, X, Z, P, I.")
@click.option("--each", is_flag=True, help="With --state or --all-tasks: every task by itself.")
@click.option("-v", "--verbose", is_flag=True, help="Registers and variables of all frames that have some.")
@dump_options
def command(
    dump: str,
    tasks: tuple[str, ...],
    all_cpus: bool,
    numbers: tuple[int, ...],
    all_tasks: bool,
    state: str | None,
    each: bool,
    verbose: bool,
    as_json: bool,
    **options: Any,  # noqa: ANN401
) -> None:
    """Print stacks: of the task that crashed, of CPUs, or of tasks."""
    paths, tasks = files_among(dump, tasks)
    if sum(map(bool, (tasks, all_cpus or numbers, all_tasks or state))) > 1:
        raise click.UsageError("choose between CPUs, tasks by name, and tasks by state")
    if tasks or all_tasks or state:
        reading = read(paths, options, ("tasks",))
        found = _chosen(require(reading, "tasks"), tasks, state)
        if as_json:
            show_json(reading, **({"tasks": found} if tasks or each else {"stacks": stack_groups(found)}))
        elif found:
            from lastwords.report.backtraces import groups_of_tasks, tasks_one_by_one

            show(tasks_one_by_one(found) if tasks or each else groups_of_tasks(found))
        _end(reading, found, f"no task in state {state}" if state else "no such task")
    reading = read(paths, options, ("cpus", "panic"))
    cpus = _chosen_cpus(reading, all_cpus, numbers)
    if as_json:
        show_json(reading, cpus=cpus, panic=reading.machine.panic)
    elif cpus:
        from lastwords.report.backtraces import cpus_one_by_one

        show(cpus_one_by_one(reading.machine, cpus, reading.symbols, verbose=verbose))
    doubt = missing(reading, "panic")
    if doubt is not None and not (all_cpus or numbers or any(cpu.crashing for cpu in cpus)):
        unknown(reading, f"not known: {doubt}")
    _end(reading, cpus, "no such CPU")


def _chosen_cpus(reading: Reading, all_cpus: bool, numbers: Sequence[int]) -> tuple[Cpu, ...]:
    cpus: tuple[Cpu, ...] = require(reading, "cpus")
    if all_cpus:
        return cpus
    if numbers:
        return tuple(cpu for cpu in cpus if cpu.number in numbers)
    crashing = tuple(cpu for cpu in cpus if cpu.crashing)
    if not crashing and missing(reading, "panic") is not None:
        click.echo("lastwords: which CPU crashed is not known: all of them", err=True)
    elif not crashing:
        click.echo("lastwords: no CPU had crashed in this dump: all of them", err=True)
    return crashing or cpus


def _chosen(tasks: tuple[Task, ...], named: Sequence[str], state: str | None) -> tuple[Task, ...]:
    if named:
        pids = {int(name) for name in named if name.isdecimal()}
        return tuple(task for task in tasks if task.pid in pids or task.comm in named)
    return tuple(task for task in tasks if state is None or task.state in state)


def _end(reading: Reading, found: Sequence[Cpu | Task], nothing: str) -> NoReturn:
    """The end, with the status that fits what was shown."""
    if not found:
        complain(nothing)
        sys.exit(1)
    # Where a CPU stood is in its registers, also where its stack is lost: the first frame alone is no stack.
    lost = [each.stack_error for each in found if each.stack_error and len(each.stack) < 2]
    if len(lost) == len(found):
        unknown(reading, f"no stack can be read: {lost[0]}")
    sys.exit(0)
