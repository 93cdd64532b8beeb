"""What is found by itself: rules, checks, collectors, steps, parts of a machine, commands of the shell.

Each of them is one function with a decorator that registers it. So all there is to find are modules to import: those of
a package of ours, and those that other packages name in an entry point
(https://packaging.python.org/specifications/entry-points/).
"""

import os
import pkgutil
import sys
from importlib import import_module
from importlib.machinery import PathFinder
from pathlib import Path
from typing import NamedTuple

_LONGEST_REASON = 300


class BrokenModule(ImportError):
    """A module of ours can't be imported; the text says which, why and where. `lastwords` ends with that one line."""


class BrokenPlugin(NamedTuple):
    """An entry point that can't be loaded: its name, and the reason in one line."""

    name: str
    reason: str


def discover(package: str, group: str = "") -> list[BrokenPlugin]:
    """Import all modules of a package of ours, then what the entry points of a group name.

    Args:
        package: its full name.
        group: of the entry points, as `lastwords.rules`; without one, none are looked for.

    Returns:
        The entry points that can't be loaded: they cost nothing else.

    Raises:
        BrokenModule: one of ours can't be imported.
    """
    for module in pkgutil.iter_modules(import_module(package).__path__, f"{package}."):
        try:
            import_module(module.name)
        except Exception as error:
            text = f"{module.name} can't be imported: {_one_line(error)}{_place(error)}"
            raise BrokenModule(text, name=getattr(error, "name", None)) from error
    return _load(group) if group and _may_exist(group) else []


def _load(group: str) -> list[BrokenPlugin]:
    from importlib.metadata import entry_points

    try:
        points = entry_points(group=group)
    except Exception as error:  # some package's entry_points.txt is no such file
        return [BrokenPlugin("entry points", _one_line(error))]
    broken = []
    for point in points:
        try:
            point.load()
        except (Exception, SystemExit) as error:  # somebody else's code
            broken.append(BrokenPlugin(point.name, _one_line(error)))
    return broken


def _may_exist(group: str) -> bool:
    """Whether a package that is installed may have entry points of that group.

    A look for the words takes 1 ms. importlib.metadata takes 25, mostly to be imported, and mostly in vain.
    """
    if any(hasattr(finder, "find_distributions") for finder in sys.meta_path if finder is not PathFinder):
        return True
    words = f"[{group}]".encode()
    for folder in sys.path:
        try:
            with os.scandir(folder or ".") as entries:
                packages = [one.path for one in entries if one.name.lower().endswith(("dist-info", "egg-info"))]
        except NotADirectoryError:  # a zip file
            return True
        except OSError:
            continue
        if any(words in _entry_points(package) for package in packages):
            return True
    return False


def _entry_points(package: str) -> bytes:
    try:
        return Path(package, "entry_points.txt").read_bytes()
    except OSError:  # most have none
        return b""


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:_LONGEST_REASON]


def _place(error: BaseException) -> str:
    """The line that failed, where the error does not tell it itself."""
    if isinstance(error, SyntaxError):
        return ""
    import traceback

    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith("<"):
            return f" ({frame.filename}, line {frame.lineno})"
    return ""
