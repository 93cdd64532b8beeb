"""`Kernel panic - not syncing: …`: by itself, or because of what came just before."""

from .entry import Form, Kind

_PANIC = r"(?:Kernel panic - not syncing|---\[ end Kernel panic - not syncing): "
_LITERAL = "Kernel panic - not syncing"

KINDS = (
    Kind(
        "panic-after-oops",
        "panic",
        (
            # arm, arm64 and csky say which one: `Oops - BUG: Fatal exception in interrupt`.
            Form(_LITERAL, rf"{_PANIC}(?:Oops - [\w /()-]{{1,60}}: )?(?P<what>Fatal exception)(?: in interrupt)?"),
            Form(_LITERAL, rf"{_PANIC}(?P<what>panic_on_(?!oom|taint)\w+ set)"),
            # Who warned stands before it since Linux 6.2: `check_panic_on_warn()`.
            Form(
                _LITERAL,
                rf"{_PANIC}(?P<what>[\w -]{{1,40}}: (?:panic_on_warn set|system warned too often \([^)]{{1,60}}\)))",
            ),
            Form(_LITERAL, rf"{_PANIC}(?P<what>Oopsed too often \([^)]{{1,60}}\)|Oops failed to kill thread)"),
            Form(_LITERAL, rf"{_PANIC}(?P<what>(?:kasan|kfence)\.fault=panic(?:_on_write)? set|kmsan\.panic set)"),
            Form(_LITERAL, rf"{_PANIC}(?P<what>can't return from __builtin_unreachable\(\))"),
            # Linux 6.19: workqueue.panic_on_stall and panic_on_stall_time.
            Form(
                _LITERAL,
                rf"{_PANIC}(?P<what>workqueue: (?:\d+ stall\(s\) exceeded threshold|stall lasted))",
            ),
            Form(
                _LITERAL,
                rf"{_PANIC}(?P<what>(?:hung_task: blocked tasks|softlockup: hung tasks|[Hh]ard LOCKUP|RCU Stall|rcu: panic_on_rcu_stall))",
            ),
            Form(
                _LITERAL,
                rf"{_PANIC}(?P<what>(?:kasan|KFENCE|KASAN|kmsan|KMSAN): ?(?:panic_on_warn|kmsan\.panic) set)",
            ),
            Form(
                _LITERAL,
                rf"{_PANIC}(?P<what>Oops: Fatal exception|Aiee, killing interrupt handler!|Oops|Unrecoverable exception)",
            ),
        ),
        title="kernel panic: {what}",
        where=("trace",),
        part=True,
        behind=True,
        source="kernel/panic.c, arch/*/kernel/traps.c",
    ),
    Kind(
        # The kernel did what it must: the program that was init, or what it was linked with, is what failed.
        "init-killed",
        "panic",
        (
            Form(_LITERAL, rf"{_PANIC}(?P<what>Attempted to kill (?:init|the idle task)!)"),
            Form(_LITERAL, rf"{_PANIC}(?P<what>Attempted to kill \w+[^!]*!)"),
        ),
        title="kernel panic: {what}",
        where=(),
        part=True,
        source="kernel/exit.c: do_exit()",
    ),
    Kind(
        "no-root",
        "boot",
        (
            Form(
                _LITERAL,
                rf"{_PANIC}VFS: [Uu]nable to mount root fs on (?:\"[^\"]{{0,100}}\" or )?[\w-]+",
                "kernel panic: VFS: Unable to mount root fs on unknown-block(NUM,NUM)",
            ),
            Form(
                _LITERAL,
                rf"{_PANIC}No filesystem could mount root",
                "kernel panic: VFS: Unable to mount root fs on unknown-block(NUM,NUM)",
            ),
            Form(
                _LITERAL, rf"{_PANIC}(?P<what>VFS: Unable to mount root fs: not enough memory)", "kernel panic: {what}"
            ),
            # Says why; the panic stands behind the list of the partitions that there are.
            Form(
                "VFS: Cannot open root device",
                r"VFS: Cannot open root device (?P<what>.+)",
                "kernel panic: VFS: Unable to mount root fs on unknown-block(NUM,NUM)",
            ),
        ),
        where=(),
        trace="optional",
        part=True,
        source="init/do_mounts.c: mount_root_generic()",
    ),
    Kind(
        "no-init",
        "boot",
        (
            Form(_LITERAL, rf"{_PANIC}No (?:working )?init found", "kernel panic: No working init found"),
            Form(
                _LITERAL,
                rf"{_PANIC}Requested init \S+ failed \(error -?\d+\)",
                "kernel panic: Requested init failed",
            ),
        ),
        where=(),
        trace="optional",
        part=True,
        source="init/main.c: kernel_init()",
    ),
    Kind(
        "oom-panic",
        "memory",
        (Form(_LITERAL, rf"{_PANIC}(?P<what>(?:System is deadlocked on memory|Out of memory.{{0,60}}))"),),
        title="kernel panic: {what}",
        # Who asked for the page too much is nobody's fault.
        where=(),
        trace="optional",
        part=True,
        source="mm/oom_kill.c: check_panic_on_oom()",
    ),
    Kind(
        "sysrq-crash",
        "panic",
        (Form(_LITERAL, rf"{_PANIC}(?P<what>sysrq triggered crash)"),),
        title="kernel panic: {what}",
        where=("trace",),
        part=True,
        source="drivers/tty/sysrq.c: sysrq_handle_crash()",
    ),
    Kind(
        "panic",
        "panic",
        (
            Form(_LITERAL, rf"{_PANIC}(?P<what>Couldn't open N_TTY ldisc)"),
            Form(_LITERAL, rf"{_PANIC}(?P<what>EXT4-fs \(device \S+\): panic forced after error)"),
            Form(_LITERAL, rf"{_PANIC}(?P<what>.+?)(?: \]---)?$"),
        ),
        title="kernel panic: {what}",
        where=("trace",),
        # What a file system calls to panic, where it is told to on errors.
        never=r"ext4_handle_error|__ext4_(?:\w+_)?error(?:_\w+)?|btrfs_panic|__btrfs_panic|f2fs_handle_(?:critical_)?error"
        r"|jfs_(?:handle_)?error|__nilfs_error|ocfs2_handle_error|__ocfs2_error|__(?:exfat|fat)_fs_error|ntfs_handle_error",
        part=True,
        source="kernel/panic.c: panic()",
    ),
)
