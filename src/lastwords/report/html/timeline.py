"""The time line, drawn.

A crash's events lie hours apart, then microseconds: distances grow with the logarithm of the time between, and each is
labelled with it.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import log10
from typing import NamedTuple

from lastwords.model import Event
from lastwords.report.verdict import KINDS, distance

_MARGIN = 34.0
_APART = 30.0
"""Pixels between two markers, at the least."""
_BURST_END = 8.0
_LABELLED = 62.0
"""Pixels that the label of a span needs."""
_LETTER = 7.0
"""Pixels of one letter of a marker's label."""
# Where not all events fit, those that say most are drawn.
_RANK = {"oops": 0, "panic": 1, "sign": 2, "follow-on": 3, "dump": 4, "boot": 5}


class Marker(NamedTuple):
    """One event: its number in the list, where it stands, its kind and the label below, empty where it has none."""

    number: int
    x: float
    kind: str
    label: str
    row: int
    text: str


class Burst(NamedTuple):
    """A message that came again and again, from `x` on."""

    x: float
    width: float
    times: int


class Span(NamedTuple):
    """The time between two points, in words."""

    x: float
    text: str


class Drawing(NamedTuple):
    """All of it, in pixels. `left_out` events are only in the list."""

    width: int
    markers: tuple[Marker, ...]
    bursts: tuple[Burst, ...]
    spans: tuple[Span, ...]
    left_out: int


class _Point(NamedTuple):
    """A moment on the line: an event begins here, or (`event` is None) a burst ends."""

    time: float | None
    event: int | None


def draw(events: Sequence[Event], width: int) -> Drawing:
    """Lay the events out.

    Args:
        events: in their order.
        width: of the picture, in pixels.
    """
    chosen = _chosen(events, int((width - 2 * _MARGIN) / (_APART + _BURST_END)) + 1)
    points = _points(events, chosen)
    places = _places(points, width)
    begins = {point.event: x for point, x in zip(points, places, strict=True) if point.event is not None}
    ends = {point.time: x for point, x in zip(points, places, strict=True) if point.event is None}
    bursts = [
        Burst(begins[number], max(ends.get(event.until, 0) - begins[number], _BURST_END), event.count)
        for number in chosen
        if (event := events[number]).count > 1
    ]
    return Drawing(
        width,
        tuple(_markers(events, begins)),
        tuple(bursts),
        tuple(_spans(points, places)),
        len(events) - len(chosen),
    )


def _chosen(events: Sequence[Event], most: int) -> list[int]:
    first = next((n for n, event in enumerate(events) if event.kind == "sign"), -1)
    ranked = sorted(range(len(events)), key=lambda n: (0 if n == first else _RANK[events[n].kind], -events[n].count, n))
    return sorted(ranked[:most])


def _points(events: Sequence[Event], chosen: Sequence[int]) -> list[_Point]:
    """In order of time; events without one stand behind the one before them."""
    points: list[tuple[float, int, _Point]] = []
    last = float("-inf")
    for number in chosen:
        event = events[number]
        # The order of the list counts where clocks differ.
        last = last if event.time is None else max(last, event.time)
        points.append((last, 0, _Point(event.time, number)))
        if event.count > 1 and event.time is not None and event.until is not None and event.until > event.time:
            points.append((event.until, 1, _Point(event.until, None)))
    return [point for _time, _kind, point in sorted(points, key=lambda each: each[:2])]


def _places(points: Sequence[_Point], width: int) -> list[float]:
    least = [_APART if after.event is not None else _BURST_END for _before, after in pairwise(points)]
    stretch = [_stretch(before, after) for before, after in pairwise(points)]
    room = max(width - 2 * _MARGIN - sum(least), 0.0)
    total = sum(stretch) or 1.0
    places = [_MARGIN] if points else []
    for smallest, more in zip(least, stretch, strict=True):
        places.append(places[-1] + smallest + room * more / total)
    return places


def _stretch(before: _Point, after: _Point) -> float:
    if before.time is None or after.time is None:
        return 0.5
    return 0.2 + log10(1 + max(after.time - before.time, 0.0) / 0.001)


def _markers(events: Sequence[Event], places: dict[int, float]) -> Iterator[Marker]:
    """The first event of each kind is labelled, where there is room in one of two rows."""
    labelled = {kind: number for number, kind in reversed([(n, events[n].kind) for n in places])}
    ends = [float("-inf"), float("-inf")]
    for number, x in places.items():
        kind = events[number].kind
        label, row = KINDS[kind] if labelled[kind] == number else "", 0
        half = (len(label) + 1) * _LETTER / 2
        rows = [row for row in (0, 1) if x - half >= ends[row]]
        if label and rows:
            row = rows[0]
            ends[row] = x + half
        elif kind not in ("oops", "panic"):
            label = ""
        yield Marker(number + 1, x, kind, label, row, events[number].text)


def _spans(points: Sequence[_Point], places: Sequence[float]) -> Iterator[Span]:
    for (before, start), (after, end) in pairwise(zip(points, places, strict=True)):
        if before.time is None or after.time is None or after.time <= before.time:
            continue
        if end - start >= _LABELLED and before.event is not None:
            yield Span((start + end) / 2, distance(after.time - before.time))
