"""How much memory a crash kernel needs.

Two answers: what this machine's capture kernel takes by arithmetic (the way of Fedora's `kdumpctl estimate`: kernel,
modules, three times the initrd, a buffer, LUKS), and what the distributions reserve by default for this much RAM.
"""

import re
from typing import TYPE_CHECKING

from lastwords.model.oops import Struct

from .root import NoRight

if TYPE_CHECKING:
    from .machine import Host

_MIB = 1 << 20
_GIB = 1 << 30

# RAM from (GiB), and what the distributions' defaults reserve from there (MiB): rhel's and SUSE's tables for 4K pages.
_DEFAULTS = {
    "x86_64": ((0, 0), (1, 192), (2, 256), (64, 512)),
    "s390x": ((0, 0), (1, 192), (2, 256), (64, 512)),
    "aarch64": ((0, 0), (1, 256), (4, 320), (64, 576)),
    "ppc64le": ((0, 0), (2, 384), (4, 512), (16, 1024), (64, 2048), (128, 4096)),
}
# Debian and Ubuntu reserve less: their capture initrd holds only what this machine needs.
_DEBIAN_12 = ((0, 0), (0.375, 128))
_DEBIAN = ((0, 0), (0.5, 192))  # from Debian 13; Ubuntu to 24.04
_UBUNTU = ((0, 0), (2, 320), (4, 512), (32, 1024), (64, 2048), (128, 4096))
# Less was seen to fail: drivers of real disks and network cards need more than a virtual machine's.
_ADVISED, _ADVISED_SMALL = 256 * _MIB, 192 * _MIB

_KERNEL = 40 * _MIB  # unpacked image, page tables and per-CPU data of one CPU, where the kernel's file can't be read
_BUFFER = 16 * _MIB
_UNPACK = 3  # packed initrd, unpacked initrd, page cache of what it runs
_LUKS = {"aarch64": 50 * _MIB}
_LUKS_ELSEWHERE = 20 * _MIB
_SME = 64 * _MIB
_MLX5 = 150 * _MIB  # arm64 only
_PAGES_64K = 100 * _MIB


class Needed(Struct, frozen=True, kw_only=True):
    """What a crash kernel needs.

    Attributes:
        never: bytes below which it can't work: kernel, packed and unpacked initrd don't fit; 0 where not known.
        least: bytes that it should have by arithmetic; 0 where not known.
        default: bytes that the distribution would reserve for this machine; 0 where it is not known.
        text: how they come about.
        source: where it was read.
    """

    never: int
    least: int
    default: int
    text: str
    source: str


def needed(host: "Host") -> Needed:
    """By arithmetic from the kernel and initrd that would be loaded, and by the distribution's table."""
    kernel, initrd, source = _files(host)
    luks = (_LUKS.get(host.machine, _LUKS_ELSEWHERE)) if _target_is_encrypted(host) else 0
    least = (kernel or _KERNEL) + _UNPACK * initrd + _BUFFER + luks
    parts = [f"kernel {(kernel or _KERNEL) // _MIB}"]
    if initrd:
        parts.append(f"initrd {_UNPACK} x {initrd // _MIB}")
    parts.append(f"buffer {_BUFFER // _MIB}")
    if luks:
        parts.append(f"LUKS {luks // _MIB}")
    default = _default(host)
    text = f"should have at least {least // _MIB} MiB ({' + '.join(parts)})"
    if default:
        text += f", the default for this machine is {default // _MIB} MiB"
    never = (kernel or _KERNEL) + 2 * initrd if initrd else 0
    return Needed(never=never, least=least if initrd else 0, default=default, text=text, source=source)


def advised(host: "Host") -> str:
    """What to write behind `crashkernel=`: `256M`."""
    need = needed(host)
    floor = _ADVISED if (host.memory or _GIB) >= _GIB else _ADVISED_SMALL
    size = max(need.default, need.least, floor)
    return f"{-(-size // _MIB // 32) * 32}M"


def _files(host: "Host") -> tuple[int, int, str]:
    """Sizes of the unpacked kernel and of the crash initrd in bytes, 0 where not known, and the initrd's path."""
    initrd, source = 0, ""
    for pattern in host.distribution.kdump.initrds:
        path = pattern.format(release=host.release)
        try:
            found = host.root.stat(path)
        except NoRight:
            continue
        if found is not None:
            initrd, source = found.st_size, path
            break
    return _unpacked_kernel(host), initrd, source


def _unpacked_kernel(host: "Host") -> int:
    """Bytes of kernel code, data and bss, as /proc/iomem has them (for root); else the packed file's times three."""
    parts = [host.iomem(name) for name in ("Kernel code", "Kernel rodata", "Kernel data", "Kernel bss")]
    total = sum(end - begin + 1 for ranges in parts for begin, end in ranges)
    if total:
        return total
    for path in (f"/boot/vmlinuz-{host.release}", f"/usr/lib/modules/{host.release}/vmlinuz"):
        try:
            found = host.root.stat(path)
        except NoRight:
            continue
        if found is not None and found.st_size > _MIB:
            return found.st_size * 3
    return 0


def _target_is_encrypted(host: "Host") -> bool:
    from .mounts import is_encrypted, mount_of

    settings = host.dump_settings
    if settings is None or settings.kind not in ("local", "device"):
        return False
    mount = mount_of(host.root, settings.path)
    return mount is not None and is_encrypted(host.root, mount.device)


def _default(host: "Host") -> int:
    memory = host.memory
    if memory is None:
        return 0
    distribution = host.distribution
    # As parse_crashkernel_mem() does: firmware keeps a little of what was sold. MemTotal lacks the kernel's part too.
    missing = 128 * _MIB if host.iomem("System RAM") else memory // 25
    gib = (memory + missing) / _GIB
    if distribution.id == "ubuntu" and distribution.version >= "24.10":
        table: tuple[tuple[float, int], ...] = _UBUNTU
    elif distribution.family == "debian":
        table = _DEBIAN_12 if distribution.id == "debian" and 0 < distribution.major <= 12 else _DEBIAN
    else:
        table = _DEFAULTS.get(host.machine, _DEFAULTS["x86_64"])
    size = max((mib for begin, mib in table if gib >= begin), default=0) * _MIB
    return size + _extras(host) if size else 0


def _extras(host: "Host") -> int:
    extra = 0
    log = host.log[1] if host.log else ""
    if re.search(r"Memory Encryption Features active: .{0,40}(?:SME|SEV)", log):
        extra += _SME
    if host.machine == "aarch64":
        extra += _MLX5 if "mlx5_core" in host.modules else 0
        extra += _PAGES_64K if "64k" in host.release else 0
    return extra


def parse_crashkernel(value: str, memory: int) -> int | None:
    """Bytes that `crashkernel=` would reserve: `256M`, `1G-4G:192M,4G-:256M`, `512M,high`; None if it can't be read.

    Args:
        value: what stands behind the `=`.
        memory: bytes of RAM, which decide between ranges.
    """
    if ":" in value.split("@")[0]:
        for part in value.split("@")[0].split(","):
            match = re.fullmatch(r"(\d{1,9}[KMGT]?)-(\d{1,9}[KMGT]?)?:(\d{1,9}[KMGT]?)", part.strip(), re.I)
            if match is None:
                return None
            begin, end = _bytes(match[1]), _bytes(match[2]) if match[2] else None
            if memory >= begin and (end is None or memory < end):
                return _bytes(match[3])
        return 0
    match = re.match(r"(\d{1,9}[KMGT]?)(?:,(?:high|low|cma))?(?:@.{0,20})?$", value.strip(), re.I)
    return _bytes(match[1]) if match else None


def _bytes(text: str) -> int:
    shift = {"K": 10, "M": 20, "G": 30, "T": 40}.get(text[-1].upper(), 0)
    return int(text.rstrip("KMGTkmgt")) << shift
