"""Open files of a task: include/linux/fdtable.h."""

from typing import TYPE_CHECKING

import drgn
from drgn.helpers.linux.pid import find_task

from lastwords.model import OpenFile

from .current import current_task
from .fields import Fields
from .panic import crashing_cpu, not_known
from .part import Partial, part
from .paths import paths
from .strings import one_line

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_MOST_FILES = 4096
_MOST_FDS = 1 << 20
# include/linux/fs.h: FMODE_READ, FMODE_WRITE
_MODES = {0: "", 1: "r", 2: "w", 3: "rw"}


@part("files")
def files(kernel: "Kernel") -> Partial | None:
    """Those of the task that panicked; None where none did."""
    number = crashing_cpu(kernel)
    if number is None:
        doubt = not_known(kernel)
        if doubt is not None:
            raise LookupError(f"which task crashed is not known: {doubt}")
        return None
    return open_files(kernel, current_task(kernel, number))


def open_files_of(kernel: "Kernel", pid: int) -> Partial:
    """The open files of a task.

    Raises:
        LookupError: there is no task of that PID.
    """
    task = find_task(kernel.prog, pid)
    if not task:
        raise LookupError(f"no task with PID {pid}")
    return open_files(kernel, task)


def open_files(kernel: "Kernel", task: drgn.Object) -> Partial:
    """The open files of a task, in the order of their numbers."""
    prog = kernel.prog
    problems: list[str] = []
    table = task.files.read_()
    if not table:
        return Partial((), problems)  # a kernel thread that is exiting, or a zombie
    fdt = table.fdt.read_()
    fields = Fields(
        prog,
        "struct file",
        {"mode": "f_mode", "position": "f_pos", "mount": "f_path.mnt | __f_path.mnt", "dentry": "f_path.dentry"},
    )
    pid = task.pid.value_()
    found: list[OpenFile] = []
    for fd in _open_fds(prog, fdt):
        if len(found) == _MOST_FILES:
            problems.append(f"only the first {_MOST_FILES} files were read")
            break
        try:
            address = fdt.fd[fd].value_()
        except Exception as failure:  # drgn raises what fits: not in the dump
            problems.append(f"file {fd}: {one_line(failure)}")
            continue
        if not address:
            continue  # reserved, not open yet
        values = fields.read(address)
        path = paths(kernel).path(values["mount"] or 0, values["dentry"]) if values["dentry"] else "?"
        mode = _MODES[(values["mode"] or 0) & 3]
        found.append(OpenFile(pid=pid, fd=fd, path=path, mode=mode, position=values["position"]))
    return Partial(tuple(found), problems)


def _open_fds(prog: drgn.Program, fdt: drgn.Object) -> list[int]:
    """Numbers that are set in the table's bitmap."""
    size = min(fdt.max_fds.value_(), _MOST_FDS) // 8
    little = prog.platform is not None and drgn.PlatformFlags.IS_LITTLE_ENDIAN in prog.platform.flags
    word = prog.address_size()
    data = prog.read(fdt.open_fds.value_(), size)
    words = (data[at : at + word] for at in range(0, size, word))
    bits = [int.from_bytes(each, "little" if little else "big") for each in words]
    return [
        place * word * 8 + bit for place, each in enumerate(bits) if each for bit in range(word * 8) if each >> bit & 1
    ]
