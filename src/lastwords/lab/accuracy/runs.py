"""Runs `lastwords analyze` on a crash, as its users do."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from lastwords.lab.cases import Case
from lastwords.lab.errors import LabError
from lastwords.lab.kernels import Kernel

from .crashes import Crash
from .judge import Form, Judgement, failed, judge

SECONDS = 300.0


def judged(case: Case, kernel: Kernel, crash: Crash, form: Form) -> Judgement:
    """Analyse a crash in a form and judge what comes out."""
    return _judged(case, kernel.name, form, _arguments(kernel, crash, form))


def judged_log(case: Case, kernel: str, log: Path) -> Judgement:
    """Analyse a recorded console log and judge what comes out."""
    return _judged(case, kernel, "log", [str(log)])


def _arguments(kernel: Kernel, crash: Crash, form: Form) -> list[str]:
    if form == "log":
        return [str(crash.log)]
    if form == "bare":
        return ["--no-debuginfo", str(crash.dump)]
    modules = ["--modules-dir", str(crash.modules)] if crash.modules else []
    return ["--vmlinux", str(kernel.debuginfo()), *modules, str(crash.dump)]


def _judged(case: Case, kernel: str, form: Form, arguments: list[str]) -> Judgement:
    if case.verdict is None:
        raise LabError(f"{case.name}: its case.toml has no [verdict]")
    try:
        found = _analysis(arguments)
    except LabError as error:
        return failed(case.name, kernel, form, str(error))
    return judge(case.name, kernel, form, case.verdict, found)


def _analysis(arguments: list[str]) -> dict[str, Any]:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "lastwords", "analyze", "--json", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise LabError(f"lastwords analyze: not done after {SECONDS:.0f} s") from error
    try:
        found = json.loads(done.stdout)
    except ValueError as error:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise LabError(f"lastwords analyze: status {done.returncode}: {said[-1] if said else 'no word'}") from error
    if not isinstance(found, dict):
        raise LabError("lastwords analyze: no JSON object")
    return found
