"""What is left of a report whose headline is gone: scrolled off the screen, or out of the ring buffer."""

from .entry import Form, Kind

KINDS = (
    Kind(
        "oops-remains",
        "fault",
        (
            Form("---[ end trace ", r"---\[ end trace ", "oops in {function}", "oops"),
            # Warnings end with the same line, and have their modules above it.
            Form("RIP: 0010:", r"RIP: 0010:", "oops or warning in {function}", "oops or warning"),
            # What x86's __die() repeats below the trace, until Linux 4.19.
            Form("RIP  [<", r"RIP  \[<[0-9a-f]{16}>\] \S", "oops in {function}", "oops"),
            Form(
                " SS:ESP ",
                r"EIP: (?:\[<[0-9a-f]{8}>\] )?\S{1,200}(?: \[[\w-]{1,64}\])? SS:ESP ",
                "oops in {function}",
                "oops",
            ),
        ),
        where=("instruction", "trace"),
        trace="optional",
        stamped=True,
        headless=True,
        behind=True,
        source="kernel/panic.c: print_oops_end_marker(), arch/x86/kernel/dumpstack.c: oops_end()",
    ),
)
