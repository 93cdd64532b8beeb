"""Headlines that no other entry knows: the kernel's prefixes for what it takes for a bug."""

from .entry import Form, Kind

# What the kernel prefixes with WARNING for the administrator's eyes: deprecations, mitigations, odd set-ups. No bug.
_NOTICES = (
    r"(?i:.*(?:deprecated|will be removed|will stop working|no longer supported|mitigation|vulnerab|unprivileged ebpf"
    r"|not recommended|unsupported|insecure|experimental|missed to adjust|cpumask|module .{1,64} (?:taints|is being)"
    r"|compiler|configuration|firmware|bios|may (?:be|not|cause)|please |consider |see https?:|wireless extensions|moduli"
    r"|\bcheck\b|use of|is not (?:set|enabled|recommended)|you are running|will not be able|memory size|limiting"
    r"|has been replaced|ignoring|not suitable|does not support|disabling|truncating|is incorrect|will be incorrect"
    r"|sprom|multiple \w{1,20}(?:\(e\))?(?: cores)? found|are enabled|estimating|clock is|clocksource|timekeeping|board data"
    r"|nvram|too many acls|did not remove its))"
)

KINDS = (
    Kind(
        # The unwinder, which prints a trace, of what it does not understand: once a boot, in the midst of that trace.
        "unwinder-warning",
        "warning",
        (
            Form(
                "WARNING: ",
                r"WARNING: (?:WARNING: )?(?:can't access (?:iret )?registers at|missing \w{2,3} value at|unknown [SB]P base reg"
                r"|unknown \.orc_unwind entry type|stack going in the wrong direction|bad lookup (?:idx|value):"
                r"|(?:Bad or missing|Corrupt) \.orc_unwind table)",
            ),
        ),
        where=(),
        trace="none",
        part=True,
        alone=False,
        source="arch/x86/kernel/unwind_orc.c: orc_warn()",
    ),
    Kind(
        "kernel-warning-message",
        "warning",
        (
            Form(
                "WARNING: kernel stack",
                r"WARNING: kernel stack (?P<what>frame pointer|regs) at \S+ in \S+ has (?P<rest>bad (?:'\w+' )?value)",
                "WARNING: kernel stack {what} has {rest}",
            ),
            Form("WARNING: ", rf"WARNING: (?!{_NOTICES})(?P<what>\S.*)", "WARNING: {what}"),
        ),
        where=("trace",),
        trace="optional",
        stamped=True,
        source="printk() calls all over the tree",
    ),
    Kind(
        "kernel-bug-message",
        "bug",
        (
            Form("BUG: ", r"(?:\[ )?BUG: (?P<what>\S.*?)(?: \])?$", "BUG: {what}"),
            # Bugs of the kernel's own that it tells without any prefix.
            Form(
                "private stack overflow",
                r"(?:bpf_jit: )?(?P<what>BPF private stack overflow/underflow) detected",
                "{what}",
            ),
            Form(
                "wrong timeout value",
                r"schedule_timeout: wrong timeout value",
                "schedule_timeout: wrong timeout value in {function}",
            ),
            Form("page_pool refcnt", r"\w{1,64}\(\) page_pool refcnt -?\d+ violation", "page_pool refcnt violation"),
            Form("inconsistent task state", r"psi: inconsistent task state! ", "psi: inconsistent task state"),
        ),
        where=("trace",),
        trace="optional",
        stamped=True,
        source="printk() calls all over the tree",
    ),
)
