"""The running kernel, read through /proc/kcore as if it were a dump.

Nobody wants that instead of a dump that could not be opened, so no path leads here (`files.LIVE` is refused): only
who asks for it gets it. Reading disturbs nothing: /proc/kcore can't be written to, and takes no lock of a task. It
gives the memory of the moment in which each piece is read, so what is read may contradict itself.
"""

import errno
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import msgspec

from lastwords.model import Machine
from lastwords.model.evidence import EvidenceState

from .child import Limits, Progress
from .session import DumpError, Question, Sources, read_dump

KCORE = "/proc/kcore"
LOCKDOWN = "/sys/kernel/security/lockdown"

# The debuginfo may lie on the very disk that hangs; without it all is in memory.
_SECONDS = ((True, 60.0), (False, 90.0))
"""With and without debuginfo: how long it may take."""
SECONDS = sum(seconds for _, seconds in _SECONDS) + 15.0
"""Seconds after which `read_running_kernel()` has ended in any case."""
_MEMORY = 2 << 30

_PATIENCE = 30.0
"""Seconds that one part may take: what is known by then counts."""

Obstacle = tuple[EvidenceState, str]
"""What becomes of it, and why, for users."""


def obstacle(kcore: str = KCORE, lockdown: str = LOCKDOWN) -> Obstacle | None:
    """Why the running kernel can't be read; None where it seems that it can.

    Args:
        kcore: the kernel's memory as an ELF core (fs/proc/kcore.c).
        lockdown: which level of lockdown is in force, in brackets (security/lockdown/lockdown.c).
    """
    return next(_obstacles(kcore, lockdown), None)


def _obstacles(kcore: str, lockdown: str) -> Iterator[Obstacle]:
    try:
        with Path(kcore).open("rb") as file:
            if not file.read(4):
                yield "absent", "it is empty: a container or sandbox hides it"
    except OSError as error:
        yield _refusal(error, lockdown)
    if find_spec("drgn") is None:
        yield "absent", "drgn is not installed: pip install 'lastwords[vmcore]'"


def _refusal(error: OSError, lockdown: str) -> Obstacle:
    if error.errno == errno.ENOENT:
        return "absent", "the kernel has none (CONFIG_PROC_KCORE), or a sandbox hides it"
    if error.errno == errno.EACCES:
        return "refused", "no right to read it: only root may"
    if error.errno != errno.EPERM:
        return "failed", error.strerror or str(error)
    if _is_locked_down(lockdown):
        return "refused", "the kernel is locked down (lockdown=confidentiality): nobody may read it"
    return "refused", "not even root may read it here: CAP_SYS_RAWIO is missing, as in containers"


def _is_locked_down(lockdown: str) -> bool:
    try:
        return "[confidentiality]" in Path(lockdown).read_text()
    except OSError:
        return False


def read_running_kernel(kcore: str = KCORE, progress: Progress | None = None) -> Machine:
    """Read the machine that this runs on: with debuginfo where there is some, else by its own BTF and kallsyms.

    Raises:
        DumpError: it can't be read.
    """
    failures: list[DumpError] = []
    for debuginfo, seconds in _SECONDS:
        question = Question(sources=Sources(dump=(kcore,), debuginfo=debuginfo), patience=_PATIENCE)
        try:
            reading = read_dump(question, limits=Limits(memory=_MEMORY, seconds=seconds), progress=progress)
        except DumpError as error:
            failures.append(error)
            continue
        costs = (*reading.symbols.costs, *(f"Not read with debuginfo: {failure}." for failure in failures))
        symbols = msgspec.structs.replace(reading.symbols, costs=costs)
        return msgspec.structs.replace(reading.machine, symbols=symbols)
    raise failures[-1]
