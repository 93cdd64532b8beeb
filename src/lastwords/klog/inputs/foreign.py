r"""What a program that we do not know put in front of every line: `grep -H`, compose, stern, a build's log collector.

`carriers.py` knows many; there are always more. But a log's lines show it: what stands in front of the kernel's own
marks is the same in most lines, but for numbers, blanks and dates.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from lastwords.model import Record

from .carriers import WALL, peel
from .dialect import Dialect
from .printk import DROPPED
from .terminal import ESCAPES

LONGEST = 200
"""Characters that such a front may have."""
_FEWEST = 3
_MOST = 8
"""Different ones in a file: as many files in grep's output, or containers."""
_ENOUGH = 60
"""So many lines, from all over the sample, are looked at closely."""

# Where the kernel's own text begins, or a known carrier that says so: printk's stamp, a daemon's `host kernel:`. In logs
# with neither, the lines of a report that stand alone and begin so in every version.
_STAMP = re.compile(r"(?:<[0-9]{1,3}>)?\[ {0,8}[0-9]{1,12}\.[0-9]{6}\]")
_DAEMON = re.compile(rf"(?:{WALL}) [^ \[\]:]{{1,255}} kernel: ")
_ALONE = re.compile(
    r"(?:Call Trace:| ?</?(?:TASK|IRQ)>|RIP: 00[13]0:|Code: [0-9a-f]{2} |CR2: [0-9a-f]{8}|Modules linked in: |Hardware name: "
    r"|CPU: [0-9]{1,5} (?:UID: [0-9]{1,10} )?PID: |R[ABCD]X: [0-9a-f]{16} |---\[ end )"
)
_WALL = re.compile(WALL)
# The parts of a front that may differ from line to line.
_VARIES = re.compile(r"(?P<wall>\0)|(?P<number>[0-9]{1,40})|(?P<blank> {1,80})|(?P<text>[^0-9\0 ]+)")
_INSTEAD = {"number": "[0-9]{1,40}", "blank": " {1,80}"}


def foreign(lines: Sequence[str]) -> list[re.Pattern[bytes]]:
    """Patterns of what stands in front of most lines and is no carrier; none where that is nothing.

    Args:
        lines: of a file's beginning, without escape codes.
    """
    if sum(_STAMP.match(line) is not None for line in lines) * 2 >= len(lines):
        return []
    for mark, word in ((_STAMP, "["), (_DAEMON, " kernel: "), (_ALONE, " ")):
        # What printk says of lost messages is the kernel's own word.
        fronts = [
            DROPPED.sub("", line[: at.start()])
            for line in lines
            if word in line and (at := mark.search(line[: LONGEST + 40])) is not None
        ]
        if len(fronts) >= _FEWEST:
            return _most_have(fronts)
    return []


def _most_have(fronts: Sequence[str]) -> list[re.Pattern[bytes]]:
    if sum(not front for front in fronts) * 2 >= len(fronts):
        return []
    fronts = fronts[:: max(1, len(fronts) // _ENOUGH)]
    shapes = Counter(_shape(_unknown(front)) for front in fronts)
    del shapes[""]
    least = max(len(fronts) // 20, 2)
    common = [shape for shape, count in shapes.most_common(_MOST) if count >= least]
    if sum(shapes[shape] for shape in common) * 2 <= len(fronts):
        return []
    return [re.compile(_pattern(shape).encode()) for shape in sorted(common, key=len, reverse=True)]


def _unknown(front: str) -> str:
    """The beginning of a front up to where known carriers fill the rest of it."""
    if len(front) > LONGEST:
        return ""
    starts = [0, *(match.end() for match in re.finditer(r"[^\w.]", front))]
    return next(front[:at] for at in [*starts, len(front)] if peel(front[at:]).length == len(front) - at)


def _shape(front: str) -> str:
    front = _WALL.sub("\0", front.lstrip(" "), count=1)
    return re.sub(r" +", " ", re.sub(r"[0-9]+", "0", front))


def _pattern(shape: str) -> str:
    parts = [
        f"(?P<wall>{WALL})" if part["wall"] else _INSTEAD.get(part.lastgroup or "", re.escape(part[0]))
        for part in _VARIES.finditer(shape)
    ]
    return rf"^ {{0,80}}{''.join(parts)}"


class Prefixed:
    """A dialect in lines with a front of somebody else's."""

    line_oriented = True

    def __init__(self, inner: Dialect, fronts: Sequence[re.Pattern[bytes]]) -> None:
        self.inner = inner
        self.name = inner.name
        self._fronts = tuple(fronts)

    def boundary(self, data: bytes) -> int:
        """Offset behind the last complete record."""
        return data.rfind(b"\n") + 1

    def records(self, data: bytes, line: int = 1) -> list[Record]:
        """Decode whole lines."""
        return self.inner.records(b"\n".join(without(data.split(b"\n"), self._fronts)), line)


def without(lines: Sequence[bytes], fronts: Sequence[re.Pattern[bytes]]) -> Iterator[bytes]:
    """The lines without their fronts, whose wall-clock time stays where there is one."""
    for line in lines:
        shown = ESCAPES.sub("", line.decode("latin-1")).encode("latin-1") if b"\x1b" in line else line
        match = next(filter(None, (front.match(shown) for front in fronts)), None)
        if match is None:
            yield line
            continue
        wall, rest = match.groupdict().get("wall"), shown[match.end() :]
        yield (b"[%s] " if wall[4:5].isalpha() else b"%s ") % wall + rest if wall else rest
