import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastwords.klog.decode.address import Fault, sense
from lastwords.model import AddressSense, MemoryOperand

ARCHITECTURES = ["x86_64", "i386", "arm64", "arm", "ppc64", "ppc", "s390x", "riscv64", "mips", "loongarch64"]
SHADOW = 0xDFFFFC0000000000


def operand(base_value: int, displacement: int = 0, bits: int = 64) -> MemoryOperand:
    address = (base_value + displacement) % (1 << bits)
    return MemoryOperand(
        text=f"[rdi + {displacement:#x}]",
        expression=f"rdi ({base_value:#x}) + {displacement:#x}",
        address=address,
        base="rdi",
        base_value=base_value,
        displacement=displacement,
        agrees=True,
    )


def through(base_value: int, displacement: int, architecture: str = "x86_64") -> AddressSense:
    found = operand(base_value, displacement, 32 if architecture in ("arm", "i386") else 64)
    return sense(Fault(found.address or 0, architecture, operand=found))


def short(found: AddressSense) -> tuple[str, int | None, bool]:
    return found.kind, found.offset, found.sure


def test_null():
    assert short(sense(Fault(0, "x86_64"))) == ("null", 0, True)
    assert short(through(0, 0x18)) == ("null-offset", 0x18, True)
    # Members far from the beginning are still members.
    assert short(through(0, 0x1A08)) == ("null-offset", 0x1A08, True)
    # container_of() on NULL.
    assert short(through(0, -0x28)) == ("null-offset", -0x28, True)
    # Without the registers it is a guess.
    assert short(sense(Fault(0x18, "x86_64"))) == ("null-offset", 0x18, False)
    assert short(through(0x10, 8)) == ("null-offset", 0x18, False)


def test_an_error_number_in_a_register_below_the_address():
    top = 1 << 64
    found = sense(Fault(top - 15, "loongarch64", {"t0": top - 15, "s2": top - 19, "s3": top - 19}))
    assert short(found) == ("err-ptr", None, False)
    assert found.text.startswith("ERR_PTR(-19), -ENODEV, + 0x4, which s")
    # Two of them: either may be it.
    assert "-ENOTBLK" in sense(Fault(top - 15, "loongarch64", {"s2": top - 19, "s3": top - 22})).text


def test_below_the_lowest_address_that_programs_may_have():
    # loongarch's and powerpc's pages are larger than 4 KiB, and so are some structures.
    assert short(sense(Fault(0x2B80, "loongarch64"))) == ("null-offset", 0x2B80, False)
    assert sense(Fault(0x12B80, "loongarch64")).kind == "user"
    assert sense(Fault(0x2B80, "x86_64", fetch=True)).kind == "user"
    found = through(2, 0x2B80)
    assert short(found) == ("null-offset", 0x2B82, False)
    assert found.text.startswith("0x2 + 0x2b80: a small number")
    # A number that the code used as a pointer, far from NULL.
    assert through(0x8000, 8).kind == "user"


def test_small_numbers_that_come_from_an_error_pointer():
    found = through((1 << 64) - 12, 0x10)
    assert found.value == 4
    assert short(found) == ("err-ptr", 0x10, True)
    assert "ERR_PTR(-12), -ENOMEM, + 0x10" in found.text
    assert through((1 << 64) - 517, 0x20).text.startswith("ERR_PTR(-517), -EPROBE_DEFER,")
    # -1 is also what all ones mean.
    assert short(through((1 << 64) - 1, 9)) == ("err-ptr", 9, False)
    # No operand, but a register that holds an error.
    found = sense(Fault(4, "x86_64", {"rax": (1 << 64) - 12, "rbx": 7}))
    assert short(found) == ("null-offset", 4, False)
    assert "ERR_PTR(-12) + 0x10" in found.text


def test_error_pointers():
    assert short(through((1 << 64) - 2, 0)) == ("err-ptr", 0, True)
    assert through((1 << 64) - 2, 0).text.startswith("ERR_PTR(-2), -ENOENT: an error number was used")
    found = sense(Fault((1 << 64) - 0x16, "x86_64"))
    assert short(found) == ("err-ptr", None, False)
    assert "-EINVAL" in found.text
    assert "NULL - 0x16" in found.text
    assert short(through((1 << 32) - 19, 4, "arm")) == ("err-ptr", 4, True)


@pytest.mark.parametrize(
    ("value", "offset", "sure", "name"),
    [
        (0xDEAD000000000100, 0, True, "LIST_POISON1"),
        (0xDEAD000000000108, 8, True, "LIST_POISON1"),
        (0xDEAD000000000122, 0, True, "LIST_POISON2"),
        (0xDEAD00000000012A, 8, True, "LIST_POISON2"),
        (0xDEAD000000000200, 0, True, "LIST_POISON2"),
        (0xDEAD000000000208, 8, True, "LIST_POISON2"),
        (0xDEAD000000100100, 0, True, "LIST_POISON1"),
        (0xDEAD000000200208, 8, True, "LIST_POISON2"),
        (0xDEAD000000000400, 0, True, "TAIL_MAPPING"),
        (0xDEAD000000000148, 0x26, False, "LIST_POISON2"),
        (0xDEACFFFFFFFFFFF0, -0x110, False, "LIST_POISON1"),
        (0x6B6B6B6B6B6B6B6B, 0, True, "POISON_FREE"),
        (0x6B6B6B6B6B6B6BAB, 0x40, True, "POISON_FREE"),
        (0x6B6B6B6B6B6B6B5B, -0x10, True, "POISON_FREE"),
        (0x5A5A5A5A5A5A5A62, 8, True, "POISON_INUSE"),
        (0xAAAAAAAAAAAAAAAA, 0, True, "PAGE_POISON"),
        (0xCCCCCCCCCCCCCCD4, 8, True, "POISON_FREE_INITMEM"),
        (0xA5A5A5A5A5A5A5A5, 0, True, "POISON_END"),
        (0xDEAD4EAD00000198, 0x198, False, "SPINLOCK_MAGIC"),
        (0xDEADBEEFDEADBEEF, 0, False, "deadbeef"),
        (0xDEAD0000000000F8, -8, False, "LIST_POISON1"),
        (0xDEAD000000000808, 8, True, "SKB_LIST_POISON_NEXT"),
        (0x2222222222222222, 0, True, "MUTEX_DEBUG_FREE"),
    ],
)
def test_poison(value, offset, sure, name):
    found = sense(Fault(value, "x86_64"))
    assert short(found) == ("poison", offset, sure)
    assert name in found.text


def test_poison_through_a_pointer_is_exact():
    found = through(0xDEAD000000000100, 0x48)
    assert (found.kind, found.offset) == ("poison", 0x48)
    assert "LIST_POISON1 + 0x48" in found.text


def test_poison_of_other_architectures():
    assert "LIST_POISON1" in sense(Fault(0x5DEADBEEF0000108, "ppc64")).text
    assert sense(Fault(0x6B6B6B6B, "arm")).kind == "poison"
    # 32-bit kernels have no offset for their poison: it looks like NULL with one.
    assert short(through(0x100, 4, "arm")) == ("poison", 4, False)
    assert "LIST_POISON1" in sense(Fault(0x100, "arm")).text
    assert "LIST_POISON" not in sense(Fault(0x100, "x86_64")).text


def test_kasan_shadow():
    found = sense(Fault(SHADOW + 3, "x86_64", kasan=True))
    assert short(found) == ("kasan-shadow", 0x18, False)
    assert "0x18" in found.text
    assert short(sense(Fault(SHADOW, "x86_64", kasan=True))) == ("kasan-shadow", 0, True)
    # The kernel has worked it out itself, on arm64 too.
    found = sense(Fault(0xDFFF80000000000B, "arm64", original=(0x58, 0x5F)))
    assert short(found) == ("kasan-shadow", 0x58, False)
    # A poisoned pointer's shadow.
    poisoned = SHADOW + (0x6B6B6B6B6B6B6B6B >> 3)
    found = sense(Fault(poisoned, "x86_64", {"rax": SHADOW}, kasan=True))
    assert found.kind == "kasan-shadow"
    assert "POISON_FREE" in found.text
    # The shadow of a kernel address, where no memory was allotted to it.
    found = sense(Fault(0xFFFFED1015458EBA, "x86_64", kasan=True, paging=True))
    assert found.kind == "kasan-shadow"
    assert "0xffff8880aa2c75d0" in found.text


def test_no_kasan_no_shadow():
    assert sense(Fault(0xFFFFED1015458EBA, "x86_64", paging=True)).kind == "kernel"


def test_text():
    found = sense(Fault(int.from_bytes(b"ext4_ino", "little"), "x86_64"))
    assert short(found) == ("ascii", 0, False)
    assert "'ext4_ino'" in found.text
    assert "'/dev/sd'" in sense(Fault(int.from_bytes(b"/dev/sd\0", "little"), "x86_64")).text
    assert "'ext4_ino'" in sense(Fault(int.from_bytes(b"ext4_ino", "big"), "ppc64", big_endian=True)).text
    assert "'XisT'" in sense(Fault(int.from_bytes(b"XisT", "little"), "arm")).text
    found = through(int.from_bytes(b"name_of_", "little"), 0x20)
    assert found.kind == "ascii"
    assert found.offset == 0x20
    assert sense(Fault(0x00007F3A41424344, "x86_64", paging=True)).kind == "user"


def test_one_bit():
    found = sense(Fault(0xFFFB888012345678, "x86_64"))
    assert short(found) == ("one-bit-off", None, False)
    assert "bit 50" in found.text
    assert "0xffff888012345678" in found.text
    found = sense(Fault(0x7FFF888012345678, "x86_64", {"rbx": 0xFFFF888012345678}))
    assert "value of rbx" in found.text
    # Two bits are no bit.
    assert sense(Fault(0xFFF3888012345678, "x86_64")).kind == "non-canonical"
    assert sense(Fault(0xFFFF888012345678, "x86_64", paging=True)).kind == "kernel"


@pytest.mark.parametrize(
    ("value", "architecture", "registers", "kind", "sure"),
    [
        (0x00007FFE12345678, "x86_64", {}, "user", True),
        (0xFFFF9A8012345678, "x86_64", {}, "kernel", True),
        (0xFFFFFFFF81234567, "x86_64", {}, "kernel", True),
        (0x1234567812345678, "x86_64", {}, "non-canonical", True),
        # 5-level page tables: CR4 tells whether they are on.
        (0x00FF123412345678, "x86_64", {}, "non-canonical", False),
        (0x00FF123412345678, "x86_64", {"cr4": 0x1000}, "user", True),
        (0x00FF123412345678, "x86_64", {"cr4": 0x6F0}, "non-canonical", True),
        (0xC0DE1234, "i386", {}, "kernel", True),
        (0x08048000, "i386", {}, "user", True),
        (0xFEE00001, "arm", {}, "kernel", True),
        (0x80801234, "arm", {"pc": 0x8028BD5C}, "kernel", True),
        (0x7F001234, "arm", {"pc": 0x8028BD5C}, "kernel", True),
        (0x12005456, "arm", {"pc": 0x8028BD5C}, "user", True),
        (0xFFFF800010000000, "arm64", {}, "kernel", True),
        (0x0000FFFF12345678, "arm64", {}, "user", True),
        (0xF0FF800010000000, "arm64", {}, "kernel", False),
        (0x1234567812345678, "arm64", {}, "non-canonical", True),
        (0xC000000012345678, "ppc64", {}, "kernel", True),
        (0x8000000041A25F20, "ppc64", {}, "non-canonical", True),
        (0x00007FC03C5D0000, "ppc64", {}, "user", True),
        (0xFFFFFFD7FDE00000, "riscv64", {}, "kernel", True),
        (0x000000000CC6B0D0, "riscv64", {}, "user", True),
        (0x8003AB3C, "mips", {}, "kernel", True),
        (0x9000000012345678, "loongarch64", {}, "kernel", True),
        (0x00000001BB4D8000, "s390x", {}, "unknown", False),
    ],
)
def test_regions(value, architecture, registers, kind, sure):
    found = sense(Fault(value, architecture, registers))
    assert (found.kind, found.sure) == (kind, sure)


def test_a_page_fault_says_that_the_address_is_canonical():
    assert sense(Fault(0x00FF123412345678, "x86_64", paging=True)).kind == "user"


def test_randomised_layouts_are_not_named():
    assert "direct map" not in sense(Fault(0xFFFF9A8012345678, "x86_64", paging=True)).text
    default = {"rsp": 0xFFFFC90000F5FBC0}
    assert "direct map" in sense(Fault(0xFFFF888012345678, "x86_64", default, paging=True)).text


def test_jumps():
    assert "call through a NULL" in sense(Fault(0, "x86_64", fetch=True)).text
    found = sense(Fault(0x286, "x86_64", fetch=True))
    assert "jumped" in found.text
    assert "structure" not in found.text
    assert not found.sure
    assert sense(Fault(0xFFFF880214D12C00, "x86_64", fetch=True, paging=True)).text.startswith("the kernel jumped to")


def test_s390_knows_only_the_page():
    found = sense(Fault(0, "s390x", page_only=True))
    assert found.kind == "null"
    assert found.offset is None


@given(
    st.integers(0, (1 << 64) - 1),
    st.sampled_from([*ARCHITECTURES, "", "vax"]),
    st.dictionaries(st.sampled_from(["rax", "rsp", "cr4", "pc", "eip"]), st.integers(0, (1 << 64) - 1)),
    st.one_of(st.none(), st.tuples(st.integers(0, (1 << 64) - 1), st.integers(-(1 << 31), 1 << 31))),
    st.booleans(),
    st.one_of(st.none(), st.tuples(st.integers(0, (1 << 64) - 1), st.integers(0, (1 << 64) - 1))),
    st.booleans(),
)
def test_anything(value, architecture, registers, through, paging, original, kasan):
    known = None if through is None else operand(*through)
    found = sense(Fault(value, architecture, registers, known, paging, kasan, original))
    assert found.value == value
    assert found.text
    assert found.text.isprintable()
