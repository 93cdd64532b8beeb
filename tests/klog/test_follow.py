from lastwords.klog.follow import tied
from lastwords.model import Oops


def oops(line: int, time: float | None = None, family: str = "bug", taint: str = "Not tainted") -> Oops:
    return Oops(
        title="t", kind="k", family=family, line=line, last_line=line, message="m", intact=True, time=time, taint=taint
    )


def follows(*found: Oops) -> list[int | None]:
    return [o.follows for o in tied(found, [])]


def test_soon_after_the_first():
    assert follows(oops(1, 10.0), oops(2, 12.0), oops(3, 5000.0)) == [None, 0, None]


def test_a_panic_always():
    assert follows(oops(1, 10.0), oops(2, 5000.0, "panic")) == [None, 0]


def test_taint_that_the_first_left_behind():
    died = "Tainted: G      D W          6.1.0"
    assert follows(oops(1, 10.0), oops(2, 5000.0, taint=died)) == [None, 0]
    assert follows(oops(1, 10.0, taint=died), oops(2, 5000.0, taint=died)) == [None, None]
    assert follows(oops(1, 10.0), oops(2, 5000.0, taint="Tainted: G        W")) == [None, None]


def test_each_boot_has_a_first():
    found = tied([oops(5, 10.0), oops(15, 11.0), oops(25, 12.0)], [1, 10])
    assert [(o.boot, o.follows) for o in found] == [(1, None), (2, None), (2, 1)]


def test_without_time_stamps():
    assert follows(oops(1), oops(2)) == [None, 0]
