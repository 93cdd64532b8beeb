"""What came before a crash: the unusual is found, what is normal in the log is not."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from lastwords.cli.main import cli
from lastwords.klog.inputs import find
from lastwords.klog.printouts import part_of_a_printout
from lastwords.klog.read import read
from lastwords.klog.templates import summary, template
from lastwords.klog.troubles import hardware, of_a_program, told
from lastwords.model import Precursor

from .machine import BOOT, CRASH, log_of, oopses_of, quiet, reading, stamped, write

DMA = [f"acme_hba 0000:03:00.0: DMA mapping failed for tag {tag}" for tag in (17, 18, 19, 33, 34, 41)]


def _found(path: Path, *before: list[str], time: float = 90_000) -> tuple[Precursor, ...]:
    """The precursors of a crash at a time, in a log with these lines before it."""
    found = reading(write(path / "log", [line for lines in before for line in lines] + stamped(CRASH, time)))
    assert found.log is not None
    assert found.oopses[0].time == time
    return found.log.precursors


def test_burst_of_the_driver_on_the_trace(tmp_path: Path) -> None:
    before = stamped(BOOT, 0) + quiet(100, 89_000)
    (burst,) = _found(tmp_path, before, stamped(DMA, 89_998, 0.2))
    assert burst.reason == "burst"
    assert burst.text == "acme_hba 0000:03:00.0: DMA mapping failed for tag N"
    assert burst.count == 6
    assert (burst.line, burst.last_line) == (len(before) + 1, len(before) + 6)
    assert burst.seconds_before == 1.0
    assert burst.why.startswith("6 times within 1.0 s, and never before in this log.")
    assert "acme_hba" in burst.why


def test_burst_among_other_messages(tmp_path: Path) -> None:
    lines = [
        line
        for pair in zip(stamped(DMA, 89_990, 1), stamped(["eno1: link up"] * 6, 89_990.5, 1), strict=True)
        for line in pair
    ]
    found = _found(tmp_path, stamped(BOOT, 0), quiet(100, 89_000), lines)
    assert [(p.reason, p.count) for p in found] == [("burst", 6)]


def test_without_time_stamps(tmp_path: Path) -> None:
    log = log_of(write(tmp_path / "log", BOOT + DMA + CRASH))
    assert log.precursors[0].reason == "burst"
    assert log.precursors[0].seconds_before is None
    assert log.precursors[0].line == len(BOOT) + 1


def test_a_burst_that_is_usual_here_is_none(tmp_path: Path) -> None:
    """The same every hour since the boot."""
    usual = [line for hour in range(1, 25) for line in stamped(DMA, hour * 3600)]
    found = _found(tmp_path, stamped(BOOT, 0), usual, stamped(DMA, 89_990))
    assert [p.reason for p in found] == ["named-by-trace"]


def test_much_more_often_than_before(tmp_path: Path) -> None:
    texts = [f"nf_conntrack: nf_conntrack: table full, dropping packet {n}" for n in range(80)]
    found = _found(tmp_path, stamped(BOOT, 0), stamped(texts[:3], 30_000, 9000), stamped(texts, 89_900, 1))
    (burst,) = found
    assert burst.reason == "burst"
    assert "; before that 3 times in" in burst.why


def test_named_by_the_trace(tmp_path: Path) -> None:
    """One message of a driver on the trace is enough, and it may have come before."""
    found = _found(
        tmp_path, stamped(BOOT, 0), quiet(100, 89_000), stamped(["acme_hba 0000:03:00.0: reset failed, -110"], 89_700)
    )
    assert [(p.reason, p.seconds_before) for p in found] == [("named-by-trace", 300.0)]


def test_named_means_by_the_speaker(tmp_path: Path) -> None:
    """The name of a module inside other words is no mention of it."""
    texts = ["megacme_hbas: error 7", "foo: cannot find acme_hba_extra", "scsi_modern: failed"]
    found = _found(tmp_path, stamped(BOOT, 0), quiet(100, 89_000), stamped(texts, 89_900))
    assert {p.reason for p in found} == {"first-warning"}


def test_first_warning(tmp_path: Path) -> None:
    found = _found(
        tmp_path, stamped(BOOT, 0), quiet(100, 89_000), stamped(["clocksource: timekeeping watchdog: unstable"], 89_990)
    )
    assert [(p.reason, p.count, p.seconds_before) for p in found] == [("first-warning", 1, 10.0)]


def test_trouble_of_yesterday_is_no_precursor(tmp_path: Path) -> None:
    found = _found(tmp_path, stamped(BOOT, 0), stamped(DMA, 3600), quiet(4000, 89_950))
    assert found == ()


def test_a_healthy_boot_is_no_precursor(tmp_path: Path) -> None:
    """Much in it sounds like trouble, and everything is said for the first time."""
    assert _found(tmp_path, stamped(BOOT, 0), time=40) == ()
    assert _found(tmp_path, stamped(BOOT, 0), quiet(30, 500), time=500) == ()


def test_right_before_a_crash_during_the_boot(tmp_path: Path) -> None:
    found = _found(tmp_path, stamped(BOOT, 0), stamped(["acme_hba 0000:03:00.0: probe failed, -12"], 4.9), time=5)
    assert [p.reason for p in found] == ["named-by-trace"]


def test_programs_are_not_the_kernel(tmp_path: Path) -> None:
    texts = [
        "app[2211]: segfault at 0 ip 00005581f2 sp 00007ffd error 4 in app[5581f2+1000]",
        "systemd[1]: nginx.service: Failed with result 'exit-code'.",
        "audit: type=1400 audit(1700000000.1:2): apparmor=DENIED error=-13",
        "traps: app[12] general protection fault ip:7f sp:7f error:0 in libc.so",
    ]
    assert _found(tmp_path, stamped(BOOT, 0), quiet(100, 89_000), stamped(texts * 5, 89_990)) == ()


def test_not_from_the_boot_before(tmp_path: Path) -> None:
    path = write(tmp_path / "log", stamped(BOOT, 0) + stamped(DMA, 900) + stamped(BOOT, 0) + stamped(CRASH, 200))
    assert oopses_of(path)[0].boot == 2
    assert log_of(path).precursors == ()


def test_in_pstore_parts(tmp_path: Path) -> None:
    """The newest part stands first in the file."""
    text = "".join(f"{line}\n" for line in stamped(CRASH, 500))
    path = tmp_path / "log"
    path.write_text(f"Panic#1 Part1\n{text}Panic#1 Part2\n" + "".join(f"{line}\n" for line in stamped(DMA, 499)))
    (burst,) = log_of(path).precursors
    assert (burst.reason, burst.count, burst.line) == ("burst", 6, len(CRASH) + 3)


def test_fault_injection(tmp_path: Path) -> None:
    text = "FAULT_INJECTION: forcing a failure."
    found = _found(tmp_path, stamped(BOOT, 0), quiet(100, 89_000), stamped([text], 89_999.9))
    assert ["on purpose" in p.why for p in found] == [True]
    assert _found(tmp_path, stamped(BOOT, 0), quiet(100, 89_000), stamped([text], 89_990)) == ()


def test_at_most_a_handful(tmp_path: Path) -> None:
    texts = [f"driver{chr(97 + n)}: error {chr(97 + n)} happened" for n in range(20)]
    found = _found(tmp_path, stamped(BOOT, 0), quiet(100, 89_000), stamped(texts, 89_990))
    assert len(found) == 5
    assert found[0].line > found[-1].line


HARDWARE = """\
Write-error on swap-device (253:1:181024)
AMD-Vi: Completion-Wait loop timed out
arm-smmu-v3 arm-smmu-v3.0.auto: CMD_SYNC timeout at 0x00000a3f [hwprod 0x00000a40, hwcons 0x00000a3e]
DMAR: VT-d detected Invalidation Time-out Error: SID 0
mce: [Hardware Error]: Machine check events logged
mce: [Hardware Error]: CPU 3: Machine Check: 0 Bank 4: be00000000800400
{1}[Hardware Error]: event severity: corrected
EDAC MC0: 1 CE memory read error on CPU_SrcID#0_MC#0_Chan#1_DIMM#0 (channel:1 slot:0 page:0x12 offset:0x0)
EDAC skx MC3: HANDLING MCE MEMORY ERROR
Memory failure: 0x12345: recovery action for dirty LRU page: Recovered
mce: CPU1: Core temperature above threshold, cpu clock throttled (total events = 1)
mce: CPU1: Core temperature is above threshold, cpu clock is throttled (total events = 1)
thermal thermal_zone0: acpitz: critical temperature reached, shutting down
pcieport 0000:00:1c.0: AER: Corrected error message received from 0000:03:00.0
pcieport 0000:00:1c.0: AER: Multiple Uncorrectable (Non-Fatal) error message received from 0000:03:00.0
nvme 0000:03:00.0: PCIe Bus Error: severity=Uncorrected (Non-Fatal), type=Transaction Layer
pcieport 0000:00:1c.0: pciehp: Slot(3): Link Down
NMI: PCI system error (SERR) for reason b1 on CPU 0.
Uhhuh. NMI received for unknown reason 2d on CPU 3.
DMAR: [DMA Read NO_PASID] Request device [03:00.0] fault addr 0xfff000 [fault reason 0x06] PTE Read access is not set
DMAR: DRHD: handling fault status reg 2
AMD-Vi: Event logged [IO_PAGE_FAULT device=03:00.0 domain=0x0011 address=0xfff0 flags=0x0020]
nvme 0000:03:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0011 address=0xfff0 flags=0x0020]
arm-smmu-v3 arm-smmu-v3.0.auto: event 0x10 received:
blk_update_request: I/O error, dev sda, sector 1234 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 0
critical medium error, dev sdb, sector 99 op 0x0:(READ)
Buffer I/O error on dev dm-0, logical block 5, async page read
sd 0:0:0:0: [sda] tag#3 Sense Key : Medium Error [current]
sd 0:0:0:0: rejecting I/O to offline device
ata1.00: exception Emask 0x0 SAct 0x0 SErr 0x0 action 0x6 frozen
ata1.00: failed command: READ FPDMA QUEUED
ata1: hard resetting link
nvme nvme0: controller is down; will reset: CSTS=0xffffffff, PCI_STATUS=0xffff
nvme nvme0: I/O 12 QID 3 timeout, aborting
nvme nvme0: I/O tag 12 (0x1) QID 3 timeout, reset controller
md/raid1:md0: Disk failure on sda1, disabling device.
e1000e 0000:00:1f.6 eno1: Detected Hardware Unit Hang:
NVRM: Xid (PCI:0000:01:00): 79, pid=1, GPU has fallen off the bus.
i915 0000:00:02.0: [drm] GPU HANG: ecode 9:1:85dffffb, in Xorg [1234]
[drm:amdgpu_job_timedout [amdgpu]] *ERROR* ring gfx timeout, signaled seq=1, emitted seq=3
xhci_hcd 0000:00:14.0: xHCI host controller not responding, assume dead
xhci_hcd 0000:00:14.0: HC died; cleaning up""".splitlines()


@pytest.mark.parametrize("text", HARDWARE)
def test_hardware(tmp_path: Path, text: str) -> None:
    assert hardware(text) is not None
    # Some of these count as a crash report by themselves; what is tested here is what they say about a later one.
    before = stamped(BOOT, 0) + quiet(100, 89_000)
    found = reading(write(tmp_path / "log", before + stamped([text], 89_990) + stamped(CRASH, 90_000)))
    assert found.log is not None
    assert "hardware" in [p.reason for p in found.log.precursors] or found.oopses[0].line == len(before) + 1


@pytest.mark.parametrize("text", BOOT)
def test_no_hardware_trouble_in_a_boot(text: str) -> None:
    assert hardware(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "EXT4-fs (sda1): mounted filesystem with ordered data mode. Opts: errors=remount-ro",
        "ERST: Error Record Serialization Table (ERST) support is initialized.",
        "usb 1-1: new full-speed USB device number 2",
        "Freeing unused kernel image (initmem) memory: 2796K",
        "perf: interrupt took too long (2504 > 2500)",
    ],
)
def test_no_trouble(text: str) -> None:
    assert not told(text)


def test_trouble_in_words() -> None:
    assert told("acme: firmware timed out")
    assert told("XFS: kworker/3:1(812) possible memory allocation deadlock size 64 in kmem_alloc (mode:0x2408240)")
    assert told("acme 0000:03:00.0: BUG: TX ring is full while the queue runs")
    assert told("bpf: recursion limit reached on datapath, buggy bpf program?")
    assert told("sysfs: cannot create duplicate filename '/x'")
    assert of_a_program("app[12]: segfault at 0")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("storage: DMA mapping failed for tag 17", "storage: DMA mapping failed for tag N"),
        ("acme 0000:03:00.0: queue 3 at 0xffff8d2a", "acme N: queue N at N"),
        ("sda1: 12.5 MB", "sdaN: N MB"),
        ("mac 00:1b:21:aa:bb:cc", "mac N:aa:bb:cc"),
        ("deadbeef feed", "deadbeef feed"),
        ("", ""),
    ],
)
def test_template(text: str, expected: str) -> None:
    assert template(text) == expected


def test_summary_keeps_what_all_share() -> None:
    assert summary(["sd 0:0:0:0: tag 17 lost", "sd 0:0:0:0: tag 18 lost"]) == "sd 0:0:0:0: tag N lost"
    assert summary(["one 1"]) == "one 1"
    assert len(summary(["x" * 5000])) == 300


STACKS = """\
sysrq: Show Blocked State
task:acme_poll       state:D stack:    0 pid: 1207 ppid:     2 flags:0x00004000
Workqueue: acme_wq acme_hba_poll [acme_hba]
Call Trace:
 <TASK>
 __schedule+0x351/0xa20
 ? acme_hba_wait+0x10/0x40 [acme_hba]
 </TASK>
RIP: 0033:0x7f1c2d9a1b3a
RSP: 002b:00007ffe1b2c3d48 EFLAGS: 00000246 ORIG_RAX: 0000000000000000
R10: 0000000000000000 R11: 0000000000000246 R12: 000055d0c0ffee00
2 locks held by acme_poll/1207:
 #0: ffff888104c1d938 ((wq_completion)acme_wq){+.+.}-{0:0}, at: process_one_work+0x1d0/0x590
""".splitlines()
MEMORY = """\
Mem-Info:
active_anon:1203 inactive_anon:480212 isolated_anon:0
 slab_reclaimable:5212 slab_unreclaimable:8123
Node 0 active_anon:4812kB inactive_anon:1920848kB active_file:0kB all_unreclaimable? no
Node 0 DMA free:7168kB boost:0kB min:380kB low:472kB high:564kB
lowmem_reserve[]: 0 1932 1932 1932
Node 0 DMA: 2*4kB (UM) 1*8kB (U) 1*16kB (M) = 7168kB
Node 0 hugepages_total=0 hugepages_free=0 hugepages_surp=0 hugepages_size=2048kB
3121 total pagecache pages
0 pages in swap cache
Free swap  = 0kB
524158 pages RAM
Tasks state (memory values in pages):
[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name
[    301]     0   301     8123      512    86016        0         -1000 systemd-udevd
Unreclaimable slab info:
kmalloc-2k             1203KB       1400KB
""".splitlines()


@pytest.mark.parametrize("line", STACKS + MEMORY)
def test_lines_of_a_printout(line: str) -> None:
    assert part_of_a_printout(line)


@pytest.mark.parametrize(
    "line",
    [
        *DMA[:1],
        "acme_hba 0000:03:00.0: Call Trace buffer is full",
        "sd 0:0:0:0: [sda] tag#3 FAILED Result: hostbyte=DID_ERROR",
        "Out of memory: Killed process 2231 (java) total-vm:8123kB",
        "swapper/0: page allocation failure: order:4, mode:0xcc0(GFP_KERNEL)",
        "EDAC MC0: 1 CE memory read error on CPU_SrcID#0_MC#0_Chan#1_DIMM#0",
        "CPU: 3 is too hot",
        "Code of conduct",
        "ata3: hard resetting link",
        "x86/split lock detection: #AC: acme took a split_lock trap",
        "rcu: INFO: something",
    ],
)
def test_messages_are_no_printout(line: str) -> None:
    assert not part_of_a_printout(line)


@pytest.mark.parametrize("printout", [STACKS, MEMORY], ids=["stacks", "memory"])
def test_printouts_on_request_are_no_signs(tmp_path: Path, printout: list[str]) -> None:
    """Stacks of forty tasks, or as many reports on memory, and one burst that counts."""
    before = stamped(BOOT, 0) + quiet(100, 89_000)
    found = _found(tmp_path, before, stamped(printout * 40, 89_950, 0.001), stamped(DMA, 89_998, 0.2))
    assert [p.reason for p in found] == ["burst"]
    assert found[0].text == "acme_hba 0000:03:00.0: DMA mapping failed for tag N"


ASIDE = """\
[    0.000000] Linux version 6.1.0
[  100.000000] nvme nvme0: I/O 23 QID 4 timeout, aborting
[  130.000000] nvme nvme0: I/O 23 QID 4 timeout, reset controller
[  161.000000] EXT4-fs error (device nvme0n1p2): ext4_journal_check_start:83: comm sh: Detected aborted journal
[  400.000000] BUG: kernel NULL pointer dereference, address: 0000000000000018
[  400.000001] RIP: 0010:xr_get+0x23/0x90 [xr]
[  400.000002] Call Trace:
[  400.000003]  xr_open+0x4c/0xd0 [xr]
[  400.000004] Kernel panic - not syncing: Fatal exception
"""


def test_what_came_between_a_devices_complaint_and_the_crash_came_before_the_crash(tmp_path: Path) -> None:
    """A device's failure is a report of its own, but the crash behind it is what people ask about."""
    path = tmp_path / "console.log"
    path.write_text(ASIDE)
    log = read(find([str(path)])[0]).log
    assert log is not None
    assert [(p.line, p.time, p.boot) for p in log.precursors] == [(4, 161.0, 1), (3, 130.0, 1), (2, 100.0, 1)]
    assert log.precursors[0].seconds_before == 239.0


def test_each_boot_has_its_own(tmp_path: Path) -> None:
    path = tmp_path / "console.log"
    path.write_text(ASIDE + ASIDE.replace("nvme0", "nvme7").replace("161.0", "261.0"))
    log = read(find([str(path)])[0]).log
    assert log is not None
    assert {(p.boot, "nvme7" in p.text) for p in log.precursors} == {(1, False), (2, True)}
    out = CliRunner().invoke(cli, ["analyze", str(path)]).stdout
    told = out.partition("What came before")[2].partition("\n\n")[0]
    assert "nvme7" in told
    assert "nvme0" not in told
    assert "-2 min 19 s" in told


def test_failure_that_the_kernel_survived_is_what_came_before_the_crash(tmp_path: Path) -> None:
    lost = ["nvme nvme0: Device not ready; aborting reset, CSTS=0x1"]
    path = write(
        tmp_path / "log", stamped(BOOT, 0) + quiet(100, 89_000) + stamped(lost, 89_900) + stamped(CRASH, 90_000)
    )
    found = reading(path)
    assert found.log is not None
    assert found.oopses[0].kind == "nvme-failure"
    (sign,) = found.log.precursors
    assert (sign.reason, sign.text, sign.seconds_before, sign.time) == ("hardware", lost[0], 100.0, 89_900.0)


def test_failure_alone_has_what_came_before_it(tmp_path: Path) -> None:
    lines = [
        "nvme nvme0: I/O tag 3 (1003) opcode 0x2 (I/O Cmd) QID 1 timeout, aborting",
        "nvme nvme0: Device not ready; aborting reset",
    ]
    path = write(tmp_path / "log", stamped(BOOT, 0) + quiet(100, 89_000) + stamped(lines, 89_900, 10))
    found = reading(path)
    assert found.log is not None
    assert [sign.seconds_before for sign in found.log.precursors] == [10.0]
