"""The crash kernel: is it loaded, is it of this kernel, and does its initrd hold what the dump needs?"""

import re
import shlex

from lastwords.host.initrd import contents, crash_initrd
from lastwords.host.machine import CRASH_LOADED, ELFCOREHDR_SIZE, Host, argument, size_text
from lastwords.host.mounts import drivers, mount_of

from . import Found, absent, check, fail, ok, unknown, warn

NOT_RUNNING = "not a running system"


@check(
    "crash-kernel-loaded",
    "the crash kernel is loaded",
    "loaded",
    why="At a panic the kernel jumps into the crash kernel. If none is loaded, it only prints its last words.",
    decides="kdump",
)
def crash_kernel_loaded(host: Host) -> Found:
    """/sys/kernel/kexec_crash_loaded is 1."""
    if host.has_fadump:
        return absent("fadump is used instead")
    for path in CRASH_LOADED:
        loaded = host.root.number(path)
        if loaded is None:
            continue
        if loaded:
            return ok("yes", path)
        if not host.crash_size:
            return fail("no: no memory is reserved for it", path, fix="see crashkernel-reserved")
        kdump = host.distribution.kdump
        fix = f"{host.distribution.enable()}   # if that fails: journalctl -u {kdump.service}"
        return fail("no", path, fix=fix, cost="no crash kernel is loaded")
    if not host.is_running:
        return unknown(NOT_RUNNING, CRASH_LOADED[-1])
    return fail("no: the kernel can't", CRASH_LOADED[-1], fix="see kexec-supported")


@check(
    "kdump-service",
    "the service that loads it is enabled and ran",
    "loaded",
    why="It loads the crash kernel at each boot. Loaded by hand is gone after the next reboot.",
)
def kdump_service(host: Host) -> Found:
    """Systemd's state of kdump.service or kdump-tools.service, and USE_KDUMP."""
    distribution = host.distribution
    service = distribution.kdump.service
    unit = host.unit(service)
    if unit.get("LoadState") == "not-found":
        return fail(f"{service} is not installed", service, fix=distribution.install_kdump())
    settings = host.dump_settings
    if settings is not None and not settings.enabled:
        return fail(
            "switched off: USE_KDUMP is not 1",
            settings.source,
            fix=f"sed -i 's/^USE_KDUMP=.*/USE_KDUMP=1/' {settings.source} && systemctl restart {service}",
        )
    state = unit.get("UnitFileState", "")
    if unit.get("LoadState") == "masked" or state == "masked":
        return fail("masked", service, fix=f"systemctl unmask {service} && {distribution.enable()}")
    if unit.get("ActiveState") == "failed":
        reason = _last_complaint(host, service)
        return fail(
            f"its last run failed{reason}", service, fix=f"journalctl -u {service} -b   # then: {_restart(host)}"
        )
    if state not in ("enabled", "enabled-runtime", "static", "generated"):
        return fail(f"it is {state or 'not enabled'}", service, fix=distribution.enable())
    if unit.get("ActiveState", "active") != "active":
        return warn(f"enabled, but {unit['ActiveState']}", service, fix=_restart(host))
    return ok("enabled and active" if "ActiveState" in unit else "enabled", service)


def _last_complaint(host: Host, service: str) -> str:
    ran = host.root.run("journalctl", "-u", service, "-b", "-n", "20", "--no-pager", "-o", "cat", seconds=10)
    lines = [line for line in (ran.text.splitlines() if ran and ran.ok else []) if re.search(r"fail|error", line, re.I)]
    return f": {lines[0][:160]}" if lines else ""


def _restart(host: Host) -> str:
    return f"systemctl restart {host.distribution.kdump.service}"


@check(
    "kexec-load-disabled",
    "loading it is not forbidden",
    "loaded",
    why="kernel.kexec_load_disabled=1 can't be undone before a reboot: what is not loaded by then never will be.",
)
def kexec_load_disabled(host: Host) -> Found:
    """The kernel.kexec_load_disabled and kernel.kexec_load_limit_panic settings."""
    source = "/proc/sys/kernel/kexec_load_disabled"
    running = host.sysctl("kernel.kexec_load_disabled")
    if running is None:
        return absent("the kernel has no such setting", source) if host.is_running else unknown(NOT_RUNNING, source)
    loaded = any(host.root.number(path) for path in CRASH_LOADED)
    if running != "0":
        persisted = host.sysctls.get("kernel.kexec_load_disabled")
        where = persisted.source if persisted else "whatever sets it"
        if loaded:
            return ok("forbidden from now on, but it is loaded", source)
        return fail("forbidden", source, fix=f"let kdump's service run before {where} sets it, and reboot")
    limit = host.sysctl("kernel.kexec_load_limit_panic")
    if limit == "0" and not loaded:
        return fail("no load is left (limit 0)", "/proc/sys/kernel/kexec_load_limit_panic", fix="reboot")
    return ok("allowed", source)


@check(
    "crash-kernel-release",
    "it is the running kernel's release",
    "loaded",
    why="After a kernel update without a reboot, image, initrd and modules may no longer fit together.",
)
def crash_kernel_release(host: Host) -> Found:
    """Debian's links in /var/lib/kdump, SUSE's kernel there, and Fedora's initrd by its name."""
    for link in ("/var/lib/kdump/vmlinuz", "/var/lib/kdump/kernel"):
        if not host.root.exists(link):
            continue
        real = host.root.real(link)
        if host.release in real:
            return ok(host.release, link)
        return fail(f"it is {real}, and {host.release} runs", link, fix=host.distribution.kdump.rebuild)
    initrd = crash_initrd(host)
    if initrd is None:
        return absent("none is installed")
    if host.release in initrd.path:
        return ok(host.release, initrd.path)
    return unknown(f"{initrd.path} does not tell by its name", initrd.path)


@check(
    "crash-initrd",
    "its initrd is there",
    "loaded",
    why="The crash kernel's initrd holds the program that saves the dump and the drivers of the place it goes to.",
)
def crash_initrd_there(host: Host) -> Found:
    """/boot/initramfs-RELEASEkdump.img, /var/lib/kdump/initrd.img-RELEASE, /var/lib/kdump/initrd."""
    kdump = host.distribution.kdump
    initrd = crash_initrd(host)
    if initrd is not None:
        return ok(size_text(initrd.size), initrd.path)
    if host.dump_settings is None and host.distribution.family not in ("arch", ""):
        return absent("kdump is not installed", kdump.config)
    expected = kdump.initrds[0].format(release=host.release) if kdump.initrds else ""
    if not expected:
        return unknown("where this distribution keeps it is not known")
    if any(host.root.number(path) for path in CRASH_LOADED) and host.distribution.family in ("arch", ""):
        return unknown("a crash kernel is loaded from elsewhere", expected)
    return fail("not there", expected, fix=kdump.rebuild)


@check(
    "crash-initrd-current",
    "its initrd is newer than its configuration",
    "loaded",
    why="Settings and hooks are copied into the initrd when it is built: a later change has no effect until then.",
)
def crash_initrd_current(host: Host) -> Found:
    """Compare times with kdump's configuration, fstab, hooks, the collector and the kernel."""
    initrd = crash_initrd(host)
    if initrd is None:
        return absent("there is none")
    newer = []
    for path in _ingredients(host):
        found = host.root.stat(path)
        if found is not None and found.st_mtime > initrd.built + 1:
            newer.append(path)
    if newer:
        return warn(f"older than {', '.join(newer[:4])}", initrd.path, fix=host.distribution.kdump.rebuild)
    return ok("yes", initrd.path)


# Fedora's kdumpctl rebuilds for these at its next start; Debian copies sysctls and initramfs-tools' settings into it.
_INGREDIENTS = {
    "debian": ("/etc/kdump/sysctl.conf", "/etc/initramfs-tools/initramfs.conf", "/etc/initramfs-tools/modules"),
    "fedora": ("/etc/kdump.conf", "/etc/sysconfig/kdump", "/etc/fstab", "/etc/kdump/pre.d", "/etc/kdump/post.d"),
    "suse": ("/etc/sysconfig/kdump", "/etc/fstab"),
}


def _ingredients(host: Host) -> list[str]:
    paths = list(_INGREDIENTS.get(host.distribution.family, ()))
    for directory in ("/etc/kdump/pre.d", "/etc/kdump/post.d"):
        paths += [f"{directory}/{name}" for name in host.root.names(directory)]
    settings = host.dump_settings
    if settings is not None:
        collector = host.root.which(settings.collector.rpartition("/")[2])
        paths += [*([collector] if collector else []), *(path for path in settings.extra if path.startswith("/"))]
    return [*paths, f"/boot/vmlinuz-{host.release}"]


@check(
    "crash-initrd-drivers",
    "its initrd has the drivers of the dump's disk",
    "loaded",
    why="Without the driver of the disk, file system or network card, the crash kernel finds nowhere to write to.",
)
def crash_initrd_drivers(host: Host) -> Found:
    """List the initrd and look for the modules that the target's devices use now."""
    initrd = crash_initrd(host)
    if initrd is None:
        return absent("there is no initrd")
    settings = host.dump_settings
    if settings is None:
        return absent("no target is configured")
    wanted = _wanted_modules(host)
    if not wanted and settings.kind != "ssh":
        return unknown("which drivers the target needs is not known here", settings.source)
    listing = contents(host, initrd)
    if listing is None:
        return unknown("lsinitrd or lsinitramfs is needed to look into it", initrd.path)
    missing = sorted(wanted - listing.modules)
    if settings.key and not any(path.endswith(settings.key.lstrip("/")) for path in listing.files):
        missing.append(f"the key {settings.key}")
    if not missing:
        return ok(", ".join(sorted(wanted)) or settings.key, initrd.path)
    if listing.squashed:
        return unknown(f"{listing.tool} does not look into its squashed part: {', '.join(missing)}", initrd.path)
    return fail(f"without {', '.join(missing)}", initrd.path, fix=host.distribution.kdump.rebuild)


def _wanted_modules(host: Host) -> set[str]:
    settings = host.dump_settings
    assert settings is not None
    if settings.kind in ("nfs", "ssh", "ftp", "cifs"):
        wanted = {"nfs": {"nfs"}, "cifs": {"cifs"}}.get(settings.kind, set())
    else:
        mount = mount_of(host.root, settings.path)
        device = settings.where or (mount.device if mount else "")
        file_system = settings.file_system or (mount.file_system if mount else "")
        wanted = {file_system.replace("-", "_")} if file_system else set()
        wanted |= drivers(host.root, device)
    loadable = {name.replace("-", "_") for name in host.modules}
    return {name for name in wanted if name in loadable and name not in host.built_in_modules}


@check(
    "crash-hotplug",
    "it follows CPUs and memory that come and go",
    "loaded",
    why="The list of memory to dump is made when the crash kernel is loaded; memory added later would be missing.",
)
def crash_hotplug(host: Host) -> Found:
    """The kernel does it itself from 6.5 on (crash_hotplug); before, a udev rule loads it anew."""
    for kind in ("memory", "cpu"):
        path = f"/sys/devices/system/{kind}/crash_hotplug"
        if host.root.number(path) == 1:
            return ok("the kernel does it", path)
    for path in ELFCOREHDR_SIZE:
        if host.root.number(path):
            return ok("the kernel does it", path)
    directories = ("/etc/udev/rules.d", "/usr/lib/udev/rules.d", "/lib/udev/rules.d")
    for name in ("*kexec*.rules", "*kdump*.rules"):
        for directory in directories:
            if rules := host.root.glob(f"{directory}/{name}"):
                return ok("a udev rule loads it anew", rules[0])
    if host.dump_settings is None and host.distribution.family not in ("arch", ""):
        return absent("kdump is not installed", host.distribution.kdump.config)
    fixed = "hotplug rarely matters on a machine whose memory is fixed"
    fix = f"install kdump by the distribution's package, which has the rule ({fixed})"
    return warn("no rule loads it anew", "/usr/lib/udev/rules.d", fix=fix)


# Why each is there: Documentation/admin-guide/kdump/kdump.rst.
_EXPECTED = {
    ("nr_cpus", "maxcpus"): "one CPU takes the least memory",
    ("reset_devices",): "drivers reset what the dead kernel left running",
}
_HARMFUL = {
    "hugepages": "reserves the little memory that there is",
    "hugepagesz": "reserves the little memory that there is",
    "crashkernel": "would reserve memory in the crash kernel",
    "slub_debug": "takes memory",
    "page_owner": "takes memory",
}


@check(
    "capture-command-line",
    "the crash kernel's command line fits its small memory",
    "loaded",
    why="The crash kernel has little memory, and devices that nobody has stopped: some arguments help, some kill.",
)
def capture_command_line(host: Host) -> Found:
    """/var/crash/kexec_cmd as it was loaded, else as the configuration would make it."""
    source, arguments = _capture_arguments(host)
    if not arguments:
        return unknown("not known here", source)
    harmful = [name for name in _HARMFUL if argument(arguments, name) is not None]
    missing = [names for names in _EXPECTED if all(argument(arguments, name) is None for name in names)]
    where = host.distribution.kdump.settings
    if harmful:
        text = ", ".join(f"{name} ({_HARMFUL[name]})" for name in harmful)
        return fail(f"has {text}", source, fix=f"take it off in {where}, then {_restart(host)}")
    if missing:
        text = ", ".join(f"{names[0]} ({_EXPECTED[names]})" for names in missing)
        return warn(f"without {text}", source, fix=f"append it in {where}, then {_restart(host)}")
    return ok("fits", source)


def _capture_arguments(host: Host) -> tuple[str, tuple[str, ...]]:
    recorded = "/var/crash/kexec_cmd"
    match = re.search(r"--command-line=(?:\"([^\"]{0,8000})\"|(\S{0,8000}))", host.root.text(recorded) or "")
    if match:
        return recorded, tuple((match[1] or match[2]).split())
    settings = host.dump_settings
    if settings is None:
        return host.distribution.kdump.settings, ()
    append = settings.append or settings.default_append or _FAMILY_APPEND.get(host.distribution.family, "")
    base = settings.command_line.split() if settings.command_line else list(host.arguments or ())
    removed = {*settings.remove.split(), "crashkernel"}
    kept = [one for one in base if one.partition("=")[0] not in removed]
    return settings.source, (*kept, *shlex.split(append))


# What the scripts append by themselves (SUSE's from kdump's load.sh).
_FAMILY_APPEND = {"suse": "nr_cpus=1 irqpoll reset_devices"}
