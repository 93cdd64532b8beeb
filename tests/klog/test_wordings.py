"""One line each of wordings that no whole log of the cases has: what the line alone is taken for.

The lines are formats of Linux 5.10 to 7.3, filled in. `tests/lab/test_wordings.py` reads more out of whole kernels.
"""

import pytest

from lastwords.klog import sieve
from lastwords.klog.inputs import recognise
from lastwords.klog.oopses import find_oopses

LINES = (
    (
        "Kernel panic - not syncing: kernel: panic_on_warn set ...",
        "panic-after-oops",
        "kernel panic: kernel: panic_on_warn set",
    ),
    (
        "Kernel panic - not syncing: KASAN: panic_on_warn set ...",
        "panic-after-oops",
        "kernel panic: KASAN: panic_on_warn set",
    ),
    (
        "Kernel panic - not syncing: scheduling while atomic: panic_on_warn set ...",
        "panic-after-oops",
        "kernel panic: scheduling while atomic: panic_on_warn set",
    ),
    (
        "Kernel panic - not syncing: kernel: system warned too often (kernel.warn_limit is 100)",
        "panic-after-oops",
        "kernel panic: kernel: system warned too often (kernel.warn_limit is NUM)",
    ),
    (
        "Kernel panic - not syncing: Oopsed too often (kernel.oops_limit is 10000)",
        "panic-after-oops",
        "kernel panic: Oopsed too often (kernel.oops_limit is NUM)",
    ),
    (
        "Kernel panic - not syncing: Oops failed to kill thread",
        "panic-after-oops",
        "kernel panic: Oops failed to kill thread",
    ),
    (
        "Kernel panic - not syncing: kasan.fault=panic set ...",
        "panic-after-oops",
        "kernel panic: kasan.fault=panic set",
    ),
    (
        "Kernel panic - not syncing: kfence.fault=panic set ...",
        "panic-after-oops",
        "kernel panic: kfence.fault=panic set",
    ),
    (
        "Kernel panic - not syncing: Oops - BUG: Fatal exception in interrupt",
        "panic-after-oops",
        "kernel panic: Fatal exception",
    ),
    (
        "Kernel panic - not syncing: workqueue: 3 stall(s) exceeded threshold 2",
        "panic-after-oops",
        "kernel panic: workqueue: NUM stall(s) exceeded threshold",
    ),
    (
        "Kernel panic - not syncing: workqueue: stall lasted 61s, exceeding threshold 60s",
        "panic-after-oops",
        "kernel panic: workqueue: stall lasted",
    ),
    (
        "Kernel panic - not syncing: VFS: Unable to mount root fs: not enough memory",
        "no-root",
        "kernel panic: VFS: Unable to mount root fs: not enough memory",
    ),
    (
        "Kernel panic - not syncing: corrupted shadow stack detected inside scheduler",
        "corrupted-stack-end",
        "kernel panic: corrupted stack end in corrupted",
    ),
    (
        "Kernel panic - not syncing: TASK stack guard hit",
        "kernel-stack-overflow",
        "BUG: stack guard page was hit in corrupted",
    ),
    (
        "Kernel panic - not syncing: low stack detected by irq handler - check messages",
        "kernel-stack-overflow",
        "kernel stack overflow in corrupted",
    ),
    (
        "Kernel panic - not syncing: Invalid kernel stack pointer, cannot continue",
        "kernel-stack-overflow",
        "kernel stack overflow in corrupted",
    ),
    (
        "Kernel panic - not syncing: Memory failure: 0x1a3c44: unrecoverable page",
        "hardware-panic",
        "kernel panic: Memory failure: ADDR: unrecoverable page",
    ),
    (
        "Kernel panic - not syncing: EDAC: [2 Uncorrectable errors @ 0x00001F40]",
        "hardware-panic",
        "kernel panic: EDAC UE",
    ),
    (
        "Kernel panic - not syncing: HISI0161:00: Fatal DQ RAM ECC interrupt @ 0x00000010",
        "hardware-panic",
        "kernel panic: Fatal DQ RAM ECC interrupt",
    ),
    (
        "Kernel panic - not syncing: Unrecoverable System MMU Fault!",
        "hardware-panic",
        "kernel panic: Unrecoverable System MMU Fault!",
    ),
    ("Kernel panic - not syncing: mcck: Attempting to kill init!", "machine-check", "Machine Check Exception"),
    ("Kernel panic - not syncing: Irrecoverable deferred error trap.", "machine-check", "Machine Check Exception"),
    (
        "Kernel panic - not syncing: Arm Generic Diagnostic Dump and Reset SDEI event issued",
        "nmi-panic",
        "kernel panic: Arm Generic Diagnostic Dump and Reset SDEI event issued",
    ),
    (
        "Kernel panic - not syncing: SBSA Generic Watchdog timeout",
        "watchdog-panic",
        "kernel panic: SBSA Generic Watchdog timeout",
    ),
    ("Kernel panic - not syncing: vCPU stall detector", "watchdog-panic", "kernel panic: vCPU stall detector"),
    (
        "Kernel panic - not syncing: TDVMCALL failed. TDX module bug?",
        "hypervisor-panic",
        "kernel panic: TDVMCALL failed.",
    ),
    (
        "Kernel panic - not syncing: Returned from Terminate-Request to Hypervisor",
        "vmm-exception",
        "unsupported #VC exception in corrupted",
    ),
    (
        "Kernel panic - not syncing: FATAL: Smart Family Controller lockup detected",
        "controller-fault",
        "smartpqi: controller lockup detected",
    ),
    (
        "PANIC: Unsupported exit-code 0x7b in early #VC exception (IP: 0xffffffff83c1a2b4)",
        "vmm-exception",
        "unsupported #VC exception in corrupted",
    ),
    (
        "SEV: Failure in communication with VMM (exit-code 0x400 IP: 0xffffffff83c1a2b4)",
        "vmm-exception",
        "unsupported #VC exception in corrupted",
    ),
    (
        "PANIC: invalid or fatal FRED event; event type 3 vector 14 error 0x0 aux 0x0 at 0010:ffffffff83c1a2b4",
        "cpu-exception",
        "invalid or fatal FRED event in corrupted",
    ),
    ("kvm [1]: nVHE hyp BUG at: arch/arm64/kvm/hyp/nvhe/mem_protect.c:412!", "hyp-panic", "KVM: hyp BUG"),
    ("watchdog0: pretimeout event", "watchdog-panic", "watchdog pretimeout event"),
    ("kernel BUG at xr_put+0x1f/0x40 [xr_net] [verbose debug info unavailable]", "kernel-bug", "kernel BUG in xr_put"),
    (
        'Assertion failure in jbd2_journal_commit_transaction() at fs/jbd2/commit.c:534: "t_state == T_RUNNING"',
        "kernel-bug",
        "kernel BUG in jbd2_journal_commit_transaction",
    ),
    ("Fixing recursive fault but reboot is needed!", "oops", "recursive fault"),
    (
        "psi: inconsistent task state! task=812:xr_poll cpu=3 psi_flags=4 clear=0 set=4",
        "kernel-bug-message",
        "psi: inconsistent task state",
    ),
    (
        "schedule_timeout: wrong timeout value ffffffffffffff9c",
        "kernel-bug-message",
        "schedule_timeout: wrong timeout value in corrupted",
    ),
    ("page_pool_release_retry() page_pool refcnt -1 violation", "kernel-bug-message", "page_pool refcnt violation"),
    (
        "bpf_jit: BPF private stack overflow/underflow detected for prog 6deef7357e7b4530xr_prog",
        "kernel-bug-message",
        "BPF private stack overflow/underflow",
    ),
    ("pagealloc: single bit error", "page-poison", "pagealloc: single bit error"),
    ("BUG: Bad page state: 12 messages suppressed", "bad-page-state", "BUG: Bad page state"),
    ("BUG: Bad page map: 7 messages suppressed", "bad-page-map", "BUG: Bad page map"),
    (
        "xr_net 0000:3b:00.0: dma_pool_free xr_desc, dma 0x0000000107b41fe0 already free",
        "dma-pool-corruption",
        "dma_pool_free: already free",
    ),
    ("rcu: INFO: rcu_tasks_trace detected stalls? (Late IPI?)", "rcu-stall", "INFO: rcu detected stall in corrupted"),
    (
        "rcu: INFO: rcu_sched detected stall, but suppressed full report due to a stuck CSD-lock.",
        "rcu-stall",
        "INFO: rcu detected stall in corrupted",
    ),
    (
        "sched_ext: Soft lockup - CPU 3 stuck for 21s, disabling BPF scheduler",
        "bpf-scheduler-disabled",
        "sched_ext: BPF scheduler disabled: Soft lockup",
    ),
    (
        "MCE: Killing xr_poll:812 due to hardware memory corruption fault at 7f1c2a3f9010",
        "memory-failure",
        "Memory failure: uncorrected memory error",
    ),
    (
        "mcck: Terminating task because of machine malfunction (code 0x0000000000002000).",
        "machine-check",
        "Machine Check Exception",
    ),
    ("opal: Machine check interrupt unrecoverable: MSR(RI=0)", "machine-check", "Machine Check Exception"),
    (
        "System about to lose power. Check RTAS error log  for details. Powering off immediately.",
        "power-loss",
        "power or cooling lost, shutting down",
    ),
    (
        "Fatal hardware error detected. Check RTAS error log for details. Powering off immediately",
        "power-loss",
        "fatal hardware error, powering off",
    ),
    (
        "ERROR: (device sda1): remounting filesystem as read-only",
        "filesystem-error",
        "JFS: remounting filesystem read-only",
    ),
    ("exFAT-fs (sda1): Filesystem has been set read-only", "filesystem-error", "FAT: filesystem set read-only"),
    (
        "XFS (dm-0): Corruption Alert: Buffer at daddr 0x1f4a8 had permanent write failures!",
        "xfs-shutdown",
        "XFS: permanent write failures",
    ),
    (
        "BTRFS error (device sda1): block=30408704 write time tree block corruption detected",
        "btrfs-error",
        "BTRFS: write time tree block corruption",
    ),
    ("md/raid0md127: Disk failure on sdc1 detected, failing array.", "raid-failure", "md: disk failure"),
    ("Unexpected kernel single-step exception at EL1", "cpu-exception", "Unexpected kernel single-step in corrupted"),
    (
        "BUG: Unable to handle kernel unaligned access at 0xc0000000010a2b3c",
        "cpu-exception",
        "unaligned access in corrupted",
    ),
    (
        "BUG: Unable to handle unknown paging fault at 0xc0000000010a2b3c",
        "paging-request",
        "BUG: unable to handle kernel paging request in corrupted",
    ),
    ("WARNING: circular locking deadlock detected!", "deadlock", "possible deadlock in corrupted"),
    (
        "swapper/0(1): TL1: Illegal Instruction Exception [#1]",
        "oops",
        "TL1: Illegal Instruction Exception in corrupted",
    ),
    ("Illegal instruction in kernel: sig: 9 [#1]", "oops", "Illegal instruction in kernel in corrupted"),
    ("load access fault [#1]", "oops", "load access fault in corrupted"),
    ("unaligned program counter: 0000 [#1]", "oops", "unaligned program counter in corrupted"),
)


@pytest.mark.parametrize(("line", "kind", "title"), LINES, ids=[line[:60] for line, _, _ in LINES])
def test_wording(line, kind, title):
    data = (
        f"[ 5100.100000] eno1: NIC Link is Up\n[ 5123.000000] {line}\n[ 5190.200000] eno1: NIC Link is Down\n".encode()
    )
    records = recognise(data).records(data)
    assert [(oops.kind, oops.title) for oops in find_oopses(records, sieve.candidates(records))] == [(kind, title)]


# What the kernel begins with WARNING and means for the administrator.
NOTICES = (
    "WARNING: Your 'console=ttyO2' has been replaced by 'ttyS2'",
    "WARNING: Multiple PCI(E) cores found",
    "WARNING: Invalid SPROM CRC (corrupt SPROM)",
    "WARNING: Estimating decrementer frequency (not found)",
    "WARNING: Overflow in clocksource 'jiffies' observed, time update capped.",
    "WARNING: This combination of AMD processors is not suitable for SMP.",
    "WARNING: Ignoring cmdline option disable_radix",
    "WARNING: PCI clock is 33MHz, setting pci_clock",
    "WARNING: can't access registers at asm_exc_page_fault+0x1e/0x30",
)


@pytest.mark.parametrize("line", NOTICES)
def test_notice(line):
    data = f"[    0.100000] Booting paravirtualized kernel\n[    0.400000] {line}\n".encode()
    records = recognise(data).records(data)
    assert find_oopses(records, sieve.candidates(records)) == []
