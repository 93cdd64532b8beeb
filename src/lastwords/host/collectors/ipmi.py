"""The service processor: its event log, which is a ring of a few hundred entries, and its sensors."""

from .collector import collector
from .take import Take

DEVICES = ("/dev/ipmi0", "/dev/ipmi/0", "/dev/ipmidev/0")
_IPMITOOL = (
    ("sel-elist.txt", ("sel", "elist")),
    ("sel-info.txt", ("sel", "info")),
    ("chassis-status.txt", ("chassis", "status")),
    ("chassis-restart-cause.txt", ("chassis", "restart_cause")),
    ("mc-watchdog.txt", ("mc", "watchdog", "get")),
    ("sdr-elist.txt", ("sdr", "elist")),
    ("mc-info.txt", ("mc", "info")),
)
_SECONDS = 90
"""A slow controller gives some ten entries a second."""


@collector("ipmi", "ipmi", "the BMC's event log and sensors", order=30, timeout=300)
def ipmi(take: Take) -> None:
    """With ipmitool, else FreeIPMI; asked only where the kernel has a BMC's device."""
    if not take.root.runs_commands or not any(map(take.root.exists, DEVICES)):
        return
    if take.root.which("ipmitool"):
        for name, arguments in _IPMITOOL:
            take.command(name, "ipmitool", *arguments, seconds=_SECONDS)
    elif take.root.which("ipmi-sel"):
        take.command("ipmi-sel.txt", "ipmi-sel", "--output-event-state", "--interpret-oem-data", seconds=_SECONDS)
        take.command("ipmi-sensors.txt", "ipmi-sensors", "--output-sensor-state", seconds=_SECONDS)
    else:
        take.miss(
            "sel", "failed", "there is a BMC, but neither ipmitool nor FreeIPMI to ask it", origin="ipmitool sel elist"
        )
