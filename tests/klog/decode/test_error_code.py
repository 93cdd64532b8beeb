import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastwords.klog.decode import esr
from lastwords.klog.decode.error_code import error_code

ARCHITECTURES = ["x86_64", "i386", "arm64", "arm", "ppc64", "ppc", "s390x", "riscv64", "mips", "loongarch64", None]


def decoded(architecture: str | None, *texts: str, **registers: int) -> tuple[int | str, ...]:
    found = error_code(architecture, texts, registers)
    return () if found is None else (found.value, *found.meaning)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Oops: 0002 [#1] SMP PTI", (2, "write", "from kernel mode", "no page is mapped there")),
        ("Oops: 0002 [1] SMP", (2, "write", "from kernel mode", "no page is mapped there")),
        ("Oops: 0000 [#14] PREEMPT SMP KASAN", (0, "read", "from kernel mode", "no page is mapped there")),
        (
            "#PF: error_code(0x0003) - permissions violation",
            (3, "write", "from kernel mode", "the page is present and does not allow it"),
        ),
        (
            "#PF: error_code(0x0010) - not-present page",
            (16, "instruction fetch", "from kernel mode", "no page is mapped there"),
        ),
        ("#PF: error_code(0x0006) - not-present page", (6, "write", "from user mode", "no page is mapped there")),
        (
            "#PF: error_code(0x0009) - reserved bit violation",
            (
                9,
                "read",
                "from kernel mode",
                "the page is present and does not allow it",
                "a reserved bit is set in a page table entry: the page table is corrupt",
            ),
        ),
        ("general protection fault: 0000 [#1] SMP KASAN", (0, "no segment is involved")),
        ("segment-related general protection fault: beec [#2] SMP", (0xBEEC, "entry 6109 of the LDT")),
        ("general protection fault: 0032 [#1] SMP", (0x32, "entry 6 of the IDT")),
        (
            "general protection fault: 0033 [#1] SMP",
            (0x33, "entry 6 of the IDT", "while an external event was delivered"),
        ),
        ("stack segment: 0000 [#1] SMP", (0, "no segment is involved")),
        (
            "Oops: general protection fault, probably for non-canonical address 0xdffffc0000000004: 0000 [#1] SMP PTI",
            (0, "no segment is involved"),
        ),
        (
            "control protection fault: 0003 [#1] SMP",
            (3, "indirect branch to an instruction that is not endbr"),
        ),
        # These have no error code; the number is always printed.
        ("invalid opcode: 0000 [#1] SMP", ()),
        ("divide error: 0000 [#1] SMP", ()),
        ("Oops: invalid opcode: 0000 [#1] PREEMPT SMP KASAN NOPTI", ()),
        ("PANIC: double fault, error_code: 0x0", ()),
        ("syz[12] general protection fault ip:7f00 sp:2000 error:0 in libc.so", ()),
    ],
)
def test_x86(text, expected):
    assert decoded("x86_64", text) == expected


def test_arm64():
    null = (0x96000004, "data abort from kernel mode", "read", "translation fault: nothing is mapped there, level 0")
    assert decoded("arm64", "Internal error: Oops: 96000004 [#1] PREEMPT SMP") == null
    assert decoded("arm64", "Internal error: Oops: 0000000096000004 [#1] SMP") == null
    assert decoded("arm64", esr=0x96000004) == null
    assert decoded("arm64", esr=0x96000046) == (
        0x96000046,
        "data abort from kernel mode",
        "write",
        "translation fault: nothing is mapped there, level 2",
    )
    assert decoded("arm64", esr=0x9600004F)[1:] == ("data abort from kernel mode", "write", "permission fault, level 3")
    assert decoded("arm64", esr=0x86000004)[1] == "instruction abort from kernel mode"
    assert (
        decoded("arm64", "Internal error: synchronous external abort: 96000210 [#1] SMP")[-1]
        == "synchronous external abort"
    )
    assert decoded("arm64", "Internal error: Oops - BUG: 00000000f2000800 [#1] SMP") == (
        0xF2000800,
        "brk instruction",
        "a BUG or WARN",
    )
    assert decoded("arm64", "Internal error: Oops - SP/PC alignment exception: 8a000000 [#1] PREEMPT SMP") == (
        0x8A000000,
        "the program counter is misaligned",
    )
    # Cache maintenance by address looks like a write.
    assert decoded("arm64", esr=0x96000144)[2] == "cache maintenance"
    assert decoded("arm64", "Internal error: Oops - BUG: 0 [#1] SMP") == ()


def test_arm64_breaks():
    assert esr.arm64_break(0x800) == "a BUG or WARN"
    assert esr.arm64_break(0x5512) == "UBSAN trap"
    assert esr.arm64_break(0x8228) == "control flow integrity (CFI) failure"
    assert esr.arm64_break(0x1234) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Internal error: Oops: 5 [#1] PREEMPT SMP ARM", (5, "read", "no translation: the section is not mapped")),
        ("Internal error: Oops: 17 [#1] PREEMPT ARM", (0x17, "read", "no translation: the page is not mapped")),
        ("Internal error: Oops: 805 [#1] SMP ARM", (0x805, "write", "no translation: the section is not mapped")),
        ("Internal error: : 1b [#1] PREEMPT SMP ARM", (0x1B, "read", "domain fault, page")),
        ("Internal error: Oops: 207 [#1] PREEMPT SMP ARM", (0x207, "read", "no translation, level 3")),
        ("Internal error: Oops: 80000207 [#1] SMP ARM", (0x80000207, "instruction fetch", "no translation, level 3")),
        ("Internal error: Oops: a0f [#1] SMP ARM", (0xA0F, "write", "permission fault, level 3")),
        ("Internal error: : 1406 [#1] SMP ARM", (0x1406, "read", "asynchronous external abort")),
        # These numbers are no fault status.
        ("Internal error: Oops - undefined instruction: 0 [#1] SMP ARM", ()),
        ("Internal error: Oops - BUG: 0 [#1] PREEMPT SMP ARM", ()),
    ],
)
def test_arm(text, expected):
    assert decoded("arm", text) == expected


def test_others():
    assert decoded("ppc64", trap=0x300, dsisr=0x42000000)[1:] == ("write", "no page is mapped there")
    assert decoded("ppc64", trap=0x300, dsisr=0x08000000)[1:] == ("read", "the page's protection does not allow it")
    # A program check leaves the DSISR of the interrupt before it.
    assert decoded("ppc64", trap=0x700, dsisr=0x42000000) == ()
    assert decoded("s390x", "Oops: 0011 ilc:2 [#1] SMP") == (
        0x11,
        "page translation exception: no page is mapped there",
    )
    assert decoded("s390x", "monitor event: 0040 ilc:2 [#1] SMP") == (0x40, "monitor event: a BUG or WARN")
    assert decoded("s390x", "illegal operation: 0001 ilc:1 [#1] SMP")[1] == "operation exception: illegal instruction"
    assert decoded("riscv64", cause=13)[1] == "read: no page that allows it"
    assert decoded("riscv64", cause=(1 << 63) + 5)[1] == "interrupt 5"
    assert decoded("mips", cause=0x80800008)[1] == "read or instruction fetch: no page is mapped there"
    assert decoded("mips", cause=0x0080000C)[1] == "write: no page is mapped there"
    assert decoded("loongarch64", estat=0x00010000)[1] == "read: no page is mapped there"
    assert decoded("loongarch64") == ()


@given(
    st.sampled_from(ARCHITECTURES),
    st.lists(st.one_of(st.text(), st.from_regex(r"Internal error: [ -~]{0,30}: [0-9a-f]{1,16} \[#1\]"))),
    st.dictionaries(st.sampled_from(["esr", "cause", "estat", "dsisr", "trap"]), st.integers(0, (1 << 64) - 1)),
)
def test_anything(architecture, texts, registers):
    error_code(architecture, texts, registers)
