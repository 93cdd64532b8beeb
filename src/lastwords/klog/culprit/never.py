"""Functions that are on a trace because of how the kernel reports, locks, allocates or waits: never to blame.

Each table is one reason. An entry is a regular expression that must match the whole function name (without
`.isra.0`, `.constprop.0`, `.part.0`, `.cold`). To add one, put it under the reason that fits and add a log to
the tests that needs it.
"""

import re
from functools import lru_cache

REPORTING = r"""
dump_stack(_lvl|_print_info|_set_arch_desc)? __dump_stack show_stack(_log_lvl)? show_regs show_regs_print_info
__show_regs
dump_backtrace show_trace_log_lvl print_trace_stack unwind_backtrace sched_show_task show_state_filter
save_stack save_stack_trace.* (arch_)?stack_trace_(save|consume|dump).* arch_stack_walk stack_depot_.*
unwind_next_frame
__save_stack_trace unwind_get_return_address deref_stack_reg walk_stackframe update_stack_state orc_find
__warn(_printk)? warn_slowpath_.* __report_bug report_bug(_entry)? .*warn_thunk.* warn_bogus_irq_restore
(do_)?invalid_op fixup_bug do_error_trap do_trap(_no_signal)? exc_invalid_op asm_exc_.* handle_bug exc_[a-z_]+
bug_handler
handle_ud1_ubsan
brk_handler do_debug_exception bug_brk_handler call_break_hook ubsan_brk_handler reserved_fault_brk_handler
(el|el1|el0)_(dbg|da|ia|sync|irq|svc|undef|inv|fpsimd_acc|brk64|abort|interrupt|error)(_handler|_naked)?
el1h_64_.* el0t_64_.* do_el0_.* do_debug_exception el1_sync_handler bad_el0_sync arm64_notify_die
__do_kernel_fault do_mem_abort do_translation_fault do_tag_(check_fault|recovery) do_page_fault do_sea do_bad
do_alignment_fault do_alignment do_dataabort do_DataAbort do_PrefetchAbort do_undefinstr do_undefinstr die __die
oops_end
__irq_svc __irq_usr
die_kernel_fault die_addr die_body notify_die oops_begin no_context bad_area(_nosemaphore|_access_error)?
(__|do_)bad_area.* handle_page_fault do_kern_addr_fault do_user_addr_fault page_fault_oops kernelmode_fixup_or_oops
spurious_kernel_fault(_check)? page_fault async_page_fault trace_page_fault trace_do_page_fault do_async_page_fault
general_protection stack_segment double_fault do_double_fault program_check_(exception|common)(_virt)? df_debug
divide_error coprocessor_error __div0 Ldiv0(_64)?
simd_coprocessor_error alignment_check overflow bounds error_entry error_code error_sti do_general_protection
handle_bad_stack panic_bad_stack __bad_stack bad_stack handle_stack_overflow overflow_stack
panic(_print_sys_info)? nmi_panic(_self_stop)? __panic vpanic check_panic_on_warn crash_kexec __crash_kexec
machine_kexec
handle_edge_irq handle_fasteoi_irq handle_level_irq
v?printk(_deferred|_emit|_store|_default|_func|_sprint)? _printk(_deferred)? dev_vprintk_emit
vprintk_(emit|store|default|func|deferred) vprintk
console_(unlock|trylock_spinning|flush_all|flush_on_panic|cont_flush)
__printk_safe_flush printk_safe_flush(_on_panic)? printk_sprint __down_trylock_console_sem down_trylock
_dev_(printk|err|warn|info|notice|crit|alert|emerg) __dev_printk dev_printk_emit __netdev_printk
netdev_(err|warn|info|printk)
nmi_cpu_backtrace(_handler)? nmi_trigger_cpumask_backtrace arch_trigger_(cpumask|all_cpu)_backtrace.* raise_backtrace
trigger_(all_cpu|single_cpu|allbutself_cpu|cpumask)_backtrace rcu_dump_cpu_stacks rcu_check_gp_kthread_starvation
print_cpu_stall(_info)? print_other_cpu_stall check_cpu_stall rcu_pending rcu_check_callbacks rcu_sched_clock_irq
dump_cpu_task smp_send_reschedule
nmi_handle default_do_nmi do_nmi end_repeat_nmi first_nmi nmi perf_event_nmi_handler
apei_.* ghes_.* mce_.* do_machine_check
lockdep_rcu_suspicious spin_(bug|dump) rwlock_bug spin_lockup_.* rwsem_.*bug
print_(address_description|report|usage_bug|circular_bug|deadlock_bug|unlock_imbalance_bug|lock_.*bug|bad_irq_dependency|irq_inversion_bug).*
print_(held_locks_bug|freed_lock_bug|trailer|section|lock_contention_bug|collision|shadow_for_address|modules|vma_addr|hex_dump)
hex_dump_to_buffer print_trailer object_err slab_err slab_bug slab_fix check_object check_bytes_and_report
print_bad_(pte|page_map)(_\w+)? __print_bad_page_map_pgtable bad_page(_reason)? (__)?free_pages?_(is_)?(bad|check|check_bad|is_bad_report|ok|prepare) __schedule_bug
free_(page_is_bad_report|unref_page(s|_prepare|_commit|_list)?) free_pcp_prepare free_pages_prepare
free_tail_pages_check
__might_(sleep|fault|resched) ___might_sleep print_preempt_disable_ip
schedule_debug preempt_count_(add|sub)
dump_page(_owner)? __dump_page
kmemleak_.* create_object paint_ptr
(__)?ubsan_.* __ubsan_handle_.* handle_overflow ubsan_epilogue ubsan_prologue val_to_string
kasan_.* __kasan_.* __asan_.* __hwasan_.* check_memory_region.* (__)?kasan_check_.* memory_is_poisoned.*
check_region_inline
end_report start_report report_.*error.* kasan_object_err
kmsan_.* __kmsan_.* __msan_.* kcsan_.* __tsan_.* kcsan_setup_watchpoint check_access
kfence_.* __kfence_.*
__sanitizer_cov_trace_.* canary_.* sanitize_.*
debug_print_object __debug_check_no_obj_freed __debug_object_init debug_object_.* debug_check_no_.* debug_lockdep_rcu_enabled
debug_(spin|write|read|rt_mutex|mutex)_.* debug_smp_processor_id check_preemption_disabled __this_cpu_preempt_check
debug_locks_off(_graph_unlock)? .*_is_static_object lookup_object_or_alloc .*_fixup_(activate|init|free|assert_init)
fortify_panic __fortify_(panic|report) _{0,3}usercopy_(abort|warn) report_usercopy __check_(object_size|heap_object)
check_(stack|heap|page_span|kernel_text|bogus)_(object|address).*
__stack_chk_fail
rust_helper_BUG \w*rust_begin_unwind _R\w*4core9panicking\w* (<?core::)?panicking::.*
refcount_.* __refcount_.* kref_(get|put|sub).* atomic(64|_long)?_.*
arch_atomic.* instrument_.* raw_atomic.*
__list_(add|del|del_entry)(_valid)?(_or_report)? list_(add|del|move|splice|replace|empty|is_.*)(_.*)? __hlist_del
hlist_.* hlist_bl_.*
llist_.* klist_.* plist_.*
cfi_.* __cfi_.* handle_cfi_failure __ubsan_handle_cfi.*
"""

LOCKING = r"""
(__)?(lock|lockdep)_(acquire|acquired|release|downgrade|contended|set_class|pin_lock|unpin_lock|repin_lock|set_subclass|sync)(\.\w+)?
lockdep_.* __lock_(acquire|release|downgrade|set_class|is_held|acquired|contended) hlock_class
mark_(lock|lock_irq|held_locks|usage|lock_accessed|lock_unaccessed)
lock_is_held reacquire_held_locks find_held_lock match_held_lock
check_(noncircular|prev_add|prevs_add|deadlock|usage|usage_forwards|usage_backwards|irq_usage|wait_context|chain_key|flags)
validate_chain register_lock_class look_up_lock_class add_chain_cache assign_lock_key lookup_chain_cache(_add)?
valid_state
mark_lock_irq print_usage_bug trace_(hardirqs|softirqs|preempt)_(on|off).* __local_bh_.* local_bh_.* _local_bh_enable
(do_)?_?raw_(spin|read|write)_(lock|unlock|trylock|relax).* __raw_(spin|read|write)_.* do_raw_.*
(spin|read|write)_(lock|unlock|trylock).*
rt_(spin|read|write)_(lock|unlock|trylock).* rt_mutex_.* __rt_mutex_.* task_blocks_on_rt_mutex
(native_)?queued_(spin|read|write)_(lock|unlock)(_slowpath)? _{0,3}pv_queued_spin_.* kvm_wait pv_wait.*
queued_.*_slowpath virt_spin_lock
_{0,3}mutex_(lock|unlock|trylock|optimistic_spin|spin_on_owner|remove_waiter|lock_common|waiter|add_waiter|lock_interruptible|lock_killable|lock_io)(_.*)?
__mutex_.* __ww_mutex_.* ww_mutex_.* osq_(lock|unlock|wait_next)
_{0,3}(down|up|downgrade)(_(read|write|interruptible|killable|trylock|timeout|common).*)? __down_.* __up_.* __up
rwsem_.* call_rwsem_.* percpu_(down|up|rwsem)_.* __percpu_.*rwsem.* rcu_sync_.* (__)?sb_(start|end)_.*
seqcount_.* read_seqbegin.* write_seq.* read_seqcount_.* seqcount_lockdep_reader_access
(__)?wait_rcu_gp rcu_barrier(_.*)?
rcu_(read_(lock|unlock).*|lock_acquire|lock_release|is_watching|irq_.*|nmi_.*|lockdep_.*|read_lock_.*held.*|momentary_.*|note_.*|core.*|do_batch|nocb_.*|cblist_.*|preempt_.*|report_.*|gp_.*|implicit_.*|dynticks_.*|eqs_.*)
__rcu_read_(lock|unlock) __rcu_reclaim rcu_user_.* rcu_eqs_.* srcu_(read_)?(lock|unlock)(_.*)? __srcu_read_.*
_{0,2}atomic_dec_and_lock(_irqsave)? _atomic_dec_and_.*lock.* refcount_dec_and_.*lock.* bit_spin_.* console_trylock
arch_spin_.* __pv_.* native_.*(irq|halt|cpu_relax).* arch_local_irq_.* arch_local_save_flags get_lock_parent_ip
lock_sock(_nested|_fast)? __lock_sock release_sock __release_sock bh_lock_sock.*
lockref_.* lock_page.* __lock_page.* folio_(lock|unlock|wake_bit).* unlock_page wait_on_page_.* folio_wait_.*
lock_buffer __lock_buffer regmap_(un)?lock_\w+
(un)?lock_(mount_hash|two_nondirectories|rename) wait_lock.*
"""

SCHEDULING = r"""
_{0,3}schedule(_loop|_rtlock)? context_switch schedule_(timeout|preempt_disabled|debug|hrtimeout|idle|tail_).*
schedule_timeout(_.*)? io_schedule(_timeout|_prepare)? __sched_text_start
__switch_to(_asm)? finish_task_switch finish_lock_switch preempt_schedule(_.*)? ___preempt_schedule.*
__preempt_schedule.*
preempt_(schedule|count|latency|enable|disable).* __cond_resched(_lock)? _cond_resched retint_.* restore_regs_and_.*
wait_(for|on|woken|event|rcu).*(completion|common|bit|buffer).* _{0,3}wait_for_common __wait_for_.*
wait_for_(completion|common)(_.*)? do_wait_for_common do_wait_intr.* wait_woken
_{0,3}wait_on_(bit|buffer|freeing_inode|page_bit)(_.*)? out_of_line_wait_on_bit(_.*)?
bit_wait(_io|_timeout|_io_timeout)? __wait_event_.* prepare_to_(wait|swait).* finish_(wait|swait)
(__)?wake_up(?!_new_task)(_.*)? __wake_up_.* autoremove_wake_function default_wake_function try_to_wake_up ttwu_.*
complete(_all|_with_flags)? swake_up.* woken_wake_function pollwake ep_poll_callback
add_wait_queue(_.*)? _{0,3}refrigerator(_.*)?
raw_spin_rq_.* __task_rq_lock task_rq_lock enqueue_.*task.* dequeue_.*task.* activate_task deactivate_task
update_(curr|rq|load|cfs).* pick_next_task.* psi_.* sched_clock.*
perf_(trace|tp)_.* perf_swevent_.* trace_event_raw_event_.* trace_event_buffer_.* perf_event_task_sched_.*
__traceiter_.* __bpf_trace_.* bpf_trace_run.*
"""

WAITING = r"""
(__)?flush_(work|delayed_work|workqueue_prep_pwqs)(_.*)? _{0,3}cancel_(work|delayed_work|work_timer)(_.*)?
drain_workqueue destroy_workqueue
start_flush_work insert_wq_barrier try_to_grab_pending grab_pending kthread_(stop|park|flush_.*|cancel_.*)
_{0,3}queue_(work|delayed_work)(_on|_node)? insert_work delayed_work_timer_fn mod_delayed_work(_on)?
schedule_(work|delayed_work)(_on)? work_grab_pending
(__)?(del|mod|add|init|try_to_del)_timer(_.*)? _{0,3}timer_(delete|shutdown|init)(_.*)?
timer_(delete|reduce|shutdown)(_.*)? init_timer_key do_init_timer
hrtimer_(cancel|start|try_to_cancel|active|init|setup).* __hrtimer_(start|init).* lock_timer_base
sk_stop_timer(_sync)? detach_if_pending detach_timer
down_(read|write)(_.*)? call_rcu(_.*)?
"""

MEMORY = r"""
_{0,3}(k|kv|v|vm|kz|dev|devm_k)(m|z)?(alloc|calloc|realloc|free)(_.*)? (k|kv|v)(m|z|c)?alloc(_.*)?
(__)?k(mem)?dup(_.*)? kv?free(_.*)? kzfree vfree(_.*)? __v(un)?map.* vunmap vmap
_{0,3}(do_)?km?alloc(_.*)? __do_kmalloc_.* kmalloc_(slab|order|order_trace|large|nolock|trace|reserve|array|node).*
__kmalloc(_.*)? kmem_cache_(alloc|free|zalloc|create|destroy|shrink).* kmem_cache_.*alloc.* ___kmalloc_.* __kmalloc_.*
__kmem_cache_.* kstrdup.* kasprintf kvasprintf kstrndup kmemdup.* memdup_.* vmemdup_.* strndup_user
(__)?slab_(alloc|free|pad_check|post_alloc_hook|pre_alloc_hook|alloc_node|free_hook|free_freelist_hook|want_init.*)(_.*)?
___slab_alloc __slab_alloc(_.*)? __slab_free allocate_slab alloc_slab_page alloc_debug_processing
free_debug_processing new_slab(_objects)? do_slab_free
free_block cache_(alloc|grow|flusharray).* ____?cache_(alloc|free).* __cache_(alloc|free).* __do_cache_alloc
fallback_alloc free_(slab|large_kmalloc|to_partial_list) alternate_node_alloc
mempool_(alloc|free|kmalloc|alloc_slab|free_slab|alloc_pages|kfree|free_pages).*
should_fail(_.*)? _{0,3}should_failslab __should_fail.* fail_dump should_fail_alloc_page fault_create_debugfs_attr
fail_usercopy should_fail_usercopy
_{0,3}alloc_(pages?|page)(_.*)? __alloc_pages(_.*)? alloc_(page|pages|folio)_.* folio_alloc(_.*)? __folio_alloc.*
vma_alloc_folio.* __page_cache_alloc get_page_from_freelist prep_new_page post_alloc_hook rmqueue(_.*)?
prepare_alloc_pages get_zeroed_page(_.*)? __get_free_pages(_.*)?
(__)?free_pages?(_.*)? __put_(page|single_page|compound_page) __folio_put(_.*)? put_page folio_put.*
free_(compound|huge|tail|pcppages|frozen|the|one)_.*pages?(_.*)? free_large_.* release_pages free_pages_and_swap_cache
(__)?page_pool_\w+ (__)?alloc_frozen_.* prep_compound_page set_page_owner __set_page_owner __reset_page_owner
page_frag_free
_{0,3}pcpu_(alloc|create_chunk|balance|mem_zalloc|populate|free|get).* __alloc_percpu(_gfp)? free_percpu
pcpu_alloc(_.*)?
quarantine_(reduce|put).*
dma_(alloc|pool)_.* kmalloc_fix_flags sk_prot_alloc sk_alloc kmem_cache_init.*
shrink_(slab|node|page_list|inactive_list|lruvec|folio_list|node_memcgs|node_memcg|zones|list|active_list|memcg).*
do_shrink_slab try_to_free_(pages|mem_cgroup_pages).* do_try_to_free_pages balance_pgdat kswapd direct_reclaim.*
super_cache_(scan|count) list_lru_count_one __perform_reclaim prune_.*sb
kmap(_atomic|_local_page)?.* kunmap.* page_address set_memory_.* change_page_attr.* __change_page_attr.* cpa_.*
"""

STRINGS_AND_COPIES = r"""
_{0,3}mem(cpy|set|move|cmp|chr|scan|dup|zero)(_.*)? _{0,3}_?(arch_)?memcpy(_.*)? ___?mem(cpy|set|move).* fortify_mem.*
sized_str.* __mem(cpy|set|move) memchr_inv memzero_explicit
str(n|l|s)?(cpy|cat|cmp|len|chr|rchr|str|pbrk|sep|dup|casecmp|ncasecmp|nlen|ncmp|spn|cspn|im|rev|scpy|nchr|chrnul)(_.*)?
__str.* sized_strscpy strscpy(_pad)? read_word_at_a_time __read_once_word_nocheck vs[cn]*printf s[cn]*printf
vscnprintf vsnprintf bstr_printf string(_nocheck)?
(pointer|number|format_decode|hex_string|ip6_string|mac_address_string|check_pointer.*|error_string|symbol_string)
_?_?(raw_)?copy_(to|from|in)_user(_.*)? _{0,2}copy_(to|from)_iter(_.*)? copyin copyout
__copy_(user|to_user|from_user).* copy_user_.* __asm_copy_.* arm_copy_.* __arch_copy_.* _{0,3}get_user(_.*)?
_{0,3}put_user(_.*)? clear_user __clear_user rep_(movs|stos)_alternative copy_mc_.* strncpy_from_user strnlen_user
iterate_and_advance.* iov_iter_copy.* __get_user_.* __put_user_.* clear_page(_.*)? copy_page(_.*)? clear_huge_page
_{0,2}(test|find|set|clear|change)_(and_(set|clear|change)_)?(bit|next_bit|first_bit|last_bit|next_zero_bit|first_zero_bit|next_and_bit)(_.*)?
__(set|clear|test_and_.*)_bit bitmap_.* __bitmap_.* hweight.* __sw_hweight.*
rb_(erase|insert_color|next|prev|first|last|replace_node|first_postorder|next_postorder)(_.*)?_?dummy?
__rb_(insert|erase|rotate|change)_.* rb_(erase|next|insert_color).*
radix_tree_.* __radix_tree_.* xas_.* xa_.* __xa_.* idr_.* __idr_.* ida_.* mas_.* mt_.* mtree_.* assoc_array_.*
lockref_.*
_{0,2}(copy|read|write)_once.* __read_once_size.* __write_once_size.* (raw_)?(read|write)[bwlq] read_pnet current_.*
get_current
skb_(put|pull|push|panic|over_panic|under_panic|copy_bits|pull_data|pull_rcsum|put_data|set_owner_w|unlink|queue_.*|dequeue.*|trim|copy_datagram.*)_?
skb_(put|pull|push|panic|over_panic|under_panic)(_.*)?
__skb_(put|pull|push|unlink|queue.*|dequeue.*|pull_tail|try_recv.*)_? _{0,3}kfree_skb(_.*)? k?consume_skb __kfree_skb
skb_release_all kfree_skbmem kfree_skb_.* kmalloc_reserve __kmalloc_reserve skb_unref sk_skb_reason_drop
"""

INFRASTRUCTURE = r"""
kobject_(add|get|put|del|cleanup|release|init|set_name|rename|uevent|create|namespace|move|get_path|init_and_add)(_.*)?
__kobject_(del|put) kset_.* get_device(_parent)? put_device
device_(add|del|register|unregister|destroy|create|remove_file|create_file|for_each_child|release|initialize|move|rename|offline)(_.*)?
dev_set_name
sysfs_(remove|create|warn_dup|add|delete|update|do_create|rename|link|unlink|notify|put|merge|unmerge|addrm).*
kernfs_(create|add|remove|put|find|new|activate|drain|get|link|unlink|next|name|name_hash|notify).*
__kernfs_(new|create|iattrs).* internal_create_group(s)? dpm_sysfs_.* remove_files
bus_(remove|add)_device
(raw|blocking|atomic|srcu)_notifier_call_chain(_.*)? _{0,3}notifier_call_chain(_.*)?
__(raw|blocking|atomic|srcu)_notifier_call_chain call_netdevice_notifiers(_.*)? call_netdev.*notifiers.*
unregister_netdevice_many(_.*)? rollback_registered_many rollback_registered unregister_netdevice_queue
_{0,3}usb_(submit|kill|unlink|poison)_(urb|anchored_urbs)_? usb_(submit|kill|unlink|poison)_(urb|anchored_urbs)(_.*)?
usb_hcd_(submit|unlink)_urb usb_start_wait_urb usb_(control|bulk|interrupt)_msg(_.*)? usb_internal_control_msg
i2c_del_adapter __unregister_client hwrng_unregister tty_(unregister|register)_device(_.*)?

(__)?debugfs_.* tracefs_.*
kill_fasync(_rcu)? send_sig.* __send_signal.*

mod_timer_pending
iput(_final)? (fast_)?dput (inc|drop|clear|set)_nlink (init|cleanup)_srcu_struct.*
"""

CRYPTO = r"""
(crypto|cipher|skcipher|ahash|shash|drbg|rng)_\w+
(aes|aesti|aesni|des|sha\d+|xts|cbc|ecb|ctr|gcm|chacha|poly1305|ghash)_\w*(crypt|setkey|set_key|update|final|init|digest|expandkey)\w*
"""

# Ways into the kernel: only to blame where a trace shows nothing else.
ENTRY = r"""
entry_SYSCALL_.* entry_INT80.* entry_SYSENTER_.* do_(syscall|fast_syscall|int80_syscall|SYSENTER)_.*
do_syscall_(64|x64|32|trace_.*) syscall_(exit|enter|trace|return|handler).* __do_fast_syscall_32 __do_syscall.*
x64_sys_call ia32_sys_call sysenter_.* ret_(from|fast|slow|to)_.* system_call.* el0_svc.* invoke_syscall do_el0_svc
syscall_call sys_call_table do_trap_ecall_u handle_syscall handle_exception syscall_common ret_from_.*
do_softirq_own_stack
__dabt_.* __pabt_.* __und_.* int_ret_from_.* tracesys.* stub_.* common_interrupt ret_from_intr
asm_(sysvec|common|exc|call|load)_.* sysvec_.* __sysvec_.* run_(irq_on_irqstack|sysvec_on_irqstack).*
(smp_|trace_|smp_trace_)?(apic_timer|reschedule|call_function|call_function_single|reboot|irq_work|error|spurious|x86_platform_ipi|deferred_error|threshold|thermal)_interrupt(_entry_after_kaiser_bti)?
smp_(apic_timer|reschedule|trace_apic_timer|trace_reschedule).*_interrupt.* local_apic_timer_interrupt
(hrtimer|tick|local_apic_timer)_interrupt hrtimer_(run_queues|run_softirq) __hrtimer_run_queues __run_hrtimer
tick_(sched|nohz|handle|do|periodic|check).* update_process_times run_local_timers scheduler_tick sched_tick
account_process_tick
arch_timer_handler_.* handle_percpu_devid_irq generic_handle_(irq|domain_irq).*
_{0,3}handle_(domain_irq|irq_event|irq_desc).* handle_irq.* do_(IRQ|irq|handle_IPI|interrupt_handler) handle_IPI
ipi_handler __common_interrupt gic_handle_irq _{0,3}do_softirq(_own_stack)? ____do_softirq handle_softirqs
invoke_softirq _{0,3}irq_(exit|enter).* do_softirq.* call_on_(irq_)?stack call_softirq irq_exit_rcu __irq_exit_rcu
do_IRQ riscv_intc_irq do_irq irqentry_.* exit_to_user_mode_loop.*
worker_thread process_(one_work|scheduled_works) kthread kthread_worker_fn kernel_thread_helper child_rip
ret_from_kernel_thread
rest_init start_kernel secondary_startup_64.* x86_64_start_.* start_secondary cpu_startup_entry do_idle cpu_idle.*
default_idle(_call)? arch_cpu_idle arch_call_rest_init call_cpuidle cpuidle_.* secondary_start_kernel
__secondary_switched __primary_switched native_safe_halt acpi_(idle|safe_halt).* intel_idle.* pv_native_safe_halt
poll_idle mwait_idle
_stext __irqentry_text_(start|end) __entry_text_.* __init_begin __rela_dyn_start stext __softirqentry_text_(start|end)
__kprobes_text.* __cpuidle_text.*

syscall_enter_from_user_mode.* __context_tracking_.* context_tracking_.* user_(exit|enter)(_.*)? enter_from_.* ct_.*
fpregs_(lock|unlock) trace_.*_thunk .*_thunk.* __x86_indirect_.* __x86_return_thunk srso_.* __fentry__ ftrace_.*call.*
mcount arch_ftrace_.* function_trace_call
panic_notifier.*
"""


def _compile(*tables: str) -> re.Pattern[str]:
    """One pattern for whole names from tables of patterns."""
    entries = [entry for table in tables for entry in table.split()]
    return re.compile("(?:" + "|".join(entries) + ")")


_NEVER = _compile(REPORTING, LOCKING, SCHEDULING, WAITING, MEMORY, STRINGS_AND_COPIES, INFRASTRUCTURE, CRYPTO)
_ENTRY = _compile(ENTRY)

# What compilers append to the name of a clone: GCC's -fipa passes, LLVM's and kallsyms' spellings.
_CLONE_SUFFIX = re.compile(
    r"\.(?:isra|constprop|part|cold|llvm|lto_priv|clone|cfi_jt|cfi|__uniq|localalias|thinlto)\b.*"
)


@lru_cache(maxsize=16384)
def plain(function: str) -> str:
    """The name a reader of the source knows: `ring_bind` for `ring_bind.constprop.0.isra.0`.

    Example:
        >>> plain("__call_rcu.constprop.76")
        '__call_rcu'
    """
    return _CLONE_SUFFIX.sub("", function) if "." in function else function


@lru_cache(maxsize=16384)
def never_to_blame(function: str) -> bool:
    """Whether a function is machinery: reporting, locking, allocating, waiting, entering.

    Args:
        function: a plain function name, see `plain()`.
    """
    return function.startswith("0x") or _NEVER.fullmatch(function) is not None


@lru_cache(maxsize=16384)
def entry(function: str) -> bool:
    """Whether a function is a way into the kernel (system call, interrupt, thread): to blame as a last resort only."""
    return _ENTRY.fullmatch(function) is not None
