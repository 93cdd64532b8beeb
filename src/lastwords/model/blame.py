"""Where a bad pointer came from."""

from typing import Literal

from .oops import Struct

StepKind = Literal["fault", "load", "argument", "return-value", "constant", "spill", "unknown"]
Confidence = Literal["high", "medium", "low", "none"]


class BlameStep(Struct, frozen=True, kw_only=True):
    """One step on the way back from the fault to where the bad value came from.

    Attributes:
        kind: what happened to the value here. `fault` is the first; `spill` is a value that waited on the stack;
            `unknown` ends a way that can't be followed, and its text says why.
        function: the function, without clone suffixes; `module` its module, None for the kernel's own text.
        address: of the instruction.
        text: the step in words.
        register: that held the value after the step, or a stack slot as `[rsp+0x8]`.
        expression: where it came from, as the code has it: `[rbx+0x18]`, `find_dev()`, `0`.
        field: the same by types: `req->desc`; None where no types are known.
        object_type: the type that `field` is a member of: `struct storage_req`.
        value: that the register held, or None where it can't be told.
        checked: the registers, the stack or the memory in the dump confirm the step.
        about: `pointer` for the bad pointer's own way, `object` for that of the object which held it.
        file: source file and `line`, known only from DWARF.
    """

    kind: StepKind
    function: str
    address: int
    text: str
    module: str | None = None
    register: str | None = None
    expression: str | None = None
    field: str | None = None
    object_type: str | None = None
    value: int | None = None
    checked: bool = False
    about: Literal["pointer", "object"] = "pointer"
    file: str | None = None
    line: int | None = None


class FlippedBit(Struct, frozen=True, kw_only=True):
    """A bit of the kernel's text that differs from the vmlinux: `byte` is at `address`, `expected` what was built."""

    address: int
    function: str
    byte: int
    expected: int


class Unchecked(Struct, frozen=True, kw_only=True):
    """A call whose result nobody looks at, though it can tell of an error that leaves the bad pointer behind.

    Attributes:
        caller: the function that ignores the result, and the `address` of its call.
        callee: the function that sets the field on its way to success, and can fail before that.
        module: of both.
        error: the value that it can return, as `-ENOMEM`.
        text: the same in a sentence.
    """

    caller: str
    callee: str
    address: int
    text: str
    module: str | None = None
    error: str = ""


class Intruder(Struct, frozen=True, kw_only=True):
    """A module that left a trace beside or on an object that another module found broken.

    Attributes:
        module: its name; `symbol` its function or variable that shows it.
        address: of the neighbour, or of the variable.
        how: `neighbour`: the object right before the broken one is its own; `pointer`: it points into the broken one.
        text: the same in a sentence.
    """

    module: str
    symbol: str
    address: int
    how: Literal["neighbour", "pointer"]
    text: str


class Blame(Struct, frozen=True, kw_only=True):
    """Where the bad pointer of a fault came from.

    Attributes:
        function: where the fault happened; `module` its module, None for the kernel's own text.
        address: of the faulting instruction, or of the call through a bad function pointer.
        instruction: as the disassembler prints it.
        register: that was bad, or the operand where memory held the bad value.
        value: the bad pointer (the register's value, not the address with an offset).
        sense: what kind of value it is: `NULL`, `ERR_PTR(-12) ENOMEM`, `POISON_FREE`, ...
        fault_address: what the instruction tried to reach, where that can be told.
        accessed: what the instruction was to reach, by types: `desc->bytes`.
        steps: from the fault backwards; those about the pointer first, then those about the object that held it.
        origin: the function that let it in: it loaded, created or was handed the value; `origin_module` its module.
        object_type: of the object whose field held the bad pointer, and `field` the field; None where it came from no
            field or types are not known.
        field_offset: of that field in bytes from where the code's pointer pointed.
        alternatives: where paths differ and the dump does not tell which was taken: the others in words.
        memory: what the dump says of the memory that the pointer points to, or lies in; sentences.
        unchecked: calls in the module whose failure leaves the field unset and whose result is ignored.
        intruders: other modules that may have overwritten the object which held it.
        flipped: bits of the text around the fault that differ from the vmlinux.
        confidence: `high` where each step is certain and checked; `none` where nothing could be found out.
        text: all of it in a sentence or two.
        seconds: how long it took.
    """

    function: str
    address: int
    module: str | None = None
    instruction: str = ""
    register: str | None = None
    value: int | None = None
    sense: str = ""
    fault_address: int | None = None
    accessed: str | None = None
    steps: tuple[BlameStep, ...] = ()
    origin: str | None = None
    origin_module: str | None = None
    object_type: str | None = None
    field: str | None = None
    field_offset: int | None = None
    alternatives: tuple[str, ...] = ()
    memory: tuple[str, ...] = ()
    unchecked: tuple[Unchecked, ...] = ()
    intruders: tuple[Intruder, ...] = ()
    flipped: tuple[FlippedBit, ...] = ()
    confidence: Confidence = "none"
    text: str = ""
    seconds: float = 0.0


class CodeLine(Struct, frozen=True, kw_only=True):
    """One instruction of a listing.

    Attributes:
        address: of it; `offset` from its symbol's start.
        code: its bytes in hexadecimal.
        text: as the disassembler prints it, with the names of what it calls and reads.
        marked: the one that faulted, or the call that has not returned.
        file: source file and `line` where DWARF has them.
    """

    address: int
    offset: int
    code: str
    text: str
    marked: bool = False
    file: str | None = None
    line: int | None = None


class Listing(Struct, frozen=True, kw_only=True):
    """The code of one function: its symbol, its `module`, None for the kernel's own text, and its instructions."""

    function: str
    address: int
    module: str | None = None
    lines: tuple[CodeLine, ...] = ()
