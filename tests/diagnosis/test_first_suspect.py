"""Whom somebody on call should suspect first, where two explanations lie at hand."""

import pytest
from msgspec.structs import replace

from lastwords.diagnosis import diagnose
from lastwords.diagnosis.signs import device_in, disk_of, look_at_disk
from lastwords.model import Facts, Frame, Oops, Precursor, Verdict

from .facts import address, facts, frame, oops, sign, trace


def verdict(about: Facts) -> Verdict:
    diagnosis = diagnose(about)
    assert diagnosis is not None
    return diagnosis.verdict


def hung(pid: int, *stack: str | None) -> Oops:
    return oops("hung-task", function="nfs_getattr", module="nfs", pid=pid, comm="php-fpm", traces=(trace(*stack),))


SERVER = sign("nfs: server 10.1.2.3 not responding, still trying", "named-by-trace")
FOR_SERVER = hung(90, "__schedule", None, "rpc_wait_bit_killable", "sunrpc", "nfs_getattr", "nfs")
FOR_LOCK = hung(91, "rwsem_down_write_slowpath", None, "nfs_start_io_write", "nfs")


def test_a_silent_file_server_comes_before_the_lock_that_its_victims_hold():
    told = verdict(facts(FOR_SERVER, FOR_LOCK, signs=(SERVER,)))
    assert told.findings[0] == "hung-behind-io"
    assert told.crash_class == "lockup"
    assert "a file server that did not answer" in told.summary


def test_without_one_who_waits_for_io_it_is_a_lock():
    assert verdict(facts(FOR_LOCK)).findings[0] == "hung-lock"


def fault(module: str) -> Oops:
    return oops(
        "paging-request", function="f", module=module, address=address("kernel", 0xFFFFA3D2C0E00140, "far", None)
    )


GONE = sign("NVRM: Xid (PCI:0000:65:00): 79, pid=21113, GPU has fallen off the bus.", "hardware")


def test_a_driver_that_falls_over_its_device_that_is_gone():
    told = verdict(facts(fault("nvidia"), signs=(GONE,)))
    assert told.crash_class == "hardware"
    assert told.culprit.module == "nvidia"
    assert "fallen off the bus" in told.summary


def test_another_driver_that_crashes_then_is_not_excused():
    assert verdict(facts(fault("ring"), signs=(GONE,))).crash_class == "memory-corruption"


def test_who_spins_is_the_one_that_called_for_the_lock():
    stack = trace("_raw_spin_lock_bh", None, "ip_set_test", "ip_set", "nft_do_chain", "nf_tables", "ip_rcv", None)
    at = frame("native_queued_spin_lock_slowpath")
    told = verdict(facts(oops("soft-lockup", function="ip_rcv", module=None, at=at, traces=(stack,))))
    assert "spun in ip_set_test() of ip_set" in told.summary


def test_what_root_names_is_known_without_the_command_line():
    message = 'VFS: Cannot open root device "UUID=2b4a3c1d" or unknown-block(0,0): error -6'
    told = verdict(facts(oops("no-root", function=None, module=None, message=message)))
    assert "(root=UUID=2b4a3c1d)" in told.summary
    message = "VFS: Unable to mount root fs on unknown-block(0,0)"
    told = verdict(facts(oops("no-root", function=None, module=None, message=message)))
    assert "names no root=" not in told.summary


NO_DISK = "VFS: Unable to mount root fs on unknown-block(0,0)"


@pytest.mark.parametrize(
    ("command_line", "boot", "words"),
    [
        # The kernel itself never resolves these: whether an initramfs was loaded, the log does not tell.
        ("root=UUID=2b4a3c1d ro", {}, ("Either none was loaded", "or one was and is damaged", "does not tell which")),
        ("root=/dev/mapper/vg-root ro", {}, ("Either none was loaded",)),
        ("root=LABEL=root ro", {}, ("Either none was loaded",)),
        # These it knows itself, with a driver that is built in.
        ("root=PARTUUID=2b4a3c1d-02 ro", {}, ("driver is not built into the kernel", "names what is not there")),
        ("root=/dev/sda1 ro", {}, ("driver is not built into the kernel",)),
        # The log tells of one.
        ("root=UUID=2b4a3c1d ro", {"initramfs": "Unpacking initramfs..."}, ("was loaded, but it did not take over",)),
        ("initrd=/initrd.img root=UUID=2b4a3c1d", {}, ("was loaded, but it did not take over",)),
        (
            "root=UUID=2b4a3c1d ro",
            {"initramfs": "x", "initramfs_error": "Initramfs unpacking failed: invalid magic"},
            ("could not use it: Initramfs unpacking failed: invalid magic",),
        ),
    ],
)
def test_whether_there_was_an_initramfs(command_line, boot, words):
    made = facts(oops("no-root", function=None, module=None, message=NO_DISK), command_line=command_line)
    log = made.logs[0]
    made = replace(made, logs=(replace(log, boots=(replace(log.boots[0], **boot),)),))
    told = verdict(made).summary
    assert all(part in told for part in words)
    assert "no initramfs was loaded" not in told


def test_a_machine_check_that_booting_finds_is_of_the_boot_before():
    message = "mce: [Hardware Error]: CPU 4: Machine Check: 0 Bank 5: bea0000000000108"
    early, late = (
        oops("machine-check", function=None, module=None, message=message, time=time) for time in (3.1, 900.0)
    )
    assert "happened before this boot" in verdict(facts(early)).summary
    assert "before this boot" not in verdict(facts(late)).summary


def test_behind_a_disk_that_fails_the_disk_is_looked_at():
    lost = sign("blk_update_request: I/O error, dev sdc, sector 976773168", "hardware")
    waits = hung(812, "schedule_timeout", None, "xfs_buf_iowait", "xfs", "kthread", None)
    diagnosis = diagnose(facts(waits, signs=(lost,)))
    assert diagnosis is not None
    assert diagnosis.verdict.crash_class == "hardware"
    assert any("smartctl" in (step.command or "") for step in diagnosis.next)
    assert not any("EDAC" in step.text for step in diagnosis.next)


def named(text: str, line: int, count: int = 1) -> Precursor:
    return replace(sign(text, "hardware", count), line=line, last_line=line + count)


def test_the_first_message_is_quoted_and_the_disk_is_named():
    waits = hung(812, "schedule_timeout", None, "xfs_buf_iowait", "xfs", "kthread", None)
    signs = (
        named("blk_update_request: I/O error, dev sdc, sector N", 60, 300),
        named("sd 2:0:0:0: [sdc] tag#4 FAILED Result: hostbyte=DID_TIME_OUT", 50),
        named("CPU0: Package temperature above threshold, cpu clock throttled", 10),
    )
    diagnosis = diagnose(facts(waits, signs=signs))
    assert diagnosis is not None
    assert "Before it: “sd 2:0:0:0: [sdc] tag#4 FAILED" in diagnosis.verdict.summary
    commands = [step.command or "" for step in diagnosis.next]
    assert any("smartctl -x /dev/sdc;" in command for command in commands)
    assert not any("DEVICE" in command for command in commands)


@pytest.mark.parametrize(
    ("text", "device", "disk"),
    [
        ("sd 2:0:0:0: [sdc] tag#4 FAILED", "sdc", "sdc"),
        ("blk_update_request: I/O error, dev nvme0n1, sector 8", "nvme0n1", "nvme0n1"),
        ("I/O error, dev vda, sector 8 op 0x0:(READ)", "vda", "vda"),
        ("Buffer I/O error on dev sda1, logical block 0, lost async page write", "sda1", "sda"),
        ("EXT4-fs error (device nvme0n1p2): ext4_find_entry:1455: inode #2", "nvme0n1p2", "nvme0n1"),
        ("EXT4-fs (dm-0): Remounting filesystem read-only", "dm-0", "dm-0"),
        ("XFS (sdb1): log I/O error -5", "sdb1", "sdb"),
        ("BTRFS error (device mmcblk0p2): bdev /dev/mmcblk0p2 errs", "mmcblk0p2", "mmcblk0"),
        ("nvme nvme0: I/O 12 QID 3 timeout, aborting", "nvme0", "nvme0"),
        ("md/raid1:md0: Disk failure on sda1, disabling device.", "sda1", "sda"),
        ("ata3.00: failed command: READ FPDMA QUEUED", None, ""),
        ("usb 1-1: device descriptor read/64, error -71", None, ""),
    ],
)
def test_the_disk_that_a_message_names(text, device, disk):
    assert device_in([text]) == device
    assert device is None or disk_of(device) == disk


def test_a_disk_that_no_message_names():
    step = look_at_disk(None, "Look.", value=0.5)
    assert step.command is not None
    assert step.command.startswith("lsblk; smartctl --scan;")
    assert "lsblk -s /dev/dm-0" in (look_at_disk("dm-0", "Look.", value=0.5).command or "")


def test_a_machine_check_is_decoded():
    message = "mce: [Hardware Error]: CPU 14: Machine Check Exception: 5 Bank 7: be00000000010091"
    told = verdict(facts(oops("machine-check", function=None, module=None, message=message)))
    assert "CPU 14, bank 7: memory controller error: memory read, channel 1 (code 0x91)" in told.summary


def test_whose_code_a_line_that_breaks_off_names_is_not_known():
    cut, whole = (
        oops("null-dereference", function="read_ring", module=None, frame=Frame("read_ring", 110, 0x1, size))
        for size in (None, 16)
    )
    assert verdict(facts(cut)).culprit.origin is None
    assert verdict(facts(whole)).culprit.origin == "in-tree"


def test_the_file_server_is_asked_by_its_name():
    diagnosis = diagnose(facts(FOR_SERVER, signs=(SERVER,)))
    assert diagnosis is not None
    commands = [step.command or "" for step in diagnosis.next]
    assert any(command.startswith("ping -c 3 10.1.2.3; rpcinfo -t 10.1.2.3 nfs") for command in commands)
    assert not any("hung_task_panic" in command for command in commands)


def test_a_servers_name_that_is_none_stands_in_no_command():
    odd = sign("nfs: server $(reboot) not responding, still trying", "named-by-trace")
    diagnosis = diagnose(facts(FOR_SERVER, signs=(odd,)))
    assert diagnosis is not None
    assert any("ping -c 3 SERVER" in (step.command or "") for step in diagnosis.next)
    assert not any("reboot" in (step.command or "") for step in diagnosis.next)
