"""Log text that is in memory already, such as the ring buffer out of a dump."""

import io

from .files import Input


class Text(Input):
    """A log without a file; `path` is what it is called in reports."""

    def __init__(self, path: str, data: bytes) -> None:
        super().__init__(path)
        self._data = data

    def open(self) -> io.BufferedReader:
        """The text."""
        return io.BufferedReader(io.BytesIO(self._data))
