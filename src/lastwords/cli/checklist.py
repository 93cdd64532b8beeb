"""`lastwords checklist`: what is to be done after a crash, and what has been."""

import shlex
import sys
from typing import TYPE_CHECKING, cast

import click

from .case_options import cases_option, named, opened, say, say_json
from .complaint import complain
from .progress import activity

if TYPE_CHECKING:
    from lastwords.case.directory import CaseDirectory
    from lastwords.model import Analysis, Checklist, Phase


@click.command(
    epilog="Examples:\n\n\b\n"
    "  lastwords checklist 20241124-0538-db7\n"
    "  lastwords checklist 20241124-0538-db7 --phase immediate\n"
    "  lastwords checklist 20241124-0538-db7 --run\n"
    "  lastwords checklist 20241124-0538-db7 --done service-restored --note 'failed over to db8'\n"
    "  lastwords checklist 20241124-0538-db7 --skip fix-tested --why 'the DIMM is replaced'\n"
    "  lastwords checklist 20241124-0538-db7 --markdown | lp\n\n"
    "Exit status: 0 all steps are done or left out, 1 some are open or failed, 2 an error."
)
@click.argument("name", metavar="CASE")
@click.option("--phase", type=click.Choice(["immediate", "post-mortem"]), help="Only the steps of this phase.")
@click.option("--run", is_flag=True, help="Run the steps that can be run, and keep what came of them.")
@click.option("--done", metavar="STEP", help="You did it; say what came of it with --note.")
@click.option("--fail", "failed", metavar="STEP", help="You tried and it did not work; say why with --note.")
@click.option("--skip", metavar="STEP", help="It is not needed; say why with --why.")
@click.option("--note", default="", metavar="TEXT", help="Goes with --done or --fail.")
@click.option("--why", default="", metavar="TEXT", help="Goes with --skip.")
@click.option("--markdown", is_flag=True, help="A document to print, with boxes to tick.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@cases_option
def command(
    name: str,
    phase: str | None,
    run: bool,
    done: str | None,
    failed: str | None,
    skip: str | None,
    note: str,
    why: str,
    markdown: bool,
    as_json: bool,
    cases: str | None,
) -> None:
    """Walk through what is to be done after a crash, and keep what became of each step.

    Steps that lastwords can perform or prove by itself are done with --run; of the others it says what to do, and you
    say what came of it. Who did it and when is kept in the case, and the time to evidence, to restore and to cause come
    out of it.
    """
    from lastwords.case.checklist import of_phase, read_checklist, step_named
    from lastwords.case.steps import Outcome
    from lastwords.case.walk import mark, run_steps

    if sum(each is not None for each in (done, failed, skip)) > 1:
        raise click.UsageError("one of --done, --fail and --skip at a time")
    if skip is not None and not why:
        raise click.UsageError("--skip wants a reason: --why TEXT")
    if failed is not None and not note:
        raise click.UsageError("--fail wants to know what went wrong: --note TEXT")
    chosen = cast("Phase | None", phase)
    said: dict[str, str] = {}
    with opened(name, cases) as case:
        if done is not None:
            mark(case, step_named(done), Outcome("done", note))
        if failed is not None:
            mark(case, step_named(failed), Outcome("failed", note))
        if skip is not None:
            mark(case, step_named(skip), Outcome("skipped", why))
        if run:
            with activity() as tell:
                outcomes = run_steps(case, of_phase(read_checklist(case), chosen).steps, _analyze, tell)
            said = {step.id: outcome.note for step, outcome in outcomes}
        checklist = of_phase(read_checklist(case), chosen)
        _show(case, checklist, said, markdown=markdown, as_json=as_json)
    sys.exit(int(any(status.state in ("open", "failed") for status in checklist.steps)))


def _show(
    case: "CaseDirectory", checklist: "Checklist", said: dict[str, str], *, markdown: bool, as_json: bool
) -> None:
    from lastwords.case.evidence import manifest_of
    from lastwords.report.checklist import checklist_lines, checklist_markdown, command_of

    if as_json:
        say_json(checklist)
        return
    dumps = [item.path for item in manifest_of(case) if item.kind == "dump" and item.state == "taken" and item.path]
    dump = shlex.quote(str(case.evidence / dumps[0])) if dumps else None
    typed = {s.step.id: command_of(s.step, shlex.quote(named(case)), dump) for s in checklist.steps}
    commands = {step: text for step, text in typed.items() if text is not None}
    if markdown:
        say(checklist_markdown(checklist, commands))
    else:
        say(checklist_lines(checklist, commands, said, shlex.quote(named(case))))


def _analyze(case: "CaseDirectory") -> "Analysis":
    from lastwords.case.keep import analyze_case

    analysis = analyze_case(case)
    for error in analysis.errors:
        complain(error)
    return analysis
