"""Holds a verdict against the known one."""

import re
from typing import Any, Literal

from lastwords.lab.verdicts import OPEN, KnownVerdict, Names, right
from lastwords.model import Struct

Form = Literal["debuginfo", "bare", "log"]
"""What is analysed: the dump with all debuginfo, the dump alone, the console log alone."""

Grade = Literal["right", "open", "wrong"]
"""`open`: not named or not known, where it should be."""

CONFIDENT = 0.8
"""From here on a verdict is said without hedging: then it must be right."""


class Judgement(Struct, frozen=True, kw_only=True):
    """What one verdict is worth.

    Attributes:
        case: its name; `kernel` and `form` say on what.
        said: class, confidence and the culprit's module, function, object and field, as lastwords named them.
        crash_class: grade of the class, `culprit` of the others together.
        wrong: what is wrong or lacking, one line each.
        unseen: decisive evidence that no finding has.
        error: why there is no verdict, or None.
    """

    case: str
    kernel: str
    form: Form
    said: dict[str, Any]
    crash_class: Grade
    culprit: Grade
    wrong: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    error: str | None = None

    @property
    def both(self) -> bool:
        """Class and culprit are right."""
        return self.crash_class == self.culprit == "right"

    @property
    def confident_wrong(self) -> bool:
        """The worst there is: said without hedging, and false."""
        return self.said["confidence"] >= CONFIDENT and "wrong" in (self.crash_class, self.culprit)


def judge(case: str, kernel: str, form: Form, known: KnownVerdict, found: dict[str, Any]) -> Judgement:
    """Judge one analysis.

    Args:
        case: its name; `kernel` is the kernel's.
        form: what was analysed.
        known: the verdict on the dump.
        found: the document that `lastwords analyze --json` wrote.
    """
    if form == "log":
        known = known.from_log()
    verdict = found.get("verdict")
    if not verdict:
        return failed(case, kernel, form, "no verdict")
    culprit = verdict.get("culprit") or {}
    named: dict[str, str | None] = {part: culprit.get(part) for part in ("module", "function", "object", "field")}
    said = {"class": verdict.get("class") or "unknown", "confidence": verdict.get("confidence") or 0.0, **named}
    grades = {
        "class": _grade(str(said["class"]), known.crash_class, unnamed="unknown"),
        "module": _grade(named["module"], known.module),
        "function": _grade(named["function"] and plain(named["function"]), known.function),
        "object": _typed(named["object"], known.object, form),
        "field": _typed(named["field"], known.field, form),
    }
    return Judgement(
        case=case,
        kernel=kernel,
        form=form,
        said=said,
        crash_class=grades["class"],
        culprit=_worst(grades[part] for part in named),
        wrong=tuple(
            f"{part}: {_words(said[part])}, not {_words(_expected(known, part))}"
            for part, grade in grades.items()
            if grade != "right"
        ),
        unseen=_unseen(known.evidence, found.get("findings") or ()),
    )


def failed(case: str, kernel: str, form: Form, error: str) -> Judgement:
    """A crash that could not be analysed: nothing is known of it."""
    said = {"class": "unknown", "confidence": 0.0, "module": None, "function": None, "object": None, "field": None}
    return Judgement(case=case, kernel=kernel, form=form, said=said, crash_class="open", culprit="open", error=error)


def plain(function: str) -> str:
    """A function's name without what GCC put behind it: `ring_bind.constprop.0` is ring_bind."""
    return re.sub(r"\.(?:constprop|isra|part|cold|llvm)\b.*", "", function)


def _grade(name: str | None, known: Names, unnamed: str | None = None) -> Grade:
    names = right(known) or (OPEN,)
    if name is None or (name == unnamed and unnamed not in names):
        return "right" if OPEN in names else "open"
    return "right" if name in names else "wrong"


def _typed(name: str | None, known: Names, form: Form) -> Grade:
    """Grade an object or a field: they need be named only where debuginfo has the types."""
    names = right(known)
    if not names or (name is None and form != "debuginfo"):
        return "right"
    # A type may be named with its "struct" or without, a field with what it is a member of.
    return _grade(name and name.removeprefix("struct ").rpartition(".")[2], tuple(_bare(each) for each in names))


def _bare(name: str) -> str:
    return name.removeprefix("struct ")


def _worst(grades: Any) -> Grade:  # noqa: ANN401
    found = set(grades)
    return "wrong" if "wrong" in found else "open" if "open" in found else "right"


def _expected(known: KnownVerdict, part: str) -> Names:
    names: Names = getattr(known, "crash_class" if part == "class" else part)
    return names


def _words(names: Any) -> str:  # noqa: ANN401
    listed = right(names) if names else ()
    return " or ".join("nobody" if name == OPEN else name for name in listed) or "nobody"


def _unseen(wanted: tuple[str, ...], findings: Any) -> tuple[str, ...]:  # noqa: ANN401
    facts = [fact.get("text") or "" for finding in findings for fact in finding.get("evidence") or ()]
    return tuple(each for each in wanted if not any(re.search(each, fact, re.IGNORECASE) for fact in facts))
