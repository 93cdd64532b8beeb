"""Where output goes: made harmless for a terminal, into a file, through a shell's pipe."""

import contextlib
import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from .command import CommandError
from .line import Line

Escape = Callable[[str], str]
"""Makes the control characters of one line visible."""

_SIGPIPE = 13


class Harmless(io.TextIOBase):
    """A text stream in front of another that shows control characters instead of sending them."""

    def __init__(self, below: IO[str], escape: Escape) -> None:
        self._below = below
        self._escape = escape

    def write(self, text: str) -> int:
        """Write, with newlines and tabs as they are."""
        safe = "\n".join(self._escape(line) for line in text.split("\n"))
        try:
            self._below.write(safe)
        except UnicodeEncodeError:
            coding = self.encoding
            self._below.write(safe.encode(coding, "backslashreplace").decode(coding))
        return len(text)

    def flush(self) -> None:
        """Pass on what is buffered."""
        self._below.flush()

    def fileno(self) -> int:
        """The descriptor below."""
        return self._below.fileno()

    def isatty(self) -> bool:
        """Whether a terminal is below."""
        return self._below.isatty()

    def writable(self) -> bool:
        """It is."""
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Of the stream below."""
        return getattr(self._below, "encoding", None) or "ascii"


@contextlib.contextmanager
def directed(line: Line, escape: Escape, pager: str | None = None) -> Iterator[None]:
    """Send what is printed where the line says.

    Args:
        line: the command.
        escape: for what is printed.
        pager: a shell command to read the output of a line that says nothing.

    Raises:
        CommandError: the file can't be written, or the shell's command fails.
    """
    if line.file is not None:
        try:
            file = Path(line.file).expanduser().open("a" if line.append else "w", encoding="utf-8", errors="replace")
        except OSError as error:
            raise CommandError(f"{line.file}: {error.strerror}") from None
        with file, contextlib.redirect_stdout(Harmless(file, escape)):
            yield
        return
    through = line.pipe or pager
    if through is None:
        with harmless(escape):
            yield
        return
    with _piped(through, escape) as process:
        yield
    # 1 is what grep and diff say; a reader that has enough ends what writes to it.
    if line.pipe is not None and process.returncode not in (0, 1, -_SIGPIPE, 128 + _SIGPIPE):
        raise CommandError(f"{line.pipe}: ended with status {process.returncode}")


@contextlib.contextmanager
def harmless(escape: Escape) -> Iterator[None]:
    """Within, what is printed can't do anything to the terminal."""
    if isinstance(sys.stdout, Harmless):
        yield
        return
    with contextlib.redirect_stdout(Harmless(sys.stdout, escape)):
        yield
        sys.stdout.flush()


@contextlib.contextmanager
def _piped(command: str, escape: Escape) -> Iterator[subprocess.Popen[str]]:
    sys.stdout.flush()
    try:
        target = sys.stdout.fileno()
    except (AttributeError, OSError):  # a StringIO, where Python code collects the output
        target = subprocess.PIPE
    process = subprocess.Popen(
        command, shell=True, stdin=subprocess.PIPE, stdout=target, encoding="utf-8", errors="replace"
    )
    assert process.stdin is not None
    written = io.StringIO()
    try:
        below = written if target == subprocess.PIPE else process.stdin
        with contextlib.suppress(BrokenPipeError), contextlib.redirect_stdout(Harmless(below, escape)):
            yield process
    finally:
        # Both ends at once: a reader that writes before it has read all would wait for us, and we for it.
        answer = process.communicate(written.getvalue() or None)[0]
    if answer:
        sys.stdout.write(answer)
