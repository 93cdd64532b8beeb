"""What becomes known of a dump while it is being opened."""

from dataclasses import dataclass, field

import drgn

from lastwords.vmcore.formats import OpenDump, Vmcoreinfo

from .btf import Btf
from .btf_types import BtfTypes
from .kallsyms import Kallsyms
from .memory import KernelImage


@dataclass
class Setup:
    """Filled in by `without_debuginfo` and `with_debuginfo`.

    Attributes:
        prog: the program that finders and modules are registered with.
        dump: the open file.
        vmcoreinfo: what the kernel says of itself.
        word: the size of a pointer.
        order: `<` for little-endian, `>` for big-endian.
        stext: the address of `_stext`, 0 if VMCOREINFO lacks it.
        image: the kernel's image from there on.
        build_id: of the kernel, None while it is not known.
        banner_at: where the `Linux version …` line is, where that took a search.
        kallsyms: the kernel's own symbols, if they were read.
        btf: the kernel's BTF, if it was read, and `types` what drgn has of it.
        modules: the loaded modules, `struct module *`.
        costs: what can't be told; sentences for the report.
        debug_modules: names of the modules with debuginfo.
        typed_modules: names of the modules with BTF.
        module_symbols: the symbols of modules without debuginfo.
    """

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
    types: BtfTypes | None = None
    modules: list[drgn.Object] = field(default_factory=list)
    costs: list[str] = field(default_factory=list)
    debug_modules: set[str] = field(default_factory=set)
    typed_modules: set[str] = field(default_factory=set)
    module_symbols: list[drgn.Symbol] = field(default_factory=list)
