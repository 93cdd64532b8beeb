"""Where the kernel keeps its struct pages: arch/x86/include/asm/pgtable_64.h, include/asm-generic/memory_model.h."""

import drgn


def find_pages(prog: drgn.Program) -> None:
    """Make drgn's helpers for pages work where drgn doesn't find the array by itself (Linux 5.10 without debuginfo).

    Raises:
        LookupError: neither drgn nor the kernel's variables say where it is.
    """
    if "page0" in prog.cache:
        return
    try:
        prog["vmemmap"]
    except LookupError:
        try:
            base = prog["vmemmap_base"].value_()  # x86, where it moves with KASLR
        except LookupError:
            if "mem_map" in prog:
                return
            raise
        prog.cache["page0"] = drgn.Object(prog, prog.type("struct page *"), value=base)
