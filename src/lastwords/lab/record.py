"""From a guest's serial console to a log file, as an administrator would have captured it."""

from pathlib import Path


def record(console: Path, log: Path) -> None:
    """Copy what the guest wrote: its lines end in LF, and a last line that was cut in the middle gets an end.

    Args:
        console: file that QEMU writes.
        log: file to make.
    """
    text = console.read_bytes().replace(b"\r\n", b"\n")
    if text and not text.endswith(b"\n"):
        text += b"\n"
    log.write_bytes(text)
