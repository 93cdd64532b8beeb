"""Where the dump goes: is the place there, can it be written, is it reached from the crash kernel?"""

import re

from lastwords.host.dump_settings import DumpSettings
from lastwords.host.machine import CRASH_LOADED, Host
from lastwords.host.mounts import is_encrypted, mount_of, mounts

from . import Found, absent, check, fail, ok, unknown, warn

_REMOTE = ("nfs", "ssh", "ftp", "cifs")
_VOLATILE = ("tmpfs", "ramfs", "squashfs", "iso9660")


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


NOT_CONFIGURED = "kdump is not configured"


def elsewhere(host: Host) -> str:
    """Why there is no directory to look at: dumps go elsewhere, or nowhere."""
    return NOT_CONFIGURED if host.dump_settings is None else "not a directory of this machine"


def local_settings(host: Host) -> DumpSettings | None:
    """The settings, if dumps go to a disk of this machine."""
    settings = host.dump_settings
    return settings if settings is not None and settings.kind in ("local", "device") else None


def dump_directory(host: Host, settings: DumpSettings) -> str | None:
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
    settings = local_settings(host)
    if settings is None:
        return absent(elsewhere(host))
    directory = dump_directory(host, settings)
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
    if mount.file_system in _VOLATILE:
        fix = f"point {settings.source} to a directory on a disk, then {host.distribution.kdump.rebuild}"
        cost = f"{directory} is in memory ({mount.file_system})"
        return fail(f"{directory} is on a {mount.file_system}: gone after a reboot", mount.source, fix=fix, cost=cost)
    if "ro" in mount.options:
        fix = f"mount -o remount,rw {mount.directory}"
        return fail(f"{mount.directory} is mounted read-only", mount.source, fix=fix, cost=f"{directory} is read-only")
    return ok(f"{directory}, {mount.file_system}, writable", mount.source)


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
        return absent(NOT_CONFIGURED if settings is None else "dumps stay on this machine")
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
    settings = local_settings(host)
    if settings is None:
        return absent(elsewhere(host))
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
    "failure-action",
    "what is done after a dump, and if it fails",
    "target",
    why="A crash kernel that waits in a shell keeps the service down; one that reboots without a dump loses it.",
)
def failure_action(host: Host) -> Found:
    """failure_action and final_action, KDUMP_FAIL_CMD, KDUMP_IMMEDIATE_REBOOT."""
    settings = host.dump_settings
    if settings is None:
        return absent(NOT_CONFIGURED)
    final = settings.final_action or "reboot"
    value = f"after a dump: {final}; if it fails: {settings.failure_action}"
    if re.search(r"shell|halt|poweroff|bash", f"{final} {settings.failure_action}"):
        return warn(
            f"{value}: the machine then waits for somebody",
            settings.source,
            fix=f"set it to reboot in {settings.source} unless somebody sits at the console",
        )
    return ok(value, settings.source)
