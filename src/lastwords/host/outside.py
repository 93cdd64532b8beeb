"""How a machine that hangs is told to dump from outside: an NMI from its hypervisor, its BMC or its cloud."""

import re

from lastwords.model.oops import Struct

from .machine import Host

_DMI = "/sys/class/dmi/id"
_LIMIT = 256


class Way(Struct, frozen=True, kw_only=True):
    """One way.

    Attributes:
        place: where the command is given.
        command: what to type, with the names in capitals filled in.
        machines: which machines it is for: a pattern for vendor and product of DMI; empty for others.
        note: what else is to be known.
    """

    place: str
    command: str
    machines: str = ""
    note: str = ""


# The first of clouds and hypervisors that fits; each command is the vendor's documented one.
_VIRTUAL = (
    Way(
        place="anywhere with the AWS CLI",
        command="aws ec2 send-diagnostic-interrupt --instance-id INSTANCE",
        machines=r"Amazon EC2",
    ),
    Way(
        place="anywhere with the Google Cloud CLI",
        command="gcloud compute instances send-diagnostic-interrupt INSTANCE",
        machines=r"Google",
    ),
    Way(
        place="anywhere with the OCI CLI",
        command="oci compute instance action --action SENDDIAGNOSTICINTERRUPT --instance-id INSTANCE",
        machines=r"OracleCloud",
    ),
    Way(
        place="the Hyper-V host, or on Azure the serial console's button Send NMI",
        command="Debug-VM -Name NAME -InjectNonMaskableInterrupt -Force",
        machines=r"Microsoft Corporation.{0,20}Virtual Machine",
        note="Azure's CLI: az serial-console send nmi --name NAME --resource-group GROUP",
    ),
    Way(
        place="the ESXi host",
        command="vmdumper -l, then vmdumper WORLD nmi",
        machines=r"VMware",
    ),
    Way(place="the Xen host", command="xl trigger DOMAIN nmi", machines=r"Xen"),
    Way(
        place="the libvirt host",
        command="virsh inject-nmi DOMAIN",
        machines=r"QEMU|KVM|Red Hat|OpenStack|Bochs|BHYVE",
        note="no kdump in the guest? virsh dump --memory-only DOMAIN FILE dumps it from outside; "
        "without libvirt: inject-nmi in QEMU's monitor",
    ),
)
_BMC = (
    Way(place="anywhere that reaches the BMC", command="ipmitool -I lanplus -H BMC -U USER chassis power diag"),
    Way(
        place="the same, by Redfish",
        command="POST /redfish/v1/Systems/ID/Actions/ComputerSystem.Reset with the ResetType Nmi",
    ),
)
_Z = Way(place="z/VM's console of the guest", command="system restart", note="LPAR: PSW restart on the HMC")
_POWER = Way(place="the HMC", command="chsysstate -m SYSTEM -r lpar -n LPAR -o dumprestart")
_SERIAL = Way(
    place="the serial console",
    command="a break, then c within 5 s",
    note="kernel.sysrq must allow it (bit 8); at a keyboard: Alt+SysRq+C",
)


def ways(host: Host) -> list[Way]:
    """What there is for this machine, the likeliest first."""
    if host.machine == "s390x":
        return [_Z]
    found = [] if not host.machine.startswith("ppc") else [_POWER]
    described = " ".join(
        _dmi(host, name) for name in ("sys_vendor", "product_name", "chassis_asset_tag", "bios_vendor")
    )
    virtual = next((way for way in _VIRTUAL if re.search(way.machines, described)), None)
    return [*found, *([virtual] if virtual else () if found else _BMC), _SERIAL]


def nmi_panics(host: Host) -> bool | None:
    """Whether an NMI from outside makes a panic here; None where there is no such setting."""
    value = host.sysctl("kernel.unknown_nmi_panic")
    return None if value is None else value != "0"


def _dmi(host: Host, name: str) -> str:
    return host.root.text(f"{_DMI}/{name}", _LIMIT) or ""
