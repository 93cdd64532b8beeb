"""Code in memory against code as it was built."""

import struct
from pathlib import Path

from lastwords.vmcore.blame.architecture import named
from lastwords.vmcore.blame.function import Symbol
from lastwords.vmcore.blame.text import broken_code, compare, flipped_bits

from .fakes import CODE, FakeDump

# nop dword [rax+rax]; mov rax, [rdi+0x18]; mov rdx, 0xffffffff81001000; call; lock inc [rax]; ret
_BUILT = bytes.fromhex("0f1f440000 488b4718 48c7c200100081 e800000000 f0ff00 c3")
_OFFSET = 0x1B000000
_SYMBOL = Symbol("f", CODE + _OFFSET, CODE + _OFFSET + len(_BUILT))


def _loaded(at: int, new: bytes) -> bytes:
    moved = _BUILT[:12] + struct.pack("<I", 0x81001000 + _OFFSET) + _BUILT[16:]
    return moved[:at] + new + moved[at + len(new) :]


def test_what_the_kernel_changes() -> None:
    assert compare(named("x86-64"), _SYMBOL, _BUILT, _loaded(0, b""), _OFFSET) == ()
    assert compare(named("x86-64"), _SYMBOL, _BUILT, _loaded(0, bytes.fromhex("e811223344")), _OFFSET) == ()  # ftrace
    assert (
        compare(named("x86-64"), _SYMBOL, _BUILT, _loaded(16, bytes.fromhex("0f1f440000")), _OFFSET) == ()
    )  # paravirt
    assert (
        compare(named("x86-64"), _SYMBOL, _BUILT, _loaded(21, b"\x3e"), _OFFSET) == ()
    )  # one CPU needs no lock prefix


def test_one_bit() -> None:
    (found,) = compare(named("x86-64"), _SYMBOL, _BUILT, _loaded(8, b"\x58"), _OFFSET)
    assert (found.address, found.byte, found.expected) == (_SYMBOL.start + 8, 0x58, 0x18)
    assert compare(named("x86-64"), _SYMBOL, _BUILT, _loaded(8, b"\x5b"), _OFFSET) == ()  # three bits: nobody knows


def test_against_an_elf_file(tmp_path: Path) -> None:
    text = _BUILT
    header = (
        b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 0, 64, 0, 64, 0, 0, 64, 2, 0)
    )
    sections = bytes(64) + struct.pack("<IIQQQQIIQQ", 0, 1, 6, CODE, 192, len(text), 0, 0, 16, 0)
    path = tmp_path / "vmlinux"
    path.write_bytes(header + sections + text)
    dump = FakeDump({})
    dump.bytes = {_SYMBOL.start + at: byte for at, byte in enumerate(_loaded(8, b"\x19"))}
    (found,) = flipped_bits(dump, str(path), _SYMBOL, _OFFSET)
    assert found.function == "f"
    assert flipped_bits(dump, None, _SYMBOL, _OFFSET) == ()
    assert flipped_bits(dump, str(tmp_path / "missing"), _SYMBOL, _OFFSET) == ()
    path.write_bytes(header[:40])
    assert flipped_bits(dump, str(path), _SYMBOL, _OFFSET) == ()


def test_bytes_that_are_no_instruction() -> None:
    assert broken_code(FakeDump({"f": "90 90 c3"}), Symbol("f", CODE, CODE + 3)) is None
    dump = FakeDump({"f": "90 06 c3"})
    assert "+0x1 that are no instruction" in (broken_code(dump, dump.named("f")[0]) or "")
