"""Headlines that no other entry knows: the kernel's prefixes for what it takes for a bug."""

from .entry import Form, Kind

KINDS = (
    Kind(
        "kernel-warning-message",
        "warning",
        (
            Form("WARNING: kernel stack", r"WARNING: kernel stack (?P<what>frame pointer|regs) at \S+ in \S+ has (?P<rest>bad (?:'\w+' )?value)",
                 "WARNING: kernel stack {what} has {rest}"),
            Form("WARNING: ", r"WARNING: (?P<what>\S.*)", "WARNING: {what}"),
        ),
        where=("trace",),
        trace="optional",
    ),
    Kind(
        "kernel-bug-message",
        "bug",
        (Form("BUG: ", r"(?:\[ )?BUG: (?P<what>\S.*?)(?: \])?$", "BUG: {what}"),),
        where=("trace",),
        trace="optional",
    ),
)
