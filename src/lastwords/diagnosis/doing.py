"""What the machine was doing when it crashed."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from lastwords.glossary.units import duration, size
from lastwords.model import Answer, Fact, Machine, SystemCall, Task

from .crash import Crash
from .listed import listed, since, told
from .recorded import load_before
from .story import named, several, where
from .waits import waits_for

_SYSCALL = re.compile(
    r"__(?:x64|ia32|arm64|s390x?|riscv|se|do)_(?:compat_)?sys_(\w{1,40})$|(?:ksys|do_sys)_(\w{1,40})$"
)
_PLUMBING = frozenset(
    {
        "__schedule",
        "schedule",
        "schedule_timeout",
        "schedule_preempt_disabled",
        "preempt_schedule_common",
        "io_schedule",
        "io_schedule_timeout",
    }
)
_MANY = 6
_LISTED = 8
"""Places at which listed tasks are blocked that are told."""


def doing(crash: Crash) -> tuple[Answer, ...]:
    """Answers by topic: the crash's own task, CPUs, load, memory, I/O, locks."""
    answers = [*_crashing(crash), *_listed(crash)]
    if crash.machine is not None:
        for part in (_cpus, _load, _memory, _requests, _waiting):
            answers += part(crash.machine)
    answers += load_before(crash)
    return tuple(answers)


def _crashing(crash: Crash) -> Iterator[Answer]:
    oops = crash.oops
    if oops is not None:
        place = where(oops).strip()
        if place:
            yield Answer(text=f"It happened {place}.", topic="crash", evidence=(crash.here(),))
    if (call := _system_call(crash)) is not None:
        yield Answer(text=f"The task was in the system call {call}.", topic="crash")
    if crash.machine is not None and crash.machine.files:
        paths = [file.path for file in crash.machine.files if not file.path.startswith(("/dev/null", "/dev/console"))]
        if paths:
            yield Answer(text=f"It had open: {several(list(dict.fromkeys(paths)), _MANY)}.", topic="crash")


def _listed(crash: Crash) -> Iterator[Answer]:
    """The tasks that the kernel listed as blocked, and what each waits for; of those at one place, the first."""
    if crash.machine is not None and crash.machine.tasks:
        return
    tasks = [task for task in listed(crash) if task.state == "D"]
    names = {task.pid: told(task) for task in listed(crash)}
    for task in tasks[:_LISTED]:
        what = waits_for(task.frames)
        where = f" in {named(task.function, task.module)}" if task.function else ""
        holder = f", which {names.get(task.blocked_by, f'PID {task.blocked_by}')} holds" if task.blocked_by else ""
        waits = f"wait{'' if task.alike else 's'} for {what}" if what else f"{'are' if task.alike else 'is'} blocked"
        yield Answer(
            text=f"{told(task)} {waits}{where}{holder}{since(task)} (line {task.line}).",
            topic=f"task {task.pid}",
        )
    if len(tasks) > _LISTED:
        rest = sum(1 + len(task.alike) for task in tasks[_LISTED:])
        yield Answer(text=f"{rest:,} more tasks were blocked at other places.", topic="blocked tasks")


def _system_call(crash: Crash) -> str | None:
    """The one that the dump shows, with its arguments; else the one whose function is on the stack."""
    made = crash.machine.system_call if crash.machine else None
    if made is not None:
        return _call(made, crash.machine) if made.name else None
    found = (match for function, _module in crash.functions() if (match := _SYSCALL.match(function)))
    return next((f"{match[1] or match[2]}()" for match in found), None)


# How many arguments the calls take that tasks crash in most often, and which of them is a file (man section 2).
_TAKES = {
    "read": (3, 0), "write": (3, 0), "pread64": (4, 0), "pwrite64": (4, 0), "readv": (3, 0), "writev": (3, 0),
    "ioctl": (3, 0), "fsync": (1, 0), "fdatasync": (1, 0), "close": (1, 0), "openat": (4, None), "open": (3, None),
    "mmap": (6, 4), "munmap": (2, None), "sendto": (6, 0), "recvfrom": (6, 0), "sendmsg": (3, 0), "recvmsg": (3, 0),
    "connect": (3, 0), "accept4": (4, 0), "setsockopt": (5, 0), "getdents64": (3, 0), "fstat": (2, 0), "lseek": (3, 0),
    "sendfile": (4, 0), "finit_module": (3, 0), "init_module": (3, None), "delete_module": (2, None),
    "execve": (3, None), "exit_group": (1, None), "mount": (5, None), "umount2": (2, None), "bpf": (3, None),
    "epoll_wait": (4, 0), "poll": (3, None), "futex": (6, None), "kill": (2, None), "clone": (5, None),
    "wait4": (4, None),
}  # fmt: skip


def _call(call: SystemCall, machine: Machine | None) -> str:
    """A system call as strace writes it, with the path of its file."""
    count, file = _TAKES.get(call.name, (6, None))
    words = [hex(value) if value > 9 else str(value) for value in call.arguments[:count]]
    if file is not None and file < len(call.arguments):
        fd = call.arguments[file] & 0xFFFFFFFF
        path = (
            next((open_file.path for open_file in (machine.files or ()) if open_file.fd == fd), "") if machine else ""
        )
        words[file] = f"{fd}<{path}>" if path else str(fd)
    return f"{call.name}({', '.join(words)})"


def _cpus(machine: Machine) -> Iterator[Answer]:
    cpus = [cpu for cpu in machine.cpus or () if cpu.comm or cpu.context or cpu.crashing]
    idle = [cpu for cpu in cpus if cpu.context == "idle" and not cpu.crashing]
    for cpu in [cpu for cpu in cpus if cpu not in idle][:_MANY]:
        whose = f"{cpu.comm} ({cpu.pid})" if cpu.comm else "nobody known"
        if cpu.pid is not None and cpu.pid == machine.read_by:
            whose = "lastwords, which read this"
        state = f" in {_CONTEXTS.get(cpu.context, cpu.context)}" if cpu.context and cpu.context != "task" else ""
        mark = ", and crashed" if cpu.crashing else ""
        yield Answer(text=f"CPU {cpu.number} ran {whose}{state}{mark}.", topic="CPUs")
    more = len(cpus) - len(idle) - _MANY
    if more > 0:
        yield Answer(text=f"{more} more CPUs were busy.", topic="CPUs")
    if idle:
        yield Answer(text=f"{len(idle)} CPU{'s were' if len(idle) > 1 else ' was'} idle.", topic="CPUs")


_CONTEXTS = {"hardirq": "a hardware interrupt", "softirq": "a softirq", "nmi": "an NMI", "user": "user space"}


def _load(machine: Machine) -> Iterator[Answer]:
    if machine.load and any(machine.load):
        cpus = len(machine.cpus or ()) or 1
        one = machine.load[0]
        busy = " — more than its CPUs can do" if one > 2 * cpus else ""
        averages = ", ".join(f"{value:.2f}" for value in machine.load)
        yield Answer(text=f"Load averages {averages} on {cpus} CPUs{busy}.", topic="load")


def _memory(machine: Machine) -> Iterator[Answer]:
    memory = machine.memory
    if memory is None or not memory.total or memory.free is None:
        return
    left = memory.available if memory.available is not None else memory.free
    state = "plenty" if left > memory.total * 0.15 else "little" if left > memory.total * 0.05 else "next to nothing"
    yield Answer(text=f"Memory: {state} left: {size(left)} of {size(memory.total)} could still be had.", topic="memory")


def _requests(machine: Machine) -> Iterator[Answer]:
    requests = machine.io.requests if machine.io else ()
    if not requests:
        return
    devices = Counter(request.device for request in requests)
    oldest = max((request.age for request in requests if request.age is not None), default=None)
    age = f", the oldest for {duration(oldest)}" if oldest is not None else ""
    where = several([f"{count} on {device}" for device, count in devices.most_common()])
    yield Answer(text=f"I/O in flight: {where}{age}.", topic="I/O")


def _waiting(machine: Machine) -> Iterator[Answer]:
    if machine.locks is not None:
        for lock in machine.locks.held[:_MANY]:
            name = lock.name or f"at {lock.address:#x}"
            unknown = "held by a task that has ended" if lock.owner_ended else "its holder is not known"
            owner = f"held by {lock.owner_comm} ({lock.owner})" if lock.owner is not None else unknown
            place = f" in {named(lock.owner_function, None)}" if lock.owner_function else ""
            who = several([f"{waiter.comm} ({waiter.pid})" for waiter in lock.waiters])
            fact = Fact(text=f"{lock.kind} {name}", address=lock.address)
            yield Answer(
                text=f"{lock.kind} {name}: {owner}{place}; {who} waited for it.", topic="locks", evidence=(fact,)
            )
    groups = _groups(task for task in machine.tasks or () if task.state == "D")
    for place, tasks in groups.most_common(_MANY):
        yield Answer(
            text=f"{tasks} task{'s' if tasks > 1 else ''} waited uninterruptibly in {place}().", topic="waiting"
        )


def _groups(tasks: Iterable[Task]) -> Counter[str]:
    """How many tasks wait in which function: the innermost that is not the scheduler's."""
    places: Counter[str] = Counter()
    for task in tasks:
        frames = [f.function for f in task.stack if not f.inline and f.function not in _PLUMBING]
        if frames:
            places[frames[0]] += 1
    return places
