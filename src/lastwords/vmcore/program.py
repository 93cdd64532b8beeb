"""A dump, opened in drgn with whatever names and types there are for it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import drgn
from drgn.helpers.linux.sched import task_cpu

from lastwords.model import Symbols

from .formats import OpenDump, Vmcoreinfo
from .lost_tables import read_image, read_rest
from .source import SourceError, open_source, program_of, registers_in_memory, registers_of_cpus
from .symbols.btf import Btf
from .symbols.debuginfo import Found, find_vmlinux
from .symbols.kallsyms import Kallsyms
from .symbols.memory import KernelImage
from .symbols.module_kallsyms import module_symbols
from .symbols.packages import debuginfo_packages
from .symbols.rebuild import rebuild_vmlinux
from .symbols.setup import Setup
from .symbols.unwind import kernel_frames, loaded_modules, trace_of_registers
from .symbols.with_debuginfo import load_kernel_debuginfo, load_module_debuginfo
from .symbols.without_debuginfo import (
    add_module_types,
    build_id_in_memory,
    find_list_heads,
    go_without,
    load_kallsyms,
    module_names,
)


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
        is_thread = isinstance(thread, drgn.Thread)
        try:
            trace = thread.stack_trace() if is_thread else self.prog.stack_trace(thread)
        except Exception:  # ValueError or LookupError, and what libkdumpfile's errors become
            # It ran on a CPU. drgn finds that one's registers only in the notes of files that it opened itself.
            registers = self._registers_of(thread.object if is_thread else thread)
            if registers is None:
                raise
            return self.register_frames(registers)
        return kernel_frames(trace, self._named, self.prog)

    def _registers_of(self, task: drgn.Object) -> bytes | None:
        """Of the CPU that a task ran on."""
        known = registers_of_cpus(self.dump) if self.dump is not None and self.dump.dump.drgn.path is None else ()
        number = task_cpu(task)
        return known[number] if number < len(known) else registers_in_memory(self.prog, number)

    def register_frames(self, registers: bytes) -> Iterator[drgn.StackFrame]:
        """The frames of a CPU by its registers (`pr_reg` of NT_PRSTATUS): works without types too."""
        return kernel_frames(trace_of_registers(self.prog, registers), prog=self.prog)

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
    read_image(setup.prog, setup.dump)
    prog, release = setup.prog, setup.vmcoreinfo.release or ""
    setup.build_id = _bytes(setup.vmcoreinfo.build_id)
    if setup.build_id is None or not debuginfo:
        load_kallsyms(setup)
        setup.build_id = setup.build_id or build_id_in_memory(setup)
    found = Found(None, ())
    if debuginfo:
        directories = (modules_dir,) if modules_dir else ()
        found = find_vmlinux(release, setup.build_id, given=vmlinux, directories=directories, dump=path)
        if vmlinux is not None and found.path is None:
            reason = "; ".join(f"{each.path} {each.reason}" for each in found.refused)
            raise OpenError(reason or f"{vmlinux}: there is no vmlinux of {release} in it")
    used = load_kernel_debuginfo(setup, found.path) if debuginfo else None
    if used is None:
        go_without(setup)
    setup.costs += read_rest(prog, setup.dump)
    if used is None:
        find_list_heads(setup)
    if used is not None or setup.types is not None:
        setup.modules = loaded_modules(prog)
    if debuginfo:
        load_module_debuginfo(setup, found.path, modules_dir)
    add_module_types(setup)
    _name_modules(setup)
    banner = _banner(setup)
    packages = debuginfo_packages(release, banner)
    names = module_names(setup)
    symbols = Symbols(
        source="dwarf" if used else "btf" if setup.btf else "kallsyms" if setup.kallsyms else "none",
        release=release,
        banner=banner,
        build_id=setup.build_id.hex() if setup.build_id else None,
        vmlinux=used,
        module_debuginfo=tuple(sorted(names & setup.debug_modules)),
        module_types=tuple(sorted(names & setup.typed_modules)),
        module_names=tuple(sorted(names - setup.debug_modules - setup.typed_modules)),
        costs=tuple(dict.fromkeys(setup.costs)),
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


def _open(path: Path, vmcoreinfo: bytes | None, dump: OpenDump | None) -> Setup:
    try:
        dump = dump or open_source([str(path)])
        prog = program_of(dump, path, vmcoreinfo)
    except SourceError as error:
        raise OpenError(str(error)) from None
    # Only what is asked for below is to be loaded, and not in the course of a stack trace.
    prog.set_enabled_debug_info_finders([])
    text = vmcoreinfo or prog["VMCOREINFO"].string_()
    info = Vmcoreinfo(text)
    little = prog.platform is not None and drgn.PlatformFlags.IS_LITTLE_ENDIAN in prog.platform.flags
    stext = info.symbols.get("_stext", 0)
    return Setup(prog, dump, info, prog.address_size(), "<" if little else ">", stext, KernelImage(prog.read, stext))


def _name_modules(setup: Setup) -> None:
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


def _banner(setup: Setup) -> str | None:
    try:
        address = setup.banner_at or setup.prog.symbol("linux_banner").address
        text: bytes = setup.prog.read_c_string(address, max_size=1024)
    except Exception:  # no such symbol, or its page is missing
        return None
    return text.decode("utf-8", "replace").strip()
