"""Hardware evidence: are memory and bus errors counted and kept, and does the BMC's log have room?"""

import re

from lastwords.host.machine import Host
from lastwords.host.platforms import is_guest

from . import Found, absent, check, fail, ok, unknown, warn

_MC = "/sys/devices/system/edac/mc"


@check(
    "edac-driver",
    "an EDAC driver counts memory errors",
    "hardware",
    why="Which DIMM a memory error came from is known only to the memory controller's driver.",
)
def edac_driver(host: Host) -> Found:
    """/sys/devices/system/edac/mc/mc*."""
    controllers = host.root.glob(f"{_MC}/mc[0-9]*")
    if controllers:
        name = host.root.text(f"{controllers[0]}/mc_name", 128) or "EDAC"
        return ok(f"{len(controllers)} memory controllers, {name}", _MC)
    if not host.is_running:
        return unknown("not a running system", _MC)
    if is_guest(host):
        return absent("a virtual machine: its host counts", _MC)
    extra = "; on Ubuntu: apt-get install linux-modules-extra-$(uname -r)" if host.distribution.id == "ubuntu" else ""
    return warn("none: no driver of this memory controller, or no ECC", _MC, fix=f"dmesg | grep -i edac{extra}")


@check(
    "memory-errors",
    "no memory errors are counted",
    "hardware",
    why="Uncorrected errors crash machines, and corrected ones that pile up come before them.",
)
def memory_errors(host: Host) -> Found:
    """The counters of EDAC's memory controllers since boot."""
    paths = host.root.glob(f"{_MC}/mc[0-9]*/?e_count")
    if not paths:
        return absent("no EDAC driver", _MC)
    counts = {path: host.root.number(path) or 0 for path in paths}
    uncorrected = sum(count for path, count in counts.items() if path.endswith("ue_count"))
    corrected = sum(count for path, count in counts.items() if path.endswith("ce_count"))
    text = f"{uncorrected} uncorrected, {corrected} corrected since boot"
    fix = "ras-mc-ctl --summary tells the DIMM; have it replaced"
    if uncorrected:
        return fail(text, _MC, fix=fix)
    return warn(text, _MC, fix=fix) if corrected else ok(text, _MC)


@check(
    "error-daemon",
    "rasdaemon or mcelog keeps hardware errors",
    "hardware",
    why="Corrected errors and PCIe errors come before many crashes; without a daemon nobody keeps them.",
)
def error_daemon(host: Host) -> Found:
    """rasdaemon.service, mcelog.service."""
    for name in ("rasdaemon.service", "mcelog.service"):
        unit = host.unit(name)
        if unit.get("ActiveState") == "active" or (
            "ActiveState" not in unit and unit.get("UnitFileState") == "enabled"
        ):
            return ok(f"{name} runs" if "ActiveState" in unit else f"{name} is enabled", name)
    if is_guest(host):
        return absent("a virtual machine: its host sees the hardware", "/proc/cpuinfo")
    fix = f"{host.distribution.install('rasdaemon')} && systemctl enable --now rasdaemon"
    return warn("neither runs", "rasdaemon.service", fix=fix)


@check(
    "bmc-log",
    "the BMC's event log has room",
    "hardware",
    why="The BMC notes power, temperature, watchdog and machine check events. A full log notes nothing more.",
)
def bmc_log(host: Host) -> Found:
    """Ask `ipmitool sel info`, as root."""
    devices = host.root.glob("/dev/ipmi[0-9]*") + host.root.glob("/sys/class/ipmi/ipmi[0-9]*")
    if not devices:
        if host.root.exists("/sys/firmware/dmi/entries/38-0"):
            return warn("there is a BMC, but no driver is loaded", "/sys/firmware/dmi/entries/38-0", "modprobe ipmi_si")
        return absent("no BMC is seen", "/dev/ipmi0")
    if host.root.which("ipmitool") is None:
        install = host.distribution.install("ipmitool")
        return unknown("ipmitool is not installed", devices[0], fix=f"{install} && ipmitool sel info")
    ran = host.root.run("ipmitool", "sel", "info", seconds=20)
    if ran is None or not ran.ok:
        return unknown(ran.complaint[:160] if ran else "not a running system", "ipmitool sel info")
    used = re.search(r"Percent Used\s{0,20}:\s{0,5}(\d{1,3})", ran.text)
    overflow = re.search(r"Overflow\s{0,20}:\s{0,5}true", ran.text)
    text = f"{used[1]} % used" if used else "its size is not known"
    fix = "ipmitool sel save sel.txt && ipmitool sel clear"
    if overflow or (used and int(used[1]) >= 98):
        return fail(f"full: {text}", "ipmitool sel info", fix=fix)
    if used and int(used[1]) >= 80:
        return warn(text, "ipmitool sel info", fix=fix)
    return ok(text, "ipmitool sel info")


@check(
    "serial-over-lan",
    "the BMC's serial-over-LAN can be recorded",
    "hardware",
    why="Serial-over-LAN is the console of a machine that nobody stands in front of: a conserver can record it.",
)
def serial_over_lan(host: Host) -> Found:
    """A BMC, and the port that its serial-over-LAN uses among the consoles."""
    if not host.root.glob("/dev/ipmi[0-9]*") and not host.root.exists("/sys/firmware/dmi/entries/38-0"):
        return absent("no BMC is seen", "/dev/ipmi0")
    consoles = host.root.text("/proc/consoles", 4096) or ""
    ports = [line.split()[0] for line in consoles.splitlines() if line.startswith(("ttyS", "ttyAMA", "hvc"))]
    if ports:
        return ok(
            f"console on {', '.join(ports)}; record it: ipmitool -I lanplus -H BMC sol activate", "/proc/consoles"
        )
    fix = host.distribution.set_argument("console=tty0 console=ttyS1,115200")
    return warn("a BMC, but the kernel writes to no serial port", "/proc/consoles", fix=f"{fix}   # or ttyS0")
