"""One virtual machine in QEMU: console into a file, QMP at hand, never left running."""

import contextlib
import json
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from .errors import LabError

QEMU = "qemu-system-x86_64"


COMMAND_LINE = "console=ttyS0 no_timer_check"
"""On amd64. Emulated on a busy host it sees too few ticks, and its end is "IO-APIC + timer doesn't work!"."""


class Board(NamedTuple):
    """What to emulate: QEMU's program, its `arguments`, and the beginning of the kernel's `command_line`."""

    qemu: str
    arguments: tuple[str, ...]
    command_line: str


def board(architecture: str) -> Board:
    """The board for an architecture, by Debian's name."""
    if architecture == "arm64":
        # Any CPU will do; `max` signs return addresses, which takes an emulator long.
        return Board("qemu-system-aarch64", ("-M", "virt", "-accel", "tcg", "-cpu", "cortex-a72"), "console=ttyAMA0")
    # 5-level paging is off because few real machines have it on and some tools stumble over it.
    return Board(QEMU, ("-accel", accelerator(), "-cpu", "max,la57=off"), COMMAND_LINE)


class Machine:
    """A guest that runs as long as the `with` block.

    Args:
        kernel: bzImage, or None for a guest that boots from its disk.
        initramfs: its content, or None for a guest without one.
        console: file that takes what the guest writes to its serial port.
        append: kernel command line behind `console=ttyS0`.
        architecture: by Debian's name.
        memory: MiB; `cpus` is their number.
        devices: further QEMU arguments.
    """

    def __init__(
        self,
        kernel: Path | None,
        initramfs: bytes | None,
        console: Path,
        *,
        append: str = "",
        memory: int = 256,
        cpus: int = 2,
        devices: Sequence[str] = (),
        architecture: str = "amd64",
    ) -> None:
        self.console = console
        self._scratch = tempfile.TemporaryDirectory(prefix="lastwords-lab-")
        scratch = Path(self._scratch.name)
        self._socket = scratch / "qmp"
        self._complaints = scratch / "qemu.log"
        emulated = board(architecture)
        self.command = [
            # The guest dies with us, even if we are killed.
            *("setpriv", "--pdeathsig", "KILL", emulated.qemu, "-nodefaults", "-no-user-config", "-display", "none"),
            *(*emulated.arguments, "-m", str(memory), "-smp", str(cpus)),
            *("-serial", f"file:{console}", "-qmp", f"unix:{self._socket},server=on,wait=off", "-no-reboot"),
            *("-device", "vmcoreinfo", *devices),
        ]
        if kernel is not None:
            self.command += ["-kernel", str(kernel), "-append", f"{emulated.command_line} {append}".strip()]
        if initramfs is not None:
            (scratch / "initramfs").write_bytes(initramfs)
            self.command += ["-initrd", str(scratch / "initramfs")]

    def __enter__(self) -> Self:
        """Start it."""
        self.console.write_bytes(b"")
        with self._complaints.open("wb") as complaints:
            try:
                self._process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stderr=complaints)
            except FileNotFoundError as error:
                raise LabError(f"{error.filename} is missing: run scripts/setup-lab") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait()
        self._scratch.cleanup()

    def run_on_terminal(self) -> bool:
        """Run it until it ends, with its console on this terminal, instead of the `with` block.

        Returns:
            The guest has rebooted; else it is off, or somebody ended QEMU (Ctrl-A X).
        """
        command = list(self.command)
        command[command.index("-serial") + 1] = "mon:stdio"
        try:
            with subprocess.Popen(command) as qemu:
                while qemu.poll() is None:
                    time.sleep(0.1)
                    with contextlib.suppress(OSError):
                        return self._says_that_it_reboots()
                return False
        finally:
            self._scratch.cleanup()

    def _says_that_it_reboots(self) -> bool:
        """Listen to QEMU's monitor until it ends (QEMU, `qapi/run-state.json`: SHUTDOWN and its reasons)."""
        rebooted = False
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self._socket))
            connection.sendall(b'{"execute": "qmp_capabilities"}\n')
            with connection.makefile(encoding="utf-8") as lines:
                for line in lines:
                    message = json.loads(line)
                    if message.get("event") == "SHUTDOWN":
                        rebooted = message["data"]["reason"] == "guest-reset"
        return rebooted

    def wait_for(self, pattern: str, timeout: float) -> bool:
        """Wait until the console shows something.

        Args:
            pattern: regular expression.
            timeout: seconds.

        Returns:
            Whether it did; False too if the guest switched itself off before.

        Raises:
            LabError: QEMU itself failed.
        """
        wanted = re.compile(pattern.encode())
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            ended = self._ended()
            if wanted.search(self.console.read_bytes()):
                return True
            if ended:
                return False
            time.sleep(0.1)
        return False

    def wait_for_end(self, timeout: float) -> bool:
        """Wait until the guest has switched itself off; the timeout is in seconds."""
        end = time.monotonic() + timeout
        while not self._ended():
            if time.monotonic() > end:
                return False
            time.sleep(0.1)
        return True

    def qmp(self, command: str, timeout: float = 60.0, **arguments: object) -> Any:  # noqa: ANN401
        """Give a command to QEMU's monitor and return its answer (QEMU, `docs/interop/qmp-spec`).

        Raises:
            LabError: QEMU refused it, or is gone.
        """
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout)
            try:
                connection.connect(str(self._socket))
                with connection.makefile("rw", encoding="utf-8") as file:
                    file.readline()  # the greeting
                    self._ask(file, "qmp_capabilities", {})
                    return self._ask(file, command, arguments)
            except OSError as error:
                raise LabError(f"QEMU does not answer: {error}") from error

    @staticmethod
    def _ask(file: Any, command: str, arguments: dict[str, object]) -> Any:  # noqa: ANN401
        file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        file.flush()
        for line in file:
            answer = json.loads(line)
            if "error" in answer:
                raise LabError(f"QEMU: {command}: {answer['error'].get('desc')}")
            if "return" in answer:
                return answer["return"]
        raise LabError(f"QEMU: {command}: no answer")

    def _ended(self) -> bool:
        status = self._process.poll()
        if status:
            complaint = self._complaints.read_text(errors="replace").strip().splitlines()
            raise LabError(f"QEMU ended with status {status}: {complaint[-1] if complaint else 'no message'}")
        return status is not None


@cache
def accelerator() -> str:
    """`kvm` if it really works, else `tcg`: /dev/kvm may exist and QEMU still abort on it, nested in another guest."""
    if not Path("/dev/kvm").exists():
        return "tcg"
    command = [QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-accel", "kvm", "-cpu", "max,la57=off"]
    command += ["-m", "64", "-S", "-qmp", "stdio"]
    try:
        done = subprocess.run(
            command, input=b'{"execute":"qmp_capabilities"}\n{"execute":"quit"}\n', capture_output=True, timeout=10
        )
    except FileNotFoundError as error:
        raise LabError(f"{QEMU} is missing: run scripts/setup-lab") from error
    except subprocess.TimeoutExpired:
        return "tcg"
    return "kvm" if done.returncode == 0 else "tcg"
