"""One line of a call trace -> Frame, in the spellings of all architectures and kernels since 2.6.32.

Sources: `arch/*/kernel/{dumpstack,stacktrace,process,traps}.c`, `kernel/kallsyms.c: __sprint_symbol()`,
`scripts/decode_stacktrace.sh` for source lines and `[inline]`.
"""

import re

from lastwords.model import Frame

# A symbol, at most KSYM_NAME_LEN long: an identifier, or what a demangler made of a Rust or C++ name (spaces only
# inside <…>).
_SYMBOL = r"(?:<[^+]{1,400}?|[A-Za-z_$.][\w$.@:<>{}#]{0,511})"

#  ? func+0x1/0x2 [module]: what most frames are, and a quarter of the work of the next pattern
_PLAIN = re.compile(r" (\? )?([A-Za-z_][\w.]*)\+0x([0-9a-f]{1,9})/0x([0-9a-f]{1,9})(?: \[([\w-]+)\])?\Z", re.ASCII)

#  [<ffffffff81234567>] ? func+0x1/0x2 [module buildid] file.c:12
_FRAME = re.compile(
    r"[\s(>]*"
    r"(?:(?:#\d+|\d+:)\s+)?"
    # `<c020bb5d>` without brackets, several on a line, in Linux 2.6.16 and 2.6.17. 32-bit powerpc printed capitals until
    # Linux 2.6; its debugger prints the address without brackets.
    r"(?:(?:\[<?\s*(?P<address>[0-9a-fA-F]{6,16})\s*>?\]|<(?P<bare>[0-9a-f]{8,16})>)\s*){0,2}(?:[0-9a-f]{16}\s+)?\(?"
    r"(?:\[[\w.:$]{1,128}[+-]\d{1,10}/\d{1,10}\]\s*)?"  # klogd's decoding in the place of the address
    r"(?P<doubt>\?\s+)?"
    r"(?::(?P<owner>[\w-]{1,64}):)?"  # `:bonding:bond_release+0x2b/0x74`: x86_64 before Linux 2.6.26
    # Powerpc before ELFv2 names the code of a function with a dot; the name without it is that of its descriptor.
    rf"(?:\.(?=[A-Za-z_])(?!TOC\.))?(?P<function>{_SYMBOL})"
    r"\+(?:0x)?(?P<offset>[0-9a-f]{1,9})/(?:0x)?(?P<size>[0-9a-f]{1,9})"
    r"(?:\s\[(?P<module>[\w-]+)(?:\s(?:[0-9a-f]{20,64}|\.{3}))?\])?"
    r"(?P<rest>.*)"
)

#  func net/core/dev.c:12 [inline]        and, before 2018,  [<     inline     >] func net/core/dev.c:12
_INLINE = re.compile(
    rf"[\s(]*(?P<old>\[<\s*inline\s*>\]\s*)?(?P<doubt>\?\s+)?(?P<function>{_SYMBOL})\s{{1,8}}"
    r"(?P<file>[\w./+-]+\.[chSr]s?):(?P<source_line>\d+)(?P<new>\s+\[inline\])?\s*$"
)

#  [<8028bd5c>] (dup_fd) from [<80132060>] (copy_process.part.3+0x58c/0x1844)
_ARM = re.compile(
    rf"\s*(?:\[<(?P<address>[0-9a-f]{{8}})>\]\s+)?\(?(?P<function>{_SYMBOL})"
    r"(?:\s{1,8}\[(?P<module>[\w-]+)\])?\)?\s{1,8}from\s{1,8}"
    rf"(?:\[<[0-9a-f]{{8}}>\]\s+)?\(?(?P<caller>{_SYMBOL}|0x[0-9a-f]+)"
    r"(?:\+0x(?P<offset>[0-9a-f]+)/0x(?P<size>[0-9a-f]+)(?:\s+\[(?P<caller_module>[\w-]+)\])?|\))"
)

_SOURCE = re.compile(r"\s*\(?(?:discriminator \d{1,9}\)?\s*)?(?P<file>[\w./+-]+\.[chSr]s?):(?P<line>\d+)")

# ` (P)`, ` (K)`, ` (F)`: arm64's unwinder says where an address came from; ppc64 writes `(unreliable)`.
_UNRELIABLE = "(unreliable)"


def read_frame(text: str, line: int) -> Frame | None:
    """The frame on a line of a trace, or None if there is none.

    Args:
        text: record text without prefix.
        line: its line number, for the frame.
    """
    if "+" in text:
        match = _PLAIN.match(text)
        if match is not None:
            doubt, function, offset, size, module = match.groups()
            return Frame(function, line, int(offset, 16), int(size, 16), module or "", doubt is None)
        match = _FRAME.match(text)
        if match is not None:
            address, bare, doubt, owner, function, offset, size, module, rest = match.groups()
            address = address or bare
            file, source_line = "", None
            if rest and (source := _SOURCE.match(rest)) is not None:
                file, source_line = source[1], int(source[2])
            return Frame(
                function,
                line,
                int(offset, 16),
                int(size, 16),
                module or owner or "",
                doubt is None and _UNRELIABLE not in rest,
                False,
                file,
                source_line,
                int(address, 16) if address else None,
            )
    if "inline" in text and (match := _INLINE.match(text)) is not None and (match["old"] or match["new"]):
        return Frame(
            match["function"],
            line,
            reliable=match["doubt"] is None,
            inline=True,
            file=match["file"],
            source_line=int(match["source_line"]),
        )
    return None


_NEXT = re.compile(r"\s+(?=\[?<[0-9a-f]{8,16}>\]?\s{1,4}(?:\?\s)?[A-Za-z_:])")


def frames_apart(text: str) -> list[str]:
    """The frames on a line: i386 printed two of them side by side until Linux 2.6.17."""
    return [f" {part}" for part in _NEXT.split(text.strip())]


def read_arm_pair(text: str, line: int) -> tuple[Frame, Frame] | None:
    """The two frames of an arm line `callee from caller+offset`, or None.

    arm (`arch/arm/kernel/traps.c: dump_backtrace_entry()`) names both ends of each step, so the caller of one
    line is the callee of the next.
    """
    match = _ARM.match(text)
    if match is None:
        return None
    address = match["address"]
    callee = Frame(match["function"], line, module=match["module"] or "", address=int(address, 16) if address else None)
    offset, size = match["offset"], match["size"]
    caller = Frame(
        match["caller"],
        line,
        int(offset, 16) if offset else None,
        int(size, 16) if size else None,
        match["caller_module"] or "",
    )
    return callee, caller
