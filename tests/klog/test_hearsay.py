"""The same headline as talk, and as what a machine said."""

import pytest

from .reading import oopses

BEFORE = "Hello,\n\nsince the update my server stops after a while, and then there is this on the screen:\n\n"
AFTER = "\nIs there anything that I can do about it? It is always the same CPU.\n"
LOCKUP = "BUG: soft lockup - CPU#1 stuck for 67s! [rsync:2211]\n"
TRACE = "Call Trace:\n ring_drain+0x12/0x40 [ring]\n ring_ioctl+0x5a/0x90 [ring]\n __x64_sys_ioctl+0x8b/0xc0\n"
ROOT = (
    'VFS: Cannot open root device "mtdblock1" or unknown-block(0,0): error -6\n'
    'Please append a correct "root=" boot option; here are the available partitions:\n'
    "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\n"
)


def kinds(text: str) -> list[str]:
    return [oops.kind for oops in oopses(text)]


@pytest.mark.parametrize("talk", [LOCKUP, "Kernel panic - not syncing: Fatal exception\n"])
def test_headline_among_sentences_is_talk(talk):
    assert kinds(BEFORE + talk + AFTER) == []


@pytest.mark.parametrize(
    "log",
    [
        LOCKUP,
        "systemd[1]: Started cron.\n" + LOCKUP + "systemd[1]: Started at.\n",
        BEFORE + LOCKUP + TRACE + AFTER,
        BEFORE + "[ 6123.100000] " + LOCKUP + AFTER,
        BEFORE + "Mar  3 04:12:09 web3 kernel: " + LOCKUP + AFTER,
    ],
    ids=["alone", "on a console", "with a trace", "with the kernel's stamp", "out of syslog"],
)
def test_headline_of_a_machine_is_a_crash(log):
    assert kinds(log) == ["soft-lockup"]


def test_several_lines_of_one_crash_are_no_talk():
    assert kinds(BEFORE + ROOT + AFTER) == ["no-root"]


def test_kernel_s_own_sentences_are_no_text():
    log = (
        "Uhhuh. NMI received for unknown reason 20 on CPU 0.\nDo you have a strange power saving mode enabled?\n"
        "Kernel panic - not syncing: NMI: Not continuing\n"
    )
    assert kinds(log) == ["nmi-panic"]


def test_piece_of_a_log_without_stamps_is_a_crash():
    log = (
        "amdgpu 0000:0d:00.0: ring gfx_0.0.0 timeout, signaled seq=6715, emitted seq=6718\n"
        "amdgpu 0000:0d:00.0: Process player pid 4146 thread player pid 4146\n"
        "amdgpu 0000:0d:00.0: Ring gfx_0.0.0 reset failed\n"
        "amdgpu 0000:0d:00.0: GPU reset begin!. Source: 1\n"
        "amdgpu 0000:0d:00.0: MODE1 reset\n"
    )
    assert kinds(BEFORE + log + AFTER) == ["gpu-hang"]
    assert kinds(BEFORE + log.split("\n", 1)[0] + "\n" + AFTER) == []


def test_words_to_look_for_are_no_crashes():
    told = (
        "  [ BUG: possible circular locking dependency detected ]\n"
        "  [ INFO: possible irq lock inversion dependency detected ]\n"
    )
    assert kinds("The validator prints:\n\n" + told) == []
