"""Names, types and source lines from debuginfo that was found."""

import os
from pathlib import Path

import drgn

from .setup import Setup
from .unwind import create_main_module


def one_line(error: Exception) -> str:
    """What an exception says, without line breaks."""
    return " ".join(str(error).split()) or type(error).__name__


def load_kernel_debuginfo(setup: Setup, vmlinux: Path | None) -> str | None:
    """Load DWARF for the kernel itself; the path of its file, or None if there is none.

    Args:
        setup: with the build ID, if the dump tells it.
        vmlinux: the file to load. Without one, debuginfod is asked where it is configured.
    """
    main = create_main_module(setup.prog, setup.build_id)
    if vmlinux is not None:
        try:
            main.try_file(vmlinux, force=setup.build_id is None)
        except Exception as error:  # drgn raises what fits
            setup.costs.append(f"{vmlinux} can't be used: {one_line(error)}.")
    if main.wants_debug_file() and setup.build_id:
        _load(setup, _remote_finders(setup), main)
    path: str | None = main.debug_file_path
    return path


def load_module_debuginfo(setup: Setup, vmlinux: Path | None, modules_dir: Path | None) -> None:
    """Load DWARF for modules, also where there is none for the kernel: a driver's author has the driver's at least.

    Args:
        setup: with the modules created.
        vmlinux: the kernel's file; those of its modules lie in the same tree.
        modules_dir: a directory to look in first.
    """
    directories = [modules_dir] if modules_dir else []
    if vmlinux is not None:
        directories += [parent for parent in vmlinux.resolve().parents if parent.name == "debug"][:1]
    options = setup.prog.debug_info_options
    options.directories = (*map(str, directories), *options.directories)
    if modules_dir is not None:
        options.kernel_directories = (str(modules_dir), *options.kernel_directories)
    modules = [module for module in setup.prog.modules() if isinstance(module, drgn.RelocatableModule)]
    _load(setup, ["standard", *_remote_finders(setup)], *modules)
    setup.debug_modules = {module.name for module in modules if module.debug_file_path}


def _remote_finders(setup: Setup) -> list[str]:
    """Debuginfod where it is configured and this build of drgn can use it."""
    configured = bool(os.environ.get("DEBUGINFOD_URLS"))
    return ["debuginfod"] if configured and "debuginfod" in setup.prog.registered_debug_info_finders() else []


def _load(setup: Setup, finders: list[str], *modules: drgn.Module) -> None:
    """Search with these finders, and leave none enabled, so that nothing is loaded in the course of a stack trace."""
    setup.prog.set_enabled_debug_info_finders(finders)
    try:
        setup.prog.load_module_debug_info(*modules)
    except Exception as error:  # a file that is damaged; others have been loaded
        setup.costs.append(f"Debuginfo of some modules can't be used: {one_line(error)}.")
    finally:
        setup.prog.set_enabled_debug_info_finders([])
