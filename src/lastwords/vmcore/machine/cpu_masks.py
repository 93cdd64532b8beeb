"""Sets of CPUs: include/linux/cpumask.h. Read as bytes, because a damaged count of CPUs would never end."""

import drgn

MOST_CPUS = 8192


def cpu_mask(prog: drgn.Program, name: str) -> set[int]:
    """The CPUs in one of the kernel's masks.

    Args:
        prog: the dump.
        name: `possible`, `online`, `present` or `active`.

    Raises:
        LookupError: this kernel has no such mask, or no types.
        drgn.FaultError: it is not in the dump.
    """
    size = min(drgn.sizeof(prog.type("struct cpumask")), MOST_CPUS // 8)
    data = prog.read(prog.symbol(f"__cpu_{name}_mask").address, size)
    little = prog.platform is None or drgn.PlatformFlags.IS_LITTLE_ENDIAN in prog.platform.flags
    word = prog.address_size()
    words = (data[at : at + word] for at in range(0, size, word))
    numbers = enumerate(int.from_bytes(each, "little" if little else "big") for each in words)
    return {place * word * 8 + bit for place, each in numbers if each for bit in range(word * 8) if each >> bit & 1}
