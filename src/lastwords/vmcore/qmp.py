"""A dump of a running guest, by QEMU's monitor: docs/interop/qmp-spec.rst, qapi/dump.json.

The guest is not killed. It stands still while QEMU writes its memory, and runs on afterwards if it ran before.
"""

import array
import contextlib
import json
import os
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

Progress = Callable[[int, int], None]

NAME = "vmcore"
"""Of the dump's file in its directory."""

GREETING_SECONDS = 5.0
ANSWER_SECONDS = 30.0
STALLED_SECONDS = 600.0
_STEP_SECONDS = 0.1
_LONGEST_LINE = 1 << 20
_MOST_LINES = 10_000
# Notes, headers, and what a file system needs beside the guest's memory.
_BESIDE = 64 << 20
_NOTES_WITHIN = 4 << 20

# States in which there is no memory of a kernel yet, or not the whole of it (qapi/run-state.json).
_TOO_EARLY = {
    "prelaunch": "has not been started yet",
    "inmigrate": "is still on its way here from another host",
    "finish-migrate": "is on its way to another host",
    "postmigrate": "has moved to another host",
}
_LIBVIRT = re.compile(r"/domain-\d+-(?P<name>[^/]+)/monitor\.sock$")


class QmpError(Exception):
    """Why there is no dump of the guest: one line that says what to do."""


@dataclass(frozen=True)
class GuestDump:
    """A dump of a guest.

    Attributes:
        path: the file, ELF; whoever asked for it removes it.
        state: the guest's before, as QEMU calls it: `running`, `paused`, `guest-panicked`, …
        stopped: seconds that a running guest stood still; None where it did not run.
        vmcoreinfo: QEMU had VMCOREINFO from the guest; without, it must be found in the guest's memory.
    """

    path: Path
    state: str
    stopped: float | None
    vmcoreinfo: bool


def dump(qmp_socket: Path, directory: Path | None = None, progress: Progress | None = None) -> GuestDump:
    """Dump a guest's memory as it stands.

    Args:
        qmp_socket: the UNIX socket that QEMU listens on (`-qmp unix:PATH,server=on,wait=off`).
        directory: where to write; by default a new one, private to the user.
        progress: called with the bytes written and the bytes there are.

    Raises:
        QmpError: no monitor there, it is busy, no room, or QEMU can't do it.
    """
    with _Monitor(qmp_socket) as monitor:
        state = monitor.ask("query-status")
        if state.get("status") in _TOO_EARLY:
            raise QmpError(f"{qmp_socket}: the guest {_TOO_EARLY[state['status']]}: nothing to dump")
        size = _memory_size(monitor)
        folder = _folder(directory)
        try:
            _check_room(folder, size)
            path = folder / NAME
            file = _new_file(path)
            try:
                with file:
                    stopped = _write(monitor, file, running=bool(state.get("running")), progress=progress)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        except BaseException:
            if directory is None:
                folder.rmdir()
            raise
    return GuestDump(path, str(state.get("status")), stopped, _has_vmcoreinfo(path))


def _memory_size(monitor: "_Monitor") -> int:
    """Bytes of memory that the guest has, hotplugged ones included."""
    summary = monitor.ask("query-memory-size-summary")
    return int(summary.get("base-memory", 0)) + int(summary.get("plugged-memory", 0))


def _folder(directory: Path | None) -> Path:
    if directory is None:
        return Path(tempfile.mkdtemp(prefix="lastwords-guest-"))
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise QmpError(f"{directory}: {error.strerror}") from None
    return directory


def _check_room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size + _BESIDE:
        raise QmpError(
            f"{folder}: the guest has {size >> 20} MiB of memory, and only {free >> 20} MiB are free here:"
            " name a directory with more room (TMPDIR)"
        )


def _new_file(path: Path) -> BinaryIO:
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except FileExistsError:
        raise QmpError(f"{path}: exists already") from None
    except OSError as error:
        raise QmpError(f"{path}: {error.strerror}") from None


def _write(monitor: "_Monitor", file: BinaryIO, *, running: bool, progress: Progress | None) -> float | None:
    """Have QEMU write the dump; gives the seconds that the guest stood still, None if it did not run."""
    began = time.monotonic()
    # An open file goes to QEMU, not a name: it runs as another user, and in a cage.
    monitor.give("lastwords", file.fileno())
    monitor.ask("dump-guest-memory", paging=False, protocol="fd:lastwords", detach=True)
    _wait(monitor, progress)
    if not running:
        return None
    stopped = time.monotonic() - began
    if not monitor.ask("query-status").get("running"):
        monitor.ask("cont")
    return round(monitor.stood_still or stopped, 3)


def _wait(monitor: "_Monitor", progress: Progress | None) -> None:
    last, since = -1, time.monotonic()
    while True:
        answer = monitor.ask("query-dump")
        status = answer.get("status")
        completed, total = int(answer.get("completed", 0)), int(answer.get("total", 0))
        if progress is not None:
            progress(completed, total)
        if status == "completed":
            return
        if status != "active":
            time.sleep(_STEP_SECONDS)
            monitor.ask("query-status")  # brings the event that says why
            raise QmpError(f"QEMU could not write the dump: {monitor.failure or status}")
        if completed != last:
            last, since = completed, time.monotonic()
        elif time.monotonic() - since > STALLED_SECONDS:
            raise QmpError(f"QEMU has written nothing for {STALLED_SECONDS:.0f} s, given up")
        time.sleep(_STEP_SECONDS)


def _has_vmcoreinfo(path: Path) -> bool:
    """Whether QEMU put the note into the dump: the guest has `-device vmcoreinfo` and filled it."""
    with path.open("rb") as file:
        return b"VMCOREINFO\0" in file.read(_NOTES_WITHIN)


class _Monitor:
    """A connection to QEMU's monitor.

    Attributes:
        failure: why QEMU ended a dump, from its event.
        stood_still: seconds between its events STOP and RESUME.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stopped_at: float | None = None
        self.failure: str | None = None
        self.stood_still: float | None = None

    def __enter__(self) -> "_Monitor":
        self._socket = socket.socket(socket.AF_UNIX)
        self._file: BinaryIO = self._socket.makefile("rb")
        try:
            self._socket.settimeout(GREETING_SECONDS)
            self._connect()
            self._greet()
            self._socket.settimeout(ANSWER_SECONDS)
            self.ask("qmp_capabilities")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def _connect(self) -> None:
        try:
            self._socket.connect(str(self._path))
        except FileNotFoundError:
            raise QmpError(f"{self._path}: no such socket") from None
        except PermissionError:
            raise QmpError(f"{self._path}: no permission to use this socket: be root, or QEMU's user") from None
        except ConnectionRefusedError:
            raise QmpError(f"{self._path}: nobody listens: not a socket, or its QEMU has ended") from None
        except TimeoutError:
            raise QmpError(self._busy()) from None
        except OSError as error:
            raise QmpError(f"{self._path}: {error.strerror or error}") from None

    def _greet(self) -> None:
        """Read the greeting. QEMU talks to one client; a second one gets a connection, and silence."""
        try:
            line = self._file.readline(_LONGEST_LINE)
        except TimeoutError:
            raise QmpError(self._busy()) from None
        except OSError as error:
            raise QmpError(f"{self._path}: {error.strerror}") from None
        with contextlib.suppress(ValueError):
            greeting = json.loads(line)
            if isinstance(greeting, dict) and "QMP" in greeting:
                return
        if line.startswith(b"QEMU "):
            raise QmpError(
                f"{self._path}: QEMU's monitor for people (HMP), not QMP: start QEMU with"
                " -qmp unix:PATH,server=on,wait=off"
            )
        raise QmpError(f"{self._path}: no QMP monitor: {'it says something else' if line else 'it hangs up'}")

    def _busy(self) -> str:
        name = _LIBVIRT.search(str(self._path))
        domain = name["name"] if name else "DOMAIN"
        return (
            f"{self._path}: no greeting in {GREETING_SECONDS:.0f} s: another client holds this monitor, or it is none."
            f" Where it is libvirt's: virsh dump --memory-only --live {domain} FILE (or virsh qemu-monitor-command)"
        )

    def give(self, name: str, descriptor: int) -> None:
        """Hand an open file to QEMU, under a name."""
        self._send("getfd", {"fdname": name}, descriptor)
        self._answer("getfd")

    def ask(self, command: str, **arguments: object) -> dict[str, Any]:
        """Give a command and return what it answers.

        Raises:
            QmpError: QEMU refused it, does not answer, or is gone.
        """
        self._send(command, arguments)
        return self._answer(command)

    def _send(self, command: str, arguments: dict[str, object], descriptor: int | None = None) -> None:
        data = json.dumps({"execute": command, **({"arguments": arguments} if arguments else {})}).encode() + b"\n"
        ancillary = (
            [] if descriptor is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))]
        )
        try:
            sent = self._socket.sendmsg([data], ancillary)
            if sent < len(data):
                self._socket.sendall(data[sent:])
        except OSError as error:
            raise QmpError(f"{self._path}: QEMU is gone: {error.strerror or error}") from None

    def _answer(self, command: str) -> dict[str, Any]:
        for _ in range(_MOST_LINES):
            try:
                line = self._file.readline(_LONGEST_LINE)
            except TimeoutError:
                raise QmpError(f"{self._path}: no answer to {command} in {ANSWER_SECONDS:.0f} s") from None
            except OSError:  # closed, with something of ours unread
                line = b""
            if not line:
                raise QmpError(f"{self._path}: QEMU hung up after {command}")
            try:
                message = json.loads(line)
            except ValueError:
                raise QmpError(f"{self._path}: no answer to {command}, but something that is not JSON") from None
            if not isinstance(message, dict):
                continue
            if "error" in message:
                raise QmpError(f"{self._path}: QEMU refuses {command}: {_description(message['error'])}")
            if "return" in message:
                answer = message["return"]
                return answer if isinstance(answer, dict) else {}
            self._take(message)
        raise QmpError(f"{self._path}: no answer to {command} among {_MOST_LINES} messages")

    def _take(self, event: dict[str, Any]) -> None:
        """Keep what an event tells."""
        name, data = event.get("event"), event.get("data")
        when = event.get("timestamp")
        if name == "DUMP_COMPLETED" and isinstance(data, dict) and "error" in data:
            self.failure = " ".join(str(data["error"]).split())[:200]
        if name in ("STOP", "RESUME") and isinstance(when, dict):
            at = float(when.get("seconds", 0)) + float(when.get("microseconds", 0)) / 1e6
            if name == "STOP":
                self._stopped_at = at
            elif self._stopped_at is not None:
                self.stood_still = at - self._stopped_at


def _description(error: object) -> str:
    text = error.get("desc") if isinstance(error, dict) else error
    return " ".join(str(text).split())[:200]
