import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastwords.klog.decode.architecture import architecture


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"registers": "x86_64", "values": {}}, "x86_64"),
        ({"registers": "ppc64", "values": {"nip": 0xC000000000353484, "r31": 1}}, "ppc64"),
        ({"registers": "ppc64", "values": {"nip": 0xC0012345, "r31": 1}}, "ppc"),
        ({"texts": ["Internal error: Oops: 5 [#1] PREEMPT SMP ARM"]}, "arm"),
        ({"texts": ["Internal error: Oops: 17 [#1] SMP THUMB2"]}, "arm"),
        ({"texts": ["Internal error: Oops: 0000000096000004 [#1] SMP"]}, "arm64"),
        ({"functions": ["do_syscall_64", "f"]}, "x86_64"),
        ({"functions": ["el0t_64_sync"]}, "arm64"),
        ({"functions": ["ret_fast_syscall"]}, "arm"),
        ({"release": "6.1.0-18-amd64"}, "x86_64"),
        ({"release": "5.14.0-362.el9.aarch64"}, "arm64"),
        ({"release": "3.10.0-1160.el7.ppc64le"}, "ppc64"),
        ({"release": "5.10.0-8-686-pae", "hardware": "riscv-virtio,qemu (DT)"}, "riscv64"),
        ({"release": "2.6.32-754.el6.i686"}, "i386"),
        ({"hardware": "ARM-Versatile Express"}, "arm"),
        ({"hardware": "IBM 2964 N96 400 (KVM/Linux)"}, "s390x"),
        ({"hardware": "Google Google Compute Engine/Google Compute Engine, BIOS Google 01/01/2011"}, None),
        ({"release": "5.13.0-syzkaller"}, None),
        ({}, None),
    ],
)
def test_signs(arguments, expected):
    assert architecture(**{"registers": None, "values": {}, **arguments}) == expected


@given(st.lists(st.text()), st.lists(st.text()), st.text(), st.text())
def test_any_text(texts, functions, release, hardware):
    texts = [*texts, *("Internal error: " + text for text in texts)]
    architecture(None, {}, texts, functions, release, hardware)
