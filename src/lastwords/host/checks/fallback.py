"""If there is no dump: what keeps the log of a crash: pstore, netconsole, a recorded console, the journal."""

import re

from lastwords.host.distribution import shell_variables
from lastwords.host.machine import Host, size_text
from lastwords.host.mounts import mounts
from lastwords.host.sysctls import set_command

from . import Found, absent, check, fail, ok, unknown, warn

_PARAMETERS = "/sys/module/pstore/parameters"
_NONE = ("", "(null)", "N")
_BACKENDS = {
    "efi": "EFI variables",
    "efi_pstore": "EFI variables",
    "erst": "the firmware's error record (ERST)",
    "ramoops": "reserved RAM, which survives only a warm reboot",
    "nvram": "NVRAM",
    "pstore_blk": "a block device",
}


@check(
    "pstore",
    "pstore keeps the last lines of the log",
    "fallback",
    why="At a panic the kernel writes the end of its log to where it survives a reboot. It needs no dump, and no disk.",
    decides="log",
)
def pstore(host: Host) -> Found:
    """The backend that is registered, and whether /sys/fs/pstore is mounted to read it."""
    source = f"{_PARAMETERS}/backend"
    backend = host.root.text(source, 64)
    if backend is None and not host.is_running:
        return unknown("not a running system", source)
    if backend is None or backend in _NONE:
        disabled = host.root.text("/sys/module/efi_pstore/parameters/pstore_disable", 8)
        cost = "the log is not kept (pstore has no backend)"
        if disabled == "Y":
            fix = f"echo 'options efi_pstore pstore_disable=0' > /etc/modprobe.d/efi_pstore.conf; {_arguments(host)}"
            return fail("EFI variables could keep it, but efi_pstore is disabled", source, fix=fix, cost=cost)
        return fail("no backend", source, fix=_backend(host), cost=cost)
    kind = _BACKENDS.get(backend, backend)
    if not any(mount.file_system == "pstore" for mount in mounts(host.root)):
        fix = "mount -t pstore pstore /sys/fs/pstore"
        return warn(f"{kind}, but not mounted: nobody reads it", "/sys/fs/pstore", fix=fix)
    return ok(f"pstore: {kind}", source)


def _arguments(host: Host) -> str:
    return f"or, where it is built in: {host.distribution.set_argument('efi_pstore.pstore_disable=0')}"


def _backend(host: Host) -> str:
    if host.root.is_dir("/sys/firmware/efi"):
        return "modprobe efi_pstore && echo efi_pstore > /etc/modules-load.d/efi_pstore.conf"
    reserve = host.distribution.set_argument("ramoops.mem_address=ADDRESS ramoops.mem_size=0x200000")
    return f"reserve RAM for ramoops (with memmap= or reserve_mem=): {reserve}; or use netconsole"


@check(
    "pstore-size",
    "pstore's records are large enough for an oops",
    "fallback",
    why="An oops with its stacks takes some 8 KiB; from a record that is smaller its head is missing.",
)
def pstore_size(host: Host) -> Found:
    """The ramoops module's record_size, else kmsg_bytes."""
    for source, meaning in (
        ("/sys/module/ramoops/parameters/record_size", "each record of ramoops"),
        (f"{_PARAMETERS}/kmsg_bytes", "of the log in one crash"),
    ):
        size = host.root.number(source)
        backend = host.root.text(f"{_PARAMETERS}/backend", 64) or ""
        if not size or backend in _NONE or ("ramoops" in source and backend != "ramoops"):
            continue
        text = f"{size_text(size)} {meaning}"
        if size >= 8192:
            return ok(text, source)
        name = "ramoops.record_size=65536" if "ramoops" in source else "pstore.kmsg_bytes=65536"
        return warn(text, source, fix=host.distribution.set_argument(name))
    return absent("pstore is not used")


@check(
    "systemd-pstore",
    "what pstore kept is moved to disk at boot",
    "fallback",
    why="Records fill the firmware's little memory; systemd-pstore moves them to /var/lib/systemd/pstore.",
)
def systemd_pstore(host: Host) -> Found:
    """systemd-pstore.service, pstore.conf(5), and records that lie there still."""
    backend = host.root.text(f"{_PARAMETERS}/backend", 64) or ""
    if backend in _NONE:
        return absent("pstore is not used")
    unit = host.unit("systemd-pstore.service")
    given = shell_variables(host.root.text("/etc/systemd/pstore.conf") or "")
    if unit.get("LoadState") == "not-found" or unit.get("UnitFileState") not in ("enabled", "static"):
        left = host.root.names("/sys/fs/pstore")
        text = f"it does not run; {len(left)} records lie in /sys/fs/pstore" if left else "it does not run"
        return warn(text, "systemd-pstore.service", fix=host.distribution.enable("systemd-pstore.service"))
    if given.get("Storage", "external") == "none":
        fix = "set Storage=external in /etc/systemd/pstore.conf"
        return warn("Storage=none: records are left where they are", "/etc/systemd/pstore.conf", fix=fix)
    return ok("enabled", "systemd-pstore.service")


@check(
    "netconsole",
    "the log is sent to another machine",
    "fallback",
    why="netconsole sends each line at once, by UDP from within the kernel: often the only trace of a hard crash.",
    decides="log",
)
def netconsole(host: Host) -> Found:
    """Its targets in configfs, or the module's parameter."""
    targets = host.root.glob("/sys/kernel/config/netconsole/*/enabled")
    enabled = [path for path in targets if host.root.number(path) == 1]
    if enabled:
        directory = enabled[0].rpartition("/")[0]
        server = host.root.text(f"{directory}/remote_ip", 64) or "another machine"
        return ok(f"netconsole: to {server}", directory)
    fix = "modprobe netconsole netconsole=@/INTERFACE,6666@SERVER/MAC, and listen there: nc -u -l 6666"
    if targets:
        return warn("its targets are switched off", targets[0], fix=f"echo 1 > {targets[0]}")
    given = host.argument("netconsole")
    if given and ("netconsole" in host.modules or "netconsole" in host.built_in_modules):
        return ok(f"netconsole: {given}", "/proc/cmdline")
    if "netconsole" in host.modules:
        # A target of the module's own parameter is not in configfs on older kernels (6.1); netpoll told of it.
        told = re.search(r"netconsole: remote IPv[46] address (\S{2,45})", host.log[1]) if host.log else None
        if told and host.log:
            return ok(f"netconsole: to {told[1]}", host.log[0])
        return warn("the module is loaded; whether it has a target can't be seen", "/proc/modules", fix=fix)
    return absent("not used", "/sys/kernel/config/netconsole") if host.is_running else unknown("not a running system")


# Screens, what goes nowhere or over the network, and pstore's own console.
_NO_LINES = re.compile(r"tty\d{1,3}$|ttynull|dummycon|netcon|pstore|ramoops|efi|erst")


@check(
    "serial-console",
    "the kernel's messages go to a serial console",
    "fallback",
    why="A serial line (or the BMC's serial-over-LAN, or the hypervisor's console log) shows a crash to its last word, "
    "if something records it. A screen shows the last lines until the reboot.",
    decides="console",
)
def serial_console(host: Host) -> Found:
    """/proc/consoles."""
    text = host.root.text("/proc/consoles", 4096)
    if text is None:
        given = [one for one in host.arguments or () if one.startswith("console=")]
        if not host.is_running:
            return unknown("not a running system", "/proc/consoles")
        return unknown(", ".join(given) or "/proc/consoles is not there", "/proc/cmdline")
    names = [line.split()[0] for line in text.splitlines() if line.split()]
    serial = [name for name in names if not _NO_LINES.match(name)]
    if serial:
        return ok(", ".join(serial), "/proc/consoles")
    port = {"aarch64": "ttyAMA0", "ppc64le": "hvc0", "s390x": "ttysclp0"}.get(host.machine, "ttyS0")
    fix = host.distribution.set_argument(f"console=tty0 console={port},115200")
    return warn(f"only a screen ({', '.join(names)})", "/proc/consoles", fix, cost="the console is not recorded")


@check(
    "console-loglevel",
    "the console shows stacks",
    "fallback",
    why="An oops is shown whole at any level. Stacks of hung tasks and WARNINGs are shown only from level 5 or 7.",
)
def console_loglevel(host: Host) -> Found:
    """The first number of kernel.printk; `quiet` sets it to 4."""
    text = host.sysctl("kernel.printk")
    source = "/proc/sys/kernel/printk"
    if text is None:
        return unknown("not a running system", source)
    level = int(text.split()[0]) if text.split() and text.split()[0].isdigit() else 0
    silent = host.root.text("/sys/module/printk/parameters/console_no_auto_verbose", 8)
    if silent == "Y":
        fix = "take console_no_auto_verbose off the command line"
        return warn(f"{level}, and an oops does not raise it", source, fix=fix)
    if level <= 4:
        return warn(
            f"{level}: an oops is shown, WARNINGs and stacks of hung tasks are not",
            source,
            fix=set_command("kernel.printk", "7 4 1 7"),
        )
    return ok(f"{level}", source)


@check(
    "persistent-journal",
    "the log of the last boot is kept on disk",
    "fallback",
    why="What led to a crash (I/O errors, warnings, hung tasks) was logged before it; a log in memory is gone with it.",
)
def persistent_journal(host: Host) -> Found:
    """/var/log/journal and journald.conf's Storage, else rsyslog's files."""
    storage, source = "auto", "/usr/lib/systemd/journald.conf"
    for path in ("/etc/systemd/journald.conf", *host.root.glob("/etc/systemd/journald.conf.d/*.conf")):
        if (found := shell_variables(host.root.text(path) or "").get("Storage")) is not None:
            storage, source = found, path
    directory = "/var/log/journal"
    if storage in ("auto", "persistent") and host.root.is_dir(directory):
        mount = next((one for one in mounts(host.root) if one.directory in (directory, "/var/log", "/var")), None)
        if mount is None or mount.file_system != "tmpfs":
            return ok("on disk", directory)
    if storage == "persistent":
        return ok("Storage=persistent", source)
    for path in ("/var/log/kern.log", "/var/log/messages", "/var/log/syslog"):
        if host.root.is_file(path):
            return ok("by syslog", path)
    value = f"Storage={storage}" + ("" if storage != "auto" else f" and no {directory}")
    fix = "mkdir -p /var/log/journal && systemd-tmpfiles --create --prefix /var/log/journal && journalctl --flush"
    if storage in ("volatile", "none"):
        fix = f"set Storage=persistent in {source} && systemctl restart systemd-journald"
    return warn(value, source, fix=fix, cost="the journal is not persistent")
