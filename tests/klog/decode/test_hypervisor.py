import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastwords.klog.decode.hypervisor import hypervisor


@pytest.mark.parametrize("selector", [0xE030, 0xE033])
def test_a_paravirtualised_guest_of_xen(selector: int) -> None:
    assert hypervisor("Dell Inc. PowerEdge R610/0F0XJ6", {"cs": selector}) == "Xen"
    assert hypervisor(None, {"cs": selector}) == "Xen"
    assert hypervisor(None, {"cs": 0x10}) is None


@pytest.mark.parametrize(
    ("hardware", "expected"),
    [
        ("QEMU Standard PC (i440FX + PIIX, 1996), BIOS 1.16.3-debian-1.16.3-2 04/01/2014", "QEMU"),
        ("QEMU QEMU Virtual Machine, BIOS edk2-stable202408 02/22/2022", "QEMU"),
        ("Bochs Bochs, BIOS Bochs 01/01/2011", "QEMU"),
        ("riscv-virtio,qemu (DT)", "QEMU"),
        ("linux,dummy-virt (DT)", "QEMU or another with its virt machine"),
        ("Red Hat KVM/RHEL-AV, BIOS 1.13.0-2.module_el8 04/01/2014", "KVM"),
        ("OpenStack Foundation OpenStack Nova, BIOS 1.13.0 04/01/2014", "OpenStack"),
        ("VMware, Inc. VMware Virtual Platform/440BX Desktop Reference Platform, BIOS 6.00 11/12/2020", "VMware"),
        ("VMware, Inc. VMware7,1/440BX Desktop Reference Platform, BIOS VMW71 11/12/2020", "VMware"),
        ("innotek GmbH VirtualBox/VirtualBox, BIOS VirtualBox 12/01/2006", "VirtualBox"),
        ("Xen HVM domU, BIOS 4.11.1 01/01/2019", "Xen"),
        ("Microsoft Corporation Virtual Machine/Virtual Machine, BIOS 090008  12/07/2018", "Hyper-V"),
        ("Amazon EC2 m5.large/, BIOS 1.0 10/16/2017", "Amazon EC2"),
        ("Google Google Compute Engine/Google Compute Engine, BIOS Google 01/01/2011", "Google Compute Engine"),
        ("IBM 2964 N96 400 (KVM/Linux)", "KVM"),
        ("IBM 3906 M04 704 (LPAR)", "PR/SM (LPAR)"),
        ("IBM 2964 N96 704 (z/VM 6.4.0)", "z/VM"),
        ("IBM pSeries (emulated by qemu) POWER9 (raw) 0x4e1202 0xf000005 of:SLOF,HEAD pSeries", "QEMU"),
        ("IBM,9080-M9S POWER9 (raw) 0x4e2102 0xf000005 of:IBM,FW950.01 hv:phyp pSeries", "PowerVM"),
        # Machines
        ("Amazon EC2 c5.metal/Not Specified, BIOS 1.0 10/16/2017", None),
        ("Dell Inc. PowerEdge R740xd/06WXJT, BIOS 2.11.2 04/21/2021", None),
        ("Microsoft Corporation Surface Laptop 4/Surface Laptop 4, BIOS 8.101.143 02/04/2022", None),
        ("Apple Inc. MacBookPro10,2/Mac-AFD8A9D944EA4843, BIOS MBP102.88Z.0106.B0A.1509130955 09/13/2015", None),
        ("Google Inc. MSM sdm845 C1 DVT1.1 (DT)", None),
        ("Raspberry Pi 5 Model B Rev 1.0 (DT)", None),
        (None, None),
    ],
)
def test_names(hardware, expected):
    assert hypervisor(hardware) == expected


@given(st.text())
def test_any_text(text):
    hypervisor(text)
