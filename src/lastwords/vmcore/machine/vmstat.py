"""Counters of memory: mm/vmstat.c.

Each CPU adds its changes to the counters in batches. The kernel's own totals, as in /proc/meminfo, leave out what the
CPUs have not yet added; `exact` has it in.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import drgn
from drgn.helpers.linux.mmzone import for_each_online_pgdat

from .clock import per_cpu_offsets
from .part import once

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

MOST_NODES = 1024
_MOST_ITEMS = 512
_MASK = (1 << 64) - 1


@dataclass(frozen=True)
class ZoneCounters:
    """One zone that has memory: the struct, its counters and the CPUs' lists; in pages."""

    zone: drgn.Object
    node: int
    exact: Mapping[str, int]
    cpu_lists: int


@dataclass(frozen=True)
class Counters:
    """In pages, by the enumerators' names (include/linux/mmzone.h).

    Attributes:
        total: as the kernel reads them itself, of zones and nodes.
        exact: with what CPUs have not yet added.
        nodes: the nodes' own counters by number, exact.
        zones: those with memory.
    """

    total: Mapping[str, int]
    exact: Mapping[str, int]
    nodes: Mapping[int, Mapping[str, int]]
    zones: tuple[ZoneCounters, ...]

    def pages(self, *names: str) -> int | None:
        """The first of these counters that the kernel has, as it reads it itself."""
        return next((max(self.total[name], 0) for name in names if name in self.total), None)

    def sum(self, *names: str) -> int:
        """Exactly, all of these counters that the kernel has."""
        return sum(max(self.exact.get(name, 0), 0) for name in names)


@once
def counters(kernel: "Kernel") -> Counters:
    """All counters of all zones and nodes."""
    prog = kernel.prog
    zone_items, node_items = _items(prog, "enum zone_stat_item"), _items(prog, "enum node_stat_item")
    total = _values(prog, prog.symbol("vm_zone_stat").address, zone_items)
    total |= _values(prog, prog.symbol("vm_node_stat").address, node_items)
    exact: dict[str, int] = {}
    nodes: dict[int, Mapping[str, int]] = {}
    zones: list[ZoneCounters] = []
    for place, pgdat in enumerate(for_each_online_pgdat(prog)):
        if place >= MOST_NODES:
            break
        number = pgdat.node_id.value_()
        own = _exact(kernel, pgdat.vm_stat.address_, node_items, pgdat.per_cpu_nodestats.value_(), _NODE_DIFFERENCES)
        nodes[number] = own
        _add(exact, own)
        for zone in pgdat.node_zones[: pgdat.nr_zones]:
            if zone.present_pages.value_():
                zones.append(_zone(kernel, zone, number, zone_items))
                _add(exact, zones[-1].exact)
    return Counters(total, exact, nodes, tuple(zones))


_NODE_DIFFERENCES = ("struct per_cpu_nodestat", "vm_node_stat_diff")
_ZONE_DIFFERENCES = ("struct per_cpu_zonestat", "vm_stat_diff")


def _zone(kernel: "Kernel", zone: drgn.Object, node: int, items: Mapping[str, int]) -> ZoneCounters:
    try:
        differences, lists = zone.per_cpu_zonestats.value_(), zone.per_cpu_pageset.value_()  # Linux 5.14
        where, count = _ZONE_DIFFERENCES, ("struct per_cpu_pages", "count")
    except AttributeError:
        differences = lists = zone.pageset.value_()
        where, count = ("struct per_cpu_pageset", "vm_stat_diff"), ("struct per_cpu_pageset", "pcp.count")
    exact = _exact(kernel, zone.vm_stat.address_, items, differences, where)
    return ZoneCounters(zone, node, exact, _on_cpu_lists(kernel, lists, *count))


def _on_cpu_lists(kernel: "Kernel", lists: int, type_name: str, member: str) -> int:
    offset = drgn.offsetof(kernel.prog.type(type_name), member)
    shifts = per_cpu_offsets(kernel).values()
    return sum(_signed(kernel.prog.read_u32(lists + shift + offset & _MASK), 32) for shift in shifts)


def _exact(
    kernel: "Kernel", counters: int | None, items: Mapping[str, int], differences: int, where: tuple[str, str]
) -> dict[str, int]:
    """Counters, and to each what the CPUs have for it: one signed byte (two on huge machines' later kernels)."""
    prog = kernel.prog
    values = _values(prog, counters or 0, items)
    member = prog.type(where[0]).member(where[1])
    array = member.type.unaliased()
    size = drgn.sizeof(array.type)
    code = {1: "b", 2: "h", 4: "i"}[size]
    length = min(len(items), drgn.sizeof(array) // size)
    for shift in per_cpu_offsets(kernel).values():
        data = prog.read(differences + shift + member.offset & _MASK, length * size)
        changes = struct.unpack(f"{_order(prog)}{length}{code}", data)
        for name, place in items.items():
            if place < length:
                values[name] += changes[place]
    return values


def _items(prog: drgn.Program, enum: str) -> dict[str, int]:
    """The counters' names and places; the last enumerator is their number."""
    found = {each.name: each.value for each in prog.type(enum).enumerators or ()}
    number = min(max(found.values(), default=0), _MOST_ITEMS)
    return {name: place for name, place in found.items() if 0 <= place < number}


def _values(prog: drgn.Program, address: int, items: Mapping[str, int]) -> dict[str, int]:
    number = max(items.values()) + 1
    values = struct.unpack(f"{_order(prog)}{number}q", prog.read(address, number * 8))
    return {name: values[place] for name, place in items.items()}


def _order(prog: drgn.Program) -> str:
    return "<" if prog.platform and drgn.PlatformFlags.IS_LITTLE_ENDIAN in prog.platform.flags else ">"


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> bits - 1 else value


def _add(sums: dict[str, int], values: Mapping[str, int]) -> None:
    for name, value in values.items():
        sums[name] = sums.get(name, 0) + value
