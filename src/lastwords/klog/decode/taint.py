"""Taint flags: what had happened to the kernel before it crashed.

Format: `kernel/panic.c: print_tainted()`, and since Linux 6.12 `print_tainted_verbose()`; the letters are explained in
`Documentation/admin-guide/tainted-kernels.rst`.
"""

import re
from functools import lru_cache

from lastwords.model import Taint

_LONGEST = 400
"""Characters looked at: twenty flags in the long form stay below."""


def _flag(letter: str, bit: int, name: str, meaning: str) -> Taint:
    return Taint(letter=letter, bit=bit, name=name, meaning=meaning)


FLAGS = (
    _flag("P", 0, "PROPRIETARY_MODULE", "a proprietary module was loaded"),
    _flag("F", 1, "FORCED_MODULE", "a module was loaded by force"),
    _flag(
        "S", 2, "CPU_OUT_OF_SPEC", "the system runs out of its specification (before Linux 4.0: CPUs not meant for SMP)"
    ),
    _flag("R", 3, "FORCED_RMMOD", "a module was unloaded by force"),
    _flag("M", 4, "MACHINE_CHECK", "the processor reported a machine check: a hardware error"),
    _flag("B", 5, "BAD_PAGE", "a bad page or corrupted memory was found earlier"),
    _flag("U", 6, "USER", "user space asked for the taint"),
    _flag("D", 7, "DIE", "the kernel had already oopsed: look for the first report"),
    _flag("A", 8, "OVERRIDDEN_ACPI_TABLE", "an ACPI table was overridden"),
    _flag("W", 9, "WARN", "the kernel had already printed a warning"),
    _flag("C", 10, "CRAP", "a staging driver was loaded"),
    _flag("I", 11, "FIRMWARE_WORKAROUND", "the kernel works around a severe firmware bug"),
    _flag("O", 12, "OOT_MODULE", "a module from outside of the kernel tree was loaded"),
    _flag("E", 13, "UNSIGNED_MODULE", "a module without a valid signature was loaded"),
    _flag("L", 14, "SOFTLOCKUP", "a soft lockup had already happened"),
    _flag("K", 15, "LIVEPATCH", "the kernel is live patched"),
    _flag("X", 16, "AUX", "the distribution's own flag (SUSE: a module with external support was loaded)"),
    _flag("T", 17, "RANDSTRUCT", "built with randomised structures (Red Hat: a technology preview is in use)"),
    _flag("N", 18, "TEST", "a test ran inside the kernel (SUSE: a module without support was loaded)"),
    _flag("J", 19, "FWCTL", "user space used fwctl to change a device's firmware state"),
    _flag("H", 28, "HARDWARE_UNSUPPORTED", "Red Hat: the vendor does not support this hardware"),
)
"""In the order of their bits. `G`, which stands where `P` would, says only that all modules are GPL."""

_BY_LETTER = {flag.letter: flag for flag in FLAGS}
_LONG = re.compile(r"\[([A-Z])\]=")


@lru_cache(maxsize=256)
def taints(text: str | None) -> tuple[Taint, ...]:
    """The flags of a taint text.

    Args:
        text: `Not tainted`, `Tainted: G    B D W  OE`, or `Tainted: [W]=WARN, [O]=OOT_MODULE`.

    Returns:
        The flags in the order of their bits; letters that no kernel is known to use are left out.
    """
    if not text or not text.startswith("Tainted:"):
        return ()
    rest = text[len("Tainted:") : _LONGEST]
    letters = _LONG.findall(rest) if "]=" in rest else rest
    return tuple(flag for flag in FLAGS if flag.letter in letters)
