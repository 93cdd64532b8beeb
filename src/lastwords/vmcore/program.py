"""A dump, opened in drgn with whatever names and types there are for it."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import drgn
from drgn.helpers.linux.sched import task_cpu

from lastwords.model import Symbols

from .formats import OpenDump
from .source import SourceError, open_source, program_of, registers_of_cpus
from .symbols.btf import Btf
from .symbols.btf_finder import BtfFinder
from .symbols.btf_types import BtfTypes
from .symbols.debuginfo import Found, find_vmlinux
from .symbols.elf_file import build_id as build_id_of
from .symbols.exports import exported_symbols, per_cpu_symbols
from .symbols.kallsyms import Kallsyms, KallsymsError, read_kallsyms
from .symbols.kallsyms_tables import DIGITS, Tables, named, search
from .symbols.kernel_btf import kernel_btf
from .symbols.memory import KernelImage, read_available
from .symbols.module_btf import module_btf
from .symbols.module_kallsyms import module_symbols
from .symbols.module_list import modules_list
from .symbols.packages import debuginfo_packages
from .symbols.rebuild import rebuild_vmlinux
from .symbols.unwind import create_main_module, kernel_frames, loaded_modules, trace_of_registers
from .symbols.vmcoreinfo import Vmcoreinfo, parse_vmcoreinfo

# The size of the table of tokens, at most.
_DIGITS = 64 << 10
# Farther from its start no kernel's image extends.
_IMAGE_MAX = 128 << 20
_NOTES_MAX = 1 << 16


class OpenError(Exception):
    """A dump, or the vmlinux given for it, that can't be used: one line that says why and what to do."""


@dataclass(frozen=True)
class Kernel:
    """A kernel in a dump.

    Attributes:
        prog: what drgn knows of it; its helpers work on it.
        symbols: where names and types come from, for the report.
        vmcoreinfo: what the kernel says of itself.
        modules: the loaded modules, `struct module *`.
        kallsyms: the kernel's own symbols; None where debuginfo made them unnecessary, or they can't be read.
        btf: the kernel's types, None likewise.
        module_symbols: the symbols of modules without debuginfo.
        dump: the file behind it; None for one that drgn opened alone.
    """

    prog: drgn.Program
    symbols: Symbols
    vmcoreinfo: Vmcoreinfo
    modules: tuple[drgn.Object, ...] = ()
    kallsyms: Kallsyms | None = None
    btf: Btf | None = None
    module_symbols: tuple[drgn.Symbol, ...] = ()
    dump: OpenDump | None = None
    _named: dict[tuple[int, bool], bool] = field(default_factory=dict, repr=False)

    def frames(self, thread: drgn.Object | drgn.Thread) -> Iterator[drgn.StackFrame]:
        """The frames of a task down to where it entered the kernel."""
        if isinstance(thread, drgn.Thread):
            return kernel_frames(thread.stack_trace(), self._named)
        try:
            trace = self.prog.stack_trace(thread)
        except ValueError:
            # It ran on a CPU. drgn finds that one's registers only in files that it opened itself.
            registers = self._registers_of(thread)
            if registers is None:
                raise
            return self.register_frames(registers)
        return kernel_frames(trace, self._named)

    def _registers_of(self, task: drgn.Object) -> bytes | None:
        """Of the CPU that a task ran on."""
        known = registers_of_cpus(self.dump) if self.dump is not None and self.dump.dump.drgn.path is None else ()
        number = task_cpu(task)
        return known[number] if number < len(known) else None

    def register_frames(self, registers: bytes) -> Iterator[drgn.StackFrame]:
        """The frames of a CPU by its registers (`pr_reg` of NT_PRSTATUS): works without types too."""
        return kernel_frames(trace_of_registers(self.prog, registers))

    def write_vmlinux(self, path: Path) -> int:
        """Write an ELF file with the symbols, text, ORC tables and BTF in the dump; returns the number of symbols.

        Raises:
            OpenError: the dump's symbols can't be read, or the file can't be written.
        """
        if self.kallsyms is None:
            raise OpenError("the dump's symbol table was not read, so there is nothing to write")
        try:
            return rebuild_vmlinux(
                self.prog, path, self.kallsyms, self.modules, self.module_symbols, _bytes(self.symbols.build_id)
            )
        except KeyError as error:
            raise OpenError(f"can't write ELF files for {error}") from None
        except OSError as error:
            raise OpenError(f"{path}: {error.strerror or error}") from None


@dataclass
class _Setup:
    """What becomes known of a dump while it is being opened."""

    prog: drgn.Program
    dump: OpenDump
    vmcoreinfo: Vmcoreinfo
    word: int
    order: str
    stext: int
    image: KernelImage
    build_id: bytes | None = None
    banner_at: int | None = None
    kallsyms: Kallsyms | None = None
    btf: Btf | None = None
    modules: list[drgn.Object] = field(default_factory=list)
    costs: list[str] = field(default_factory=list)
    debug_modules: set[str] = field(default_factory=set)
    typed_modules: set[str] = field(default_factory=set)
    module_symbols: list[drgn.Symbol] = field(default_factory=list)


def open_program(
    path: Path,
    *,
    vmcoreinfo: bytes | None = None,
    vmlinux: Path | None = None,
    modules_dir: Path | None = None,
    debuginfo: bool = True,
    dump: OpenDump | None = None,
) -> Kernel:
    """Open a dump, with debuginfo where there is some, else with the symbols and types in the dump's own memory.

    Args:
        path: of the dump, in any format; of a split one, the first file.
        vmcoreinfo: to use in place of the dump's own, or where it has none.
        vmlinux: the file with debuginfo, or a directory to look for it in.
        modules_dir: a directory with the debuginfo of modules.
        debuginfo: False to look for none at all.
        dump: the file or files, opened already.

    Raises:
        OpenError: drgn can't read the dump, or `vmlinux` is not of this kernel.
    """
    began = time.monotonic()
    setup = _open(path, vmcoreinfo, dump)
    prog, release = setup.prog, setup.vmcoreinfo.release
    setup.build_id = setup.vmcoreinfo.build_id
    if setup.build_id is None or not debuginfo:
        _load_kallsyms(setup)
        setup.build_id = setup.build_id or _build_id_in_memory(setup)
    found = Found(None, ())
    if debuginfo:
        directories = (modules_dir,) if modules_dir else ()
        found = find_vmlinux(release, setup.build_id, given=vmlinux, directories=directories, dump=path)
        if vmlinux is not None and found.path is None:
            reason = "; ".join(f"{each.path} {each.reason}" for each in found.refused)
            raise OpenError(reason or f"{vmlinux}: there is no vmlinux of {release} in it")
    used = _load_debuginfo(setup, found.path, modules_dir) if debuginfo else None
    if used is None:
        _go_without(setup)
    _name_modules(setup)
    banner = _banner(setup)
    packages = debuginfo_packages(release, banner)
    names = {module.name.string_().decode("ascii", "replace") for module in setup.modules}
    symbols = Symbols(
        source="dwarf" if used else "btf" if setup.btf else "kallsyms" if setup.kallsyms else "none",
        release=release,
        banner=banner,
        build_id=setup.build_id.hex() if setup.build_id else None,
        vmlinux=used,
        module_debuginfo=tuple(sorted(names & setup.debug_modules)),
        module_types=tuple(sorted((names & setup.typed_modules) - setup.debug_modules)),
        module_names=tuple(sorted(names - setup.debug_modules - setup.typed_modules)),
        costs=tuple(setup.costs),
        refused=found.refused,
        distribution=packages.distribution,
        commands=() if used else packages.commands,
        seconds=round(time.monotonic() - began, 3),
    )
    return Kernel(
        prog,
        symbols,
        setup.vmcoreinfo,
        tuple(setup.modules),
        setup.kallsyms,
        setup.btf,
        tuple(setup.module_symbols),
        setup.dump,
    )


def _bytes(hexadecimal: str | None) -> bytes | None:
    return bytes.fromhex(hexadecimal) if hexadecimal else None


def _open(path: Path, vmcoreinfo: bytes | None, dump: OpenDump | None) -> _Setup:
    try:
        dump = dump or open_source([str(path)])
        prog = program_of(dump, path, vmcoreinfo)
    except SourceError as error:
        raise OpenError(str(error)) from None
    # Only what is asked for below is to be loaded, and not in the course of a stack trace.
    prog.set_enabled_debug_info_finders([])
    text = vmcoreinfo or prog["VMCOREINFO"].string_()
    info = parse_vmcoreinfo(text)
    little = prog.platform is not None and drgn.PlatformFlags.IS_LITTLE_ENDIAN in prog.platform.flags
    stext = info.symbols.get("_stext", 0)
    return _Setup(prog, dump, info, prog.address_size(), "<" if little else ">", stext, KernelImage(prog.read, stext))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _load_kallsyms(setup: _Setup) -> None:
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


def _kallsyms_tables(setup: _Setup) -> Iterator[Tables]:
    """Where the tables may be: Linux before 6.0 doesn't name them, and a name may be damaged."""
    if (tables := named(setup.vmcoreinfo.symbols)) is not None:
        yield tables
    image = setup.image
    searched = 0
    while image.grow():
        # The tables end with the one that has all digits, but so have others, such as those of character sets.
        if DIGITS.search(image.data, max(searched - _DIGITS, 0)):
            searched = len(image.data)
            image.grow()  # for the index behind the digits
            yield from search(image.data, image.start, setup.word, setup.order)
        searched = max(searched, len(image.data) - _DIGITS)


def _build_id_in_memory(setup: _Setup) -> bytes | None:
    """From the notes in the kernel's image: VMCOREINFO tells the build ID only since Linux 5.9."""
    if setup.kallsyms is None:
        return None
    start, end = setup.kallsyms.address("__start_notes"), setup.kallsyms.address("__stop_notes")
    if start is None or end is None or not 0 < end - start <= _NOTES_MAX:
        return None
    return build_id_of(read_available(setup.prog.read, start, end - start), setup.order)


def _load_debuginfo(setup: _Setup, vmlinux: Path | None, modules_dir: Path | None) -> str | None:
    """Load DWARF for the kernel and its modules; the path of the kernel's, or None if there is none."""
    prog = setup.prog
    main = create_main_module(prog, setup.build_id)
    if vmlinux is not None:
        try:
            main.try_file(vmlinux, force=setup.build_id is None)
        except Exception as error:  # drgn raises what fits
            setup.costs.append(f"{vmlinux} can't be used: {_one_line(error)}.")
    finders = [name for name in ("debuginfod",) if os.environ.get("DEBUGINFOD_URLS")]
    finders = [name for name in finders if name in prog.registered_debug_info_finders()]
    if main.wants_debug_file() and finders and setup.build_id:
        prog.set_enabled_debug_info_finders(finders)
        prog.load_module_debug_info(main)
        prog.set_enabled_debug_info_finders([])
    if main.wants_debug_file():
        return None
    setup.modules = loaded_modules(prog)
    prog.set_enabled_debug_info_finders(["standard", *finders])
    directories = [modules_dir] if modules_dir else []
    if vmlinux is not None:
        # The modules' files lie in the tree that the kernel's does.
        directories += [parent for parent in vmlinux.resolve().parents if parent.name == "debug"][:1]
    options = prog.debug_info_options
    options.directories = (*map(str, directories), *options.directories)
    options.kernel_directories = (*map(str, directories[:1] if modules_dir else []), *options.kernel_directories)
    modules = [module for module in prog.modules() if isinstance(module, drgn.RelocatableModule)]
    prog.load_module_debug_info(*modules)
    prog.set_enabled_debug_info_finders([])
    setup.debug_modules = {module.name for module in modules if module.debug_file_path}
    used: str | None = main.debug_file_path
    return used


def _go_without(setup: _Setup) -> None:
    """Make do with the dump's own memory."""
    prog = setup.prog
    if setup.kallsyms is None:
        _load_kallsyms(setup)
    setup.btf = kernel_btf(prog.read, setup.kallsyms, setup.image, setup.order)
    if setup.btf is None:
        setup.costs.append(
            "The dump has no types (BTF) of this kernel: function names and stacks of the CPUs are all there is."
        )
    else:
        types = BtfTypes(prog, setup.btf)
        finder = BtfFinder([types])
        prog.register_type_finder("btf", finder.find_type, enable_index=0)
        prog.register_object_finder("btf", finder.find_object, enable_index=0)
        setup.costs.append("No debuginfo: no source lines, local variables or inlined functions.")
    _find_variables(setup)
    image = _image(setup)
    create_main_module(prog, setup.build_id, image)
    if setup.btf is not None:
        if setup.kallsyms and image and setup.kallsyms.address("modules") is None:
            head = modules_list(prog, range(*image))
            setup.kallsyms.add({"modules": head} if head else {})
        setup.modules = loaded_modules(prog)
        try:
            for name, btf in module_btf(prog, setup.btf).items():
                finder.add(BtfTypes(prog, btf, types))
                setup.typed_modules.add(name)
        except Exception:  # before Linux 5.11 modules have no BTF; else the list is damaged
            pass


def _find_variables(setup: _Setup) -> None:
    """Where kallsyms has functions only (CONFIG_KALLSYMS_ALL=n), look for variables elsewhere."""
    kallsyms = setup.kallsyms
    if kallsyms is None or kallsyms.address("init_task") is not None:
        return
    image, start = setup.image.all(), setup.image.start
    found = exported_symbols(image, start, setup.order)
    if setup.btf is not None:
        found |= per_cpu_symbols(setup.btf, found)
    banner = image.find(f"Linux version {setup.vmcoreinfo.release} (".encode())
    if banner >= 0:
        setup.banner_at = start + banner
    # Of an array that was allocated, VMCOREINFO names the place and not the variable (`mem_section`).
    inside = range(start, start + len(image))
    kallsyms.add(found | {name: at for name, at in setup.vmcoreinfo.symbols.items() if at in inside})
    setup.costs.append(
        "The kernel's symbol table has functions only: variables that it doesn't export to modules can't be read."
    )


def _image(setup: _Setup) -> tuple[int, int] | None:
    """Where the kernel is in memory."""
    kallsyms = setup.kallsyms
    if kallsyms is None:
        return None
    end = kallsyms.address("_end")
    if end is None:
        # Not the last symbol of all: VMCOREINFO names some outside of the image.
        end = max(each for each in kallsyms.addresses if each < setup.stext + _IMAGE_MAX) + 4096
    return (setup.stext, end) if setup.stext < end else None


def _name_modules(setup: _Setup) -> None:
    """Give the functions of modules without debuginfo their names."""
    setup.module_symbols, failed = module_symbols(
        module
        for module in setup.modules
        if module.name.string_().decode("ascii", "replace") not in setup.debug_modules
    )
    if setup.module_symbols:
        place = len(setup.prog.enabled_symbol_finders())
        setup.prog.register_symbol_finder("modules", drgn.SymbolIndex(setup.module_symbols), enable_index=place)
    setup.costs += (f"Functions of a module have no names: {each}." for each in failed)


def _banner(setup: _Setup) -> str | None:
    try:
        address = setup.banner_at or setup.prog.symbol("linux_banner").address
        text: bytes = setup.prog.read_c_string(address, max_size=1024)
    except Exception:  # no such symbol, or its page is missing
        return None
    return text.decode("utf-8", "replace").strip()
