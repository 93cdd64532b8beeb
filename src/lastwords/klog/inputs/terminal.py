r"""What a terminal would have shown: colour codes, carriage returns and NUL bytes taken out of a capture."""

import re

# Nobody reads on behind this, and nothing that the kernel prints in one go is near it (LOG_LINE_MAX is 1 KiB).
LONGEST_LINE = 16 * 1024

ESCAPES = re.compile(
    r"\x1b(?:"
    r"\[[0-9:;<=>?]*[ -/]*[@-~]?"  # CSI: colours, cursor
    r"|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # OSC and friends: window titles
    r"|[ -/][0-~]?|[0-~])?"  # character sets and the short ones
)
STAMP = re.compile(r"\[ {0,8}[0-9]{1,12}\.[0-9]{6}\]")


def displayed(data: bytes) -> tuple[str, list[int]]:
    r"""The text of a capture, with `\n` as the only control character that matters.

    What a carriage return overwrote is left out, unless it was longer than what overwrote it or has a kernel
    time stamp: several writers share a console, and a prompt must not hide a kernel message.

    Returns:
        The text, and the indices (from 0) of those of its lines which continue the line before them in the
        file, because what stood in front of a carriage return was kept.
    """
    if b"\0" in data:
        data = data.replace(b"\0", b"")
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    text = data.decode("utf-8", "replace")
    if not text.isascii() and "\xa0" in text:
        text = text.replace("\xa0", " ")  # web pages and mails keep blanks apart with it
    if "\x1b" in text:
        text = ESCAPES.sub("", text)
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    continued: list[int] = []
    if "\r" in text:
        text, continued = _returned(text)
    if _has_long_line(text):
        text = "\n".join([line[:LONGEST_LINE] for line in text.split("\n")])
    return text, continued


def _has_long_line(text: str) -> bool:
    # A line longer than the limit has a whole aligned window of half of it without an end of line.
    window = LONGEST_LINE // 2
    return any(text.find("\n", at, at + window) < 0 for at in range(0, len(text) - window, window))


def _returned(text: str) -> tuple[str, list[int]]:
    lines: list[str] = []
    continued: list[int] = []
    for line in text.split("\n"):
        if "\r" not in line:
            lines.append(line)
            continue
        kept = _kept(line.split("\r"))
        continued.extend(range(len(lines) + 1, len(lines) + len(kept)))
        lines.extend(kept)
    return "\n".join(lines), continued


def _kept(writes: list[str]) -> list[str]:
    """Of what was written over one line, all that no later write hid. At least one string."""
    kept: list[str] = []
    longest = 0
    for write in reversed(writes):
        if write and (len(write) > longest or STAMP.search(write)):
            kept.append(write)
        longest = max(longest, len(write))
    return kept[::-1] or [""]
