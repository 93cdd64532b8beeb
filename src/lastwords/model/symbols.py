"""What a dump's addresses could be given names and types by."""

from .oops import Struct


class RefusedFile(Struct, frozen=True, kw_only=True):
    """A file that was looked at for debuginfo and is of no use.

    Attributes:
        path: of the file.
        build_id: its build ID in hexadecimal, or None if it has none.
        reason: why it was refused, one sentence.
    """

    path: str
    build_id: str | None
    reason: str


class Symbols(Struct, frozen=True, kw_only=True):
    """The sources of names, types and source lines for one dump.

    Attributes:
        source: `dwarf` (a vmlinux with debuginfo), `btf` (kallsyms and BTF from the dump's own memory), `kallsyms`
            (names alone), or `none`.
        release: kernel release; `banner` its `Linux version …` line, or None where it is not in the dump.
        build_id: the kernel's build ID in hexadecimal, or None where the dump doesn't tell.
        vmlinux: the debuginfo file in use, or None.
        module_debuginfo: loaded modules with debuginfo.
        module_types: loaded modules without it, but with BTF.
        module_names: loaded modules with neither: function names only, fields are offsets.
        costs: what can't be told for want of debuginfo or because parts of the dump are missing; sentences.
        refused: files that were tried and don't match.
        distribution: who built the kernel, or None if that is not known.
        commands: shell commands that install the debuginfo, empty if there is nothing to install.
        seconds: how long it took to set all of this up.
    """

    source: str
    release: str
    banner: str | None = None
    build_id: str | None = None
    vmlinux: str | None = None
    module_debuginfo: tuple[str, ...] = ()
    module_types: tuple[str, ...] = ()
    module_names: tuple[str, ...] = ()
    costs: tuple[str, ...] = ()
    refused: tuple[RefusedFile, ...] = ()
    distribution: str | None = None
    commands: tuple[str, ...] = ()
    seconds: float = 0.0
