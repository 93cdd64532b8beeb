"""Loaded modules, and those that are gone: include/linux/module.h, kernel/module/."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import drgn
from drgn.helpers.linux.list import list_for_each_entry
from drgn.helpers.linux.module import for_each_module

from lastwords.glossary.taints import from_mask
from lastwords.model import Module, UnloadedModule

from .module_parameters import parameters
from .part import Partial, part
from .strings import decoded, one_line, text
from .walk import walk

if TYPE_CHECKING:
    from lastwords.vmcore.program import Kernel

_MOST = 10_000
_MOST_USERS = 1000
_LONGEST_NAME = 64
_STATES = ("live", "coming", "going", "unformed")
# Kinds of a module's memory that are freed once it is initialized (enum mod_mem_type, Linux 6.4).
_INIT = ("MOD_INIT_TEXT", "MOD_INIT_DATA", "MOD_INIT_RODATA")


@part("modules")
def modules(kernel: "Kernel") -> Partial:
    """All modules in the kernel's list, the one loaded last first."""
    problems: list[str] = []
    prog = kernel.prog
    build_ids = {
        module.name: module.build_id.hex()
        for module in prog.modules()
        if isinstance(module, drgn.RelocatableModule) and module.build_id
    }
    found = []
    for each in walk(for_each_module(prog), _MOST, problems, "modules"):
        try:
            found.append(_module(each, build_ids, problems))
        except Exception as failure:  # drgn raises what fits: its memory is not in the dump
            problems.append(f"module at {each.value_():#x}: {one_line(failure)}")
    return Partial(tuple(found), problems)


def _module(module: drgn.Object, build_ids: dict[str, str], problems: list[str]) -> Module:
    prog = module.prog_
    name = decoded(module.name.string_())
    address, size = _memory(module)
    return Module(
        name=name,
        address=address,
        size=size,
        version=_string(module, "version"),
        srcversion=_string(module, "srcversion"),
        taints=_letters(module.taints.value_()),
        state=_state(module.state.value_()),
        references=_references(module),
        users=_users(module, problems),
        parameters=parameters(module, problems),
        build_id=build_ids.get(name) or _build_id(prog, module),
    )


def _letters(mask: int) -> str:
    return "".join(taint.letter for taint in from_mask(mask))


def _state(number: int) -> str:
    return _STATES[number] if 0 <= number < len(_STATES) else str(number)


def _memory(module: drgn.Object) -> tuple[int | None, int | None]:
    """Where its text begins, and the bytes that it holds while it is loaded."""
    prog = module.prog_
    if module.type_.type.has_member("mem"):  # Linux 6.4
        init = {prog.constant(kind).value_() for kind in _INIT}
        text_kind = prog.constant("MOD_TEXT").value_()
        kept = [memory for kind, memory in enumerate(module.mem) if kind not in init]
        return module.mem[text_kind].base.value_(), sum(memory.size.value_() for memory in kept)
    if module.type_.type.has_member("core_layout"):  # Linux 4.5
        return module.core_layout.base.value_(), module.core_layout.size.value_()
    return module.module_core.value_(), module.core_size.value_()


def _string(module: drgn.Object, member: str) -> str | None:
    return text(module.prog_, module.member_(member).value_()) if module.type_.type.has_member(member) else None


def _references(module: drgn.Object) -> int | None:
    """Its use count; the kernel holds one reference itself (kernel/module/main.c: MODULE_REF_BASE)."""
    if not module.type_.type.has_member("refcnt"):  # CONFIG_MODULE_UNLOAD
        return None
    return max(int(module.refcnt.counter.value_()) - 1, 0)


def _users(module: drgn.Object, problems: list[str]) -> tuple[str, ...]:
    if not module.type_.type.has_member("source_list"):  # CONFIG_MODULE_UNLOAD
        return ()
    if not module.source_list.next:
        return ()  # the kernel is about to load it, and has not come to that yet
    uses = list_for_each_entry("struct module_use", module.source_list.address_of_(), "source_list")
    names: list[str] = []
    try:
        for use in walk(uses, _MOST_USERS, problems, "a module's users"):
            names.append(decoded(use.source.name.string_()))  # noqa: PERF401  # those before a damaged one count
    except Exception as failure:  # drgn raises what fits: its memory is not in the dump
        problems.append(f"users of {decoded(module.name.string_())}: {one_line(failure)}")
    return tuple(names)


def _build_id(prog: drgn.Program, module: drgn.Object) -> str | None:
    if not module.type_.type.has_member("build_id"):  # Linux 5.14 with CONFIG_STACKTRACE_BUILD_ID
        return None
    build_id = bytes(module.build_id.value_())
    return build_id.hex() if any(build_id) else None


@part("unloaded_modules")
def unloaded_modules(kernel: "Kernel") -> Partial | tuple[UnloadedModule, ...]:
    """Modules that are gone: those that tainted the kernel (since Linux 5.18), and the one unloaded last."""
    prog = kernel.prog
    problems: list[str] = []
    found: dict[str, UnloadedModule] = {}
    try:
        head = prog["unloaded_tainted_modules"].address_of_()
        listed: Iterable[drgn.Object] = list_for_each_entry("struct mod_unload_taint", head, "list")
    except LookupError:
        listed = ()
    for each in walk(listed, _MOST, problems, "unloaded modules"):
        name = decoded(each.name.string_())
        found[name] = UnloadedModule(name=name, taints=_letters(each.taints.value_()), count=int(each.count.value_()))
    last = _last_unloaded(prog)
    if last and last not in found:
        found[last] = UnloadedModule(name=last)
    return Partial(tuple(found.values()), problems)


def _last_unloaded(prog: drgn.Program) -> str | None:
    """Its name stands first in `last_unloaded_module`, which Linux 6.1 made a struct."""
    try:
        return text(prog, prog.symbol("last_unloaded_module").address, _LONGEST_NAME) or None
    except LookupError:
        return None
