from hypothesis import given
from hypothesis import strategies as st

from lastwords.klog.decode.modules import continues, linked_modules


def short(text: str | None) -> list[tuple[str, str, bool]]:
    return [(m.name, m.flags, m.last_unloaded) for m in linked_modules(text)]


def test_flags_and_last_unloaded():
    assert short("Modules linked in: nf_tables(E) mymod(OE+) snd-hda ext4 [last unloaded: old(F)]") == [
        ("nf_tables", "E", False),
        ("mymod", "OE+", False),
        ("snd-hda", "", False),
        ("ext4", "", False),
        ("old", "F", True),
    ]


def test_line_that_breaks_off():
    assert short("Modules linked in: a [last unloaded: b(OE") == [("a", "", False)]
    assert short("Modules linked in: a b(O") == [("a", "", False)]


def test_none():
    assert short("Modules linked in:") == []
    assert short(None) == []
    assert short("Modules") == []


def test_wrapped_lines():
    first = "Modules linked in: " + " ".join(f"module_{n}" for n in range(8))
    second = " ip_tables x_tables autofs4 xfs(E) [last unloaded: nfs]"
    assert continues(second, first)
    assert [m.name for m in linked_modules(first + "\n" + second)][-3:] == ["autofs4", "xfs", "nfs"]


def test_other_lines_do_not_continue():
    first = "Modules linked in: " + " ".join(f"module_{n}" for n in range(8))
    for line in (
        "CPU: 0 PID: 1 Comm: swapper/0 Not tainted 6.1.0 #1",
        " ffffffff81234567 ffff8800badef7d8",
        " [<ffffffff81234567>] ? vfs_read+0x1/0x2",
        "Pid: 1, comm: init Not tainted 2.6.32",
        "Call Trace:",
        "Process foo (pid: 12, threadinfo ffff8800, task ffff8801)",
        "RIP: 0010:vfs_read+0x1/0x2",
        "irq event stamp: 0",
    ):
        assert not continues(line, first), line
    assert not continues(" a_1 b_2 c_3", "Modules linked in: short")
    assert not continues(" a_1 b_2 c_3", first + " [last unloaded: x]")


def test_text_of_others_in_the_line_ends_it():
    assert short("Modules linked in: a b [  12.3] usb 1-1: c d") == [("a", "", False), ("b", "", False)]


@given(st.text(), st.text())
def test_any_text(text, before):
    linked_modules("Modules linked in:" + text)
    continues(text, "Modules linked in: " + before * 9)


def test_long_lines_take_little_time():
    for hostile in ("a " * 200_000, "a" * 400_000, " a_(" * 100_000, "a(E" * 100_000, "[last unloaded: " * 50_000):
        assert len(linked_modules("Modules linked in: " + hostile)) <= 2000
        continues(hostile, "x" * 100)
