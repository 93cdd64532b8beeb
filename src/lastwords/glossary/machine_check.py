"""MCi_STATUS, the status register of a machine check bank, in words.

Intel SDM vol. 3, 15.3.2.2 (the register) and 15.9 (error codes); `arch/x86/include/asm/mce.h`. The meaning of the error
code is the architectural one; banks and models say more, which `mcelog` or `rasdaemon` know.
"""

VALID = 1 << 63
UNCORRECTED = 1 << 61
ENABLED = 1 << 60
CORRUPT = 1 << 57

_BITS = (
    (63, "valid"),
    (62, "an earlier error was overwritten"),
    (61, "not corrected by the hardware"),
    (60, "reporting was enabled"),
    (59, "MISC holds more"),
    (58, "ADDR holds the address"),
    (57, "the CPU's state may be corrupt"),
)
_SIMPLE = {
    0x0001: "unclassified",
    0x0002: "parity error in the microcode's ROM",
    0x0003: "external error: another processor or the board reported it",
    0x0004: "functional redundancy check failed",
    0x0005: "internal parity error",
    0x0400: "the CPU's internal timer ran out: an instruction never finished",
    0x0E0B: "I/O error",
}
_FILTERED = 0x1000
"""Bit 12 of a compound code: further reports of this error may have been held back."""

_REQUESTS = (
    "error", "read", "write", "data read", "data write", "instruction fetch", "prefetch", "eviction", "snoop",
)  # fmt: skip
_WHAT = ("instructions", "data", "generic")
_WHERE = ("by this processor", "answered by this processor", "seen by this processor")
_TARGET = ("memory", "reserved", "I/O", "other")
_MEMORY = ("", "memory read", "memory write", "address or command", "memory scrubbing")
_NO_CHANNEL = 15
_COUNT_BITS = 38
_COUNT_MASK = 0x7FFF


def machine_check_status(status: int) -> tuple[str, ...]:
    """What a status says: its bits, and the error at the end.

    Example:
        >>> machine_check_status(0xBE00000000010091)[-1]
        'memory controller error: memory read, channel 1 (code 0x91)'
    """
    words = [text for bit, text in _BITS if status >> bit & 1]
    count = status >> _COUNT_BITS & _COUNT_MASK
    if count and not status & UNCORRECTED:
        words.append(f"corrected errors counted: {count} (Intel)")
    code = status & 0xFFFF
    return (*words, f"{error(code) or 'error'} (code {code:#x})")


def error(code: int) -> str:
    """The architectural meaning of an error code (bits 15 to 0); empty where it has none."""
    if code in _SIMPLE:
        return _SIMPLE[code]
    code &= ~_FILTERED
    request, what, level = code >> 4 & 0xF, code >> 2 & 3, code & 3
    asked = _REQUESTS[request] if request < len(_REQUESTS) else "error"
    if code & 0xFFFC == 0x000C:
        return f"cache hierarchy error: {_level(level)}"
    if code & 0xFFF0 == 0x0010:
        return f"TLB error: {_what(what)}, {_level(level)}"
    if code & 0xFF80 == 0x0080:
        return "memory controller error" + _of_memory(code >> 4 & 7, code & 0xF)
    if code & 0xFF00 == 0x0100:
        return f"cache error: {asked}, {_what(what)}, {_level(level)}"
    if code & 0xFC00 == 0x0400:
        return "internal error without a class"
    if code & 0xF800 == 0x0800:
        place = code >> 9 & 3
        who = _WHERE[place] if place < len(_WHERE) else "without a place"
        timed_out = ", timed out" if code & 0x100 else ""
        return f"bus or interconnect error: {asked} of {_TARGET[what]}, {who}{timed_out}"
    return ""


def _of_memory(kind: int, channel: int) -> str:
    words = [_MEMORY[kind] if kind < len(_MEMORY) else "", f"channel {channel}" if channel != _NO_CHANNEL else ""]
    told = ", ".join(filter(None, words))
    return f": {told}" if told else ""


def _what(number: int) -> str:
    return _WHAT[number] if number < len(_WHAT) else "unknown"


def _level(number: int) -> str:
    return "some level" if number == 3 else f"level {number}"


def may_be_status(value: int) -> bool:
    """Whether a bare 64-bit number looks like such a status: valid, with an error code that the architecture knows.

    Kernel addresses have bit 63 too, and all those below it.
    """
    return bool(value & VALID) and value >> 47 != 0x1FFFF and bool(error(value & 0xFFFF))
