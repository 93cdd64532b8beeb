"""Hardware: machine checks, flipped bits, and devices in trouble before the crash."""

import re
from collections.abc import Iterator

from lastwords.diagnosis.bad_pointer import gone_from_under, trail
from lastwords.diagnosis.crash import Crash, first_line
from lastwords.diagnosis.rule import rule
from lastwords.diagnosis.signs import device_in, hardware_signs, look_at_disk, of_disks
from lastwords.diagnosis.story import named
from lastwords.diagnosis.waits import waits_for_io
from lastwords.glossary.machine_check import machine_check_status
from lastwords.model import Culprit, Fact, Finding, NextStep, Oops, Precursor

_MEMTEST = NextStep(text="Test the memory from its own boot, for a night: memtest86+.", command="memtest86+", value=0.8)
_SEL = NextStep(
    text="Read the system event log of the BMC: it keeps memory, power and temperature errors.",
    command="ipmitool sel elist",
    phase="immediate",
    value=0.8,
)
_RAS = NextStep(
    text="Look at the errors that rasdaemon and EDAC counted, by DIMM.",
    command="ras-mc-ctl --summary; grep . /sys/devices/system/edac/mc/mc*/*_count",
    phase="immediate",
    value=0.7,
)


_FAILED = "The hardware reported an error that it could not correct; no software need be at fault."
_BUS = (
    "An access to memory or a device failed on the bus: the device is broken or was switched off, or the driver used an "
    "address where none answers."
)
# How sure it is that hardware failed, by kind of report, and what to say of it. What is not here is `_FAILED`.
_REPORTED: dict[str, tuple[float, str]] = {
    "external-abort": (0.55, _BUS),
    "serror": (0.6, _BUS),
    "pcie-error": (
        0.78,
        "A PCI Express device or its link reported an error; a device that was pulled out or reset does so too.",
    ),
    "machine-check-logged": (
        0.75,
        "The processor had an error on record that was not corrected; at boot, it is mostly of the boot before.",
    ),
    "boot-error-record": (
        0.75,
        "The firmware handed over a record of a fatal error: the boot before this one ended in it.",
    ),
    "hardware-error-detail": (0.7, "The processor or the firmware reported a hardware error."),
    "thermal-shutdown": (0.9, "It became too hot: cooling, dust, or a sensor."),
    "power-loss": (0.7, "Power or cooling went away."),
}
_SOFTWARE_TOO = re.compile(
    r"Not all CPUs entered|MCE: CPU\d{1,5}: machine check|Machine check interrupt|achine check in kernel mode|Oops: Machine"
)
"""Machine checks that bad accesses of software raise too (powerpc), or a CPU that is stuck."""


def _reported(oops: Oops) -> tuple[float, str]:
    if oops.kind == "machine-check" and _SOFTWARE_TOO.search(f"{oops.message} {oops.panic}"):
        return (
            0.7,
            "A machine check that was not recovered: mostly hardware, but a bad access or a stuck CPU can raise it too.",
        )
    return _REPORTED.get(oops.kind, (0.93, _FAILED))


@rule(
    "machine-check",
    "an error that the hardware itself reports",
    why="The processor, the memory controller, the firmware or the bus found an error; software seldom has a part in it.",
    sure="almost certain for machine checks and memory errors; less so where a driver's bad access looks the same",
)
def machine_check(crash: Crash) -> Iterator[Finding]:
    """Reports of the hardware family before, as or after the crash."""
    for oops in crash.reports:
        if oops.family != "hardware" or oops.kind in ("nmi-panic", "nmi-unknown", "irq-nobody-cared", "reset-reason"):
            continue
        own = oops is crash.oops
        confidence, said = _reported(oops)
        yield Finding(
            id="machine-check",
            title=f"the hardware reported an error: {oops.title}",
            text=said + _decoded(oops) + (_LEFT_OVER if _found_at_boot(oops) else "")
            if own
            else f"The hardware had reported an error ({oops.title}); what crashed later may be its victim.",
            confidence=confidence if own else min(confidence, 0.6),
            crash_class="hardware",
            culprit=None,
            evidence=(first_line(oops),),
            next=(
                _SEL,
                _RAS,
                NextStep(
                    text="Decode the bank and status: which unit, which DIMM.", command="mcelog --ascii", value=0.6
                ),
                _MEMTEST,
            ),
            weight=0.95 if own else 0.6,
        )


_BANK = re.compile(r"CPU (\d{1,5}): Machine Check(?: Exception)?: [0-9a-f]{1,16} Bank (\d{1,3}): ([0-9a-f]{1,16})\b")


def _decoded(oops: Oops) -> str:
    """Which CPU found it and in which bank, and what the architecture says of its status."""
    told = _BANK.search(oops.message)
    if told is None:
        return ""
    status = machine_check_status(int(told[3], 16))
    return f" CPU {int(told[1])}, bank {int(told[2])}{f': {status[-1]}' if status else ''}."


_LEFT_OVER = (
    " It was found in the processor's banks while booting: it happened before this boot, and may be why there was one."
)
_BANKS_READ = 30.0
"""Seconds after boot until all CPUs' banks were read for what a reset left in them (arch/x86/kernel/cpu/mce/core.c)."""


def _found_at_boot(oops: Oops) -> bool:
    """A machine check that was logged, and not fatal, in the first seconds."""
    logged = oops.message.startswith("mce: [Hardware Error]") and oops.panic is None
    return logged and oops.time is not None and oops.time < _BANKS_READ


@rule(
    "flipped-bit",
    "a pointer that is one bit away from a sane one",
    why="Software seldom changes a single bit of a pointer; failing memory does.",
    sure="probable: bit operations on a wrong address and locks in freed memory can do it too",
)
def flipped_bit(crash: Crash) -> Iterator[Finding]:
    """One bit off, by the dump's objects or by the log's registers."""
    oops, blame = crash.oops, crash.blame
    by_dump = blame is not None and "one bit away from" in blame.sense
    by_log = oops is not None and oops.address is not None and oops.address.kind == "one-bit-off"
    if oops is None or not (by_dump or by_log):
        return
    said = blame.sense if by_dump and blame is not None else oops.address.text if oops.address else ""
    where = named(blame.function, blame.module) if blame is not None else named(oops.function, oops.module)
    yield Finding(
        id="flipped-bit",
        title="a single bit of a pointer was flipped",
        text=f"The pointer that {where} followed is {said}: a single flipped bit points at failing memory rather than "
        "at a bug, unless it happens again at the same place.",
        # Where a module is gone, nearly all addresses around are one bit away from something.
        confidence=0.4 if gone_from_under(crash) else 0.78 if by_dump else 0.6,
        crash_class="hardware",
        culprit=Culprit(),  # no code is to blame
        evidence=(
            crash.here(),
            Fact(text=f"the pointer is {said}", address=blame.address if blame else None),
            *(trail(blame) if blame else ()),
            *(Fact(text=s) for s in (blame.memory if blame else ())),
        ),
        next=(_SEL, _RAS, _MEMTEST, _AGAIN),
        weight=0.97,
    )


_AGAIN = NextStep(
    text="If it happens again elsewhere, with other addresses: exchange the memory. If at the same place: it is software.",
    value=0.5,
)


@rule(
    "flipped-text",
    "code in memory that differs from what was built",
    why="The kernel's code is read-only; a byte of it that differs by one bit was changed by hardware.",
    sure="almost certain where a single bit differs from the vmlinux",
)
def flipped_text(crash: Crash) -> Iterator[Finding]:
    """Bits of the text around the fault that differ from the vmlinux."""
    blame = crash.machine.blame if crash.machine else None
    if blame is None or not blame.flipped:
        return
    first = blame.flipped[0]
    one = len(blame.flipped) == 1 and (first.byte ^ first.expected).bit_count() == 1
    yield Finding(
        id="flipped-text",
        title="the kernel's code was changed in memory",
        text=f"In {first.function}() a byte of code is {first.byte:#04x} instead of {first.expected:#04x}"
        + (
            ": a single flipped bit, which points at failing memory."
            if one
            else ": somebody or something overwrote it."
        ),
        confidence=0.92 if one else 0.6,
        crash_class="hardware" if one else "memory-corruption",
        culprit=Culprit() if one else Culprit(function=first.function),
        evidence=tuple(
            Fact(text=f"{flip.function}: {flip.byte:#04x} instead of {flip.expected:#04x}", address=flip.address)
            for flip in blame.flipped[:8]
        ),
        next=(_SEL, _RAS, _MEMTEST),
        weight=1.0,
    )


_DISK = "Look at the disk: is it still there, what does it count, what do the paths and the array say?"


@rule(
    "hardware-before",
    "errors of devices or memory before the crash",
    why="A disk, link or memory that fails takes with it whoever uses it.",
    sure="possible: it stands close to the crash, but need not have caused it",
)
def hardware_before(crash: Crash) -> Iterator[Finding]:
    """Hardware messages among the signs."""
    signs = hardware_signs(crash)
    if not signs or (crash.oops is not None and crash.oops.family == "hardware"):
        return
    storage = crash.oops is not None and crash.oops.family in ("filesystem", "storage", "hang")
    disks = sorted(filter(of_disks, signs), key=lambda sign: sign.line)
    if disks and crash.machine is None and crash.oops is not None and waits_for_io(crash.oops):
        return  # hung-behind-io tells it
    gone = next((sign for sign in signs if _lost(crash, sign)), None)
    if gone is not None:
        yield _device_gone(crash, gone)
        return
    # What came first is nearest to the cause; what came most often mostly follows from it.
    first = next(iter(disks), signs[0])
    disk = look_at_disk(device_in(sign.text for sign in disks), _DISK, value=0.85)
    yield Finding(
        id="hardware-before",
        title="hardware complained before it",
        text=f"Before it the kernel reported: “{first.text[:160]}”. {first.why}",
        confidence=0.75 if storage else 0.5,
        crash_class="hardware",
        evidence=tuple(crash.sign(sign) for sign in signs[:5]),
        next=(disk, _SEL) if disks else (_SEL, _RAS),
        weight=0.85 if storage else 0.5,
    )


_GONE = re.compile(r"fallen off the bus|controller is down; will reset|HC died|[Dd]isabling device after reset")
"""What drivers say of a device that answers no more: all they read from it is ones, or nothing."""
_SPEAKERS = {"NVRM": "nvidia"}
"""Who speaks under another name than their module's."""


def _lost(crash: Crash, sign: Precursor) -> bool:
    """The sign tells that a device is gone, and the crash is in its driver."""
    speaker = re.match(r"\w{1,64}", sign.text)
    driver = _SPEAKERS.get(speaker[0], speaker[0]) if speaker else ""
    module = crash.oops.module if crash.oops else None
    return module is not None and module == driver and _GONE.search(sign.text, 0, 400) is not None


def _device_gone(crash: Crash, sign: Precursor) -> Finding:
    module = crash.oops.module if crash.oops else None
    return Finding(
        id="hardware-before",
        title=f"a device of {module} was gone before {module} crashed",
        text=f"{module} reported before it crashed that its device is gone: “{sign.text[:160]}”. Look at the device first; "
        f"that {module} did not survive it comes second.",
        confidence=0.75,
        crash_class="hardware",
        culprit=Culprit(module=module),
        evidence=(crash.sign(sign), crash.here()),
        next=(
            NextStep(
                text="Look whether the device is still there, and for PCIe errors; check its seat, power and cooling.",
                command="lspci -nn; dmesg | grep -iE 'aer|pcie|Xid'",
                phase="immediate",
                value=0.9,
            ),
            _SEL,
        ),
        weight=0.95,
    )


@rule(
    "unknown-nmi",
    "an NMI that nobody knows the reason of",
    why="Somebody pressed the NMI button or had the BMC or the hypervisor send one, to get a dump; or hardware raised it.",
    sure="probable in a virtual machine, where little else raises one; on hardware it is open",
)
def unknown_nmi(crash: Crash) -> Iterator[Finding]:
    """unknown_nmi_panic."""
    oops = crash.oops
    if oops is None or oops.kind not in ("nmi-panic", "nmi-unknown"):
        return
    guest = crash.hypervisor
    managed = (
        "An NMI occurred" in oops.message
    )  # drivers/watchdog/hpwdt.c: a watchdog or a management board's own errors
    sender = (
        "the server's management board: its watchdog, its error handling, or its NMI button"
        if managed
        else f"{guest}'s administrator (inject-nmi)"
        if guest
        else "the NMI button, the BMC (power diag), or failing hardware"
    )
    yield Finding(
        id="unknown-nmi",
        title="an NMI came, and the kernel is told to panic then",
        text=f"An NMI came, and the kernel is told to panic then. It mostly comes from {sender}"
        + ("." if managed else "; look at what the machine was doing for why somebody wanted a dump."),
        confidence=0.5 if managed else 0.75 if guest else 0.5,
        crash_class=None if managed else "deliberate",
        evidence=(crash.here(), *(crash.sign(sign) for sign in crash.precursors if "NMI" in sign.text)),
        next=(
            NextStep(
                text=f"Ask who sent it; the log of the {'host' if guest else 'BMC'} has the command.",
                phase="immediate",
                value=0.8,
            ),
            *(() if guest else (_SEL,)),
        ),
        weight=0.9,
    )
