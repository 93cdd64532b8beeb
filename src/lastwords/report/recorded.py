"""What had been recorded before the crash, in a few lines for the terminal: errors, boots, evidence that is missing."""

from collections import Counter
from collections.abc import Iterator

from lastwords.model import Analysis, HardwareError

from .case import when

_LATEST = 5
_WORDS = {
    "fatal": "fatal",
    "uncorrected": "not corrected",
    "corrected": "corrected",
    "information": "no error",
}


def recorded_lines(analysis: Analysis) -> Iterator[str]:
    """Lines of plain text; none where nothing was recorded."""
    yield from _errors(analysis)
    yield from _boots(analysis)
    lost = [item for item in analysis.evidence if item.state in ("failed", "refused")]
    for item in lost[:_LATEST]:
        yield f"not secured: {item.id}: {item.note or item.state}"
    if len(lost) > _LATEST:
        yield f"not secured: {len(lost) - _LATEST} more"


def _errors(analysis: Analysis) -> Iterator[str]:
    errors = analysis.hardware_errors
    if not errors:
        return
    counts = Counter((error.source, error.severity) for error in errors)
    told = ", ".join(f"{source} {count} {_WORDS[severity]}" for (source, severity), count in sorted(counts.items()))
    yield f"hardware: {told}"
    grave = [error for error in errors if error.severity in ("fatal", "uncorrected")]
    yield from (f"  {_error(error)}" for error in grave[-_LATEST:])


def _error(error: HardwareError) -> str:
    zone = "" if error.zone or error.time is None else " by its clock"
    time = f"{when(error.time).removesuffix(' UTC') if zone else when(error.time)}{zone}" if error.time else "no time"
    times = f" ({error.count} times)" if error.count > 1 else ""
    return f"{time}  {error.source}: {error.text}{times}"


def _boots(analysis: Analysis) -> Iterator[str]:
    boots = analysis.reboots
    if not boots:
        return
    counts = Counter(boot.ending for boot in boots)
    yield f"boots: {', '.join(f'{count} {ending}' for ending, count in counts.most_common())}"
    for boot in [boot for boot in boots if boot.ending in ("vanished", "crash")][-_LATEST:]:
        kernel = f", Linux {boot.kernel}" if boot.kernel else ""
        yield f"  {when(boot.started)}{kernel}: {boot.ending}: {boot.explanation}"
