"""The representative function of a loop or recursion: not the innermost frame, which is an accident of when the
watchdog looked, but the function through which the kernel got there.

Scanning outwards, the first dispatcher met decides. A dispatcher calls through a table or pointer (the VFS, the
socket layer, netlink, timers, work items …), so what it called says what was being done. A system call that is not a
mere dispatcher is itself the answer.
"""

import re
from collections.abc import Sequence

DISPATCHERS = re.compile(
    "(?:"
    + "|".join(
        r"""
        (__)?vfs_(read|write|readv|writev|ioctl|fsync|fsync_range|fallocate|open|iter_read|iter_write|statfs|getattr|copy_file_range)
        new_sync_(read|write) do_iter_(read|write|readv_writev) call_(read|write)_iter do_loop_readv_writev.* __kernel_(read|write) kernel_(read|write)
        do_(readv|writev|preadv|pwritev|sendfile|splice.*|iter_.*) splice_.* do_splice.* iter_file_splice_write
        (compat_)?blkdev_ioctl __blkdev_driver_ioctl do_vfs_ioctl ksys_(ioctl|read|write|fsync|fallocate) compat_SyS_ioctl SyS_(ioctl|read|write|readv|writev) sys_(ioctl|read|write)
        file_ioctl __(x64|ia32|arm64|se|do)_(compat_)?sys_(ioctl|read|write) compat_sys_ioctl __do_compat_sys_ioctl
        __fput(_sync)? delayed_fput ____fput
        (__)?sock_(send|recv)msg(_nosec)? sock_(write|read)_iter ____?sys_(send|recv)msg.* __sys_(send|recv)(msg|mmsg|to|from) ___sys_.* kernel_(send|recv)msg sock_sendmsg_nosec
        sock_common_(set|get)sockopt (__)?sys_(set|get)sockopt do_sock_(set|get)sockopt SyS_(set|get)sockopt __(x64|se|ia32|arm64)_sys_(set|get)sockopt compat_SyS_setsockopt
        (__)?sys_(connect|bind|accept4?|listen|shutdown)(_file)? __sys_(connect|bind|accept4?|listen)(_file)? SyS_(connect|bind|accept4?|listen|shutdown) __sock_release sock_close sock_ioctl sock_do_ioctl
        (__)?netif_receive_skb(_.*)? __netif_receive_skb_.* process_backlog __napi_poll(\..*)? napi_poll napi_complete.* net_rx_action netif_receive_skb_internal netif_receive_skb_list_internal
        rtnetlink_rcv_msg netlink_rcv_skb netlink_unicast(_kernel)? nfnetlink_rcv(_msg|_batch)? genl_(family_)?rcv_msg.* genl_rcv sock_diag_rcv_msg xfrm_user_rcv_msg
        call_timer_fn expire_timers __run_timers(_base)? run_timer_softirq run_timer_base __hrtimer_run_queues
        process_(one_work|scheduled_works) worker_thread kthread kthread_worker_fn smpboot_thread_fn task_work_run run_ksoftirqd ret_from_fork(_asm)?
        tasklet_action(_common)? tasklet_hi_action __?do_softirq handle_softirqs blk_done_softirq rcu_do_batch rcu_process_callbacks
        mmap_region __mmap_region call_mmap do_mmap(_pgoff)? __do_fault do_fault do_read_fault do_shared_fault do_cow_fault remove_vma
        cpu_startup_entry do_idle flush_smp_call_function_queue scheduler_ipi
        __handle_irq_event_percpu handle_irq_event_percpu __usb_hcd_giveback_urb usb_hcd_giveback_urb usb_giveback_urb_bh
        driver_probe_device really_probe __driver_probe_device call_driver_probe bus_for_each_dr?ev? 
        do_init_module do_one_initcall
        """.split()
    )
    + ")"
)
_SMP_CALL = re.compile(r"(?:smp_call_function|on_each_cpu)(?:_\w+)?|generic_exec_single")

# System calls as the kernel names their entry functions over the years and architectures.
SYSTEM_CALL = re.compile(r"(?:__(?:x64|ia32|arm64|riscv|s390x?|se|do)_(?:compat_)?sys_|compat_SyS_|compat_sys_|SyS_|SYSC_|sys_|ksys_)(?P<name>\w+)")


def entry_point(functions: Sequence[str]) -> str | None:
    """The function through which the kernel got where it loops.

    Args:
        functions: plain names, innermost first, of reliable frames.

    Returns:
        The name, or None if no dispatcher or system call is among them.

    Example:
        >>> entry_point(["_raw_spin_lock", "snd_seq_kernel_write", "snd_seq_write", "__vfs_write", "SyS_write"])
        'snd_seq_write'
    """
    before = None
    for function in functions:
        if _SMP_CALL.fullmatch(function):
            return function
        if DISPATCHERS.fullmatch(function):
            if before is not None:
                return before
            continue
        if SYSTEM_CALL.fullmatch(function):
            return function
        before = function
    return None
