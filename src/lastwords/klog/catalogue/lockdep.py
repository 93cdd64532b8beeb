"""The lock validator's reports and the debug checks of locks. Headlines: `kernel/locking/lockdep.c`."""

from .entry import Form, Kind

# `(lock){+.+.}, at: [<ffffffff8105bbd0>] flush_workqueue+0x0/0xb0`, and the bare next line of older kernels.
_AT = (
    r"(?:.*\bat: +)?(?:\[<[0-9a-f]+>\]\s+)?(?P<function>[A-Za-z_][\w.]*\+0x[0-9a-f]{1,8}(?:/0x[0-9a-f]{1,8})?)"
    r"(?: \[(?P<module>[\w-]{1,56}))?",
)
# `[ INFO: … ]` until Linux 4.11, `WARNING: …` since.
_BOX = r"(?:\[ )?(?:INFO|WARNING|BUG): "

KINDS = (
    Kind(
        "deadlock",
        "lockdep",
        (
            Form(
                "possible circular locking dependency",
                r"(?:\[ )?INFO: possible circular locking dependency detected",
            ),
            Form(
                "possible circular locking dependency",
                r"WARNING: possible circular locking dependency detected",
                bare="WARNING: possible circular locking dependency detected",
            ),
            Form("possible recursive locking detected", rf"{_BOX}possible recursive locking detected"),
            Form("possible irq lock inversion", rf"{_BOX}possible irq lock inversion dependency detected"),
            Form("possible deadlock", rf"{_BOX}possible deadlock detected"),
            # The debug check of rt_mutex, until Linux 5.15.
            Form("circular locking deadlock", rf"{_BOX}circular locking deadlock detected!"),
        ),
        title="possible deadlock in {function}",
        where=("also", "trace"),
        also=_AT,
        also_within=6,
        source="kernel/locking/lockdep.c: print_circular_bug_header()",
    ),
    Kind(
        "unsafe-lock-order",
        "lockdep",
        (Form("-unsafe lock order detected", rf"{_BOX}\w+-safe -> \w+-unsafe lock order detected"),),
        title="possible deadlock in {function}",
        where=("origin", "trace"),
        source="kernel/locking/lockdep.c: print_bad_irq_dependency()",
    ),
    Kind(
        "inconsistent-lock-state",
        "lockdep",
        (Form("nconsistent lock state", rf"{_BOX}inconsistent lock state"),),
        title="inconsistent lock state in {function}",
        where=("also", "trace"),
        also=_AT,
        also_within=6,
        source="kernel/locking/lockdep.c: print_usage_bug()",
    ),
    Kind(
        "suspicious-rcu",
        "lockdep",
        (
            Form(
                "suspicious RCU usage",
                r"(?:\[ )?INFO: suspicious RCU usage",
                "INFO: suspicious RCU usage in {function}",
            ),
            Form(
                "suspicious rcu",
                r"(?:\[ )?INFO: suspicious rcu_\w+(?:\(\))? usage",
                "INFO: suspicious RCU usage in {function}",
            ),
            Form(
                "suspicious RCU usage",
                r"WARNING: suspicious RCU usage",
                "WARNING: suspicious RCU usage in {function}",
                "WARNING: suspicious RCU usage",
            ),
        ),
        where=("trace",),
        source="kernel/locking/lockdep.c: lockdep_rcu_suspicious()",
    ),
    Kind(
        "bad-unlock-balance",
        "lockdep",
        (
            Form(
                "bad unlock balance",
                r"(?:\[ )?BUG: bad unlock balance detected",
                "BUG: bad unlock balance in {function}",
            ),
            Form(
                "bad unlock balance",
                r"WARNING: bad unlock balance detected",
                "WARNING: bad unlock balance in {function}",
            ),
            Form(
                "bad contention",
                r"(?:\[ )?(?P<level>BUG|WARNING): bad contention detected",
                "{level}: bad contention in {function}",
            ),
        ),
        where=("also", "trace"),
        also=_AT,
        also_within=6,
        source="kernel/locking/lockdep.c: print_unlock_imbalance_bug()",
    ),
    Kind(
        "held-lock-freed",
        "lockdep",
        (
            Form("held lock freed", r"(?:\[ )?BUG: held lock freed!", "BUG: held lock freed in {function}"),
            Form("held lock freed", r"WARNING: held lock freed!", "WARNING: held lock freed in {function}"),
        ),
        where=("also", "trace"),
        also=_AT,
        also_within=10,
        trace="optional",
        source="kernel/locking/lockdep.c: print_freed_lock_bug()",
    ),
    Kind(
        "lock-held-at-exit",
        "lockdep",
        (
            Form(
                "lock held when returning",
                r"(?:\[ )?BUG: lock held when returning to user space!",
                "BUG: lock held when returning to user space in {function}",
            ),
            Form(
                "lock held when returning",
                r"WARNING: lock held when returning to user space!",
                "WARNING: lock held when returning to user space in {function}",
            ),
            Form(
                "still has locks held",
                r"(?:\[ )?BUG: .{1,40} still has locks held!",
                "BUG: still has locks held in {function}",
            ),
            Form(
                "still has locks held",
                r"WARNING: .{1,40} still has locks held!",
                "WARNING: still has locks held in {function}",
            ),
            Form(
                "lock held at task exit",
                r"(?:\[ )?(?P<level>BUG|WARNING): lock held at task exit time",
                "{level}: lock held at task exit time in {function}",
            ),
        ),
        where=("also", "trace"),
        also=_AT,
        also_within=8,
        trace="optional",
        source="kernel/locking/lockdep.c: lockdep_sys_exit()",
    ),
    Kind(
        "nested-lock",
        "lockdep",
        (
            Form(
                "Nested lock was not taken",
                r"WARNING: Nested lock was not taken",
                "WARNING: nested lock was not taken in {function}",
            ),
            Form(
                "nested lock was not taken",
                r"(?:\[ )?(?:BUG|WARNING|INFO): nested lock was not taken",
                "WARNING: nested lock was not taken in {function}",
            ),
        ),
        where=("trace",),
        source="kernel/locking/lockdep.c: print_lock_nested_lock_not_held()",
    ),
    Kind(
        "wait-context",
        "lockdep",
        (Form("Invalid wait context", r"\[ BUG: Invalid wait context \]"),),
        title="BUG: Invalid wait context in {function}",
        where=("trace",),
        source="kernel/locking/lockdep.c: print_lock_invalid_wait_context()",
    ),
    Kind(
        "non-static-key",
        "lockdep",
        (Form("trying to register non-static key", r"INFO: trying to register non-static key"),),
        title="INFO: trying to register non-static key in {function}",
        where=("trace",),
        source="kernel/locking/lockdep.c: assign_lock_key()",
    ),
    Kind(
        "lockdep-limit",
        "lockdep",
        (
            Form("too low!", r"BUG: (?P<what>MAX_[A-Z_]+) too low!", "BUG: {what} too low!"),
            Form("BUG: key ", r"BUG: key \S+ (?:not in \.data|has not been registered)!", "BUG: key not in .data!"),
            Form(
                "looking up invalid subclass",
                r"BUG: looking up invalid subclass",
                "BUG: looking up invalid subclass",
            ),
        ),
        # Whoever comes last is not to blame for the table being full.
        where=(),
        trace="optional",
        source="kernel/locking/lockdep.c",
    ),
    Kind(
        "spinlock-debug",
        "lockdep",
        (
            Form(
                "BUG: spinlock ",
                r"BUG: (?P<lock>spinlock) (?P<what>bad magic|recursion|already unlocked|wrong owner|wrong CPU|lockup suspected|lockup|cpu recursion|trylock failure on UP|uninitialized)",
            ),
            Form(
                "BUG: rwlock ",
                r"BUG: (?P<lock>rwlock) (?P<what>bad magic|recursion|already unlocked|wrong owner|wrong CPU|cpu recursion|lockup|trylock failure on UP|uninitialized)",
            ),
            Form("BUG: rwlock-", r"BUG: (?P<lock>rwlock)-(?P<what>lockup) suspected"),
        ),
        title="BUG: {lock} {what} in {function}",
        where=("trace",),
        source="kernel/locking/spinlock_debug.c",
    ),
)
