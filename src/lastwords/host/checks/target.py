"""Where the dump goes: is the place there, can it be written, is there room, and does the collector work?"""

import re

from lastwords.host.collector import collector
from lastwords.host.dump_settings import DumpSettings
from lastwords.host.dump_size import FREE_PAGES, DumpSize, as_measured, counted_size, dump_size
from lastwords.host.dumps import dumps
from lastwords.host.machine import CRASH_LOADED, Host, size_text
from lastwords.host.mounts import is_encrypted, mount_of, mounts
from lastwords.host.rehearsal_record import measured_ratio

from . import Found, absent, check, fail, ok, unknown, warn

_REMOTE = ("nfs", "ssh", "ftp", "cifs")
_VOLATILE = ("tmpfs", "ramfs", "overlay", "squashfs", "iso9660")
_LEVELS = {1: "zero pages", 2: "page cache", 4: "private page cache", 8: "user pages", 16: "free pages"}


@check(
    "dump-target",
    "where the dump goes",
    "target",
    why="The crash kernel saves memory to this place; everything after the crash begins there.",
    decides="target",
)
def dump_target(host: Host) -> Found:
    """kdump.conf, /etc/default/kdump-tools or SUSE's /etc/sysconfig/kdump."""
    kdump = host.distribution.kdump
    settings = host.dump_settings
    if settings is None:
        if host.distribution.family in ("arch", ""):
            return unknown("this distribution has no configuration of kdump that is known here", kdump.config)
        if any(host.root.number(path) for path in CRASH_LOADED):
            return unknown("a crash kernel is loaded, but not by the distribution's kdump", kdump.config)
        fix = host.distribution.install_kdump()
        return fail("kdump is not installed", kdump.config, fix=fix, cost="kdump is not installed")
    if settings.kind == "none":
        fix = f"set KDUMP_DUMPFORMAT=compressed in {settings.source}, then {kdump.rebuild}"
        return fail("only the log is saved, no dump", settings.source, fix=fix, cost="kdump saves only the log")
    return ok(_place(host, settings), settings.source)


def _place(host: Host, settings: DumpSettings) -> str:
    if settings.kind in _REMOTE:
        return f"{settings.kind} to {settings.where}:{settings.path}"
    if settings.kind == "raw":
        return f"raw to {settings.where}"
    if settings.kind == "device":
        return f"{settings.path} on {settings.where} ({settings.file_system})"
    mount = mount_of(host.root, settings.path)
    return f"{settings.path} on {mount.device} ({mount.file_system})" if mount else settings.path


def _local(host: Host) -> DumpSettings | None:
    """The settings, if dumps go to a disk of this machine."""
    settings = host.dump_settings
    return settings if settings is not None and settings.kind in ("local", "device") else None


def _directory(host: Host, settings: DumpSettings) -> str | None:
    """The directory where dumps are seen on this machine; None where their device is not mounted."""
    if settings.kind == "local":
        return settings.path
    for mount in mounts(host.root):
        if _same_device(host, mount.device, settings.where):
            return f"{mount.directory.rstrip('/')}/{settings.path.lstrip('/')}"
    return None


def _same_device(host: Host, one: str, other: str) -> bool:
    from lastwords.host.mounts import block_device

    name = block_device(host.root, one)
    return one == other or (bool(name) and name == block_device(host.root, other))


@check(
    "dump-target-writable",
    "the place is there and can be written",
    "target",
    why="A directory that is missing, read-only or in memory is found out only when the crash kernel tries to write.",
    decides="target",
)
def dump_target_writable(host: Host) -> Found:
    """The directory, its file system's kind and options."""
    settings = _local(host)
    if settings is None:
        return absent("not a directory of this machine")
    directory = _directory(host, settings)
    if directory is None:
        return unknown(f"{settings.where} is not mounted here", settings.source)
    mount = mount_of(host.root, directory)
    if not host.root.is_dir(directory):
        fix = f"mkdir -p {directory} && {host.distribution.kdump.rebuild}"
        if host.distribution.family == "debian":
            return warn(f"{directory} is not there; kdump-config will make it", directory, fix=f"mkdir -p {directory}")
        return fail(f"{directory} is not there", directory, fix=fix, cost=f"{directory} is not there")
    if mount is None:
        return unknown("which file system it is on is not known", directory)
    if mount.file_system in _VOLATILE and mount.file_system != "overlay":
        fix = f"point {settings.source} to a directory on a disk, then {host.distribution.kdump.rebuild}"
        cost = f"{directory} is in memory ({mount.file_system})"
        return fail(f"{directory} is on a {mount.file_system}: gone after a reboot", mount.source, fix=fix, cost=cost)
    if "ro" in mount.options:
        fix = f"mount -o remount,rw {mount.directory}"
        return fail(f"{mount.directory} is mounted read-only", mount.source, fix=fix, cost=f"{directory} is read-only")
    return ok(f"{directory}, {mount.file_system}, writable", mount.source)


# makedumpfile looks at every page: some seconds for this much memory, minutes for a terabyte.
_COUNTABLE = 64 << 30


def estimate(host: Host) -> tuple[DumpSize, str] | None:
    """How large a dump will be with kdump's settings, and by what; None where it can't be told."""
    settings = host.dump_settings
    packed = settings is None or settings.kind != "raw"
    if settings is not None and host.distribution.family == "fedora":
        packed = any(option in ("-c", "-l", "-p", "-z") for option in settings.options)
    if (host.memory or _COUNTABLE) < _COUNTABLE:
        ran = host.root.run("makedumpfile", "--mem-usage", "/proc/kcore", seconds=15)
        counted = counted_size(ran.text, _level(host), packed=packed) if ran is not None and ran.ok else None
        if counted is not None:
            return as_measured(counted, measured_ratio(host.root)), "makedumpfile --mem-usage"
    size = dump_size(host.meminfo, _level(host), packed=packed)
    return (as_measured(size, measured_ratio(host.root)), "/proc/meminfo") if size is not None else None


def _level(host: Host) -> int:
    """What is left out: the dump level, without free pages where makedumpfile is too old to find them."""
    settings = host.dump_settings
    level = settings.level if settings else 31
    tool = collector(host)
    return level & ~FREE_PAGES if tool is not None and tool.keeps_free_pages else level


@check(
    "dump-room",
    "there is room for a dump",
    "target",
    why="A dump that fills the disk is cut off, and a cut-off dump may lack the very page that matters.",
    decides="target",
)
def dump_room(host: Host) -> Found:
    """Free bytes and inodes against an estimate from /proc/meminfo and the dump level."""
    settings = _local(host)
    if settings is None:
        return absent("not a directory of this machine")
    if (directory := _directory(host, settings)) is None:
        return unknown(f"{settings.where} is not mounted here", settings.source)
    estimated = estimate(host)
    room = host.root.room(_existing(host, directory))
    if room is None or estimated is None:
        return unknown("memory or free space is not known", directory)
    size, source = estimated
    source = f"{directory}, {source}"
    free = room.f_bavail * room.f_frsize - settings.keep_free
    value = f"{size_text(max(free, 0))} free; {estimate_text(size, _level(host))}"
    fix = f"make room in {directory}, or let dumps go elsewhere: {settings.source}"
    if settings.level != 31:
        fix += "; or leave out more: dump level 31"
    if room.f_files and room.f_favail < 10:
        return fail(
            f"no inodes are left in {directory}", directory, fix=fix, cost="the dump's file system has no inodes"
        )
    if free < size.likely:
        return fail(value, source, fix=fix, cost=f"{directory} has no room for a dump")
    if free < size.cautious:
        return warn(value, source, fix=fix)
    return ok(value, source)


def estimate_text(size: DumpSize, level: int) -> str:
    """The estimate in words."""
    left_out = [text for bit, text in _LEVELS.items() if level & bit]
    without = f"without {', '.join(left_out)}" if left_out else "everything"
    likely = f"about {size_text(size.likely)}, at worst {size_text(size.cautious)}"
    measured = ", as the rehearsal here measured" if size.measured else ""
    return f"a dump at level {level} ({without}) will take {likely}{measured}"


def _existing(host: Host, path: str) -> str:
    """The path, or the nearest directory above it that is there."""
    while path not in ("", "/") and not host.root.exists(path):
        path = path.rpartition("/")[0]
    return path or "/"


@check(
    "makedumpfile",
    "makedumpfile is there and knows this kernel",
    "target",
    why="makedumpfile leaves out what is not needed. One too old for the kernel leaves out too little, or fails.",
    decides="target",
)
def makedumpfile(host: Host) -> Found:
    """Its version against the kernel's."""
    settings = host.dump_settings
    program = settings.collector.rpartition("/")[2] if settings else "makedumpfile"
    if program != "makedumpfile":
        where = host.root.which(program)
        if where is None:
            fix = f"install it, or set core_collector in {settings.source if settings else ''}"
            return fail(f"{program} is not there", settings.source if settings else "", fix=fix)
        return ok(f"{program} is used instead: nothing is left out", where)
    path = host.root.which("makedumpfile")
    package = "kexec-tools" if "kexec-tools" in host.distribution.kdump.packages[:1] else "makedumpfile"
    install = host.distribution.install(package if host.distribution.family == "fedora" else "makedumpfile")
    if path is None:
        return fail("not installed", "makedumpfile", fix=install, cost="makedumpfile is not installed")
    found = collector(host)
    if found is None:
        return unknown("its version can't be told", path)
    kernel = ".".join(map(str, host.version))
    fix = "install a newer makedumpfile, from the distribution's backports or its next release"
    if found.harm:
        return fail(f"{found.text} is too old for kernel {kernel}: {found.harm}", found.source, fix=fix)
    if found.knows is not None and _minors(host.version) - _minors(found.knows) > _TOLERATED:
        text = f"{found.text} knows kernels up to {'.'.join(map(str, found.knows))}, and this is {kernel}"
        return warn(f"{text}: it says `not supported` and may leave out too little", found.source, fix=fix)
    return ok(f"{found.text}, on kernel {kernel}", found.source)


# A kernel a little newer than makedumpfile knows makes it warn, and mostly works: distributions ship such pairs.
_TOLERATED = 3
_LAST_MINOR = {3: 19, 4: 20, 5: 19, 6: 19}


def _minors(version: tuple[int, int]) -> int:
    """Releases since 3.0, which counts 5.19 to 6.0 as one step."""
    return sum(last + 1 for major, last in _LAST_MINOR.items() if major < version[0]) + version[1]


@check(
    "collector-options",
    "its options are valid",
    "target",
    why="makedumpfile with a wrong option ends at once, in the crash kernel, where nobody sees it.",
)
def collector_options(host: Host) -> Found:
    """`makedumpfile --check-params` with the configured options (1.6.8 and newer)."""
    settings = host.dump_settings
    if settings is None or settings.collector.rpartition("/")[2] != "makedumpfile":
        return absent("makedumpfile is not used")
    shown = " ".join(settings.options) or "its own defaults"
    if not 0 <= settings.level <= 31:
        return fail(f"dump level {settings.level}", settings.source, fix=f"set 31 in {settings.source}")
    options = [option for option in settings.options if option != "-F"]
    ran = host.root.run("makedumpfile", "--check-params", *options, "/proc/vmcore", "dump", seconds=10)
    if ran is None or "unrecognized option" in ran.err.decode(errors="replace") + ran.text:
        return ok(f"{shown} (not tried)", settings.source)
    if not ran.ok:
        reason = ran.complaint or ran.text.partition("\n")[0]
        return fail(f"{shown}: {reason[:160]}", settings.source, fix=f"correct the options in {settings.source}")
    return ok(shown, settings.source)


@check(
    "remote-target",
    "the server answers",
    "target",
    why="A dump over the network needs a key without a passphrase and a server that lets it write.",
)
def remote_target(host: Host) -> Found:
    """The ssh key and known host; NFS mount options. Nothing is sent: doctor only reads."""
    settings = host.dump_settings
    if settings is None or settings.kind not in _REMOTE:
        return absent("dumps stay on this machine")
    if settings.kind != "ssh":
        return unknown(
            f"{settings.kind} to {settings.where}: not tried",
            settings.source,
            fix=f"try it: {'mount -t nfs' if settings.kind == 'nfs' else 'reach'} {settings.where}:{settings.path}",
        )
    propagate = "kdump-config propagate" if host.distribution.family == "debian" else "kdumpctl propagate"
    if not host.root.is_file(settings.key):
        return fail(f"the key {settings.key} is not there", settings.source, fix=propagate)
    if _encrypted_key(host, settings.key):
        return fail(f"the key {settings.key} has a passphrase", settings.key, fix=f"rm {settings.key}*; {propagate}")
    known = host.root.text("/root/.ssh/known_hosts") or ""
    server = settings.where.rpartition("@")[2]
    if server not in known and "|1|" not in known:
        return warn(f"the host key of {server} is not known", "/root/.ssh/known_hosts", fix=propagate)
    test = f"ssh -i {settings.key} -o BatchMode=yes {settings.where} mkdir -p {settings.path}"
    return unknown(f"the key is there; {server} was not asked", settings.key, fix=f"try it: {test}")


def _encrypted_key(host: Host, path: str) -> bool:
    text = host.root.text(path, 1 << 16) or ""
    # OpenSSH's own format names the cipher in the clear: base64 of openssh-key-v1, then "aes256-ctr" instead of "none".
    return "ENCRYPTED" in text or ("OPENSSH PRIVATE KEY" in text and "AAAAABG5vbmU" not in text)


@check(
    "encrypted-target",
    "an encrypted disk opens in the crash kernel",
    "target",
    why="On a LUKS disk the crash kernel needs the volume key; nobody is there to type a passphrase.",
)
def encrypted_target(host: Host) -> Found:
    """The option link-volume-key of crypttab (kdump-utils, with CONFIG_CRASH_DM_CRYPT of kernel 6.16)."""
    settings = _local(host)
    if settings is None:
        return absent("dumps don't go to a disk of this machine")
    mount = mount_of(host.root, settings.path)
    device = settings.where or (mount.device if mount else "")
    if not is_encrypted(host.root, device):
        return absent("not encrypted, as far as can be seen", device)
    crypttab = host.root.text("/etc/crypttab") or ""
    if "link-volume-key" in crypttab:
        return ok("the volume key is handed on (link-volume-key)", "/etc/crypttab")
    fix = (
        f"let dumps go to a partition that is not encrypted, or to a server ({settings.source}); or, with kdump-utils "
        "and kernel 6.16: link-volume-key=@u::%user:cryptsetup:UUID in /etc/crypttab"
    )
    return warn(f"{device} is encrypted, and no key is handed to the crash kernel", "/etc/crypttab", fix=fix)


@check(
    "dump-retention",
    "old dumps do not fill the disk",
    "target",
    why="Dumps are large. A machine that crashes in a loop fills its disk, unless only some are kept.",
)
def dump_retention(host: Host) -> Found:
    """KDUMP_NUM_DUMPS, KDUMP_KEEP_OLD_DUMPS, and what lies there."""
    settings = _local(host)
    directory = _directory(host, settings) if settings else None
    if settings is None or directory is None:
        return absent("not a directory of this machine")
    found = dumps(host.root, directory)
    size = sum(dump.size for dump in found)
    there = f"{len(found)} dumps, {size_text(size)}" if found else "no dumps yet"
    if settings.keep:
        return ok(f"the last {settings.keep} are kept; {there}", settings.source)
    fixes = {
        "debian": f"set KDUMP_NUM_DUMPS=3 in {settings.source}",
        "suse": f"set KDUMP_KEEP_OLD_DUMPS=3 in {settings.source}",
    }
    fix = fixes.get(host.distribution.family, f"have systemd-tmpfiles or cron delete what is old in {directory}")
    room = host.root.room(_existing(host, directory))
    if room is not None and size > room.f_bavail * room.f_frsize:
        return warn(f"all are kept; {there}, more than is free", directory, fix=fix)
    return ok(f"all are kept; {there}", settings.source)


@check(
    "incomplete-dumps",
    "no dump was cut off",
    "target",
    why="kdump renames a dump only when it is whole: a left-over `incomplete` tells of a dump that failed.",
)
def incomplete_dumps(host: Host) -> Found:
    """Left-over vmcore-incomplete and dump-incomplete."""
    settings = _local(host)
    directory = (_directory(host, settings) if settings else None) or host.distribution.kdump.directory
    cut = [dump for dump in dumps(host.root, directory) if dump.incomplete]
    if not cut:
        return ok("none", directory)
    fix = f"lastwords verify {cut[0].path}; then look why: room, crashkernel's size, watchdog"
    return warn(f"{len(cut)}, the last {cut[0].path} ({size_text(cut[0].size)})", directory, fix=fix)


@check(
    "dump-directory-mode",
    "dumps can't be read by everybody",
    "target",
    why="A dump holds keys, passwords and everybody's data.",
)
def dump_directory_mode(host: Host) -> Found:
    """Modes of the directory and of the dumps in it."""
    settings = _local(host)
    directory = (_directory(host, settings) if settings else None) or host.distribution.kdump.directory
    found = host.root.stat(directory)
    if found is None:
        return absent(f"{directory} is not there", directory)
    mode = found.st_mode & 0o7777
    if mode & 0o002 and not mode & 0o1000:
        return warn(f"{mode:04o}: everybody can write and delete there", directory, fix=f"chmod o-w {directory}")
    if not mode & 0o005:
        return ok(f"{mode:04o}", directory)
    readable = [dump for dump in dumps(host.root, directory) if dump.mode & 0o004]
    if readable:
        return warn(f"everybody can read {readable[0].path}", directory, fix=f"chmod o-r {readable[0].path}")
    return ok(f"{mode:04o}, and no dump in it is readable by others", directory)


@check(
    "failure-action",
    "what is done after a dump, and if it fails",
    "target",
    why="A crash kernel that waits in a shell keeps the service down; one that reboots without a dump loses it.",
)
def failure_action(host: Host) -> Found:
    """failure_action and final_action, KDUMP_FAIL_CMD, KDUMP_IMMEDIATE_REBOOT."""
    settings = host.dump_settings
    if settings is None:
        return absent("kdump is not configured")
    final = settings.final_action or "reboot"
    value = f"after a dump: {final}; if it fails: {settings.failure_action}"
    if re.search(r"shell|halt|poweroff|bash", f"{final} {settings.failure_action}"):
        return warn(
            f"{value}: the machine then waits for somebody",
            settings.source,
            fix=f"set it to reboot in {settings.source} unless somebody sits at the console",
        )
    return ok(value, settings.source)
