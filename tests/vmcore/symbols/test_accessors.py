"""Variables out of code: as Linux 6.1 for arm64 has it."""

import struct

import drgn
import pytest

from lastwords.vmcore.symbols.accessors import variables_in_code
from lastwords.vmcore.symbols.kallsyms import Kallsyms

GET_TAINT = 0xFFFFC135DAC93790
VARIABLE = 0xFFFFC135DC618C20
ADRP = (
    0x90000000
    | ((VARIABLE >> 12) - (GET_TAINT >> 12) >> 2 & 0x7FFFF) << 5
    | ((VARIABLE >> 12) - (GET_TAINT >> 12) & 3) << 29
)
LDR = 0xF9400000 | (VARIABLE & 0xFFF) // 8 << 10
OTHER_LDR = 0xF9400000 | 0x100 << 10 | 2 << 5
MOV, NOP, RET = 0xAA1E03E9, 0xD503201F, 0xD65F03C0


def found(*words):
    kallsyms = Kallsyms([GET_TAINT, GET_TAINT + 0x200], "tT", ["get_taint", "next"])
    code = struct.pack(f"<{len(words)}I", *words)

    def read(address, size):
        if not code:
            raise drgn.FaultError("not there", address)
        return code[address - GET_TAINT :][:size]

    return variables_in_code(read, kallsyms)


@pytest.mark.parametrize("adrp", [ADRP, ADRP ^ 0x80])
def test_one_variable(adrp):
    page = VARIABLE if adrp == ADRP else VARIABLE - (ADRP - adrp) // 32 * 4 * 4096
    assert found(MOV, NOP, adrp, NOP, LDR, RET, 0xFFFFFFFF) == {"tainted_mask": page & (1 << 64) - 1}


@pytest.mark.parametrize(
    "words",
    [
        (),  # not in the dump
        (MOV, NOP, RET, ADRP, LDR),  # another function's
        (ADRP, LDR, ADRP | 2, OTHER_LDR, RET),  # two variables: nobody knows which
        (ADRP, 0xB9400000, RET),  # 32 bits
    ],
)
def test_what_is_not_certain_is_not_told(words):
    assert found(*words) == {}
