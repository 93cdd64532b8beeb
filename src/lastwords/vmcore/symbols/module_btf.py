"""The BTF of loaded modules, as the kernel keeps it in `btf_modules` (kernel/bpf/btf.c, since Linux 5.11).

`struct module` points to the section too, but only until the module has been initialised.
"""

import drgn
from drgn.helpers.linux.list import list_for_each_entry

from .btf import Btf
from .btf_format import BtfError

_SIZE_MAX = 64 << 20
_MODULES_MAX = 10_000


def module_btf(prog: drgn.Program, kernel: Btf) -> dict[str, Btf]:
    """The types of each module that has some, by the module's name.

    Raises:
        LookupError: this kernel has no BTF of modules.
        drgn.FaultError: the list can't be followed to its end.
    """
    found: dict[str, Btf] = {}
    head = drgn.Object(prog, prog.type("struct list_head"), address=prog.symbol("btf_modules").address)
    for number, entry in enumerate(list_for_each_entry("struct btf_module", head.address_of_(), "list")):
        if number > _MODULES_MAX:
            break
        btf = entry.btf
        size = btf.data_size.value_()
        if not 0 < size <= _SIZE_MAX or btf.start_id.value_() != kernel.end:
            # Built against another kernel's types, which Linux 6.11 can make fit; here they would be off.
            continue
        try:
            found[btf.name.string_().decode("ascii", "replace")] = Btf(prog.read(btf.data.value_(), size), kernel)
        except (BtfError, drgn.FaultError):
            continue
    return found
