"""Taint flags as letters: `include/linux/panic.h: TAINT_*`, Documentation/admin-guide/tainted-kernels.rst."""

# In the order of the bits; it is ABI, and only ever grows: N came with Linux 6.0, J with 6.16.
_LETTERS = "PFSRMBUDAWCIOELKXTNJ"


def taint_letters(mask: int) -> str:
    """The letters of the flags that are set.

    Example:
        >>> taint_letters(1 << 12 | 1 << 13)
        'OE'
    """
    return "".join(letter for bit, letter in enumerate(_LETTERS) if mask >> bit & 1)
