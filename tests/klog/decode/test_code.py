import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastwords.klog.decode.code import Asked, code
from lastwords.klog.decode.code_bytes import code_bytes
from lastwords.model import Code

ARCHITECTURES = ["x86_64", "i386", "arm64", "arm", "ppc64", "ppc", "s390x", "riscv64", "mips", "loongarch64"]

# KASAN's check of a pointer, in front of the access.
KASAN = "Code: 00 00 00 fc ff df 48 89 c3 4c 8d 63 10 4c 89 e0 48 c1 e8 03 <80> 3c 10 00 0f 85 f3 0b 00 00 48 8b 43 10"


def texts(found: Code) -> list[str]:
    return [i.text for i in found.instructions]


def faulting(found: Code) -> str:
    marked = [i for i in found.instructions if i.faulting]
    assert [i.offset for i in marked] == [0]
    return marked[0].text


def test_x86():
    registers = {"rax": 2, "rdx": 0xDFFFFC0000000000, "rip": 0xFFFFFFFF81234567}
    found = code(KASAN, Asked("x86_64", registers, 0xDFFFFC0000000002))
    assert faulting(found) == "cmp byte ptr [rax + rdx], 0"
    # From here on, all ways of decoding agree.
    assert texts(found)[:2] == ["mov rax, r12", "shr rax, 3"]
    assert [i.offset for i in found.instructions][:3] == [-7, -4, 0]
    operand = found.operand
    assert operand is not None
    assert operand.expression == "rax (0x2) + rdx (0xdffffc0000000000)"
    assert operand.address == 0xDFFFFC0000000002
    assert not operand.write
    assert operand.agrees is True


def test_what_stands_before_is_left_out_where_decoding_does_not_agree():
    found = code(KASAN, Asked("x86_64"))
    # `fc ff df` is the end of a movabs whose beginning is cut off.
    assert all(not text.startswith(("cld", "add byte")) for text in texts(found))


def test_unknown_registers_give_no_address():
    operand = code(KASAN, Asked("x86_64", {"rax": 2}, 5)).operand
    assert operand is not None
    assert (operand.address, operand.agrees) == (None, None)
    assert operand.expression == "rax (0x2) + rdx (not known)"


def test_disagreement_is_said():
    operand = code(KASAN, Asked("x86_64", {"rax": 2, "rdx": 8}, 0x5000)).operand
    assert operand is not None
    assert (operand.address, operand.agrees) == (10, False)


def test_an_access_across_pages_agrees():
    operand = code("Code: <49> 8b 06", Asked("x86_64", {"r14": 0xFFFFFFFF89BFFFF9}, 0xFFFFFFFF89C00000)).operand
    assert operand is not None
    assert operand.agrees


@pytest.mark.parametrize(
    ("line", "registers", "reported", "expression", "address", "write"),
    [
        ("<48> 89 47 18", {"rdi": 0}, 0x18, "rdi (0x0) + 0x18", 0x18, True),
        ("<48> 8b 47 f8", {"rdi": 0}, None, "rdi (0x0) - 0x8", (1 << 64) - 8, False),
        ("<f0> 0f b1 17", {"rdi": 8}, 8, "rdi (0x8)", 8, True),
        ("<0f> 93 07", {"rdi": 8}, 8, "rdi (0x8)", 8, True),
        ("<ff> 50 18", {"rax": 8}, 0x20, "rax (0x8) + 0x18", 0x20, False),
        ("<48> 8b 44 f7 08", {"rdi": 0x100, "rsi": 2}, 0x118, "rdi (0x100) + rsi*8 (0x2) + 0x8", 0x118, False),
        (
            "<4c> 03 2c ed 60 c0 39 91",
            {"rbp": 3},
            None,
            "rbp*8 (0x3) - 0x6ec63fa0",
            (24 - 0x6EC63FA0) % (1 << 64),
            False,
        ),
        ("<65> 48 8b 04 25 28 00 00 00", {"gs_base": 0x1000}, None, "gs base (0x1000) + 0x28", 0x1028, False),
        ("<65> 48 8b 04 25 28 00 00 00", {}, None, "gs base (not known) + 0x28", None, False),
        ("<48> 8b 05 10 00 00 00", {"rip": 0x1000}, None, "rip (0x1007) + 0x10", 0x1017, False),
        ("<a0> 00 00 00 00 00 fc ff df", {}, None, "0xdffffc0000000000", 0xDFFFFC0000000000, False),
        ("<67> 8b 07", {"rdi": 0x1_0000_0008}, None, "edi (0x8)", 8, False),
        ("<53> 48 89 fb", {"rsp": 0x2000}, 0x1FF8, "rsp (0x2000) - 0x8", 0x1FF8, True),
        # Of two operands, the one that explains the report.
        ("<f3> a4 c3", {"rdi": 0x100, "rsi": 0x5000}, 0x5000, "rsi (0x5000)", 0x5000, False),
        ("<f3> a4 c3", {"rdi": 0x100, "rsi": 0x5000}, 0x100, "rdi (0x100)", 0x100, True),
    ],
)
def test_x86_operands(line, registers, reported, expression, address, write):
    operand = code("Code: " + line, Asked("x86_64", registers, reported)).operand
    assert operand is not None
    assert (operand.expression, operand.address, operand.write) == (expression, address, write)


@pytest.mark.parametrize("line", ["<f3> a4 c3", "<48> 8d 47 18", "<0f> 1f 40 00", "<0f> 18 07", "<48> 89 c3"])
def test_no_operand(line):
    assert code("Code: " + line, Asked("x86_64", {"rdi": 1, "rsi": 2, "rax": 3})).operand is None


def test_i386():
    operand = code("Code: 55 89 e5 <8b> 40 04", Asked("i386", {"eax": 0}, 4)).operand
    assert operand is not None
    assert (operand.address, operand.agrees) == (4, True)
    operand = code("Code: 90 <50>", Asked("i386", {"esp": 0x2000}, 0x1FFC)).operand
    assert operand is not None
    assert (operand.base, operand.address, operand.write) == ("esp", 0x1FFC, True)


@pytest.mark.parametrize(
    ("architecture", "line", "registers", "text", "address", "write"),
    [
        ("arm64", "d503201f aa0003f3 (f9400400)", {"x0": 0}, "ldr x0, [x0, #8]", 8, False),
        ("arm64", "d503201f (b9000c1f)", {"x0": 4}, "str wzr, [x0, #0xc]", 16, True),
        ("arm64", "(f8627821)", {"x1": 16, "x2": 2}, "ldr x1, [x1, x2, lsl #3]", 32, False),
        ("arm64", "(38401423)", {"x1": 16}, "ldrb w3, [x1], #1", 16, False),
        ("arm64", "(b8a00020)", {"x1": 16}, "ldadda w0, w0, [x1]", 16, True),
        ("arm64", "(88027c01)", {"x0": 16}, "stxr w2, w1, [x0]", 16, True),
        ("arm", "e59f06a8 eb532efb e1a0a000 (e5990000)", {"r9": 0}, "ldr r0, [sb]", 0, False),
        ("arm", "(e5c35000)", {"r3": 0xFEE00001}, "strb r5, [r3]", 0xFEE00001, True),
        ("arm", "(e7910102)", {"r1": 16, "r2": 4}, "ldr r0, [r1, r2, lsl #2]", 32, False),
        ("arm", "4770 (6800)", {"r0": 8}, "ldr r0, [r0]", 8, False),
        ("ppc64", "7d29182a 7fe9fa14 <e87f0b20> 4bff81e9", {"r31": 0x1000}, "ld r3, 0xb20(r31)", 0x1B20, False),
        ("ppc64", "<7d2a482a>", {"r10": 16, "r9": 4}, "ldx r9, r10, r9", 20, False),
        ("ppc64", "<992a0000>", {"r10": 16}, "stb r9, 0(r10)", 16, True),
        ("riscv64", "8082 0161 (6388)", {"a5": 8}, "c.ld a0, 0(a5)", 8, False),
        ("riscv64", "8082 (b023 0007)", {"a5": 8}, "sd zero, 0(a5)", 8, True),
        ("mips", "14400009  24020001  8c840000 <8c820054> 30420001", {"r4": 0}, "lw $v0, 0x54($a0)", 0x54, False),
        ("mips", "<ac850000>", {"r4": 16}, "sw $a1, ($a0)", 16, True),
    ],
)
def test_other_architectures(architecture, line, registers, text, address, write):
    found = code("Code: " + line, Asked(architecture, registers, address))
    assert faulting(found) == text
    assert found.operand is not None
    assert (found.operand.address, found.operand.write, found.operand.agrees) == (address, write, True)


def test_powerpc_dump_of_two_lines():
    found = code(
        "Instruction dump:\nXXXXXXXX XXXXXXXX 7c0802a6 f8010010\n38600000 <e9230018> 7d2903a6 4e800421",
        Asked("ppc64", {"r3": 0}, 0x18),
    )
    assert faulting(found) == "ld r9, 0x18(r3)"
    assert len(found.instructions) == 6
    assert found.operand is not None
    assert found.operand.agrees


S390 = (
    "Krnl Code: 0000000000114a4e: e32010000004\tlg\t%r2,0(%r1)\n"
    "           0000000000114a54: e54cf0a00000\tmvhi\t160(%r15),0\n"
    "          #0000000000114a5a: a7f40001\t\tbrc\t15,0000000000114a5c\n"
    "          >0000000000114a5e: e31020080004\tlg\t%r1,8(%r2)\n"
    "           0000000000114a64: 07fe\t\tbcr\t15,%r14"
)


def test_s390_points_at_the_instruction_or_behind_it():
    found = code(S390, Asked("s390x", {"gpr2": 0x1000}, 0x1000, True, 0x11))
    assert faulting(found) == "lg %r1,8(%r2)"
    assert found.operand is not None
    assert (found.operand.address, found.operand.agrees) == (0x1008, True)
    # A BUG: the PSW is one further.
    found = code(S390, Asked("s390x", {}, None, False, 0x01))
    assert faulting(found) == "brc 15,0000000000114a5c"
    assert found.operand is None
    # Without the interruption code it is not known.
    assert code(S390, Asked("s390x")).instructions == ()


def test_s390_without_its_marks():
    """Mail readers take a line's `>` for a quotation mark; the PSW says which instruction it was."""
    text = S390.replace(">", " ").replace("#", " ")
    assert code(text, Asked("s390x", {}, 0x1000, True, 0x11)).instructions == ()
    assert faulting(code(text, Asked("s390x", {"psw_addr": 0x114A5E}, 0x1000, True, 0x11))) == "lg %r1,8(%r2)"
    assert faulting(code(text, Asked("s390x", {"psw_addr": 0x114A5E}, None, False, 0x01))).startswith("brc 15")


def test_s390_monitor_call():
    text = "Krnl Code:#0000000000114a5a: af000000\t\tmc\t0,0\n>0000000000114a5e: 07fe\t\tbcr\t15,%r14"
    assert faulting(code(text, Asked("s390x"))) == "mc 0,0"


@pytest.mark.parametrize(
    ("word", "text", "address"),
    [
        (0x28C16184, "ld.d $a0, $t0, 88", 0x1058),
        (0x28FFE184, "ld.d $a0, $t0, -8", 0xFF8),
        (0x29804184, "st.w $a0, $t0, 16", 0x1010),
        (0x26000984, "ldptr.d $a0, $t0, 8", 0x1008),
        (0x380C3584, "ldx.d $a0, $t0, $t1", 0x1020),
        (0x38613584, "amadd.w $a0, $t1, $t0", 0x1000),
        (0x40003D80, "beqz $t0, <+60>", None),
        (0x57FE4BB1, "bl <-20447672>", None),
        (0x4C000020, "jirl $zero, $ra, 0", None),
        (0x002A0001, "break 0x1", None),
    ],
)
def test_loongarch(word, text, address):
    found = code(f"Code: 03400000 <{word:08x}>", Asked("loongarch64", {"t0": 0x1000, "t1": 0x20}, None))
    assert faulting(found) == text
    assert (found.operand.address if found.operand else None) == address


@pytest.mark.parametrize(
    ("architecture", "line", "note"),
    [
        ("x86_64", "Code: 48 c7 c7 00 3d 9a 89 <0f> 0b 5b c3", "ud2"),
        ("x86_64", "Code: 5b c3 <67> 0f b9 40 10 eb fe", "ud1"),
        ("x86_64", "Code: 00 00 00 00 <00> 00 00 00", "all bytes are zero"),
        ("x86_64", "Code: 48 89 e5 <00> 00 00 00 00 00 00 00 00 00", "hardly code"),
        ("x86_64", "Code: 48 8b 07 48", "breaks off"),
        ("x86_64", "Code: <06> 07", "no instruction"),
        ("x86_64", "Code: 48 8b <48> 8b 07 CPU: 1 PID", "damaged"),
        ("arm64", "Code: 94a768fa (d4210000)", "BUG or WARN"),
        ("arm", "Code: e28dd00c (e7f001f2)", "BUG"),
        ("riscv64", "Code: 8082 (9002)", "ebreak"),
        ("ppc64", "Code: 7c0802a6 <0fe00000>", "BUG"),
        ("loongarch64", "Code: 4c000020 (0114a000)", "no instruction that the disassembler knows"),
        ("riscv64", "Code: 0c30 (b057) 5e0f", "no instruction that the disassembler knows"),
        ("arm64", "Code: 48 8b <48> 8b", "not one of this architecture"),
    ],
)
def test_notes(architecture, line, note):
    assert note in code(line, Asked(architecture)).note


def test_no_code_to_show():
    assert "NULL function pointer" in code("Code: Bad RIP value.", Asked("x86_64", {"rip": 0})).note
    assert "0x286" in code("Code: Bad RIP value.", Asked("x86_64", {"rip": 0x286})).note
    text = "Code: Unable to access opcode bytes at RIP 0xffffffffffffffd6."
    assert "could not read code at 0x10" in code(text, Asked("x86_64", {"rip": 0x10})).note
    assert "bad PC value" in code("Code: bad PC value", Asked("arm64")).note
    assert code("Code:", Asked("x86_64")).instructions == ()


def test_only_faults_have_an_operand():
    asked = Asked("x86_64", {"rax": 2, "rdx": 8}, None, fault=False)
    found = code(KASAN, asked)
    assert found.operand is None
    assert "no fault" in found.note
    found = code(KASAN, asked._replace(fault=True, fetch=True))
    assert found.operand is None
    assert "jumped" in found.note


def test_bytes():
    assert code_bytes("Code: 48 <8b> 07") == ((0x48, 0x8B, 0x07), 1, 1, False, "")
    assert code_bytes("Modules linked in:") is None
    found = code_bytes("Code: 48 8b " * 10_000)
    assert found is not None
    assert found.cut


@given(st.sampled_from(ARCHITECTURES), st.binary(max_size=80), st.integers(0, 80), st.integers(0, (1 << 64) - 1))
@settings(max_examples=400)
def test_any_bytes(architecture, data, at, value):
    width = 1 if architecture in ("x86_64", "i386") else 4
    words = [data[i : i + width].hex() for i in range(0, len(data) - width + 1, width)]
    words = [f"<{word}>" if i == at % max(len(words), 1) else word for i, word in enumerate(words)]
    registers = dict.fromkeys(("rax", "rdi", "eax", "x0", "x1", "r0", "r3", "a0", "sp", "rip", "gs_base"), value)
    found = code("Code: " + " ".join(words), Asked(architecture, registers, value))
    assert sum(i.faulting for i in found.instructions) <= 1
    # What is shown is what the line holds, in its order and without overlap.
    end = None
    for instruction in found.instructions:
        assert end is None or instruction.offset >= end
        end = instruction.offset + len(instruction.data) // 2
    if found.operand is not None and found.operand.address is not None:
        assert 0 <= found.operand.address < 1 << 64


@given(st.sampled_from(ARCHITECTURES), st.text(), st.integers(0, 100))
def test_any_text(architecture, text, interruption):
    for label in ("Code: ", "Instruction dump:\n", "Krnl Code: "):
        code(label + text, Asked(architecture, {}, None, interruption=interruption))


def test_time_is_bounded():
    begun = time.perf_counter()
    for hostile in ("00 " * 100_000, "<" * 200_000, "4" * 500_000, ("0" * 16 + ": " + "0" * 12 + " ") * 20_000):
        for label in ("Code: ", "Instruction dump:", "Krnl Code: "):
            code(label + hostile, Asked("x86_64", {}, None, interruption=4))
    assert time.perf_counter() - begun < 2
