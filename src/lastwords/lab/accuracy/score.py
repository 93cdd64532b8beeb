"""Counts judgements, and prints them as one table."""

from collections.abc import Sequence

from lastwords.model import Struct

from .judge import Form, Grade, Judgement

TARGETS: dict[Form, float] = {"debuginfo": 0.95, "bare": 0.95, "log": 0.85}
"""Share of the verdicts with class and culprit right, at the least."""

_MARK: dict[Grade, str] = {"right": "ok", "open": "open", "wrong": "WRONG"}


class Score(Struct, frozen=True, kw_only=True):
    """How many of `total` were right, in one form.

    Attributes:
        crash_class: with the right class, `culprit` with the right culprit, `both` with both.
        evidence: with all decisive evidence shown.
        confident_wrong: false, and said without hedging.
        target: `both` as a share, at the least.
    """

    form: Form
    total: int
    crash_class: int
    culprit: int
    both: int
    evidence: int
    confident_wrong: int
    target: float

    @property
    def met(self) -> bool:
        """Enough are right, and none is confidently wrong."""
        return self.both >= self.target * self.total and not self.confident_wrong


def scores(judgements: Sequence[Judgement]) -> list[Score]:
    """The score of each form that was tried."""
    found = []
    for form, target in TARGETS.items():
        some = [each for each in judgements if each.form == form]
        if some:
            found.append(
                Score(
                    form=form,
                    total=len(some),
                    crash_class=sum(each.crash_class == "right" for each in some),
                    culprit=sum(each.culprit == "right" for each in some),
                    both=sum(each.both for each in some),
                    evidence=sum(not each.unseen and each.error is None for each in some),
                    confident_wrong=sum(each.confident_wrong for each in some),
                    target=target,
                )
            )
    return found


def table(judgements: Sequence[Judgement]) -> str:
    """One line for each verdict, and below it what is wrong with it."""
    width = max((len(each.case) for each in judgements), default=0)
    lines = [f"{'case':<{width}}  kernel     form       class  culprit  evidence  sure  verdict"]
    for each in judgements:
        evidence = "-" if each.error else "unseen" if each.unseen else "ok"
        lines.append(
            f"{each.case:<{width}}  {each.kernel:<9}  {each.form:<9}  {_MARK[each.crash_class]:<5}  "
            f"{_MARK[each.culprit]:<7}  {evidence:<8}  {each.said['confidence']:.2f}  {_verdict(each)}"
        )
        lines += [f"{'':<{width}}    {reason}" for reason in _reasons(each)]
    return "\n".join(lines) + "\n"


def summary(counted: Sequence[Score]) -> str:
    """The scores, one line a form."""
    lines = ["form       cases  class  culprit  both         target  evidence  confident and wrong"]
    for score in counted:
        share = f"{score.both} ({score.both / score.total:.0%})"
        lines.append(
            f"{score.form:<9}  {score.total:>5}  {score.crash_class:>5}  {score.culprit:>7}  {share:<11}  "
            f"{score.target:>6.0%}  {score.evidence:>8}  {score.confident_wrong:>19}"
            f"  {'met' if score.met else 'NOT MET'}"
        )
    return "\n".join(lines) + "\n"


def _verdict(each: Judgement) -> str:
    said = each.said
    culprit = f"{said['module']}:{said['function']}" if said["module"] else said["function"] or "nobody"
    field = ".".join(part for part in (said["object"], said["field"]) if part)
    return f"{said['class']}, {culprit}{', ' + field if field else ''}"


def _reasons(each: Judgement) -> list[str]:
    if each.error:
        return [each.error]
    confident = ["CONFIDENT AND WRONG"] if each.confident_wrong else []
    return [*confident, *each.wrong, *(f"no finding shows {pattern!r}" for pattern in each.unseen)]
