"""What the kernel's bug detectors print: KASAN, KFENCE, KMSAN, KCSAN, UBSAN, kmemleak, CFI, SLUB's own checks."""

from .entry import Form, Kind

_ACCESS = r"(?P<access>Read|Write) (?:of size \d+|at addr)"

KINDS = (
    Kind(
        "kasan",
        "sanitizer",
        (
            Form(
                "BUG: KASAN: ",
                r"BUG: KASAN: (?:double-free or invalid-free|double-free|invalid-free) in (?P<function>[^\s+]+)",
                "KASAN: invalid-free in {function}",
            ),
            Form(
                "BUG: KASAN: ",
                r"BUG: KASAN: (?P<what>[\w-]+) in (?P<function><[^+]+|[^\s+]+)\S*(?=(?: \[(?P<module>[\w-]{1,56})\])?)(?P<rest>.*)",
                "KASAN: {what} {access} in {function}",
                partial="KASAN: {what} in {symbol}{rest}",
            ),
            Form(
                "BUG: KASAN: ",
                r"BUG: KASAN: (?P<what>[\w-]+) on address",
                "KASAN: {what} {access} in {function}",
                bare="KASAN: {what} {access}",
            ),
            Form(
                "BUG: KASan: ",
                r"BUG: KASan: (?P<what>[\w -]+?) in (?P<function>[^\s+]+)",
                "KASAN: {what} {access} in {function}",
            ),
        ),
        alternatives=("bad-access in {function}", "invalid-free in {function}"),
        where=("headline", "trace"),
        also=(rf"\s*{_ACCESS}",),
        also_within=2,
        refines=("general-protection-fault", "slab-corruption"),
        source="mm/kasan/report.c",
    ),
    Kind(
        "kfence",
        "sanitizer",
        (
            Form(
                "BUG: KFENCE: ",
                r"BUG: KFENCE: (?P<what>memory corruption|invalid free) in (?P<function>[^\s+]+)",
                "KFENCE: {what} in {function}",
            ),
            Form(
                "BUG: KFENCE: ",
                r"BUG: KFENCE: (?P<what>[\w-]+ (?:read|write)) in (?P<function>[^\s+]+)",
                "KFENCE: {what} in {function}",
            ),
        ),
        alternatives=("bad-access in {function}",),
        where=("headline", "trace"),
        trace="optional",
        headless=True,
        source="mm/kfence/report.c",
    ),
    Kind(
        "kmsan",
        "sanitizer",
        (Form("BUG: KMSAN: ", r"BUG: KMSAN: (?P<what>[\w-]+) in (?P<function>[^\s+]+)"),),
        title="KMSAN: {what} in {function}",
        alternatives=("bad-access in {function}",),
        where=("headline", "trace"),
        headless=True,
        source="mm/kmsan/report.c",
    ),
    Kind(
        "kcsan",
        "sanitizer",
        (
            Form(
                "BUG: KCSAN: ",
                r"BUG: KCSAN: (?P<what>data-race|assert: race) in (?P<function>\S+)(?: \[[\w-]{1,56}\])? / (?P<other>\S+)",
                "KCSAN: {what} in {function} / {other}",
            ),
            Form(
                "BUG: KCSAN: ",
                r"BUG: KCSAN: (?P<what>data-race|assert: race) in (?P<function>\S+)",
                "KCSAN: {what} in {function}",
            ),
        ),
        where=("headline",),
        trace="optional",
        headless=True,
        source="kernel/kcsan/report.c",
    ),
    Kind(
        "ubsan",
        "sanitizer",
        (
            Form(
                "UBSAN: Undefined behaviour",
                r"UBSAN: Undefined behaviour in [^:]+:\d+",
                "UBSAN: undefined-behaviour in {function}",
            ),
            Form(
                "UBSAN: ",
                r"UBSAN: (?P<what>[\w-]+) in [^:]+:\d+",
                "UBSAN: {what} in {function}",
            ),
            Form("UBSAN: ", r"(?:Internal error: )?UBSAN: (?P<what>[\w -]+?): ", "UBSAN: {what} in {function}"),
        ),
        where=("trace",),
        refines=("internal-error", "invalid-opcode", "oops"),
        source="lib/ubsan.c",
    ),
    Kind(
        "kmemleak",
        "memory",
        (
            Form("unreferenced object 0x", r"unreferenced object 0x[0-9a-f]+ \(size \d+\)"),
            Form("BUG: memory leak", r"BUG: memory leak"),
        ),
        title="memory leak in {function}",
        never=r"\w*alloc\w*|alloc_\w+",
        refines=("kmemleak",),
        where=("trace",),
        headless=True,
        source="mm/kmemleak.c: print_unreferenced()",
    ),
    Kind(
        "cfi",
        "sanitizer",
        (
            Form("CFI failure", r"CFI failure at (?P<function>[^\s+]+)", "CFI failure in {function}"),
            Form("CFI failure", r"CFI failure \(target: [^\s+)]+", "CFI failure in {function}"),
            Form("CFI failure", r"Kernel panic - not syncing: CFI failure", "CFI failure in {function}"),
        ),
        where=("headline", "instruction", "trace"),
        refines=("kernel-bug", "internal-error", "invalid-opcode", "warning", "panic"),
        source="kernel/cfi.c: report_cfi_failure()",
    ),
    Kind(
        "slab-corruption",
        "memory",
        (
            Form(
                "BUG ",
                r"BUG [\w:.-]+(?: \([^)]*\))?: (?!kasan: )(?P<what>[\w '\[\]-]+)",
                "BUG: {what} in {function}",
            ),
            Form(
                "Slab corruption",
                r"Slab corruption(?: \([^)]*\))?: \S+",
                "Slab corruption in {function}",
            ),
            Form(
                "cache corruption",
                r"slab: cache \S+ error:|slab error in (?P<function>\w+)\(\)",
                "slab error in {function}",
            ),
            Form("slab error in", r"slab error in (?P<function>\w+)\(\)", "slab error in {function}"),
        ),
        where=("trace",),
        trace="optional",
        source="mm/slub.c: slab_bug()",
    ),
    Kind(
        "slab-report-remains",
        "memory",
        (
            Form(
                "INFO: Allocated in ",
                r"INFO: Allocated in (?P<function>[^\s+]+)",
                "INFO: Allocated in {function} age=NUM cpu=NUM pid=NUM",
            ),
            Form(
                "INFO: Freed in ",
                r"INFO: Freed in (?P<function>[^\s+]+)",
                "INFO: Freed in {function} age=NUM cpu=NUM pid=NUM",
            ),
        ),
        where=("headline",),
        part=True,
        headless=True,
        source="mm/slub.c: print_track()",
    ),
)
