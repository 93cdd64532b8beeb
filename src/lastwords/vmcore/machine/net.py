"""Network devices of the first namespace: include/linux/netdevice.h."""

import ipaddress
from typing import TYPE_CHECKING

import drgn
from drgn.helpers.linux.net import for_each_netdev

from lastwords.model import NetDevice

from .part import Partial, part
from .strings import decoded, one_line
from .walk import walk

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_MOST = 20_000
_MOST_ADDRESSES = 1000
_UP = 1  # include/uapi/linux/if.h: IFF_UP
_ETHERNET = 6


@part("net")
def net(kernel: "Kernel") -> Partial:
    """All devices with their IPv4 addresses."""
    problems: list[str] = []
    found = []
    for device in walk(for_each_netdev(kernel.prog), _MOST, problems, "network devices"):
        try:
            found.append(_device(device, problems))
        except Exception as failure:  # drgn raises what fits: not in the dump
            problems.append(f"network device at {device.value_():#x}: {one_line(failure)}")
    return Partial(tuple(found), problems)


def _device(device: drgn.Object, problems: list[str]) -> NetDevice:
    hardware = None
    if device.addr_len.value_() == _ETHERNET:
        hardware = device.prog_.read(device.dev_addr.value_(), _ETHERNET).hex(":")
    return NetDevice(
        name=decoded(device.name.string_()),
        up=bool(device.flags.value_() & _UP),
        mac=hardware,
        addresses=tuple(_addresses(device, problems)),
    )


def _addresses(device: drgn.Object, problems: list[str]) -> list[str]:
    """IPv4 addresses with the length of their prefix (include/linux/inetdevice.h)."""
    found: list[str] = []
    seen: set[int] = set()
    if not device.ip_ptr:
        return found
    address = device.ip_ptr.ifa_list.read_()
    while address and len(found) < _MOST_ADDRESSES:
        if address.value_() in seen:
            problems.append(f"the addresses of {decoded(device.name.string_())} run in a circle")
            break
        seen.add(address.value_())
        packed = address.ifa_local.to_bytes_()
        found.append(f"{ipaddress.IPv4Address(packed)}/{address.ifa_prefixlen.value_()}")
        address = address.ifa_next.read_()
    return found
