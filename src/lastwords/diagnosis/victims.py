"""Kernel functions that die of what others handed them, and are not to blame for it.

A timer that was freed while it was armed kills the core's own code in a softirq, long after its owner has gone. Nobody
who reads such a trace accuses kernel/time/timer.c; neither do we.
"""

import re

from lastwords.model import Culprit

# By who does it (kernel's directories); each entry is a pattern of a whole name.
_TABLES = (
    # kernel/time: timers of others, in lists and trees
    r"(?:__)?run_timers|__?run_timer_base|run_timer_softirq|expire_timers|call_timer_fn|detach_(?:if_pending|timer)"
    r"|(?:__)?mod_timer\w*|add_timer\w*|internal_add_timer|enqueue_timer|timer_(?:delete|shutdown)\w*|(?:try_to_)?del_timer\w*"
    r"|__hrtimer_run_queues|__run_hrtimer|(?:__)?remove_hrtimer|enqueue_hrtimer|hrtimer_(?:start|cancel|interrupt|try_to_cancel)\w*",
    # kernel/workqueue.c, kernel/softirq.c, kernel/irq_work.c, kernel/smp.c, kernel/rcu
    r"process_(?:one_work|scheduled_works)|worker_thread|(?:__)?queue_work\w*|insert_work|move_linked_works|pwq_\w+"
    r"|tasklet_action\w*|__do_softirq|handle_softirqs|irq_work_(?:run|single)\w*|__?flush_smp_call_function\w*"
    r"|rcu_(?:do_batch|core|core_si|cblist_dequeue|process_callbacks)|(?:__)?call_rcu\w*|kfree_rcu_(?:work|monitor)|srcu_invoke_callbacks",
    # kernel/sched/wait.c, completion.c, kernel/notifier.c
    r"__wake_up(?:_common|_locked)?\w*|autoremove_wake_function|default_wake_function|try_to_wake_up|swake_up_\w+|complete(?:_all)?"
    r"|finish_wait|(?:add|remove)_wait_queue\w*|prepare_to_wait\w*|(?:(?:blocking|atomic|raw|srcu)_)?notifier_call_chain\w*",
    # lib: lists, trees
    r"__list_(?:add|del_entry)_valid\w*|rb_(?:erase|insert_color|next|prev|first)\w*|timerqueue_(?:add|del)|plist_(?:add|del)"
    r"|x[as]s?_\w+|radix_tree_\w+|idr_\w+|klist_\w+|llist_\w+|rhashtable_\w+|sg_next",
    # mm: the slab allocator follows the pointers that it keeps in free objects
    r"kfree\w*|kmem_cache_(?:alloc|free)\w*|(?:__)?kmalloc\w*|__kmem_cache_\w+|_{2,3}slab_\w+|slab_\w+|get_freepointer\w*|get_partial\w*"
    r"|deactivate_slab|unfreeze_partials|put_cpu_partial|set_freepointer|krealloc\w*|k[zm]alloc\w*|kstrdup\w*|kmemdup\w*|allocate_slab",
)
_VICTIMS = re.compile("|".join(_TABLES))


def is_victim(culprit: Culprit) -> bool:
    """Whether this is code of the kernel's core that handles the objects of others: the fault is mostly theirs."""
    name = (culprit.function or "").partition(".")[0]
    return culprit.module is None and _VICTIMS.fullmatch(name) is not None
