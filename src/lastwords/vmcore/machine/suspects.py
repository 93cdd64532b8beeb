"""Which module might hold the memory that nothing explains.

Pages are not labelled with who took them (CONFIG_PAGE_OWNER aside), but what a driver keeps in its memory mostly holds
pointers to the driver itself: to its functions, its tables of operations, its variables. So a sample of the pages in
question is searched for addresses within modules. That is a hint, not a proof.
"""

import random
import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import drgn
from drgn.helpers.linux.mm import PageSlab, compound_head, pfn_to_page, pfn_to_virt

from lastwords.model import Suspect

from .fields import Fields
from .lock_names import function_at, slab_type
from .memory_users import vmalloc_areas
from .pages import find_pages
from .strings import text

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_TRIED = 6000
_SAMPLED = 400
_MOST_VMALLOC = 1 << 20
_ENOUGH = 64 << 20
_SHARE = 5
"""Look for suspects where what is in question is more than so many percent of the memory, or more than `_ENOUGH`."""
_FEWEST = 10
"""Percent of a sample; fewer may well be chance, or what the module has a right to."""
_SHOWN = 5


def suspects(kernel: "Kernel", found: Mapping[str, Any]) -> tuple[Suspect, ...]:
    """Modules that the pages in question point to, the most frequent first.

    Args:
        kernel: the opened dump.
        found: what is known of memory: `total`, `unaccounted`, `slab_unreclaimable`, `slabs`.
    """
    total = found.get("total") or 0
    ranges = _module_ranges(kernel)
    wanted = []
    if _large(found.get("unaccounted"), total):
        wanted.append("pages")
    largest = next((cache for cache in found.get("slabs", ()) if not cache.reclaimable), None)
    if largest is not None and _large(largest.bytes, total):
        wanted.append(largest.name)
    if not wanted or not ranges:
        return ()
    sample = _sample(kernel, set(wanted))
    return tuple(each for where in wanted for each in _pointed_to(kernel, sample.get(where, ()), ranges, where))


def _large(amount: int | None, total: int) -> bool:
    return bool(amount and total and (amount > _ENOUGH or amount * 100 > total * _SHARE))


def _module_ranges(kernel: "Kernel") -> list[tuple[int, int, str]]:
    """Where modules lie in memory."""
    found = []
    for module in kernel.prog.modules():
        if isinstance(module, drgn.RelocatableModule):
            found += [(start, end, module.name) for start, end in module.address_ranges or ()]
    return sorted(found)


def _sample(kernel: "Kernel", wanted: set[str]) -> dict[str, list[bytes]]:
    """Contents of pages drawn at random, by where they belong."""
    prog = kernel.prog
    find_pages(prog)
    pages = _Pages(kernel)
    size = int(prog["PAGE_SIZE"])
    # The same dump gives the same answer.
    draw = random.Random(0)
    found: dict[str, list[bytes]] = {name: [] for name in wanted}
    highest = int(prog["max_pfn"])
    for _ in range(_TRIED):
        number = draw.randrange(1, max(highest, 2))
        try:
            kind = pages.kind(number, with_slabs=len(wanted) > 1 or "pages" not in wanted)
            if kind in wanted and len(found[kind]) < _SAMPLED:
                found[kind].append(prog.read(pfn_to_virt(prog, number).value_(), size))
        except Exception:  # a hole in memory, or a page that is not in the dump
            continue
    return found


class _Pages:
    """Tells what a page is used for."""

    def __init__(self, kernel: "Kernel") -> None:
        self._prog = kernel.prog
        self._page = Fields(
            kernel.prog,
            "struct page",
            {
                "flags": "flags | flags.f",  # Linux 6.18 wrapped them
                "head": "compound_info | compound_head",  # Linux 7.1 renamed it
                "references": "_refcount",
                "mapcount": "_mapcount",
                "mapping": "mapping",
            },
        )
        self._size = drgn.sizeof(kernel.prog.type("struct page"))
        self._first = pfn_to_page(kernel.prog, 0).value_()
        self._slab = slab_type(kernel.prog)
        names = {each.name: each.value for each in kernel.prog.type("enum pageflags").enumerators or ()}
        marks = ("PG_lru", "PG_reserved", "PG_swapbacked", "PG_mlocked")
        self._counted = sum(1 << names[name] for name in marks if name in names)
        self._slab_flag = 1 << names["PG_slab"] if "PG_slab" in names else 0
        self._vmalloc = _vmalloc_pages(kernel)

    def kind(self, number: int, *, with_slabs: bool) -> str | None:
        """`pages` for those in no counter, the name of a cache for slabs, else None."""
        address = self._first + number * self._size
        values = self._page.read(address)
        if (values["head"] or 0) & 1:
            # From Linux 7.1 on it may be a mask in place of a pointer, which drgn knows.
            address = compound_head(drgn.Object(self._prog, "struct page *", value=address)).value_()
            values = self._page.read(address)
        if None in values.values():
            return None
        typed = values["mapcount"] != -1
        # Slabs first: in newer kernels (7.3; not in 6.12) nobody counts the references to them.
        if values["flags"] & self._slab_flag or (typed and with_slabs):
            return self._cache(address) if with_slabs else None
        if values["references"] <= 0:
            return None
        # A page with a mapcount is one of a process, or has a type of its own: page tables, balloons.
        if typed or values["mapping"] or values["flags"] & self._counted or address in self._vmalloc:
            return None
        return "pages"

    def _cache(self, address: int) -> str | None:
        page = drgn.Object(self._prog, "struct page *", value=address)
        if not PageSlab(page):
            return None
        return text(self._prog, drgn.cast(self._slab, page).slab_cache.name.value_())


def _vmalloc_pages(kernel: "Kernel") -> set[int]:
    """Addresses of the struct pages that vmalloc() counts, modules' own among them."""
    found: set[int] = set()
    for area in vmalloc_areas(kernel)[0]:
        if len(found) + area["count"] > _MOST_VMALLOC:
            break
        try:
            data = kernel.prog.read(area["pages"], area["count"] * 8)
        except Exception:  # drgn raises what fits: not in the dump
            continue
        found.update(struct.unpack(f"<{area['count']}Q", data))
    return found


def _pointed_to(
    kernel: "Kernel", pages: Iterable[bytes], ranges: list[tuple[int, int, str]], where: str
) -> Iterator[Suspect]:
    modules: Counter[str] = Counter()
    functions: dict[str, Counter[int]] = {}
    sampled = 0
    for data in pages:
        sampled += 1
        here = set()
        for word in _words(data, ranges[0][0], ranges[-1][1]):
            for start, end, name in ranges:
                if start <= word < end:
                    here.add(name)
                    functions.setdefault(name, Counter())[word] += 1
                    break
        modules.update(here)
    for name, pages_with in modules.most_common(_SHOWN):
        if pages_with * 100 < sampled * _FEWEST or pages_with < 2:
            break
        address = functions[name].most_common(1)[0][0]
        function = function_at(kernel.prog, address)[0]
        yield Suspect(
            module=name,
            pages=pages_with,
            sampled=sampled,
            where=where,
            function=None if function.startswith("0x") else function,
        )


def _words(data: bytes, low: int, high: int) -> Iterator[int]:
    return (
        word for word in set(struct.unpack(f"<{len(data) // 8}Q", data[: len(data) // 8 * 8])) if low <= word < high
    )
