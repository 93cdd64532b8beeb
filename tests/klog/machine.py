"""Logs of a made-up machine, put together from pieces: a boot, quiet hours, a crash."""

from pathlib import Path

from lastwords.klog.inputs import find
from lastwords.klog.read import Reading, read
from lastwords.model import Log, Oops

from .inputs.crash import HEADLINE, MESSAGES

_FIRST = next(n for n, m in enumerate(MESSAGES) if HEADLINE in m.text)
CRASH = [m.text for m in MESSAGES[_FIRST:]]
TITLE = "BUG: unable to handle kernel NULL pointer dereference in acme_sg_build"
SHUTDOWN = "reboot: Restarting system"

# What healthy machines say while they boot, and what only sounds like trouble.
BOOT = """\
Linux version 6.1.0-18-amd64 (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0) #1 SMP Debian 6.1.76-1
Command line: BOOT_IMAGE=/boot/vmlinuz root=/dev/sda1 ro quiet
DMI: Example Corp. Rack 2U/X11DPU, BIOS 3.4 11/03/2020
Hypervisor detected: KVM
ACPI BIOS Error (bug): Could not resolve symbol [\\_SB.PCI0.LPCB.TPM], AE_NOT_FOUND (20220331/dswload2-162)
ERST: Error Record Serialization Table (ERST) support is initialized.
RAS: Correctable Errors collector initialized.
mce: CPU0: Thermal monitoring enabled (TM1)
EDAC MC: Ver: 3.0.0
GHES: APEI firmware first mode is enabled by APEI bit and WHEA _OSC.
pcieport 0000:00:1c.0: AER: enabled with IRQ 122
pcieport 0000:00:1c.0: PME: Signaling with IRQ 122
DMAR: IOMMU enabled
DMAR-IR: Enabled IRQ remapping in x2apic mode
NMI watchdog: Enabled. Permanently consumes one hw-PMU counter.
ata5: SATA link down (SStatus 4 SControl 300)
usb: port power management may be unreliable
integrity: Problem loading X.509 certificate -65
EXT4-fs (sda1): mounted filesystem with ordered data mode. Opts: errors=remount-ro. Quota mode: none.
EXT4-fs (sda1): re-mounted. Opts: errors=remount-ro. Quota mode: none.
EDAC skx MC0: Giving out device to module skx_edac controller Skylake Socket#0 IMC#0: DEV 0000:64:0a.0 (INTERRUPT)
i8042: Warning: Keylock active
systemd[1]: Failed to find module 'autofs4'
audit: type=1400 audit(1700000000.1:2): apparmor="DENIED" operation="capable" error=-13""".splitlines()


def stamped(texts: list[str], start: float, step: float = 0.001) -> list[str]:
    """Lines as the console shows them, a message every `step` seconds."""
    return [f"[{start + n * step:12.6f}] {text}" for n, text in enumerate(texts)]


def quiet(start: float, end: float, every: float = 60.0) -> list[str]:
    """Hours in which a machine says what it always says."""
    texts = (
        "docker0: port {0}(veth{1:x}) entered forwarding state",
        "EXT4-fs (sdb{0}): recovery complete",
        "usb 1-{0}: reset high-speed USB device number {0} using xhci_hcd",
    )
    count = int((end - start) / every)
    return [f"[{start + n * every:12.6f}] {texts[n % 3].format(n % 7, n * 7919)}" for n in range(count)]


def write(path: Path, lines: list[str], end: str = "\n") -> Path:
    path.write_text(end.join(lines) + end)
    return path


def reading(path: Path, boot: int | None = None) -> Reading:
    (source,) = find([str(path)])
    return read(source, boot=boot)


def log_of(path: Path, boot: int | None = None) -> Log:
    found = reading(path, boot)
    assert found.log is not None, found.error
    return found.log


def oopses_of(path: Path, boot: int | None = None) -> tuple[Oops, ...]:
    return reading(path, boot).oopses
