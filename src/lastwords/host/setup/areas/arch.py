"""Arch has no kdump service of its own; its wiki's page describes two units, which these are in other words."""

from collections.abc import Iterator, Sequence

from lastwords.host.machine import Host
from lastwords.host.setup.plan import Action, Command, Edit
from lastwords.host.setup.steps import CannotDo, step
from lastwords.model.readiness import Check

_LOAD = """[Unit]
Description=Load the crash kernel
After=local-fs.target
ConditionKernelCommandLine=crashkernel

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/kexec -p {kernel} --initrd={initrd} --reuse-cmdline \
--append="nr_cpus=1 irqpoll reset_devices systemd.unit=kdump-save.service"
ExecStop=/usr/bin/kexec -p -u

[Install]
WantedBy=multi-user.target
"""
_SAVE = """[Unit]
Description=Save the dump of the kernel that crashed, and reboot
DefaultDependencies=no
Requires=local-fs.target
After=local-fs.target
ConditionPathExists=/proc/vmcore

[Service]
Type=oneshot
ExecStart=/usr/local/sbin/kdump-save
ExecStopPost=/usr/bin/systemctl --force reboot
"""
_SCRIPT = """#!/bin/sh
# Runs in the crash kernel. The dump gets its name only when it is whole.
set -e
directory=/var/crash/$(date +%Y%m%d%H%M%S)
mkdir -p "$directory"
if command -v makedumpfile >/dev/null; then
  makedumpfile --dump-dmesg /proc/vmcore "$directory/vmcore-dmesg.txt" || true
  makedumpfile -l -d 31 /proc/vmcore "$directory/vmcore-incomplete"
else
  cp --sparse=always /proc/vmcore "$directory/vmcore-incomplete"
fi
sync
mv "$directory/vmcore-incomplete" "$directory/vmcore"
sync
"""
_KERNELS = ("linux", "linux-lts", "linux-hardened", "linux-zen")


@step("kdump-service", "crash-kernel-loaded", reboot=True)
def units(host: Host, checks: Sequence[Check]) -> Iterator[Action]:
    """Two units and a script."""
    if host.distribution.family != "arch":
        return
    kernel = next((name for name in _KERNELS if host.root.exists(f"/boot/vmlinuz-{name}")), None)
    if kernel is None:
        raise CannotDo("no kernel was found as /boot/vmlinuz-linux: write kdump.service by hand (Arch wiki, Kdump)")
    load = _LOAD.format(kernel=f"/boot/vmlinuz-{kernel}", initrd=f"/boot/initramfs-{kernel}.img")
    for path, text, why, mode in (
        ("/etc/systemd/system/kdump.service", load, "It loads the crash kernel at each boot.", 0o644),
        ("/etc/systemd/system/kdump-save.service", _SAVE, "The crash kernel boots into it.", 0o644),
        ("/usr/local/sbin/kdump-save", _SCRIPT, "It saves the dump.", 0o755),
    ):
        if not host.root.exists(path):
            yield Edit(path=path, before=None, after=text, why=why, mode=mode)
    if host.unit("kdump.service").get("UnitFileState") != "enabled":
        yield Command(
            argv=("systemctl", "daemon-reload"), why="There are new units.", undo=("systemctl", "daemon-reload")
        )
        yield Command(
            argv=("systemctl", "enable", "kdump.service"),
            undo=("systemctl", "disable", "kdump.service"),
            why="It loads the crash kernel at each boot.",
        )
