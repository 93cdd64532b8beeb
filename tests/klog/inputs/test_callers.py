"""Caller ids (CONFIG_PRINTK_CALLER) unweave what several CPUs print at once."""

from pathlib import Path

from .crash import TWO_CPUS, dmesg, scanned


def test_two_reports_woven_into_each_other(tmp_path: Path) -> None:
    path = tmp_path / "dmesg"
    path.write_text(dmesg(TWO_CPUS))
    kasan, warning = scanned(path).oopses
    assert kasan.title == "KASAN: slab-use-after-free Read in tunnel_peer_put"
    assert (kasan.cpu, kasan.pid, kasan.comm, kasan.line) == (0, 1432, "ipcfg", 7)
    assert kasan.intact
    main = [frame.function for frame in kasan.traces[0].frames]
    assert main[5:7] == ["tunnel_peer_put", "tunnel_dellink"]
    assert not any("lane" in function for function in main)
    assert [frame.function for frame in kasan.traces[1].frames][-1] == "rtnl_newlink"
    assert [frame.function for frame in kasan.traces[2].frames][-1] == "tunnel_dellink"
    assert warning.title == "WARNING in lane_watchdog"
    assert (warning.cpu, warning.pid, warning.comm) == (2, 0, "swapper/2")
    assert [frame.function for frame in warning.traces[0].frames][-1] == "secondary_start_kernel"


def test_the_blank_that_dmesg_adds(tmp_path: Path) -> None:
    """util-linux since 2.38: `[  214.660188] [ T1432] text`."""
    path = tmp_path / "dmesg"
    path.write_text("".join(f"{m.stamp} [{m.caller:>6}] {m.text}\n" for m in TWO_CPUS))
    assert [oops.line for oops in scanned(path).oopses] == [7, 10]


def test_in_syslog(tmp_path: Path) -> None:
    path = tmp_path / "kern.log"
    path.write_text("".join(f"Nov 23 10:00:00 db7 kernel: {m.stamp}[{m.caller:>6}] {m.text}\n" for m in TWO_CPUS))
    kasan, warning = scanned(path).oopses
    assert kasan.intact
    assert warning.title == "WARNING in lane_watchdog"


def test_without_caller_ids_the_text_is_called_interleaved(tmp_path: Path) -> None:
    """What can't be told apart is said to be so, not guessed."""
    path = tmp_path / "dmesg"
    path.write_text("".join(f"{m.stamp} {m.text}\n" for m in TWO_CPUS))
    oopses = scanned(path).oopses
    assert oopses
    assert not all(oops.intact for oops in oopses)
