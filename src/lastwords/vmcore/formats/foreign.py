"""Files that are not a dump we read: what they are, and what turns them into one.

The table goes by first bytes, so that a user who hands over the wrong file reads its name, not "unknown format".
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Foreign:
    """One kind of file.

    Attributes:
        magic: bytes that tell it.
        what: its name.
        advice: what to do with it.
        offset: of the magic in the file.
        memory: it holds a machine's memory, so it can be converted; else it is something else.
    """

    magic: bytes
    what: str
    advice: str
    offset: int = 0
    memory: bool = True


_VMWARE = (
    "VMware's vmss2core makes an ELF dump of it: vmss2core -N6 FILE.vmss FILE.vmem "
    "(crash reads the .vmss and .vmem files as they are, side by side)"
)
_VIRSH = "dump the guest again with: virsh dump --memory-only --format=elf GUEST FILE"
_SADUMP = "makedumpfile makes a kdump-compressed dump of it: makedumpfile -c -d 31 -x vmlinux FILE vmcore"
_HYPERV = "Microsoft's vm2core (Azure/azure-linux-utils on GitHub) makes an ELF dump of a Hyper-V snapshot"
_ZGETDUMP = "zgetdump (s390-tools) makes an ELF dump of it: zgetdump -f elf FILE > vmcore"

FOREIGN: tuple[Foreign, ...] = (
    # VMware's checkpoint files, all versions of the magic number that crash's vmware_vmss.c knows.
    Foreign(b"\xd0\xbe\xd2\xbe", "a VMware suspend or snapshot file (.vmss, .vmsn)", _VMWARE),
    Foreign(b"\xd1\xba\xd1\xba", "a VMware suspend or snapshot file (.vmss, .vmsn)", _VMWARE),
    Foreign(b"\xd2\xbe\xd2\xbe", "a VMware suspend or snapshot file (.vmss, .vmsn)", _VMWARE),
    Foreign(b"\xd3\xbe\xd3\xbe", "a VMware suspend or snapshot file (.vmss, .vmsn)", _VMWARE),
    Foreign(b"sadump\0\0", "a sadump file, written by Fujitsu's firmware", _SADUMP),
    # LKCD's dump_header_t begins with DUMP_MAGIC_NUMBER.
    Foreign(b"\xed\x23\x8f\x61\x73\x01\x19\xa8", "an LKCD dump", "crash reads it; nothing converts it"),
    Foreign(b"\xa8\x19\x01\x73\x61\x8f\x23\xed", "an LKCD dump", "crash reads it; nothing converts it"),
    Foreign(b"\xa8\x19\x01\x73\x61\x8f\x23\xfd", "an s390 stand-alone dump", _ZGETDUMP),
    Foreign(b"\xa8\x19\x01\x73\x61\x8f\x23\xfe", "an s390 stand-alone dump", _ZGETDUMP),
    Foreign(b"DISKDUMP", "a diskdump of RHEL 3 or 4", "crash reads it; nothing converts it"),
    Foreign(b"LinuxGuestRecord", "a Xen save file", "dump the domain instead: xl dump-core DOMAIN FILE, then crash"),
    Foreign(b"Xen saved domain", "a Xen save file", "dump the domain instead: xl dump-core DOMAIN FILE, then crash"),
    Foreign(b"LibvirtQemudSave", "a libvirt save file", f"restore the guest (virsh restore FILE), then {_VIRSH}"),
    Foreign(b"LibvirtQemudPart", "a libvirt save file that was not finished", _VIRSH),
    Foreign(b"QEVM", "a QEMU migration stream, as `virsh dump` without --memory-only writes", _VIRSH),
    Foreign(b"PAGEDU64", "a Windows crash dump", "WinDbg reads it; of a Linux guest: dump again in ELF format"),
    Foreign(b"PAGEDUMP", "a Windows crash dump", "WinDbg reads it; of a Linux guest: dump again in ELF format"),
    Foreign(b"MDMP", "a Windows minidump", "WinDbg reads it", memory=False),
    Foreign(b"HyperVStorage", "a Hyper-V saved state (.vmrs)", _HYPERV),
    Foreign(b"\x01HyperVStorage", "a Hyper-V saved state (.vmrs)", _HYPERV),
    Foreign(b"EMiL", "a LiME memory image", "crash reads it; volatility3 analyses it"),
    Foreign(b"AVML", "an AVML memory image", "avml-convert turns it into a LiME image, which crash reads"),
    Foreign(b"KDMV", "a VMware disk image", "it holds a disk, not memory", memory=False),
    Foreign(b"QFI\xfb", "a qcow2 disk image", "it holds a disk: a dump may lie in its /var/crash", memory=False),
    Foreign(b"!<arch>\n", "an archive: a Debian package?", "unpack it first: dpkg-deb -x FILE DIR", memory=False),
    Foreign(b"\xed\xab\xee\xdb", "an RPM package", "unpack it first: rpm2cpio FILE | cpio -id", memory=False),
    Foreign(b"PK\x03\x04", "a ZIP archive", "unpack it first: unzip FILE", memory=False),
    Foreign(b"LPKSHHRH", "a binary journal", "read it with: journalctl --file FILE -k", memory=False),
    Foreign(b"070701", "a cpio archive: an initramfs?", "no dump in itself", memory=False),
    Foreign(b"HdrS", "a compressed kernel image (vmlinuz)", "no dump; debuginfo has a vmlinux", 0x202, memory=False),
    Foreign(b"ustar", "a tar archive", "unpack it first: tar xf FILE", 257, memory=False),
)

HEAD = 0x210
"""Bytes of a file that the table looks at."""


def foreign(head: bytes) -> Foreign | None:
    """What a file is that begins with these bytes, if the table knows it."""
    return next((known for known in FOREIGN if head.startswith(known.magic, known.offset)), None)


def looks_like_text(head: bytes) -> bool:
    """Whether bytes are the start of a text, such as a log: no NULs, and few bytes that are not ASCII text."""
    if not head or b"\0" in head:
        return False
    odd = sum(byte >= 0x7F or (byte < 0x20 and byte not in b"\t\n\r\x1b") for byte in head)
    return odd * 5 <= len(head)
