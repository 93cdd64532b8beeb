"""Every regular expression of the reader takes linear time: no line, however long and however made, holds it up.

For each repetition in each pattern, texts are made that fit up to there, go on with what the repetition takes and
what stands behind it, thousands of times, and then fit no more. A pattern that tries again for each of those takes
millions of steps. Python's `re` is the one that is used, so it is the one that is measured.
"""

import dataclasses
import importlib
import pkgutil
import re
import re._constants as op  # type: ignore[import-not-found]
import re._parser as parser  # type: ignore[import-not-found]
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

import lastwords.klog
from lastwords.klog.catalogue import KINDS

SIZE = 4000
"""Characters; quadratic time in these is 16 million steps, a tenth of a second or more."""
HEADLINE = 1000
"""As much of a line is matched against the catalogue."""
LIMIT = 0.05

_LARGE = 64
_PUMPS = (" ", "1", "a", "a ", "0x1", "+", " +", "foo+0x1/0x2 ", "[", "<", "(", "?", "from ", "a.", "a:", "-")
_REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)


def _in(value: Any, where: str, depth: int = 0) -> Iterator[tuple[str, re.Pattern[Any]]]:
    """The patterns in a module's table, whatever it is made of."""
    if isinstance(value, re.Pattern):
        yield where, value
    elif depth < 6:
        items: Sequence[Any] = ()
        if isinstance(value, dict):
            items = [*value, *value.values()]
        elif isinstance(value, tuple | list | set | frozenset):
            items = list(value)
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            items = [getattr(value, field.name) for field in dataclasses.fields(value)]
        for item in items:
            yield from _in(item, where, depth + 1)


def _all() -> dict[str, list[re.Pattern[Any]]]:
    """All patterns of the reader, by where they stand."""
    found: dict[str, list[re.Pattern[Any]]] = {}
    seen = set()
    for info in pkgutil.walk_packages(lastwords.klog.__path__, "lastwords.klog."):
        for name, value in vars(importlib.import_module(info.name)).items():
            for where, pattern in _in(value, f"{info.name.removeprefix('lastwords.klog.')}.{name}"):
                if pattern not in seen:
                    seen.add(pattern)
                    found.setdefault(where, []).append(pattern)
    for kind in KINDS:
        for text in {*(form.pattern for form in kind.forms), *kind.also}:
            found.setdefault(f"headline of {kind.name}", []).append(re.compile(text))
    return found


PATTERNS = _all()


def _sample(node: tuple[Any, Any]) -> str:
    """A short text that fits a part of a pattern."""
    kind, value = node
    if kind is op.LITERAL:
        return chr(value)
    if kind in (op.NOT_LITERAL, op.ANY):
        return "b"
    if kind is op.IN:
        return next((c for c in "a0 :+[Z-.x(<?g{\t_/" if _fits(value, c)), "a")
    if kind in _REPEATS:
        return _text(value[2]) * int(value[0])
    if kind is op.SUBPATTERN:
        return _text(value[3])
    if kind is op.ATOMIC_GROUP:
        return _text(value)
    return _text(value[1][0]) if kind is op.BRANCH else ""


def _text(nodes: Any) -> str:
    return "".join(_sample(node) for node in nodes)


def _fits(items: Any, character: str) -> bool:
    return re.match(f"[{_class(items)}]", character) is not None


def _class(items: Any) -> str:
    out = ""
    for kind, value in items:
        if kind is op.NEGATE:
            out += "^"
        elif kind is op.LITERAL:
            out += re.escape(chr(value))
        elif kind is op.RANGE:
            out += f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
        elif kind is op.CATEGORY:
            name = str(value)
            letter = {"DIGIT": "d", "SPACE": "s", "WORD": "w"}[name.rpartition("_")[2]]
            out += "\\" + (letter.upper() if "NOT" in name else letter)
    return out


def _attacks(nodes: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """For each large repetition: what comes before it, and what to repeat."""
    nodes = list(nodes)
    for index, (kind, value) in enumerate(nodes):
        if kind in _REPEATS:
            item = _text(value[2]) or "a"
            if value[1] >= _LARGE:
                near, far = _text(nodes[index + 1 : index + 3]), _text(nodes[index + 1 : index + 6])
                for pump in {item, item + near, near + item, far, item + far, item + " ", *_PUMPS} - {""}:
                    yield prefix, pump
            yield from _attacks(value[2], prefix)
        elif kind is op.SUBPATTERN:
            yield from _attacks(value[3], prefix)
        elif kind is op.ATOMIC_GROUP:
            yield from _attacks(value, prefix)
        elif kind is op.BRANCH:
            for branch in value[1]:
                yield from _attacks(branch, prefix)
        prefix += _sample((kind, value))


def _slowest(pattern: re.Pattern[Any], size: int) -> tuple[float, str]:
    """Seconds that the worst text takes, and how it is made."""
    is_bytes = isinstance(pattern.pattern, bytes)
    worst = (0.0, "")
    for prefix, pump in set(_attacks(parser.parse(pattern.pattern, pattern.flags & (re.VERBOSE | re.MULTILINE)))):
        for tail in ("\x01", "g\n"):
            text = prefix + pump * (size // len(pump)) + tail
            seconds = _seconds(pattern, text.encode("latin-1", "replace") if is_bytes else text)
            if seconds > worst[0]:
                worst = seconds, f"{prefix!r} + {pump!r} * n + {tail!r}"
            if seconds > LIMIT:
                return worst
    return worst


def _seconds(pattern: re.Pattern[Any], text: Any) -> float:
    best = 1e9
    for _ in range(3):  # other processes may get in between
        start = time.thread_time()
        pattern.match(text)
        best = min(best, time.thread_time() - start)
        if best < LIMIT:
            break
    return best


def test_the_test_finds_slow_patterns() -> None:
    assert _slowest(re.compile(r"tag \d+\w*-"), 2 * SIZE)[0] > LIMIT
    assert _slowest(re.compile(r"tag \d++\w*+-"), 3 * SIZE)[0] < LIMIT
    assert _slowest(re.compile(r"(?:a{1,8}){1,9}b"), 100)[0] < LIMIT


@pytest.mark.parametrize("where", sorted(PATTERNS))
def test_linear(where: str) -> None:
    size = HEADLINE if where.startswith("headline") else SIZE
    for pattern in PATTERNS[where]:
        seconds, text = _slowest(pattern, size)
        assert seconds < LIMIT, f"{pattern.pattern!r} takes {seconds:.2f} s for {text}"
