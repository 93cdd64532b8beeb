"""Who should have checked: calls that can fail, set a field where they do not, and whose result nobody looks at.

A field that holds NULL was never set. In the module's own code stands who sets it: a function that stores into that
offset of an object which it was given. If that function can return an error before it does, a caller that does not look
at the result is the bug. Objects are told apart by the offset alone: where many functions store at it, nothing is said.
"""

from collections.abc import Iterator

from lastwords.model import Unchecked

from .program_dump import ProgramDump
from .returned import Code, code_of, failure, ignored, sets, target_of

_MODULE_MAX = 4 << 20
"""Bytes of a module's text that are looked at."""
_SETTERS_MAX = 4
"""So many functions of a module may set a field at that offset: of more, some are of other kinds of objects."""


def unchecked(dump: ProgramDump, module: str, offset: int) -> tuple[Unchecked, ...]:
    """Calls in a module whose failure leaves a field unset, and whose result is ignored (x86-64).

    Args:
        dump: that the module is read from.
        module: its name.
        offset: of the field in its object, bytes.

    Returns:
        One for each such call, by address; nothing where the code has none, or may be about other objects.
    """
    if dump.architecture.name != "x86-64":
        return ()
    functions = list(_functions(dump, module))
    setters = {code.symbol.start: code for code in functions if sets(code, offset)}
    if len(setters) > _SETTERS_MAX:
        return ()
    errors = {start: error for start, code in setters.items() if (error := failure(dump, code, offset)) is not None}
    return tuple(
        Unchecked(
            caller=code.symbol.source_name,
            callee=setters[target].symbol.source_name,
            module=module,
            address=line.address,
            error=errors[target],
            text=f"{code.symbol.source_name}() calls {setters[target].symbol.source_name}(), which sets the field at "
            f"{offset:#x} of an object that it is given and can fail with {errors[target]} before it does, and does "
            "not look at what it returns.",
        )
        for code in functions
        for place, line in enumerate(code.lines)
        if line.mnemonic == "call" and (target := target_of(line)) in errors and ignored(dump, code, place)
    )


def _functions(dump: ProgramDump, module: str) -> Iterator[Code]:
    for start, end in dump.ranges(module):
        address = start
        while address < min(end, start + _MODULE_MAX):
            symbol = dump.symbol(address)
            if symbol is None or symbol.data or symbol.end <= address:
                address = (address + 16) & ~15
                continue
            if (code := code_of(dump, symbol)) is not None:
                yield code
            address = max(symbol.end, address + 1)
