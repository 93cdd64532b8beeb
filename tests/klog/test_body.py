import pytest

from lastwords.klog.draft import TraceDraft
from tests.klog.reading import body, oopses


def names(trace: TraceDraft) -> list[str]:
    return [frame.function for frame in trace.frames]


def test_the_kernel_in_brackets_before_linux_2_6_37():
    draft = body("CPU: 1    Not tainted  (2.6.35.3 #10)")
    assert (draft.cpu, draft.release, draft.build) == (1, "2.6.35.3", "#10")


def test_the_facts_of_an_x86_oops():
    draft = body("""
        [   12.000001] Modules linked in: nvme(E) snd
        [   12.000002] CPU: 3 UID: 0 PID: 4711 Comm: my worker Tainted: G        W  OE      6.12.0-9-amd64 #1
        [   12.000003] Hardware name: QEMU Standard PC (Q35 + ICH9, 2009), BIOS 1.16.2
        [   12.000004] Workqueue: events do_it [nvme]
        [   12.000005] RIP: 0010:nvme_poll+0x12/0x40 [nvme]
        [   12.000006] Code: 00 00 <0f> 0b
        [   12.000007] RSP: 0018:ffffc90000013e48 EFLAGS: 00010246
        [   12.000008] RAX: 0000000000000000 RBX: ffff888101234000 RCX: 0000000000000001
        [   12.000009] Call Trace:
        [   12.000010]  <TASK>
        [   12.000011]  process_one_work+0x1f8/0x984
        [   12.000012]  ? kthread+0x10/0x20
        [   12.000013]  </TASK>
        [   12.000014] ---[ end trace 0000000000000000 ]---
        [   12.000015] RIP: 0033:0x7f0000000000
    """)
    assert (draft.cpu, draft.pid, draft.comm) == (3, 4711, "my worker")
    assert draft.release == "6.12.0-9-amd64"
    assert draft.taint == "Tainted: G        W  OE"
    assert draft.workqueue == "events do_it [nvme]"
    assert draft.modules == "Modules linked in: nvme(E) snd"
    assert draft.location is not None
    assert (draft.location.function, draft.location.module) == ("nvme_poll", "nvme")
    assert draft.registers.registers["rbx"] == 0xFFFF888101234000
    [trace] = draft.traces
    assert (trace.role, trace.contexts) == ("main", ["TASK"])
    assert [(f.function, f.reliable) for f in trace.frames] == [("process_one_work", True), ("kthread", False)]
    assert draft.ended


@pytest.mark.parametrize(
    ("text", "taint", "release"),
    [
        ("Not tainted syzkaller #0 PREEMPT(full)", "Not tainted", "syzkaller"),
        ("Tainted: G        W           next-20260101 #7", "Tainted: G        W", "next-20260101"),
        ("Tainted: P           OE      6.12.0-rc1+ #7", "Tainted: P           OE", "6.12.0-rc1+"),
    ],
)
def test_any_word_may_be_a_release(text, taint, release):
    draft = body(f"CPU: 1 UID: 0 PID: 5841 Comm: syz.0.17 {text}\n")
    assert (draft.cpu, draft.pid, draft.comm) == (1, 5841, "syz.0.17")
    assert (draft.taint, draft.release) == (taint, release)


HUNG = """
    [  604.000000] INFO: task my app:v2:1822 blocked for more than 120 seconds.
    [  604.000004]       Tainted: G        W  OE      6.1.0-18-amd64 #1 Debian 6.1.76-1
    [  604.000014] task:my app:v2       state:D stack:0     pid:1822  ppid:2      flags:0x00004000
    [  604.000027] Call Trace:
    [  604.000051]  __schedule+0x34d/0x9e0
    [  604.000052]  wait_for_it+0x34d/0x9e0
    [  604.000114] NMI backtrace for cpu 1
    [  604.000115] CPU: 1 PID: 40 Comm: khungtaskd Tainted: G        W  OE      6.1.0-18-amd64 #1 Debian 6.1.76-1
    [  604.000117] Call Trace:
    [  604.000118]  dump_stack_lvl+0x48/0x5d
    [  604.000120] CPU: 0 PID: 77 Comm: kworker/0:1 Tainted: G        W  OE      6.1.0-18-amd64 #1 Debian 6.1.76-1
    [  604.000121] Workqueue: events not_mine
"""


def test_a_hung_task_is_the_one_of_the_headline():
    (oops,) = oopses(HUNG)
    assert (oops.comm, oops.pid, oops.cpu, oops.workqueue) == ("my app:v2", 1822, None, None)
    assert (oops.release, oops.build) == ("6.1.0-18-amd64", "#1 Debian 6.1.76-1")
    assert oops.taint == "Tainted: G        W  OE"
    assert oops.function == "wait_for_it"
    (oops,) = oopses(HUNG.replace("1822 blocked", "1822 can't die"))
    assert (oops.comm, oops.pid) == ("my app:v2", 1822)


@pytest.mark.parametrize(("pid", "workqueue"), [(1822, "events do_it"), (1823, None)])
def test_a_workqueue_belongs_to_the_task_above_it(pid, workqueue):
    text = HUNG.replace("pid:1822", f"pid:{pid}").replace(
        "    [  604.000027]", "    Workqueue: events do_it\n    [  604.000027]"
    )
    (oops,) = oopses(text)
    assert oops.workqueue == workqueue


def test_what_the_traces_of_a_report_show():
    draft = body("""
        Call Trace:
         kasan_report+0x1/0x2
         reader+0x1/0x2
        Allocated by task 12:
         kasan_save_stack+0x1/0x2
         maker+0x1/0x2
        Freed by task 13:
         breaker+0x1/0x2
        Last potentially related work creation:
         later+0x1/0x2
        page last allocated via order 0, migratetype Unmovable
         owner+0x1/0x2
    """)
    assert [(t.role, names(t)[-1]) for t in draft.traces] == [
        ("main", "reader"),
        ("origin", "maker"),
        ("origin", "breaker"),
        ("origin", "later"),
        ("owner", "owner"),
    ]


def test_lines_without_frames_end_a_trace():
    draft = body("""
        Call Trace:
         one+0x1/0x2
        hardirqs last  enabled at (35855): [<ffffffff874a1734>] _raw_spin_unlock_irqrestore+0x74/0xc0
         two+0x1/0x2
    """)
    assert [names(t) for t in draft.traces] == [["one"]]


def test_arm_names_both_ends_of_a_step():
    draft = body("""
        Backtrace:
        [<8028bd5c>] (dup_fd) from [<80132060>] (copy_process+0x58c/0x1844)
        [<80132060>] (copy_process) from [<801334b4>] (_do_fork+0xcc/0x428)
         _do_fork from sys_clone+0x38/0x40
    """)
    assert [names(t) for t in draft.traces] == [["dup_fd", "copy_process", "_do_fork", "sys_clone"]]


def test_arm_return_address_behind_a_call_that_does_not_return():
    draft = body("""
        Backtrace:
         fortify_panic from next_in_memory+0x0/0x78
         real_caller from outer+0x10/0x14
    """)
    assert [names(t) for t in draft.traces] == [["fortify_panic", "real_caller", "outer"]]


def test_the_instruction_pointer_of_an_interrupt_is_a_frame():
    draft = body("""
        Call Trace:
         <IRQ>
         apic_timer_interrupt+0xf/0x20
         </IRQ>
        RIP: 0010:busy_loop+0x1/0x20
         caller+0x1/0x2
    """)
    assert names(draft.traces[0]) == ["apic_timer_interrupt", "busy_loop", "caller"]


def test_whose_stack_a_trace_is():
    draft = body("""
        task:kworker/0:1     state:D stack:0     pid:77    ppid:2      flags:0x00004000
        Call Trace:
         __schedule+0x1/0x2
        rcu_preempt     I29040    10      2 0x80004000
        Call Trace:
         kthread+0x1/0x2
        NMI backtrace for cpu 5
        Call Trace:
         spin+0x1/0x2
    """)
    assert [(t.pid, t.comm, t.cpu) for t in draft.traces] == [
        (77, "kworker/0:1", None),
        (10, "rcu_preempt", None),
        (None, "", 5),
    ]


def test_what_rcu_waits_for():
    draft = body("""
        [  1.000000] rcu:     1-...!: (10499 ticks this GP) idle=63a/1/0x4000000000000002
        [  1.000001] rcu:     Tasks blocked on level-0 rcu_node (CPUs 0-1): P2270/1:b..l P33
        [  1.000002] rcu: rcu_preempt kthread starved for 10502 jiffies! g10601 f0x0 ->state=0x402 ->cpu=3
        [  1.000003] rcu: RCU grace-period kthread stack dump:
        [  1.000004] task:rcu_preempt     state:R stack:0     pid:16
        [  1.000005] Call Trace:
        [  1.000006]  __schedule+0x1/0x2
    """)
    assert draft.stalled_cpus == {1}
    assert draft.stalled_tasks == {2270, 33}
    assert (draft.starved, draft.starved_cpu) == (True, 3)
    assert [t.role for t in draft.traces] == ["starved"]


def test_a_frame_before_any_heading_is_of_another_report():
    assert body(" stray+0x1/0x2\nCall Trace:\n mine+0x1/0x2\n").foreign == 1
    assert body(" stray+0x1/0x2\nCall Trace:\n mine+0x1/0x2\n", unwoven=True).foreign == 0
    assert body(" first+0x1/0x2\n second+0x1/0x2\n", headless=True).foreign == 0


def test_a_hex_dump_that_ran_into_its_trace():
    draft = body("dffffc0000000000Call Trace:\n one+0x1/0x2\n")
    assert names(draft.traces[0]) == ["one"]


def test_limits_on_hostile_input():
    draft = body("Call Trace:\n" + " deeper+0x1/0x2\n" * 5000 + "Call Trace:\n one+0x1/0x2\n" * 1000)
    assert len(draft.traces[0].frames) == 2000
    assert len(draft.traces) == 200


def test_the_facts_of_an_i386_oops_until_2_6_24():
    draft = body("""
        CPU:    1
        EIP:    0060:[<f88c21f3>]    Tainted: P      VLI
        EFLAGS: 00010246   (2.6.19.7 #3)
        EIP is at xr_ring_get+0x13/0x60 [xr_net]
        eax: 00000000   ebx: f7a3c000   ecx: 00000001   edx: f7a3c0e0
        esi: f7a3c000   edi: f6fd1c80   ebp: f6b0df24   esp: f6b0df18
        ds: 007b   es: 007b   ss: 0068
        Process ringd (pid: 2841, ti=f6b0c000 task=f7e21a90 task.ti=f6b0c000)
    """)
    assert (draft.cpu, draft.pid, draft.comm) == (1, 2841, "ringd")
    assert (draft.release, draft.build, draft.taint) == ("2.6.19.7", "#3", "Tainted: P")
    assert draft.location is not None
    assert (draft.location.function, draft.location.module) == ("xr_ring_get", "xr_net")
    registers = draft.registers.registers
    assert registers["eip"] == 0xF88C21F3
    assert (registers["ebx"], registers["esp"], registers["eflags"]) == (0xF7A3C000, 0xF6B0DF18, 0x10246)


@pytest.mark.parametrize(
    ("text", "cpu", "pid", "comm", "taint"),
    [
        (
            "CPU: 3 PID: 92 Comm: kworker/u33:0 Tainted: G           OE",
            3,
            92,
            "kworker/u33:0",
            "Tainted: G           OE",
        ),
        ("CPU: 3 PID: 92 Comm: my worker Kdump: loaded", 3, 92, "my worker", None),
        ("CPU: 3 PID: 92 Comm: ringd", 3, 92, "ringd", None),
        ("CPU 3 ", 3, None, None, None),
        ("CPU 3:", 3, None, None, None),
        ("EIP: 0060:[<f88c21f3>] EFLAGS: 00010246 CPU: 3", 3, None, None, None),
    ],
)
def test_a_cpu_line_without_its_kernel(text, cpu, pid, comm, taint):
    draft = body(f"\n{text}\n")
    assert (draft.cpu, draft.pid, draft.comm, draft.taint) == (cpu, pid, comm, taint)


def test_the_build_behind_the_release():
    draft = body("""
        [   12.000001] Pid: 2338, comm: ringd Tainted: P      D  C  2.6.35-22-generic #34-Ubuntu Example/Rack 2U
    """)
    assert (draft.release, draft.build, draft.hardware) == ("2.6.35-22-generic", "#34-Ubuntu", "Example/Rack 2U")


def test_registers_of_an_i386_double_fault():
    draft = body("""
        double fault, tss at c1207100
        eip = c03190f9, esp = ce83bfc4
        eax = ce83c010, ebx = 00000001, ecx = 0000007b, edx = 00000000
        esi = 00030001, edi = ce83c010
    """)
    assert draft.registers.registers["eip"] == 0xC03190F9
    assert draft.registers.registers["edi"] == 0xCE83C010


def test_two_frames_on_a_line():
    draft = body("""
        Call Trace:
         <c020bb5d> xr_event+0x10d/0x210   <c020ba50> xr_event+0x0/0x210
         <c0214d1e> kobject_uevent+0x1fe/0x520
    """)
    assert [frame.address for frame in draft.traces[0].frames] == [0xC020BB5D, 0xC020BA50, 0xC0214D1E]
    assert names(draft.traces[0]) == ["xr_event", "xr_event", "kobject_uevent"]


def test_klogd_in_the_place_of_the_addresses():
    draft = body("""
        EIP:    0060:[free_block+449/489]    Not tainted
        EIP:    0060:[<c014cad2>]    Not tainted
        EIP is at free_block+0x1c1/0x1e9
        Call Trace:
         [pci_request_region+206/416] pci_request_region+0xce/0x1a0
         [_end+138572679/2130489456] :xr_net:xr_ioctl+0xe/0x11
    """)
    assert draft.registers.registers["eip"] == 0xC014CAD2
    assert draft.location is not None
    assert draft.location.function == "free_block"
    assert [(f.function, f.module) for f in draft.traces[0].frames] == [
        ("pci_request_region", ""),
        ("xr_ioctl", "xr_net"),
    ]


def test_code_on_several_lines():
    draft = body("""
        Code: 89 d0 5d c3 8d b4 26 00 00 00 00 55 89 e5 56 53 89 c3 8b 83 10 01
        00 00 <8b> 50 14 85 d2 74 0a 89 d0 5b 5e 5d c3
        Call Trace:
    """)
    assert draft.code is not None
    assert draft.code.endswith("5d c3")
    assert len(draft.traces) == 1
