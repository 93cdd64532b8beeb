"""Failed assertions of the kernel's own code: BUG, WARN, and the checks of lists, counters and copies."""

from .entry import Form, Kind, Where

_IP: tuple[Where, ...] = ("instruction", "trace")

# The headline of a WARN(); since Linux 6.18 the place comes first and the CPU last.
_WARN = r"WARNING: (?:CPU: ?\d+ PID: -?\d+ )?(?:at )?"

KINDS = (
    Kind(
        "list-corruption",
        "bug",
        (
            Form("list_add corruption", r"list_add corruption"),
            Form("list_add double add", r"list_add double add"),
            Form("list_del corruption", r"list_del corruption"),
            Form("kernel BUG at ", r"kernel BUG at lib/list_debug\.c"),
            Form("slist corruption", r"(?:hlist|plist|llist|slist).{0,12} corruption"),
        ),
        title="BUG: corrupted list in {function}",
        alternatives=("bad-access in {function}",),
        where=("trace",),
        refines=("kernel-bug", "warning", "invalid-opcode", "oops"),
        source="lib/list_debug.c",
    ),
    Kind(
        "kernel-bug",
        "bug",
        (
            Form("kernel BUG at", r"(?:-+\[ cut here \]-+)?[Kk]ernel BUG at [^:]{0,400}:\d+"),
            Form("BUG: failure at ", r"BUG: failure at [^:]+:\d+/(?P<function>\w+)\(\)"),
            Form("ernel BUG at ", r"[Kk]ernel BUG at [0-9a-f]+ \[verbose debug info unavailable\]"),
            # Where the kernel has no table of source lines: `kernel BUG at xr_put+0x1f/0x40 [xr_net] [verbose debug …]`.
            Form("ernel BUG at ", r"[Kk]ernel BUG at (?P<function>[A-Za-z_][\w.]*)(?:\+0x|$)"),
            # What ext4 and jbd2 say before they BUG().
            Form("Assertion failure in ", r"Assertion failure in (?P<function>\w+)\(\) at [\w./-]{1,100}:\d+: "),
            Form("Oops - BUG", r"Internal error: Oops - BUG"),
            # What s390 makes BUG() and WARN() of: it dies of the former only.
            Form("monitor event: ", r"monitor event: [0-9a-f]{4} ilc:\d \[#\d+\]"),
        ),
        title="kernel BUG in {function}",
        where=(*_IP, "headline"),
        refines=("invalid-opcode", "oops", "internal-error", "cpu-exception"),
        source="include/asm-generic/bug.h, lib/bug.c: report_bug()",
    ),
    Kind(
        "refcount-warning",
        "warning",
        (Form("refcount_t: ", r"refcount_t: [\w; -]+\.?", "WARNING: refcount bug in {function}"),),
        where=("trace",),
        refines=("warning",),
        source="lib/refcount.c: refcount_warn_saturate()",
    ),
    Kind(
        "odebug",
        "warning",
        (Form("ODEBUG: ", r"ODEBUG: \w+ (?:\w+ )?(?:\([^)]*\) )?object"),),
        title="WARNING: ODEBUG bug in {function}",
        where=("trace",),
        refines=("warning",),
        source="lib/debugobjects.c: debug_print_object()",
    ),
    # Since Linux 6.12 SLUB warns behind each of its reports, and that brings the trace.
    Kind(
        "slab-warning",
        "warning",
        (Form("WARNING: ", rf"{_WARN}(?:\S*/)?mm/slub\.c:"),),
        title="WARNING in {function}",
        where=("trace",),
        part=True,
        source="mm/slub.c: object_err(), slab_err()",
    ),
    Kind(
        "warning",
        "warning",
        (
            Form("WARNING: ", rf"{_WARN}(?:\S*/)?kernel/locking/lockdep\.c:", "WARNING: locking bug in {function}"),
            Form(
                "WARNING: ",
                rf"{_WARN}(?:\S*/)?mm/slab_common\.c:\d+ kmalloc",
                "WARNING: kmalloc bug in {function}",
            ),
            Form("WARNING: ", rf"{_WARN}(?:\S*/)?mm/util\.c:\d+ .*kvmalloc", "WARNING: kmalloc bug in {function}"),
            Form(
                "WARNING: ",
                rf"{_WARN}(?:\S*/)?mm/vmalloc\.c:\d+ __vmalloc_node_range",
                "WARNING: zero-size vmalloc in {function}",
            ),
            Form("WARNING: ", rf"{_WARN}(?:\S*/)?lib/debugobjects\.c:", "WARNING: ODEBUG bug in {function}"),
            Form("WARNING: ", rf"{_WARN}(?:\S*/)?lib/refcount\.c:", "WARNING: refcount bug in {function}"),
            Form("WARNING: ", rf"{_WARN}(?:\S*/)?lib/kobject\.c:", "WARNING: kobject bug in {function}"),
            Form(
                "WARNING: ",
                rf"{_WARN}(?:\S*/)?fs/proc/generic\.c:",
                "WARNING: proc registration bug in {function}",
            ),
            Form(
                "WARNING: ",
                rf"{_WARN}(?:\S*/)?drivers/usb/core/urb\.c:\d+ usb_submit_urb",
                "WARNING in {function}/usb_submit_urb",
            ),
            Form(
                "WARNING: ",
                r"(?:-+\[ cut here \]-+)?WARNING: (?:CPU: ?\d+ PID: -?\d+ )?at [^ ]+?:\d+(?: (?P<function>\S+))?",
            ),
            Form("WARNING: ", r"WARNING: [\w./-]+\.[ch]:\d+ at (?P<function>\S+)"),
            # Without a table entry for the place, as for a failed check of clang's CFI.
            Form("WARNING: ", r"WARNING: (?:CPU: ?\d+ PID: -?\d+ )?at (?P<function>[A-Za-z_][\w.]*)\+0x"),
            Form("Badness at ", r"Badness at [^ ]+?:\d+"),
        ),
        title="WARNING in {function}",
        where=("instruction", "trace"),
        source="kernel/panic.c: __warn()",
    ),
    Kind(
        "usercopy",
        "bug",
        (
            Form("usercopy: ", r"usercopy: [Kk]ernel memory (?:overwrite|exposure) attempt detected"),
            Form(
                "kernel memory exposure attempt",
                r"(?:usercopy: )?kernel memory (?:overwrite|exposure) attempt detected",
            ),
            Form("Bad or missing usercopy whitelist", r"Bad or missing usercopy whitelist\?"),
        ),
        title="BUG: bad usercopy in {function}",
        where=("trace",),
        refines=("kernel-bug", "invalid-opcode", "oops"),
        source="mm/usercopy.c: usercopy_abort()",
    ),
    Kind(
        "fortify",
        "bug",
        (
            Form(
                "detected buffer overflow in",
                r"detected buffer overflow in \w+",
                "kernel BUG in {function}",
            ),
            Form(": detected buffer overflow", r"\w+: detected buffer overflow", "kernel BUG in {function}"),
            Form(
                "field-spanning write",
                r"(?:WARNING: )?memcpy: detected field-spanning write",
                "WARNING in {function}",
            ),
        ),
        where=("trace",),
        refines=("kernel-bug", "invalid-opcode", "oops"),
        part=True,
        source="lib/string_helpers.c: __fortify_report()",
    ),
    Kind(
        "skb-panic",
        "bug",
        (
            Form("skb_over_panic: ", r"(?:skbuff: )?skb_over_panic: "),
            Form("skb_under_panic: ", r"(?:skbuff: )?skb_under_panic: "),
        ),
        title="kernel BUG in {function}",
        where=("trace",),
        refines=("kernel-bug", "invalid-opcode"),
        source="net/core/skbuff.c: skb_panic()",
    ),
    Kind(
        "preempt-count",
        "bug",
        (
            Form("scheduling while atomic", r"(?:BUG: )?scheduling while atomic: "),
            Form("scheduling while in atomic", r"BUG: scheduling in atomic"),
            Form("scheduling from the idle thread", r"bad: scheduling from the idle thread"),
        ),
        title="BUG: scheduling while atomic in {function}",
        where=("trace",),
        source="kernel/sched/core.c: __schedule_bug()",
    ),
    Kind(
        "sleeping-in-atomic",
        "bug",
        (
            Form(
                "sleeping function called from invalid context",
                r"BUG: sleeping function called from (?:an )?invalid context",
            ),
        ),
        title="BUG: sleeping function called from invalid context in {function}",
        where=("trace",),
        source="kernel/sched/core.c: __might_resched()",
    ),
    Kind(
        "preemptible-smp-processor-id",
        "bug",
        (
            Form(
                "in preemptible",
                r"BUG: using (?P<what>\w+\(\)) in preemptible \[[0-9a-f]+\] code",
            ),
        ),
        title="BUG: using {what} in preemptible code in {function}",
        where=("trace",),
        source="lib/smp_processor_id.c",
    ),
    Kind(
        "workqueue-leaked-lock",
        "bug",
        (
            Form(
                "workqueue leaked ",
                r"BUG: workqueue leaked (?:lock or )?atomic(?:, lock or RCU)?|BUG: workqueue leaked lock",
            ),
        ),
        title="BUG: workqueue leaked lock or atomic in {function}",
        where=("also", "trace"),
        # `workfn=` since Linux 6.10, `last function: ` before.
        also=(r"\s*(?:last function: |.{0,80}workfn=)(?P<function>[^\s+]+)",),
        trace="optional",
        source="kernel/workqueue.c: process_one_work()",
    ),
    Kind(
        "dentry-in-use",
        "filesystem",
        (
            Form("Dentry", r"BUG: Dentry .*still in use"),
            Form(
                "Busy inodes after unmount",
                r"VFS: Busy inodes after unmount",
                "VFS: Busy inodes after unmount (use-after-free)",
            ),
            Form(
                "file count is zero",
                r"VFS: Close: file count is zero",
                "VFS: Close: file count is zero (use-after-free)",
            ),
        ),
        title="BUG: Dentry still in use in {function}",
        where=("trace",),
        never=r"umount_check|d_walk|do_one_tree|shrink_dcache_for_umount|generic_shutdown_super|kill_(?:block|anon|litter)_super",
        trace="optional",
        refines=("warning",),
        source="fs/dcache.c: umount_check()",
    ),
    Kind(
        "leaked-netdevice",
        "other",
        (Form("unregister_netdevice: waiting for", r"unregister_netdevice: waiting for \S+ to become free"),),
        title="unregister_netdevice: waiting for DEV to become free",
        where=(),
        trace="none",
        source="net/core/dev.c: netdev_wait_allrefs_any()",
    ),
    Kind(
        "rcu-double-free",
        "bug",
        # `rcu: __call_rcu_common(): Double-freed CB 00000000d5f1d5a7->xr_free+0x0/0x20 [xr_net]()!!!`
        (
            Form(
                "Double-freed CB",
                r"(?:rcu: )?\w{1,40}\(\): Double-freed CB [0-9a-fx]{8,18}->(?P<function>[^\s+(]+)(?:\+0x\S{1,40})?(?: \[(?P<module>\w{1,64})\])?",
            ),
        ),
        title="rcu: double-freed callback {function}",
        where=("headline",),
        trace="optional",
        source="kernel/rcu/tree.c: __call_rcu_common()",
    ),
    Kind(
        # References that were counted by name (CONFIG_REF_TRACKER): who took the one that is left, or too many.
        "ref-tracker",
        "bug",
        (
            Form(
                "reference already released",
                r"(?:ref_tracker: )?reference already released\.",
                "reference already released in {function}",
            ),
            Form("leaked reference", r"(?:ref_tracker: )?leaked reference\.", "leaked reference of {function}"),
            Form(
                " users at",
                r"(?:ref_tracker: )?[\w %./-]{1,64}@[0-9a-fx]{8,18} has \d+/\d+ users at$",
                "leaked reference of {function}",
            ),
        ),
        where=("trace",),
        # Machinery that takes references for its callers.
        never=r"ref_tracker_\w+|sk_alloc|inet6?_create|__sock_create|sock_create\w*|netdev_(?:hold|tracker_alloc|put)|netdev_get_by_\w+|dev_(?:hold|put)(?:_track)?|get_net_track",
        headless=True,
        trace="optional",
        refines=("warning",),
        source="lib/ref_tracker.c",
    ),
    Kind(
        "rust-panic",
        "bug",
        (
            Form(
                "rust_kernel: panicked at",
                r"rust_kernel: panicked at (?:'(?P<what>.*?)', )?[^:]+\.rs:\d+:\d+:?",
            ),
            Form("panicked at", r"rust_kernel: panicked at"),
        ),
        title="{what} in {function}",
        where=("trace",),
        also=(r"(?P<what>[a-z].+)",),
        also_within=1,
        refines=("kernel-bug", "invalid-opcode", "oops"),
        source="rust/kernel/lib.rs: panic()",
    ),
)
