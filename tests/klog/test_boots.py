"""Several boots in one file: by the banner, by the clock, by a crash before the banner; `--boot N`."""

import json
from pathlib import Path

import pytest

from lastwords.klog.boots import Start, boots, unseen_restarts
from lastwords.klog.inputs import find
from lastwords.klog.parallel import scan_all

from .machine import BOOT, CRASH, SHUTDOWN, TITLE, log_of, oopses_of, quiet, reading, stamped, write


def _boots(path: Path) -> list[tuple[int, int, bool]]:
    return [(boot.line, boot.last_line, boot.banner is not None) for boot in log_of(path).boots]


def test_one_boot(tmp_path: Path) -> None:
    path = write(tmp_path / "log", stamped(BOOT, 0) + stamped(CRASH, 500))
    (boot,) = log_of(path).boots
    assert (boot.number, boot.line, boot.last_line) == (1, 1, len(BOOT) + len(CRASH))
    assert boot.release == "6.1.0-18-amd64"
    assert boot.command_line == "BOOT_IMAGE=/boot/vmlinuz root=/dev/sda1 ro quiet"
    assert boot.hardware == "Example Corp. Rack 2U/X11DPU, BIOS 3.4 11/03/2020"
    assert boot.hypervisor == "KVM"


@pytest.mark.parametrize(
    ("said", "hypervisor"),
    [
        ("Booting paravirtualized kernel on bare hardware", None),
        ("Booting paravirtualized kernel on KVM", "KVM"),
        ("Hypervisor detected: Microsoft Hyper-V", "Microsoft Hyper-V"),
    ],
)
def test_a_physical_machine_is_no_hypervisor(tmp_path: Path, said: str, hypervisor: str | None) -> None:
    """A kernel that can run as a guest (CONFIG_PARAVIRT) names the machine under it, physical ones too."""
    (boot,) = log_of(write(tmp_path / "log", stamped([BOOT[0], said], 0))).boots
    assert boot.hypervisor == hypervisor


def test_no_banner(tmp_path: Path) -> None:
    path = write(tmp_path / "log", stamped(CRASH, 500))
    assert _boots(path) == [(1, len(CRASH), False)]


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.touch()
    assert _boots(path) == [(1, 1, False)]


def test_crash_and_reboot(tmp_path: Path) -> None:
    """The usual console capture: it begins somewhere, the machine crashes, comes up, crashes again."""
    lines = stamped(CRASH, 7000) + stamped(BOOT, 0) + stamped(CRASH, 900) + stamped(BOOT, 0)
    path = write(tmp_path / "log", lines)
    first = len(CRASH)
    second = first + len(BOOT) + len(CRASH)
    assert _boots(path) == [(1, first, False), (first + 1, second, True), (second + 1, len(lines), True)]
    assert [(oops.title, oops.boot, oops.follows) for oops in oopses_of(path) if oops.title == TITLE] == [
        (TITLE, 1, None),
        (TITLE, 2, None),
    ]


def test_without_time_stamps(tmp_path: Path) -> None:
    """A crash before the banner says that the banner is another boot's."""
    path = write(tmp_path / "log", CRASH + BOOT + CRASH)
    assert [line for line, _, _ in _boots(path)] == [1, len(CRASH) + 1]
    path = write(tmp_path / "log", ["U-Boot 2023.01", "Hit any key to stop autoboot", *BOOT, *CRASH])
    assert [line for line, _, _ in _boots(path)] == [3]


def test_the_clock_starts_again_without_a_banner(tmp_path: Path) -> None:
    """`quiet` keeps the banner from the console."""
    first = quiet(100, 4000) + stamped(CRASH, 4000)
    second = (
        stamped(["ata1: SATA link up 6.0 Gbps (SStatus 133)", *BOOT[5:]], 1.2) + quiet(60, 900) + stamped(CRASH, 950)
    )
    path = write(tmp_path / "log", first + second)
    assert _boots(path) == [(1, len(first), False), (len(first) + 1, len(first + second), False)]
    titles = [(oops.boot, oops.follows) for oops in oopses_of(path) if oops.title == TITLE]
    assert titles == [(1, None), (2, None)]


def test_a_line_before_the_banner(tmp_path: Path) -> None:
    """arm64 prints which CPU it boots on first: it belongs to the boot."""
    boot = stamped(["Booting Linux on physical CPU 0x0000000000 [0x414fd0c1]", *BOOT], 0)
    path = write(tmp_path / "log", quiet(100, 900) + boot)
    start = len(quiet(100, 900)) + 1
    assert _boots(path) == [(1, start - 1, False), (start, start + len(boot) - 1, True)]


def test_the_boot_console_hands_over(tmp_path: Path) -> None:
    """With earlyprintk the real console prints the log again from its start: one boot."""
    path = write(tmp_path / "log", stamped(BOOT, 0)[:6] + stamped(BOOT, 0) + stamped(CRASH, 500))
    assert len(log_of(path).boots) == 1


@pytest.mark.parametrize("stamp", ["99999999.000000", "    0.000000"])
def test_one_damaged_stamp_is_no_boot(tmp_path: Path, stamp: str) -> None:
    lines = stamped(BOOT, 0) + quiet(100, 900)
    lines.insert(len(BOOT) + 5, f"[{stamp}] usb 1-1: noise on the line")
    path = write(tmp_path / "log", lines + stamped(CRASH, 900))
    assert len(log_of(path).boots) == 1


def test_cpus_that_print_at_once_are_no_boot(tmp_path: Path) -> None:
    lines = [f"[{100 + n * 0.001 - (n % 2) * 0.05:12.6f}] message {n}" for n in range(50)]
    path = write(tmp_path / "log", lines + stamped(CRASH, 101))
    assert len(log_of(path).boots) == 1


def test_programs_quote_banners(tmp_path: Path) -> None:
    lines = [f"Nov 23 10:00:00 db7 kernel: {text}" for text in BOOT]
    lines += ["Nov 23 10:01:00 db7 inventory[7]: Linux version 5.10.0 (somebody)"]
    path = write(tmp_path / "log", lines)
    assert len(log_of(path).boots) == 1


def test_boot_n(tmp_path: Path) -> None:
    lines = stamped(BOOT, 0) + stamped(CRASH, 500) + stamped(BOOT, 0) + stamped([SHUTDOWN], 800)
    lines += stamped(BOOT, 0) + stamped(["sda: something", *CRASH], 300) + stamped(CRASH, 500)
    path = write(tmp_path / "log", lines)
    assert [len(oopses_of(path, boot)) > 0 for boot in (1, 2, 3)] == [True, False, True]
    assert [oopses_of(path, boot) for boot in (-1, -2, -3)] == [oopses_of(path, boot) for boot in (3, 2, 1)]
    third = reading(path, -1)
    assert third.log is not None
    first, *later = third.oopses
    assert (first.time, first.boot) == (300.001, 3)
    assert [oops.follows for oops in later] == [0]
    assert all(third.log.boots[2].line <= record.line for record in third.records)


@pytest.mark.parametrize("number", [0, 4, -4, 10**9])
def test_no_such_boot(tmp_path: Path, number: int) -> None:
    path = write(tmp_path / "log", (stamped(BOOT, 0) + stamped(CRASH, 500)) * 3)
    found = reading(path, number)
    assert found.log is None
    assert found.error == f"{path}: there is no boot {number}; the file holds 3"


def test_boot_of_a_large_log(tmp_path: Path) -> None:
    """Larger than what is decoded as a whole: what came before the crash of a later boot is at hand as well."""
    lines: list[str] = []
    for _ in range(3):
        lines += (
            stamped(BOOT, 0) + quiet(100, 400_000) + stamped(["acme_hba 0000:03:00.0: firmware died", *CRASH], 400_000)
        )
    path = write(tmp_path / "log", lines)
    assert path.stat().st_size > 1 << 20
    assert len(log_of(path).boots) == 3
    for boot in (1, 2, 3, -1):
        log = log_of(path, boot)
        first = oopses_of(path, boot)[0]
        assert (first.title, first.time) == (TITLE, 400_000.001)
        assert [p.text for p in log.precursors] == ["acme_hba 0000:03:00.0: firmware died"]
        assert log.precursors[0].line == first.line - 1


def test_pieces_of_a_file_count_boots_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A huge file goes to several processes in pieces: numbers of boots and lines are those of the whole."""
    lines: list[str] = []
    for _ in range(4):
        lines += stamped(BOOT, 0) + quiet(100, 200_000) + stamped(CRASH, 200_000)
    path = write(tmp_path / "log", lines)
    monkeypatch.setattr("lastwords.klog.parallel.PIECE", 200_000)
    (whole,) = scan_all(find([str(path)]), 1)
    (pieces,) = scan_all(find([str(path)]), 2)
    assert len(whole.oopses) == 4
    assert {oops.boot for oops in whole.oopses} == {1, 2, 3, 4}
    assert pieces == whole


def test_pstore_parts_backwards(tmp_path: Path) -> None:
    """The banner stands behind the crash in the file, and before it in time: one boot."""
    text = "".join(f"{line}\n" for line in stamped(CRASH, 5))
    path = tmp_path / "log"
    path.write_text(f"Panic#1 Part1\n{text}Panic#1 Part2\n" + "".join(f"{line}\n" for line in stamped(BOOT, 0)))
    log = log_of(path)
    assert [boot.line for boot in log.boots] == [1]
    assert log.boots[0].release == "6.1.0-18-amd64"
    assert {oops.boot for oops in oopses_of(path)} == {1}


def test_boots_of_starts() -> None:
    found = boots([Start(1), Start(10, "Linux version 5.4.0-x (a@b)"), Start(20)], 25)
    assert [(boot.number, boot.line, boot.last_line, boot.release) for boot in found] == [
        (1, 1, 9, None),
        (2, 10, 19, "5.4.0-x"),
        (3, 20, 25, None),
    ]


def test_unseen_restarts() -> None:
    """Pieces of a file are scanned apart: the times of their oopses tell where the clock went back."""
    assert unseen_restarts([], [(5, 100.0), (9, 200.0)]) == []
    assert unseen_restarts([], [(5, 900.0), (9, 200.0)]) == [1, 9]
    assert unseen_restarts([1, 7], [(5, 900.0), (9, 200.0)]) == [1, 7]
    assert unseen_restarts([1, 7], [(5, 900.0), (9, 950.0), (30, None), (40, 3.0)]) == [1, 7, 40]
    assert unseen_restarts([3], [(5, 900.0), (9, 899.0)]) == [3]


def test_journal_of_two_boots(tmp_path: Path) -> None:
    """Monotonic time stamps begin again with each boot."""
    rows = []
    for _ in range(2):
        for n, text in enumerate([*BOOT, *CRASH]):
            fields = {"__CURSOR": "s", "_TRANSPORT": "kernel", "MESSAGE": text, "PRIORITY": "4"}
            fields["_SOURCE_MONOTONIC_TIMESTAMP"] = str(n * 1_000_000)
            rows.append(json.dumps(fields))
    path = write(tmp_path / "log", rows)
    assert [boot.line for boot in log_of(path).boots] == [1, len(rows) // 2 + 1]


def test_what_the_kernel_says_of_its_initramfs(tmp_path: Path) -> None:
    path = tmp_path / "dmesg"
    path.write_text(
        "[    0.000000] Linux version 6.1.0-18-amd64 (debian) #1 SMP\n"
        "[    0.000000] RAMDISK: [mem 0x36d2c000-0x37693fff]\n"
        "[    0.400000] Trying to unpack rootfs image as initramfs...\n"
        "[    0.500000] Initramfs unpacking failed: invalid magic at start of compressed archive\n"
    )
    log = log_of(path)
    assert (log.boots[0].initramfs or "").startswith("RAMDISK: ")
    assert log.boots[0].initramfs_error == ("Initramfs unpacking failed: invalid magic at start of compressed archive")
