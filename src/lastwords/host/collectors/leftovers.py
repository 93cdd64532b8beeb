"""What abrt (Fedora, RHEL) and apport (Ubuntu) made of the crash."""

from .collector import collector
from .take import Take

ABRT = "/var/spool/abrt"
_ABRT_KERNEL = ("vmcore-*", "oops-*", "Oops-*", "kernel-*", "[Kk]oops*")
_MOST_FILE = 32 << 20
_MOST_PROBLEMS = 5


@collector("abrt", "crash-tool", "abrt's problem directories", order=110, timeout=60)
def abrt(take: Take) -> None:
    """The kernel's problems that are not older than the boot that crashed; a vmcore in one is the dumps' business."""
    for pattern in _ABRT_KERNEL:
        for problem in take.glob(f"{ABRT}/{pattern}")[-_MOST_PROBLEMS:]:
            found = take.root.stat(problem)
            if found is None or not take.boot.may_be_of_it(found.st_mtime):
                continue
            for name in take.names(problem):
                path = f"{problem}/{name}"
                if name != "vmcore" and take.root.is_file(path):
                    take.file(path, tail=_MOST_FILE, links_below=ABRT)


@collector("apport", "crash-tool", "apport's kernel reports", order=112, timeout=60)
def apport(take: Take) -> None:
    """Reports on the kernel only; those on programs are left alone."""
    for path in take.glob("/var/crash/linux-*.crash") + take.glob("/var/crash/vmcore.crash"):
        found = take.root.stat(path)
        if found is not None and take.boot.may_be_of_it(found.st_mtime):
            take.file(path, links_below="/var/crash")
    take.files("/var/log/apport.log*", newest=2, kind="text")
