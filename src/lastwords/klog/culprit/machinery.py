"""The kernel's machinery, as tables of function names: what stands on a trace but is never to blame for it.

Each table is one reason. An entry is a regular expression of a whole function name without compilers' suffixes
(`.isra.0`, `.constprop.0`, `.part.0`, `.cold`). To add one, put it under the reason that fits. What to leave out:
functions of one driver, file system or protocol, even generic ones, and a subsystem's own named locks (`rtnl_lock`,
`pipe_lock`, `cpus_read_lock`): those tell one bug from another.
"""

REPORTING = r"""
_{0,2}dump_stack(_lvl|_print_info|_set_arch_desc)? show_stack(_log_lvl)?
_?_?show_regs(_print_info|_if_on_stack)? show_trace_log_lvl dump_backtrace(_entry|_log_lvl)? dump_trace
show_backtrace print_(trace_stack|trace_address|context_stack(_bp)?) walk_stack(frame)? _{0,2}save_stack(_trace)?(_.*)?
unwind_\w+ update_stack_state orc_find deref_stack_reg (arch_)?stack_trace_(save|consume|dump).* arch_stack_walk\w*
stack_depot_\w+ arch_dump_stack _?sched_show_task show_state_filter debug_show_(all_locks|held_locks) lockdep_print_held_locks
__warn(_printk)? warn_slowpath_.* __report_bug report_bug(_entry)? .*warn_thunk.* warn_bogus_irq_restore check_panic_on_warn
bust_spinlocks add_taint print_modules panic(_print_sys_info|_on_oops|_other_cpus_shutdown)? __panic vpanic
nmi_panic(_self_stop)? _{0,2}crash_kexec machine_kexec crash_fadump panic_smp_self_stop emergency_restart
v?_?printk(_deferred|_emit|_store|_default|_func|_sprint|_once)? _printk_deferred vprintk(_\w+)?
console_(unlock|trylock|trylock_spinning|lock_spinning_enable|flush_all|flush_on_panic|cont_flush|emit_next_record)
call_console_drivers printk_(sprint|get_next_message) _{0,2}printk_safe_flush(_\w+)? msg_print_text print_prefix
__down_trylock_console_sem dev_vprintk_emit dev_printk_emit _?dev_(printk|emerg|alert|crit|err|warn|notice|info|dbg)
__dev_printk __dynamic_\w+ __netdev_printk netdev_(printk|emerg|alert|crit|err|warn|notice|info)
nmi_(cpu_backtrace|trigger_cpumask_backtrace)(_handler)? arch_trigger_(cpumask|all_cpu)_backtrace\w* raise_backtrace
trigger_(all_cpu|single_cpu|allbutself_cpu|allbutcpu_cpu|cpumask)_backtrace dump_cpu_task
rcu_(dump_cpu_stacks|check_gp_kthread_starvation|print_(task|detail_task)_stall\w*|stall_kick_kthreads|pending) __rcu_pending
print_(cpu_stall|other_cpu_stall)(_info)? check_cpu_stall rcu_(check_callbacks|sched_clock_irq)
watchdog_(timer_fn|overflow_callback|hardlockup_check) is_softlockup
lockdep_rcu_suspicious spin_(bug|dump) rwlock_bug spin_lockup_\w+ rwsem_\w*bug
print_(address_description|report|error_description|memory_metadata|usage_bug|circular_bug|deadlock_bug|lock_\w*bug|held_locks_bug)(_\w+)?
print_(freed_lock_bug|unlock_imbalance_bug|lock_contention_bug|bad_irq_dependency|irq_inversion_bug|irq_nesting|lockdep_off)(_\w+)?
print_(trailer|section|tracking|track|page_info|vma_addr|hex_dump|shadow_for_\w+|collision|preempt_disable_ip|irqtrace_events)
describe_(address|object)\w* hex_dump_to_buffer object_err slab_(err|bug|fix) check_(object|slab|bytes_and_report|pad_bytes)
bad_page(_reason)? free_pages?_(is_)?(bad|check|check_bad|is_bad|is_bad_report|bad_report) _{0,2}print_bad_(pte|page_map)\w*
dump_page(_owner)? __dump_page(_owner)? __schedule_bug schedule_debug debug_smp_processor_id check_preemption_disabled
__this_cpu_preempt_check _{2,3}might_(sleep|resched) preempt_count_(add|sub) (add|sub)_preempt_count
"""

# How an architecture gets from the faulting instruction to the report.
EXCEPTIONS = r"""
(do_)?invalid_op fixup_bug do_error_trap do_trap(_no_signal)? exc_[a-z_]+ asm_exc_.* handle_bug handle_ud1_ubsan
bug_handler(_\w+)? notify_die oops_(begin|enter|exit|end) no_context _{0,2}bad_area(_\w+)? die _{2,3}die(_if_kernel)?
die_(addr|body|header|kernel_fault|if_kernel) _{0,3}do_page_fault handle_page_fault do_(kern|user)_addr_fault
page_fault_oops kernelmode_fixup_or_oops (spurious|vmalloc)_(kernel_)?fault(_\w+)? (trace_|async_)?page_fault
trace_do_page_fault do_async_page_fault general_protection do_general_protection stack_segment segment_not_present
double_fault do_double_fault df_debug divide_error do_divide_error __div0 Ldiv0(_64)? coprocessor_(error|segment_overrun) do_coprocessor_error
simd_coprocessor_error alignment_check do_alignment_check overflow bounds int3 do_int3 debug do_debug invalid_TSS
error_(entry|code|exit|sti|return) paranoid_(entry|exit) machine_check do_machine_check mce_\w+
handle_(bad_stack|stack_overflow) panic_bad_stack __?bad_stack overflow_stack
el[01]_(dbg|da|ia|sp_pc|pc|sync|irq|undef|inv|abort|interrupt|error|bti|fpac|mops|gcs|brk64|fpsimd_acc|sve_acc)(_handler)?
el1_sync_handler el0_sync(_handler)? el1h_64_\w+ el1t_64_\w+ bad_el0_sync do_el[01]_\w+
arm64_(notify_die|skip_faulting_instruction|serror_panic|is_fatal_ras_serror) do_serror
do_(mem_abort|translation_fault|sea|bad|sect_fault|sp_pc_abort|debug_exception|undefinstr|dataabort|DataAbort|PrefetchAbort)
do_(alignment(_fault)?|tag_check_fault|tag_recovery) __do_kernel_fault (__)?do_bad_area\w* arm_notify_die call_undef_hook
(bug_|ubsan_|kasan_|cfi_|reserved_fault_|kgdb_|kprobe_)?brk_handler call_(el1_)?break_hook bug_brk_handler
(program_check|data_access|data_access_slb|instruction_access|alignment|system_reset|machine_check|unknown)_(exception|common|early)(_virt)?
_exception(_pkey)? exception_common interrupt_return_\w+ _{0,2}bad_page_fault hash__do_page_fault unrecoverable_exception
soft_nmi_interrupt (__)?do_pgm_check pgm_check_handler (illegal_op|addressing_exception|specification_exception|monitor_event_exception)
do_(protection_exception|dat_exception|report_trap|per_trap) (mcck|restart)_int_handler
do_trap_(break|ecall_[ms]|insn_\w+|load_\w+|store_\w+|unknown) handle_break do_(ade|ale|bce|bp|tr|ri|fpe|cpu|trap_or_bp|lbt|reserved)
handle_(bp|tr|ri|ade|fpe|cpu|reserved|tlb[lsmp]|mcheck)(_int)? tlb_do_page_fault_[01]
mem_address_unaligned sun4v_do_mna tl[01]_\w+ (do_)?sparc64_(realfault_common|fault) handle_interruption buserr(_c)? send_fault_sig
nmi_handle default_do_nmi do_nmi end_repeat_nmi first_nmi nmi(_restore)? perf_event_nmi_handler
"""

SANITIZERS = r"""
_{0,2}(kasan|kmsan|kcsan|kfence|asan|hwasan|msan|tsan|ubsan)_\w+ __sanitizer_cov_\w+ check_kcov_mode
check_memory_region\w* memory_is_poisoned\w* check_region_inline check_access (start|end)_report report_\w*(error|free|access)\w*
kcsan_setup_watchpoint (__)?ubsan_(epilogue|prologue) val_to_string handle_overflow __ubsan_handle_\w+
(check|set|for_each)_canary(_\w+)? metadata_update_state
kmemleak_\w+ _{0,2}(create|delete|find_and_get|lookup)_object(_full|_part)? paint_ptr
debug_(print_object|lockdep_rcu_enabled) _{0,2}debug_object_\w+ _{0,2}debug_check_no_\w+
\w+_is_static_object lookup_object_or_alloc \w+_fixup_(activate|init|free|assert_init)
_{0,2}(kfree|vfree|slab)_(debug|sanity)\w*
fortify_panic __fortify_(panic|report) _{0,3}usercopy_(abort|warn) report_usercopy __check_(object_size|heap_object)
check_(stack|heap|page_span|kernel_text|bogus)_(object|address)\w* __stack_chk_fail
_{0,2}cfi_\w+ handle_cfi_failure report_cfi_failure __cfi_check_fail __ubsan_handle_cfi\w* should_fail\w* __should_fail\w*
fail_(dump|usercopy) fault_create_debugfs_attr
"""

TRACING = r"""
perf_(trace|tp)_\w+ perf_swevent_\w+ trace_event_(raw_event|buffer)_\w+ trace_raw_output_\w+
__traceiter_\w+ __bpf_trace_\w+ trace_(\w+_)?thunk \w+_thunk __fentry__ mcount ftrace_\w*(call|caller|stub|ops_\w+)(_\w+)?
arch_ftrace_\w+ function_trace_call function_graph_\w+ kprobe_ftrace_handler aggr_pre_handler opt_pre_handler
bpf_prog_[0-9a-f]{16}\w* bpf_dispatcher_\w+_func bpf_trampoline_[0-9]+\w*
"""

REFERENCES = r"""
_{0,2}refcount_\w+ kref_(get|put|sub)\w* _{0,2}(raw_|arch_)?atomic(64|_long)?_(\w*(add|sub|inc|dec|read|set|xchg|and|or|andnot|xor|fetch|try)\w*)
instrument_\w+ percpu_ref_\w+ __percpu_ref_\w+ percpu_counter_\w+ __percpu_counter_\w+
_{0,2}list_(add|del|move|splice|replace|empty|swap|cut|rotate|bulk|is)(_\w+)? __list_(add|del)\w* _{0,2}hlist_(bl_|nulls_)?(add|del|move|unhash|empty)\w*
_{0,2}(llist|klist|plist)_\w+ lockref_\w+
"""

# Lock primitives and the lock validator. Locks with a name of their own are left out.
LOCKING = r"""
(__)?lock_(acquire|acquired|release|downgrade|contended|set_class|set_subclass|pin_lock|unpin_lock|repin_lock|sync|is_held)
lockdep_\w+ hlock_class mark_(lock|lock_irq|held_locks|usage|lock_accessed|lock_unaccessed) valid_state
reacquire_held_locks find_held_lock match_held_lock
check_(noncircular|prev_add|prevs_add|path|deadlock|usage|usage_forwards|usage_backwards|irq_usage|wait_context|chain_key|flags|redundant)
validate_chain register_lock_class look_up_lock_class add_chain_cache assign_lock_key lookup_chain_cache(_add)?
trace_(hardirqs|softirqs|preempt)_(on|off)\w* _{0,2}local_bh_\w+ _local_bh_enable get_lock_parent_ip
(do_)?_?raw_(spin|read|write)_(lock|unlock|trylock|relax|can_lock)\w* __raw_(spin|read|write)_\w+
_?(spin|read|write)_(lock|unlock|trylock)\w* arch_(spin|read|write)_\w+ _?_?arch_(spin|read|write)_\w+
debug_(spin|write|read|rt_mutex|mutex|locks_off|rt_spin)\w*
(rt|rtlock|rwbase|rt_mutex|ww_rt_mutex|ww_mutex|ww_acquire|rt_rwlock|rt_write|rt_read|rt_spin)_(lock|unlock|trylock|slowlock|slowunlock|slowtrylock|rtmutex|init|read|write|spin|base|done|fini|\w*slow\w*)(_\w+)?
_{0,2}rt_mutex_\w+ __ww_mutex_\w+ (task_blocks_on|try_to_take|mark_wakeup_next_waiter|remove_waiter_from)_rt_mutex remove_waiter
(native_)?queued_(spin|read|write)_(lock|unlock)\w* \w*_queued_spin_\w+ kvm_wait pv_(wait|kick)\w* virt_spin_lock
_{0,3}mutex_(lock|unlock|trylock|optimistic_spin|spin_on_owner|can_spin_on_owner|remove_waiter|add_waiter|waiter|handoff)(_\w+)?
osq_(lock|unlock|wait_next) _{0,3}(down|up|downgrade)(_(read|write|interruptible|killable|trylock|timeout|common)\w*)?
rwsem_\w+ call_rwsem_\w+ percpu_(down|up|rwsem|is_\w*locked)_\w+ __percpu_(down|up|init|free|rwsem)_\w+ rcu_sync_\w+
_{0,2}sb_(start|end)_\w+ _{0,2}(read_|write_)?seqcount_\w+ (read|write)_seq\w+ seqcount_lockdep_reader_access
_{0,2}rcu_read_(lock|unlock)\w* rcu_lock_(acquire|release) rcu_is_watching __rcu_reclaim _{0,2}srcu_(read_)?(lock|unlock)\w*
_{0,2}atomic_dec_and_(\w*lock)\w* refcount_dec_and_\w*lock\w* bit_spin_\w+ arch_local_\w+ (raw_)?local_irq_\w+
native_(irq|save_fl|restore_fl|halt|safe_halt|cpu_relax)\w* cpu_relax (bh_)?lock_sock(_nested|_fast)? __lock_sock
_{0,2}release_sock __?(folio|page)_lock\w* lock_page\w* __lock_page\w* unlock_page folio_(lock|unlock|wake_bit)\w*
_{0,2}lock_buffer regmap_(un)?lock_\w+ debug_rt_mutex_\w+ futex_wait_queue_me
"""

SCHEDULING = r"""
_{0,3}schedule(_loop|_rtlock)? context_switch io_schedule(_timeout|_prepare|_finish)? __sched_text_start
schedule_(timeout|preempt_disabled|hrtimeout|idle|tail_wrapper)(_\w+)? m?u?f?s?sleep(_range|_range_state|_interruptible|_noident)?
__switch_to(_asm)? finish_(task_switch|lock_switch) _{0,3}preempt_schedule\w* preempt_(count|latency|enable|disable)\w*
_{0,3}cond_resched(_\w+)? __cond_resched_lock retint_\w+ restore_regs_and_\w+ raw_irqentry_exit_cond_resched irqentry_exit\w*
_{0,3}wait_(for|on)_(completion|common|bit|bit_lock|bit_io|buffer|freeing_inode|page_bit|page_writeback|page_locked|var_event)(_\w+)?
_{0,2}do_wait_(for_common|intr\w*) (sleep_on|sync)_(buffer|page)(_killable)? wait_woken woken_wake_function out_of_line_wait_on_\w+ bit_wait\w* __wait_event_\w+
folio_wait_\w+ wait_rcu_gp _{0,2}wait_rcu_gp _?rcu_barrier(_\w+)? rcuwait_\w+ swake_up\w* _{0,2}swait_\w+
prepare_to_(wait|swait)\w* finish_(wait|swait) autoremove_wake_function default_wake_function (try_to_)?wake_up_(process|state|q|bit|var|all\w*)
(__)?wake_up(?!_new_task)(_\w+)? wake_q_add\w* try_to_wake_up ttwu_\w+ complete(_all|_with_flags|_on_current_cpu)?
raw_spin_rq_\w+ _{0,2}task_rq_lock _{0,3}refrigerator sched_clock\w*
rcu_(irq|nmi|eqs|user|momentary|note|core|cblist|nocb|preempt|report|gp|implicit|dynticks|lockdep)_\w+
smp_send_reschedule native_smp_send_reschedule resched_curr
"""

# Who waits for a work item, a timer or a thread, or starts one, is to blame; not the waiting itself.
WORK_AND_TIMERS = r"""
(__)?flush_(work|delayed_work|workqueue_prep_pwqs)(_\w+)? _{0,3}cancel_(work|delayed_work|rcu_work|work_timer)(_\w+)?
drain_workqueue destroy_workqueue start_flush_work insert_w(q_barrier|ork) (try_to_)?grab_pending work_grab_pending
_{0,3}(queue|mod|schedule)_(work|delayed_work|rcu_work)(_on|_node)? __?queue_work(_on)? delayed_work_timer_fn
alloc_workqueue\w* kthread_(stop|park|unpark|bind|create_on_\w+|flush_\w+|cancel_\w+|queue_\w+|stop_put) __kthread_create_on_node
(__)?(del|mod|add|init|try_to_del|detach|lock)_timer(_\w+)? _{0,3}timer_(delete|shutdown|init|reduce|start|fixup)(_\w+)?
init_timer_key do_init_timer detach_(if_pending|timer) lock_timer_base sk_(reset|stop)_timer(_sync)?
hrtimer_(cancel|start|try_to_cancel|active|init|setup|forward|reprogram)\w* __hrtimer_(start|init|setup)\w* call_rcu(_\w+)?
tasklet_(kill|schedule|hi_schedule|disable|setup|init|unlock_wait)\w* __tasklet_\w*schedule\w* raise_softirq\w*
irq_work_(queue|sync)\w*
"""

MEMORY = r"""
_{0,3}(\w+_)?(k|kv|kz|v|vz)(m|z|c)?(alloc|calloc|realloc|zalloc)(_\w+)? _{0,3}(\w+_)?k(v|vm|z)?free(_\w+)? _{0,3}vfree(_\w+)?
_{0,3}(do_)?kmalloc(_\w+)? _{0,3}kmem_cache_\w+ k(mem|str|strn|vasprint|asprint)dup\w* kasprintf kvasprintf\w* kmemdup\w*
v?memdup_\w+ strndup_user __do_krealloc krealloc_\w+ _{0,2}v(un)?map\w* vm_(map_ram|unmap_ram|unmap_aliases) remove_vm_area
(__)?get_vm_area\w* (alloc|free|purge|find|merge)_vmap_\w+ __purge_vmap_\w+ free_vm_area delayed_vfree_work
(__)?slab_(alloc|free|pad_check|post_alloc_hook|pre_alloc_hook|alloc_node|free_hook|free_freelist_hook|want_init\w*|free_after\w*)(_\w+)?
___slab_alloc __slab_alloc(_\w+)? __slab_free (allocate|new|discard|free|deactivate|unfreeze|refill|get|put)_(slab|partial\w*|cpu_slab|objects|freelist)
alloc_slab_page (alloc|free)_debug_processing new_slab_objects do_slab_free free_(block|to_partial_list|large_kmalloc|to_pcs)
alloc_single_from_\w+ _{0,3}cache_(alloc|free|grow|reap|flusharray)\w* __do_cache_alloc fallback_alloc alternate_node_alloc
setup_object\w* init_object (pick|get|fixup)_\w*freelist\w* slabs_destroy slab_destroy slob_\w+
mempool_\w+ gen_pool_\w+ dma_pool_\w+ dma_(direct_)?(alloc|free)_\w+ (__)?page_pool_\w+
_{0,3}(alloc|get_zeroed|get_free)_(pages?|folio)(?!_buffers)(_\w+)? __get_free_pages(_\w+)? alloc_(frozen|contig|migration|bulk|buddy)\w*
_{0,2}alloc_frozen_\w+ (vma_)?alloc_(folio|zeroed)\w* __?folio_alloc(_\w+)? vma_alloc_folio\w* __page_cache_alloc
get_page_from_freelist prep_(new|compound)_page post_alloc_hook rmqueue(_\w+)? prepare_alloc_pages
_{0,2}free_(the_|one_|hot_cold_|unref_|frozen_|compound_|huge_|tail_|pcp_?|large_)?pages?(_\w+)? free_pcppages\w*
free_tail_pages_check __put_(page|single_page|compound_page) _{0,2}folio_put\w* put_page\w* _{0,2}folios_put\w*
release_pages free_pages_and_swap_cache __?free_page_\w+ page_frag_(alloc|free)\w* _{0,2}(re)?set_page_owner\w* __reset_page_owner
_{0,3}pcpu_(alloc|create_chunk|balance|mem_zalloc|populate|free|get|depopulate)\w* __alloc_percpu\w* free_percpu
qlist_free\w*_cpu quarantine_(reduce|put|remove)\w* sk_prot_alloc sk_alloc
shrink_(slab|node|page_list|inactive_list|lruvec|folio_list|node_memcgs|node_memcg|zones|list|active_list|memcg|one|many)\w*
do_shrink_slab \w*try_to_free_(pages|mem_cgroup_pages)\w* balance_pgdat kswapd direct_reclaim\w* __perform_reclaim
super_cache_(scan|count) list_lru_(count|walk)_\w+ __list_lru_walk_one prune_\w+_sb
_{0,2}k(un)?map(_\w+)? page_address set_memory_\w+ _{0,2}change_page_attr\w* cpa_\w+
_{0,2}(obj|mem)_cgroup_(charge|uncharge)\w* __memcg_\w+ memcg_(slab|alloc|charge)_\w+ try_charge\w*
"""

COPIES_AND_LIBRARY = r"""
_{0,3}mem(cpy|set|move|cmp|chr|scan|dup|zero|chr_inv|zero_explicit)(16|32|64|_\w+)? _{0,3}(arch_|pi_)?memcpy(_\w+)? __pi_mem\w+
fortify_mem\w* sized_str\w* bcmp __builtin_mem\w+
(__pi_)?_{0,2}(str|strn|strl|strs)(cpy|cat|cmp|len|chr|rchr|str|pbrk|sep|dup|casecmp|ncasecmp|nlen|ncmp|spn|cspn|im|rev|nchr|chrnul|copy|stp)(_\w+)?
strs(cpy|cpy_pad) sized_strscpy strn(cpy_from|len)_user\w* read_word_at_a_time __read_once_word_nocheck
v?s[cn]?n?printf bstr_printf string(_nocheck|_escape_\w+)? (pointer|number|format_decode|hex_string|put_dec\w*|dentry_name|widen_string)
(ip[46]_\w*|mac_address|symbol|error|uuid|resource)_string check_pointer\w* kstrto\w+ _kstrto\w+ simple_strto\w+ v?sscanf
hex2bin bin2hex match_string __match_string _?parse_integer\w*
_{0,3}(raw_)?copy_(to|from|in)_user\w* _{0,2}(csum_and_)?copy_(to|from)_(iter|user|kernel|sockptr|bpfptr)\w* _{0,2}(copyin|copyout)\w*
copy_user_\w+ rep_(movs|stos)_alternative __asm_copy_\w+ arm_copy_\w+ __arch_copy_\w+ (raw_)?copy_mc_\w+ copy_to_kernel_nofault\w*
_{0,3}(get|put)_user(_\w+)? _{0,3}clear_user(_\w+)? clear_page(_\w+)? copy_page(_mc|_to_iter|_from_iter)? copy_(high|huge)page
clear_(high|huge)page (__)?might_fault iterate_and_advance\w* iov_iter_copy\w* memcpy_(to|from)_(iter|page|folio)\w*
_{0,2}(test|set|clear|change|assign)_(and_(set|clear|change)_)?bit(_\w+)? _?find_(next|first|last|nth)_\w*bit\w*
_{0,2}bitmap_\w+ cpumask_\w+ _{0,3}(sw_)?hweight\w*
rb_(erase|insert_color|next|prev|first|last|replace_node|first_postorder|next_postorder)\w* __rb_(insert|erase|rotate|change)_\w+
_{0,2}(radix_tree|xas|xa|idr|ida|mas|mtree)_\w+ mt_(find|next|prev|destroy|free|validate|set|dump)\w* assoc_array_\w+ sort(_r)? (__inline_)?bsearch list_sort merge_final
crc(7|8|16|32|64|32c|_ccitt|_itu_t|_t10dif)(_\w+)? __crc\w+ crc32_\w+ _{0,2}csum_partial\w* do_csum ip_(fast_csum|compute_csum)
_{0,2}jhash\w* _{0,2}siphash\w* xxh(32|64)\w* sha(1|256|512)_\w*transform\w* md5_transform
_{0,2}(copy|read|write)_once\w* __(read|write)_once_size\w* (raw_)?_{0,2}(raw_)?(read|write)[bwlq](_relaxed)? io(read|write)(8|16|32|64)\w*
read_pnet get_current
skb_(put|pull|push|panic|over_panic|under_panic|trim)(_\w+)? skb_(copy_bits|copy_datagram_\w+|set_owner_w|unlink)
_?_?skb_(queue|dequeue)_\w+ skb_dequeue __skb_(put|pull|push|unlink|trim|queue\w*|dequeue\w*|pull_tail|try_recv\w*)
_{0,3}kfree_skb(_\w+)? k?consume_skb kfree_skbmem skb_release_all _{0,2}kmalloc_reserve skb_unref sk_skb_reason_drop
"""

# The device model and registries: whoever registers too late, twice, or not at all.
REGISTRIES = r"""
kobject_(add|get|put|del|cleanup|release|init|set_name|rename|uevent|create|namespace|move|get_path|init_and_add|synth)(_\w+)?
__kobject_(del|put) kset_\w+ get_device(_parent)? put_device dev_set_name bus_(remove|add)_device
device_(add|del|register|unregister|destroy|create|remove_file|create_file|for_each_child|release|initialize|move|rename|offline|shutdown)(_\w+)?
sysfs_(remove|create|warn_dup|add|delete|update|do_create|rename|link|unlink|notify|put|merge|unmerge|addrm)\w*
internal_create_groups? remove_files dpm_sysfs_\w+
_{0,2}(raw|blocking|atomic|srcu)_notifier_(call_chain|chain_\w+)(_\w+)? _{0,3}notifier_(call_chain|chain_\w+)(_\w+)?
call_netdevice_(register_|unregister_)?notifiers?(_\w+)? call_netdev\w*notifiers\w* panic_notifier\w*
unregister_netdevice_(many|queue)(_\w+)? rollback_registered(_many)?
_{0,3}usb_(submit|kill|unlink|poison)_(urb|anchored_urbs)(_\w+)? usb_hcd_(submit|unlink)_urb usb_start_wait_urb
usb_(control|bulk|interrupt)_msg(_\w+)? usb_internal_control_msg i2c_del_adapter __unregister_client hwrng_unregister
tty_(unregister|register)_device(_\w+)? _{0,2}(debugfs|tracefs)_\w+ kill_fasync(_rcu)? send_sig\w* __send_signal\w*
iput(_final)? (fast_)?dput (inc|drop|clear|set)_nlink (init|cleanup)_srcu_struct\w*
"""

# What a cipher or a hash works on is its caller's.
CRYPTO = r"""
_{0,2}(crypto|cipher|skcipher|blkcipher|ablkcipher|lskcipher|aead|ahash|shash|akcipher|rng)_\w*(crypt|setkey|set_key|update|final|finup|digest|expandkey|seed|reset)\w*
(aes|aesti|aesni|des|des3|sha\d+|xts|cbc|ecb|ctr|gcm|ccm|chacha\d*|poly1305|ghash|polyval|md5|sm[34])_\w*(crypt|setkey|set_key|update|final|digest|expandkey|blocks?|transform)\w*
drbg_\w+ (lsk|sk|ablk|blk)cipher_walk_\w+ (crypto_)?hash_walk_\w+ _{0,2}crypto_(xor|inc|memneq)\w*
"""

# Rust's own libraries, and the C functions that its bindings need. The names are demangled.
RUST = r"""
<?&?(core|alloc|std|compiler_builtins|__rustc)::.* rust_begin_unwind rust_panic rust_helper_\w+
"""

# Ways into the kernel: only to blame where a trace shows nothing else.
ENTRY = r"""
entry_(SYSCALL|INT80|SYSENTER)_\w+ do_(syscall|fast_syscall|int80_syscall|SYSENTER)_\w+ __do_fast_syscall_32 __do_syscall\w*
syscall_(exit|enter|trace|return|handler|call|common)\w* (x64|ia32)_sys_call sysenter_\w+ sys_call_table tracesys\w* int_ret_from_\w+
stub_(clone|fork|vfork|execve|rt_sigreturn|sigaltstack|iopl|x32_\w+) system_call\w* invoke_syscall el0_svc\w* do_el0_svc el0_(sync_compat|irq_compat)\w* el0t_(32|64)_\w+ handle_syscall handle_sys(64|32|_wrap)?
do_trap_ecall_u ret_(from|fast|slow|to)_\w+ handle_exception common_interrupt(_return)? __common_interrupt ret_from_intr
__(dabt|pabt|und|irq|fiq)_(svc|usr|invalid)\w* __sys_trace\w*
linux_sparc_syscall(32)? intr_check_sig ent(Sys|Int|MM|Una|IF|Arith) EV_Trap
asm_(sysvec|common|call|load|fred|int80)_\w+ _{0,2}sysvec_\w+ run_(irq_on_irqstack|sysvec_on_irqstack|irqentry)\w* fred_\w+
(smp_|trace_|smp_trace_)?(apic_timer|reschedule|call_function|call_function_single|reboot|irq_work|error|spurious|x86_platform_ipi|deferred_error|threshold|thermal)_interrupt(_entry\w*)?
smp_(apic_timer|reschedule|trace_apic_timer|trace_reschedule)\w*_interrupt\w* local_apic_timer_interrupt
(hrtimer|tick|local_apic_timer|timer|decrementer)_interrupt(_common)? decrementer_common\w* hardware_interrupt_common\w*
hrtimer_(run_queues|run_softirq) __hrtimer_run_queues __run_hrtimer hrtimer_expire_entry
tick_(sched|nohz|handle|do|periodic|check)\w* update_process_times run_local_timers scheduler_tick sched_tick account_process_tick
(arch_timer|riscv_timer|sp804_timer|twd)_(handler|interrupt)\w* handle_percpu_devid(_\w+)? generic_handle_(irq|domain_irq|arch_irq)\w*
_{0,3}handle_(domain_irq|irq_event|irq_desc|irq|edge_irq|fasteoi_irq|level_irq|simple_irq|percpu_irq|IPI|riscv_irq|loongarch_irq|cpu_vint)\w* handle_int
do_(IRQ|irq|handle_IPI|interrupt_handler|vint|ext_irq|io_irq) __do_irq (ipi_handler|gic_handle_irq|riscv_intc_irq|plat_irq_dispatch)
(io|ext)_int_handler _{0,5}do_softirq(_own_stack)? handle_softirqs invoke_softirq _{0,3}irq_(exit|enter)\w* do_softirq\w*
call_on_(irq_)?stack call_softirq irqentry_enter exit_to_user_mode\w* syscall_exit_to_user_mode\w* prepare_exit_to_usermode syscall_enter_from_user_mode\w* __?context_tracking_\w+ user_(exit|enter)(_\w+)?
enter_from_\w+ ct_(irq|nmi|kernel|user|idle|state)(_\w+)? fpregs_(lock|unlock) exit_to_kernel_mode\w*
worker_thread process_(one_work|scheduled_works) kthread kthread_worker_fn kernel_thread_(helper|starter) child_rip ret_from_kernel_thread
rest_init start_kernel secondary_startup_64\w* x86_64_start_\w+ start_secondary cpu_startup_entry do_idle cpu_idle\w*
default_idle(_call)? arch_cpu_idle arch_call_rest_init call_cpuidle cpuidle_\w+ secondary_start_kernel smp_callin
__(secondary|primary)_switched native_safe_halt pv_native_safe_halt acpi_(idle|safe_halt)\w* intel_idle\w* poll_idle mwait_idle
_?_?[se]?text _end __irqentry_text_(start|end) __softirqentry_text_(start|end) __entry_text_\w+ __init_begin __rela_dyn_start
__kprobes_text\w* __cpuidle_text\w* __x86_indirect_\w+ __x86_return_thunk srso_\w+
"""
