"""Work on hostile files in a process of its own, with limits on its memory and time.

libkdumpfile, libelf and libdw are C: a malformed dump can make them crash or never end. Here that is the child's
death, which the parent tells in one line.
"""

import contextlib
import gc
import importlib
import os
import resource
import select
import signal
import struct
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

A = TypeVar("A")

Progress = Callable[[str], None]

_HEAD = struct.Struct("<cQ")
"""In front of each message from the child: its kind (`p` progress, `a` answer, `e` error) and its size."""
_LARGEST = 1 << 32
_GRACE = 5.0
"""Seconds for a child to go when it is killed."""
_GIB = 1 << 30


class ChildError(Exception):
    """Why there is no answer, in one line."""


def _default_memory() -> int:
    """Three quarters of the machine's, between 4 and 12 GiB. Debuginfo that is mapped, not read, counts too."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(4 * _GIB, min(12 * _GIB, total * 3 // 4))


@dataclass(frozen=True)
class Limits:
    """What the child may use.

    Attributes:
        memory: bytes, as RLIMIT_DATA counts them: its heap and its private writable mappings.
        seconds: of the clock; of CPU time it gets the same.
    """

    memory: int = 0
    seconds: float = 1800.0

    def __post_init__(self) -> None:
        if not self.memory:
            object.__setattr__(self, "memory", _default_memory())


@contextlib.contextmanager
def asking(
    function: str,
    argument: msgspec.Struct,
    answer: type[A],
    *,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Iterator[Callable[[], A]]:
    """Have a function called in a child process, which lives no longer than the `with` block.

    Args:
        function: `module:name`; it gets the argument, encoded by msgspec.msgpack, and a function to call with one
            line on what it is doing, and it returns the answer as a struct.
        argument: what to call it with.
        answer: the struct's type.
        limits: of the child.
        progress: called with what the child says that it is doing.

    Yields:
        What waits for the answer. It raises ChildError if the child failed, died, or used more than it may.

    Raises:
        ChildError: it can't be started.
    """
    limits = limits or Limits()
    child = _taken_over(function, limits) or _start(function, limits)
    deadline = time.monotonic() + limits.seconds

    def wait() -> A:
        try:
            data = _listen(child.reader, deadline, progress)
        except TimeoutError:
            raise ChildError(f"not done after {limits.seconds:g} s, given up") from None
        if data is None:
            child.process.kill()
            raise ChildError(_death(child.process.wait(), limits))
        return msgspec.msgpack.decode(data, type=answer)

    try:
        with contextlib.suppress(BrokenPipeError):  # dead already; its status says why
            assert child.process.stdin is not None
            child.process.stdin.write(msgspec.msgpack.encode(argument))
            child.process.stdin.close()
        yield wait
    finally:
        child.end()


@contextlib.contextmanager
def started_ahead(function: str, imports: Sequence[str]) -> Iterator[None]:
    """Start the child that this function will be asked of, so that it is up when its question is.

    The first `asking()` in the `with` block takes it over, if it is for the same function and the same limits.

    Args:
        function: `module:name`, as for `asking()`.
        imports: modules that it will need.
    """
    limits = Limits()
    try:
        child = _start(function, limits, imports)
    except ChildError:  # said when it is asked
        yield
        return
    _ahead[function, limits] = child
    try:
        yield
    finally:
        if unused := _taken_over(function, limits):
            unused.end()


@dataclass(frozen=True)
class _Child:
    """A process that waits for its question, and the pipe that the answer comes from."""

    process: "subprocess.Popen[bytes]"
    reader: int

    def end(self) -> None:
        """End it. One that waits in the kernel for what never comes, as a disk that hangs, is left behind."""
        os.close(self.reader)
        self.process.kill()
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_GRACE)


_ahead: dict[tuple[str, Limits], _Child] = {}


def _taken_over(function: str, limits: Limits) -> _Child | None:
    return _ahead.pop((function, limits), None)


def _start(function: str, limits: Limits, imports: Sequence[str] = ()) -> _Child:
    """Start a child.

    Raises:
        ChildError: it can't be started.
    """
    reader, writer = os.pipe()
    bounds = (str(limits.memory), str(int(limits.seconds) + 1))
    command = [sys.executable, "-m", "lastwords.vmcore.child", function, str(writer), *bounds, *imports]
    quiet = None if os.environ.get("LASTWORDS_DEBUG") else subprocess.DEVNULL
    # The same lastwords, wherever this one was imported from.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, pass_fds=(writer,), env=environment
        )
    except OSError as error:
        os.close(reader)
        os.close(writer)
        raise ChildError(f"can't start {sys.executable}: {error.strerror}") from None
    os.close(writer)
    return _Child(process, reader)


def ask(
    function: str,
    argument: msgspec.Struct,
    answer: type[A],
    *,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> A:
    """Call a function in a child process, as `asking()`, and wait for the answer.

    Raises:
        ChildError: it failed, died, or used more than it may.
    """
    with asking(function, argument, answer, limits=limits, progress=progress) as wait:
        return wait()


def _listen(pipe: int, deadline: float, progress: Progress | None) -> bytes | None:
    """The answer, or None if the child ends without one."""
    while True:
        head = _exactly(pipe, _HEAD.size, deadline)
        if head is None:
            return None
        kind, size = _HEAD.unpack(head)
        body = _exactly(pipe, size, deadline) if size <= _LARGEST else None
        if body is None or kind == b"a":
            return body
        if kind == b"e":
            raise ChildError(body.decode("utf-8", "replace"))
        if progress is not None:
            progress(body.decode("utf-8", "replace"))


def _exactly(pipe: int, size: int, deadline: float) -> bytes | None:
    parts: list[bytes] = []
    while size:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            raise TimeoutError
        part = os.read(pipe, min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _death(status: int, limits: Limits) -> str:
    """What a child died of."""
    if status == -signal.SIGXCPU:
        return f"not done after {limits.seconds:g} s of CPU time, given up"
    if status == -signal.SIGKILL:
        return "the process that read it was killed, most likely because the machine ran out of memory"
    if status < 0:
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = f"signal {-status}"
        return f"the libraries that read it crashed ({name}): it is damaged; lastwords salvage may save it"
    return f"the process that read it ended with status {status}"


def main(arguments: list[str]) -> None:
    """The child: `function`, the pipe's number, bytes of memory, seconds, modules to import before it is asked."""
    function, pipe, memory, seconds = arguments[0], int(arguments[1]), int(arguments[2]), int(arguments[3])
    for kind, limit in ((resource.RLIMIT_DATA, memory), (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(kind)
        soft = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (soft, hard))
    # Symbols by the hundred thousand, none of them in a cycle.
    gc.set_threshold(100_000)
    # Each thread of libdw's pool reserves memory for its stack, which counts.
    os.environ.setdefault("OMP_NUM_THREADS", str(min(os.cpu_count() or 1, 8)))
    # drgn's plug-ins, its own commands first of all, add nothing here and take time to load.
    os.environ.setdefault("DRGN_DISABLE_PLUGINS", "*")

    def send(kind: bytes, body: bytes) -> None:
        data = memoryview(_HEAD.pack(kind, len(body)) + body)
        while data:
            data = data[os.write(pipe, data) :]

    try:
        module, _, name = function.partition(":")
        asked = getattr(importlib.import_module(module), name)
        for each in arguments[4:]:
            with contextlib.suppress(ImportError):  # said by the one who needs it
                importlib.import_module(each)
        question = sys.stdin.buffer.read()
        answer = asked(question, lambda text: send(b"p", text.encode("utf-8", "replace")))
        encoded = msgspec.msgpack.encode(answer)
    except MemoryError:
        send(b"e", f"reading it takes more than {memory >> 20} MiB of memory".encode())
    except (KeyboardInterrupt, BrokenPipeError):
        pass
    except Exception as error:
        traceback.print_exc()
        text = " ".join(str(error).split())
        known = type(error).__name__ in _TELLING
        send(b"e", (text if known and text else f"{type(error).__name__}: {text}").encode("utf-8", "replace"))
    else:
        send(b"a", encoded)
    # Without the interpreter's and the libraries' tidying up, which takes as long again for a large dump.
    os._exit(0)


_TELLING = ("OpenError", "SourceError", "QuestionError")
"""Exceptions whose text is written for users."""


if __name__ == "__main__":
    main(sys.argv[1:])
