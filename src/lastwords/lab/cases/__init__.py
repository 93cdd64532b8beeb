"""The cases: each folder here is one crash, its recipe (`case.toml`), mostly a module (`module.c`), the known answer.

To add one, add a folder; `README.md` beside this file says what stands in it.
"""

import tomllib
from pathlib import Path

import msgspec

from lastwords.lab.answers import Answer, BadPointer, Hog, Stall
from lastwords.lab.errors import LabError
from lastwords.model import Struct

FOLDER = Path(__file__).parent
PANIC = r"---\[ end Kernel panic.*\n"


class Provoke(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is done to the guest from outside.

    Attributes:
        when: regular expression: what the console shows when it is time.
        command: of QEMU's monitor (QMP).
    """

    when: str
    command: str


class Case(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One crash and how to make it.

    Attributes:
        summary: one sentence: what goes wrong.
        run: shell script that the guest runs, with the case's module at /case/NAME.ko.
        answer: what there is to be found in the log.
        answers: by kernel, where that kernel words it differently.
        blame: where the bad pointer came from, None for a crash that is not a bad pointer's.
        stall: who hangs where, and `memory_hog` who ate the memory; None where that is not the trouble.
        mistake: the function of the module whose source is wrong: often not the one that crashes.
        kernels: those that can be crashed so.
        append: kernel parameters.
        modules: the kernel's own modules to load first; `programs` are Debian's that the guest needs.
        devices: further arguments for QEMU.
        provoke: what is done to the guest from outside, or None.
        memory: MiB.
        initramfs: False for a guest without one.
        until: regular expression: what the console shows when it is over.
        timeout: seconds until then, at most, under emulation.
        name: the folder's name.
    """

    summary: str
    answer: Answer
    run: str = ""
    answers: dict[str, Answer] = msgspec.field(default_factory=dict)
    blame: BadPointer | None = None
    stall: Stall | None = None
    memory_hog: Hog | None = None
    mistake: str | None = None
    kernels: tuple[str, ...] = ("6.1", "6.12", "5.10")
    append: str = ""
    modules: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    provoke: Provoke | None = None
    memory: int = 256
    initramfs: bool = True
    until: str = PANIC
    timeout: float = 60.0
    name: str = ""

    @property
    def source(self) -> Path | None:
        """The module's source, or None where the crash needs none of ours."""
        path = FOLDER / self.name / "module.c"
        return path if path.exists() else None

    @property
    def module(self) -> str:
        """The module's name."""
        return self.name.replace("-", "_")

    def known_answer(self, kernel: str) -> Answer:
        """What is to be found in this case's log on a kernel, by that kernel's short name."""
        return self.answers.get(kernel, self.answer)


def all_cases() -> list[Case]:
    """All cases, by name.

    Raises:
        LabError: a recipe is wrong; says which and why.
    """
    return [case(path.parent.name) for path in sorted(FOLDER.glob("*/case.toml"))]


def case(name: str) -> Case:
    """One case.

    Raises:
        LabError: there is none of this name, or its recipe is wrong.
    """
    path = FOLDER / name / "case.toml"
    if path.parent.parent != FOLDER or not path.exists():
        raise LabError(f"no case {name}: `lastwords lab list` shows them")
    try:
        recipe = tomllib.loads(path.read_text(encoding="utf-8"))
        return msgspec.convert({**recipe, "name": name}, Case)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise LabError(f"{path}: {error}") from error
