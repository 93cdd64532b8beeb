"""An analysis, kept in its case."""

from collections.abc import Callable

from lastwords.glossary.clock import utc
from lastwords.model import Analysis

from .analysis import analyze
from .directory import CaseDirectory
from .toml_files import Value, when

_FIRST_FILE = 1800.0
"""Seconds from a crash to the first file that kdump has written."""


def analyze_case(case: CaseDirectory, tell: Callable[[str], None] | None = None) -> Analysis:
    """Analyse all evidence of a case and keep the result there.

    Raises:
        CaseError: the evidence can't be read, or the case can't be written to.
    """
    analysis = analyze([str(case.root)], tell=tell)
    keep(case, analysis)
    return analysis


def keep(case: CaseDirectory, analysis: Analysis) -> None:
    """Put an analysis into `results/`, and what it knows into `case.toml` where nobody has said otherwise.

    Raises:
        CaseError: the case can't be written to.
    """
    case.write_analysis(analysis)
    about = case.read()
    dump = analysis.dump.dump if analysis.dump else None
    news: dict[str, Value] = {}
    crashed = dump.crash_time or 0 if dump is not None else 0
    # What capture goes by, the first file that kdump wrote, is later by the boot of the crash kernel.
    if 0 < crashed < 1 << 33 and (about.crashed is None or 0 < about.crashed - crashed < _FIRST_FILE):
        news["crashed"] = when(crashed)
    if not about.host and dump is not None and dump.node and dump.node != "(none)":
        news["host"] = dump.node[:255]
    if about.crashed is None and "crashed" not in news and (told := crashed_at(analysis)) is not None:
        news["crashed"] = when(told)
    if not about.host and "host" not in news and (host := host_of(analysis)):
        news["host"] = host[:255]
    if not about.title and (crash := analysis.crash) is not None:
        news["title"] = crash.title[:200]
    if news:
        case.change(**news)


def crashed_at(analysis: Analysis) -> float | None:
    """When it crashed, in seconds since the epoch, where the log tells with year and time zone."""
    return utc(analysis.crash.clock) if analysis.crash is not None else None


def host_of(analysis: Analysis) -> str | None:
    """The machine that crashed, where the log with the crash tells."""
    path = analysis.crash.path if analysis.crash is not None else None
    hosts = {log.host for log in analysis.logs if log.host and path in (None, log.path)}
    return hosts.pop() if len(hosts) == 1 else None
