"""Where kdump puts a dump and how it makes it: kdump.conf(5), /etc/default/kdump-tools, SUSE's /etc/sysconfig/kdump."""

import re
import shlex
from typing import Literal

from lastwords.model.oops import Struct

from .distribution import Distribution, shell_variables
from .root import Root

TargetKind = Literal["local", "device", "raw", "nfs", "ssh", "ftp", "cifs", "none"]

_FILE_SYSTEMS = ("ext2", "ext3", "ext4", "xfs", "btrfs", "minix", "virtiofs")
_SCHEMES: dict[str, TargetKind] = {
    "file": "local",
    "nfs": "nfs",
    "ssh": "ssh",
    "sftp": "ssh",
    "ftp": "ftp",
    "cifs": "cifs",
}


class DumpSettings(Struct, frozen=True, kw_only=True):
    """Kdump's settings, whatever the distribution calls them.

    Attributes:
        source: the file they come from.
        kind: `local` a directory of this machine, `device` a file system by its device, `raw` a partition without
            one, or a server by `nfs`, `ssh`, `ftp`, `cifs`.
        where: the device or the server, empty for `local`.
        path: the directory, on this machine for `local`, below the device or on the server for the others.
        file_system: of a `device`, where the configuration names it.
        collector: the program that writes the dump, `makedumpfile` or another.
        options: its options.
        level: its dump level, a sum of 1 zero, 2 cache, 4 private cache, 8 user, 16 free pages that are left out.
        key: the ssh key, empty where it is not `ssh`.
        keep: old dumps that are kept; 0 for all; None where nothing limits them.
        keep_free: bytes that must stay free (SUSE deletes the dump otherwise).
        failure_action: what is done when the dump fails: `reboot`, `shell`, `halt`, …
        final_action: what is done after a dump.
        enabled: False where the configuration switches it off.
        append: what is put on the capture kernel's command line; empty for the built-in default.
        remove: names that are taken off it.
        command_line: a command line of its own instead of the running kernel's; mostly empty.
        extra: programs and hooks that must be in its initrd.
        default_append: what the distribution's scripts append where `append` is empty.
    """

    source: str
    kind: TargetKind = "local"
    where: str = ""
    path: str = "/var/crash"
    file_system: str = ""
    collector: str = "makedumpfile"
    options: tuple[str, ...] = ()
    level: int = 31
    key: str = ""
    keep: int | None = None
    keep_free: int = 0
    failure_action: str = ""
    final_action: str = ""
    enabled: bool = True
    append: str = ""
    remove: str = ""
    command_line: str = ""
    extra: tuple[str, ...] = ()
    default_append: str = ""


def dump_settings(root: Root, distribution: Distribution) -> DumpSettings | None:
    """The settings of whichever kdump is there: the family's own first; None where none has a configuration.

    Raises:
        NoRight: it is there and may not be read.
    """
    readers = {"debian": _kdump_tools, "fedora": _kdump_conf, "suse": _sysconfig_kdump}
    own = readers.pop(distribution.family, None)
    for reader in [own] if own else readers.values():
        if (found := reader(root)) is not None:
            return found
    return None


def _kdump_tools(root: Root) -> DumpSettings | None:
    source = "/etc/default/kdump-tools"
    text = root.text(source)
    if text is None:
        return None
    given = shell_variables(text)
    kinds: dict[str, TargetKind] = {"NFS": "nfs", "SSH": "ssh", "FTP": "ftp"}
    variable, kind = next(((name, kind) for name, kind in kinds.items() if given.get(name)), ("", "local"))
    path = given.get("KDUMP_COREDIR") or "/var/crash"
    where = given.get(variable, "")
    if kind in ("nfs", "ftp"):
        where, _, remote = where.partition(":")
        path = remote or "/"
    options = tuple(_words(given.get("MAKEDUMP_ARGS") or "-c -d 31"))
    return DumpSettings(
        source=source,
        kind=kind,
        where=where,
        path=path,
        options=options,
        level=_level(options, 31),
        key=(given.get("SSH_KEY") or "/root/.ssh/kdump_id_rsa") if kind == "ssh" else "",
        keep=_number(given.get("KDUMP_NUM_DUMPS")) or None,
        failure_action=given.get("KDUMP_FAIL_CMD") or "reboot -f",
        enabled=given.get("USE_KDUMP", "0") not in ("", "0"),
        append=given.get("KDUMP_CMDLINE_APPEND", ""),
        remove="crashkernel hugepages hugepagesz abm",
        command_line=given.get("KDUMP_CMDLINE", ""),
        default_append="reset_devices systemd.unit=kdump-tools-dump.service nr_cpus=1 irqpoll usbcore.nousb",
    )


def _kdump_conf(root: Root) -> DumpSettings | None:
    source = "/etc/kdump.conf"
    text = root.text(source)
    if text is None:
        return None
    given: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.partition("#")[0].strip().partition(" ")
        if name:
            given[name] = value.strip()
    kind: TargetKind = "local"
    where = file_system = ""
    for name in (*_FILE_SYSTEMS, "raw", "nfs", "ssh"):
        if name in given:
            where = given[name]
            file_system = name if name in _FILE_SYSTEMS else ""
            kind = "device" if file_system else name  # type: ignore[assignment]
    if "--mount" in given.get("dracut_args", "") and not where:
        mount = _words(given["dracut_args"].partition("--mount")[2].lstrip(" ="))
        words = mount[0].split() if mount else []
        if len(words) >= 3:
            where, file_system = words[0], words[2]
            kind = "nfs" if file_system.startswith("nfs") else "device"
    path = given.get("path") or "/var/crash"
    if kind == "nfs" and ":" in where:
        where, _, exported = where.partition(":")
        path = f"{exported.rstrip('/')}/{path.lstrip('/')}"
    collector = _words(given.get("core_collector", "")) or ["makedumpfile", "-l", "--message-level", "7", "-d", "31"]
    system = shell_variables(root.text("/etc/sysconfig/kdump") or "")
    return DumpSettings(
        source=source,
        kind=kind,
        where=where,
        path=path,
        file_system=file_system,
        collector=collector[0],
        options=tuple(collector[1:]),
        level=_level(tuple(collector[1:]), 0) if collector[0].endswith("makedumpfile") else 0,
        key=(given.get("sshkey") or "/root/.ssh/kdump_id_rsa") if kind == "ssh" else "",
        failure_action=given.get("failure_action") or given.get("default") or "reboot",
        final_action=given.get("final_action") or "reboot",
        append=system.get("KDUMP_COMMANDLINE_APPEND", ""),
        remove=system.get("KDUMP_COMMANDLINE_REMOVE", "hugepages hugepagesz slub_debug"),
        command_line=system.get("KDUMP_COMMANDLINE", ""),
        extra=tuple(
            word for name in ("kdump_pre", "kdump_post", "extra_bins") for word in _words(given.get(name, ""))[:20]
        ),
    )


def _sysconfig_kdump(root: Root) -> DumpSettings | None:
    source = "/etc/sysconfig/kdump"
    text = root.text(source)
    if text is None:
        return None
    given = shell_variables(text)
    first = (given.get("KDUMP_SAVEDIR") or "file:///var/crash").split()[0]
    kind, where, path = _savedir(first)
    options = tuple(_words(given.get("MAKEDUMPFILE_OPTIONS", "")))
    level = _number(given.get("KDUMP_DUMPLEVEL"))
    keep = _number(given.get("KDUMP_KEEP_OLD_DUMPS"))
    return DumpSettings(
        source=source,
        kind="none" if given.get("KDUMP_DUMPFORMAT", "").lower() == "none" else kind,
        where=where,
        path=path,
        options=options,
        level=31 if level is None else level,
        key=given.get("KDUMP_SSH_IDENTITY", "").split()[0] if given.get("KDUMP_SSH_IDENTITY", "").split() else "",
        keep=5 if keep is None else keep or None,
        keep_free=(_number(given.get("KDUMP_FREE_DISK_SIZE")) or 64) << 20,
        failure_action="continue" if given.get("KDUMP_CONTINUE_ON_ERROR", "").lower() in ("true", "yes") else "shell",
        final_action="shell" if given.get("KDUMP_IMMEDIATE_REBOOT", "yes").lower() in ("no", "false") else "reboot",
        append=given.get("KDUMP_COMMANDLINE_APPEND", ""),
        remove="crashkernel",
        command_line=given.get("KDUMP_COMMANDLINE", ""),
        extra=tuple(_words(given.get("KDUMP_REQUIRED_PROGRAMS", ""))[:20]),
    )


def _savedir(url: str) -> tuple[TargetKind, str, str]:
    """Kind, server and directory of `file:///var/crash`, `ssh://root@host/dumps`, `/var/crash`."""
    match = re.match(r"([a-z]{2,8})://([^/]{0,300})(/.{0,4000})?$", url)
    if not match:
        return "local", "", url
    return _SCHEMES.get(match[1], "local"), match[2], match[3] or "/"


def _level(options: tuple[str, ...], default: int) -> int:
    """The dump level of makedumpfile's options; of `-d 0,1,31` the first that it tries."""
    for position, option in enumerate(options):
        if option == "-d" and position + 1 < len(options):
            return _number(options[position + 1].split(",")[0]) or 0
        if re.match(r"-d\d", option):
            return _number(option[2:].split(",")[0]) or 0
    return default


def _number(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"-?\d{1,9}", text.strip()) else None


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()
