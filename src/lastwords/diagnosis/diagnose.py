"""From facts to a diagnosis: every rule, then what their findings come to."""

from collections.abc import Iterable, Iterator, Sequence

from lastwords.model import BrokenRule, Diagnosis, Facts, Finding, NextStep, Verdict

from .changed import changed
from .crash import Crash, crash_among
from .doing import doing
from .known import KnownIssue, match
from .listed import is_hang
from .panicked import panicked
from .recorded import vanished
from .rule import Rule, broken_plugins, rules
from .timeline import timeline
from .verdict import rivals, strength, verdict

_OF_CODE = frozenset({"logic-bug", "memory-corruption", "deadlock", "lockup"})
_PHASES = ("immediate", "post-mortem")


def diagnose(facts: Facts, known: Sequence[KnownIssue] = ()) -> Diagnosis | None:
    """What happened, as far as the facts tell.

    Args:
        facts: all that is known of the crash.
        known: issues that a team has met before.

    Returns:
        The diagnosis, or None where nothing crashed and no boot vanished. A rule that raises is told in `broken`.
    """
    crash = crash_among(facts)
    if crash.oops is None and crash.machine is None and not vanished(facts) and not is_hang(crash):
        return None
    broken = [BrokenRule(id="entry point", error=f"{name}: {reason}") for name, reason in broken_plugins()]
    findings: list[Finding] = []
    for rule in rules():
        found, error = judged(rule, crash)
        findings += found
        if error is not None:
            broken.append(error)
    findings += match(known, crash)
    ranked = tuple(sorted(findings, key=lambda finding: -strength(finding)))
    came_to = verdict(crash, ranked)
    return Diagnosis(
        verdict=came_to,
        findings=ranked,
        timeline=timeline(crash),
        panicked=panicked(crash),
        doing=doing(crash),
        changed=changed(crash),
        next=steps(_worth_following(ranked, came_to)),
        broken=tuple(broken),
    )


def judged(rule: Rule, crash: Crash) -> tuple[list[Finding], BrokenRule | None]:
    """What a rule finds, as far as it gets, and how it failed."""
    found: list[Finding] = []
    try:
        # One by one: what a rule found before it failed stands.
        for finding in rule.judge(crash):
            found.append(finding)  # noqa: PERF402
    except Exception as failure:  # a mistake in a rule costs that rule
        return found, BrokenRule(id=rule.id, error=f"{type(failure).__name__}: {failure}")
    return found, None


def _worth_following(findings: Sequence[Finding], came_to: Verdict) -> Iterator[Finding]:
    """Without those that lost against the verdict and are no rivals of it: their steps only get in the way."""
    close = [finding.title for finding in rivals(findings)]
    for finding in findings:
        agrees = finding.crash_class in (None, came_to.crash_class) or came_to.crash_class == "unknown"
        # Where the report says that it stood is worth a look, whatever it comes down to.
        if agrees or finding.title in close or (finding.id == "kind" and came_to.crash_class in _OF_CODE):
            yield finding


def steps(findings: Iterable[Finding]) -> tuple[NextStep, ...]:
    """What to do, each thing once: first what is lost when it is put off, then by what it is likely to tell."""
    best: dict[str, tuple[float, NextStep]] = {}
    for finding in findings:
        for step in finding.next:
            worth = step.value * max(finding.confidence, 0.3)
            key = step.command or step.text
            if key not in best or best[key][0] < worth:
                best[key] = (worth, step)
    ordered = sorted(best.values(), key=lambda pair: (_PHASES.index(pair[1].phase), -pair[0]))
    return tuple(step for _worth, step in ordered)
