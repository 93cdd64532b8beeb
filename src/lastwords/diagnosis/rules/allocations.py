"""Who allocated and who freed an object, as KASAN and SLUB print it; and what to run to have it printed."""

import re
from collections.abc import Iterator

from lastwords.diagnosis.crash import Crash
from lastwords.model import Fact, NextStep, Trace

KASAN = NextStep(
    text="Run the load on a kernel with KASAN (CONFIG_KASAN): it names who freed and who overran, at the moment it happens.",
    value=0.8,
)
SLUB = NextStep(
    text="Where no kernel with KASAN is at hand: poison and track slab objects from boot on; the next report then names "
    "who allocated and freed.",
    command="slub_debug=FZPU   # on the kernel command line",
    value=0.75,
)


def trace_of(crash: Crash, title: str) -> Trace | None:
    """The first trace with a title that begins so, as `Freed by`."""
    traces = crash.oops.traces if crash.oops else ()
    return next((trace for trace in traces if trace.title.startswith(title)), None)


_ALLOCATOR = re.compile(
    r"_{0,4}(?:kasan|kfence|save_stack|stack_trace|set_track|stack_depot|slab|do_slab|kmalloc|kmem|kfree|kvfree|kzalloc|kcalloc|"
    r"poison_slab|free_)"
)


def first_own(trace: Trace | None) -> str | None:
    """The innermost function of a trace that is not the allocator's."""
    frames = trace.frames if trace else ()
    return next((frame.function for frame in frames if not _ALLOCATOR.match(frame.function)), None)


def trace_facts(crash: Crash, title: str) -> Iterator[Fact]:
    """The same as a piece of evidence."""
    trace = trace_of(crash, title)
    if trace is not None:
        functions = [frame.function for frame in trace.frames if not _ALLOCATOR.match(frame.function)][:5]
        path = crash.oops.path if crash.oops else None
        yield Fact(text=f"{trace.title}: {' < '.join(functions)}", path=path, line=trace.line)
