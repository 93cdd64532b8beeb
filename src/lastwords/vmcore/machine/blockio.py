"""Block devices and the requests in flight: block/, include/linux/blk-mq.h."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import drgn
from drgn.helpers.linux.block import blk_rq_bytes, blk_rq_pos, disk_name, for_each_disk, req_op, request_queue_busy_iter
from drgn.helpers.linux.timekeeping import ktime_get_coarse_ns

from lastwords.model import BlockIo, Disk, Request

from .clock import find_timekeeper, per_cpu_offsets
from .lock_names import function_at
from .part import Partial, part
from .patience import little_patience
from .strings import decoded, one_line, text
from .walk import walk

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_MOST_DISKS = 10_000
_MOST_REQUESTS = 20_000
_SECTOR = 512
_NANOSECONDS = 10**9
_LONGEST_AGE = 10 * 365 * 86400

# include/linux/blk-mq.h: enum mq_rq_state
_STATES = {0: "queued", 1: "in-flight", 2: "complete"}


@part("io")
def block_io(kernel: "Kernel") -> Partial:
    """All disks, and their requests, the oldest first."""
    problems: list[str] = []
    now = _now(kernel, problems)
    disks: list[Disk] = []
    requests: list[Request] = []
    try:
        with little_patience():
            _read(kernel, now, disks, requests, problems)
    except TimeoutError as failure:
        problems.append(str(failure))
    if problems and not disks:
        raise LookupError(problems[-1])
    requests.sort(key=lambda request: -(request.age or 0))
    return Partial(BlockIo(disks=tuple(disks), requests=tuple(requests[:_MOST_REQUESTS])), problems)


def _read(kernel: "Kernel", now: int | None, disks: list[Disk], requests: list[Request], problems: list[str]) -> None:
    for disk in walk(for_each_disk(kernel.prog), _MOST_DISKS, problems, "disks"):
        try:
            name = decoded(disk_name(disk))
            own = list(_requests(kernel.prog, disk, name, now, problems))
            disks.append(_disk(kernel, disk, name, len(own)))
            requests += own
        except Exception as failure:  # drgn raises what fits: not in the dump, damaged
            problems.append(f"disk at {disk.value_():#x}: {one_line(failure)}")
        if len(requests) > _MOST_REQUESTS:
            problems.append(f"only the first {_MOST_REQUESTS} requests were read")
            break


def _now(kernel: "Kernel", problems: list[str]) -> int | None:
    """The monotonic clock in nanoseconds, as of the last tick."""
    try:
        find_timekeeper(kernel.prog)
        return int(ktime_get_coarse_ns(kernel.prog))
    except Exception as failure:  # as above
        problems.append(f"age of requests: {one_line(failure)}")
        return None


def _disk(kernel: "Kernel", disk: drgn.Object, name: str, requests: int) -> Disk:
    queue = disk.queue.read_()
    return Disk(
        name=name,
        size=_size(disk),
        in_flight=requests if queue.mq_ops.value_() else _counted(kernel, disk),
        driver=_driver(kernel, disk, queue),
        scheduler=_scheduler(kernel.prog, queue),
    )


def _size(disk: drgn.Object) -> int | None:
    part = disk.part0
    for member in ("bd_nr_sectors", "nr_sects"):
        try:
            return int(part.member_(member)) * _SECTOR
        except (LookupError, AttributeError):
            continue
    try:
        return int(part.bd_inode.i_size)  # Linux 5.11 to 5.15
    except (LookupError, AttributeError):
        return None


def _counted(kernel: "Kernel", disk: drgn.Object) -> int | None:
    """Of a disk without a queue of requests (device mapper, RAID): what its CPUs have counted."""
    part = disk.part0
    for member in ("bd_stats", "dkstats"):  # Linux 5.11 moved them
        try:
            stats = part.member_(member)
            break
        except (LookupError, AttributeError):
            continue
    else:
        return None
    shifts = per_cpu_offsets(kernel).values()
    counters = stats.value_()
    in_flight = drgn.offsetof(stats.type_.type, "in_flight")
    mask = (1 << kernel.prog.address_size() * 8) - 1
    total = 0
    for shift in shifts:
        for place in range(2):
            total += kernel.prog.read_u64(counters + shift + in_flight + 8 * place & mask)
    total &= mask
    return total if total < 1 << 31 else 0


def _driver(kernel: "Kernel", disk: drgn.Object, queue: drgn.Object) -> str | None:
    """The module whose operations the disk has, or the prefix of a function of a built-in driver."""
    operations = disk.fops.value_()
    module = disk.fops.owner.read_() if operations else None
    if module:
        return decoded(module.name.string_())
    queue_rq = queue.mq_ops.queue_rq.value_() if queue.mq_ops.value_() else 0
    return function_at(kernel.prog, queue_rq)[0] if queue_rq else None


def _scheduler(prog: drgn.Program, queue: drgn.Object) -> str | None:
    elevator = queue.elevator.read_()
    if not elevator:
        return None
    try:
        name = elevator.type.elevator_name
    except (LookupError, AttributeError):
        return None
    return (
        text(prog, name.value_()) if name.type_.unaliased_kind() == drgn.TypeKind.POINTER else decoded(name.string_())
    )


def _requests(
    prog: drgn.Program, disk: drgn.Object, name: str, now: int | None, problems: list[str]
) -> Iterator[Request]:
    busy = request_queue_busy_iter(disk.queue)
    for request in walk(busy, _MOST_REQUESTS, problems, f"requests of {name}"):
        try:
            yield _request(prog, request, name, now)
        except Exception as failure:  # as above
            problems.append(f"request at {request.value_():#x}: {one_line(failure)}")


def _request(prog: drgn.Program, request: drgn.Object, device: str, now: int | None) -> Request:
    started = request.start_time_ns.value_()
    tag = request.tag.value_()
    queue = request.mq_hctx.read_()
    state = _STATES.get(int(request.state), "")
    return Request(
        device=device,
        operation=_operation(request),
        sector=int(blk_rq_pos(request)),
        bytes=int(blk_rq_bytes(request)),
        age=_age(now, started),
        tag=tag if tag >= 0 else None,
        queue=int(queue.queue_num) if queue else None,
        state=state,
        timed_out=_timed_out(prog, request) if state == "in-flight" else False,
        address=request.value_(),
    )


def _operation(request: drgn.Object) -> str:
    """`read`, `write`, `flush`, … from REQ_OP_READ."""
    operation = req_op(request)
    value = int(operation)
    names: dict[int, str] = {each.value: each.name for each in operation.type_.enumerators or ()}
    return names.get(value, f"operation {value}").removeprefix("REQ_OP_").lower().replace("_", "-")


def _age(now: int | None, started: int) -> float | None:
    """Seconds; the kernel only notes the start where statistics or a scheduler want it."""
    if now is None or not started:
        return None
    # The clock is that of the last tick, so a young request may seem to come from the future.
    age = max(now - started, 0) / _NANOSECONDS
    return round(age, 3) if age < _LONGEST_AGE else None


def _timed_out(prog: drgn.Program, request: drgn.Object) -> bool:
    deadline = request.deadline.value_()
    jiffies = int(prog["jiffies"])
    return bool(deadline and 0 < jiffies - deadline < 1 << 62)
