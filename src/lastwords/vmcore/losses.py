"""What is left, in a dump, of the things that an analysis needs: the log, page tables, stacks, modules.

All of it through VMCOREINFO, the registers in the notes and the page tables, so without symbols. A reader that has
symbols can tell more and adds its own parts (`verify.check(more=…)`).
"""

from collections.abc import Callable, Iterator
from itertools import islice

from lastwords.model.dump import DumpPart

from .formats import Excluded, KernelMemory, OpenDump, Range, Unmapped, Unreadable, cpu_registers
from .formats.virtual import Walk
from .printk import read_log

STACK_SIZE = 1 << 14
"""THREAD_SIZE of x86-64 and arm64 with pages of 4 KiB; KASAN doubles it."""

_MOST_TABLES = 1 << 13
_MOST_PAGES = 1 << 14
_KERNEL_HALF = Range(0xFF00_0000_0000_0000, 1 << 64)


def parts(opened: OpenDump) -> list[DumpPart]:
    """What is left of each."""
    kernel = opened.kernel
    if kernel is None:
        why = f"no page tables read for {opened.arch}" if opened.vmcoreinfo.text else "not known without VMCOREINFO"
        return [DumpPart(name=name, state="unknown", text=why) for name in _PARTS]
    return [part(opened, kernel) for part in _PARTS.values()]


def _log(opened: OpenDump, kernel: KernelMemory) -> DumpPart:
    log = read_log(kernel, opened.vmcoreinfo)
    count = len(log.records)
    if not count:
        state = "lost" if log.lost or log.reason else "unknown"
        return DumpPart(name="log", state=state, text=log.reason or "no records")
    if log.lost or log.reason:
        return DumpPart(name="log", state="partly", text=f"{count} records, {log.lost} more lost: {log.reason}")
    return DumpPart(name="log", state="whole", text=f"{count} records")


def _page_tables(opened: OpenDump, kernel: KernelMemory) -> DumpPart:
    name = "page tables"
    if kernel.tables is None:
        return DumpPart(name=name, state="unknown", text="VMCOREINFO does not say where they are")
    walk = kernel.mappings(_KERNEL_HALF.start, _KERNEL_HALF.end, _MOST_TABLES, pages=False)
    mapped = sum(1 for _ in walk)
    lost = len(walk.unreadable)
    more = " and more that were not looked at" if walk.stopped else ""
    if not lost:
        if not mapped:
            return DumpPart(name=name, state="lost", text="they map nothing: overwritten, or VMCOREINFO is false")
        return DumpPart(name=name, state="whole", text=f"{walk.tables} tables{more}")
    state = "lost" if not mapped else "partly"
    return DumpPart(name=name, state=state, text=f"{lost} of {walk.tables} tables lost{more}: {walk.unreadable[0]}")


def _stacks(opened: OpenDump, kernel: KernelMemory) -> DumpPart:
    name = "stacks"
    cpus = cpu_registers(opened.notes, kernel.arch, "little")
    inside = [cpu for cpu in cpus if kernel.is_kernel_address(cpu.stack_pointer)]
    if not cpus:
        return DumpPart(name=name, state="unknown", text="the dump holds no registers of any CPU")
    if not inside:
        return DumpPart(name=name, state="unknown", text=f"all {len(cpus)} CPUs were in user mode")
    lost = {cpu.cpu: why for cpu in inside if (why := _unreadable(kernel, cpu.stack_pointer))}
    if not lost:
        return DumpPart(name=name, state="whole", text=f"of {_cpus(len(inside))} that were in the kernel")
    first = next(iter(lost))
    state = "lost" if len(lost) == len(inside) else "partly"
    text = f"lost for {len(lost)} of {_cpus(len(inside))}; CPU {first}: {lost[first]}"
    return DumpPart(name=name, state=state, text=text)


def _cpus(count: int) -> str:
    return f"{count} CPU{'s' if count != 1 else ''}"


def _unreadable(kernel: KernelMemory, stack_pointer: int) -> str:
    """Why the used part of a stack can't be read, or the empty string.

    Exception stacks are smaller than a task's and have a guard page behind them: the first page that is not mapped
    ends the stack. That is no loss, unless it is the very first.
    """
    at, end = stack_pointer, (stack_pointer | STACK_SIZE - 1) + 1
    while at < end:
        size = min(end, (at | 0xFFF) + 1) - at
        try:
            kernel.read(at, size)
        except Unreadable as error:
            return str(error)
        except Unmapped as error:
            return str(error) if at == stack_pointer else ""
        at += size
    return ""


def _modules(opened: OpenDump, kernel: KernelMemory) -> DumpPart:
    name = "modules"
    where = kernel.modules()
    if where is None or kernel.tables is None:
        return DumpPart(name=name, state="unknown", text="VMCOREINFO does not say where they are")
    walk = kernel.mappings(where.start, where.end, _MOST_TABLES)
    size = kernel.memory.page_size
    read = lost = 0
    why = ""
    for at in islice(_pages(walk, size), _MOST_PAGES):
        read += 1
        try:
            kernel.memory.read(at, size)
        except Unreadable as error:
            lost += 1
            why = why or (error.reason if isinstance(error, Excluded) else str(error))
    if walk.unreadable:
        state = "partly" if read > lost else "lost"
        return DumpPart(name=name, state=state, text=f"page tables on the way to them: {walk.unreadable[0]}")
    if not read:
        return DumpPart(name=name, state="unknown", text="none are mapped")
    if lost:
        return DumpPart(name=name, state="partly" if lost < read else "lost", text=f"{lost} of {read} pages: {why}")
    return DumpPart(name=name, state="whole", text=f"{read} pages{' of more' if read >= _MOST_PAGES else ''}")


def _pages(walk: Walk, size: int) -> Iterator[int]:
    """Physical addresses of all pages that are mapped."""
    for mapping in walk:
        yield from range(mapping.physical, mapping.physical + mapping.end - mapping.start, size)


_PARTS: dict[str, Callable[[OpenDump, KernelMemory], DumpPart]] = {
    "log": _log,
    "page tables": _page_tables,
    "stacks": _stacks,
    "modules": _modules,
}
