"""LoongArch's instructions, as far as crashes need them: capstone 5 does not know the architecture.

Encodings: LoongArch Reference Manual, volume 1, appendix B. What is not in the table stays a word: floating point,
vectors, the privileged and the rare ones.
"""

from collections.abc import Callable

_NAMES = (
    *("$zero", "$ra", "$tp", "$sp"),
    *(f"$a{n}" for n in range(8)),
    *(f"$t{n}" for n in range(9)),
    "$u0",
    # The frame pointer, which the kernel's reports call s9.
    *("$s9", *(f"$s{n}" for n in range(9))),
)


def _field(word: int, low: int, bits: int) -> int:
    return word >> low & ((1 << bits) - 1)


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def _rd(word: int) -> str:
    return _NAMES[word & 31]


def _rj(word: int) -> str:
    return _NAMES[_field(word, 5, 5)]


def _rk(word: int) -> str:
    return _NAMES[_field(word, 10, 5)]


def _three(word: int) -> str:
    return f"{_rd(word)}, {_rj(word)}, {_rk(word)}"


def _atomic(word: int) -> str:
    return f"{_rd(word)}, {_rk(word)}, {_rj(word)}"


def _signed12(word: int) -> str:
    return f"{_rd(word)}, {_rj(word)}, {_signed(_field(word, 10, 12), 12)}"


def _unsigned12(word: int) -> str:
    return f"{_rd(word)}, {_rj(word)}, {_field(word, 10, 12):#x}"


def _words14(word: int) -> str:
    return f"{_rd(word)}, {_rj(word)}, {_signed(_field(word, 10, 14), 14) * 4}"


def _upper20(word: int) -> str:
    return f"{_rd(word)}, {_signed(_field(word, 5, 20), 20)}"


def _shift(word: int) -> str:
    return f"{_rd(word)}, {_rj(word)}, {_field(word, 10, 6)}"


def _compare(word: int) -> str:
    return f"{_rj(word)}, {_rd(word)}, <{_signed(_field(word, 10, 16), 16) * 4:+d}>"


def _zero(word: int) -> str:
    far = _signed(_field(word, 0, 5) << 16 | _field(word, 10, 16), 21)
    return f"{_rj(word)}, <{far * 4:+d}>"


def _far(word: int) -> str:
    return f"<{_signed(_field(word, 0, 10) << 16 | _field(word, 10, 16), 26) * 4:+d}>"


def _return(word: int) -> str:
    return f"{_rd(word)}, {_rj(word)}, {_signed(_field(word, 10, 16), 16) * 4}"


def _code(word: int) -> str:
    return f"{_field(word, 0, 15):#x}"


# The highest bits of a word that tell the instruction: how many, the value of the first name, how far the values of the
# names stand apart.
_TABLE: tuple[tuple[int, int, int, str, Callable[[int], str]], ...] = (
    (6, 0x10, 1, "beqz bnez", _zero),
    (6, 0x13, 1, "jirl", _return),
    (6, 0x14, 1, "b bl", _far),
    (6, 0x16, 1, "beq bne blt bge bltu bgeu", _compare),
    (7, 0x0A, 1, "lu12i.w lu32i.d pcaddi pcalau12i pcaddu12i pcaddu18i", _upper20),
    (8, 0x20, 1, "ll.w sc.w ll.d sc.d ldptr.w stptr.w ldptr.d stptr.d", _words14),
    (10, 0x08, 1, "slti sltui addi.w addi.d lu52i.d", _signed12),
    (10, 0x0D, 1, "andi ori xori", _unsigned12),
    (10, 0xA0, 1, "ld.b ld.h ld.w ld.d st.b st.h st.w st.d ld.bu ld.hu ld.wu", _signed12),
    (16, 0x41, 4, "slli.d srli.d srai.d", _shift),
    (17, 0x20, 1, "add.w add.d sub.w sub.d slt sltu maskeqz masknez nor and or xor orn andn", _three),
    (17, 0x2E, 1, "sll.w srl.w sra.w sll.d srl.d sra.d", _three),
    (17, 0x38, 1, "mul.w mulh.w mulh.wu mul.d mulh.d mulh.du", _three),
    (17, 0x40, 1, "div.w mod.w div.wu mod.wu div.d mod.d div.du mod.du", _three),
    (17, 0x54, 1, "break dbcl syscall", _code),
    (17, 0x7000, 8, "ldx.b ldx.h ldx.w ldx.d stx.b stx.h stx.w stx.d ldx.bu ldx.hu ldx.wu", _three),
    (17, 0x70C0, 2, "amswap.w amadd.w amand.w amor.w amxor.w", _atomic),
    (17, 0x70C1, 2, "amswap.d amadd.d amand.d amor.d amxor.d", _atomic),
    (17, 0x70D2, 2, "amswap_db.w amadd_db.w amand_db.w amor_db.w amxor_db.w", _atomic),
    (17, 0x70D3, 2, "amswap_db.d amadd_db.d amand_db.d amor_db.d amxor_db.d", _atomic),
    (17, 0x70E4, 1, "dbar ibar", _code),
)
_BY_BITS = {
    bits: {
        first + step * n: (name, show)
        for each, first, step, names, show in _TABLE
        if each == bits
        for n, name in enumerate(names.split())
    }
    for bits in sorted({row[0] for row in _TABLE})
}


def instruction(word: int) -> tuple[str, str] | None:
    """Mnemonic and operands of an instruction, or None for one that is not in the table.

    Offsets of jumps are written as those from the instruction itself: `<+16>`.
    """
    for bits, entries in _BY_BITS.items():
        entry = entries.get(word >> (32 - bits))
        if entry is not None:
            return entry[0], entry[1](word)
    return None
