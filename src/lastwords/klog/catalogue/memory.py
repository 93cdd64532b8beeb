"""Pages, counters and the lack of memory."""

from .entry import Form, Kind

KINDS = (
    Kind(
        "bad-page-state",
        "memory",
        (
            Form("Bad page state", r"BUG: Bad page state in process"),
            Form("Bad page state", r"Bad page state in process"),
        ),
        title="BUG: Bad page state in {function}",
        where=("origin", "trace"),
        source="mm/page_alloc.c: bad_page()",
    ),
    Kind(
        "bad-page-map",
        "memory",
        (
            Form("Bad page map", r"BUG: Bad page map in process"),
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
        "bad-mm-counter",
        "memory",
        (
            Form("Bad rss-counter state", r"BUG: Bad rss-counter state", "BUG: Bad rss-counter state"),
            Form(
                "on freeing mm",
                r"BUG: non-zero (?P<what>\w+) on freeing mm:? ?-?(?P<count>\d+)?",
                "BUG: non-zero {what} on freeing mm",
            ),
        ),
        where=(),
        trace="none",
        source="kernel/fork.c: check_mm()",
    ),
    Kind(
        "out-of-memory",
        "memory",
        (
            Form(
                "invoked oom-killer",
                r".{1,32} invoked oom-killer: ",
                "Out of memory: oom-killer invoked by {comm}",
            ),
        ),
        where=(),
        trace="optional",
        source="mm/oom_kill.c: dump_header()",
    ),
)
