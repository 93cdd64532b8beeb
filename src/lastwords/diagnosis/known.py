"""Known issues: what a team has met before, as data."""

import re
from collections.abc import Callable, Iterator, Sequence

import msgspec

from lastwords.model import Fact, Finding, NextStep, Struct

from .crash import Crash


class KnownIssue(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One issue. All conditions that it names must hold; it has to name one.

    Attributes:
        id: its name, as `BUG-1234`.
        explanation: what it is; `fix` what to do; `link` where to read on.
        title: regular expression, searched for in the crash's title.
        function: of the crash, or on its trace.
        module: of the crash, or on its trace.
        releases: kernel releases it is in, as `>=6.1.20, <6.1.60`, compared number by number.
        log: regular expression, searched for in the messages before the crash and in its own.
        confidence: that a crash which fits is this issue.
        path: of the file it stands in.
    """

    id: str
    explanation: str
    fix: str = ""
    link: str = ""
    title: str | None = None
    function: str | None = None
    module: str | None = None
    releases: str | None = None
    log: str | None = None
    confidence: float = 0.7
    path: str = ""


_NUMBERS = re.compile(r"\d{1,9}")
_BOUND = re.compile(r"\s{0,8}(>=|<=|==|>|<)\s{0,8}([0-9][0-9.+~-]{0,40})\s{0,8}$")


def match(known: Sequence[KnownIssue], crash: Crash) -> Iterator[Finding]:
    """A finding for each known issue that fits the crash."""
    for issue in known:
        seen = _seen(issue, crash)
        if seen:
            fix = (NextStep(text=f"{issue.fix}{f' See {issue.link}' if issue.link else ''}", value=0.9),)
            yield Finding(
                id=f"known:{issue.id}",
                title=f"fits the known issue {issue.id}",
                text=" ".join(filter(None, (issue.explanation, issue.fix, issue.link))),
                confidence=min(max(issue.confidence, 0.0), 1.0),
                evidence=seen,
                next=fix if issue.fix else (),
                weight=0.6,
            )


def _seen(issue: KnownIssue, crash: Crash) -> tuple[Fact, ...]:
    """What in the crash fits; nothing where one of the conditions doesn't hold."""
    oops = crash.oops
    functions = {function for function, _module in crash.functions()} | {oops.function if oops else None}
    modules = {module for _function, module in crash.functions()} | {oops.module if oops else None}
    release = crash.release
    messages = [oops.message] if oops else []
    messages += [precursor.text for precursor in crash.precursors]
    holds: dict[str, Callable[[str], bool]] = {
        "title": lambda wanted: oops is not None and re.search(wanted, oops.title) is not None,
        "function": lambda wanted: wanted in functions,
        "module": lambda wanted: wanted in modules,
        "releases": lambda wanted: release is not None and within(release, wanted),
        "log": lambda wanted: any(re.search(wanted, message[:1000]) for message in messages),
    }
    named: dict[str, str] = {name: wanted for name in holds if (wanted := getattr(issue, name)) is not None}
    if not named or not all(holds[name](wanted) for name, wanted in named.items()):
        return ()
    return (
        crash.here(),
        Fact(text="matches " + ", ".join(f"{name} {wanted}" for name, wanted in named.items()), path=issue.path),
    )


def check(issue: KnownIssue) -> None:
    """See that an issue can be matched at all.

    Raises:
        msgspec.ValidationError: it names no condition, an expression is no regular one, or a bound none of releases.
    """
    if not any((issue.title, issue.function, issue.module, issue.releases, issue.log)):
        raise msgspec.ValidationError(f"{issue.id} names no condition: title, function, module, releases or log")
    for expression in filter(None, (issue.title, issue.log)):
        try:
            re.compile(expression)
        except re.error as error:
            raise msgspec.ValidationError(f"{issue.id}: {expression!r} is no regular expression: {error}") from error
    if issue.releases is not None:
        within("0", issue.releases)


def numbers(release: str) -> tuple[int, ...]:
    """The numbers of a release, to compare: `6.1.0-13-amd64` -> (6, 1, 0, 13)."""
    return tuple(int(number) for number in _NUMBERS.findall(release.partition("-generic")[0])[:6])


def within(release: str, bounds: str) -> bool:
    """Whether a release lies within bounds as `>=6.1.20, <6.2`."""
    for bound in bounds.split(","):
        told = _BOUND.match(bound)
        if told is None:
            raise msgspec.ValidationError(f"not a bound of releases: {bound.strip()!r}; as >=6.1.20")
        wanted = numbers(told[2])
        have = numbers(release)[: len(wanted)]
        if not {
            ">=": have >= wanted,
            "<=": have <= wanted,
            "==": have == wanted,
            ">": have > wanted,
            "<": have < wanted,
        }[told[1]]:
            return False
    return True
