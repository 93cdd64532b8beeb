import pytest

from lastwords.klog.culprit.entry_point import entry_point
from lastwords.klog.culprit.names import named
from lastwords.klog.culprit.never import entry, lock_primitive, never_to_blame, plain
from lastwords.klog.culprit.rust import demangled
from tests.klog.reading import oopses

# One or more of each family. If one of these is named, every crash in it looks like the same bug.
MACHINERY = """
    dump_stack_lvl show_regs __warn report_bug panic vprintk_emit console_unlock _dev_err nmi_cpu_backtrace
    exc_page_fault asm_exc_invalid_op do_mem_abort el1h_64_sync_handler do_DataAbort program_check_exception
    data_access_common_virt handle_bad_stack do_trap_break tlb_do_page_fault_0 pgm_check_handler do_ade
    kasan_report __asan_load8 kmsan_internal_poison __tsan_read8 __kcsan_check_access kfence_guarded_alloc
    __ubsan_handle_shift_out_of_bounds __hwasan_tag_mismatch debug_check_no_obj_freed fortify_panic usercopy_abort
    __check_object_size handle_cfi_failure should_failslab __fentry__ trace_event_raw_event_kfree
    refcount_warn_saturate kref_put __list_del_entry_valid_or_report atomic_inc percpu_ref_kill_and_confirm
    lock_acquire __lock_acquire _raw_spin_lock_irqsave queued_spin_lock_slowpath mutex_lock_nested __mutex_lock
    rt_mutex_slowlock ww_mutex_lock __rt_mutex_slowlock down_read percpu_down_write rwsem_down_write_slowpath
    read_seqbegin lock_sock_nested folio_lock __lock_buffer srcu_read_lock rcu_read_unlock_special
    __schedule schedule_timeout io_schedule wait_for_completion_timeout out_of_line_wait_on_bit prepare_to_wait_event
    __wake_up_common complete msleep usleep_range_state
    __flush_work cancel_delayed_work_sync queue_work_on destroy_workqueue del_timer_sync timer_delete_sync mod_timer
    hrtimer_cancel call_rcu kthread_stop
    kmalloc_trace __kmalloc_node_track_caller_noprof kfree kvfree kmem_cache_free vmalloc __vmalloc_node_range
    alloc_pages_mpol get_page_from_freelist __free_pages_ok free_unref_page mempool_alloc krealloc sock_kmalloc
    devm_kmalloc pcpu_alloc_noprof dma_pool_alloc page_pool_alloc_pages shrink_slab kmap_local_page
    memcpy __memcpy memcmp strlen __pi_strlen strscpy snprintf vsnprintf kstrtoint _copy_from_user copy_to_user_nofault
    _copy_to_iter __get_user_4 clear_user rep_movs_alternative find_next_bit _find_next_bit test_and_set_bit
    rb_erase __rb_insert_augmented radix_tree_lookup xas_store xa_load idr_alloc ida_free mas_walk sort bsearch
    crc32_le skb_put skb_pull kfree_skb consume_skb
    kobject_put device_add sysfs_create_group blocking_notifier_call_chain usb_submit_urb dput iput
    crypto_skcipher_encrypt aes_encrypt chacha20_crypt drbg_ctr_update
"""
# Named locks, one subsystem's own functions, and names that merely look like machinery.
TELLING = """
    rtnl_lock cpus_read_lock pipe_lock lock_rename flush_workqueue synchronize_rcu remove_wait_queue
    iov_iter_advance set_next_entity atomic_open n_tty_copy copy_from_read_buf copy_page_range alloc_page_buffers
    stub_probe mt_event ct_seq_show handle_sysrq schedule_work_fn memory_read_from list_lru_add ext4_alloc_inode
    usb_set_interface hub_event input_register_device crypto_remove_spawns bpf_trampoline_link_prog
    string_table_lookup timerqueue_del __kernfs_remove process_measurement net_tx_action skb_release_data
"""
ENTRIES = "do_syscall_64 el0_svc_naked worker_thread kthread do_idle asm_sysvec_apic_timer_interrupt"


@pytest.mark.parametrize("function", MACHINERY.split())
def test_machinery_is_never_to_blame(function):
    assert never_to_blame(function)


@pytest.mark.parametrize("function", TELLING.split())
def test_what_tells_one_bug_from_another(function):
    assert not never_to_blame(function)


@pytest.mark.parametrize("function", ENTRIES.split())
def test_ways_into_the_kernel(function):
    assert entry(function)
    assert not never_to_blame(function)


def test_locks_that_lockdep_may_name():
    assert all(map(lock_primitive, ("_raw_spin_lock", "lock_acquire", "down_trylock", "vprintk_emit")))
    assert not any(map(lock_primitive, ("del_timer_sync", "__flush_work", "__might_fault", "process_one_work")))


@pytest.mark.parametrize(
    ("function", "name"),
    [
        ("ring_bind.constprop.0.isra.0", "ring_bind"),
        ("watchdog_timer_fn.cold.5", "watchdog_timer_fn"),
        ("foo.llvm.1234567890", "foo"),
        ("plain_one", "plain_one"),
    ],
)
def test_plain_names(function, name):
    assert plain(function) == name


@pytest.mark.parametrize(
    ("function", "name"),
    [
        ("__x64_sys_rmdir", "sys_rmdir"),
        ("__arm64_sys_mount", "sys_mount"),
        ("SyS_mount", "mount"),
        ("__do_sys_memfd_secret", "memfd_secret"),
        ("synchronize_rcu_expedited", "synchronize_rcu"),
        ("smp_call_function_many_cond", "smp_call_function"),
        ("ext4_iget", "ext4_iget"),
    ],
)
def test_names_for_titles(function, name):
    assert named(function).name == name


# Innermost first.
@pytest.mark.parametrize(
    ("stack", "point"),
    [
        ("snd_seq_kernel_write snd_seq_write vfs_write ksys_write __x64_sys_write do_syscall_64", "snd_seq_write"),
        ("d_walk shrink_dcache_parent vfs_rmdir do_rmdir __x64_sys_rmdir do_syscall_64", "__x64_sys_rmdir"),
        ("lo_ioctl lo_compat_ioctl compat_blkdev_ioctl __se_compat_sys_ioctl", "lo_ioctl"),
        ("kvm_vm_compat_ioctl compat_SyS_ioctl", "kvm_vm_compat_ioctl"),
        ("helper sctp_generate_heartbeat_event call_timer_fn run_timer_softirq", "sctp_generate_heartbeat_event"),
        ("usbnet_probe usb_probe_interface really_probe hub_event process_one_work worker_thread", "hub_event"),
        ("udp6_rcv ip6_input ipv6_rcv __netif_receive_skb process_backlog", "ipv6_rcv"),
        ("tc_new tc_modify_qdisc rtnetlink_rcv_msg netlink_rcv_skb netlink_unicast sock_sendmsg", "tc_modify_qdisc"),
        ("smp_call_function_single clock_was_set process_one_work", "smp_call_function_single"),
        ("sweep my_thread_fn kthread ret_from_fork", "my_thread_fn"),
        ("inner outer do_syscall_64", "outer"),
        ("vfs_read sys_read system_call_fastpath", "sys_read"),
        ("sys_imageblit bit_putcs fbcon_putcs con_write tty_write vfs_write", "tty_write"),  # no system call
        ("inner outer", None),
    ],
)
def test_how_the_kernel_got_where_it_loops(stack, point):
    assert entry_point(stack.split()) == point


def test_rust_names():
    assert demangled("_RNvMs3_NtCshgDM7dBCdno_11rust_binder7processNtB5_7Process10update_ref") == (
        "<rust_binder::process::Process>::update_ref"
    )
    assert demangled("_RINvNtC3std3mem8align_ofdE") == "std::mem::align_of"
    assert demangled("_RNCNvCs1234_7mycrate4main0B3_") == "mycrate::main::{closure}"
    assert demangled("_RNvXs1b_NtCs9jE_4core3fmtRNtB6_4InfoNtB6_7Display3fmt") == (
        "<&core::fmt::Info as core::fmt::Display>::fmt"
    )
    for broken in ("_R", "_RNvB_1a", "_RNvC1a", "_RNvC9999abc", "_RB", "_R" + "Nv" * 300, "_R" + "IC1aB_" * 100):
        assert demangled(broken) == broken


def test_rust_panics_are_not_the_libraries_fault():
    [oops] = oopses("""
        [   23.717039] rust_kernel: panicked at drivers/android/binder/node.rs:877:13:
        [   23.717039] attempt to subtract with overflow
        [   23.745283] ------------[ cut here ]------------
        [   23.771620] kernel BUG at rust/helpers/bug.c:7!
        [   23.772028] Oops: invalid opcode: 0000 [#1] PREEMPT SMP
        [   23.800761] CPU: 0 UID: 0 PID: 298 Comm: test Not tainted 6.12.23 #1
        [   23.829979] RIP: 0010:rust_helper_BUG+0x8/0x10
        [   24.057562] Call Trace:
        [   24.060834]  <TASK>
        [   24.063751]  _RNvCscSpY9Juk0HT_7___rustc17rust_begin_unwind+0x15b/0x160
        [   24.128451]  _RNvNtCs9jEwPDbx20M_4core9panicking9panic_fmt+0x84/0x90
        [   24.173695]  _RNvMs3_NtCshgDM7dBCdno_11rust_binder7processNtB5_7Process10update_ref+0x17e5/0x1860
        [   24.204041]  </TASK>
    """)
    assert oops.title == "attempt to subtract with overflow in <rust_binder::process::Process>::update_ref"


STALL = """
    [  351.648071] rcu: INFO: rcu_preempt self-detected stall on CPU
    [  351.654925] rcu: \t1-...!: (10499 ticks this GP) idle=63a/1/0x4000000000000002 softirq=10978/10978 fqs=0
    [  351.665511] \t(t=10501 jiffies g=10601 q=227)
    [  351.670612] rcu: rcu_preempt kthread starved for 10502 jiffies! g10601 f0x0 ->state=0x0 ->cpu={cpu}
    [  351.682037] rcu: RCU grace-period kthread stack dump:
    [  351.688376] task:rcu_preempt     state:R stack:0     pid:16
    [  351.694871] Call Trace:
    [  351.698288]  __schedule+0x755/0x1580
    [  351.751248]  rcu_gp_kthread+0x9b2/0x18c0
    [  351.808040] Sending NMI from CPU 1 to CPUs 0:
    [  351.815225] NMI backtrace for cpu 0
    [  351.815230] CPU: 0 PID: 10344 Comm: hog Not tainted 5.3.0 #0
    [  351.815309] Call Trace:
    [  351.815311]  <IRQ>
    [  351.815315]  hhf_dequeue+0x1e7/0x19d0
    [  351.815535]  call_timer_fn+0x1ac/0x780
    [  351.815603]  apic_timer_interrupt+0xf/0x20
    [  351.815606]  </IRQ>
    [  351.815667]  do_exit+0x13ab/0x2e50
    [  351.815689]  __x64_sys_exit_group+0x44/0x50
    [  351.815692]  do_syscall_64+0xfd/0x6a0
    [  351.815741] NMI backtrace for cpu 1
    [  352.590657] CPU: 1 PID: 10345 Comm: waiter Not tainted 5.3.0 #0
    [  352.609011] Call Trace:
    [  352.612468]  <IRQ>
    [  352.670564]  tick_sched_handle+0xa2/0x190
    [  352.721907]  apic_timer_interrupt+0xf/0x20
    [  352.727454]  </IRQ>
    [  352.873261]  hhf_change+0x2e3/0xad0
    [  352.896837]  tc_modify_qdisc+0xfcf/0x1c50
    [  352.926102]  rtnetlink_rcv_msg+0x463/0xb00
"""


def test_a_stall_is_the_fault_of_the_cpu_that_rcu_could_not_run_on():
    [oops] = oopses(STALL.format(cpu=0))
    assert oops.title == "INFO: rcu detected stall in sys_exit_group"
    [oops] = oopses(STALL.format(cpu=1))
    assert oops.title == "INFO: rcu detected stall in tc_modify_qdisc"


def test_a_deadlock_is_named_by_where_the_lock_was_taken():
    [oops] = oopses("""
        [   36.361318] ======================================================
        [   36.361320] WARNING: possible circular locking dependency detected
        [   36.361328] ------------------------------------------------------
        [   36.361330] modprobe/5807 is trying to acquire lock:
        [   36.361332] ffff8880 ((&t->timer)){+.-.}-{0:0}, at: del_timer_sync+0x0/0x100
        [   36.361358] but task is already holding lock:
        [   36.361360] ffffffff ((lock)){+.-.}-{2:2}, at: ring_stop+0x17/0x20 [ring]
        [   36.361400] Call Trace:
        [   36.361401]  dump_stack_lvl+0x1/0x2
        [   36.361402]  __lock_acquire+0x1/0x2
        [   36.361403]  del_timer_sync+0x1/0x2
        [   36.361404]  ring_stop+0x1/0x2 [ring]
    """)
    assert oops.title == "possible deadlock in del_timer_sync"


def test_whose_page_it_was_only_page_owner_knows():
    report = """
        [   36.176781] BUG: Bad page state in process test  pfn:ab652
        [   36.179593] page: refcount:0 mapcount:0 mapping:0000000000000000 index:0x0 pfn:0xab652
        {owner}
        [   36.187334] page dumped because: nonzero _refcount
        [   36.188890] Call Trace:
        [   36.189574]  dump_stack_lvl+0x122/0x196
        [   36.193616]  bad_page+0x268/0x2da
        [   36.194633]  free_unref_page+0x78a/0xf08
        [   36.196726]  finder+0x1ce/0x2ec
    """
    owner = """[   36.179600] page last allocated via order 0, migratetype Unmovable
        [   36.179601]  __set_page_owner+0xa2/0x70c
        [   36.179602]  __alloc_pages+0xa2/0x70c
        [   36.179603]  owner+0xa2/0x70c"""
    [oops] = oopses(report.format(owner=owner))
    assert (oops.function, oops.intact) == ("owner", True)
    [oops] = oopses(report.format(owner="[   36.179600] raw: 0"))
    assert (oops.function, oops.intact) == (None, True)


def test_the_race_that_kcsan_names_is_taken_as_it_is():
    [oops] = oopses("""
        [   10.000000] ==================================================================
        [   10.000001] BUG: KCSAN: data-race in _copy_to_iter / fat_write.isra.0
        [   10.000002] read to 0xffff888101234567 of 8 bytes by task 12 on cpu 0:
        [   10.000003]  _copy_to_iter+0x1/0x2
    """)
    assert (oops.title, oops.function) == ("KCSAN: data-race in _copy_to_iter / fat_write", "_copy_to_iter")


def test_a_jump_to_where_no_code_is_is_the_callers_fault():
    [oops] = oopses("""
        [    3.064866] BUG: unable to handle page fault for address: ffffffffc02bb060
        [    3.064867] #PF: supervisor instruction fetch in kernel mode
        [    3.064868] Oops: 0011 [#1] PREEMPT SMP NOPTI
        [    3.064869] CPU: 1 PID: 94 Comm: sh Tainted: G           OE      6.1.0 #1
        [    3.064870] RIP: 0010:table+0x0/0xffffffffffffefa0 [ring]
        [    3.064871] Call Trace:
        [    3.064872]  <TASK>
        [    3.064873]  ? notify+0x11/0x20 [ring]
        [    3.064874]  ? vfs_write+0xc7/0x3f0
        [    3.064875]  </TASK>
    """)
    assert (oops.function, oops.module) == ("notify", "ring")
