"""Taint flags: what has happened to this kernel that may make its words worth less.

Source: `kernel/panic.c: taint_flags[]`, `include/linux/panic.h`, `Documentation/admin-guide/tainted-kernels.rst`.
"""

import re
from functools import lru_cache

from msgspec import structs

from lastwords.model import Taint

TAINTS: tuple[Taint, ...] = (
    Taint(letter="P", bit=0, name="PROPRIETARY_MODULE", meaning="a proprietary module was loaded"),
    Taint(letter="F", bit=1, name="FORCED_MODULE", meaning="a module was loaded by force (insmod -f)"),
    # SMP with CPUs not made for it until Linux 3.14; since then any machine outside its specification.
    Taint(letter="S", bit=2, name="CPU_OUT_OF_SPEC", meaning="the machine runs outside its specification"),
    Taint(letter="R", bit=3, name="FORCED_RMMOD", meaning="a module was unloaded by force (rmmod -f)"),
    Taint(letter="M", bit=4, name="MACHINE_CHECK", meaning="a CPU reported a machine check: hardware is suspect"),
    Taint(
        letter="B",
        bit=5,
        name="BAD_PAGE",
        meaning="a bad page, page table or slab object was found: memory was corrupt",
    ),
    Taint(
        letter="U", bit=6, name="USER", meaning="a program asked for this taint by writing to /proc/sys/kernel/tainted"
    ),
    Taint(letter="D", bit=7, name="DIE", meaning="the kernel has oopsed before: this is not the first crash"),
    Taint(letter="A", bit=8, name="OVERRIDDEN_ACPI_TABLE", meaning="an ACPI table was replaced by the user"),
    Taint(letter="W", bit=9, name="WARN", meaning="the kernel has printed a WARNING before"),
    Taint(letter="C", bit=10, name="CRAP", meaning="a driver of the staging tree was loaded"),
    Taint(letter="I", bit=11, name="FIRMWARE_WORKAROUND", meaning="the kernel works around a bug of the firmware"),
    Taint(letter="O", bit=12, name="OOT_MODULE", meaning="a module from outside the kernel tree was loaded"),
    Taint(letter="E", bit=13, name="UNSIGNED_MODULE", meaning="a module without a valid signature was loaded"),
    Taint(letter="L", bit=14, name="SOFTLOCKUP", meaning="a soft lockup has been reported before"),
    Taint(letter="K", bit=15, name="LIVEPATCH", meaning="the kernel was live-patched"),
    Taint(letter="X", bit=16, name="AUX", meaning="the distributor's own flag; SUSE: a module with external support"),
    Taint(letter="T", bit=17, name="RANDSTRUCT", meaning="built with randomized structure layouts"),
    # Linux 5.18
    Taint(letter="N", bit=18, name="TEST", meaning="an in-kernel test (KUnit, test module) was run"),
    # Linux 6.15
    Taint(letter="J", bit=19, name="FWCTL", meaning="a program wrote to a device's debug interface through fwctl"),
)

RED_HAT_TAINTS: tuple[Taint, ...] = (
    Taint(letter="?", bit=27, name="SUPPORT_REMOVED", meaning="Red Hat: hardware whose support was removed is in use"),
    Taint(letter="H", bit=28, name="HARDWARE_UNSUPPORTED", meaning="Red Hat: the hardware is not supported"),
    Taint(letter="T", bit=29, name="TECH_PREVIEW", meaning="Red Hat: a technology preview is in use"),
    Taint(letter="?", bit=30, name="UNPRIVILEGED_BPF", meaning="Red Hat: unprivileged BPF was enabled"),
)
"""Bits that Red Hat's kernels add. Which of them a kernel has differs from release to release."""

NO_PROPRIETARY = "no proprietary module was loaded"
"""What `G` says: it stands where `P` would, and is no taint by itself."""

_ALSO = {"T": "Red Hat: a technology preview is in use", "N": "SUSE: a module without support was loaded"}
"""Letters that a distributor uses for a flag of its own: the letter alone does not tell which is meant."""


def _by_letter(taint: Taint) -> Taint:
    also = _ALSO.get(taint.letter)
    return structs.replace(taint, meaning=f"{taint.meaning} ({also})") if also else taint


BY_LETTER: dict[str, Taint] = {t.letter: _by_letter(t) for t in (*RED_HAT_TAINTS, *TAINTS) if t.letter != "?"}
BY_BIT: dict[int, Taint] = {taint.bit: taint for taint in (*RED_HAT_TAINTS, *TAINTS)}

# `Tainted: G        W  OE     6.1.0-13-amd64`; since Linux 6.11 also `Tainted: [W]=WARN, [O]=OOT_MODULE`, a line below.
_LETTERS = re.compile(r"(?:Tainted:)?((?:\s{0,20}\b[A-Z]{1,32}\b(?![\w.]))*)")
_SPELLED_OUT = re.compile(r"\[([A-Z])\]=[A-Z]")
_LONGEST = 600
"""Characters looked at: all flags spelled out stay below."""


def from_mask(mask: int) -> tuple[Taint, ...]:
    """The flags of a taint mask, as `/proc/sys/kernel/tainted` gives it.

    Bits that no kernel known here defines are left out.

    Example:
        >>> [taint.letter for taint in from_mask(4609)]
        ['P', 'W', 'O']
    """
    return tuple(taint for bit, taint in sorted(BY_BIT.items()) if mask >> bit & 1)


@lru_cache(maxsize=256)
def from_letters(text: str) -> tuple[Taint, ...]:
    """The flags of the letters behind `Tainted:`, in the order of their bits. Blanks, `G` and unknown ones are skipped.

    A letter that two kernels use differently (`T`) has both meanings, and the bit of the upstream kernel.

    Example:
        >>> [taint.name for taint in from_letters("Tainted: G        W  OE")]
        ['WARN', 'OOT_MODULE', 'UNSIGNED_MODULE']
    """
    text = text[:_LONGEST]
    match = _LETTERS.match(text)
    letters = {*(match[1] if match else ""), *_SPELLED_OUT.findall(text)}
    return tuple(sorted((BY_LETTER[c] for c in letters if c in BY_LETTER), key=lambda taint: taint.bit))
