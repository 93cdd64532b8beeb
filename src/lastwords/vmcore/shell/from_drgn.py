"""Commands of crash's that drgn has: its own command set, called by crash's names, with what it lacks made good.

drgn's modules for this begin with an underscore: where a later drgn has moved them, these commands are missing, and
the others stay.
"""

import contextlib
import getopt
import importlib
import io
import re
import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import drgn

from .command import CommandError
from .expressions import evaluate

if TYPE_CHECKING:
    from .shell import Shell

# Of no use here: they leave, or talk to the user by themselves.
_NOT_TAKEN = frozenset({"*", "!", "exit", "q", "quit", "help", "drgn", "sh"})
# A word that stands for an address: `jiffies+8`, `&init_task`, `(init_task + 0x10)`.
_ADDRESS = re.compile(r"([A-Za-z_]\w*)[+-](?:0x)?[0-9a-fA-F]+|&[A-Za-z_][\w.\[\]>-]*|\(.*\)")
_OF_A_TASK = frozenset({"files", "sig", "task", "vm"})
_OFFSET = re.compile(r"[A-Za-z_]\w*\.[\w.]+|\d{1,5}|0x[0-9a-f]{1,4}")
_AREAS = frozenset({"-K", "-V", "-M", "-k"})


def load(prog: drgn.Program) -> dict[str, str]:
    """The commands that drgn has for this program: summary by name."""
    try:
        importlib.import_module("drgn.commands._crash")
        common = importlib.import_module("drgn.commands._crash.common")
        enabled = common.CRASH_COMMAND_NAMESPACE.enabled(prog)
        return {name: found.description() for name, found in enabled if name not in _NOT_TAKEN}
    except (ImportError, AttributeError):  # another version of drgn
        return {}


def _namespace() -> Any:  # noqa: ANN401
    return importlib.import_module("drgn.commands._crash.common").CRASH_COMMAND_NAMESPACE


def run(shell: "Shell", name: str, words: Sequence[str]) -> None:
    """Run one, with crash's ways of writing its arguments turned into drgn's."""
    words = [_address(shell.prog, word) for word in words]
    if name in _OF_A_TASK and all(word.startswith("-") for word in words):
        _ = shell.task  # says what is wrong where none is set
    if (change := _CHANGES.get(name)) is not None:
        words = change(shell, words)
    _call(lambda: _namespace().run(shell.prog, f"{name} {shlex.join(words)}", globals=shell.variables))


def run_own(shell: "Shell", line: str) -> None:
    """Run a command of drgn's own prompt, which begin with `%` there."""
    from drgn.commands import run_command

    _call(lambda: run_command(shell.prog, line, globals=shell.variables))


def _call(function: Callable[[], object]) -> None:
    """Call it, and tell what argparse prints and raises in one line."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            function()
    except SystemExit:
        raise CommandError(_last(said.getvalue()) or "not done") from None
    except Exception as error:
        if type(error).__module__ != "drgn.commands":
            raise
        text = str(error) or _last(said.getvalue())
        # drgn's name for `struct` and `union` together is `*`.
        raise CommandError(re.sub(r"^\*: ", "struct: ", text).replace(": error:", ":")) from None
    if said.getvalue():
        raise CommandError(_last(said.getvalue()))


def _last(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]


def help_of(name: str) -> str:
    """What `help NAME` prints of one of drgn's."""
    for each, found in _namespace()._commands.items():
        if each == name:
            return f"usage: {found.format_usage()}\n\n{found.format_help()}"
    raise CommandError(f"{name}: no such command")


def find_type(prog: drgn.Program, name: str) -> drgn.Type | None:
    """A struct, union or typedef of one by its bare name."""
    for kind in ("struct ", "union ", ""):
        try:
            found = prog.type(kind + name)
        except (LookupError, SyntaxError):
            continue
        if kind or found.unaliased().kind in (drgn.TypeKind.STRUCT, drgn.TypeKind.UNION):
            return found
    return None


def _address(prog: drgn.Program, word: str) -> str:
    match = _ADDRESS.fullmatch(word)
    if match is None or (match[1] and not _is_known(prog, match[1])):  # kmalloc-64 is the name of a cache
        return word
    value = evaluate(prog, word, hexadecimal=True)
    number = value.value_()
    return f"{number & (1 << 64) - 1:x}" if isinstance(number, int) else word


def _is_known(prog: drgn.Program, name: str) -> bool:
    try:
        prog.symbol(name)
    except LookupError:
        return False
    return True


def _start_behind_offset(shell: "Shell", words: list[str]) -> list[str]:
    """`list TYPE.member -h START` as drgn wants it: `list -h -o TYPE.member START`."""
    options, rest = _parted(words, "o:s:S:l:O:e:HhrxdB")
    kept = [(option, value) for option, value in options if option != "-B"]
    if len(rest) == 2 and not any(option == "-o" for option, _ in kept):
        place = next((at for at, word in enumerate(rest) if _OFFSET.fullmatch(word)), 0)
        kept.append(("-o", rest.pop(place)))
    return [*_joined(kept), *(_place(shell.prog, word) for word in rest)]


def _member_as_address(shell: "Shell", words: list[str]) -> list[str]:
    """`rd init_task.comm`."""
    return [_place(shell.prog, word) for word in words]


def _object_behind_type(shell: "Shell", words: list[str]) -> list[str]:
    """`struct list_head init_task.tasks`; the type, and the member behind -l, stay what they are."""
    options, rest = _parted(words, "l:c:xd")
    return [*_joined(options), *rest[:1], *(_place(shell.prog, word) for word in rest[1:])]


def _place(prog: drgn.Program, word: str) -> str:
    """The address of a variable's member, which drgn takes for a type's member."""
    if "." in word and word.partition(".")[0] in prog:
        return f"{evaluate(prog, f'&{word}').value_():x}"
    return word


def _parted(words: list[str], letters: str) -> tuple[list[tuple[str, str]], list[str]]:
    try:
        return getopt.gnu_getopt(words, letters)
    except getopt.GetoptError as error:
        raise CommandError(str(error)) from None


def _joined(options: Sequence[tuple[str, str]]) -> list[str]:
    renamed = {"-S": "-s"}
    return [word for option, value in options for word in (renamed.get(option, option), value) if word]


def _symbols_as_addresses(shell: "Shell", words: list[str]) -> list[str]:
    """`vtop` and `ptov` take symbols too."""
    changed = []
    for word in words:
        if re.fullmatch(r"[A-Za-z_]\w*", word) and not re.fullmatch(r"[0-9a-fA-F]+", word):
            with contextlib.suppress(LookupError):
                word = f"{shell.prog.symbol(word).address:x}"
        changed.append(word)
    return changed


def _without_kernel_areas(shell: "Shell", words: list[str]) -> list[str]:
    """`search -k` and its like name parts of the kernel's memory; all of it is searched here."""
    return [word for word in words if word not in _AREAS]


_CHANGES: dict[str, Callable[["Shell", list[str]], list[str]]] = {
    "*": _object_behind_type,
    "list": _start_behind_offset,
    "rd": _member_as_address,
    "search": _without_kernel_areas,
    "vtop": _symbols_as_addresses,
}
