"""Names and types from the dump's own memory: kallsyms, BTF, and what else there is."""

from collections.abc import Iterator
from functools import partial

import drgn

from .accessors import variables_in_code
from .btf_finder import BtfFinder
from .btf_types import BtfTypes
from .elf_file import build_id as build_id_of
from .exports import exported_symbols, per_cpu_symbols
from .kallsyms import KallsymsError, read_kallsyms
from .kallsyms_tables import DIGITS, Tables, named, search
from .kernel_btf import kernel_btf
from .list_heads import modules_list, slab_caches_list
from .memory import read_available
from .module_btf import module_btf
from .setup import Setup
from .unwind import create_main_module

# The size of the table of tokens, at most.
_TOKENS_MAX = 64 << 10
# Farther from its start no kernel's image extends.
_IMAGE_MAX = 128 << 20
_NOTES_MAX = 1 << 16


def load_kallsyms(setup: Setup) -> None:
    """Read the kernel's symbols; where that fails, the costs say why."""
    problem: Exception | str = "the tables are not in the dump"
    for tables in _kallsyms_tables(setup):
        try:
            setup.kallsyms = read_kallsyms(setup.prog.read, tables, setup.stext, setup.word, setup.order)
        except KallsymsError as error:
            problem = error
            continue
        place = len(setup.prog.enabled_symbol_finders())
        setup.prog.register_symbol_finder("kallsyms", setup.kallsyms.find, enable_index=place)
        return
    setup.costs.append(f"The kernel's symbol table can't be read ({problem}): addresses have no names.")


def _kallsyms_tables(setup: Setup) -> Iterator[Tables]:
    """Where the tables may be: Linux before 6.0 doesn't name them, and a name may be damaged."""
    if (tables := named(setup.vmcoreinfo.symbols)) is not None:
        yield tables
    image = setup.image
    searched = 0
    while image.grow():
        # The tables end with the one that has all digits, but so have others, such as those of character sets.
        if DIGITS.search(image.data, max(searched - _TOKENS_MAX, 0)):
            searched = len(image.data)
            image.grow()  # for the index behind the digits
            yield from search(image.data, image.start, setup.word, setup.order)
        searched = max(searched, len(image.data) - _TOKENS_MAX)


def build_id_in_memory(setup: Setup) -> bytes | None:
    """From the notes in the kernel's image: VMCOREINFO tells the build ID only since Linux 5.9."""
    if setup.kallsyms is None:
        return None
    start, end = setup.kallsyms.address("__start_notes"), setup.kallsyms.address("__stop_notes")
    if start is None or end is None or not 0 < end - start <= _NOTES_MAX:
        return None
    return build_id_of(read_available(setup.prog.read, start, end - start), setup.order)


def go_without(setup: Setup) -> None:
    """Make do with the dump's own memory."""
    prog = setup.prog
    if setup.kallsyms is None:
        load_kallsyms(setup)
    _load_btf(setup)
    if setup.types is None:
        setup.costs.append(
            "The dump has no types (BTF) of this kernel: function names and stacks of the CPUs are all there is."
        )
    else:
        finder = BtfFinder([setup.types])
        prog.register_type_finder("btf", finder.find_type, enable_index=0)
        prog.register_object_finder("btf", finder.find_object, enable_index=0)
        setup.costs.append("No debuginfo of the kernel: no source lines, local variables or inlined functions.")
    _find_variables(setup)
    create_main_module(prog, setup.build_id, _image(setup))


def _load_btf(setup: Setup) -> None:
    setup.btf = kernel_btf(setup.prog.read, partial(_address, setup.prog), setup.image, setup.order)
    if setup.btf is not None:
        setup.types = BtfTypes(setup.prog, setup.btf)


def _address(prog: drgn.Program, name: str) -> int | None:
    try:
        address: int = prog.symbol(name).address
    except LookupError:
        return None
    return address


def add_module_types(setup: Setup) -> None:
    """Make the types of modules without debuginfo known, for those that have BTF (Linux 5.11, and pahole at hand)."""
    if _address(setup.prog, "btf_modules") is None or not module_names(setup) - setup.debug_modules:
        return
    if setup.btf is None:
        _load_btf(setup)
    if setup.btf is None or setup.types is None:
        return
    try:
        found = module_btf(setup.prog, setup.btf)
    except Exception:  # the list is damaged
        return
    setup.typed_modules = set(found) - setup.debug_modules
    finder = BtfFinder([BtfTypes(setup.prog, found[name], setup.types) for name in sorted(setup.typed_modules)])
    last = len(setup.prog.enabled_type_finders())
    setup.prog.register_type_finder("module btf", finder.find_type, enable_index=last)
    last = len(setup.prog.enabled_object_finders())
    setup.prog.register_object_finder("module btf", finder.find_object, enable_index=last)


def module_names(setup: Setup) -> set[str]:
    """What the loaded modules are called."""
    return {module.name.string_().decode("ascii", "replace") for module in setup.modules}


def _find_variables(setup: Setup) -> None:
    """Where kallsyms has functions only (CONFIG_KALLSYMS_ALL=n), look for variables elsewhere."""
    kallsyms = setup.kallsyms
    if kallsyms is None or kallsyms.address("init_task") is not None:
        return
    image, start = setup.image.all(), setup.image.start
    found = exported_symbols(image, start, setup.order)
    if setup.btf is not None:
        found |= per_cpu_symbols(setup.btf, found)
    platform = setup.prog.platform
    if platform is not None and platform.arch == drgn.Architecture.AARCH64:
        found |= variables_in_code(setup.prog.read, kallsyms)
        _tell_extent(setup)
    banner = image.find(f"Linux version {setup.vmcoreinfo.release or ''} (".encode())
    if banner >= 0:
        setup.banner_at = start + banner
    # Of an array that was allocated, VMCOREINFO names the place and not the variable (`mem_section`).
    inside = range(start, start + len(image))
    kallsyms.add(found | {name: at for name, at in setup.vmcoreinfo.symbols.items() if at in inside})
    setup.costs.append(
        "The kernel's symbol table has functions only: variables that it doesn't export to modules can't be read."
    )


def _tell_extent(setup: Setup) -> None:
    """Tell drgn's helpers where memory begins and ends, which the kernel keeps in variables without a name."""
    segments = setup.dump.memory.segments
    page = setup.vmcoreinfo.page_size or 4096
    if not segments:
        return
    first, last = min(each.start for each in segments) // page, max(each.end for each in segments) // page
    extent = {"min_low_pfn": first, "max_low_pfn": last, "max_pfn": last}

    def find(prog: drgn.Program, name: str, flags: drgn.FindObjectFlags, _: str | None) -> drgn.Object | None:
        if name not in extent or drgn.FindObjectFlags.VARIABLE not in flags:
            return None
        return drgn.Object(prog, prog.int_type("unsigned long", setup.word, False), value=extent[name])

    place = len(setup.prog.enabled_object_finders())
    setup.prog.register_object_finder("extent of memory", find, enable_index=place)


def find_list_heads(setup: Setup) -> None:
    """Find the lists that kallsyms does not name, by what is in them."""
    kallsyms, image = setup.kallsyms, _image(setup)
    if kallsyms is None or image is None or setup.types is None:
        return
    for name, find in (("modules", modules_list), ("slab_caches", slab_caches_list)):
        if kallsyms.address(name) is None and (head := find(setup.prog, range(*image))) is not None:
            kallsyms.add({name: head})


def _image(setup: Setup) -> tuple[int, int] | None:
    """Where the kernel is in memory."""
    kallsyms = setup.kallsyms
    if kallsyms is None:
        return None
    end = kallsyms.address("_end")
    if end is None:
        # Not the last symbol of all: VMCOREINFO names some outside of the image.
        end = max(each for each in kallsyms.addresses if each < setup.stext + _IMAGE_MAX) + 4096
    return (setup.stext, end) if setup.stext < end else None
