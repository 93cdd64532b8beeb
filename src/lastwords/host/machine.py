"""What the checks of one host share: facts that many of them need, each read once."""

import gzip
import io
import os
import re
from functools import cached_property

from .boot_arguments import NextBoot, next_boot
from .distribution import Distribution, distribution
from .dump_settings import DumpSettings, dump_settings
from .root import NoRight, Root
from .sysctls import Persisted, persisted_sysctls

_CONFIG_LIMIT = 4 << 20
_LOG_LIMIT = 4 << 20
_BEGINNING = "Linux version "  # the first line of each boot
# e_machine of elf.h, and what `uname -m` says there.
_MACHINES = {3: "i686", 21: "ppc64le", 22: "s390x", 40: "armv7l", 62: "x86_64", 183: "aarch64", 243: "riscv64"}


class Host:
    """One machine, as its files (and, where it is the running one, its commands) show it.

    Args:
        root: its files.

    Facts that can't be read are None or empty; a fact that needs more rights raises `NoRight`.
    """

    def __init__(self, root: Root) -> None:
        self.root = root

    @cached_property
    def distribution(self) -> Distribution:
        """Which distribution it is."""
        return distribution(self.root)

    @cached_property
    def is_running(self) -> bool:
        """The root has the state of a running kernel: it is `/`, or a report that copied /proc."""
        return self.root.exists("/proc/sys/kernel")

    @cached_property
    def name(self) -> str:
        """The host's name, may be empty."""
        return self.root.text("/proc/sys/kernel/hostname", 256) or self.root.text("/etc/hostname", 256) or ""

    @cached_property
    def release(self) -> str:
        """The running kernel's release; where it does not run, the newest one that is installed; may be empty."""
        running = self.root.text("/proc/sys/kernel/osrelease", 256)
        if running or self.root.is_live:
            return running or os.uname().release
        installed = self.root.names("/lib/modules") or self.root.names("/usr/lib/modules")
        return max(installed, key=version_key, default="")

    @cached_property
    def version(self) -> tuple[int, int]:
        """The kernel's version: (6, 12); (0, 0) where the release is not known."""
        found = re.match(r"(\d{1,4})\.(\d{1,4})", self.release)
        return (int(found[1]), int(found[2])) if found else (0, 0)

    @cached_property
    def machine(self) -> str:
        """As `uname -m` has it: `x86_64`, `aarch64`, `ppc64le`, `s390x`; may be empty."""
        if self.root.is_live:
            return os.uname().machine
        for program in ("/bin/sh", "/usr/bin/env", "/sbin/init"):
            try:
                head = self.root.read(program, 20)
            except OSError:
                continue
            if head[:4] == b"\x7fELF" and len(head) == 20:
                number = int.from_bytes(head[18:20], "big" if head[5] == 2 else "little")
                return _MACHINES.get(number, "")
        return ""

    @cached_property
    def container(self) -> str:
        """The kind of container this runs in (`docker`, `lxc`, …), empty where in none."""
        if named := self.root.text("/run/systemd/container", 256):
            return named
        if self.root.exists("/.dockerenv"):
            return "docker"
        if self.root.exists("/run/.containerenv"):
            return "podman"
        ran = self.root.run("systemd-detect-virt", "--container", seconds=5)
        return ran.text if ran is not None and ran.ok and ran.text != "none" else ""

    @cached_property
    def arguments(self) -> tuple[str, ...] | None:
        """The running kernel's command line, split; None where it is not there."""
        text = self.root.text("/proc/cmdline", 1 << 16)
        return None if text is None else tuple(text.split())

    def argument(self, name: str) -> str | None:
        """The value of the last argument of that name on the command line, empty for a bare one; None without it."""
        return argument(self.arguments or (), name)

    @cached_property
    def next_boot(self) -> NextBoot:
        """What the boot loader will give to the next kernel."""
        return next_boot(self.root)

    @cached_property
    def meminfo(self) -> dict[str, int]:
        """/proc/meminfo in bytes; none where it is not there."""
        found = re.findall(r"^([\w()]{1,40}):\s{1,20}(\d{1,20}) kB", self.root.text("/proc/meminfo") or "", re.M)
        return {name: int(value) * 1024 for name, value in found}

    @cached_property
    def memory(self) -> int | None:
        """Bytes of RAM that the machine has; None where it is not known. Rounded up where only MemTotal tells.

        /proc/iomem has it all, but shows addresses to root alone; MemTotal lacks what the kernel keeps for itself.
        """
        ranges = self.iomem("System RAM")
        if ranges:
            return sum(end - begin + 1 for begin, end in ranges)
        if "MemTotal" not in self.meminfo:
            return None
        return self.meminfo["MemTotal"] + (self.crash_size or 0)

    def iomem(self, name: str) -> list[tuple[int, int]]:
        """Ranges of /proc/iomem with that name; none where it hides addresses (all zero) or can't be read."""
        try:
            text = self.root.text("/proc/iomem") or ""
        except NoRight:
            return []
        found = re.findall(r"^\s{0,40}([0-9a-f]{1,16})-([0-9a-f]{1,16}) : (.{1,80})$", text, re.M)
        ranges = [(int(begin, 16), int(end, 16)) for begin, end, what in found if what == name]
        return [(begin, end) for begin, end in ranges if end]

    @cached_property
    def crash_size(self) -> int | None:
        """Bytes that are reserved for the crash kernel; None where the kernel does not say."""
        for path in CRASH_SIZE:
            if (size := self.root.number(path)) is not None:
                return size
        return None

    @cached_property
    def kernel_config(self) -> tuple[str, dict[str, str]] | None:
        """Where the kernel's configuration is, and its options (`CONFIG_` taken off); None where it is not there."""
        for path in (
            f"/boot/config-{self.release}",
            f"/lib/modules/{self.release}/config",
            f"/usr/lib/modules/{self.release}/config",
            "/proc/config.gz",
        ):
            try:
                data = self.root.read(path, _CONFIG_LIMIT)
            except FileNotFoundError:
                continue
            text = _unpacked(data).decode(errors="replace")
            return path, dict(re.findall(r"^CONFIG_(\w{1,100})=(.{1,200})$", text, re.M))
        return None

    @cached_property
    def sysctls(self) -> dict[str, Persisted]:
        """What the next boot will set, by name: `kernel.panic_on_oops`."""
        return persisted_sysctls(self.root)

    def sysctl(self, name: str) -> str | None:
        """The running value of a setting: `kernel.panic`; None where the kernel has none such or does not run."""
        return self.root.text(f"/proc/sys/{name.replace('.', '/')}", 4096)

    @cached_property
    def dump_settings(self) -> DumpSettings | None:
        """Where dumps go and how, from kdump's configuration; None where there is no such file."""
        return dump_settings(self.root, self.distribution)

    @cached_property
    def log(self) -> tuple[str, str] | None:
        """Where the log of this boot was found, and the log from its beginning; None where it can't be had.

        Of a kernel that has run for long, the ring buffer has lost its beginning; the journal may have it.
        """
        for command in (("dmesg",), ("journalctl", "-k", "-b", "--no-pager", "-o", "short-monotonic")):
            ran = self.root.run(*command, seconds=10, limit=_LOG_LIMIT)
            if ran is not None and _BEGINNING in ran.text:
                return " ".join(command[:3]), ran.text
        for path in ("/var/log/dmesg", "/sos_commands/kernel/dmesg"):
            try:
                text = self.root.text(path, _LOG_LIMIT) or ""
            except NoRight:
                continue
            if _BEGINNING in text:
                return path, text
        return None

    @cached_property
    def modules(self) -> dict[str, str]:
        """Loaded modules with their taint flags (`(OE)`), from /proc/modules."""
        found = {}
        for line in (self.root.text("/proc/modules") or "").splitlines():
            words = line.split()
            found[words[0]] = words[-1].strip("()") if words[-1].startswith("(") else ""
        return found

    @cached_property
    def built_in_modules(self) -> frozenset[str]:
        """Names of what could be modules and is part of the kernel."""
        text = self.root.text(f"/lib/modules/{self.release}/modules.builtin") or ""
        return frozenset(
            line.rpartition("/")[2].partition(".ko")[0].replace("-", "_") for line in text.splitlines() if line
        )

    @cached_property
    def has_fadump(self) -> bool:
        """The firmware keeps the memory (POWER's fadump): then no crash kernel is loaded."""
        return any(self.root.number(path) == 1 for path in FADUMP_ENABLED)

    def unit(self, name: str) -> dict[str, str]:
        """What systemd says of a unit: ActiveState, UnitFileState, Result; from its links where systemctl can't say."""
        ran = self.root.run(
            "systemctl", "show", name, "-p", "LoadState,ActiveState,SubState,UnitFileState,Result", seconds=10
        )
        if ran is not None and ran.ok and "LoadState=" in ran.text:
            return dict(line.split("=", 1) for line in ran.text.splitlines() if "=" in line)
        return self._unit_files(name)

    def _unit_files(self, name: str) -> dict[str, str]:
        wanted = self.root.glob(f"/etc/systemd/system/*.wants/{name}")
        directories = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
        there = [path for path in directories if self.root.exists(f"{path}/{name}")]
        if not there:
            return {"LoadState": "not-found"}
        masked = self.root.real(f"{there[0]}/{name}") == "/dev/null"
        state = "masked" if masked else "enabled" if wanted else "disabled"
        return {"LoadState": "masked" if masked else "loaded", "UnitFileState": state}


# In the order of the newest kernel (6.19 moved them into a directory of their own).
FADUMP_ENABLED = ("/sys/kernel/fadump/enabled", "/sys/kernel/fadump_enabled")
CRASH_LOADED = ("/sys/kernel/kexec/crash_loaded", "/sys/kernel/kexec_crash_loaded")
CRASH_SIZE = ("/sys/kernel/kexec/crash_size", "/sys/kernel/kexec_crash_size")
CRASH_CMA = ("/sys/kernel/kexec/crash_cma_ranges", "/sys/kernel/kexec_crash_cma_ranges")
ELFCOREHDR_SIZE = ("/sys/kernel/kexec/crash_elfcorehdr_size", "/sys/kernel/crash_elfcorehdr_size")


def argument(arguments: tuple[str, ...], name: str) -> str | None:
    """The value of the last `name=value`, empty for a bare `name`; `-` and `_` are the same to the kernel."""
    wanted = name.replace("-", "_")
    for one in reversed(arguments):
        key, _, value = one.partition("=")
        if key.replace("-", "_") == wanted:
            return value
    return None


def version_key(text: str) -> tuple[tuple[int, int | str], ...]:
    """Sorts `6.1.0-9` before `6.1.0-10`, as people do."""
    parts = re.findall(r"\d{1,9}|[^\d.\-]{1,40}", text)
    return tuple((1, int(part)) if part.isdigit() else (0, part) for part in parts)


def size_text(size: int) -> str:
    """Bytes as people read them: `256 MiB`, `1.5 GiB`."""
    for unit, shift in (("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if size >= 1 << shift:
            number = f"{size / (1 << shift):.1f}".removesuffix(".0")
            return f"{number} {unit}"
    return f"{size} bytes"


def _unpacked(data: bytes) -> bytes:
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            return file.read(_CONFIG_LIMIT)
    except (OSError, EOFError):
        return b""
