"""What the findings come to: one class, one culprit, one paragraph."""

from collections.abc import Sequence

import msgspec

from lastwords.model import Culprit, Finding, Verdict

from .crash import Crash
from .owner import owner_of
from .story import opening
from .victims import is_victim

SURE = 0.8
"""From this confidence on a verdict is said without hedging; a wrong one is the worst that we can give."""
_RIVAL = 0.75
"""A finding of another class this close to the strongest makes the verdict unsure."""
_UNSURE = 0.65
_DAMAGED = 0.75
_TYPED = 0.65
"""How sure a text can make us that somebody typed: lines may be missing, and digits wrong."""
_TELLING = 0.15
"""Weight of a finding that is worth a sentence where nothing better is known."""


def verdict(crash: Crash, findings: Sequence[Finding]) -> Verdict:
    """The verdict.

    Args:
        crash: what happened.
        findings: the strongest first.
    """
    claims = _claims(findings)
    best = claims[0] if claims else None
    if best is None or best.crash_class is None:
        return _not_known(crash, findings)
    confidence, reasons = _confidence(crash, best, claims)
    agreeing = [f for f in findings if f.culprit is not None and f.crash_class in (None, best.crash_class)]
    merged = _merged(best, agreeing)
    if is_victim(merged):
        reasons.append(f"open: {merged.function}() handles what others handed it; whose that was is not known")
        merged = Culprit()
    culprit = owner_of(crash, merged)
    supporting = [f for f in findings if f is not best and _supports(f, best)]
    return Verdict(
        summary=_summary(crash, best, supporting, confidence, culprit),
        crash_class=best.crash_class,
        confidence=round(confidence, 2),
        culprit=culprit,
        reasons=tuple(reasons),
        findings=tuple(dict.fromkeys(finding.id for finding in (best, *supporting))),
    )


def _not_known(crash: Crash, findings: Sequence[Finding]) -> Verdict:
    culprit = owner_of(crash, _merged(None, [f for f in findings if f.culprit is not None]))
    telling = next((finding for finding in findings if finding.weight >= _TELLING), None)
    hint = f" {_sentence(telling.text or telling.title)}" if telling else ""
    return Verdict(
        summary=f"{opening(crash)} Why is not known.{hint}",
        crash_class="unknown",
        confidence=0.0,
        culprit=culprit,
        reasons=("no rule found a cause in what is at hand",),
        findings=tuple(dict.fromkeys(finding.id for finding in findings[:3])),
    )


def _confidence(crash: Crash, best: Finding, claims: Sequence[Finding]) -> tuple[float, list[str]]:
    """How sure the best finding leaves us, and what speaks for and against it."""
    confidence = best.confidence
    reasons = [f"for: {best.title}"]
    # What the report says of itself is no second witness.
    agree = [f for f in claims[1:] if f.crash_class == best.crash_class and f.id not in (best.id, "kind")]
    reasons += [f"for: {finding.title}" for finding in agree[:3]]
    for finding in [f for f in agree if f.culprit is None or best.culprit in (None, f.culprit)][:2]:
        # Findings share their evidence: unsure ones that agree make none that is sure.
        most = 0.97 if max(confidence, finding.confidence) >= SURE else SURE - 0.01
        confidence += max(most - confidence, 0.0) * 0.3 * finding.confidence
    for rival in rivals(claims):
        confidence = min(confidence, _UNSURE)
        reasons.append(f"against: {rival.title} ({rival.crash_class})")
    if crash.oops is not None and not crash.oops.intact and crash.machine is None:
        kinds = [damage.kind for damage in crash.oops.damage]
        confidence = min(confidence, _TYPED if "typed" in kinds else _DAMAGED)
        if "typed" in kinds:
            reasons.append("against: the text looks typed by hand")
        if damaged := [kind for kind in kinds if kind != "typed"]:
            reasons.append(f"against: the log is damaged ({', '.join(damaged)})")
    return confidence, reasons


def strength(finding: Finding) -> float:
    """How much a finding counts: how sure it is, and how much it explains."""
    return finding.confidence * finding.weight


def rivals(findings: Sequence[Finding]) -> list[Finding]:
    """Findings of another class that come close to the strongest which says what the crash comes down to.

    Args:
        findings: the strongest first.
    """
    claims = _claims(findings)
    best, others = claims[0] if claims else None, claims[1:]
    if best is None:
        return []
    against = [f for f in others if f.crash_class != best.crash_class or best.id in f.contradicts]
    return [rival for rival in against[:3] if strength(rival) >= _RIVAL * strength(best)]


def _claims(findings: Sequence[Finding]) -> list[Finding]:
    """Those that say what the crash comes down to."""
    return [finding for finding in findings if finding.crash_class not in (None, "unknown")]


def _merged(best: Finding | None, findings: Sequence[Finding]) -> Culprit:
    """The best finding's culprit; what it does not know comes from others about the same place.

    A finding whose culprit is empty says that the one to blame is none of those in sight.
    """
    culprit = best.culprit if best is not None and best.culprit is not None else None
    for finding in findings:
        other = finding.culprit
        if other is None:
            continue
        if culprit is None:
            culprit = other
        elif culprit != Culprit() and _same_place(culprit, other):
            known = {name: value for name, value in msgspec.structs.asdict(culprit).items() if value is not None}
            culprit = msgspec.structs.replace(other, **known)
    return culprit or Culprit()


def _same_place(one: Culprit, other: Culprit) -> bool:
    """Nothing that both know differs, and a function is of the same module."""
    if one.module != other.module and (one.function or other.function):
        return False
    return all(
        getattr(one, name) is None or getattr(other, name) is None or getattr(one, name) == getattr(other, name)
        for name in ("module", "function", "object")
    )


def _supports(finding: Finding, best: Finding) -> bool:
    """A further finding that belongs into the verdict: what the report's kind says is in its title already."""
    telling = finding.id != "kind" and finding.weight >= 0.2 and finding.confidence >= 0.4
    return telling and finding.crash_class in (None, best.crash_class)


def _summary(crash: Crash, best: Finding, supporting: Sequence[Finding], confidence: float, culprit: Culprit) -> str:
    hedge = "" if confidence >= SURE else "Probably: " if confidence >= 0.6 else "Perhaps: "
    sentences = [opening(crash), hedge + _sentence(best.text or best.title)]
    sentences += [_sentence(finding.text or finding.title) for finding in supporting[:2]]
    if culprit.origin in ("out-of-tree", "proprietary") and culprit.module is not None:
        sentences.append(f"{culprit.module} is {_ARTICLE[culprit.origin]} module.")
    return " ".join(sentences)


_ARTICLE = {"out-of-tree": "an out-of-tree", "proprietary": "a proprietary"}


def _sentence(text: str) -> str:
    # Names of functions and processes stay as they are: no capital letter is put in front.
    return text if text.endswith((".", "!", "?")) else text + "."
