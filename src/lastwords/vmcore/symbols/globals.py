"""Types of the kernel's global variables.

BTF describes per-CPU variables and, from Linux 6.16 on where the kernel is built so, all others. Before that this
table says what type a well-known variable has. The types are C; ` | ` parts alternatives, of which the first that
the kernel knows counts: so a type that a later version introduced stands first. The length of an array may be the
name of an enumerator, or `*` for as many as there is room for up to the next symbol: some more than there are.
`bench/bare_agreement.py` compares the table with a vmlinux.
"""

import re
from collections.abc import Callable

_VARIABLES = {
    # Tasks: init/init_task.c, kernel/fork.c, kernel/pid.c, kernel/kthread.c
    "struct task_struct": "init_task",
    "struct task_struct *": "kthreadd_task watchdog_task console_owner current_task",
    "struct mm_struct": "init_mm",
    "struct pid_namespace": "init_pid_ns",
    "struct uts_namespace": "init_uts_ns",
    "struct user_namespace": "init_user_ns",
    "struct ipc_namespace": "init_ipc_ns",
    "struct time_namespace": "init_time_ns",
    "struct nsproxy": "init_nsproxy",
    "struct fs_struct": "init_fs",
    "struct cred": "init_cred",
    "struct pid *": "cad_pid",
    "int": "nr_threads max_threads pid_max panic_on_oops panic_timeout panic_on_warn oops_in_progress die_owner "
    "die_counter crashing_cpu sysctl_panic_on_rcu_stall sysctl_max_rcu_stall_to_panic rcu_cpu_stall_timeout "
    "sysctl_panic_on_oom sysctl_overcommit_memory watchdog_thresh min_free_kbytes hugetlb_max_hstate debug_locks "
    "sysctl_sched_rt_runtime sysctl_overcommit_ratio "
    "reboot_force sysrq_enabled tick_do_timer_cpu dmi_available console_may_schedule nr_irqs "
    "sections_per_block",  # an unsigned long in 6.12, an int in 7.3: its lower half will do for both
    "unsigned int": "nr_cpu_ids nr_node_ids die_nest_count softlockup_panic hardlockup_panic "
    "sysctl_oops_all_cpu_backtrace sysctl_hung_task_panic pgdir_shift ptrs_per_p4d __pgtable_l5_enabled nr_swapfiles "
    "d_hash_shift i_hash_shift m_hash_shift nr_vmap_nodes vmap_zone_size total_nr_irqs",
    "unsigned long": "total_forks tainted_mask sysctl_hung_task_timeout_secs watchdog_enabled panic_print "
    "totalreserve_pages max_pfn max_low_pfn min_low_pfn max_mapnr page_offset_base vmalloc_base vmemmap_base phys_base "
    "sysctl_overcommit_kbytes "
    "totalram_pages process_counts cpu_current_top_of_stack highest_memmap_pfn",
    "long": "total_swap_pages",
    "bool": "crash_kexec_post_notifiers kexec_in_progress oom_killer_disabled console_waiter",
    "u64": "jiffies_64 syslog_seq log_first_seq log_next_seq kimage_voffset vabits_actual",
    "s64": "memstart_addr",
    "u32": "log_buf_len log_first_idx log_next_idx",
    "size_t": "vmcoreinfo_size",
    "atomic_t": "panic_cpu __num_online_cpus oom_victims",
    "atomic_long_t": "calc_load_tasks _totalram_pages nr_swap_pages",
    "unsigned long[3]": "avenrun",
    "enum system_states": "system_state",
    "enum reboot_mode": "reboot_mode",
    "char *": "saved_command_line log_buf",
    "const char[]": "linux_banner",
    "char[]": "boot_command_line dump_stack_arch_desc_str",
    "const char *[]": "dmi_ident",
    "const char * const[9]": "task_state_array",
    "unsigned char *": "vmcoreinfo_data",
    "u32 *": "vmcoreinfo_note",
    "void *": "high_memory hardirq_stack_ptr",
    # CPUs and scheduling: kernel/cpu.c, kernel/sched/core.c
    "struct cpumask": "__cpu_possible_mask __cpu_online_mask __cpu_present_mask __cpu_active_mask __cpu_dying_mask",
    "unsigned long[]": "__per_cpu_offset",
    "struct rq": "runqueues",
    "struct kernel_stat": "kstat",
    "struct task_group": "root_task_group",
    "struct root_domain": "def_root_domain",
    "struct pcpu_hot": "pcpu_hot",
    "struct tss_struct": "cpu_tss_rw",
    "struct exception_stacks": "exception_stacks",
    "struct cea_exception_stacks *": "cea_exception_stacks",
    "gate_desc[]": "idt_table",
    "struct cpuinfo_x86": "boot_cpu_data cpu_info",
    "struct cpuhp_cpu_state": "cpuhp_state",
    "struct percpu_rw_semaphore": "cpu_hotplug_lock",
    # Crash and kexec: kernel/kexec_core.c, kernel/panic.c
    "note_buf_t *": "crash_notes",
    "struct kimage *": "kexec_image kexec_crash_image",
    "struct resource": "crashk_res crashk_low_res iomem_resource ioport_resource",
    "struct atomic_notifier_head": "panic_notifier_list die_chain",
    # Modules: kernel/module/main.c
    "struct list_head": "modules unloaded_tainted_modules slab_caches vmap_area_list workqueues super_blocks "
    "pci_root_buses net_namespace_list cgroup_roots bpf_kallsyms btf_modules task_groups clocksource_list ptype_all "
    "kthread_create_list shrinker_list free_vmap_area_list all_bdevs",
    "struct mod_tree_root": "mod_tree",
    "struct mutex": "module_mutex slab_mutex wq_pool_mutex sched_domains_mutex oom_lock cgroup_mutex",
    "struct kset *": "module_kset bus_kset devices_kset class_kset system_kset",
    # Log: kernel/printk/printk.c
    "struct printk_ringbuffer *": "prb",
    "struct printk_ringbuffer": "printk_rb_static",
    "struct latched_seq | u64": "clear_seq",  # Linux 5.13
    "struct console *": "console_drivers",
    "struct hlist_head": "console_list",  # Linux 6.2
    "struct semaphore": "console_sem",
    # Time: kernel/time/
    "struct tk_data": "tk_core",  # Linux 6.13; a struct without a name before
    "struct tk_data[TIMEKEEPERS_MAX]": "timekeeper_data",  # Linux 6.17, in place of that
    "struct timer_base[*]": "timer_bases",
    "struct hrtimer_cpu_base": "hrtimer_bases",
    "struct clocksource *": "curr_clocksource",
    "struct tick_device": "tick_cpu_device tick_broadcast_device",
    # Memory: mm/
    "pg_data_t *[]": "node_data",
    "struct pglist_data": "contig_page_data",
    "struct mem_section **": "mem_section",
    "nodemask_t[NR_NODE_STATES]": "node_states",
    "atomic_long_t[NR_VM_ZONE_STAT_ITEMS]": "vm_zone_stat",
    "atomic_long_t[NR_VM_NODE_STAT_ITEMS]": "vm_node_stat",
    "atomic_long_t[NR_VM_NUMA_EVENT_ITEMS]": "vm_numa_event",
    "struct vm_event_state": "vm_event_states",
    "struct rb_root": "vmap_area_root free_vmap_area_root",
    "struct vmap_node *": "vmap_nodes",  # Linux 6.9
    "struct swap_info_struct *[]": "swap_info",
    "struct plist_head": "swap_active_head",
    "struct plist_head *": "swap_avail_heads",
    "struct address_space *[*]": "swapper_spaces",
    "unsigned int[*]": "nr_swapper_spaces",
    "struct percpu_counter": "vm_committed_as nr_files",
    "struct hstate[]": "hstates",
    "struct page *": "huge_zero_page mem_map",
    "struct kmem_cache *": "task_group_cache task_struct_cachep",
    "struct mem_cgroup *": "root_mem_cgroup",
    # Workqueues, RCU, interrupts: kernel/workqueue.c, kernel/rcu/, kernel/irq/, kernel/softirq.c
    "struct worker_pool[NR_STD_WORKER_POOLS]": "cpu_worker_pools bh_worker_pools",
    "struct hlist_head[]": "unbound_pool_hash kprobe_table css_set_table",
    "cpumask_var_t": "wq_unbound_cpumask",
    "struct idr": "worker_pool_idr prog_idr map_idr link_idr btf_idr mem_cgroup_idr",
    "struct workqueue_struct *": "system_wq system_highpri_wq system_long_wq system_unbound_wq system_freezable_wq "
    "system_power_efficient_wq system_percpu_wq system_dfl_wq",
    "struct rcu_state": "rcu_state",
    "struct rcu_data": "rcu_data",
    "struct xarray | struct radix_tree_root": "irq_desc_tree",  # Linux 4.20 made the one an alias of the other
    "struct maple_tree": "sparse_irqs",  # Linux 6.5
    "irq_cpustat_t": "irq_stat",
    "struct softirq_action[NR_SOFTIRQS]": "softirq_vec",
    "const char * const[NR_SOFTIRQS]": "softirq_to_name",
    "struct tasklet_head": "tasklet_vec tasklet_hi_vec",
    # Files, block devices, drivers: fs/, block/, drivers/base/
    "spinlock_t": "sb_lock",
    "struct hlist_head *": "inode_hashtable mount_hashtable",
    "struct hlist_bl_head *": "dentry_hashtable",
    "struct files_stat_struct": "files_stat",
    "struct inodes_stat_t": "inodes_stat",
    "struct char_device_struct *[255]": "chrdevs",
    "struct blk_major_name *[255]": "major_names",
    "struct super_block *": "blockdev_superblock",
    "struct class": "block_class",
    "const struct device_type": "disk_type",
    "struct bus_type": "pci_bus_type memory_subsys",
    "struct kobj_map *": "cdev_map",
    # Network, cgroups, tracing: net/, kernel/cgroup/, kernel/trace/, kernel/bpf/
    "struct net": "init_net",
    "rwlock_t": "dev_base_lock",
    "struct softnet_data": "softnet_data",
    "struct inet_hashinfo": "tcp_hashinfo",
    "struct udp_table": "udp_table",
    "struct neigh_table": "arp_tbl",
    "struct css_set": "init_css_set",
    "struct cgroup_root": "cgrp_dfl_root",
    "struct cgroup_subsys": "memory_cgrp_subsys",
    "struct cgroup_subsys *[CGROUP_SUBSYS_COUNT]": "cgroup_subsys",
    "struct ftrace_ops *": "ftrace_ops_list",
    "struct btf *": "btf_vmlinux",
}

_ENUMERATOR = re.compile(r"\[([A-Z]\w*)\]")

GLOBALS: dict[str, tuple[str, ...]] = {
    name: tuple(types.split(" | ")) for types, names in _VARIABLES.items() for name in names.split()
}


def with_lengths(type_name: str, constant: Callable[[str], int | None]) -> str:
    """A type's name with the enumerators in it as numbers; an array of unknown length where there is none."""

    def number(match: re.Match[str]) -> str:
        value = constant(match[1])
        return "[]" if value is None else f"[{value}]"

    return _ENUMERATOR.sub(number, type_name)
