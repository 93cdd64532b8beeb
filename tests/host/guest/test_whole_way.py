"""The whole way, in a Debian with systemd, GRUB and kdump-tools: from `not ready` to the answer.

The tests are steps of one way, each begins where the one before it ended.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from lastwords.cli.main import COMMANDS, cli
from lastwords.lab.system import Guest

from .conftest import booted

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.xdist_group("guest")]

CRASH = 1200.0
"""Seconds for a crash, the dump and the boot after it: 90 on an idle host."""
NAME = "lab"


@pytest.fixture(scope="module")
def guest(directory: Path) -> Iterator[Guest]:
    with booted(directory) as running:
        yield running


def doctor(guest: Guest) -> tuple[dict[str, object], dict[str, str]]:
    """What it says, and the status of each check."""
    found = json.loads(guest.run("lastwords doctor --json", check=False).output)
    return found, {check["id"]: check["status"] for check in found["checks"]}


def test_a_fresh_system_is_not_ready(guest):
    found, status = doctor(guest)
    assert not found["ready"]
    assert "no crashkernel is reserved" in str(found["summary"])
    assert status["crashkernel-reserved"] == status["kdump-service"] == status["makedumpfile"] == "fail"
    assert status["panic-on-oops"] == status["persistent-journal"] == "warn"


def test_fix_without_consent_changes_nothing(guest):
    done = guest.run("lastwords doctor --fix < /dev/null", check=False)
    assert done.status == 2
    assert "+kernel.panic_on_oops = 1" in done.output
    assert "apt-get install -y kdump-tools makedumpfile" in done.output
    assert not guest.run("ls /etc/sysctl.d/99-lastwords.conf /var/lib/lastwords", check=False).output


def test_fix(guest):
    guest.run("lastwords doctor --fix --yes", timeout=900)
    assert guest.run("cat /proc/sys/kernel/panic_on_oops").output == "1\n"
    assert "crashkernel=" in guest.run("cat /boot/grub/grub.cfg").output
    assert "Storage=persistent" in guest.run("cat /etc/systemd/journald.conf.d/*").output
    assert "/usr/bin/makedumpfile" in guest.run("which makedumpfile").output


def test_a_second_fix_has_nothing_to_do(guest):
    assert "Nothing to do" in guest.run("lastwords doctor --fix --yes").output
    assert len(guest.run("ls /var/lib/lastwords/undo").output.split()) == 1


def test_after_a_reboot_it_is_ready(guest):
    guest.reboot()
    found, status = doctor(guest)
    assert found["ready"], found["summary"]
    assert found["leaves"] == "dump"
    failed = {name for name, is_ in status.items() if is_ == "fail"}
    assert failed <= {"pstore"}
    assert status["last-dump"] == "warn"
    assert "Nothing to do" in guest.run("lastwords doctor --fix --yes").output


@pytest.mark.parametrize("words", ["", "--host-name lab", "--crash-this-machine", "--crash-this-machine --host-name x"])
def test_nothing_crashes_without_two_consents(guest, words):
    for command in ("rehearse", "trigger"):
        done = guest.run(f"lastwords {command} {words} < /dev/null", check=False)
        assert done.status == 2
        assert "nothing was done" in done.errors
    assert guest.run("cat /proc/sys/kernel/random/boot_id").output.strip() == guest.boot_id


def test_rehearse(guest):
    before = guest.boot_id
    guest.start(f"lastwords rehearse --crash-this-machine --host-name {NAME} > /root/rehearse.log 2>&1")
    assert guest.wait_for_boot(CRASH) != before
    done = guest.run("lastwords rehearse --result --json", check=False)
    found = json.loads(done.output)
    assert done.status == 0, found
    assert (found["outcome"], found["verdict"]) == ("dump", "whole")
    assert found["size"] > 1 << 20
    assert found["seconds"] > 0
    assert found["rehearsal"]["host"] == NAME


def test_doctor_knows_of_the_proof_and_estimates_by_it(guest):
    found, status = doctor(guest)
    assert status["last-dump"] == "ok"
    result = json.loads(guest.run("cat /var/lib/lastwords/rehearsal-result.json").output)
    (room,) = [check["value"] for check in found["checks"] if check["id"] == "dump-room"]  # type: ignore[attr-defined]
    assert "measured" in room, (room, result["size"])


@pytest.mark.skipif("capture" not in COMMANDS, reason="there is no capture yet")
def test_capture_checklist_and_the_answer(guest, directory, monkeypatch):
    done = guest.run("lastwords capture --to /root/case --json", timeout=400, check=False)
    assert done.status in (0, 1), done.output + done.errors
    taken = {item["kind"] for item in json.loads(done.output)["evidence"] if item["state"] == "taken"}
    assert {"dump", "dmesg", "journal"} <= taken
    assert guest.run("lastwords case verify /root/case", check=False, timeout=300).status == 0
    steps = guest.run("lastwords checklist /root/case --phase immediate", check=False)
    assert "evidence" in steps.output.lower()
    guest.run("lastwords checklist /root/case --run > /root/checklist.txt 2>&1", check=False, timeout=600)
    words = guest.run("lastwords analyze /root/case", check=False, timeout=400).output
    assert "sysrq" in words.lower(), words

    # Where drgn is, the dump speaks too.
    guest.run("tar -cf /root/case.tar -C /root case")
    tar = directory / "case.tar"
    tar.write_bytes(guest.get("/root/case.tar"))
    monkeypatch.setenv("LASTWORDS_CASES", str(directory / "cases"))
    answer = CliRunner().invoke(cli, ["analyze", "--json", str(tar)])
    assert answer.exit_code in (0, 1), answer.output
    assert "sysrq triggered crash" in answer.stdout
    assert "sysrq_handle_crash" in answer.stdout


def test_a_dump_from_here_is_read_elsewhere(guest, directory):
    path = json.loads(guest.run("cat /var/lib/lastwords/rehearsal-result.json").output)["dump"]
    dump = directory / "dump"
    dump.write_bytes(guest.get(path))
    done = CliRunner().invoke(cli, ["analyze", "--json", str(dump)])
    assert done.exit_code in (0, 1), done.output
    assert "sysrq triggered crash" in done.stdout
    assert "sysrq_handle_crash" in done.stdout


def test_a_hang_becomes_a_dump_by_trigger(guest):
    """A task that waits for ever with the D of a frozen file system stands for the hang."""
    guest.run("truncate -s 32M /root/fs && mkfs.ext4 -q /root/fs && mkdir -p /mnt/fs && mount -o loop /root/fs /mnt/fs")
    # Its outputs closed, or the agent would wait for them as long as it hangs.
    guest.run("fsfreeze -f /mnt/fs; (setsid touch /mnt/fs/blocked </dev/null >/dev/null 2>&1 &) ; sleep 2")
    guest.start(f"lastwords trigger --crash-this-machine --host-name {NAME}")
    guest.wait_for_boot(CRASH)
    found = json.loads(guest.run("lastwords rehearse --result --json", check=False).output)
    assert (found["outcome"], found["verdict"]) == ("dump", "whole"), found["summary"]
    assert found["rehearsal"]["purpose"] == "trigger"
    log = guest.run("cat /var/crash/*/dmesg.* | tail -n 400").output
    assert "sysrq: Show Blocked State" in log
    assert "task:touch" in log


def test_an_nmi_from_outside_becomes_a_dump(guest):
    before = guest.run("ls /var/crash").output
    guest.machine.qmp("inject-nmi")
    guest.wait_for_boot(CRASH)
    assert guest.run("ls /var/crash").output != before
    assert "NMI" in guest.run("cat $(ls -td /var/crash/*/ | head -1)/dmesg.* | tail -n 60").output


# What root may write beyond what `df` shows is filled too: makedumpfile is root. Nothing is written, so it's quick.
FILL = """
rm -rf /var/crash/2* /fill; mkdir /fill; sync
fallocate -l 4M /fill/spare
number=0
for size in 256M 16M 1M 64K 4K; do while fallocate -l $size /fill/$((number += 1)) 2> /dev/null; do :; done; done
sync
"""


def test_a_disk_without_any_room_is_told_of_before_the_crash(guest):
    guest.run(FILL)
    found, status = doctor(guest)
    assert status["dump-room"] == "fail"
    assert not found["ready"]
    assert "/var/crash has no room for a dump" in str(found["summary"])
    done = guest.run(f"lastwords rehearse --crash-this-machine --host-name {NAME} < /dev/null", check=False)
    assert done.status == 2
    assert "NO ROOM" in done.errors
    assert "nothing was done: the marker can't be written: its disk: No space left on device" in done.errors
    done = guest.run("lastwords capture", check=False)
    assert done.status == 2
    assert done.errors.startswith("lastwords: /var/lib/lastwords/cases"), done.errors
    assert "No space left on device; name another place: --to DIR" in done.errors


def test_a_disk_that_fills_up_leaves_a_dump_that_is_not_finished_and_rehearse_says_why(guest):
    """Room for the marker, for the log that kdump-tools saves first, and for the beginning of the dump."""
    guest.run("rm /fill/spare; sync")
    before = guest.boot_id
    guest.start(f"lastwords rehearse --crash-this-machine --host-name {NAME} > /run/rehearse.log 2>&1")
    assert guest.wait_for_boot(CRASH) != before
    done = guest.run("lastwords rehearse --result --json", check=False)
    found = json.loads(done.output)
    assert done.status == 1
    assert found["outcome"] == "incomplete", found
    assert found["dump"].endswith("/dump-incomplete")
    assert "room" in found["summary"]
    assert found["size"] < found["rehearsal"]["expected"]
    assert "/dmesg." in found["log"]
    ready, status = doctor(guest)
    assert not ready["ready"]
    assert status["dump-room"] == status["last-dump"] == "fail"
    assert status["incomplete-dumps"] == "warn"


def test_what_a_full_disk_left_is_secured_and_read_as_far_as_it_goes(guest, directory, monkeypatch):
    done = guest.run("lastwords capture --to /run/case --json", timeout=400, check=False)
    assert done.status in (0, 1), done.output + done.errors
    dumps = {item["origin"]: item for item in json.loads(done.output)["evidence"] if item["id"].startswith("dumps/")}
    (cut,) = (item for path, item in dumps.items() if path.endswith("/dump-incomplete"))
    assert cut["state"] == "taken"
    assert "kdump did not finish it" in cut["note"]
    words = guest.run("lastwords analyze /run/case", check=False, timeout=400).output
    assert "lastwords (PID" in words, words  # it is no riddle who crashed it
    assert "kdump began a dump and did not finish it" in words, words
    # And where drgn is. The case was in memory, where there is no room for a tar of it.
    guest.run("rm -rf /fill /var/crash/2*; sync; tar -cf /root/cut.tar -C /run case")
    tar = directory / "cut.tar"
    tar.write_bytes(guest.get("/root/cut.tar"))
    monkeypatch.setenv("LASTWORDS_CASES", str(directory / "cases"))
    told = json.loads(CliRunner().invoke(cli, ["analyze", "--json", str(tar)]).stdout)
    assert told["dump"]["verdict"] == "incomplete"
    assert {"asked-for", "unfinished-dump"} <= {finding["id"] for finding in told["findings"]}
    assert told["verdict"]["class"] == "deliberate"
    guest.run("rm -rf /run/case /root/cut.tar")


def test_undo(guest):
    guest.run("rm -rf /fill")  # where the test before broke off
    done = guest.run("lastwords doctor --undo --yes", timeout=400, check=False)
    assert done.status == 0, done.output + done.errors
    assert not guest.run("ls /etc/sysctl.d/99-lastwords.conf /etc/systemd/journald.conf.d/*", check=False).output
    assert "crashkernel=" not in guest.run("cat /boot/grub/grub.cfg").output
    assert guest.run("cat /proc/sys/kernel/panic_on_oops").output == "0\n"
    assert guest.run("systemctl is-enabled kdump-tools", check=False).output.strip() != "enabled"
    assert "nothing to undo" in guest.run("lastwords doctor --undo --yes").output
