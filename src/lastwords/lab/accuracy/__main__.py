"""`python -m lastwords.lab.accuracy`: how often lastwords is right."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec

from lastwords.lab.cases import Case, all_cases
from lastwords.lab.errors import LabError
from lastwords.lab.kernels import KERNELS, kernel

from .crashes import crash
from .judge import Form, Judgement, failed
from .runs import judged, judged_log
from .score import scores, summary, table

FORMS: tuple[Form, ...] = get_args(Form)

_EPILOG = """\
examples:
  python -m lastwords.lab.accuracy --log-only                  the recorded logs: a minute, no QEMU
  python -m lastwords.lab.accuracy                             all cases, crashed at the first time
  python -m lastwords.lab.accuracy null-field --form bare      one case, one form
  python -m lastwords.lab.accuracy --cases ~/my-cases --kernel 6.12

exit status: 0 all targets are met, 1 one is not, 2 the lab lacks something
"""


def main(arguments: list[str] | None = None) -> int:
    """Judge what is asked for, print it, and say by the exit status whether it is good enough."""
    given = _parser().parse_args(arguments)
    try:
        judgements = list(_judgements(given))
        if not judgements:
            raise LabError("nothing to judge: no case can be done on these kernels, or none is recorded")
    except (LabError, OSError) as error:
        print(f"accuracy: {error}", file=sys.stderr)
        return 2
    finally:
        _say("")
    counted = scores(judgements)
    if given.json:
        document = msgspec.json.encode({"scores": counted, "verdicts": judgements})
        print(msgspec.json.format(document, indent=2).decode())
    else:
        shown = judgements if not given.wrong else [each for each in judgements if not each.both or each.unseen]
        print(f"{table(shown)}\n{summary(counted)}", end="")
    return int(not all(score.met for score in counted))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lastwords.lab.accuracy",
        description="Analyse crashes whose cause is known, and count how often lastwords is right.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("case", nargs="*", help="names of cases; without any, all")
    parser.add_argument("--cases", type=Path, metavar="DIR", help="cases kept elsewhere, a folder each")
    parser.add_argument(
        "--kernel",
        action="append",
        choices=[*KERNELS],
        help="more than once for several; default: the first of each case, mostly 6.1",
    )
    parser.add_argument("--form", action="append", choices=FORMS, help="more than once for several; default all")
    parser.add_argument("--log-only", action="store_true", help="the recorded logs, without QEMU")
    parser.add_argument(
        "--logs", type=Path, metavar="DIR", default=Path("tests/lab/logs"), help="where KERNEL/CASE.log are"
    )
    parser.add_argument("--wrong", action="store_true", help="list only what is not as it should be")
    parser.add_argument("--json", action="store_true", help="scores and verdicts as one JSON object")
    return parser


def _judgements(given: argparse.Namespace) -> Iterator[Judgement]:
    cases = all_cases(given.cases)
    unknown = set(given.case) - {case.name for case in cases}
    if unknown:
        raise LabError(f"no case {', '.join(sorted(unknown))}")
    for case in cases:
        if given.case and case.name not in given.case:
            continue
        for name in given.kernel or case.kernels[:1]:
            if name in case.kernels:
                yield from _of_log(case, name, given.logs) if given.log_only else _of_crash(case, name, given.form)


def _of_log(case: Case, kernel_name: str, logs: Path) -> Iterator[Judgement]:
    log = logs / kernel_name / f"{case.name}.log"
    if log.exists():
        _say(f"{case.name} on {kernel_name}")
        yield judged_log(case, kernel_name, log)


def _of_crash(case: Case, kernel_name: str, forms: list[Form] | None) -> Iterator[Judgement]:
    victim = kernel(kernel_name)
    try:
        left = crash(case, victim, lambda text: _say(f"{case.name} on {kernel_name}: {text}"))
    except LabError as error:
        yield from (failed(case.name, kernel_name, form, str(error)) for form in forms or FORMS)
        return
    for form in forms or FORMS:
        _say(f"{case.name} on {kernel_name}: analysing, {form}")
        yield judged(case, victim, left, form)


def _say(text: str) -> None:
    """Progress: one line on stderr that the next one replaces, on a terminal only."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
