"""`crashkernel=` for the kernels to come, where the boot loader keeps their command line."""

import re
from collections.abc import Callable, Iterator, Sequence

from lastwords.host.boot_arguments import Entry
from lastwords.host.crash_memory import advised, parse_crashkernel
from lastwords.host.machine import Host
from lastwords.host.setup.plan import Action, Command, Edit
from lastwords.host.setup.steps import AfterReboot, CannotDo, step
from lastwords.model.readiness import Check

WHY = "The crash kernel runs in memory that is set aside at boot."
DROP_IN = "/etc/default/grub.d/zz-crashkernel.cfg"
_MIB = 1 << 20


@step("crashkernel-reserved", "crashkernel-next-boot", "crashkernel-size", reboot=True)
def crashkernel(host: Host, checks: Sequence[Check]) -> Iterator[Action]:
    """Set it, unless the next boot has enough already."""
    size = advised(host)
    if _next_boot_has(host, size):
        raise AfterReboot
    loader = host.distribution.boot_loader
    if loader == "grub" and host.distribution.grub_drop_ins:
        yield from _drop_in(host, size)
    elif loader in _WAYS:
        yield from _WAYS[loader](host, size)
    else:
        raise CannotDo(f"put crashkernel={size} on the kernel's command line in the boot loader's configuration")


def _next_boot_has(host: Host, size: str) -> bool:
    """All entries, and what new ones are made from, reserve as much."""
    boot = host.next_boot
    lines = [*boot.entries, *boot.defaults]
    return bool(lines) and all(_reserves(host, line, int(size.removesuffix("M")) * _MIB) for line in lines)


def _reserves(host: Host, line: Entry, least: int) -> bool:
    values = [one.partition("=")[2] for one in line.arguments if one.startswith("crashkernel=")]
    # More than one: `512M,high` with `72M,low`, or the distribution's default and ours behind it.
    sizes = [parse_crashkernel(value, host.memory or 1 << 32) or 0 for value in values]
    return max(sizes, default=0) >= least


def _drop_in(host: Host, size: str) -> Iterator[Action]:
    """Debian's and Ubuntu's update-grub reads it last: of two crashkernel= the kernel takes the second."""
    yield Edit(
        path=DROP_IN,
        before=_text(host, DROP_IN),
        after=f'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT crashkernel={size}"\n',
        why=WHY,
    )
    yield _update_grub(host)


def _grub_defaults(host: Host, size: str) -> Iterator[Action]:
    path = "/etc/default/grub"
    before = _text(host, path) or ""
    after, count = re.subn(
        r"^(GRUB_CMDLINE_LINUX_DEFAULT=)(['\"]?)(.{0,8000}?)\2[ \t]{0,20}$",
        lambda line: f'{line[1]}"{with_argument(line[3], size)}"',
        before,
        flags=re.M,
    )
    if not count:
        after = f'{before.rstrip()}\nGRUB_CMDLINE_LINUX_DEFAULT="crashkernel={size}"\n'.lstrip()
    yield Edit(path=path, before=_text(host, path), after=after, why=WHY)
    yield _update_grub(host)


def _update_grub(host: Host) -> Command:
    update = host.distribution.grub_update
    return Command(argv=update, undo=update, why="It writes the boot loader's menu from the defaults.")


def _grubby(host: Host, size: str) -> Iterator[Action]:
    old = host.argument("crashkernel")
    back = f"--args=crashkernel={old}" if old else "--remove-args=crashkernel"
    yield Command(
        argv=("grubby", "--update-kernel=ALL", f"--args=crashkernel={size}"),
        undo=("grubby", "--update-kernel=ALL", back),
        why=WHY,
    )


def _ostree(host: Host, size: str) -> Iterator[Action]:
    yield Command(
        argv=("rpm-ostree", "kargs", f"--append-if-missing=crashkernel={size}"),
        undo=("rpm-ostree", "kargs", f"--delete-if-present=crashkernel={size}"),
        why=WHY,
    )


def _kernel_install(host: Host, size: str) -> Iterator[Action]:
    """What new entries are made from, and the entries that are there (Boot Loader Specification)."""
    paths = [path for path in ("/etc/kernel/cmdline",) if host.root.exists(path)]
    for path in paths:
        before = _text(host, path) or ""
        yield Edit(path=path, before=before, after=f"{with_argument(before.strip(), size)}\n", why=WHY)
    for path in [*host.root.glob("/boot/loader/entries/*.conf"), *host.root.glob("/efi/loader/entries/*.conf")]:
        before = _text(host, path) or ""
        after = re.sub(
            r"^(options[ \t]{1,40})(.{0,8000})$",
            lambda line: line[1] + with_argument(line[2], size),
            before,
            flags=re.M,
        )
        yield Edit(path=path, before=before, after=after, why=WHY)


def _zipl(host: Host, size: str) -> Iterator[Action]:
    path = "/etc/zipl.conf"
    before = _text(host, path) or ""
    after, count = re.subn(
        r"^([ \t]{0,40}parameters[ \t]{0,40}=[ \t]{0,40})(['\"]?)(.{0,8000}?)\2[ \t]{0,20}$",
        lambda line: f'{line[1]}"{with_argument(line[3], size)}"',
        before,
        flags=re.M,
    )
    if not count:
        raise CannotDo(f"add crashkernel={size} to the parameters in {path}, then run zipl")
    yield Edit(path=path, before=before, after=after, why=WHY)
    yield Command(argv=("zipl",), undo=("zipl",), why="It writes the boot record from zipl.conf.")


_WAYS: dict[str, Callable[[Host, str], Iterator[Action]]] = {
    "grub": _grub_defaults,
    "grubby": _grubby,
    "rpm-ostree": _ostree,
    "kernel-install": _kernel_install,
    "zipl": _zipl,
}


def with_argument(line: str, size: str) -> str:
    """A command line with this crashkernel= in place of others."""
    words = [word for word in line.split() if not word.startswith("crashkernel=")]
    return " ".join([*words, f"crashkernel={size}"])


def _text(host: Host, path: str) -> str | None:
    try:
        return host.root.read(path).decode(errors="surrogateescape")
    except FileNotFoundError:
        return None
