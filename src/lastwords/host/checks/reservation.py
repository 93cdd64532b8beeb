"""Memory for the crash kernel: is some reserved, is it enough, and will the next boot reserve it too?"""

import re

from lastwords.host.crash_memory import advised, needed
from lastwords.host.machine import CRASH_CMA, CRASH_LOADED, CRASH_SIZE, Host, size_text

from . import Found, absent, check, fail, ok, unknown, warn

NOT_RUNNING = "not a running system"


@check(
    "kexec-supported",
    "the kernel can load a crash kernel",
    "reservation",
    why="Without CONFIG_CRASH_DUMP and kexec, kdump is impossible on this kernel.",
    decides="kdump",
)
def kexec_supported(host: Host) -> Found:
    """/sys/kernel/kexec_crash_loaded is there only where the kernel was built with CONFIG_CRASH_DUMP."""
    for path in CRASH_LOADED:
        if host.root.exists(path):
            return ok("yes", path)
    if not host.root.is_dir("/sys/kernel") or not host.is_running:
        return unknown(NOT_RUNNING, CRASH_LOADED[-1])
    return fail(
        "the kernel was built without it",
        CRASH_LOADED[-1],
        fix="boot a kernel with CONFIG_KEXEC, CONFIG_KEXEC_FILE and CONFIG_CRASH_DUMP: the distribution's own has them",
        cost="this kernel can't load a crash kernel",
    )


@check(
    "crashkernel-reserved",
    "memory is reserved for the crash kernel",
    "reservation",
    why="The crash kernel runs in memory that is set aside at boot. With none, there is no dump.",
    decides="kdump",
)
def crashkernel_reserved(host: Host) -> Found:
    """kexec_crash_size, with the ranges of /proc/iomem and the CMA part where they can be read."""
    if host.has_fadump:
        return absent("fadump is used instead")
    size = host.crash_size
    given = host.argument("crashkernel")
    if size is None:
        return unknown(NOT_RUNNING if not host.is_running else "the kernel does not say", CRASH_SIZE[-1])
    if size:
        return ok(size_text(size) + _ranges(host) + _cma(host), CRASH_SIZE[-1])
    entries = host.next_boot.entries
    if given is None and entries and all(_reserves(entry.arguments) for entry in entries):
        cost = "no crashkernel is reserved before the next reboot"
        return fail("none yet: the next boot will", entries[0].source, fix="reboot", cost=cost)
    suggestion = advised(host)
    if given is None:
        return fail(
            "none: there is no crashkernel= on the command line",
            "/proc/cmdline",
            fix=f"{host.distribution.set_argument(f'crashkernel={suggestion}')}   # then reboot",
            cost="no crashkernel is reserved",
        )
    return fail(
        f"none, although the command line has crashkernel={given}",
        "/proc/cmdline",
        fix=f"{host.distribution.set_argument(f'crashkernel={suggestion}')}   # then reboot",
        cost="no crashkernel is reserved",
    )


def _ranges(host: Host) -> str:
    ranges = host.iomem("Crash kernel")
    if not ranges:
        return ""
    low = sum(end - begin + 1 for begin, end in ranges if end < 1 << 32)
    high = sum(end - begin + 1 for begin, end in ranges if end >= 1 << 32)
    return f" ({size_text(low)} below 4 GiB, {size_text(high)} above)" if high and low else ""


def _cma(host: Host) -> str:
    for path in CRASH_CMA:
        ranges = re.findall(r"([0-9a-f]{1,16})-([0-9a-f]{1,16})", host.root.text(path) or "")
        size = sum(int(end, 16) - int(begin, 16) + 1 for begin, end in ranges)
        if size:
            return f" and {size_text(size)} of CMA"
    return ""


# kernel/crash_reserve.c (6.9; before, arch/*/kernel/setup.c): reserve_crashkernel*(), parse_crashkernel_*().
_REFUSED = re.compile(
    r"^.{0,80}?(?:cannot allocate crashkernel|crashkernel[^\n]{0,40}reservation failed"
    r"|crashkernel: memory value expected).{0,120}$",
    re.M | re.I,
)


@check(
    "crashkernel-refused",
    "the kernel did not refuse to reserve it",
    "reservation",
    why="Where the memory map has no hole of that size, the kernel reserves nothing and says so once, in its boot log.",
)
def crashkernel_refused(host: Host) -> Found:
    """Look for reserve_crashkernel()'s complaints in the log of this boot."""
    if host.log is None:
        return unknown("the beginning of this boot's log can't be read" if host.is_running else NOT_RUNNING, "dmesg")
    source, text = host.log
    found = _REFUSED.search(text)
    if found is None:
        return ok("no complaint", source)
    line = re.sub(r"^\[\s{0,20}\d{1,10}\.\d{1,10}\]\s{0,10}", "", found[0].strip())
    return fail(
        line,
        source,
        fix="ask for less, or for high memory with a small low part: "
        + host.distribution.set_argument("crashkernel=256M,high")
        + " and crashkernel=72M,low",
    )


@check(
    "crashkernel-next-boot",
    "the next boot reserves it too",
    "reservation",
    why="Reserved now is not reserved after the next reboot or kernel update: the boot loader decides.",
)
def crashkernel_next_boot(host: Host) -> Found:
    """Each entry of the boot loader, and the defaults that new entries are made from."""
    boot = host.next_boot
    fix = host.distribution.set_argument(f"crashkernel={host.argument('crashkernel') or advised(host)}")
    has = [entry for entry in boot.entries if _reserves(entry.arguments)]
    lacks = [entry for entry in boot.entries if not _reserves(entry.arguments)]
    defaults = [entry for entry in boot.defaults if _reserves(entry.arguments)]
    source = (boot.entries or boot.defaults)[0].source if boot.entries or boot.defaults else ""
    if not boot.entries and not boot.defaults:
        if boot.unreadable:
            return unknown("no right to read it", boot.unreadable[0], fix="run as root: sudo lastwords doctor")
        return unknown("no boot loader's configuration was found", "/boot", fix=fix)
    if not boot.entries:
        if defaults:
            return ok("the defaults have it (the boot entries can't be read)", source)
        return fail("the defaults don't have it", source, fix=fix)
    if not has:
        return fail("no boot entry has crashkernel=", source, fix=fix)
    if lacks:
        names = ", ".join(sorted({entry.title or entry.source for entry in lacks})[:3])
        return warn(f"{len(has)} of {len(boot.entries)} boot entries have it, not: {names}", source, fix=fix)
    if boot.defaults and not defaults:
        return warn(
            f"the boot entries have it, {boot.defaults[0].source} does not: the next kernel's entry may lack it",
            source,
            fix=fix,
        )
    return ok(f"all {len(boot.entries)} boot entries have it" if len(boot.entries) > 1 else "yes", source)


def _reserves(arguments: tuple[str, ...]) -> bool:
    values = [one.partition("=")[2] for one in arguments if one.startswith("crashkernel=")]
    return any(value not in ("0", "0M", "no", "off") for value in values)


@check(
    "crashkernel-size",
    "what is reserved is enough",
    "reservation",
    why="A crash kernel that runs out of memory dies while it dumps, and leaves nothing.",
)
def crashkernel_size(host: Host) -> Found:
    """Compare with what the capture kernel and its unpacked initrd need, and with the distribution's default."""
    size = host.crash_size
    if not size:
        return absent("none is reserved", CRASH_SIZE[-1])
    need = needed(host)
    value = f"{size_text(size)}; {need.text}"
    source = f"{CRASH_SIZE[-1]}, {need.source}" if need.source else CRASH_SIZE[-1]
    fix = f"{host.distribution.set_argument(f'crashkernel={advised(host)}')}   # then reboot"
    if size < need.never:
        return fail(value, source, fix=fix, cost=f"{size_text(size)} are too little for the crash kernel")
    if size < max(need.least, need.default):
        return warn(value, source, fix=fix)
    return ok(value, source)


_NEEDED = {
    "KEXEC": "kexec_load()",
    "CRASH_DUMP": "a kernel that dumps another",
    "PROC_VMCORE": "/proc/vmcore",
}
_WANTED = {
    "KEXEC_FILE": "loading under secure boot",
    "RELOCATABLE": "the same kernel as crash kernel",
    "DEBUG_INFO_BTF": "types without debuginfo",
    "KALLSYMS_ALL": "names of data in a bare dump",
    "DEBUG_INFO": "debuginfo packages",
    "STACKTRACE": "stack traces",
}
# Always so on these, without an option.
_RELOCATABLE_ALWAYS = ("s390x", "ppc64le", "aarch64")


@check(
    "kernel-config",
    "the kernel's configuration has what dumps need",
    "reservation",
    why="Each of these options is either needed for a dump or makes a dump readable without debuginfo.",
)
def kernel_config(host: Host) -> Found:
    """/boot/config-RELEASE or /proc/config.gz."""
    if host.kernel_config is None:
        return unknown("the kernel's configuration is not there", f"/boot/config-{host.release}")
    source, options = host.kernel_config
    missing = [name for name in _NEEDED if name not in options]
    if "KEXEC" in missing and "KEXEC_FILE" in options:
        missing.remove("KEXEC")
    wanted = [name for name in _WANTED if name not in options]
    if host.machine in _RELOCATABLE_ALWAYS and "RELOCATABLE" in wanted:
        wanted.remove("RELOCATABLE")
    if missing:
        names = ", ".join(f"CONFIG_{name} ({_NEEDED[name]})" for name in missing)
        return fail(f"without {names}", source, fix="boot a kernel that has them: the distribution's own does")
    if wanted:
        names = ", ".join(f"CONFIG_{name} ({_WANTED[name]})" for name in wanted)
        return warn(f"without {names}", source, fix="if you build your kernel yourself, switch them on")
    return ok("all that is needed", source)
