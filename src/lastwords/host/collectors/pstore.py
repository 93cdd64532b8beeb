"""pstore: what the firmware or reserved memory kept of the last kernel's log. The next crash may overwrite it.

systemd-pstore moves the records to /var/lib/systemd/pstore at boot (systemd-pstore.service(8)): since v255 into one
directory a crash, before that all into one.
"""

from lastwords.host.mounts import mounts

from .collector import collector
from .take import Take

PSTORE = "/sys/fs/pstore"
ARCHIVE = "/var/lib/systemd/pstore"
_BACKEND = "/sys/module/pstore/parameters/backend"
_MOST = 400


@collector("pstore", "pstore", "pstore records", order=10, timeout=60)
def pstore(take: Take) -> None:
    """Everything in pstore itself; of systemd's archive, what this crash may have left."""
    _want_it_mounted(take)
    for name in take.names(PSTORE)[:_MOST]:
        found = take.root.stat(f"{PSTORE}/{name}")
        recent = found is None or take.boot.may_be_of_it(found.st_mtime)
        if take.boot.goes_on and not recent:
            take.miss(f"{PSTORE}/{name}", "skipped", "of a crash before this hang: capture without --hang takes it")
            continue
        take.file(f"{PSTORE}/{name}", note="" if recent else "older than the boot that crashed")
    old = 0
    for path in take.glob(f"{ARCHIVE}/*", f"{ARCHIVE}/*/*", f"{ARCHIVE}/*/*/*"):
        found = take.root.stat(path)
        if found is None or not take.root.is_file(path):
            continue
        if take.boot.may_be_of_it(found.st_mtime) or take.all_dumps:
            take.file(path)
        else:
            old += 1
    if old:
        take.miss(ARCHIVE, "skipped", f"{old} files from before the boot that crashed")


def _want_it_mounted(take: Take) -> None:
    """Without the file system nobody sees the records that a backend holds; mounting it is the user's to do."""
    backend = take.root.text(_BACKEND) if take.root.runs_commands else None
    if backend and backend != "(null)" and not any(mount.file_system == "pstore" for mount in mounts(take.root)):
        take.miss(PSTORE, "failed", f"{backend} may hold records, but: mount -t pstore pstore {PSTORE}")
