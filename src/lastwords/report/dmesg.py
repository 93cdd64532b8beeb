"""Lines of a kernel log as dmesg prints them."""

from collections.abc import Iterable, Iterator

from lastwords.model import Record

from .escape import printable

# As util-linux colours them: errors red, warnings bold; the time green.
_COLOURS = {0: "1;31", 1: "1;31", 2: "1;31", 3: "31", 4: "1"}


def dmesg(lines: Iterable[Record], *, wall: bool = False, raw: bool = False, colour: bool = False) -> Iterator[str]:
    """The lines with their ends.

    Args:
        lines: of a log.
        wall: with the time of day in place of the seconds since boot, where it is known.
        raw: with level and caller in front, `<4>[    2.895912][   T95] `: what a reader of logs can use.
        colour: with escape sequences for a terminal.
    """
    for line in lines:
        stamp = f"[{line.wall}]" if wall and line.wall else line.stamp
        if raw:
            yield f"{printable(line.raw(stamp))}\n"
            continue
        text = printable(line.text)
        if colour:
            stamp = f"\x1b[32m{stamp}\x1b[0m" if stamp else ""
            code = _COLOURS.get(7 if line.level is None else line.level)
            text = f"\x1b[{code}m{text}\x1b[0m" if code else text
        yield f"{stamp}{' ' if stamp else ''}{text}\n"
