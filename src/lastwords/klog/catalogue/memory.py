"""Pages, counters and the lack of memory."""

from .entry import Form, Kind

# `Kill process … score … or sacrifice child` until Linux 5.0.
_KILLED = r"Kill(?:ed)? process \d+,? \((?P<victim>.{1,32}?)\)"
# Linux 5.0: the line above it, which says why. What people grep for may leave them with this one alone.
_CHOSEN = r".{1,900},task=(?P<victim>.{1,32}?),pid=\d+,uid="

KINDS = (
    Kind(
        "bad-page-state",
        "memory",
        (
            Form("Bad page state", r"BUG: Bad page state in process"),
            Form("Bad page state", r"Bad page state in process"),
            Form("Bad page state", r"BUG: Bad page state: \d+ messages suppressed", "BUG: Bad page state"),
        ),
        title="BUG: Bad page state in {function}",
        # Only CONFIG_PAGE_OWNER tells whose page it was; who frees it or gets it next merely finds the damage.
        where=("origin",),
        source="mm/page_alloc.c: bad_page()",
    ),
    Kind(
        "bad-page-map",
        "memory",
        (
            Form("Bad page map", r"BUG: Bad page map in process"),
            Form("Bad page map", r"BUG: Bad page map: \d+ messages suppressed", "BUG: Bad page map"),
            Form("Bad page cache", r"BUG: Bad page cache in process", "BUG: Bad page cache in {function}"),
            Form("Bad swap", r"BUG: Bad swap map", "BUG: Bad swap map"),
            Form(
                "swap_info_get",
                r"(?:get_swap_device|swap_info_get|_swap_info_get): Bad swap",
                "Bad swap file entry",
            ),
        ),
        title="BUG: Bad page map in {function}",
        where=("trace",),
        source="mm/memory.c: print_bad_pte()",
    ),
    Kind(
        "corrupted-page-table",
        "memory",
        (
            Form("Corrupted page table at address", r".{1,16}: Corrupted page table at address"),
            Form("Bad pagetable: ", r"(?:Oops: )?Bad pagetable: [0-9a-f]{4} "),
        ),
        title="Corrupted page table at address",
        where=(),
        trace="optional",
        refines=("oops",),
        source="arch/x86/mm/fault.c: pgtable_bad()",
    ),
    Kind(
        # `mm/pgtable-generic.c:50: bad pmd ffff8881062f3f40(8000000123456067)`; one line, and the entry is cleared.
        "bad-page-table",
        "memory",
        (
            *(
                Form(
                    f": bad {level} ",
                    rf"(?:\./)?[\w./-]{{1,100}}\.[ch]:\d{{1,6}}: bad (?P<level>{level}) [0-9a-fx]{{8,18}}",
                )
                for level in ("pgd", "p4d", "pud", "pmd", "pte")
            ),
        ),
        title="bad {level}",
        where=(),
        trace="optional",
        stamped=True,
        source="mm/pgtable-generic.c: pmd_clear_bad(), arch/*/include/asm/pgtable.h: pmd_ERROR()",
    ),
    Kind(
        # CONFIG_PAGE_POISONING: a page was written to while nobody owned it. Who finds that gets the page next.
        "page-poison",
        "memory",
        (Form("pagealloc: ", r"(?:page_poison: )?pagealloc: (?P<what>memory corruption|single bit error)"),),
        title="pagealloc: {what}",
        where=("origin",),
        trace="optional",
        source="mm/page_poison.c: check_poison_mem()",
    ),
    Kind(
        "dma-pool-corruption",
        "memory",
        (
            Form(
                "dma_pool_",
                r"\S{1,40} \S{1,60}: (?P<call>dma_pool_(?:alloc|free)) [^,]{1,64}, \S{1,40} \((?P<what>corrupted|bad dma|bad vaddr)\)",
            ),
            Form(
                "dma_pool_",
                r"\S{1,40} \S{1,60}: (?P<call>dma_pool_free) [^,]{1,64}, dma \S{1,40} (?P<what>already free)",
            ),
        ),
        # Told by whoever uses the pool next, without a trace.
        title="{call}: {what}",
        where=(),
        trace="none",
        source="mm/dmapool.c: pool_check_block(), pool_block_err()",
    ),
    Kind(
        "bad-mm-counter",
        "memory",
        (
            Form("Bad rss-counter state", r"BUG: Bad rss-counter state", "BUG: Bad rss-counter state"),
            Form(
                "on freeing mm",
                r"BUG: non-zero (?P<what>\w+) on freeing mm",
                "BUG: non-zero {what} on freeing mm",
            ),
        ),
        where=(),
        trace="none",
        source="kernel/fork.c: check_mm()",
    ),
    Kind(
        "memcg-out-of-memory",
        "memory",
        (
            Form("Memory cgroup out of memory", rf"Memory cgroup out of memory: {_KILLED}"),
            Form("oom-kill:constraint=", rf"oom-kill:constraint=CONSTRAINT_MEMCG,{_CHOSEN}"),
        ),
        # A container at its limit: the kernel did as told, the machine is well.
        title="Memory cgroup out of memory: killed {victim}",
        where=(),
        trace="optional",
        part=True,
        yields=True,
        reporter="dump_header",
        refines=("out-of-memory",),
        source="mm/oom_kill.c: __oom_kill_process(), mm/memcontrol.c: mem_cgroup_out_of_memory()",
    ),
    Kind(
        "out-of-memory",
        "memory",
        (
            Form(
                "invoked oom-killer",
                r"(?P<comm>.{1,32}) invoked oom-killer: ",
                "Out of memory: killed {victim}",
                partial="Out of memory: oom-killer invoked by {comm}",
            ),
        ),
        where=(),
        # The victim is named behind the list of all tasks.
        also=(rf"(?:Out of memory|Memory cgroup out of memory): {_KILLED}",),
        also_within=2000,
        trace="optional",
        yields=True,
        reporter="dump_header",
        source="mm/oom_kill.c: dump_header()",
    ),
    Kind(
        "out-of-memory-kill",
        "memory",
        # Where the rest of the report is lost, or was held back by printk's rate limit.
        (
            Form("Out of memory: Kill", rf"Out of memory(?: \(oom_kill_allocating_task\))?: {_KILLED}"),
            Form("oom-kill:constraint=", rf"oom-kill:constraint=CONSTRAINT_(?!MEMCG)\w{{1,16}},{_CHOSEN}"),
        ),
        title="Out of memory: killed {victim}",
        where=(),
        trace="none",
        part=True,
        yields=True,
        source="mm/oom_kill.c: __oom_kill_process()",
    ),
)
