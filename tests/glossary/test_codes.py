import doctest

import pytest

from lastwords.glossary import clock, codes, errno, explain, machine_check, margin, poison, syscalls, taints, values
from lastwords.glossary.machine_check import error, machine_check_status, may_be_status


@pytest.mark.parametrize(
    "module", [clock, codes, errno, explain, machine_check, margin, poison, syscalls, taints, values]
)
def test_examples_in_docstrings(module):
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0x0000, ("a read", "of a page that is not mapped", "by kernel code")),
        (0x0002, ("a write", "to a page that is not mapped", "by kernel code")),
        (0x0003, ("a write", "to a page that is mapped but does not allow it", "by kernel code")),
        (0x0007, ("a write", "to a page that is mapped but does not allow it", "by a program")),
        (0x0010, ("an instruction fetch", "from a page that is not mapped", "by kernel code")),
        (0x0011, ("an instruction fetch", "from a page that is mapped but does not allow it", "by kernel code")),
    ],
)
def test_x86_page_fault(code, words):
    assert codes.page_fault(code) == words


def test_x86_page_fault_reserved_bit():
    assert any("page table" in word for word in codes.page_fault(0x000B))


@pytest.mark.parametrize(
    ("esr", "expected"),
    [
        (0x96000004, ["a data access: a read", "translation fault at level 0"]),
        (0x96000046, ["a data access: a write", "translation fault at level 2"]),
        (0x9600004F, ["a data access: a write", "permission fault at level 3"]),
        (0x86000005, ["an instruction fetch", "translation fault at level 1"]),
        (0x96000021, ["a data access: a read", "alignment fault"]),
        (0xF2000800, ["BRK"]),
        (0x8A000000, ["misaligned program counter"]),
        (0xBE000011, ["SError"]),
    ],
)
def test_arm64_syndrome(esr, expected):
    words = ", ".join(codes.arm64_syndrome(esr))
    assert all(part in words for part in expected)


@pytest.mark.parametrize(
    ("fsr", "expected"),
    [
        (0x17, ("a read", "translation fault in the second level: nothing is mapped there")),
        (0x805, ("a write", "translation fault in the first level: nothing is mapped there")),
        (0x207, ("a read", "translation fault at level 3: nothing is mapped there")),
        (0x80000207, ("an instruction fetch", "translation fault at level 3: nothing is mapped there")),
        (0x1B, ()),
    ],
)
def test_arm_fault_status(fsr, expected):
    assert codes.arm_fault_status(fsr) == expected


def test_other_architectures():
    assert codes.dsisr(0x42000000) == ("nothing is mapped there", "a write")
    assert codes.riscv_cause(0xD).startswith("a read")
    assert codes.riscv_cause(0x99) == ""


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (0x0B, "killed by SIGSEGV"),
        (0x7F00, "it exited with status 127"),
        (0x09, "killed by SIGKILL"),
        (0x8B, "killed by SIGSEGV"),
    ],
)
def test_exit_code(code, text):
    assert codes.exit_code(code) == text


def test_preempt_count():
    assert codes.preempt_count(0) == ()
    assert codes.preempt_count(0x200) == ("softirqs disabled (spin_lock_bh())",)
    assert codes.preempt_count(0x10000) == ("in a hardirq handler",)
    assert codes.preempt_count(0x100000) == ("in an NMI handler",)


def test_machine_check_status():
    words = machine_check_status(0xBD80000000100134)
    assert "not corrected by the hardware" in words
    assert "the CPU's state may be corrupt" not in words
    assert machine_check_status(0x8C00004000010090)[-1] == "memory controller error: memory read, channel 0 (code 0x90)"
    assert machine_check_status(0xB200000000000400)[-1].startswith("the CPU's internal timer ran out")
    assert "corrected errors counted: 1 (Intel)" in machine_check_status(0x8C00004000010090)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0x0091, "memory controller error: memory read, channel 1"),
        (0x00CF, "memory controller error: memory scrubbing"),
        (0x1134, "cache error: data read, data, level 0"),
        (0x0017, "TLB error: data, some level"),
        (0x0E0B, "I/O error"),
        (0x0B0B, "bus or interconnect error: error of I/O, answered by this processor, timed out"),
        (0x0005, "internal parity error"),
        (0x0405, "internal error without a class"),
        (0x0000, ""),
        (0x2000, ""),
    ],
)
def test_error_codes_of_machine_checks(code, words):
    assert error(code) == words


def test_what_may_be_the_status_of_a_machine_check():
    assert may_be_status(0xBE00000000010091)
    assert not may_be_status(0x3E00000000010091)
    assert not may_be_status(0xFFFF888003F10091)
    assert not may_be_status(0xBE00000000000000)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "NULL"),
        (0x18, "NULL + 0x18"),
        (0xDFFFFC0000000003, "KASAN's shadow of 0x18: NULL + 0x18"),
        (0x7F0012345678, "an address in user space"),
        (0xFFFF888003A5A000, ""),
        (0xFFFFFFFFFFFFFFEA, "ERR_PTR(-EINVAL)"),
        (0xFFFFFFFFFFFFFFFC, "ERR_PTR(-EINTR), or NULL - 0x4"),
        (0xFFFFFFFFFFFFFFFF, ""),
        (0xDEAD000000000122, "LIST_POISON2: "),
        (0xDEAD000000000108, "perhaps LIST_POISON1 + 0x8"),
    ],
)
def test_address(value, text):
    said = values.address(value)
    assert said.startswith(text) if text else said == ""


def test_text_in_a_register_must_be_text():
    assert values.ascii_text(int.from_bytes(b"/usr/lib", "little")) == "/usr/lib"
    assert values.ascii_text(int.from_bytes(b"UUUU@@\0\0", "little")) == ""
    assert values.ascii_text(0x20202020202020) == ""


def test_canonical():
    assert values.canonical(0xFFFF888003A5A000) == ""
    assert values.canonical(0x00007F0012345678) == ""
    assert "bit 58" in values.canonical(0xFBFF888003A5A000)
    assert "no address" in values.canonical(0x4DE3D18D13871410)


def test_system_calls():
    assert syscalls.x86_64(0) == "read"
    assert syscalls.x86_64(231) == "exit_group"
    assert syscalls.x86_64(334) == "rseq"
    assert syscalls.x86_64(435) == "clone3"
    assert syscalls.x86_64(400) == ""
