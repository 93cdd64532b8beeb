"""How a function is called in a title: system calls and primitives that have several names for one thing."""

import re
from typing import NamedTuple


class Named(NamedTuple):
    """A function's name for titles, and the other names under which the same crash is known."""

    name: str
    others: tuple[str, ...] = ()


# A wrapper that the syscall macros generate around the function that a developer wrote (`SYSCALL_DEFINEn()`).
_PREFIXES = (
    (re.compile(r"__(?:x64|ia32|arm64|riscv|s390x?|powerpc|loongarch)_(?:compat_)?sys_"), "sys_"),
    (re.compile(r"(?:compat_SyS_|compat_sys_|SyS_|SYSC_|ksys_|sys_)(?=\w)"), ""),
    (re.compile(r"__(?:se|do)_(?:compat_)?sys_"), ""),
)

# Variants of one primitive, where which one it was says nothing about the bug.
_PRIMITIVES = (
    (re.compile(r"(?:__)?synchronize_(?:s?rcu|sched|rcu_\w+)(?:_\w+)?"), "synchronize_rcu"),
    (re.compile(r"smp_call_function(?:_\w+)?|on_each_cpu(?:_\w+)?|generic_exec_single"), "smp_call_function"),
)


def named(function: str) -> Named:
    """The name for titles.

    Example:
        >>> named("__x64_sys_rmdir").name
        'sys_rmdir'
    """
    for pattern, name in _PRIMITIVES:
        if pattern.fullmatch(function):
            return Named(name) if name == function else Named(name, (function,))
    for pattern, replacement in _PREFIXES:
        match = pattern.match(function)
        if match is not None:
            return Named(replacement + function[match.end() :], (function,))
    return Named(function)
