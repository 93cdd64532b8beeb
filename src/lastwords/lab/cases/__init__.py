"""The cases: each folder here is one crash, its recipe (`case.toml`), mostly a module (`module.c`), the known answer.

To add one, add a folder; `README.md` beside this file says what stands in it.
"""

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from lastwords.lab.answers import Answer, BadPointer, Hog, Stall
from lastwords.lab.errors import LabError
from lastwords.lab.verdicts import KnownVerdict
from lastwords.model import Struct

FOLDER = Path(__file__).parent
PANIC = r"---\[ end Kernel panic.*\n"


class Provoke(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is done to the guest from outside.

    Attributes:
        when: regular expression: what the console shows when it is time.
        command: of QEMU's monitor (QMP), with its `arguments`.
    """

    when: str
    command: str
    arguments: dict[str, Any] = msgspec.field(default_factory=dict)


class Case(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One crash and how to make it.

    Attributes:
        summary: one sentence: what goes wrong.
        run: shell script that the guest runs, with the case's module at /case/NAME.ko.
        answer: what there is to be found in the log.
        answers: by kernel, where that kernel words it differently.
        blame: where the bad pointer came from, None for a crash that is not a bad pointer's.
        verdict: what a diagnosis must come to.
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
        folder: its path.
    """

    summary: str
    answer: Answer
    verdict: KnownVerdict | None = None
    run: str = ""
    answers: dict[str, Answer] = msgspec.field(default_factory=dict)
    blame: BadPointer | None = None
    stall: Stall | None = None
    memory_hog: Hog | None = None
    mistake: str | None = None
    kernels: tuple[str, ...] = ("6.1", "6.12", "backports", "5.10")
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
    folder: str = ""

    @property
    def sources(self) -> dict[str, Path]:
        """Its modules: name to source file. `module.c` is named after the folder, other files after themselves."""
        files = sorted(Path(self.folder).glob("*.c"))
        return {(self.name.replace("-", "_") if file.stem == "module" else file.stem): file for file in files}

    def known_answer(self, kernel: str) -> Answer:
        """What is to be found in this case's log on a kernel, by that kernel's short name."""
        return self.answers.get(kernel, self.answer)


def all_cases(folder: Path | None = None) -> list[Case]:
    """All cases, by name: ours, or those that somebody keeps in a folder of their own.

    Raises:
        LabError: there are none, or a recipe is wrong; says which and why.
    """
    found = [case(path.parent.name, folder) for path in sorted((folder or FOLDER).glob("*/case.toml"))]
    if not found:
        raise LabError(f"{folder}: no folders with a case.toml in it")
    return found


def case(name: str, folder: Path | None = None) -> Case:
    """One case.

    Raises:
        LabError: there is none of this name, or its recipe is wrong.
    """
    path = (folder or FOLDER) / name / "case.toml"
    if path.parent.parent != (folder or FOLDER) or not path.exists():
        raise LabError(f"no case {name}: `lastwords lab list` shows them")
    try:
        recipe = tomllib.loads(path.read_text(encoding="utf-8"))
        return msgspec.convert({**recipe, "name": name, "folder": str(path.parent)}, Case)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise LabError(f"{path}: {error}") from error
