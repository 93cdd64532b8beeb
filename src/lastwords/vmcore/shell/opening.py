"""A dump opened for the shell: any format, found among what the user named."""

from pathlib import Path

from lastwords.vmcore.files import sort_files
from lastwords.vmcore.formats import open_dump
from lastwords.vmcore.formats.storage import NotADump
from lastwords.vmcore.program import OpenError, open_program
from lastwords.vmcore.rewrite import NoRoom, plain_file

from .output import Escape
from .shell import Shell

__all__ = ["OpenError", "open_shell"]


def open_shell(
    path: str, *, escape: Escape, vmlinux: Path | None = None, modules_dir: Path | None = None, debuginfo: bool = True
) -> Shell:
    """Open a dump, or the one in a directory.

    Raises:
        OpenError: there is none, or several, or it can't be read: one line.
    """
    files = sort_files([path])
    if len(files.dumps) > 1:
        raise OpenError(
            f"{path}: {len(files.dumps)} dumps, and this reads one: {', '.join(d[0] for d in files.dumps[:4])}"
        )
    if not files.dumps:
        raise OpenError(f"{path}: {files.refused[0][1] if files.refused else 'not a dump'}")
    try:
        plain, vmcoreinfo = plain_file(open_dump(files.dumps[0]))
    except (NotADump, NoRoom, OSError) as error:
        text = str(error)
        raise OpenError(text if text.startswith(path) else f"{path}: {text}") from None
    kernel = open_program(
        Path(plain), vmcoreinfo=vmcoreinfo, vmlinux=vmlinux, modules_dir=modules_dir, debuginfo=debuginfo
    )
    return Shell(kernel, files.dumps[0][0], escape)
