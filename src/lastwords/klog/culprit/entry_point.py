"""The representative function of a loop or recursion.

Not the innermost frame, which is an accident of when the watchdog looked, but the function through which the kernel
got there. Scanning outwards, the first dispatcher met decides. A dispatcher calls through a table or pointer (the VFS, the
socket layer, netlink, timers, work items …), so what it called says what was being done. A system call that is not a
mere dispatcher is itself the answer.
"""

import re
from collections.abc import Sequence

from ..system_calls import SYSTEM_CALL
from .never import entry

# Reads, writes, ioctls and memory mappings, which a file's methods carry out.
_FILES = r"""
(__)?vfs_(read|write|readv|writev|ioctl|iter_read|iter_write|fsync(_range)?|fallocate|copy_file_range|statfs|getattr) new_sync_(read|write) call_(read|write)_iter
do_iter_(read|write|readv_writev)\w* do_loop_readv_writev do_(readv|writev|preadv|pwritev|readv_writev) (__)?kernel_(read|write)
ksys_(read|write|ioctl) (do_vfs|file|blkdev|compat_blkdev|__blkdev_driver|block|compat)_ioctl
(compat_)?(SyS|SYSC|sys)_(compat_)?(ioctl|p?readv?|p?writev?) __\w+_(compat_)?sys_(ioctl|p?readv?|p?writev?)
__fput(_sync)? _{2,4}fput delayed_fput mmap_region __mmap_region call_mmap do_mmap(_pgoff)? remove_vma
__do_fault do_(read_|shared_|cow_)?fault
"""

# Sockets, whose protocols carry out what is asked for.
_SOCKETS = r"""
(__)?sock_(send|recv)msg(_nosec)? sock_(write|read)_iter kernel_(send|recv)msg _{2,4}sys_(send|recv)(msg|mmsg|to|from)?\w*
sock_common_(set|get)sockopt do_sock_(set|get)sockopt (__)?sys_(set|get)sockopt (compat_)?(SyS|SYSC)_(set|get)sockopt
__\w+_sys_(set|get)sockopt
(SyS|SYSC|_{0,2}sys)_(connect|bind|accept4?|listen|shutdown)(_file)?
rtnetlink_rcv(_msg)? netlink_(rcv_skb|unicast|unicast_kernel) nfnetlink_rcv\w* genl_(rcv|rcv_msg|family_rcv_msg\w*)
sock_diag_rcv_msg xfrm_user_rcv_msg
"""

# Packets on their way in.
_PACKETS = r"""
_{0,2}netif_receive_skb(_\w+)? process_backlog (__)?napi_(poll|complete\w*) net_rx_action gro_\w*complete\w* napi_gro_\w+
"""

# Work put off to another context: timers, work items, soft interrupts, threads, interrupt handlers.
_DEFERRED = r"""
call_timer_fn expire_timers __run_timers(_base)? _{0,2}run_timer_(softirq|base) __hrtimer_run_queues __run_hrtimer
hrtimer_run_(queues|softirq) process_(one_work|scheduled_works) worker_thread kthread(_worker_fn)? smpboot_thread_fn
cpu_stopper_thread irq_thread(_fn)? task_work_run get_signal do_signal arch_do_signal\w* run_ksoftirqd ret_from_fork(_asm)?
tasklet_(hi_)?action(_common)? _{0,2}do_softirq handle_softirqs blk_done_softirq rcu_do_batch rcu_process_callbacks
cpu_startup_entry flush_smp_call_function_queue scheduler_ipi _{0,2}handle_irq_event_percpu do_one_initcall
"""

DISPATCHERS = re.compile("(?:" + "|".join(f"{_FILES} {_SOCKETS} {_PACKETS} {_DEFERRED}".split()) + ")")
"""Functions that call another through a pointer. A bus that probes a driver is none: the event that led to it tells
more than which driver's turn it was."""

_SMP_CALL = re.compile(r"(?:smp_call_function|on_each_cpu)(?:_\w+)?|generic_exec_single")

_COMPAT = re.compile(r"^_{0,3}compat_|_compat(?=_|$)")


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
        if before is not None and (DISPATCHERS.fullmatch(function) or entry(function) or _adapts(function, before)):
            return before
        if SYSTEM_CALL.fullmatch(function):
            return function
        if not DISPATCHERS.fullmatch(function):
            before = function
    return None


def _adapts(function: str, called: str) -> bool:
    """Whether a function only translates a 32-bit caller's arguments: `lo_compat_ioctl` calls `lo_ioctl`."""
    return "compat" in function and _COMPAT.sub("", function) == called
