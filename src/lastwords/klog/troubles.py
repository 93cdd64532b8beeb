"""What the kernel says when hardware, a driver or a file system is in trouble, short of a crash."""

import re
from typing import NamedTuple


class Trouble(NamedTuple):
    """A kind of message that matters before a crash, whatever else the log holds.

    Attributes:
        pattern: matched at the start of the message.
        why: one sentence on what it says.
    """

    pattern: re.Pattern[str]
    why: str


_ANY = r".{0,120}?"

# Literal words, one of which every message of the table below holds: they are looked for first.
_MARKS = re.compile(
    r"(?i)error|EDAC|Bus|temperature|NMI|Uhhuh|timeout|timed out|link|command|exception|fault|medium|offline|controller"
    r"|hang|Xid|died|dead|Memory failure|Killing|Disk failure|smmu|thermal"
)

HARDWARE = tuple(
    Trouble(re.compile(pattern), why)
    for pattern, why in (
        # arch/x86/kernel/cpu/mce/core.c, drivers/firmware/efi/cper.c, drivers/acpi/apei/ghes.c
        (rf"{_ANY}\[Hardware Error\]", "The processor or the firmware reported a hardware error."),
        (r"(?:mce: )?Uncorrected hardware memory error|Memory failure: 0x|MCE: Killing", "A page of memory is broken."),
        # drivers/edac/edac_mc.c
        (
            r"EDAC .{0,40}?\b(?:[0-9]+ )?(?:CE|UE)\b|EDAC .{0,60}HANDLING MCE",
            "The memory controller reported an error.",
        ),
        (rf"{_ANY}\bECC\b.{{0,60}}\b[Ee]rror", "Memory with error correction reported an error."),
        # drivers/pci/pcie/aer.c
        (
            rf"{_ANY}(?:AER: (?:Multiple )?(?:Corrected|Correctable|Uncorrect)|PCIe Bus Error: severity=)",
            "A PCI Express device or its link reported an error.",
        ),
        (
            r"pcieport .{0,80}pciehp: Slot\(\S{1,16}\): (?:Link Down|Card not present)",
            "A PCI Express device went away.",
        ),
        # arch/x86/kernel/nmi.c
        (
            r"NMI: (?:PCI system error|IOCK error)|Uhhuh\. NMI received",
            "An NMI that nobody expected: hardware, or its firmware.",
        ),
        # drivers/thermal, arch/x86/kernel/cpu/mce/therm_throt.c
        (rf"{_ANY}(?:temperature (?:is )?above threshold|critical temperature)", "Something was too hot."),
        # drivers/iommu
        (
            rf"DMAR: (?:\[DMA|\[INTR|DRHD: handling fault)|{_ANY}AMD-Vi: .{{0,80}}(?:IO_PAGE_FAULT|ILLEGAL_DEV)"
            r"|arm-smmu.{0,60}(?:[Uu]nhandled context fault|event 0x10)",
            "The IOMMU stopped a device's access to memory that was not mapped for it.",
        ),
        (
            rf"{_ANY}AMD-Vi: .{{0,40}}(?:Completion-Wait loop timed out|Command buffer timeout)"
            r"|arm-smmu.{0,60}(?:CMDQ timeout|CMD_SYNC timeout|TLB sync timed out)|DMAR: .{0,60}Invalidation (?:Time-out|Queue) Error",
            "The IOMMU itself did not answer.",
        ),
        # block/blk-core.c, drivers/ata, drivers/scsi, drivers/nvme, drivers/md
        (
            rf"{_ANY}(?:I/O error, dev |critical (?:medium|target) error, dev |Buffer I/O error on |[Mm]edium [Ee]rror"
            r"|rejecting I/O to offline device|Sense Key : Hardware Error|Disk failure on )",
            "A disk failed to read or write.",
        ),
        # mm/page_io.c
        (r"(?:Write|Read)-error on swap-device", "Memory that was swapped out can't be read, or not be written."),
        (
            r"ata[0-9.]{1,8}: (?:exception Emask|failed command|(?:hard|soft) resetting link|link is slow)",
            "A disk did not answer as it should.",
        ),
        (
            r"nvme .{0,40}(?:controller is down|[Dd]isabling device after reset|timeout, (?:aborting|reset|disable|completion polled)"
            r"|Device not ready)",
            "An NVMe drive did not answer.",
        ),
        # Network, graphics and USB.
        (
            rf"{_ANY}(?:Hardware Unit Hang|Tx Unit Hang|transmit queue [0-9]+ timed out)",
            "A network card stopped sending.",
        ),
        (
            rf"NVRM: Xid|{_ANY}(?:GPU HANG|GPU fault detected|ring \S{{1,16}} timeout)",
            "A graphics card reported an error.",
        ),
        (rf"{_ANY}(?:xHCI host controller not responding|HC died; cleaning up)", "A USB controller stopped working."),
    )
)

FAULT_INJECTION = "FAULT_INJECTION: "
"""lib/fault-inject.c: somebody made this call fail on purpose."""

_WORDS = re.compile(
    r"(?i)\b(?:errors?|fail(?:ed|s|ure|ures|ing)?|timeout|timed out|abort(?:ed|ing)?|resetting|unable|invalid|corrupt\w{0,6}|"
    r"bad|lost|refused|cannot|can't|could not|couldn't|out of|overflow\w{0,3}|overflown|underrun|overrun|stuck|hung|hogged|"
    r"no (?:memory|space|room|buffers?|resources)|not enough|insufficient|not respond\w{0,3}|unexpected|exception|exhausted|full|denied|unrecoverable|offline|dead|died|leak\w{0,3}|mismatch|"
    r"unstable|dropping|dropped|duplicate|warning|illegal|violation|unhandled|deadlocks?|BUG|stalled|starved|unresponsive|degraded|buggy|recursion limit|xfs_repair|inconsisten\w{0,4}|missing|disabled by|oops)\b"
)
# The words in what is no trouble.
_HARMLESS = re.compile(
    r"(?i)errors=(?:remount-ro|continue|panic)|\b(?:no|0|without) errors?\b|Error Record Serialization|Errors collector|"
    r"error (?:handling|reporting|recovery) (?:enabled|initialized|active)|"
    r"module verification failed: |Unstable clock detected|full duplex|full-speed|link is up|fail-?safe|"
    r"set to (?:abort|panic) on|watchdog timeout (?:set|of)|timeout set to|missing-.{0,20} driver"
)
# Programs and their crashes: loud, and seldom of meaning for the kernel's own.
_PROGRAMS = re.compile(
    r"audit: |kauditd_|traps: |[^\s\[\]]{1,64}\[[0-9]{1,10}\]: |show_signal|potentially unexpected fatal signal|random: |"
    r"process '.{0,80}' launched '|oom[_-]kill|Out of memory: Killed|Code: |={8,}|-{8,}|page dumped because: "
)


def hardware(text: str) -> Trouble | None:
    """The kind of hardware trouble that a message tells, or None."""
    if _MARKS.search(text, 0, 400) is None:
        return None
    return next((trouble for trouble in HARDWARE if trouble.pattern.match(text)), None)


def told(text: str) -> bool:
    """Whether a message tells of trouble in its words."""
    return _WORDS.search(text, 0, 400) is not None and _HARMLESS.search(text, 0, 400) is None


def of_a_program(text: str) -> bool:
    """Whether a message is a program's, or about one."""
    return _PROGRAMS.match(text) is not None
