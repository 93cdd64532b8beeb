"""The way of one analysis: paths -> evidence -> what it says."""

from collections.abc import Callable, Sequence

from lastwords import __version__
from lastwords.klog.inputs import find
from lastwords.klog.read import read
from lastwords.model import Analysis, Log

Progress = Callable[[int], None]


def analyze(paths: Sequence[str], *, boot: int | None = None, progress: Progress | None = None) -> Analysis:
    """Read what the paths name and say what died in it.

    Args:
        paths: files, directories with everything below them, `-` for standard input.
        boot: only this boot of each log: from 1, or from the end with -1 for the last.
        progress: called with the bytes read since its last call.

    Returns:
        The analysis. What can't be read is told in its `errors`; nothing in the data raises.
    """
    logs: list[Log] = []
    errors: list[str] = []
    for source in find(paths):
        reading = read(source, boot=boot, progress=_steps(progress))
        if reading.log is not None:
            logs.append(reading.log)
        if reading.error is not None:
            errors.append(reading.error)
    return Analysis(
        version=__version__,
        oopses=tuple(oops for log in logs for oops in log.oopses),
        logs=tuple(logs),
        errors=tuple(errors),
    )


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
