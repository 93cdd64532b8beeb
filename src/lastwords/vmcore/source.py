"""A drgn program for a dump in any format: from its file, or from its memory where drgn does not open the file."""

from collections.abc import Sequence
from pathlib import Path

import drgn
from drgn.helpers.linux.percpu import per_cpu_ptr

from .files import LIVE
from .formats import NotADump, OpenDump, Unreadable, open_dump
from .formats.notes import NT_PRSTATUS, Note, parse_notes
from .formats.opening import open_without_header

_ARCHITECTURES = {
    "x86_64": drgn.Architecture.X86_64,
    "aarch64": drgn.Architecture.AARCH64,
    "i686": drgn.Architecture.I386,
    "arm": drgn.Architecture.ARM,
    "ppc64": drgn.Architecture.PPC64,
    "riscv64": drgn.Architecture.RISCV64,
    "s390x": drgn.Architecture.S390X,
}
_REGISTERS_AT = 112
"""Bytes in front of `pr_reg` in struct elf_prstatus (include/linux/elfcore.h), on 64-bit machines."""
_NOTE_BYTES = 512
"""Larger than NT_PRSTATUS with its head on any architecture."""


_NO_VMCOREINFO = "VMCOREINFO is not in the dump, so nothing in it can be found"


class SourceError(Exception):
    """A file that drgn can't be given: one line that says why."""


def open_source(paths: Sequence[str]) -> OpenDump:
    """Open the file of a dump, or all files of a split one; where its headers are lost, by what stands behind them.

    The memory of a running kernel is not searched: that would be all there is in the machine.

    Raises:
        SourceError: no dump, or a file that can't be read.
    """
    is_file = paths[0] not in LIVE
    try:
        return open_dump(paths, search_memory=is_file)
    except NotADump as error:
        try:
            found = open_without_header(paths[0]) if len(paths) == 1 and is_file else None
        except (OSError, NotADump):
            found = None
        if found is None:
            raise SourceError(_named(paths[0], str(error))) from None
        return found
    except (OSError, ValueError) as error:
        raise SourceError(_named(paths[0], getattr(error, "strerror", None) or str(error))) from None


def _named(path: str, problem: str) -> str:
    return problem if problem.startswith(path) else f"{path}: {problem}"


def program_of(dump: OpenDump, path: Path, vmcoreinfo: bytes | None = None) -> drgn.Program:
    """The program, without symbols.

    Args:
        dump: the open dump; it must stay open as long as the program is used.
        path: for messages.
        vmcoreinfo: to use in place of the dump's own.

    Raises:
        SourceError: not a dump that drgn could read in either way.
    """
    way = dump.dump.drgn
    text = vmcoreinfo or way.vmcoreinfo
    try:
        if way.path is not None:
            prog = drgn.Program(vmcoreinfo=text)
            prog.set_core_dump(way.path)
            _forget_lower_half(prog)
        else:
            prog = _from_memory(dump, path, text)
    except SourceError:
        raise
    except Exception as error:  # drgn raises what fits, of a dozen classes
        if not text and not dump.vmcoreinfo.text:
            raise SourceError(f"{path}: {_NO_VMCOREINFO}") from None
        raise SourceError(f"{path}: {' '.join(str(error).split()) or type(error).__name__}") from None
    if drgn.ProgramFlags.IS_LINUX_KERNEL not in prog.flags:
        raise SourceError(f"{path}: a core dump of a process, not of a kernel, or its VMCOREINFO is missing")
    return prog


def _forget_lower_half(prog: drgn.Program) -> None:
    """Have nothing there but faults: the kernel's addresses are in the upper half, except on s390x.

    QEMU's ELF dumps say that all physical memory is mapped from 0 on, and drgn believes them. NULL pointers would lead
    to what real mode left there.
    """
    platform = prog.platform
    if platform is None or drgn.PlatformFlags.IS_64_BIT not in platform.flags:
        return
    if platform.arch == drgn.Architecture.S390X:
        return

    def read(address: int, count: int, offset: int, physical: bool) -> bytes:
        raise drgn.FaultError("no address of the kernel", address)

    prog.add_memory_segment(0, 1 << 63, read)


def _from_memory(dump: OpenDump, path: Path, vmcoreinfo: bytes | None) -> drgn.Program:
    if not vmcoreinfo:
        raise SourceError(f"{path}: {_NO_VMCOREINFO}")
    architecture = _ARCHITECTURES.get(dump.arch or "")
    if architecture is None:
        raise SourceError(f"{path}: a dump of a machine of type {dump.arch or 'unknown'}, which can't be read")
    prog = drgn.Program(drgn.Platform(architecture), vmcoreinfo=vmcoreinfo)
    memory = dump.memory

    def read(address: int, count: int, offset: int, physical: bool) -> bytes:
        try:
            return memory.read(address, count)
        except Unreadable as error:
            raise drgn.FaultError(str(error), address) from None

    for segment in memory.segments:
        prog.add_memory_segment(segment.start, segment.size, read, physical=True)
    prog.set_linux_kernel_custom(vmcoreinfo, False)
    return prog


def registers_of_cpus(dump: OpenDump) -> tuple[bytes, ...]:
    """`pr_reg` of each CPU, in the order of the notes; none on 32-bit machines."""
    return _registers(dump.notes) if dump.dump.bits == 64 else ()


def registers_in_memory(prog: drgn.Program, cpu: int) -> bytes | None:
    """`pr_reg` of a CPU as the kernel noted it when it started the crash kernel; None where it did not.

    It is what the notes of a kdump are made of (kernel/kexec_core.c: crash_save_cpu()), so it is there where those are
    lost.
    """
    platform = prog.platform
    if platform is None or drgn.PlatformFlags.IS_64_BIT not in platform.flags:
        return None
    try:
        data = prog.read(per_cpu_ptr(prog["crash_notes"], cpu).value_(), _NOTE_BYTES)
    except (LookupError, drgn.FaultError):
        return None
    little = drgn.PlatformFlags.IS_LITTLE_ENDIAN in platform.flags
    return next(iter(_registers(parse_notes(data, "little" if little else "big"))), None)


def _registers(notes: Sequence[Note]) -> tuple[bytes, ...]:
    return tuple(note.desc[_REGISTERS_AT:] for note in notes if note.type == NT_PRSTATUS and note.name == "CORE")
