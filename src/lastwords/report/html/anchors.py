"""What evidence links to: lines of the log, frames and instructions at an address."""

from collections.abc import Iterator

from lastwords.model import Analysis
from lastwords.report.stack_rows import dump_stacks, listing


class Anchors:
    """The places of a page that a link can lead to."""

    def __init__(self, analysis: Analysis) -> None:
        self._logs = {log.path: number for number, log in reversed(list(enumerate(analysis.logs)))}
        self._lines = {(log.path, line.line) for log in analysis.logs for line in log.excerpt}
        self._addresses = set(_addresses(analysis)) - {None}
        self._claimed: set[int] = set()
        self._only = next(iter(self._logs)) if len(self._logs) == 1 else None

    def line(self, path: str | None, line: int | None) -> str | None:
        """The id of a log's line, or None where the page does not have that line."""
        path = self._only if path is None else path
        if path is None or line is None or (path, line) not in self._lines:
            return None
        return f"log{self._logs[path]}-{line}"

    def address(self, address: int | None) -> str | None:
        """The id of the frame or instruction at this address, or None where the page shows neither."""
        return f"at-{address:x}" if address in self._addresses else None

    def claim(self, address: int | None) -> str | None:
        """The same for who draws it: an id stands only once, so who asks later gets None."""
        if address is None or address in self._claimed:
            return None
        self._claimed.add(address)
        return self.address(address)

    def named(self, path: str | None) -> str:
        """A log's path, where more than one was read; else the empty string."""
        return "" if path is None or len(self._logs) < 2 else path


def _addresses(analysis: Analysis) -> Iterator[int | None]:
    machine = analysis.machine
    for stack in dump_stacks(machine, analysis.crash):
        yield from (row.address for row in (*stack.rows, *stack.handling))
    if machine is not None and machine.code is not None:
        yield from (row.address for row in listing(machine.code))
