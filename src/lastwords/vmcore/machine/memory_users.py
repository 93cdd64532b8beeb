"""Who holds memory by name: processes, callers of vmalloc(), file systems in memory, and whom the OOM killer marked."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import drgn
from drgn.helpers.linux.fs import for_each_mount
from drgn.helpers.linux.mm import for_each_vmap_area
from drgn.helpers.linux.pid import find_task

from lastwords.model import ProcessMemory, Tmpfs, VmallocUser

from .fields import Fields
from .lock_names import function_at
from .part import once
from .paths import paths
from .percpu_counter import PercpuCounters
from .rss import Rss
from .strings import one_line, text
from .threads import threads
from .walk import walk

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_MOST_AREAS = 200_000
_MOST_MOUNTS = 20_000
_SHOWN = 50
_MOST_PAGES = 1 << 34


def processes(kernel: "Kernel") -> tuple[ProcessMemory, ...]:
    """Those with the largest resident set."""
    rss = Rss(kernel)
    signal = Fields(kernel.prog, "struct signal_struct", {"adj": "oom_score_adj"})
    seen: set[int] = set()
    found = []
    leaders_first = sorted(threads(kernel).by_address.values(), key=lambda thread: thread.pid != thread.tgid)
    for thread in leaders_first:
        if not thread.mm or thread.mm in seen:
            continue
        seen.add(thread.mm)
        sizes = rss.sizes(thread.mm)
        if sizes is None:
            continue
        found.append(
            ProcessMemory(
                pid=thread.tgid,
                comm=thread.comm,
                resident=sizes["file"] + sizes["anonymous"] + sizes["shared"],
                anonymous=sizes["anonymous"],
                file=sizes["file"],
                shared=sizes["shared"],
                swapped=sizes["swapped"],
                oom_score_adj=signal.read(thread.signal)["adj"] if thread.signal else None,
            )
        )
    return tuple(sorted(found, key=lambda each: (-each.resident, each.pid))[:_SHOWN])


def oom_victims(kernel: "Kernel") -> tuple[int, ...]:
    """Processes that the OOM killer chose and that are not gone: mm/oom_kill.c: mark_oom_victim()."""
    signal = Fields(kernel.prog, "struct signal_struct", {"oom_mm": "oom_mm"})
    all_threads = threads(kernel).by_address.values()
    signals = {thread.signal for thread in all_threads if thread.signal}
    marked = {address for address in signals if signal.read(address)["oom_mm"]}
    return tuple(sorted({thread.tgid for thread in all_threads if thread.signal in marked}))


def vmalloc_users(kernel: "Kernel", problems: list[str]) -> tuple[VmallocUser, ...]:
    """The callers, by the address that vmalloc() keeps of them."""
    sums: dict[int, list[int]] = {}
    page = int(kernel.prog["PAGE_SIZE"])
    found, broken = vmalloc_areas(kernel)
    problems += broken
    for area in found:
        entry = sums.setdefault(area["caller"] or 0, [0, 0])
        entry[0] += 1
        entry[1] += area["count"] * page
    return _by_function(kernel.prog, sums)


@once
def vmalloc_areas(kernel: "Kernel") -> tuple[list[dict[str, int]], list[str]]:
    """`caller`, `count` and `pages` of all areas with pages of their own: mm/vmalloc.c: struct vm_struct.

    Also returns why there might be more. Areas without pages map others' or a device's memory.
    """
    prog = kernel.prog
    fields = Fields(prog, "struct vm_struct", {"caller": "caller", "count": "nr_pages", "pages": "pages"})
    problems: list[str] = []
    found = []
    for each in walk(for_each_vmap_area(prog), _MOST_AREAS, problems, "vmalloc areas"):
        try:
            address = each.vm.value_()
        except Exception:  # not in the dump
            continue
        area = fields.read(address) if address else {}
        if area.get("count") and area["pages"] and area["count"] < _MOST_PAGES:
            found.append(area)
    return found, problems


def _by_function(prog: drgn.Program, sums: dict[int, list[int]]) -> tuple[VmallocUser, ...]:
    named: dict[tuple[str, str | None], list[int]] = {}
    for caller, (areas, size) in sums.items():
        entry = named.setdefault(function_at(prog, caller), [0, 0])
        entry[0] += areas
        entry[1] += size
    users = (
        VmallocUser(function=function, module=module, areas=areas, bytes=size)
        for (function, module), (areas, size) in named.items()
    )
    return tuple(sorted(users, key=lambda user: (-user.bytes, user.function))[:_SHOWN])


def tmpfs_mounts(kernel: "Kernel", problems: list[str]) -> tuple[Tmpfs, ...]:
    """Mounted file systems in memory (mm/shmem.c), each once, in the first process's namespace."""
    prog = kernel.prog
    found: dict[int, Tmpfs] = {}
    for mount in walk(_mounts(prog), _MOST_MOUNTS, problems, "mounts"):
        try:
            sb = mount.mnt.mnt_sb.read_()
            if sb.value_() in found or text(prog, sb.s_type.name.value_()) not in ("tmpfs", "devtmpfs"):
                continue
            used = _tmpfs(kernel, mount, sb)
        except Exception as failure:  # drgn raises what fits: not in the dump
            problems.append(f"mount at {mount.value_():#x}: {one_line(failure)}")
            continue
        if used is not None:
            found[sb.value_()] = used
    return tuple(sorted(found.values(), key=lambda each: (-each.used, each.target)))


def _tmpfs(kernel: "Kernel", mount: drgn.Object, sb: drgn.Object) -> Tmpfs | None:
    page = int(kernel.prog["PAGE_SIZE"])
    info = drgn.cast("struct shmem_sb_info *", sb.s_fs_info)
    limit = info.max_blocks.value_()
    if not limit:
        return None  # the kernel does not count what is not limited
    used = max(PercpuCounters(kernel).sum(info.used_blocks.address_of_().value_()), 0)
    target = paths(kernel).path(mount.mnt.address_of_().value_(), mount.mnt.mnt_root.value_())
    return Tmpfs(target=target, used=used * page, size=limit * page)


def _mounts(prog: drgn.Program) -> Iterator[drgn.Object]:
    first = find_task(prog, 1)
    proxy = first.nsproxy if first else prog["init_task"].nsproxy
    return for_each_mount(proxy.mnt_ns if proxy else prog["init_task"].nsproxy.mnt_ns)
