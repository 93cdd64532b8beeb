import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastwords.glossary import margin

SAID = [
    ("BUG: kernel NULL pointer dereference, address: 0000000000000018", "NULL + 0x18"),
    ("BUG: unable to handle kernel NULL pointer dereference at           (null)", None),
    ("BUG: unable to handle kernel NULL pointer dereference at 0000000000000008", "NULL + 0x8"),
    ("BUG: unable to handle page fault for address: dead000000000108", "LIST_POISON1 + 0x8"),
    ("BUG: unable to handle page fault for address: ffffc90001935030", None),
    ("Unable to handle kernel NULL pointer dereference at virtual address 0000000000000010", "NULL + 0x10"),
    ("general protection fault, probably for non-canonical address 0x6b6b6b6b6b6b6b6b: 0000 [#1] SMP", "POISON_FREE"),
    ("general protection fault, probably for non-canonical address 0xfbff888003a5a000: 0000 [#1] SMP", "bit 58"),
    (
        "Oops: general protection fault, probably for non-canonical address 0xdffffc0000000003: 0000 [#1]",
        "shadow of 0x18",
    ),
    ("general protection fault: 0000 [#3] SMP", "oops number 3"),
    ("general protection fault: 0000 [#1] SMP", None),
    ("#PF: supervisor read access in kernel mode", None),
    ("#PF: supervisor instruction fetch in kernel mode", "bad function pointer"),
    ("#PF: error_code(0x0003) - permissions violation", "does not allow"),
    ("PGD 0 P4D 0", None),
    ("PGD 1da95a067 P4D 1da95a067 PUD 1da95b067 PMD 1d418b067 PTE 0", "empty PTE"),
    ("PGD 404e067 P4D 404e067 PUD 4051067 PMD 1df18b063 PTE 8000000214d12163", "not executable"),
    ("PGD 404e067 P4D 404e067 PUD BAD", "corrupt"),
    ("Oops: 0002 [#1] PREEMPT SMP NOPTI", "a write, to a page that is not mapped"),
    ("Oops: 0002 [#2] PREEMPT SMP NOPTI", "oops number 2"),
    ("Internal error: Oops: 96000004 [#1] PREEMPT SMP", "translation fault at level 0"),
    ("Internal error: Oops: 805 [#1] SMP ARM", "translation fault in the first level"),
    ("Internal error: Oops: 80000207 [#1] PREEMPT SMP ARM", "an instruction fetch"),
    ("RIP: 0010:ext4_iget+0x12/0x40", None),
    ("RIP: 0010:0x0", "NULL function pointer"),
    ("RIP: 0010:0xffff880214d12c00", "no function is known"),
    ("RIP: 0033:0x7f2f5c5b2240", "user space"),
    ("RSP: 0018:ffffb1a4c0a3fd60 EFLAGS: 00010046", "interrupts were off"),
    ("RSP: 0018:ffffb1a4c0a3fd60 EFLAGS: 00010246", None),
    ("RSP: 002b:00007ffd7c5e4d18 EFLAGS: 00000202 ORIG_RAX: 0000000000000001", "write()"),
    ("pstate: 60400005 (nZCv daif +PAN -UAO)", None),
    ("pstate: 604000c5 (nZCv daIF +PAN -UAO)", "interrupts were off"),
    ("Code: 48 89 fb <0f> 0b 48", "ud2"),
    ("Code:  Bad RIP value.", "no code can be read"),
    ("Code: 48 89 fb <48> 8b 40 18", None),
    ("NIP [c0] DAR: 0000000000000010 DSISR: 42000000 IRQMASK: 0", "nothing is mapped there, a write"),
    ("status: 0000000000000120 badaddr: 0000000000000000 cause: 000000000000000d", "a read from a page"),
    ("CPU: 0 PID: 0 Comm: swapper/0 Not tainted 6.1.0 #1", "the idle task"),
    ("CPU: 0 PID: 1 Comm: swapper/0 Not tainted 6.1.0 #1", "while it boots"),
    ("CPU: 0 PID: 812 Comm: dd Not tainted 6.1.0 #1", None),
    ("CPU: 0 UID: 0 PID: 812 Comm: dd Tainted: G    B   W          6.12.0 #1", "W the kernel has printed a WARNING"),
    ("CPU: 0 PID: 812 Comm: dd Kdump: loaded Not tainted 6.1.0 #1", "vmcore"),
    ("Pid: 8, comm: dd Tainted: P           2.6.32-754.el6.x86_64 #1", "proprietary"),
    ("Workqueue: events css_free_work", "css_free_work()"),
    ("Hardware name: QEMU Standard PC (i440FX + PIIX, 1996), BIOS 1.16", "virtual machine"),
    ("Hardware name: Dell Inc. PowerEdge R640/0H28RR, BIOS 2.19.1", None),
    ("Modules linked in: demo(OE+) nvidia(POE) kvm ext4", "out of tree: demo; proprietary: nvidia"),
    ("Modules linked in: kvm ext4 [last unloaded: demo]", None),
    (" <IRQ>", "interrupt handler"),
    (" <TASK>", None),
    (" </IRQ>", None),
    ("watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [dd:812]", "without letting another task run"),
    ("NMI watchdog: Watchdog detected hard LOCKUP on cpu 3", "interrupts off"),
    ("rcu: \t0-....: (105000 ticks this GP) idle=76a/1/0x4 softirq=1/1 fqs=2", "CPU 0 holds up the grace period"),
    ("rcu: \t1-...!: (0 ticks this GP) idle=76a/1/0x4 softirq=1/1 fqs=0", "no timer tick"),
    ("rcu: \t(t=21003 jiffies g=4 q=7)", "21 s at HZ=1000, 84 s at HZ=250, 210 s at HZ=100"),
    ("rcu: \tTasks blocked on level-0 rcu_node (CPUs 0-1): P2270 P11", "2270, 11"),
    (
        "rcu: rcu_preempt kthread starved for 110 jiffies! g4 f0x0 RCU_GP_WAIT_FQS(5) ->state=0x0 ->cpu=1",
        "look at CPU 1",
    ),
    ("INFO: task dd:812 blocked for more than 120 seconds.", "does not come"),
    ("task:dd    state:D stack:0 pid:812 ppid:1 flags:0x00004000", "uninterruptible"),
    ("BUG: scheduling while atomic: dd/812/0x00000101", "in a softirq handler"),
    ("in_atomic(): 0, irqs_disabled(): 1, non_block: 0, pid: 8, name: dd", "interrupts were off"),
    ("RCU nest depth: 0, expected: 0", None),
    (">ffff8881d53ec580: fb fb fb fb fb fb fb fb[fb]fb fb fb fb fb fb fb", "a freed slab object"),
    (">ffff8881d53ec580: 00 00 00 00 00 00 00 04[fc]fc fc fc fc fc fc fc", "red zone"),
    ("refcount_t: underflow; use-after-free.", "one put too many"),
    ("list_del corruption. prev->next should be ffff888003a5a000, but was dead000000000122", "LIST_POISON2"),
    ("list_del corruption, ffff888003a5a000->next is LIST_POISON1 (dead000000000100)", "deleted twice"),
    ("dd invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=3, oom_score_adj=0", "32 KiB in one piece"),
    ("oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null)", "cgroup's limit"),
    (
        "Out of memory: Killed process 8 (dd) total-vm:9kB, anon-rss:204800kB, file-rss:0kB, shmem-rss:2048kB",
        "it used 202 MiB",
    ),
    ("page dumped because: nonzero mapcount", "still maps"),
    ("Kernel panic - not syncing: Fatal exception in interrupt", "in an interrupt"),
    ("Kernel panic - not syncing: Attempted to kill init! exitcode=0x00007f00", "status 127"),
    ("Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)", "no such device"),
    ("Kernel panic - not syncing: my driver gave up", None),
    ("kernel BUG at fs/inode.c:612!", "BUG_ON"),
    ("WARNING: CPU: 0 PID: 1 at net/core/dev.c:123 f+0x1/0x2", "WARN_ON"),
    ("WARNING: net/core/dev.c:123 at f+0x1/0x2, CPU#0: dd/812", "WARN_ON"),
    ("WARNING: possible circular locking dependency detected", None),
    ("mce: [Hardware Error]: CPU 0: Machine Check Exception: 5 Bank 9: bd80000000100134", "cache error"),
    ("ffff888022a48498 (&ctx->lock){-...}-{2:2}, at: f+0x4d/0x3a0", "also taken in hardirq"),
    ("ffff888022a48498 (&ctx->lock){+.+.}-{3:3}, at: f+0x4d/0x3a0", None),
    ("Kernel Offset: 0x1e000000 from 0xffffffff81000000", "KASLR"),
    ("Kernel Offset: disabled", None),
    ("Rebooting in 10 seconds..", None),
    ("usb 1-1: new high-speed USB device", None),
]


@pytest.mark.parametrize(("line", "said"), SAID, ids=lambda v: str(v)[:60])
def test_note(line, said):
    note = margin.note(line)
    if said is None:
        assert note in ("", "NULL")
    else:
        assert said in note


def test_entry_frames():
    assert "page fault" in margin.frame("asm_exc_page_fault")
    assert "interrupt" in margin.frame("asm_sysvec_apic_timer_interrupt")
    assert margin.frame("ext4_iget") == ""


@given(st.text(max_size=300))
def test_any_text_is_survived(text):
    assert isinstance(margin.note(text), str)


@given(st.sampled_from([line for line, _ in SAID]), st.integers(0, 200), st.text(max_size=20))
def test_any_damage_is_survived(line, at, junk):
    assert isinstance(margin.note(line[:at] + junk + line[at:]), str)


@pytest.mark.parametrize(
    "line",
    [
        "Modules linked in:" + " a(O" * 30_000,
        "CPU: 1 PID: 1 Comm: " + "Tainted: " * 10_000,
        "BUG: unable to handle kernel " + "at " * 30_000,
        "Code: " + "<" * 100_000,
        "rcu: Tasks blocked on level-0 " + "P1 " * 40_000,
        "list_add corruption" + " but was" * 12_000,
    ],
    ids=lambda line: line[:12],
)
def test_long_lines_take_no_time(line):
    begin = time.perf_counter()
    margin.note(line)
    assert time.perf_counter() - begin < 0.5
