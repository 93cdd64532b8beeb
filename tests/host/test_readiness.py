"""All checks together: what they say of whole machines."""

import os
import threading
import time

import msgspec
import pytest

from lastwords.host import checks
from lastwords.host import readiness as host_readiness
from lastwords.host.readiness import readiness
from lastwords.host.root import Root
from lastwords.model import to_json
from tests.installed import install

from .trees import BUILD_ID, DISTRIBUTIONS, Tree, debian12, elf, rhel9


def statuses(found):
    return {check.id: check.status for check in found.checks}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_ready_machine_is_ready(name, tmp_path):
    found = readiness(DISTRIBUTIONS[name](Tree(tmp_path)).root())
    wrong = [(check.id, check.status, check.value) for check in found.checks if check.status in ("fail", "warn")]
    expected = {"arch": ["last-dump"]}.get(name, [])
    assert [one[0] for one in wrong] == expected, wrong
    assert found.ready
    assert found.leaves == "dump"
    assert found.summary.startswith("ready: a crash now leaves a dump")
    assert found.host == "web7"
    assert not [check for check in found.checks if "the check failed" in check.value]


def without_kdump(tree):
    debian12(tree).remove("/etc/default/kdump-tools").write("/sys/kernel/kexec_crash_loaded", "0")
    tree.write("/sys/kernel/kexec_crash_size", "0").swap("/proc/cmdline", " crashkernel=512M", "")
    tree.swap("/boot/grub/grub.cfg", " crashkernel=512M", "")
    return tree


def without_log(tree):
    tree.write("/sys/module/pstore/parameters/backend", "(null)").write("/proc/consoles", "tty0 -WU\n")
    return tree.remove("/var/log/journal")


def test_nothing_is_left(tmp_path):
    found = readiness(without_log(without_kdump(Tree(tmp_path))).root())
    assert (found.ready, found.leaves) == (False, "nothing")
    assert found.summary == (
        "not ready: a crash now leaves no dump and no log: no crashkernel is reserved, kdump is not installed, "
        "the log is not kept (pstore has no backend), the console is not recorded and 1 more"
    )


def test_only_the_log_is_left(tmp_path):
    found = readiness(without_kdump(Tree(tmp_path)).root())
    assert (found.ready, found.leaves) == (True, "log")
    assert "ready for a log only" in found.summary
    assert "pstore: EFI variables" in found.summary


def test_netconsole_alone_is_enough_for_a_log(tmp_path):
    tree = without_log(without_kdump(Tree(tmp_path)))
    tree.write("/sys/kernel/config/netconsole/t/enabled", "1")
    assert readiness(tree.root()).leaves == "log"


def test_a_serial_console_is_not_readiness(tmp_path):
    tree = without_log(without_kdump(Tree(tmp_path))).write("/proc/consoles", "ttyS0 -W-\n")
    found = readiness(tree.root())
    assert (found.ready, found.leaves) == (False, "console")
    assert "only where something records the console (ttyS0)" in found.summary


@pytest.mark.parametrize(
    "break_it",
    [
        lambda tree: tree.write("/sys/kernel/kexec_crash_loaded", "0"),
        lambda tree: setattr(tree, "free", 1 << 20),
        lambda tree: tree.remove("/var/crash"),
        lambda tree: tree.swap("/proc/self/mounts", "ext4 rw", "ext4 ro"),
    ],
)
def test_what_prevents_a_dump(break_it, tmp_path):
    tree = rhel9(Tree(tmp_path))
    break_it(tree)
    found = readiness(without_log(tree).root())
    assert not found.ready
    assert found.summary.startswith("not ready: a crash now leaves no dump and no log: ")


def test_what_only_costs_a_little_is_told(tmp_path):
    found = readiness(rhel9(Tree(tmp_path)).sysctl("kernel.panic_on_oops", "0").root())
    assert found.ready
    assert found.summary.endswith("; but an oops makes no dump (panic_on_oops is 0)")


def test_firmware_can_dump_alone(tmp_path):
    tree = without_kdump(Tree(tmp_path)).write("/bin/sh", elf(BUILD_ID, machine=22), mode=0o755)
    tree.write("/sys/firmware/dump/dump_type", "fcp").write("/sys/firmware/shutdown_actions/on_panic", "dump")
    assert readiness(tree.root()).leaves == "dump"


def with_fadump(tree):
    rhel9(tree).write("/bin/sh", elf(BUILD_ID, machine=21), mode=0o755)
    tree.write("/sys/kernel/kexec_crash_loaded", "0").write("/sys/kernel/kexec_crash_size", "0")
    return tree.write("/sys/kernel/fadump/enabled", "1").write("/sys/kernel/fadump/registered", "1")


def test_fadump_needs_the_target_and_no_crash_kernel(tmp_path):
    found = readiness(with_fadump(Tree(tmp_path / "a")).root())
    assert found.leaves == "dump"
    assert statuses(found)["crash-kernel-loaded"] == statuses(found)["crashkernel-reserved"] == "not-applicable"
    assert readiness(with_fadump(Tree(tmp_path / "b")).remove("/var/crash").root()).leaves == "log"
    tree = with_fadump(Tree(tmp_path / "c")).write("/sys/kernel/fadump/registered", "0")
    found = readiness(tree.root())
    assert found.leaves == "log"
    assert "fadump is not registered" in found.summary


def test_a_crash_kernel_that_can_not_be_seen_is_no_dump(tmp_path):
    tree = without_log(rhel9(Tree(tmp_path))).write("/sys/kernel/kexec_crash_loaded", "")
    found = readiness(tree.root())
    assert statuses(found)["crashkernel-reserved"] == "ok"
    assert found.leaves != "dump"


def test_a_container_is_told(tmp_path):
    found = readiness(debian12(Tree(tmp_path)).write("/.dockerenv").root())
    assert found.summary.endswith("; but this is a container: its host decides, ask there")


def test_a_disk_without_kdump_leaves_no_dump_and_the_log_is_not_known(tmp_path):
    tree = without_kdump(Tree(tmp_path)).remove("/proc", "/sys")
    found = readiness(tree.root(commands=False))
    assert (found.ready, found.leaves) == (False, "unknown")
    assert found.summary == (
        "not known: a crash now leaves no dump: kdump is not installed; "
        "whether its log survives could not be read, see below"
    )


def test_an_empty_tree_is_not_known(tmp_path):
    found = readiness(Root(tmp_path))
    assert (found.ready, found.leaves) == (False, "unknown")
    assert not [check for check in found.checks if "the check failed" in check.value]


def test_a_disk_that_does_not_run_tells_what_it_can(tmp_path):
    tree = rhel9(Tree(tmp_path))
    tree.remove("/proc", "/sys")
    found = readiness(tree.root(commands=False))
    told = statuses(found)
    assert told["crashkernel-next-boot"] == "ok"
    assert told["panic-on-oops"] == "ok"
    assert told["crash-kernel-loaded"] == "unknown"
    assert found.leaves == "unknown"
    assert found.release == "5.14.0-503.11.1.el9_5.x86_64"


def test_rights_that_are_missing_cost_only_their_checks(tmp_path, monkeypatch):
    tree = debian12(Tree(tmp_path))
    real_open = os.open

    def refuse(path, *args, **options):
        if "/sys/firmware/efi/efivars/" in str(path):
            raise PermissionError(13, "denied", path)
        return real_open(path, *args, **options)

    monkeypatch.setattr(os, "open", refuse)
    found = readiness(tree.root())
    unknown = [check for check in found.checks if check.status == "unknown"]
    assert [(check.id, check.value) for check in unknown] == [("secure-boot", "no right to read it")]
    assert found.ready


def test_a_check_that_raises_costs_nothing_else(tmp_path, monkeypatch):
    def broken(host):
        raise RuntimeError("boom \x1b[2J")

    one = next(one for one in checks.built_in() if one.id == "pstore")
    monkeypatch.setitem(checks._REGISTERED, "pstore", msgspec.structs.replace(one, function=broken))
    found = readiness(debian12(Tree(tmp_path)).root())
    [told] = [check for check in found.checks if check.id == "pstore"]
    assert told.status == "unknown"
    assert told.value.startswith("the check failed: RuntimeError: boom")
    assert found.ready


def test_a_check_that_hangs_is_left_behind(tmp_path, monkeypatch):
    released = threading.Event()

    def hanging(host):
        released.wait(30)
        return checks.ok("at last")

    one = next(one for one in checks.built_in() if one.id == "crash-hotplug")
    monkeypatch.setitem(checks._REGISTERED, one.id, msgspec.structs.replace(one, function=hanging))
    monkeypatch.setattr(host_readiness, "SECONDS", 0.5)
    found = readiness(debian12(Tree(tmp_path)).root())
    released.set()
    [told] = [check for check in found.checks if check.id == one.id]
    assert told.status == "unknown"
    assert "does not answer" in told.value
    assert found.ready


def test_plugins(tmp_path, monkeypatch):
    good = (
        "from lastwords.host.checks import check, ok\n"
        "check('x-plugin', 'a check of theirs', 'proof', why='To see.')(lambda host: ok(host.name))\n"
    )
    bad = "raise ImportError('no such thing')"
    checks.built_in()  # ours are in the registry for good, not in this test's copy of it
    install(monkeypatch, tmp_path / "site", "lastwords.checks", good=good, bad=bad)
    monkeypatch.setattr(checks, "_REGISTERED", dict(checks._REGISTERED))
    found = {check.id: check for check in readiness(debian12(Tree(tmp_path)).root()).checks}
    assert (found["x-plugin"].status, found["x-plugin"].value) == ("ok", "web7")
    assert found["plugin-bad"].status == "unknown"
    assert "no such thing" in found["plugin-bad"].value
    assert "x-plugin" not in {one.id for one in checks.built_in()}


def test_ids_are_unique():
    with pytest.raises(ValueError, match="already"):
        checks.check("pstore", "again", "proof", why="No.")(lambda host: checks.ok(""))
    with pytest.raises(ValueError, match="no area"):
        checks.check("y", "nowhere", "nonsense", why="No.")(lambda host: checks.ok(""))


def test_hostile_files_do_not_hang_or_raise(tmp_path):
    tree = debian12(Tree(tmp_path))
    junk = "=" * 100_000 + "\n" + "linux " * 50_000 + "\n" + "\xff" * 1000 + "\n" + "a=$(" * 10_000 + '"' * 9999
    for path in (
        "/etc/default/kdump-tools", "/etc/default/grub", "/boot/grub/grub.cfg", "/etc/sysctl.conf", "/proc/meminfo",
        "/proc/iomem", "/proc/modules", "/proc/self/mounts", "/proc/consoles", "/proc/cpuinfo", "/etc/crypttab",
        "/var/lib/dpkg/status", "/proc/sys/kernel/printk", "/proc/sys/kernel/sysrq", "/proc/sys/kernel/panic",
        "/sys/kernel/notes", "/var/crash/kexec_cmd", "/sys/kernel/security/lockdown", "/proc/cmdline",
    ):  # fmt: skip
        tree.write(path, junk)
    tree.says("dmesg ", junk).says("lsinitramfs ", junk).says("makedumpfile -v ", junk)
    begin = time.monotonic()
    found = readiness(tree.root())
    assert time.monotonic() - begin < 10
    assert not [check.value for check in found.checks if "the check failed" in check.value]
    assert to_json(found)
