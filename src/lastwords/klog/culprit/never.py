"""Whether a function may be to blame: it is not a part of the kernel's machinery (see `machinery`)."""

import re
from functools import cache, lru_cache

from . import machinery
from .rust import demangled


@cache
def _pattern(*tables: str) -> re.Pattern[str]:
    """One pattern for whole names from tables of patterns, made when it is first needed."""
    entries = [entry for table in tables for entry in table.split()]
    return re.compile("(?:" + "|".join(entries) + ")")


_NEVER = (
    machinery.REPORTING,
    machinery.EXCEPTIONS,
    machinery.SANITIZERS,
    machinery.TRACING,
    machinery.REFERENCES,
    machinery.LOCKING,
    machinery.SCHEDULING,
    machinery.WORK_AND_TIMERS,
    machinery.MEMORY,
    machinery.COPIES_AND_LIBRARY,
    machinery.REGISTRIES,
    machinery.CRYPTO,
    machinery.RUST,
)
_PRIMITIVE = (machinery.REPORTING, machinery.TRACING, machinery.LOCKING)

# What compilers append to the name of a clone: GCC's -fipa passes, LLVM's and kallsyms' spellings.
_CLONE_SUFFIX = re.compile(
    r"\.(?:isra|constprop|part|cold|llvm|lto_priv|clone|cfi_jt|cfi|__uniq|localalias|thinlto)\b.*"
)


@lru_cache(maxsize=16384)
def plain(function: str) -> str:
    """The name a reader of the source knows: `ring_bind` for `ring_bind.constprop.0.isra.0`.

    Example:
        >>> plain("__call_rcu.constprop.76")
        '__call_rcu'
        >>> plain("_RNvNtCs9jEwPDbx20M_4core9panicking9panic_fmt")
        'core::panicking::panic_fmt'
        >>> plain(".show_stack")  # big-endian powerpc: the code of a function, as against its descriptor
        'show_stack'
    """
    return demangled(_CLONE_SUFFIX.sub("", function.removeprefix(".")) if "." in function else function)


@lru_cache(maxsize=16384)
def never_to_blame(function: str) -> bool:
    """Whether a function is machinery: reporting, locking, allocating, waiting, entering.

    Args:
        function: a plain function name, see `plain()`.
    """
    return function.startswith("0x") or _pattern(*_NEVER).fullmatch(function) is not None


@lru_cache(maxsize=16384)
def entry(function: str) -> bool:
    """Whether a function is a way into the kernel (system call, interrupt, thread): to blame as a last resort only."""
    return _pattern(machinery.ENTRY).fullmatch(function) is not None


@lru_cache(maxsize=4096)
def only_reports(function: str) -> bool:
    """Whether a function is there because of the report: it prints it, or it found or caught what went wrong."""
    tables = machinery.REPORTING, machinery.EXCEPTIONS, machinery.SANITIZERS, machinery.TRACING
    return _pattern(*tables).fullmatch(function) is not None


@lru_cache(maxsize=4096)
def lock_primitive(function: str) -> bool:
    """Whether a function only takes a lock for its caller: who holds it is to be looked for further out."""
    return _pattern(*_PRIMITIVE).fullmatch(function) is not None
