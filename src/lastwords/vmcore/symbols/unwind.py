"""What drgn needs to walk stacks without debuginfo, and where a walk must end.

drgn unwinds by the ORC tables in the dump (x86-64) or by frame pointers (arm64) once it knows which addresses belong
to the kernel and to each module. All of it must be told before the first stack trace.
"""

from collections.abc import Iterator

import drgn

_KERNEL_HALF = 1 << 63


def create_modules(prog: drgn.Program, text: int, end: int) -> list[drgn.Object]:
    """Tell drgn of the kernel and its modules.

    Args:
        prog: a program with symbols and, for the modules, types.
        text: where the kernel begins in memory (`_stext`).
        end: where it ends (`_end`).

    Returns:
        The loaded modules, as `struct module *`; those after a break in their list are missing.
    """
    main = prog.main_module(name="kernel", create=True)
    main = main[0] if isinstance(main, tuple) else main
    if main.address_range is None:
        main.address_range = (text, end)
    return loaded_modules(prog)


def loaded_modules(prog: drgn.Program) -> list[drgn.Object]:
    """The loaded modules that drgn can find, as `struct module *`."""
    found = []
    modules = prog.loaded_modules()
    while True:
        try:
            module, _ = next(modules)
        except StopIteration:
            break
        except Exception:  # a list of modules that is damaged or not in the dump: keep those before
            break
        if isinstance(module, drgn.RelocatableModule):
            found.append(module.object)
    return found


def kernel_frames(trace: drgn.StackTrace) -> Iterator[drgn.StackFrame]:
    """The frames of a trace down to where the kernel was entered.

    A task that came from user space has a last frame with the registers that it entered with; it is the last one
    given. What drgn makes of the user's stack behind it is chance: on Linux 5.10 a thousand frames of 0x0. A frame
    at 0 or in the user's half of the address space within the kernel is a jump to a bad function pointer, so it is
    told apart by its stack pointer.
    """
    for number, frame in enumerate(trace):
        yield frame
        if number and _is_user(frame):
            return


def _is_user(frame: drgn.StackFrame) -> bool:
    try:
        return bool(frame.sp < _KERNEL_HALF)
    except LookupError:
        return True
