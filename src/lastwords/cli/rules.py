"""`lastwords rules`: what the diagnosis looks for."""

import sys

import click

from .complaint import fail


def _ids(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    from lastwords.diagnosis import rules

    return [rule.id for rule in rules() if rule.id.startswith(begun)]


@click.command(
    epilog="Examples:\n\n\b\n"
    "  lastwords rules                        all of them, one a line\n"
    "  lastwords rules use-after-free         one, with why and how sure\n"
    "  lastwords rules --json | jq -r '.[].id'\n"
    "  lastwords rules --known /etc/lastwords/known      and a team's own known issues\n\n"
    "Exit status: 0 shown, 1 no such rule, 2 a file of known issues can't be read."
)
@click.argument("identifier", metavar="[ID]", required=False, shell_complete=_ids)
@click.option("--known", type=click.Path(), multiple=True, metavar="DIR", help="Also known issues of this directory.")
@click.option("--json", "as_json", is_flag=True, help="A JSON array of objects.")
def command(identifier: str | None, known: tuple[str, ...], as_json: bool) -> None:
    """Show the rules of the diagnosis: what each looks for, why, and how sure it is.

    A finding of `lastwords analyze` bears the ID of the rule that made it; those of known issues begin with `known:`.
    """
    import msgspec

    from lastwords.case.known_issues import KnownIssuesError, known_issues
    from lastwords.diagnosis import rules
    from lastwords.report.rules import all_rules, one_rule

    try:
        issues = known_issues(known)
    except KnownIssuesError as error:
        fail(str(error))
    shown = [
        {"id": rule.id, "looks_for": rule.looks_for, "why": rule.why, "sure": rule.sure, "from": rule.judge.__module__}
        for rule in sorted(rules(), key=lambda rule: rule.id)
    ]
    shown += [
        {
            "id": f"known:{issue.id}",
            "looks_for": issue.explanation,
            "why": " ".join(filter(None, (issue.fix, issue.link))),
            "sure": f"confidence {issue.confidence}",
            "from": issue.path,
        }
        for issue in issues
    ]
    if identifier is not None:
        shown = [rule for rule in shown if rule["id"] == identifier]
        if not shown:
            fail(f"no rule is called {identifier}; `lastwords rules` lists them", 1)
    if as_json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(shown), indent=2) + b"\n")
        return
    sys.stdout.write(one_rule(shown[0]) if identifier is not None else all_rules(shown))
