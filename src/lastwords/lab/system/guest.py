"""A guest with a whole system: boots from its disk, reboots, and carries out scripts that it is sent."""

import base64
import json
import socket
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from ..errors import LabError
from ..machine import Machine
from .agent import TIMED_OUT

BOOT = 900.0
"""Seconds that a boot may take: 35 under emulation on an idle host, ten times that on a busy one."""
_EXCHANGE = 2 << 30
_LARGE = 1 << 20
_GRACE = 15.0
"""Seconds for an answer beyond the time that a script is given."""


class Gone(LabError):
    """The guest has ended its QEMU."""


class Done(NamedTuple):
    """How a script ended: its exit `status`, its `output` and its `errors`."""

    status: int
    output: str
    errors: str


class Guest:
    """A system that runs as long as the `with` block.

    A reboot ends its QEMU, and the next one goes on with the same disk: QEMU 7.2 takes minutes to copy a kernel to
    where an older one was translated. So the memory is lost over a reboot, unless it is a file.

    Args:
        disk: what it boots from: a qcow2 file, which it writes to.
        console: file that takes what it writes to its serial port, of all boots.
        memory: MiB; `cpus` is their number.
        memory_file: what keeps its memory over reboots (ramoops needs that), or None.
        devices: further QEMU arguments; further disks are named `/dev/vdb`, `/dev/vdc`, ….
    """

    def __init__(
        self,
        disk: Path,
        console: Path,
        *,
        memory: int = 1024,
        cpus: int = 2,
        memory_file: Path | None = None,
        devices: Sequence[str] = (),
    ) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="lastwords-lab-")
        self._port = Path(self._scratch.name) / "port"
        self._serial = Path(self._scratch.name) / "serial"
        self._exchange = Path(self._scratch.name) / "exchange"
        with self._exchange.open("wb") as file:
            file.truncate(_EXCHANGE)
        self.console = console
        self._memory, self._cpus = memory, cpus
        self._devices = [
            *("-drive", f"file={disk},if=none,id=root,format=qcow2,cache=unsafe,werror=report"),
            *("-device", "virtio-blk-pci,drive=root,bootindex=1"),
            *("-device", "virtio-serial", "-chardev", f"socket,id=lab,path={self._port},server=on,wait=off"),
            *("-device", "virtserialport,chardev=lab,name=lab", "-device", "virtio-rng-pci"),
            *("-drive", f"file={self._exchange},if=none,id=exchange,format=raw,cache=unsafe"),
            *devices,
            *("-device", "virtio-blk-pci,drive=exchange,serial=exchange"),
        ]
        if memory_file is not None:
            backend = f"memory-backend-file,id=ram,size={memory}M,mem-path={memory_file},share=on"
            self._devices += ["-object", backend, "-machine", "pc,memory-backend=ram"]
        self.boot_id = ""
        self._asked = 0
        self._received = b""

    def __enter__(self) -> Self:
        """Switch it on."""
        self.console.write_bytes(b"")
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Switch it off, at once."""
        self._stop()
        self._scratch.cleanup()

    def run_on_terminal(self) -> bool:
        """Run it on this terminal until it ends, instead of the `with` block; gives whether it has rebooted."""
        return self._machine().run_on_terminal()

    def _machine(self) -> Machine:
        return Machine(None, None, self._serial, memory=self._memory, cpus=self._cpus, devices=self._devices)

    def _start(self) -> None:
        self.machine = self._machine().__enter__()
        self._socket = socket.socket(socket.AF_UNIX)
        self._received = b""
        end = time.monotonic() + _GRACE
        while True:
            try:
                self._socket.connect(str(self._port))
            except OSError as error:
                if time.monotonic() > end:
                    raise LabError(f"QEMU does not answer: {error}") from error
                time.sleep(0.1)
            else:
                return

    def _stop(self) -> None:
        self._socket.close()
        self.machine.__exit__(None, None, None)
        self._port.unlink(missing_ok=True)
        with self.console.open("ab") as file:
            file.write(self._serial.read_bytes())

    def wait_for_boot(self, timeout: float = BOOT) -> str:
        """Wait until the system is up, for the first time or again; gives its boot id.

        Raises:
            LabError: it is not, in so many seconds.
        """
        end = time.monotonic() + timeout
        while True:
            try:
                message = self._receive(end - time.monotonic(), "boot")
            except Gone:
                if not self.machine.wait_for_end(_GRACE):
                    raise
                self._stop()
                self._start()
            else:
                self.boot_id = str(message["boot"])
                return self.boot_id

    def run(self, script: str, *, timeout: float = 120.0, data: bytes = b"", check: bool = True) -> Done:
        """Run a bash script as root.

        Args:
            script: what to do.
            timeout: seconds, then it is killed and its status is 124.
            data: for its standard input.
            check: whether failure is an error.

        Raises:
            LabError: no answer came, or the script failed; with its last words.
        """
        status, output, errors = self._ask(script, timeout, data)
        done = Done(status, output.decode(errors="replace"), errors.decode(errors="replace"))
        if check and status:
            words = (done.output + done.errors).strip()[-2000:]
            why = "did not end in time" if status == TIMED_OUT else f"ended with status {status}"
            raise LabError(f"{script.strip().splitlines()[0]} {why}: {words}")
        return done

    def start(self, script: str) -> None:
        """Run a script and do not wait for it: it may well end the guest."""
        self._ask(script, 10.0, b"", wait=False)

    def get(self, path: str) -> bytes:
        """A file's content. A large one comes over a disk: the port is slow under emulation."""
        size = int(self.run(f"stat -L -c %s {path}").output)
        if size > _LARGE:
            self.run(f"dd if={path} of=/dev/disk/by-id/virtio-exchange bs=1M conv=notrunc,fsync", timeout=300.0)
            with self._exchange.open("rb") as file:
                return file.read(size)
        status, content, errors = self._ask(f"cat {path}", 120.0, b"")
        if status:
            raise LabError(errors.decode(errors="replace").strip())
        return content

    def put(self, path: str, content: bytes) -> None:
        """Write a file."""
        self.run(f"cat > {path}", data=content)

    def reboot(self) -> str:
        """Reboot it in good order; gives the new boot id."""
        self.start("systemctl reboot")
        return self.wait_for_boot()

    def shut_down(self, timeout: float = 120.0) -> None:
        """Switch it off in good order: its disk can be used for another guest then."""
        self.start("systemctl poweroff")
        if not self.machine.wait_for_end(timeout):
            raise LabError("the guest did not switch itself off")

    def _ask(self, script: str, timeout: float, data: bytes, *, wait: bool = True) -> tuple[int, bytes, bytes]:
        self._asked += 1
        request = {"id": self._asked, "script": script, "timeout": timeout, "wait": wait}
        request["input"] = base64.b64encode(data).decode()
        self._socket.settimeout(60)
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        answer = self._receive(timeout + _GRACE, "status")
        if answer["id"] != self._asked:
            raise LabError(f"answer {answer['id']} to question {self._asked}")
        return answer["status"], base64.b64decode(answer["output"]), base64.b64decode(answer["errors"])

    def _receive(self, timeout: float, wanted: str) -> dict[str, Any]:
        """The next message of a kind; a reboot while another one is awaited is an error."""
        end = time.monotonic() + timeout
        while True:
            *lines, self._received = self._received.split(b"\n")
            for number, line in enumerate(lines):
                try:
                    message = json.loads(line)
                except ValueError:  # empty, or cut off by a crash
                    continue
                if wanted in message:
                    self._received = b"\n".join([*lines[number + 1 :], self._received])
                    return dict(message)
                if "boot" in message:
                    raise LabError(f"the guest has rebooted; its console is in {self.console}")
            left = end - time.monotonic()
            if left <= 0:
                raise LabError(f"no word from the guest in {timeout:.0f} s; its console is in {self.console}")
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(1 << 16)
            except TimeoutError:
                continue
            except ConnectionResetError:
                data = b""
            if not data:
                raise Gone("the guest is gone")
            self._received += data
