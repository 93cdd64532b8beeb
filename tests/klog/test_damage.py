from tests.klog.reading import oopses

TWO_AT_ONCE = """
    [  309.000001]{a} BUG: kernel NULL pointer dereference, address: 0000000000000008
    [  309.000002]{b} BUG: unable to handle page fault for address: ffffc90000400000
    [  309.000003]{a} #PF: supervisor read access in kernel mode
    [  309.000004]{b} #PF: supervisor write access in kernel mode
    [  309.000005]{b} Oops: 0002 [#2] SMP
    [  309.000006]{a} Oops: 0000 [#1] SMP
    [  309.000007]{a} CPU: 0 PID: 100 Comm: first Not tainted 6.1.0 #1
    [  309.000008]{b} CPU: 1 PID: 200 Comm: second Not tainted 6.1.0 #1
    [  309.000009]{a} RIP: 0010:reader_of_null+0x5/0x20
    [  309.000010]{b} RIP: 0010:writer_of_junk+0x8/0x30
    [  309.000011]{a} RAX: 0000000000000000 RBX: 0000000000000001 RCX: 0000000000000002
    [  309.000012]{b} RAX: ffffffffffffffff RBX: 0000000000000003 RCX: 0000000000000004
    [  309.000013]{b} Call Trace:
    [  309.000014]{a} Call Trace:
    [  309.000015]{a}  <TASK>
    [  309.000016]{b}  <TASK>
    [  309.000017]{a}  first_caller+0x1/0x10
    [  309.000018]{b}  second_caller+0x1/0x10
    [  309.000019]{a}  first_entry+0x1/0x10
    [  309.000020]{b}  second_entry+0x1/0x10
    [  309.000021]{b}  </TASK>
    [  309.000022]{a}  </TASK>
    [  309.000023]{a} ---[ end trace 0000000000000000 ]---
    [  309.000024]{b} ---[ end trace 0000000000000000 ]---
"""


def test_caller_ids_tell_two_reports_apart():
    first, second = oopses(TWO_AT_ONCE.format(a="[  T100]", b="[  T200]"))
    assert (first.function, first.pid, first.comm, first.intact) == ("reader_of_null", 100, "first", True)
    assert (second.function, second.pid, second.comm, second.intact) == ("writer_of_junk", 200, "second", True)
    assert [f.function for f in first.traces[0].frames] == ["first_caller", "first_entry"]
    assert [f.function for f in second.traces[0].frames] == ["second_caller", "second_entry"]
    assert first.registers["rax"] == 0
    assert second.registers["rax"] == 2**64 - 1
    assert (first.follows, second.line) == (None, first.line + 1)


def test_caller_ids_of_cpus_work_too():
    first, second = oopses(TWO_AT_ONCE.format(a="[    C0]", b="[    C1]"))
    assert (first.cpu, second.cpu) == (0, 1)
    assert first.intact
    assert second.intact


def test_without_caller_ids_two_reports_are_not_intact():
    found = oopses(TWO_AT_ONCE.format(a="", b=""))
    assert found[0].message.startswith("BUG: kernel NULL pointer")
    assert [oops.intact for oops in found] == [False, False]


INTERRUPTED = """
    [  200.000001] Kernel panic - not syncing: corrupted stack end detected inside scheduler
    [  200.000002] CPU: 1 PID: 7 Comm: kworker/u4:0 Not tainted 4.20.0 #252
    [  200.000003] Call Trace:
    [  200.000004]  dump_stack+0x1d3/0x2c6
    [  200.000005]  panic+0x2ad/0x55f
    [  200.000006]  __schedule+0x1ec6/0x1ed0
    [  200.000007]  deep_function+0x355/0xdb0
    [  200.000008] test invoked oom-killer: gfp_mask=0x6202c2(GFP_HIGHUSER|__GFP_NOWARN), order=0, oom_score_adj=1000
    {more}
    [  200.000012]  wb_workfn+0xee9/0x1790
    [  200.000013]  process_one_work+0xc90/0x1c40
    [  200.000014]  worker_thread+0x17f/0x1390
    [  200.000015] Kernel Offset: disabled
"""


def test_a_message_between_the_frames_does_no_harm():
    oops = oopses(INTERRUPTED.format(more="[  200.000009] test cpuset=/ mems_allowed=0-1"))[0]
    assert (oops.function, oops.intact) == ("wb_workfn", True)


def test_a_trace_between_the_frames_does():
    more = "[  200.000009] Call Trace:\n    [  200.000010]  dump_stack+0x1/0x2\n    [  200.000011]  dump_header+0x1/0x2"
    oops = oopses(INTERRUPTED.format(more=more))[0]
    assert not oops.intact


def test_an_injected_fault_in_the_midst_of_a_report():
    [oops] = oopses("""
        [  102.000001] WARNING: CPU: 1 PID: 10275 at mm/slab_common.c:1012 kmalloc_slab+0x5d/0x70
        [  102.000002] CPU: 1 PID: 10275 Comm: test Not tainted 4.16.0 #14
        [  102.000003] Call Trace:
        [  102.000004]  dump_stack+0x1a7/0x27d
        [  102.000005] FAULT_INJECTION: forcing a failure.
        [  102.000006]  __warn+0x1dc/0x200
        [  102.000007]  bfs_fill_super+0x3d3/0xea0
    """)
    assert oops.function is None
    assert [damage.kind for damage in oops.damage] == ["interleaved"]


OOPS = """
    [   10.000001] BUG: kernel NULL pointer dereference, address: 0000000000000008
    [   10.000002] Oops: 0000 [#1] SMP
    [   10.000003] CPU: 0 PID: 100 Comm: first Not tainted 6.1.0 #1
    [   10.000004] RIP: 0010:reader_of_null+0x5/0x20
"""


def kinds(text: str) -> list[str]:
    return [damage.kind for damage in oopses(text)[0].damage]


def test_cut_off_before_the_trace():
    assert kinds(OOPS) == ["no-trace"]


def test_a_trace_of_guesses_only():
    assert kinds(OOPS + "    [   10.000005] Call Trace:\n    [   10.000006]  ? a+0x1/0x2\n") == ["unreliable-trace"]


def test_cut_off_inside_the_reporting_code():
    text = """
        [   10.000001] BUG: KASAN: use-after-free in reader+0x1/0x2
        [   10.000002] Read of size 8 at addr ffff888012345678 by task test/1
        [   10.000003] CPU: 0 PID: 1 Comm: test Not tainted 6.1.0 #1
        [   10.000004] Call Trace:
        [   10.000005]  dump_stack_lvl+0x1/0x2
        [   10.000006]  print_report+0x1/0x2
    """
    assert kinds(text) == ["cut-off"]


def test_messages_that_printk_lost():
    text = (
        OOPS + "    ** 23 printk messages dropped **\n    [   10.000005] Call Trace:\n    [   10.000006]  a+0x1/0x2\n"
    )
    assert "dropped" in kinds(text)


def test_a_restart_in_the_middle_of_a_line():
    trace = "    [   10.000005] Call Trace:\n    [   10.000006]  a+0x1/0x2\n"
    register = "    [   10.000007] RAX: 0000000000000000 RBX: 0000000000000001 RCX: 00000{}\n"
    assert kinds(OOPS + trace + register.format("SeaBIOS (version 1.8.2-google)")) == ["cut-off"]
    assert kinds(OOPS + trace + register.format("00000000001\n    SeaBIOS (version 1.8.2-google)")) == []
    reboot = "    [   10.000009] Rebooting in 1 seconds..SeaBIOS (version 1.8.2-google)\n"
    assert kinds(OOPS + trace + reboot) == []


def test_other_callers_clocks_do_not_end_a_report():
    [oops] = oopses("""
        [   10.000001][  T100] WARNING: CPU: 0 PID: 100 at kernel/fork.c:12 mine+0x1/0x2
        [ 3481.000001][  T999] something else altogether
        [   10.000002][  T100] CPU: 0 PID: 100 Comm: first Not tainted 6.1.0 #1
        [   10.000003][  T100] RIP: 0010:mine+0x1/0x2
        [   10.000004][  T100] Call Trace:
        [   10.000005][  T100]  outer+0x1/0x2
    """)
    assert (oops.function, oops.intact) == ("mine", True)


def test_silence_ends_a_report():
    [oops] = oopses(OOPS + "    [  500.000005] Call Trace:\n    [  500.000006]  much_later+0x1/0x2\n")
    assert oops.traces == ()


STALL = """
[  401.1] rcu: INFO: rcu_preempt self-detected stall on CPU
[  401.1] rcu: 	1-....: (104999 ticks this GP) idle=1b6/1/0x4000000000000002 softirq=1/1 fqs=1
[  401.1] CPU: 1 PID: 99 Comm: dd Not tainted 6.1.0 #1
[  401.1] Call Trace:
[  401.1]  <IRQ>
[  401.1]  rcu_sched_clock_irq+0x986/0x15a0
[  401.1]  update_process_times+0x2d/0x70
[  401.1]  tick_sched_timer+0x45/0x130
[  401.1]  __hrtimer_run_queues+0x3eb/0xff0
[  401.1]  hrtimer_interrupt+0x2f3/0x750
[  401.1]  asm_sysvec_apic_timer_interrupt+0x16/0x20
[  401.1]  </IRQ>
[  401.1]  crunch+0x20/0x90 [disk]
[  401.1]  disk_ioctl+0x11/0x40 [disk]
[  401.1]  __x64_sys_ioctl+0x8f/0xd0
[  401.1]  do_syscall_64+0x55/0x80
[  401.1]  entry_SYSCALL_64_after_hwframe+0x63/0xcd
"""


def test_a_stall_whose_outer_end_is_missing() -> None:
    """What names a stall stands at the outer end of its trace: without that end nothing is sure."""
    lines = STALL.splitlines(keepends=True)
    [whole] = oopses(STALL)
    assert (whole.title, whole.intact) == ("INFO: rcu detected stall in disk_ioctl", True)
    for end in range(lines.index("[  401.1]  <IRQ>\n"), len(lines) - 2):
        [cut] = oopses("".join(lines[:end]))
        assert not cut.intact
        assert cut.function in (None, "disk_ioctl", "crunch")


def test_what_printk_lost_may_be_the_registers() -> None:
    """The next instruction pointer is then that of the context which the interrupt came upon."""
    [oops] = oopses("""
        [    4.489720] BUG: kernel NULL pointer dereference, address: 0000000000000018
        [    4.489720] #PF: supervisor read access in kernel mode
        ** 17 printk messages dropped ** [    4.489720]  disk_irq+0x4c/0x70 [disk]
        [    4.489720]  __handle_irq_event_percpu+0x46/0x190
        [    4.489720]  common_interrupt+0x7d/0xa0
        [    4.489720]  </IRQ>
        [    4.489720]  <TASK>
        [    4.489720]  asm_common_interrupt+0x22/0x40
        [    4.489720] RIP: 0010:chacha_permute+0xa1/0x2b0
        [    4.489720] RSP: 0018:ffffd2078042bb60 EFLAGS: 00000202
        [    4.489720]  chacha_block_generic+0x76/0xc0
        [    4.489720]  vfs_read+0x23f/0x310
    """)
    assert (oops.function, oops.module, oops.intact, oops.registers) == ("disk_irq", "disk", False, {})
