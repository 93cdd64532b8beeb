"""The representative function of a loop or recursion.

Not the innermost frame, which is an accident of when the watchdog looked, but the function through which the kernel
got there. Scanning outwards, the first dispatcher met decides. A dispatcher calls through a table or pointer (the VFS, the
socket layer, netlink, timers, work items …), so what it called says what was being done. A system call that is not a
mere dispatcher is itself the answer.
"""

import re
from collections.abc import Sequence

DISPATCHERS = re.compile(
    "(?:"
    + "|".join(
        [
            r"(__)?vfs_(read|write|readv|writev|ioctl|fsync|fsync_range|fallocate|open|iter_read|iter_write|statfs|getattr|copy_file_range)",
            r"new_sync_(read|write)",
            r"do_iter_(read|write|readv_writev)",
            r"call_(read|write)_iter",
            r"do_loop_readv_writev.*",
            r"__kernel_(read|write)",
            r"kernel_(read|write)",
            r"do_(readv|writev|preadv|pwritev|sendfile|splice.*|iter_.*)",
            r"splice_.*",
            r"do_splice.*",
            r"iter_file_splice_write",
            r"(compat_)?blkdev_ioctl",
            r"__blkdev_driver_ioctl",
            r"do_vfs_ioctl",
            r"ksys_(ioctl|read|write|fsync|fallocate)",
            r"compat_SyS_ioctl",
            r"SyS_(ioctl|read|write|readv|writev)",
            r"sys_(ioctl|read|write)",
            r"file_ioctl",
            r"__(x64|ia32|arm64|se|do)_(compat_)?sys_(ioctl|read|write)",
            r"compat_sys_ioctl",
            r"__do_compat_sys_ioctl",
            r"__fput(_sync)?",
            r"delayed_fput",
            r"____fput",
            r"(__)?sock_(send|recv)msg(_nosec)?",
            r"sock_(write|read)_iter",
            r"____?sys_(send|recv)msg.*",
            r"__sys_(send|recv)(msg|mmsg|to|from)",
            r"___sys_.*",
            r"kernel_(send|recv)msg",
            r"sock_sendmsg_nosec",
            r"sock_common_(set|get)sockopt",
            r"(__)?sys_(set|get)sockopt",
            r"do_sock_(set|get)sockopt",
            r"SyS_(set|get)sockopt",
            r"__(x64|se|ia32|arm64)_sys_(set|get)sockopt",
            r"compat_SyS_setsockopt",
            r"(__)?sys_(connect|bind|accept4?|listen|shutdown)(_file)?",
            r"__sys_(connect|bind|accept4?|listen)(_file)?",
            r"SyS_(connect|bind|accept4?|listen|shutdown)",
            r"__sock_release",
            r"sock_close",
            r"sock_ioctl",
            r"sock_do_ioctl",
            r"(__)?netif_receive_skb(_.*)?",
            r"__netif_receive_skb_.*",
            r"process_backlog",
            r"__napi_poll(\..*)?",
            r"napi_poll",
            r"napi_complete.*",
            r"net_rx_action",
            r"netif_receive_skb_internal",
            r"netif_receive_skb_list_internal",
            r"rtnetlink_rcv_msg",
            r"netlink_rcv_skb",
            r"netlink_unicast(_kernel)?",
            r"nfnetlink_rcv(_msg|_batch)?",
            r"genl_(family_)?rcv_msg.*",
            r"genl_rcv",
            r"sock_diag_rcv_msg",
            r"xfrm_user_rcv_msg",
            r"call_timer_fn",
            r"expire_timers",
            r"__run_timers(_base)?",
            r"run_timer_softirq",
            r"run_timer_base",
            r"__hrtimer_run_queues",
            r"process_(one_work|scheduled_works)",
            r"worker_thread",
            r"kthread",
            r"kthread_worker_fn",
            r"smpboot_thread_fn",
            r"task_work_run",
            r"run_ksoftirqd",
            r"ret_from_fork(_asm)?",
            r"tasklet_action(_common)?",
            r"tasklet_hi_action",
            r"__?do_softirq",
            r"handle_softirqs",
            r"blk_done_softirq",
            r"rcu_do_batch",
            r"rcu_process_callbacks",
            r"mmap_region",
            r"__mmap_region",
            r"call_mmap",
            r"do_mmap(_pgoff)?",
            r"__do_fault",
            r"do_fault",
            r"do_read_fault",
            r"do_shared_fault",
            r"do_cow_fault",
            r"remove_vma",
            r"cpu_startup_entry",
            r"do_idle",
            r"flush_smp_call_function_queue",
            r"scheduler_ipi",
            r"__handle_irq_event_percpu",
            r"handle_irq_event_percpu",
            r"__usb_hcd_giveback_urb",
            r"usb_hcd_giveback_urb",
            r"usb_giveback_urb_bh",
            r"driver_probe_device",
            r"really_probe",
            r"__driver_probe_device",
            r"call_driver_probe",
            r"bus_for_each_dr?ev?",
            r"do_init_module",
            r"do_one_initcall",
        ]
    )
    + ")"
)
_SMP_CALL = re.compile(r"(?:smp_call_function|on_each_cpu)(?:_\w+)?|generic_exec_single")

# System calls as the kernel names their entry functions over the years and architectures.
SYSTEM_CALL = re.compile(
    r"(?:__(?:x64|ia32|arm64|riscv|s390x?|se|do)_(?:compat_)?sys_|compat_SyS_|compat_sys_|SyS_|SYSC_|sys_|ksys_)(?P<name>\w+)"
)


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
