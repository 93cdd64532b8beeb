"""What a hypervisor, or the firmware below the kernel, does to it: injected interrupts, crashed domains, Xen's own panic.

`BUG`s and faults inside a guest are a guest's like any other. An NMI that a host injects (`virsh inject-nmi`, Azure's
and Hyper-V's "send NMI") can't be told from another unknown one: see `nmi-panic`.
"""

from .entry import Form, Kind

_PANIC = r"Kernel panic - not syncing: "
_PANIC_LITERAL = "Kernel panic - not syncing"

KINDS = (
    Kind(
        "hypervisor-panic",
        "panic",
        (
            Form(_PANIC_LITERAL, rf"{_PANIC}(?P<what>Host injected async #PF in [a-z ]{{1,40}})"),
            Form(_PANIC_LITERAL, rf"{_PANIC}(?P<what>(?:Hyper-V|[Xx]en|KVM|VMware|TDX|SEV|hv_\w+)\b.{{0,100}})"),
            Form(
                _PANIC_LITERAL,
                rf"{_PANIC}(?P<what>TDVMCALL failed\.|TDCALL \d+ failed|Unexpected EPT-violation on private memory"
                r"|PANIC requested by LDOM manager)",
            ),
        ),
        title="kernel panic: {what}",
        where=(),
        trace="optional",
        part=True,
        source="arch/x86/kernel/kvm.c: __kvm_handle_async_pf(), arch/x86/xen, arch/x86/hyperv",
    ),
    Kind(
        "system-reset",
        "panic",
        (
            # PowerVM's and KVM's way to inject a crash: the management console's "dump restart", `virsh inject-nmi`.
            Form("Oops: System Reset", r"Oops: System Reset, sig: \d+ \[#\d+\]"),
            Form(_PANIC_LITERAL, rf"{_PANIC}Unrecoverable System Reset"),
        ),
        title="System Reset injected",
        where=(),
        trace="optional",
        refines=("oops", "panic"),
        source="arch/powerpc/kernel/traps.c: system_reset_exception()",
    ),
    Kind(
        "vmm-exception",
        "fault",
        (
            Form(
                "#VC ",
                r"(?:SEV: |sev: |PANIC: )?(?:Unsupported|Unhandled|Unexpected).{0,40} in (?:early )?#VC (?:exception|instruction)",
                "unsupported #VC exception in {function}",
            ),
            Form(
                "VE fault",
                r"(?:Oops: )?(?:VE fault|#VE fault): [0-9a-f]{4} \[#\d+\]",
                "unhandled #VE exception in {function}",
            ),
            Form(
                _PANIC_LITERAL,
                rf"{_PANIC}(?:Returned from Terminate[ -]Request|Unsupported #VC|Can't handle #VC|Unable to handle #VC)",
                "unsupported #VC exception in {function}",
            ),
            Form(
                "(exit-code 0x",
                r"(?:SEV: |PANIC: )(?:Failure in communication with VMM|Failed to decode instruction) \(exit-code 0x",
                "unsupported #VC exception in {function}",
            ),
        ),
        where=("instruction", "trace"),
        trace="optional",
        refines=("panic", "oops"),
        source="arch/x86/coco/sev/vc-handle.c, arch/x86/kernel/traps.c: exc_virtualization_exception()",
    ),
    Kind(
        # KVM's own part on arm64, at EL2: the kernel below it tells of its end.
        "hyp-panic",
        "fault",
        (
            Form("nVHE hyp BUG at: ", r"kvm \[\d+\]: nVHE hyp BUG at: \S{1,200}:\d+!", "KVM: hyp BUG"),
            Form(
                "nVHE hyp ",
                r"kvm \[\d+\]: nVHE hyp (?P<what>[\w :-]{1,40}?) at: (?:\[<[0-9a-f]{16}>\] (?P<function>[^\s+!]+)|[0-9a-f]{16})",
                "KVM: hyp {what} in {function}",
                "KVM: hyp {what}",
            ),
            Form(_PANIC_LITERAL, rf"{_PANIC}HYP panic:", "KVM: hyp panic"),
        ),
        where=("headline",),
        trace="optional",
        refines=("panic",),
        source="arch/arm64/kvm/handle_exit.c: nvhe_hyp_panic_handler(), arch/arm64/kvm/hyp/vhe/switch.c",
    ),
    Kind(
        "xen-panic",
        "panic",
        (Form("Panic on CPU ", r"Panic on CPU \d+:"),),
        title="Xen panic: {what}",
        where=(),
        also=(r"(?P<what>[A-Z].{3,100})",),
        also_within=1,
        trace="optional",
        source="Xen, xen/drivers/char/console.c: panic()",
    ),
    Kind(
        "xen-domain-crash",
        "panic",
        (
            Form("crashed on cpu#", r"(?:Domain \d+ \(vcpu#\d+\)|d\d+v\d+|vm\d+\.\d+) crashed on cpu#\d+"),
            Form("reported crashed by domain", r"(?:Domain \d+|d\d+) reported crashed by domain \d+"),
            Form("Dom0 crashed: ", r"Hardware Dom0 crashed: "),
            Form("Domain 0 crashed", r"Domain 0 crashed: "),
        ),
        title="Xen: domain crashed",
        part=True,
        where=(),
        trace="optional",
        source="Xen, xen/common/domain.c: __domain_crash()",
    ),
)
