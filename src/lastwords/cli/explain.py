"""`lastwords explain`: a term of a crash report, or a value in it, in plain words."""

import sys
from collections.abc import Callable

import click


def _terms(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """For the shell's completion: what it can complete without quotes."""
    from lastwords.glossary.book import subjects

    names = (name for one in subjects() for name in (one.name, *(n for t in one.terms for n in (t.name, *t.aliases))))
    plain = (name for name in dict.fromkeys(names) if name.replace("-", "").replace("_", "").isalnum())
    return [name for name in plain if name.lower().startswith(begun.lower())]


@click.command(
    epilog="Examples:\n\n\b\n"
    "  lastwords explain RIP\n"
    "  lastwords explain 'not syncing'\n"
    "  lastwords explain 'Tainted: G        W  OE'\n"
    "  lastwords explain taint 4609                  /proc/sys/kernel/tainted\n"
    "  lastwords explain 'Oops: 0002'                a page fault's error code\n"
    "  lastwords explain -12 0xfffffffffffffff4      error numbers\n"
    "  lastwords explain dead000000000122            poison, and other telling values\n"
    "  lastwords explain registers                   all terms of a subject\n\n"
    "Exit status: 0 explained, 1 a term is not known.",
    context_settings={"ignore_unknown_options": True, "help_option_names": ["-h", "--help"]},
)
@click.argument("terms", nargs=-1, metavar="[TERM...]", type=click.UNPROCESSED, shell_complete=_terms)
@click.option("--json", "as_json", is_flag=True, help="One JSON object: what was asked, and what was found.")
@click.option("--list", "list_all", is_flag=True, help="All terms, one a line: subject, term, what it is.")
def command(terms: tuple[str, ...], as_json: bool, list_all: bool) -> None:
    """Explain terms of a crash report: taint flags, registers, messages, codes, poison values.

    A value is decoded, and a whole line pasted from a log is explained with its values. Without a TERM, the
    subjects are listed.
    """
    from lastwords.glossary.book import subjects
    from lastwords.glossary.explain import explain, near_misses, subject
    from lastwords.glossary.term import Explanation
    from lastwords.report import explained
    from lastwords.report.escape import printable

    if list_all or not terms:
        text = explained.subjects_json(subjects()) if as_json else ""
        text = text or (explained.all_terms(subjects()) if list_all else explained.all_subjects(subjects()))
        sys.stdout.write(text)
        return
    questions = _questions(
        terms, lambda question: bool(explain(question, exactly=True)) or subject(question) is not None
    )
    answers: dict[str, tuple[Explanation, ...]] = {}
    unknown = False
    for question in questions:
        one = subject(question)
        answers[question] = explain(question)
        if one is not None and not as_json:
            sys.stdout.write(explained.one_subject(one))
        elif not answers[question] and one is None:
            unknown = True
            near = near_misses(question)
            hint = f"; did you mean {', '.join(near)}?" if near else "; `lastwords explain` lists the subjects"
            click.echo(f"lastwords: {printable(question)[:200]}: not in the glossary{hint}", err=True)
    if as_json:
        sys.stdout.write(explained.answers_json(answers))
    else:
        sys.stdout.write(explained.text(answers))
    sys.exit(int(unknown))


def _questions(terms: tuple[str, ...], known: Callable[[str], bool]) -> tuple[str, ...]:
    """`explain not syncing` is one term of two words, `explain RIP CR2` two terms."""
    whole = " ".join(terms)
    return terms if len(terms) > 1 and all(known(term) for term in terms) and not known(whole) else (whole,)
