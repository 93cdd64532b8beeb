"""Where a kernel source tree defines a module, and the module a function."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

_TOPS = (
    "drivers",
    "fs",
    "net",
    "sound",
    "block",
    "crypto",
    "lib",
    "security",
    "virt",
    "kernel",
    "mm",
    "arch",
    "samples",
)
"""Directories of the tree that have modules, those with most of them first."""
_MOST_MAKEFILES = 20_000
"""A tree has three thousand."""
_LARGEST = 4 << 20
"""Bytes of a file that is looked at: headers of registers apart, none is larger."""
_MOST_FILES = 2000
"""Files of one module that are looked at."""
_NAME = re.compile(r"\w{1,120}\Z", re.ASCII)


def directory_of(tree: Path, module: str) -> str | None:
    """The directory in which a module is built, by the tree's makefiles; None where none or several build it.

    Args:
        tree: the source tree.
        module: its name as the kernel gives it: `e1000e`, `snd_hda_intel`.

    Returns:
        The path in the tree: `drivers/net/ethernet/intel/e1000e`.
    """
    if _NAME.match(module) is None:
        return None
    found = {folder for folder, text in _makefiles(tree) if _builds(text, module)}
    return found.pop() if len(found) == 1 else None


def _builds(makefile: bytes, module: str) -> bool:
    """Whether a makefile has the module among the objects of a line as `obj-$(CONFIG_E1000E) += e1000e.o`."""
    wanted = f"{module}.o".encode()
    for line in makefile.replace(b"\\\n", b" ").split(b"\n"):
        if line.startswith(b"obj-"):
            objects = line.partition(b"=")[2].partition(b"#")[0].split()
            # In names of modules, the kernel makes an underscore of each dash.
            if any(name.rpartition(b"/")[2].replace(b"-", b"_") == wanted for name in objects):
                return True
    return False


def _makefiles(tree: Path) -> Iterator[tuple[str, bytes]]:
    """The makefiles of a tree, each with the directory that it stands in."""
    seen = 0
    for top in _TOPS:
        for folder, _folders, files in os.walk(tree / top):
            for name in {"Makefile", "Kbuild"} & set(files):
                seen += 1
                if seen > _MOST_MAKEFILES:
                    return
                yield os.path.relpath(folder, tree), _text(Path(folder, name))


def definition(directory: Path, function: str) -> str | None:
    """The file that defines a function, by the kernel's way to write C; None where none or several do.

    Args:
        directory: of a module, looked through with all below it.
        function: the symbol; what GCC put behind its name (`.isra.0`) does not count.

    Returns:
        The path in the directory.
    """
    name = function.partition(".")[0]
    if _NAME.match(name) is None:
        return None
    # The name stands on the line of the type or begins the next one; behind a declaration's bracket stands a semicolon.
    begins = re.compile(
        rf"^(?:[A-Za-z_][\w \t*]{{0,160}}[ \t*])?{name}\((?![^;{{}}]{{0,1000}};)".encode(), re.MULTILINE
    )
    found = []
    for seen, path in enumerate(sorted(directory.rglob("*.c"))):
        if seen >= _MOST_FILES:
            return None
        text = _text(path)
        if name.encode() in text and begins.search(text) is not None:
            found.append(str(path.relative_to(directory)))
    return found[0] if len(found) == 1 else None


def _text(path: Path) -> bytes:
    """A file's contents; nothing where it is no regular file, can't be read, or is too large."""
    try:
        return path.read_bytes() if path.is_file() and path.stat().st_size <= _LARGEST else b""
    except OSError:
        return b""
