"""Errors that the hardware reported: rasdaemon's database, mcelog, EDAC's and PCI AER's counters, firmware's BERT.

The counters end with the next reboot; BERT (ACPI 6, 18.3.1) is what firmware kept of an error that ended the last boot.
"""

from .collector import collector
from .take import Take

COUNTERS = (
    "/sys/devices/system/edac/mc/mc*/mc_name",
    "/sys/devices/system/edac/mc/mc*/[cu]e_*count",
    "/sys/devices/system/edac/mc/mc*/seconds_since_reset",
    "/sys/devices/system/edac/mc/mc*/dimm*/dimm_*",
    "/sys/devices/system/edac/mc/mc*/rank*/dimm_*",
    "/sys/devices/system/edac/mc/mc*/csrow*/*count",
    "/sys/devices/system/edac/mc/mc*/csrow*/ch*_dimm_label",
    "/sys/devices/system/edac/pci/*count",
    "/sys/bus/pci/devices/*/aer_*",
    "/sys/devices/system/machinecheck/machinecheck0/*",
    "/sys/kernel/debug/ras/*",
)


@collector("edac", "edac", "counters of hardware errors", order=40, timeout=30)
def edac(take: Take) -> None:
    """EDAC, AER and machine check settings."""
    take.small_files("counters.txt", COUNTERS)
    for table in ("/sys/firmware/acpi/tables/BERT", "/sys/firmware/acpi/tables/data/BERT"):
        take.file(table, kind="bert")


@collector("rasdaemon", "rasdaemon", "rasdaemon's database", order=42, timeout=60)
def rasdaemon(take: Take) -> None:
    """The database as it is, with what SQLite keeps beside it, and the tool's own summary."""
    take.files("/var/lib/rasdaemon/*", newest=10)
    take.command("ras-mc-ctl-errors.txt", "ras-mc-ctl", "--errors", kind="text", silent=True)


@collector("mcelog", "mcelog", "mcelog's records", order=44, timeout=30)
def mcelog(take: Take) -> None:
    """Its log, and what its daemon knows."""
    take.files("/var/log/mcelog*", newest=5)
    if take.root.exists("/var/run/mcelog-client"):
        take.command("mcelog-client.txt", "mcelog", "--client", silent=True)
