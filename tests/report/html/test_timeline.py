"""The time line: everything in its order, in the picture, and far enough apart."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lastwords.model import Event
from lastwords.report.html.timeline import draw

KINDS = ("boot", "sign", "oops", "follow-on", "panic", "dump")


@st.composite
def events(draw):
    time = draw(st.none() | st.floats(0, 1e7))
    until = None if time is None else draw(st.none() | st.floats(-10, 1e5))
    return Event(
        kind=draw(st.sampled_from(KINDS)),
        text="x",
        time=time,
        until=None if until is None or time is None else time + until,
        count=draw(st.integers(1, 10_000)),
    )


@given(st.lists(events(), max_size=60), st.sampled_from((340, 960)))
def test_all_fits(found, width):
    drawing = draw(found, width)
    assert len(drawing.markers) + drawing.left_out == len(found)
    places = [marker.x for marker in drawing.markers]
    assert all(after - before >= 30 - 1e-6 for before, after in pairwise(places))
    for x in (*places, *(burst.x for burst in drawing.bursts), *(burst.x + burst.width for burst in drawing.bursts)):
        assert 0 <= x <= width + 1e-6
    assert [marker.number for marker in drawing.markers] == sorted(marker.number for marker in drawing.markers)
    for row in (0, 1):
        labels = [marker for marker in drawing.markers if marker.label and marker.row == row and marker.kind != "panic"]
        assert all(after.x - before.x > 20 for before, after in pairwise(labels))


def test_a_burst_reaches_from_its_first_to_its_last_message():
    drawing = draw(
        (
            Event(kind="sign", text="failed", time=10.0, until=16.0, count=37),
            Event(kind="oops", text="BUG", time=16.1),
            Event(kind="panic", text="panic", time=16.1004),
        ),
        960,
    )
    (burst,) = drawing.bursts
    sign, oops, panic = drawing.markers
    assert burst.times == 37
    assert burst.x == sign.x
    assert sign.x < burst.x + burst.width < oops.x < panic.x
    assert [span.text for span in drawing.spans] == ["6.0 s", "400 µs"]


def test_what_matters_is_drawn_where_there_is_no_room_for_all():
    signs = [Event(kind="sign", text="x", time=float(n)) for n in range(200)]
    drawing = draw([*signs, Event(kind="oops", text="BUG", time=300.0), Event(kind="panic", text="p", time=301.0)], 340)
    kinds = [marker.kind for marker in drawing.markers]
    assert kinds[0] == "sign"
    assert kinds[-2:] == ["oops", "panic"]
    assert drawing.left_out == 202 - len(kinds)
