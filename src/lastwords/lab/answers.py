"""What there is to be found out of a case, known from its source: written by people before any tool has looked."""

from lastwords.model import Struct


class Answer(Struct, frozen=True, kw_only=True):
    """What the log tells: its first oops.

    Attributes:
        kind: the catalogue's name for it.
        title: the wording that kernel developers search for.
        function: the function to blame, None where the crash has none. For stalls and stack overflows it is the
            one through which the kernel got there, as in the titles that kernel developers use.
        module: the function's module, None for the kernel's own text.
    """

    kind: str
    title: str
    function: str | None = None
    module: str | None = None


class BadPointer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the bad pointer of a fault came from; to be found out from a dump.

    Attributes:
        origin: the function that loaded it, made it, or called the function which returned it.
        module: of the origin, where it is not the one of the function in the log's answer.
        function: that used the pointer, where the log's answer names another one; `module` is the module of both then,
            None for the kernel's own.
        sense: how the words for the kind of value begin: `NULL`, `ERR_PTR(-12)`.
        object_type: the struct whose `field` held it, which only debuginfo or a module's BTF can tell.
        offset: of that field in bytes, which the code tells.
        returned_by: the function that returned it, or how its name begins: some kernels have `vzalloc_noprof`.
        variable: the global variable that held it.
        memory: what is to be told about the memory that held it: `free`.
        line: of the module's source, from which the origin had it; None for the kernel's own.
        callers: of the function that crashed, the innermost first, as far as the module has them.
    """

    origin: str
    module: str | None = None
    function: str | None = None
    sense: str
    line: str | None = None
    object_type: str | None = None
    field: str | None = None
    offset: int | None = None
    returned_by: str | None = None
    variable: str | None = None
    memory: str | None = None
    callers: tuple[str, ...] = ()


class Stall(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who hangs where.

    Attributes:
        stack: functions that stand, in this order, on the stack of the CPU or task that hangs.
        cycle: names of the tasks that wait for each other in a circle.
        locks: what they wait for.
        owner: name of the task that holds a lock for which `waiter` waits.
    """

    stack: tuple[str, ...]
    cycle: tuple[str, ...] = ()
    locks: tuple[str, ...] = ()
    owner: str | None = None
    waiter: str | None = None


class Hog(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who ate the memory.

    Attributes:
        process: name of the largest processes.
        slab: name of the largest slab cache.
        module: that it is full of pointers to, mostly to `function`.
    """

    process: str | None = None
    slab: str | None = None
    module: str | None = None
    function: str | None = None
