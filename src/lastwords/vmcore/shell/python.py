"""Python at the prompt: drgn's names, values shown as drgn shows them, tracebacks without our own frames."""

import ast
import builtins
import code
import re
import shutil
import sys
import traceback
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any

import drgn
from drgn.cli import default_globals

_SHOWN_AS_TEXT = (
    drgn.SourceLocation,
    drgn.SourceLocationList,
    drgn.StackFrame,
    drgn.StackTrace,
    drgn.Type,
)
# What belongs to the block before: the rest of a compound statement, closing brackets.
_CONTINUED = re.compile(r"(else|elif|except|finally|case)\b|[\])}]")
_OURS = str(Path(__file__).parents[2])


def namespace(prog: drgn.Program, **more: object) -> dict[str, Any]:
    """What Python sees: what drgn's own prompt has, and more."""
    return {**default_globals(prog), **more}


def is_complete(source: str) -> bool:
    """Whether the source is whole, and not the first lines of something."""
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


def waits_for_more(source: str) -> bool:
    """Whether someone who types this is not done: an open bracket, or a block without the empty line behind it."""
    try:
        return code.compile_command(source, "<prompt>", "single") is None
    except (SyntaxError, ValueError, OverflowError):
        return False


def begins_anew(line: str) -> bool:
    """Whether a line in a script may begin a statement, as it is neither indented nor the rest of one."""
    return bool(line.strip()) and not line[0].isspace() and not _CONTINUED.match(line)


def run(source: str, names: dict[str, Any], filename: str = "<prompt>") -> bool:
    """Run Python and show the values of its expressions; False if it raised, and the traceback was printed.

    Raises:
        SystemExit: the code asks to leave.
    """
    hook = sys.displayhook
    sys.displayhook = show
    try:
        for part in _compiled(source, filename):
            exec(part, names)
    except (SystemExit, BrokenPipeError):
        raise
    except KeyboardInterrupt:
        sys.stderr.write("\nKeyboardInterrupt\n")
        return False
    except BaseException as error:
        sys.stderr.write(shortened(error))
        return False
    finally:
        sys.displayhook = hook
    return True


def _compiled(source: str, filename: str) -> list[CodeType]:
    tree = ast.parse(source, filename)
    return [compile(ast.Interactive([each]), filename, "single") for each in tree.body]


def run_file(path: Path, names: dict[str, Any]) -> bool:
    """Run a Python script; False if it failed, and the traceback was printed."""
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), {**names, "__file__": str(path)})
    except SystemExit as leaving:
        return not leaving.code
    except BrokenPipeError:
        raise
    except BaseException as error:
        sys.stderr.write(shortened(error))
        return False
    return True


def shortened(error: BaseException) -> str:
    """A traceback as Python prints it, without the frames of lastwords and drgn."""
    first = error.__traceback__
    while first is not None and _is_ours(first):
        first = first.tb_next
    report = traceback.TracebackException(type(error), error, first)
    report.stack = traceback.StackSummary.from_list([frame for frame in report.stack if not _internal(frame.filename)])
    report.__cause__ = report.__context__ = None
    return "".join(report.format())


def _is_ours(trace: TracebackType) -> bool:
    return trace.tb_frame.f_code.co_filename.startswith(_OURS)


def _internal(filename: str) -> bool:
    return (
        filename == ast.__file__ or filename.startswith(_OURS) or filename.startswith(str(Path(drgn.__file__).parent))
    )


def show(value: object) -> None:
    """Show the value of an expression; `_` keeps it."""
    if value is None:
        return
    try:
        sys.stdout.write(f"{as_text(value)}\n")
    finally:
        builtins._ = value  # type: ignore[attr-defined]


def as_text(value: object) -> str:
    """A value as drgn's prompt shows it."""
    if isinstance(value, drgn.Object):
        try:
            return str(value.format_(columns=shutil.get_terminal_size((0, 0)).columns))
        except drgn.FaultError as error:
            return f"{value!r}  # {error}"
    return str(value) if isinstance(value, _SHOWN_AS_TEXT) else repr(value)
