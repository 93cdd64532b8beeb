"""What the hardware reports: machine checks, memory, PCI Express, NMIs, heat, power, watchdogs.

Corrected errors are no entries here: a machine lives with them for years, so they are evidence beside a crash
(`klog/precursors.py`) and nothing by themselves. Entries are what was not corrected: data is lost, a device is
gone, or the machine goes down. They are not `yields`: a crash behind them is a consequence, and the hardware's own
word is what an administrator must read first.
"""

from .entry import Form, Kind, Where

_IP: tuple[Where, ...] = ("instruction", "trace")
_PANIC = r"Kernel panic - not syncing: "
_PANIC_LITERAL = "Kernel panic - not syncing"
# `mce: [Hardware Error]: ` since Linux 3.10, without `mce: ` since 2.6.33, without both before.
_MCE = r"(?:mce: )?(?:\[Hardware Error\]: )?"
# `{3}[Hardware Error]: `: the number of the report.
_CPER = r"(?:\{\d{1,10}\})?\[Hardware Error\]: "
_DEVICE = r"\S{1,64} [0-9a-f:.]{7,16}: "

KINDS = (
    Kind(
        "machine-check",
        "hardware",
        (
            # Status bit MCIP set: raised as an exception, not found by polling (`print_mce()`).
            Form("Machine Check Exception: ", rf"{_MCE}CPU ?#?\d+: Machine Check Exception: +(?:0x)?[0-9a-fA-F]"),
            Form("Machine check: ", rf"{_MCE}Machine check: \w.*"),
            Form(
                _PANIC_LITERAL,
                rf"{_PANIC}(?:.{{0,60}}[Mm]achine [Cc]heck|Timeout: Not all CPUs entered broadcast|MCA architectural|CPU context corrupt)",
            ),
            # Powerpc: `[Recovered]` and `(Warning)` are left out.
            Form("machine check (", r"MCE: CPU\d+: machine check \((?:Severe|Fatal)\).*\[Not recovered"),
            Form(
                "Machine check interrupt [Not recovered]", r"(?:Severe|Fatal) Machine check interrupt \[Not recovered\]"
            ),
            Form("achine check in kernel mode", r"(?:Data |Instruction )?[Mm]achine check in kernel mode"),
            Form("achine check, sig: ", r"Oops: [Mm]achine check, sig: \d+"),
            Form("Hypervisor Maintenance interrupt", r"Fatal Hypervisor Maintenance interrupt"),
            Form("Unrecoverable Machine check", r"Oops: Unrecoverable Machine check, sig: \d+"),
            Form(
                "achine check interrupt ",
                r"(?:opal: )?Machine check interrupt (?:is fatal|unrecoverable: MSR\(RI=0\))",
            ),
            # MIPS and LoongArch.
            Form(_PANIC_LITERAL, rf"{_PANIC}(?:Can't handle (?:the )?cache error|unhandled cache error)"),
            Form("ache error exception", r"(?:Core\d+: )?Cache error exception(?::| on CPU)"),
            # s390: the panic, and what it says where only a task has to die.
            Form(_PANIC_LITERAL, rf"{_PANIC}mcck: Attempting to kill init!"),
            Form("machine malfunction (code ", r"mcck: Terminating task because of machine malfunction \(code 0x"),
            # SPARC.
            Form(_PANIC_LITERAL, rf"{_PANIC}(?:Irrecoverable [\w+ -]{{1,40}} error|Non-resumable error\.)"),
        ),
        title="Machine Check Exception",
        alternatives=("kernel panic: Fatal machine check",),
        where=(),
        trace="optional",
        refines=("panic", "oops", "machine-check-logged", "memory-failure"),
        source="arch/x86/kernel/cpu/mce/core.c: mce_panic(), arch/powerpc/kernel/mce.c, arch/mips/kernel/traps.c",
    ),
    Kind(
        "machine-check-logged",
        "hardware",
        (
            # Found by polling, at boot mostly: what the last boot died of. Bit 61 of the status is UC, uncorrected; the
            # corrected ones (8…, 9…, c…, d…) are no crash.
            Form(
                "Machine Check: ",
                rf"{_MCE}CPU \d+: Machine Check: +[0-9a-f]+ Bank \d+: [abef][0-9a-f]{{15}}",
            ),
        ),
        title="Machine check: uncorrected error logged",
        where=(),
        trace="none",
        stamped=True,
        event=True,
        source="arch/x86/kernel/cpu/mce/core.c: print_mce()",
    ),
    Kind(
        "memory-failure",
        "hardware",
        (
            Form("Memory failure: 0x", r"Memory failure: 0x[0-9a-f]+: "),
            Form(
                "hardware memory corruption",
                r"(?:MCE(?: 0x[0-9a-f]+)?: Killing|(?:GHES: )?0x[0-9a-f]+: Sending SIGBUS to) .{1,16}:\d+ due to hardware memory corruption",
            ),
            Form("page recovery: ", r"MCE 0x[0-9a-f]+: .{1,40} page recovery: "),
            Form("Uncorrected hardware memory error", rf"{_MCE}Uncorrected hardware memory error in"),
        ),
        title="Memory failure: uncorrected memory error",
        where=(),
        trace="none",
        stamped=True,
        event=True,
        source="mm/memory-failure.c: action_result(), kill_proc()",
    ),
    Kind(
        "edac-uncorrected",
        "hardware",
        (Form(" UE ", r"EDAC (?:\w{1,16} )?MC\d+: (?:\d+ )?UE "),),
        title="EDAC: uncorrected memory error",
        where=(),
        trace="none",
        stamped=True,
        event=True,
        source="drivers/edac/edac_mc.c: edac_ue_error()",
    ),
    Kind(
        "boot-error-record",
        "hardware",
        (Form("records from previous boot", r"BERT: Error records from previous boot"),),
        title="BERT: hardware error record from the previous boot",
        where=(),
        trace="none",
        stamped=True,
        event=True,
        source="drivers/acpi/apei/bert.c: bert_print_all()",
    ),
    Kind(
        "apei",
        "hardware",
        (Form("event severity: ", rf"{_CPER}event severity: (?P<severity>fatal|recoverable)"),),
        title="APEI: {severity} hardware error",
        where=(),
        trace="none",
        stamped=True,
        event=True,
        source="drivers/acpi/apei/ghes.c, drivers/firmware/efi/cper.c: cper_estatus_print()",
    ),
    Kind(
        "pcie-error",
        "hardware",
        (
            # Non-fatal ones come from healthy machines too, while devices are looked for: evidence only.
            Form("severity=Uncorrect", rf"{_DEVICE}(?:AER: )?PCIe Bus Error: severity=Uncorrect(?:ed|able) \(Fatal\)"),
            Form("(Fatal) error", rf"{_DEVICE}AER: (?:Multiple )?Uncorrect(?:ed|able) \(Fatal\) error"),
            Form("Error Severity", r"Error Severity\s{1,4}: Uncorrected \(Fatal\)"),
            Form(
                "evice recovery failed", rf"{_DEVICE}(?:AER: )?[Dd]evice recovery failed", "AER: device recovery failed"
            ),
            Form("EEH: Unable to recover", r"EEH: Unable to recover from failure", "EEH: device permanently failed"),
            Form(
                "permanently disabled", r"EEH: .{0,80}has been permanently disabled", "EEH: device permanently failed"
            ),
        ),
        title="PCIe Bus Error: severity=Uncorrected (Fatal)",
        where=(),
        trace="none",
        stamped=True,
        event=True,
        source="drivers/pci/pcie/aer.c: aer_print_error(), arch/powerpc/kernel/eeh_driver.c",
    ),
    Kind(
        "nmi-error",
        "hardware",
        (
            Form("NMI: PCI system error", r"NMI: (?P<what>PCI system error \(SERR\))"),
            Form("NMI: IOCK error", r"NMI: (?P<what>IOCK error)"),
            Form("NMI: Memory parity", r"NMI: (?P<what>Memory parity error)"),
            Form(
                "hardware problem with your RAM",
                r"You (?:probably|may) have a hardware problem with your RAM",
                "NMI: memory parity error",
            ),
        ),
        title="NMI: {what}",
        where=(),
        trace="optional",
        stamped=True,
        event=True,
        source="arch/x86/kernel/nmi.c: pci_serr_error(), io_check_error()",
    ),
    Kind(
        "nmi-unknown",
        "hardware",
        # Idle states, profilers and management cards make one now and then. With unknown_nmi_panic the panic speaks.
        (Form("NMI received for unknown reason", r"Uhhuh\. NMI received for unknown reason"),),
        where=(),
        trace="none",
        part=True,
        alone=False,
        source="arch/x86/kernel/nmi.c: unknown_nmi_error()",
    ),
    Kind(
        "nmi-panic",
        "hardware",
        (
            Form(_PANIC_LITERAL, rf"{_PANIC}(?P<what>NMI.{{0,40}}: Not continuing)"),
            Form(_PANIC_LITERAL, rf"{_PANIC}(?P<what>An NMI occurred)"),
            # What a management controller sends to get a dump: the same as an NMI, under other names.
            Form(_PANIC_LITERAL, rf"{_PANIC}(?P<what>Arm Generic Diagnostic Dump and Reset .{{1,20}} event issued)"),
            Form(
                _PANIC_LITERAL,
                rf"{_PANIC}(?P<what>a64fx_diag: interrupt received|Received chassis-initiated reset request)",
            ),
        ),
        title="kernel panic: {what}",
        where=(),
        trace="optional",
        part=True,
        refines=("nmi-error",),
        source="arch/x86/kernel/nmi.c: unknown_nmi_error(), drivers/watchdog/hpwdt.c",
    ),
    Kind(
        "hardware-panic",
        "hardware",
        (
            Form(_PANIC_LITERAL, rf"{_PANIC}(?P<what>Fatal hardware error!)"),
            Form(
                _PANIC_LITERAL, rf"{_PANIC}(?P<what>(?:EDAC MC: )?(?:UE|Uncorrected Error)\b)", "kernel panic: EDAC UE"
            ),
            Form(
                _PANIC_LITERAL,
                rf"{_PANIC}EDAC ?[^:]{{0,40}}: ?(?:UE instance|\[\d+ Uncorrectable errors|ECC_DEVICE\[Uncorrectable errors)",
                "kernel panic: EDAC UE",
            ),
            Form(_PANIC_LITERAL, rf"{_PANIC}(?P<what>Memory failure(?: on page|: 0x[0-9a-f]+: .{{1,40}}))"),
            # Devices and buses.
            Form(
                _PANIC_LITERAL,
                rf"{_PANIC}(?:[\w. ]{{1,60}}(?::[0-9a-f]{{2}}){{0,2}}: )?(?P<what>(?:Fatal (?:DQ|CQ|IOST|I?TCT|AXI)[\w ]{{1,30}} interrupt\b"
                r"|Temperature overheat trip!|Unrecoverable System MMU Fault!|DMAR hardware is malfunctioning"
                r"|DDR: Uncorrectable Error|CCACHE: DirFail|Scratch register (?:read|write) error|Fatal memory error\."
                r"|Bus ?Error!?|PCI error\.|(?:CMU|Configuration Logic|OPBD) Error))",
            ),
            Form(_PANIC_LITERAL, rf"{_PANIC}(?P<what>(?:EDAC|PCI).{{0,20}}[Pp]arity [Ee]rror)"),
        ),
        title="kernel panic: {what}",
        where=(),
        trace="optional",
        part=True,
        refines=("apei", "edac-uncorrected", "pcie-error"),
        source="drivers/acpi/apei/ghes.c: __ghes_panic(), drivers/edac/edac_mc.c",
    ),
    Kind(
        "hardware-error-detail",
        "hardware",
        # The lines of a record: they belong to the report before them. Corrected errors consist of them as well.
        (Form("[Hardware Error]: ", rf"(?:mce: )?{_CPER}"),),
        where=(),
        trace="none",
        part=True,
        alone=False,
        source="include/linux/printk.h: HW_ERR",
    ),
    Kind(
        # Code of the firmware, run by the kernel, used memory that it must not: the kernel goes on without that service.
        "firmware-fault",
        "hardware",
        (
            Form("caused by firmware at PA", r"(?:efi: )?\[Firmware Bug\]: Page fault caused by firmware at PA: "),
            Form(
                "in EFI runtime service", r"(?:efi: )?\[Firmware Bug\]: Unable to handle .{1,60} in EFI runtime service"
            ),
        ),
        title="fault in an EFI runtime service",
        where=(),
        trace="optional",
        refines=("warning",),
        source="arch/x86/platform/efi/quirks.c: efi_crash_gracefully_on_page_fault(), arch/arm64/kernel/efi.c",
    ),
    Kind(
        "serror",
        "hardware",
        (
            Form("SError Interrupt on CPU", r"SError Interrupt on CPU ?\d+"),
            Form(_PANIC_LITERAL, rf"{_PANIC}Asynchronous SError Interrupt"),
        ),
        # Asynchronous: where the CPU happened to be says nothing about who caused it.
        title="kernel panic: Asynchronous SError Interrupt",
        where=(),
        refines=("panic", "internal-error"),
        source="arch/arm64/kernel/traps.c: arm64_serror_panic()",
    ),
    Kind(
        "external-abort",
        "hardware",
        (
            Form("synchronous external abort", r"Internal error: synchronous external abort"),
            Form("synchronous parity", r"Internal error: synchronous (?:parity|parity or ECC) error"),
        ),
        title="synchronous external abort in {function}",
        alternatives=("Internal error in {function}",),
        where=_IP,
        source="arch/arm64/mm/fault.c: do_sea()",
    ),
    Kind(
        "irq-nobody-cared",
        "hardware",
        (Form(": nobody cared", r"irq (?:event )?\d+: nobody cared"),),
        title="irq NUM: nobody cared",
        where=(),
        trace="optional",
        stamped=True,
        event=True,
        yields=True,
        source="kernel/irq/spurious.c: __report_bad_irq()",
    ),
    Kind(
        "thermal-shutdown",
        "hardware",
        (
            Form("critical temperature reached", r"thermal \S{1,64}: .{1,64}: critical temperature reached"),
            Form("ritical temperature reached", r"(?:thermal_sys: )?(?:.{1,64}: )?[Cc]ritical temperature reached ?\("),
            Form(
                "HARDWARE PROTECTION ",
                r"(?:reboot: )?HARDWARE PROTECTION (?P<what>\w+ \([^)]{1,80}\))",
                "HARDWARE PROTECTION {what}",
            ),
            Form("mbient temperature", r"(?:Ambient temperature too high reported|High ambient temperature detected)"),
        ),
        title="critical temperature reached, shutting down",
        where=(),
        trace="none",
        stamped=True,
        event=True,
        source="drivers/thermal/thermal_core.c: thermal_zone_device_critical(), kernel/reboot.c: __hw_protection_trigger()",
    ),
    Kind(
        "power-loss",
        "hardware",
        (
            Form(
                "reported by firmware",
                r"(?:\w+: )?Loss of (?:system )?(?:power|critical functions) reported by firmware",
            ),
            Form("power/cooling issue", r"(?:\w+: )?Critical power/cooling issue (?:reported by firmware|detected)"),
            # Worded so since Linux 5.16.
            Form("Check RTAS error log", r"System about to lose power\. Check RTAS error log"),
            Form("Check RTAS error log", r"Loss of system (?:power|critical functions) detected\."),
            Form(
                "Check RTAS error log",
                r"Fatal hardware error detected\. Check RTAS error log",
                "fatal hardware error, powering off",
            ),
            Form("Firmware initiated power off", r"(?:\w+: )?Firmware initiated power off"),
        ),
        title="power or cooling lost, shutting down",
        where=(),
        trace="none",
        stamped=True,
        event=True,
        source="arch/powerpc/platforms/pseries/ras.c: handle_system_shutdown()",
    ),
    Kind(
        "reset-reason",
        "hardware",
        (
            # What the chipset remembers of how the last boot ended; orderly reboots have other reasons.
            Form(
                "Previous system reset reason",
                r"x86/amd: Previous system reset reason \[0x[0-9a-f]+\]: (?P<what>an uncorrected error.*|a parity error.*"
                r"|hardware watchdog timer expired|thermal pin.*|internal CPU .*|a software sync flood.*)",
                "previous reset: {what}",
            ),
            Form(
                "System reset by WDT", r".{0,64}System reset by WDT", "previous reset: hardware watchdog timer expired"
            ),
            Form(
                "Initiating system reboot",
                r"(?:softdog: )?Initiating system reboot",
                "softdog: Initiating system reboot",
            ),
        ),
        where=(),
        trace="none",
        stamped=True,
        event=True,
        source="arch/x86/kernel/cpu/amd.c: print_s5_reset_status_mmio(), drivers/watchdog/",
    ),
)
