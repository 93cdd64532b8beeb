"""When the machine came up and went down: a reboot without a shutdown is a crash, or somebody pulled the plug."""

from .collector import collector
from .take import Take

FILES = (
    "/var/log/wtmp*",
    "/var/lib/wtmpdb/wtmp.db*",
    "/run/utmp",
    "/var/log/lastlog2.db",
    "/var/log/uptimed*",
    "/var/spool/uptimed/records",
)
NOW = (
    "/proc/stat",
    "/proc/uptime",
    "/proc/sys/kernel/random/boot_id",
    "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/osrelease",
    "/sys/class/watchdog/*/bootstatus",
    "/sys/class/watchdog/*/identity",
    "/sys/class/watchdog/*/timeout",
)


@collector("reboots", "boots", "records of boots and shutdowns", order=80, timeout=30)
def reboots(take: Take) -> None:
    """Wtmp and its successors as they are, `last`'s reading of them, and the running boot."""
    take.files(*FILES, newest=12)
    take.small_files("running-boot.txt", NOW)
    for path in ("/etc/os-release", "/etc/machine-id", "/etc/hostname", "/etc/timezone", "/etc/localtime"):
        take.file(path, kind="host")
    # With the zone: without it, its times can't be compared with those of wtmp and the journal.
    take.command("last.txt", "last", "-x", "--time-format", "iso", "-w", "-n", "400", silent=True)
    take.command("wtmpdb-last.txt", "wtmpdb", "last", "-x", "-n", "400", silent=True)
