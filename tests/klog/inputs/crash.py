"""Two crashes, and what a reader must find in them in whatever form they come.

The logs stand in `logs/` as `dmesg --raw` prints them. A test renders their messages in its dialect, or takes what a
real program made of them from `recorded/`, and calls `same_crash()`.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from lastwords.klog.inputs import find
from lastwords.klog.scan import Scanned, scan
from lastwords.model import Oops

HERE = Path(__file__).parent
RECORDED = HERE / "recorded"

TITLE = "BUG: unable to handle kernel NULL pointer dereference in acme_sg_build"
HEADLINE = "BUG: kernel NULL pointer dereference, address"


class Message(NamedTuple):
    """One message: its priority (facility * 8 + level), microseconds since boot, who printed it, its text."""

    priority: int
    microseconds: int
    caller: str
    text: str

    @property
    def stamp(self) -> str:
        """As printk prints the time."""
        return f"[{self.microseconds // 1_000_000:5}.{self.microseconds % 1_000_000:06}]"


def messages(name: str) -> list[Message]:
    """The messages of a log in `logs/`."""
    found = []
    for line in (HERE / "logs" / f"{name}.raw").read_text().splitlines():
        match = re.fullmatch(r"<(\d+)>\[ *(\d+)\.(\d{6})\](?:\[ *(\w+)\])? (.*)", line)
        assert match is not None, line
        found.append(Message(int(match[1]), int(match[2]) * 1_000_000 + int(match[3]), match[4] or "", match[5]))
    return found


MESSAGES = messages("null-dereference")
TWO_CPUS = messages("two-cpus")


def dmesg(messages: list[Message]) -> str:
    """As `dmesg` prints them."""
    return "".join(f"{m.stamp}{f'[{m.caller:>6}]' if m.caller else ''} {m.text}\n" for m in messages)


PLAIN = dmesg(MESSAGES)


def scanned(path: Path) -> Scanned:
    """The scan of one file."""
    (source,) = find([str(path)])
    return scan(source)


def content(oops: Oops) -> dict[str, Any]:
    """What an oops says, without where and when its lines stand in the file."""
    found: dict[str, Any] = _without(msgspec.to_builtins(oops), _WHEN_AND_WHERE)
    return found


_WHEN_AND_WHERE = {"line", "last_line", "time", "wall", "clock", "path", "panic_line", "panic_time"}


def _without(value: Any, keys: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: _without(item, keys) for key, item in value.items() if key not in keys}
    return [_without(item, keys) for item in value] if isinstance(value, list | tuple) else value


def same_crash(path: Path, form: str, *, time: bool = True, wall: str = "", text: bytes | None = None) -> Scanned:
    """Check that a file holds the NULL dereference of `MESSAGES`, whole and in the right place.

    Args:
        path: the file.
        form: the dialect that it must be recognised as.
        time: its messages have the kernel's time stamps.
        wall: what the wall clock of the crash starts with.
        text: the file's text, where it is packed.
    """
    result = scanned(path)
    assert (result.error, result.warning, result.format) == (None, None, form)
    first = result.oopses[0]
    assert first.title == TITLE
    assert content(first) == EXPECTED
    lines = (path.read_bytes() if text is None else text).split(b"\n")
    assert HEADLINE.encode() in lines[first.line - 1]
    assert result.lines == len(lines) - (lines[-1] == b"")
    assert (first.time is not None) == time
    if time:
        assert first.time == 5023.318806
    assert (first.wall or "").startswith(wall)
    assert bool(first.wall) == bool(wall)
    assert all(oops.follows == 0 for oops in result.oopses[1:])
    return result


def _expected() -> dict[str, Any]:
    from lastwords.klog.inputs.printk import Printk
    from lastwords.klog.oopses import find_oopses
    from lastwords.klog.sieve import candidates

    records = Printk("dmesg").records(PLAIN.encode())
    return content(find_oopses(records, candidates(records))[0])


EXPECTED = _expected()
