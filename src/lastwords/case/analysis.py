"""The way of one analysis: paths -> evidence -> what it says."""

from collections.abc import Callable, Sequence

from lastwords import __version__
from lastwords.klog.inputs import Input, find
from lastwords.klog.parallel import mistake
from lastwords.klog.read import Reading, read
from lastwords.model import Analysis, Log, Oops
from lastwords.vmcore.files import sort_files
from lastwords.vmcore.session import DumpError

from .vmcore import Debuginfo, Tell, Vmcore, read_vmcore

Progress = Callable[[int], None]

_STDIN = "-"
_LIBRARY = Debuginfo()


def analyze(
    paths: Sequence[str],
    *,
    boot: int | None = None,
    debuginfo: Debuginfo = _LIBRARY,
    progress: Progress | None = None,
    tell: Tell | None = None,
) -> Analysis:
    """Read what the paths name and say what died in it.

    Args:
        paths: logs, a dump, its vmlinux, in any order; directories with everything below them; `-` for standard input.
        boot: only this boot of each log: from 1, or from the end with -1 for the last.
        debuginfo: where to look for it.
        progress: called with the bytes read of logs since its last call.
        tell: called with what is being done to a dump.

    Returns:
        The analysis. What can't be read is told in its `errors`; nothing in the data raises.
    """
    files = sort_files([path for path in paths if path != _STDIN])
    taken = {path for dump in files.dumps for path in dump} | {*files.vmlinux, *files.modules}
    errors: list[str] = []
    vmcore: Vmcore | None = None
    if files.dumps:
        try:
            vmcore = read_vmcore([path for path in paths if path != _STDIN], debuginfo, tell)
            errors += vmcore.errors
        except DumpError as error:
            errors.append(str(error))
    sources: list[Input] = [source for source in find(paths) if source.path not in taken]
    if vmcore is not None and vmcore.log is not None:
        sources = [vmcore.log, *_others(sources, files.dumps[0])]
    logs: list[Log] = []
    oopses: list[Oops] = []
    for source in sources:
        try:
            reading = read(source, boot=boot, progress=_steps(progress))
        except Exception as failure:  # a mistake of ours costs one log, not the report
            reading = Reading(None, error=f"{source.path}: {mistake(failure)}")
        if reading.log is not None:
            logs.append(reading.log)
            oopses += reading.oopses
        if reading.error is not None:
            errors.append(reading.error)
    return Analysis(
        version=__version__,
        oopses=tuple(oopses),
        logs=tuple(logs),
        machine=vmcore.machine if vmcore else None,
        dump=vmcore.check if vmcore else None,
        errors=tuple(errors),
    )


def _others(sources: list[Input], dump: tuple[str, ...]) -> list[Input]:
    """The logs beside a dump: not files that hold no text at all, which a directory has beside it."""
    return [source for source in sources if source.error is None or source.path in dump]


def _steps(progress: Progress | None) -> Progress | None:
    """From the reader's running total of one file to the steps that `progress` wants."""
    if progress is None:
        return None
    done = 0

    def count(total: int) -> None:
        nonlocal done
        progress(total - done)
        done = total

    return count
