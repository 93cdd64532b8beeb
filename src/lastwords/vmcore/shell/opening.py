"""A dump opened for the shell."""

from collections.abc import Mapping
from pathlib import Path

from lastwords.vmcore.program import OpenError, open_program
from lastwords.vmcore.session import DumpError, Sources
from lastwords.vmcore.source import SourceError, open_source

from .command import View
from .output import Escape
from .shell import Shell


def open_shell(sources: Sources, *, escape: Escape, views: Mapping[str, View] | None = None) -> Shell:
    """Open a dump.

    Args:
        sources: its files and those of its debuginfo.
        escape: makes control characters in a line visible.
        views: further commands, by name.

    Raises:
        DumpError: it can't be read: one line.
    """
    try:
        kernel = open_program(
            Path(sources.dump[0]),
            vmlinux=Path(sources.vmlinux) if sources.vmlinux else None,
            modules_dir=Path(sources.modules_dir) if sources.modules_dir else None,
            debuginfo=sources.debuginfo,
            dump=open_source(sources.dump),
        )
    except (OpenError, SourceError) as error:
        raise DumpError(str(error)) from None
    return Shell(kernel, sources.dump[0], escape, views or {})
