"""A kernel in a virtual machine: crash it, record what it says, dump its memory.

    from lastwords.lab import case, kernel, run

    outcome = run(case("null-field"), kernel("6.1"), Path("crash.log"), elf=Path("vmcore"))
    print(outcome.answer.title)

The kernels are Debian's own, with their own compilers and headers, from chroots of the releases they belong to
(`suite.py`, `kernels.py`). A case is a folder under `cases/`: a small module, a recipe, the known answer.
"""

from .answers import Answer, BadPointer, Hog, Stall
from .cases import Case, all_cases, case
from .errors import LabError
from .experiment import Outcome, run
from .kernels import KERNELS, Kernel, kernel
from .verdicts import KnownVerdict

__all__ = [
    "KERNELS",
    "Answer",
    "BadPointer",
    "Case",
    "Hog",
    "Kernel",
    "KnownVerdict",
    "LabError",
    "Outcome",
    "Stall",
    "all_cases",
    "case",
    "kernel",
    "run",
]
