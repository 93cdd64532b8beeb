"""Files below a root: links stay inside, reads are bounded, and `no right` is not `not there`."""

import os
import stat
import time

import pytest

from lastwords.host.command import run_command
from lastwords.host.root import NoRight, Root


@pytest.fixture
def root(tmp_path):
    (tmp_path / "inside/etc").mkdir(parents=True)
    (tmp_path / "inside/etc/hostname").write_text("web7\n")
    (tmp_path / "secret").write_text("outside")
    return Root(tmp_path / "inside")


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("/etc/hostname", "web7"),
        ("hostname", "web7"),
        ("../../../../../../etc/hostname", "web7"),
        ("../../secret", None),
        ("/../secret", None),
        ("/nowhere", None),
    ],
)
def test_links_stay_inside(target, text, root):
    (root.directory / "etc/link").symlink_to(target)
    assert root.text("/etc/link") == text


def test_a_path_does_not_lead_outside(root, tmp_path):
    assert root.text("/../secret") is None
    assert root.text("../secret") is None
    (root.directory / "up").symlink_to(tmp_path)
    assert root.text("/up/secret") is None


def test_links_in_a_circle(root):
    (root.directory / "a").symlink_to("/b")
    (root.directory / "b").symlink_to("/a")
    assert root.text("/a") is None
    assert not root.exists("/a")
    assert root.glob("/a/*") == []


def test_real(root):
    (root.directory / "vmlinuz").symlink_to("etc/hostname")
    assert root.real("/vmlinuz") == "/etc/hostname"


def test_reads_are_bounded(root):
    (root.directory / "big").write_bytes(b"x" * 5000)
    assert root.read("/big", 100) == b"x" * 100
    assert root.tail("/big", 100) == b"x" * 100


def test_a_pipe_does_not_hang(root):
    os.mkfifo(root.directory / "pipe")
    begin = time.monotonic()
    assert root.text("/pipe") is None
    assert time.monotonic() - begin < 1


def test_no_right_is_not_absence(root, monkeypatch):
    real_open = os.open

    def refuse(path, *args, **options):
        if str(path).endswith("hostname"):
            raise PermissionError(13, "denied", path)
        return real_open(path, *args, **options)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(NoRight, match="no right to read /etc/hostname"):
        root.text("/etc/hostname")
    assert root.text("/etc/nothing") is None


def test_a_directory_that_may_not_be_listed(root, monkeypatch):
    monkeypatch.setattr(os, "scandir", lambda path: (_ for _ in ()).throw(PermissionError(13, "denied")))
    with pytest.raises(NoRight):
        root.names("/etc")
    with pytest.raises(NoRight):
        root.glob("/etc/*")


def test_numbers(root):
    for text, number in (("1\n", 1), ("0x10", 16), ("", None), ("yes", None), ("9" * 100, int("9" * 64))):
        (root.directory / "n").write_text(text)
        assert root.number("/n") == number


def test_glob(root):
    for name in ("boot/loader/entries/a.conf", "boot/loader/entries/.hidden.conf", "boot/loader/entries/b.txt"):
        (root.directory / name).parent.mkdir(parents=True, exist_ok=True)
        (root.directory / name).write_text("")
    assert root.glob("/boot/loader/entries/*.conf") == ["/boot/loader/entries/a.conf"]
    assert root.glob("/boot/*/entries/[ab].*") == ["/boot/loader/entries/a.conf", "/boot/loader/entries/b.txt"]
    assert root.glob("/none/*") == []


def test_which_needs_an_executable(root):
    (root.directory / "usr/sbin").mkdir(parents=True)
    program = root.directory / "usr/sbin/kexec"
    program.write_text("")
    assert root.which("kexec") is None
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    assert root.which("kexec") == "/usr/sbin/kexec"


def test_commands_do_not_run_for_a_tree(root):
    assert root.run("true") is None
    assert not root.runs_commands


def test_commands_of_the_machine():
    live = Root("/")
    assert live.is_live
    ran = live.run("sh", "-c", "echo out; echo err >&2; exit 3")
    assert ran is not None
    assert (ran.status, ran.text, ran.complaint, ran.ok) == (3, "out", "err", False)
    assert live.run("no-such-program-at-all") is None


def test_a_command_that_takes_too_long_ends_with_what_it_started():
    begin = time.monotonic()
    ran = run_command(["sh", "-c", "sleep 60 & echo begun; wait"], 0.3, 1000)
    assert time.monotonic() - begin < 5
    assert ran.timed_out
    assert ran.text == "begun"
    assert not ran.ok


def test_a_command_that_says_too_much_is_cut():
    ran = run_command(["sh", "-c", "while :; do echo xxxxxxxxxxxxxxxx; done"], 20, 1000)
    assert ran.cut
    assert len(ran.out) == 1000


def test_a_command_that_closes_its_output_and_goes_on():
    ran = run_command(["sh", "-c", "exec >&- 2>&-; sleep 60"], 0.3, 1000)
    assert ran.timed_out
