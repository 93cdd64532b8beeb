"""A dump opened for the shell: any format, found among what the user named."""

from collections.abc import Mapping
from pathlib import Path

from lastwords.vmcore.program import OpenError, open_program
from lastwords.vmcore.session import DumpError, sources_of
from lastwords.vmcore.source import SourceError, open_source

from .command import View
from .output import Escape
from .shell import Shell


def open_shell(
    path: str,
    *,
    escape: Escape,
    vmlinux: Path | None = None,
    modules_dir: Path | None = None,
    debuginfo: bool = True,
    views: Mapping[str, View] | None = None,
) -> Shell:
    """Open a dump, or the one in a directory.

    Args:
        path: of the dump, or a directory with one.
        escape: makes control characters in a line visible.
        vmlinux: the file with debuginfo, or a directory to look for it in.
        modules_dir: a directory with the debuginfo of modules.
        debuginfo: False to look for none.
        views: further commands, by name.

    Raises:
        DumpError: there is none, or several, or it can't be read: one line.
    """
    sources = sources_of([path])
    try:
        kernel = open_program(
            Path(sources.dump[0]),
            vmlinux=vmlinux,
            modules_dir=modules_dir,
            debuginfo=debuginfo,
            dump=open_source(sources.dump),
        )
    except (OpenError, SourceError) as error:
        raise DumpError(str(error)) from None
    return Shell(kernel, sources.dump[0], escape, views or {})
