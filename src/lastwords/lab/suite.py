"""A Debian release in a chroot: its package lists, its compiler, its tools. The host's own apt stays as it is."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from .cache import cache, hold, locked
from .errors import LabError

MIRROR = "http://deb.debian.org"
"""Where Debian's packages come from, if `$LASTWORDS_MIRROR` names no other place. apt checks their signatures."""

BACKPORTS = "-backports"
"""Behind a release's name: what was built for it later, kernels for example."""

PACKAGES = (
    "busybox-static",  # the guest's user land
    "e2fsprogs",
    "gcc",
    "kexec-tools",
    "kmod",
    "libc6-dev",
    "make",
    "makedumpfile",
)

# A private mount namespace: /proc (objtool needs it) and /dev are gone again when the command ends.
_ENTER = 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" /bin/sh -euc "$1"'


class Suite:
    """A release of Debian, such as `bookworm`, made by mmdebstrap on first use (about 20 s).

    Attributes:
        name: the release's code name; `trixie-backports` is trixie with newer kernels to be had besides.
        root: where its chroot lies.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.root = cache() / "suites" / name
        with locked(f"suite-{name}"):
            if not self.root.exists():
                self._make()
            hold(self.root)

    def run(self, script: str) -> str:
        """Run a shell script inside, as root.

        Returns:
            What it printed.

        Raises:
            LabError: it failed; with its last words.
        """
        return inside(self.root, script)

    def read(self, path: str) -> bytes:
        """A file's content, with symbolic links followed as they are meant inside."""
        done = subprocess.run(["chroot", self.root, "cat", path], capture_output=True, check=False)
        if done.returncode:
            raise LabError(f"{self.name}: no {path} in its chroot")
        return done.stdout

    def program(self, path: str) -> dict[str, bytes]:
        """A program and the libraries that it needs: path to content."""
        libraries = {word for word in self.run(f"ldd {path} || true").split() if word.startswith("/")}
        return {name: self.read(name) for name in sorted({path, *libraries})}

    @property
    def target(self) -> str:
        """Option of apt-get's: backports are taken only when asked for."""
        return f"-t {self.name}" if self.name.endswith(BACKPORTS) else ""

    def _make(self) -> None:
        bootstrap(self.name, self.root, "apt", PACKAGES)
        self.run("apt-get update -qq")


def inside(root: Path, script: str) -> str:
    """Run a shell script in a chroot, as root; gives what it printed.

    Raises:
        LabError: it failed; with its last words.
    """
    done = _run(["unshare", "--mount", "--fork", "--kill-child", "sh", "-c", _ENTER, str(root), script])
    if done.returncode:
        raise LabError(f"{root.name}: {_last_words(done)}")
    return done.stdout


def bootstrap(suite: str, root: Path, variant: str, packages: Iterable[str]) -> None:
    """Make a chroot of a Debian release.

    Args:
        suite: the release's code name, with BACKPORTS behind it or not.
        root: a directory that is not there yet.
        variant: mmdebstrap's: `apt`, `minbase`, …
        packages: what it holds besides.

    Raises:
        LabError: it can't be made.
    """
    if os.getuid() != 0:
        raise LabError("the lab makes chroots with the kernels' own compilers: run it as root")
    if shutil.which("mmdebstrap") is None:
        raise LabError("mmdebstrap is missing: run scripts/setup-lab (or: apt install mmdebstrap)")
    mirror = os.environ.get("LASTWORDS_MIRROR", MIRROR).rstrip("/")
    release = suite.removesuffix(BACKPORTS)
    making = root.with_suffix(".part")
    shutil.rmtree(making, ignore_errors=True)
    making.parent.mkdir(parents=True, exist_ok=True)
    done = _run(
        [
            "mmdebstrap",
            "--mode=root",
            f"--variant={variant}",
            "--include=" + ",".join(packages),
            '--aptopt=Acquire::Check-Valid-Until "false"',  # releases out of support keep an expired Release file
            '--aptopt=APT::Install-Recommends "false"',
            '--aptopt=APT::Sandbox::User "root"',
            *_proxies(),
            release,
            str(making),
            f"deb {mirror}/debian {release} main",
            f"deb {mirror}/debian-security {release}-security main",
            *([f"deb {mirror}/debian {suite} main"] if suite != release else ()),
        ]
    )
    if done.returncode:
        shutil.rmtree(making, ignore_errors=True)
        raise LabError(f"mmdebstrap {suite}: {_last_words(done)}")
    making.rename(root)


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    # C.UTF-8, because tools' messages are read; no terminal, so that apt asks nothing.
    env = {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        return subprocess.run(
            command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
        )
    except FileNotFoundError as error:
        raise LabError(f"{command[0]} is missing") from error


def _last_words(done: subprocess.CompletedProcess[str]) -> str:
    """The lines of a failed command that say why: compilers' and apt's errors, else the last ones."""
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    errors = [line for line in lines if "error:" in line or line.startswith("E:")]
    return "; ".join((errors or lines[-3:])[:4]) or f"exit status {done.returncode}"


def _proxies() -> list[str]:
    """The host's proxy settings for apt, which a chroot would not have."""
    config = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False).stdout
    wanted = ("Acquire::http::Proxy ", "Acquire::https::Proxy ")
    return [f"--aptopt={line.rstrip(';')}" for line in config.splitlines() if line.startswith(wanted)]
