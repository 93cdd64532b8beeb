"""The kernel command line of the next boot, as the boot loader's files have it."""

import re

from lastwords.model.oops import Struct

from .distribution import shell_variables
from .root import NoRight, Root

_ENTRIES_LIMIT = 100
_GRUB_CFG = ("/boot/grub/grub.cfg", "/boot/grub2/grub.cfg", "/boot/efi/EFI/fedora/grub.cfg")
_LINE_FILES = ("/boot/firmware/cmdline.txt", "/boot/cmdline.txt")
_VARIABLES = ("GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT")


class Entry(Struct, frozen=True, kw_only=True):
    """One kernel that may be booted next, or the default that new entries are made from.

    Attributes:
        source: the file.
        title: the entry's, may be empty.
        arguments: its command line, split.
    """

    source: str
    title: str = ""
    arguments: tuple[str, ...]


class NextBoot(Struct, frozen=True, kw_only=True):
    """What is known of the next boot.

    Attributes:
        entries: what the boot loader will offer, without rescue entries.
        defaults: what entries are made from when a kernel is installed or the loader's file is written anew.
        unreadable: files that this user may not read.
    """

    entries: tuple[Entry, ...] = ()
    defaults: tuple[Entry, ...] = ()
    unreadable: tuple[str, ...] = ()


def next_boot(root: Root) -> NextBoot:
    """Read the boot loader's files: grub.cfg, Boot Loader Specification entries, and the defaults of both."""
    entries: list[Entry] = []
    defaults: list[Entry] = []
    unreadable: list[str] = []
    for wanted, read in ((entries, _bls), (entries, _grub_cfg), (entries, _lines), (defaults, _grub_defaults)):
        try:
            wanted += read(root)
        except NoRight as error:
            unreadable.append(error.path)
    try:
        defaults += _kernel_install(root)
    except NoRight as error:
        unreadable.append(error.path)
    return NextBoot(entries=tuple(entries), defaults=tuple(defaults), unreadable=tuple(unreadable))


def _bls(root: Root) -> list[Entry]:
    """Boot Loader Specification entries; `$kernelopts` stands for a variable of grub's environment block."""
    found = []
    for path in [*root.glob("/boot/loader/entries/*.conf"), *root.glob("/efi/loader/entries/*.conf")][:_ENTRIES_LIMIT]:
        fields = dict(re.findall(r"^(\w{1,40})[ \t]{1,40}(.{0,8000})$", root.text(path, 1 << 16) or "", re.M))
        title, options = fields.get("title", ""), fields.get("options", "")
        if re.search(r"rescue|recovery", f"{title} {path}", re.I):
            continue
        if "$kernelopts" in options:
            options = options.replace("$kernelopts", _grubenv(root).get("kernelopts", ""))
        found.append(Entry(source=path, title=title, arguments=tuple(options.split())))
    return found


def _grubenv(root: Root) -> dict[str, str]:
    text = root.text("/boot/grub2/grubenv", 4096) or root.text("/boot/grub/grubenv", 4096) or ""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))


def _grub_cfg(root: Root) -> list[Entry]:
    found: list[Entry] = []
    for path in _GRUB_CFG:
        title = ""
        for line in (root.text(path, 1 << 20) or "").splitlines():
            if match := re.match(r"\s{0,40}menuentry ['\"](.{0,200}?)['\"]", line):
                title = match[1]
            elif match := re.match(r"\s{0,40}linux(?:16|efi)?[ \t]{1,20}(\S{1,1000})[ \t]{1,20}(.{0,8000})", line):
                recovery = re.search(r"recovery|rescue|memtest", title, re.I) or " single" in line
                if not recovery and "$" not in match[1]:
                    found.append(Entry(source=path, title=title, arguments=tuple(match[2].split())))
    return found[:_ENTRIES_LIMIT]


def _lines(root: Root) -> list[Entry]:
    """Files that are the command line (Raspberry Pi), and zipl's."""
    texts = [(path, text) for path in _LINE_FILES if (text := root.text(path, 1 << 16))]
    zipl = root.text("/etc/zipl.conf", 1 << 16) or ""
    parameters = re.findall(r"^\s{0,40}parameters\s{0,40}=\s{0,40}\"?(.{0,8000}?)\"?$", zipl, re.M)
    texts += [("/etc/zipl.conf", text) for text in parameters]
    return [Entry(source=path, arguments=tuple(text.split())) for path, text in texts]


def _grub_defaults(root: Root) -> list[Entry]:
    paths = ["/etc/default/grub", *root.glob("/etc/default/grub.d/*.cfg")]
    values = dict.fromkeys(_VARIABLES, "")
    there = False
    for path in paths:
        text = root.text(path, 1 << 16)
        there = there or text is not None
        for name, value in shell_variables(text or "").items():
            if name in values:
                # Drop-ins append to what is there: "$GRUB_CMDLINE_LINUX_DEFAULT crashkernel=256M".
                values[name] = re.sub(r"\$\{?(\w{1,60})\}?", lambda match: values.get(match[1], ""), value)
    if not there:
        return []
    source = "/etc/default/grub" if len(paths) == 1 else "/etc/default/grub and grub.d"
    return [Entry(source=source, arguments=tuple(" ".join(values.values()).split()))]


def _kernel_install(root: Root) -> list[Entry]:
    text = root.text("/etc/kernel/cmdline", 1 << 16)
    return [] if text is None else [Entry(source="/etc/kernel/cmdline", arguments=tuple(text.split()))]
