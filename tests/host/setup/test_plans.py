"""What would be done on each distribution, and that it is enough: planned again, nothing is left."""

import pytest

from lastwords.host.machine import Host
from lastwords.host.readiness import readiness
from lastwords.host.root import Root
from lastwords.host.setup import Plan, apply, plan

from .bare import BARE, CMDLINE, lay_out


def planned(directory) -> Plan:
    root = Root(directory)
    return plan(Host(root), readiness(root).checks)


def commands(found: Plan) -> list[str]:
    return [str(command) for command in (*found.installs, *found.settles)]


@pytest.mark.parametrize("name", BARE)
def test_files_are_written_once(name, tmp_path):
    lay_out(tmp_path, name)
    first = planned(tmp_path)
    assert first.edits
    assert first.reboot
    apply(Root(tmp_path), first)
    assert planned(tmp_path).edits == (), "a second run finds something to write"


INSTALLS = {
    "debian": "env DEBIAN_FRONTEND=noninteractive apt-get install -y kdump-tools makedumpfile",
    "fedora": "dnf install -y kdump-utils makedumpfile",
    "rhel9": "dnf install -y kexec-tools",
    "ostree": "rpm-ostree install --idempotent kdump-utils makedumpfile",
    "suse": "zypper --non-interactive install kdump kexec-tools makedumpfile",
    "arch": "pacman -S --noconfirm --needed kexec-tools",
}


@pytest.mark.parametrize(("name", "command"), INSTALLS.items())
def test_packages(name, command, tmp_path):
    assert commands(planned(lay_out(tmp_path, name)))[0] == command


def test_what_is_installed_is_not_installed_again(tmp_path):
    lay_out(tmp_path, "fedora")
    for program in ("kdumpctl", "makedumpfile"):
        (tmp_path / "usr/bin" / program).write_text("#!")
        (tmp_path / "usr/bin" / program).chmod(0o755)
    assert planned(tmp_path).installs == ()


def test_lists_of_packages_are_fetched_first(tmp_path):
    lay_out(tmp_path, "debian")
    (tmp_path / "var/lib/apt/lists/deb_Packages").unlink()
    assert next(command.argv[:2] for command in planned(tmp_path).installs) == ("apt-get", "update")


LOADERS = {
    "debian": ("/etc/default/grub.d/zz-crashkernel.cfg", "$GRUB_CMDLINE_LINUX_DEFAULT crashkernel=", "update-grub"),
    "suse": ("/etc/default/grub", '"splash=silent quiet crashkernel=', "grub2-mkconfig -o /boot/grub2/grub.cfg"),
    "arch": ("/etc/default/grub", '"loglevel=3 quiet crashkernel=', "grub-mkconfig -o /boot/grub/grub.cfg"),
    "systemd-boot": ("/boot/loader/entries/arch.conf", f"options {CMDLINE} crashkernel=", ""),
    "s390x": ("/etc/zipl.conf", f'parameters="{CMDLINE} crashkernel=', "zipl"),
}


@pytest.mark.parametrize(("name", "path", "text", "command"), [(name, *rest) for name, rest in LOADERS.items()])
def test_boot_loader(name, path, text, command, tmp_path):
    found = planned(lay_out(tmp_path, name))
    (edit,) = [edit for edit in found.edits if edit.path == path]
    assert text in edit.after
    assert not command or command in commands(found)


@pytest.mark.parametrize(("name", "start"), [("fedora", "grubby --update-kernel=ALL"), ("ostree", "rpm-ostree kargs")])
def test_boot_loader_by_command(name, start, tmp_path):
    found = planned(lay_out(tmp_path, name))
    (command,) = [command for command in found.settles if "crashkernel=" in str(command)]
    assert str(command).startswith(start)
    assert "crashkernel" in " ".join(command.undo)


def test_new_entries_of_systemd_boot_have_it_too(tmp_path):
    after = {edit.path: edit.after for edit in planned(lay_out(tmp_path, "systemd-boot")).edits}
    assert after["/etc/kernel/cmdline"].startswith(f"{CMDLINE} crashkernel=")


def test_an_unknown_boot_loader_is_left_to_the_user(tmp_path):
    lay_out(tmp_path, "debian")
    (tmp_path / "etc/default/grub").unlink()
    (tmp_path / "boot/grub/grub.cfg").unlink()
    found = planned(tmp_path)
    assert any("crashkernel=" in text and "boot loader" in text for text in found.left)
    assert not any("crashkernel" in edit.after for edit in found.edits)


@pytest.mark.parametrize("given", ["crashkernel=512M,high crashkernel=72M,low", "crashkernel=1G-4G:192M,4G-:512M"])
def test_enough_is_left_as_it_is(given, tmp_path):
    lay_out(tmp_path, "suse")
    for path in ("etc/default/grub", "boot/grub2/grub.cfg"):
        text = (tmp_path / path).read_text()
        (tmp_path / path).write_text(text.replace("quiet", f"quiet {given}"))
    assert not any(edit.path == "/etc/default/grub" for edit in planned(tmp_path).edits)


def test_another_crashkernel_is_replaced(tmp_path):
    lay_out(tmp_path, "suse")
    (tmp_path / "etc/default/grub").write_text('GRUB_CMDLINE_LINUX_DEFAULT="crashkernel=16M quiet"\n')
    (edit,) = [edit for edit in planned(tmp_path).edits if edit.path == "/etc/default/grub"]
    assert edit.after.count("crashkernel=") == 1
    assert "crashkernel=16M" not in edit.after


def test_sysctls_that_a_later_file_sets_otherwise(tmp_path):
    lay_out(tmp_path, "debian")
    (tmp_path / "etc/sysctl.conf").write_text("# mine\nkernel.panic_on_oops = 0\nkernel.panic=0\nvm.swappiness=1\n")
    apply(Root(tmp_path), planned(tmp_path))
    assert (tmp_path / "etc/sysctl.conf").read_text() == (
        "# mine\nkernel.panic_on_oops = 1\nkernel.panic=10\nvm.swappiness=1\n"
    )
    assert planned(tmp_path).edits == ()


def test_own_settings_stay_in_our_file(tmp_path):
    lay_out(tmp_path, "debian")
    own = tmp_path / "etc/sysctl.d/99-lastwords.conf"
    own.parent.mkdir(parents=True)
    own.write_text("kernel.hung_task_panic = 1\n")
    (edit,) = [edit for edit in planned(tmp_path).edits if edit.path.endswith("99-lastwords.conf")]
    assert "kernel.hung_task_panic = 1\n" in edit.after
    assert "kernel.panic_on_oops = 1\n" in edit.after


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("# kdump\nUSE_KDUMP=0\nKDUMP_COREDIR=/var/crash\n", "# kdump\nUSE_KDUMP=1\nKDUMP_COREDIR=/var/crash\n"),
        ("KDUMP_COREDIR=/var/crash\n", "KDUMP_COREDIR=/var/crash\nUSE_KDUMP=1\n"),
    ],
)
def test_kdump_tools_that_is_switched_off(text, after, tmp_path):
    lay_out(tmp_path, "debian")
    for path, content in {
        "etc/default/kdump-tools": text,
        "usr/lib/systemd/system/kdump-tools.service": "[Unit]\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    (edit,) = [edit for edit in planned(tmp_path).edits if edit.path == "/etc/default/kdump-tools"]
    assert edit.after == after


def test_what_no_step_can_do_is_left_with_its_advice(tmp_path):
    left = planned(lay_out(tmp_path, "debian")).left
    assert any(text.startswith("pstore: ") for text in left)
    assert not any(text.startswith("panic-on-oops: ") for text in left)


def test_arch_gets_units_that_systemd_would_take(tmp_path):
    edits = {edit.path: edit for edit in planned(lay_out(tmp_path, "systemd-boot")).edits}
    unit = edits["/etc/systemd/system/kdump.service"].after
    assert "kexec -p /boot/vmlinuz-linux-lts --initrd=/boot/initramfs-linux-lts.img --reuse-cmdline" in unit
    assert edits["/usr/local/sbin/kdump-save"].mode == 0o755


def test_dumps_that_everybody_can_read(tmp_path):
    lay_out(tmp_path, "debian")
    (tmp_path / "etc/default/kdump-tools").write_text("USE_KDUMP=1\nKDUMP_COREDIR=/var/crash\n")
    for name, mode in (("202411240538", 0o644), ("202411240539", 0o600)):
        dump = tmp_path / f"var/crash/{name}/dump.{name}"
        dump.parent.mkdir(parents=True)
        dump.write_text("x")
        dump.chmod(mode)
    found = [command for command in planned(tmp_path).settles if command.argv[0] == "chmod"]
    assert [command.argv for command in found] == [("chmod", "o-r", "/var/crash/202411240538/dump.202411240538")]
    assert found[0].undo[1] == "o+r"
