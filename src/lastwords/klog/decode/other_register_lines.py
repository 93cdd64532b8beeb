"""Register lines of architectures that few have: sparc64, parisc, alpha, m68k and arc.

Formats: `show_regs()` in `arch/sparc/kernel/process_64.c`, `arch/parisc/kernel/traps.c`, `arch/alpha/kernel/traps.c:
dik_show_regs()`, `arch/m68k/kernel/traps.c: show_registers()`, `arch/arc/kernel/troubleshoot.c`.
"""

import re
from collections.abc import Callable

Values = dict[str, int]

_SPARC_STATE = re.compile(r"\b(TSTATE|TPC|TNPC|Y): ([0-9a-f]{8}(?:[0-9a-f]{8})?)\b")
_SPARC = re.compile(r"\b([goli][0-7]|sp|ret_pc): ([0-9a-f]{16})\b")
_PARISC_QUEUES = re.compile(r"\s*IASQ: [0-9a-f]{8,16} [0-9a-f]{8,16} IAOQ: ([0-9a-f]{8,16})\b")
_PARISC_INTERRUPTION = re.compile(r"\b(IIR|ISR|IOR): ([0-9a-f]{8,16})\b")
_PARISC_FOUR = re.compile(r"\s*r([0-9]{2})-[0-9]{2}\s{1,3}((?:\s?[0-9a-f]{16}|\s?[0-9a-f]{8}){1,4})\s*\Z")
_ALPHA = re.compile(r"\b(pc|ra|ps|v0|t[0-9]{1,2}|s[0-6]|a[0-5]|pv|at|gp|sp)\s{0,2}= ?(?:\[<)?([0-9a-f]{4,16})\b")
_M68K = re.compile(r"\b([da][0-7]|SR|SP): {1,2}([0-9a-f]{4,8})\b")
_M68K_COUNTER = re.compile(r"\s*PC: \[<([0-9a-f]{8})>\]")
_ARC = re.compile(r"\[?(ECR|EFA|ERET|STAT32|BTA|SP|FP|r[0-9]{2}) {0,3}\]?: {1,2}0x([0-9a-f]{8})\b")


def _pairs(pattern: re.Pattern[str]) -> Callable[[str], Values | None]:
    def read(text: str) -> Values | None:
        return {name.lower(): int(digits, 16) for name, digits in pattern.findall(text)} or None

    return read


sparc_state = _pairs(_SPARC_STATE)
sparc = _pairs(_SPARC)
parisc_interruption = _pairs(_PARISC_INTERRUPTION)
alpha = _pairs(_ALPHA)
m68k = _pairs(_M68K)
arc = _pairs(_ARC)


def parisc_queues(text: str) -> Values | None:
    """`IASQ: 00000000 00000000 IAOQ: 102bce5c 102bce60`: the first entry of the queue is the instruction's address."""
    found = _PARISC_QUEUES.match(text)
    return {"iaoq": int(found[1], 16)} if found else None


def parisc_four(text: str) -> Values | None:
    """`r04-07  00000000 00092820 00092820 00000080`."""
    found = _PARISC_FOUR.match(text)
    if found is None:
        return None
    first = int(found[1])
    return {f"r{first + i}": int(digits, 16) for i, digits in enumerate(found[2].split())}


def m68k_counter(text: str) -> Values | None:
    """`PC: [<00237454>] rb_erase+0x1c/0x346`."""
    found = _M68K_COUNTER.match(text)
    return {"pc": int(found[1], 16)} if found else None
