"""Two consents or nothing happens. No test crashes anything: SysRq's keys go into a file (tests/conftest.py)."""

import threading

import pytest
from click.testing import CliRunner

from lastwords.cli.main import cli
from lastwords.host.root import Root

NAME = "web7"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Stands for `/`: a machine that is ready."""
    for path, text in {
        "proc/sys/kernel/hostname": NAME,
        "proc/sys/kernel/random/boot_id": "one",
        "proc/sys/kernel/panic": "10",
        "sys/kernel/kexec_crash_loaded": "1",
        "etc/os-release": "ID=debian\n",
        "etc/default/kdump-tools": "USE_KDUMP=1\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"{text}\n")
    monkeypatch.setattr("lastwords.host.root.Root", lambda directory="/": Root(tmp_path))
    monkeypatch.setattr("lastwords.host.crash.sync", lambda: True)
    monkeypatch.setattr("lastwords.host.crash.show_stacks", lambda: None)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    return tmp_path


def say(*words: str, typed: str = ""):
    return CliRunner().invoke(cli, list(words), input=typed)


@pytest.fixture(params=["rehearse", "trigger"])
def command(request):
    return request.param


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--host-name", NAME),
        ("--crash-this-machine",),
        ("--crash-this-machine", "--host-name", "web8"),
        ("--crash-this-machine", "--host-name", ""),
    ],
)
def test_refuses_without_both(machine, command, words, no_test_crashes_this_machine):
    done = say(command, *words)
    assert done.exit_code == 2
    assert "nothing was done" in done.output
    assert not no_test_crashes_this_machine.exists()
    assert not (machine / "var/lib/lastwords").exists()


def test_with_both_it_leaves_a_marker_and_crashes(machine, command, no_test_crashes_this_machine):
    seen = {}

    def crash() -> None:
        seen["marker"] = (machine / "var/lib/lastwords/rehearsal.json").read_text()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lastwords.host.crash.crash", crash)
        done = say(command, "--crash-this-machine", "--host-name", NAME)
    assert f'"host":"{NAME}"' in seen["marker"]
    assert f'"purpose":"{"rehearsal" if command == "rehearse" else "trigger"}"' in seen["marker"]
    # We are still here, so it says that it did not work, and the marker is gone again.
    assert done.exit_code == 2
    assert not (machine / "var/lib/lastwords/rehearsal.json").exists()


@pytest.mark.parametrize("slow", [True, False], ids=["a disk that hangs", "a disk that is full"])
def test_a_hang_is_dumped_without_a_marker_a_rehearsal_is_not(machine, command, slow, monkeypatch):
    crashed = []
    gate = threading.Event()

    def write(root, rehearsal):
        if slow:
            gate.wait(20)
        raise OSError(28, "No space left on device", "/var/lib/lastwords")

    monkeypatch.setattr("lastwords.host.crash.crash", lambda: crashed.append(1))
    monkeypatch.setattr("lastwords.host.rehearsal_record.leave_marker", write)
    monkeypatch.setattr("lastwords.cli.rehearse._MARKER_SECONDS", 0.2)
    done = say(command, "--crash-this-machine", "--host-name", NAME)
    gate.set()
    assert bool(crashed) == (command == "trigger")
    assert ("does not answer" if slow else "No space left") in done.output


def test_the_key_is_c(machine, no_test_crashes_this_machine):
    say("rehearse", "--crash-this-machine", "--host-name", NAME)
    assert no_test_crashes_this_machine.read_text() == "c"
    no_test_crashes_this_machine.unlink()


@pytest.mark.parametrize(("typed", "crashes"), [(f"{NAME}\n", True), ("yes\n", False), ("\n", False)])
def test_the_name_is_asked_for_on_a_terminal(machine, command, typed, crashes, monkeypatch):
    crashed = []
    monkeypatch.setattr("lastwords.host.crash.crash", lambda: crashed.append(1))
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda self: True, raising=False)
    say(command, "--crash-this-machine", typed=typed)
    assert bool(crashed) == crashes


def test_refuses_where_there_would_be_no_dump(machine, command):
    (machine / "sys/kernel/kexec_crash_loaded").write_text("0\n")
    done = say(command, "--crash-this-machine", "--host-name", NAME)
    assert done.exit_code == 2
    assert "no crash kernel is loaded" in done.output


def test_refuses_in_a_container(machine, command):
    (machine / ".dockerenv").write_text("")
    done = say(command, "--crash-this-machine", "--host-name", NAME)
    assert done.exit_code == 2
    assert "container" in done.output


def test_refuses_without_root(machine, command, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    done = say(command, "--crash-this-machine", "--host-name", NAME)
    assert done.exit_code == 2
    assert "takes root" in done.output


def test_says_what_will_follow(machine):
    assert "reboots" in say("rehearse").output
    (machine / "sys/kernel/kexec_crash_loaded").write_text("0\n")
    (machine / "proc/sys/kernel/panic").write_text("0\n")
    assert "stands still" in say("rehearse").output


def test_result_without_a_rehearsal(machine):
    done = say("rehearse", "--result")
    assert done.exit_code == 2
    assert "nobody has crashed this machine on purpose" in done.output


def test_result_of_a_file_that_is_no_dump(machine):
    directory = machine / "var/lib/lastwords"
    directory.mkdir(parents=True)
    (directory / "rehearsal.json").write_text(
        '{"purpose":"rehearsal","host":"web7","release":"6.1","boot_id":"zero","started":1.0,"directory":"/crash"}'
    )
    (machine / "crash/now").mkdir(parents=True)
    (machine / "crash/now/vmcore").write_bytes(b"KDUMP   " + bytes(4096))
    done = say("rehearse", "--result", "--json")
    assert done.exit_code == 1
    assert '"outcome":"incomplete"' in done.output


@pytest.mark.parametrize(
    ("vendor", "way"),
    [
        ("QEMU", "virsh inject-nmi"),
        ("Amazon EC2", "send-diagnostic-interrupt --instance-id"),
        ("Google", "gcloud compute instances send-diagnostic-interrupt"),
        ("VMware, Inc.", "vmdumper"),
        ("Dell Inc.", "chassis power diag"),
    ],
)
def test_ways_from_outside(machine, vendor, way):
    (machine / "sys/class/dmi/id").mkdir(parents=True)
    (machine / "sys/class/dmi/id/sys_vendor").write_text(f"{vendor}\n")
    done = say("trigger", "--ways")
    assert done.exit_code == 0
    assert way in done.output
