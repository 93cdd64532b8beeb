"""What was installed, and what had changed before the crash: histories of dpkg, apt, rpm, dnf, zypper and pacman."""

from .collector import collector
from .take import Take

HISTORIES = (
    "/var/log/dpkg.log*",
    "/var/log/apt/history.log*",
    "/var/log/unattended-upgrades/*.log",
    "/var/log/dnf.rpm.log*",
    "/var/log/dnf.log*",
    "/var/log/dnf5.log*",
    "/var/log/yum.log*",
    "/var/log/zypp/history*",
    "/var/log/pacman.log*",
    "/var/log/apk.log*",
)
_OF_EACH = 6
DATABASES = (
    "/var/lib/dpkg/status",
    "/var/lib/dnf/history.sqlite*",
    "/usr/lib/sysimage/libdnf5/*.sqlite*",
    "/usr/lib/sysimage/libdnf5/*.toml",
    "/lib/apk/db/installed",
)
RPM = ("/var/lib/rpm/rpmdb.sqlite*", "/usr/lib/sysimage/rpm/rpmdb.sqlite*", "/usr/lib/sysimage/rpm/Packages.db")
_RPM_LINE = "%{INSTALLTIME} %{NAME} %{EVR}.%{ARCH}\\n"


@collector("packages", "packages", "packages and their history", order=160, timeout=120)
def packages(take: Take) -> None:
    """Histories and databases as they are; where rpm can be asked, its list instead of its large database."""
    for pattern in HISTORIES:
        take.files(pattern, newest=_OF_EACH)
    take.files(*DATABASES, newest=20, tail=None)
    asked = take.command("rpm.txt", "rpm", "-qa", "--qf", _RPM_LINE, seconds=60, silent=True)
    if not asked:
        take.files(*RPM, newest=3, tail=None)
    local = take.root.names("/var/lib/pacman/local")
    if local:
        take.output(
            "pacman.txt", "/var/lib/pacman/local", "".join(f"{name}\n" for name in local).encode(errors="replace")
        )
