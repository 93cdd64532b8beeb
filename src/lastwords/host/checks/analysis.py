"""For the analysis: debuginfo, types, symbols, and what taints the evidence."""

import os

from lastwords.glossary.taints import TAINTS
from lastwords.host.distribution import DEBUGINFOD
from lastwords.host.elf_notes import build_id, file_build_id
from lastwords.host.machine import Host
from lastwords.host.packages import installed_version
from lastwords.host.root import NoRight

from . import Found, absent, check, ok, unknown, warn

_MODULES_LIMIT = 500
_VMLINUX = (
    "/usr/lib/debug/boot/vmlinux-{release}",
    "/usr/lib/debug/lib/modules/{release}/vmlinux",
    "/usr/lib/debug/usr/lib/modules/{release}/vmlinux",
    "/usr/lib/debug/boot/vmlinux-{release}.debug",
    "/usr/lib/debug/usr/lib/modules/{release}/vmlinux.debug",
    "/usr/lib/modules/{release}/build/vmlinux",
    "/boot/vmlinux-{release}",
)


@check(
    "debuginfo",
    "debuginfo of the running kernel is here",
    "analysis",
    why="With debuginfo a dump gives source lines and all variables. It may as well lie where dumps are analysed.",
)
def debuginfo(host: Host) -> Found:
    """A vmlinux with the build ID of /sys/kernel/notes."""
    wanted = _running_build_id(host)
    if wanted:
        path = f"/usr/lib/debug/.build-id/{wanted[:2]}/{wanted[2:]}.debug"
        if host.root.exists(path):
            return ok(f"build ID {wanted}", path)
    fix = host.distribution.debuginfo(host.release)
    for pattern in _VMLINUX:
        path = pattern.format(release=host.release)
        try:
            with host.root.open(path) as file:
                found = file_build_id(file)
        except NoRight:
            return unknown("no right to read it", path)
        except OSError:
            continue
        if not wanted:
            return unknown(f"one is there (build ID {found}); the kernel's own is not known", path)
        if found == wanted:
            return ok(f"build ID {wanted}", path)
        return warn(f"of another build: {found}, and {wanted} runs", path, fix=fix)
    value = "not here; drgn and lastwords read the dump without it where the kernel has BTF"
    return warn(value, f"/usr/lib/debug ({host.release})", fix=fix)


def _running_build_id(host: Host) -> str:
    try:
        return build_id(host.root.read("/sys/kernel/notes", 1 << 16))
    except FileNotFoundError:
        return ""


@check(
    "module-debuginfo",
    "debuginfo of the loaded modules is here",
    "analysis",
    why="A crash is in a module more often than not; out-of-tree modules have debuginfo only where they were built.",
)
def module_debuginfo(host: Host) -> Found:
    """Build IDs of /sys/module/*/notes against /usr/lib/debug/.build-id."""
    if not host.root.is_dir("/usr/lib/debug/.build-id") and not host.root.is_dir("/usr/lib/debug/lib/modules"):
        return absent("no debuginfo is here", "/usr/lib/debug")
    notes = host.root.glob("/sys/module/*/notes/.note.gnu.build-id")[:_MODULES_LIMIT]
    if not notes and host.is_running and host.root.text("/proc/modules", 16) is None:
        return absent("the kernel has no modules", "/proc/modules")
    if not notes:
        return unknown("build IDs of the modules are not there", "/sys/module")
    lacking = []
    for path in notes:
        name = path.split("/")[3]
        found = build_id(host.root.read(path, 4096))
        if found and not host.root.exists(f"/usr/lib/debug/.build-id/{found[:2]}/{found[2:]}.debug"):
            lacking.append(name)
    if lacking:
        text = f"{len(notes) - len(lacking)} of {len(notes)}, not: {', '.join(lacking[:6])}"
        return warn(text, "/usr/lib/debug/.build-id", fix=host.distribution.debuginfo(host.release))
    return ok(f"of all {len(notes)}", "/usr/lib/debug/.build-id")


@check(
    "kernel-btf",
    "the kernel carries its own types (BTF)",
    "analysis",
    why="With BTF a bare dump is read without any debuginfo: tasks, locks, modules and stacks.",
)
def kernel_btf(host: Host) -> Found:
    """/sys/kernel/btf/vmlinux."""
    source = "/sys/kernel/btf/vmlinux"
    if host.root.exists(source):
        return ok("yes", source)
    if not host.is_running:
        return unknown("not a running system", source)
    fix = f"keep the debuginfo then: {host.distribution.debuginfo(host.release)}"
    return warn("no: a dump needs debuginfo", source, fix=fix)


@check(
    "kallsyms",
    "the kernel carries its symbols",
    "analysis",
    why="kallsyms names functions in an oops and in a bare dump; KALLSYMS_ALL also names data.",
)
def kallsyms(host: Host) -> Found:
    """CONFIG_KALLSYMS and CONFIG_KALLSYMS_ALL."""
    if host.kernel_config is None:
        return unknown("the kernel's configuration is not there", f"/boot/config-{host.release}")
    source, options = host.kernel_config
    missing = [name for name in ("KALLSYMS", "KALLSYMS_ALL") if name not in options]
    if missing:
        fix = "boot the distribution's own kernel, or keep its System.map and debuginfo"
        return warn(f"without CONFIG_{' and CONFIG_'.join(missing)}", source, fix=fix)
    return ok("functions and data", source)


@check(
    "debuginfod",
    "a server gives debuginfo when it is needed",
    "analysis",
    why="With DEBUGINFOD_URLS set, debuggers fetch debuginfo by build ID; nothing need be installed beforehand.",
)
def debuginfod(host: Host) -> Found:
    """DEBUGINFOD_URLS of this shell, or /etc/debuginfod/*.urls."""
    if host.root.is_live and os.environ.get("DEBUGINFOD_URLS"):
        return ok(os.environ["DEBUGINFOD_URLS"][:200], "DEBUGINFOD_URLS")
    for path in host.root.glob("/etc/debuginfod/*.urls"):
        if text := host.root.text(path, 4096):
            return ok(text.split()[0], path)
    server = DEBUGINFOD.get(host.distribution.id) or DEBUGINFOD.get(host.distribution.family, "")
    fix = f"export DEBUGINFOD_URLS={server or 'https://debuginfod.elfutils.org'}"
    return warn("not set", "/etc/debuginfod", fix=fix)


@check(
    "taint",
    "the kernel is not tainted by earlier trouble",
    "analysis",
    why="After an oops, a WARNING or a machine check, the next crash may be a consequence of the first.",
)
def taint(host: Host) -> Found:
    """/proc/sys/kernel/tainted, bit by bit."""
    source = "/proc/sys/kernel/tainted"
    mask = host.root.number(source)
    if mask is None:
        return unknown("not a running system", source)
    flags = [flag for flag in TAINTS if mask >> flag.bit & 1]
    text = ", ".join(f"{flag.letter} ({flag.meaning})" for flag in flags)
    trouble = [flag.letter for flag in flags if flag.letter in _TROUBLE]
    if trouble:
        return warn(text, source, fix="dmesg -l emerg,alert,crit,err,warn; reboot before you trust what comes next")
    return ok(text or "not tainted", source)


_TROUBLE = "FRMBDWL"


@check(
    "out-of-tree-modules",
    "no modules from outside the kernel",
    "analysis",
    why="Modules from elsewhere are the first suspects of a crash; keep their versions and debuginfo.",
)
def out_of_tree_modules(host: Host) -> Found:
    """Flags O, P and E in /proc/modules."""
    if host.root.text("/proc/modules", 16) is None:
        if host.is_running:
            return absent("the kernel has no modules", "/proc/modules")
        return unknown("not a running system", "/proc/modules")
    foreign = {name: flags for name, flags in host.modules.items() if set(flags) & set("OP")}
    if foreign:
        text = ", ".join(f"{name} ({flags})" for name, flags in sorted(foreign.items())[:10])
        fix = "keep the .ko files with debuginfo of exactly these builds where dumps are analysed"
        return warn(text, "/proc/modules", fix=fix)
    return ok("none", "/proc/modules")


@check(
    "analysis-tools",
    "which tools for dumps are here",
    "analysis",
    why="Dumps are mostly analysed elsewhere. What is here must be as new as the kernel.",
)
def analysis_tools(host: Host) -> Found:
    """Versions of crash, gdb, drgn and kexec-tools."""
    found = []
    for program, packages in (("crash", ("crash",)), ("drgn", ("python3-drgn", "drgn")), ("gdb", ("gdb",))):
        if (where := host.root.which(program)) is not None:
            version = installed_version(host.root, *packages)
            found.append(f"{program} {version[0]}" if version else f"{program} ({where})")
    kexec = host.root.which("kexec")
    if kexec is not None:
        version = installed_version(host.root, "kexec-tools")
        found.append(f"kexec {version[0]}" if version else f"kexec ({kexec})")
    if not found:
        return absent("none; lastwords reads dumps where drgn is installed: pip install 'lastwords[vmcore]'")
    return ok(", ".join(found), "/usr/bin")
