"""Secure boot, lockdown, SELinux and encrypted memory: what may forbid loading, writing or reading a dump."""

import os
import re

from lastwords.host.machine import CRASH_LOADED, Host
from lastwords.host.root import NoRight

from . import Found, absent, check, ok, unknown, warn

_EFIVARS = "/sys/firmware/efi/efivars"
_GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"  # EFI_GLOBAL_VARIABLE


@check(
    "secure-boot",
    "secure boot allows loading it",
    "trust",
    why="Under secure boot only a signed kernel can be loaded, and only by kexec_file_load(): kexec -s.",
)
def secure_boot(host: Host) -> Found:
    """The EFI variables SecureBoot and SetupMode; on s390, /sys/firmware/ipl/secure."""
    ipl = host.root.text("/sys/firmware/ipl/secure", 16)
    if ipl is not None:
        source, on = "/sys/firmware/ipl/secure", ipl == "1"
    elif host.root.is_dir("/sys/firmware/efi"):
        source = f"{_EFIVARS}/SecureBoot-{_GLOBAL}"
        flag, setup = _flag(host, "SecureBoot"), _flag(host, "SetupMode")
        if flag is None:
            return unknown("the variable is not there", source)
        on = flag == 1 and setup != 1
    elif host.is_running:
        return absent("no EFI firmware", "/sys/firmware/efi")
    else:
        return unknown("not a running system", "/sys/firmware/efi")
    if not on:
        return ok("off", source)
    config = host.kernel_config
    if config is not None and "KEXEC_FILE" not in config[1]:
        return warn("on, and the kernel has no kexec_file_load()", source, fix="boot the distribution's own kernel")
    if any(host.root.number(path) for path in CRASH_LOADED):
        return ok("on, and the crash kernel is loaded", source)
    return warn(
        "on: an unsigned kernel can't be loaded",
        source,
        fix="boot the distribution's signed kernel; kdump's scripts pass -s to kexec by themselves",
    )


def _flag(host: Host, name: str) -> int | None:
    """An EFI variable of one byte, behind four bytes of attributes."""
    try:
        data = host.root.read(f"{_EFIVARS}/{name}-{_GLOBAL}", 5)
    except FileNotFoundError:
        return None
    return data[4] if len(data) == 5 else None


@check(
    "lockdown",
    "lockdown allows it",
    "trust",
    why="Locked down, the kernel loads only signed kernels and modules and hides its memory from root as well.",
)
def lockdown(host: Host) -> Found:
    """/sys/kernel/security/lockdown has the mode in brackets."""
    source = "/sys/kernel/security/lockdown"
    text = host.root.text(source, 256)
    match = re.search(r"\[(\w{1,30})\]", text or "")
    if match is None:
        return absent("the kernel has no lockdown", source) if host.is_running else unknown("not known here", source)
    mode = match[1]
    if mode == "none":
        return ok("none", source)
    loaded = any(host.root.number(path) for path in CRASH_LOADED)
    if mode == "integrity":
        if loaded:
            return ok("integrity, and the crash kernel is loaded", source)
        return warn(
            "integrity: only a signed kernel can be loaded", source, fix="boot the distribution's signed kernel"
        )
    return warn(
        f"{mode}: /proc/kcore, perf and bpf can't read the running kernel's memory; a dump still can be made",
        source,
        fix="boot without lockdown=confidentiality if the running kernel must be looked at",
    )


_UNUSABLE_LABELS = ("unlabeled_t", "default_t", "file_t")


@check(
    "selinux-labels",
    "SELinux allows reading and writing the dump's directory",
    "trust",
    why="With a wrong label, kdump's service can't look at the directory, and other tools are refused the dump.",
)
def selinux_labels(host: Host) -> Found:
    """The label of the dump's directory where SELinux is enforcing."""
    enforcing = host.root.number("/sys/fs/selinux/enforce")
    if enforcing is None:
        return absent("no SELinux", "/sys/fs/selinux")
    settings = host.dump_settings
    path = settings.path if settings and settings.kind == "local" else "/var/crash"
    if not enforcing:
        return ok("permissive", "/sys/fs/selinux/enforce")
    if not host.root.is_dir(path):
        return absent(f"{path} is not there", path)
    try:
        label = os.getxattr(host.root.resolve(path), "security.selinux").decode(errors="replace").strip("\0")
    except PermissionError:
        raise NoRight(path) from None
    except OSError:
        return unknown("it has no label", path)
    kind = [*label.split(":"), "", "", ""][2]
    if kind in _UNUSABLE_LABELS:
        return warn(label, path, fix=f"restorecon -Rv {path}")
    return ok(label, path)


_ACTIVE = re.compile(r"Memory Encryption Features active: {1,2}(.{1,60})")


@check(
    "memory-encryption",
    "memory is not encrypted against the crash kernel",
    "trust",
    why="In confidential guests (SEV, TDX) older kernels can't kexec, and the host can't dump the guest at all.",
)
def memory_encryption(host: Host) -> Found:
    """What the kernel said at boot; tdx_guest among the CPU's flags."""
    source, text = host.log or ("dmesg", "")
    match = _ACTIVE.search(text)
    flags = host.root.text("/proc/cpuinfo", 16384) or ""
    kind = match[1].strip() if match else "Intel TDX" if re.search(r"\btdx_guest\b", flags) else ""
    if kind:
        guest = "SEV" in kind or "TDX" in kind
        if not guest:
            return ok(f"{kind}: the host's own memory encryption, which kdump copes with", source)
        fix = "prove it by a rehearsal: lastwords rehearse; without kdump, only pstore, netconsole or serial are left"
        return warn(f"a confidential guest: {kind}", source, fix=fix)
    if host.log is None:
        return unknown("the boot log, which tells, can't be read", "dmesg")
    return ok("no sign of it", source)
