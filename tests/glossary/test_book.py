import subprocess
import sys

import pytest

from lastwords.glossary.book import subjects
from lastwords.glossary.explain import explain, near_misses, subject

TERMS = [(s.name, term) for s in subjects() for term in s.terms]


@pytest.mark.parametrize(("name", "term"), TERMS, ids=lambda v: v if isinstance(v, str) else v.name)
def test_every_term_is_whole_and_found_by_all_its_names(name, term):
    assert term.short
    assert not term.short.endswith(".")
    assert len(term.short) <= 160
    for asked in (term.name, *term.aliases):
        assert any((e.subject, e.term) == (name, term.name) for e in explain(asked)), asked
    for related in term.related:
        assert explain(related, exactly=True), related


def test_no_term_stands_twice_in_a_subject():
    for s in subjects():
        names = [term.name for term in s.terms]
        assert len(set(names)) == len(names), s.name


def test_every_family_and_nearly_every_kind_of_the_catalogue_is_explained():
    from lastwords.klog.catalogue import KINDS

    for kind in KINDS:
        assert explain(kind.family, exactly=True), kind.family
    unknown = [kind.name for kind in KINDS if not explain(kind.name, exactly=True)]
    # What a new kind has no term of its own for, its family has.
    assert len(unknown) <= 5, unknown


@pytest.mark.parametrize(
    ("question", "term", "reading"),
    [
        ("RIP", "RIP", ""),
        ("rip:", "RIP", ""),
        ("not syncing", "not syncing", ""),
        ("Kernel panic - not syncing", "not syncing", ""),
        ("soft-lockup", "soft lockup", ""),
        ("panic_on_oops", "panic_on_oops", ""),
        ("kernel.panic_on_oops", "panic_on_oops", ""),
        ("x19", "x0", ""),
        ("Tainted: G        W  OE", "Tainted", "W (bit 9, WARN)"),
        ("G W OE", "Tainted", "O (bit 12, OOT_MODULE)"),
        ("taint 4609", "Tainted", "P (bit 0, PROPRIETARY_MODULE)"),
        ("tainted=4609", "Tainted", "W (bit 9, WARN)"),
        ("taint 0x2000", "Tainted", "E (bit 13, UNSIGNED_MODULE)"),
        ("taint 0", "Tainted", "not tainted"),
        ("taint 33554432", "Tainted", "no kernel known here"),
        ("4609", "4609", "as a taint mask: O (bit 12"),
        ("-12", "ENOMEM", "-ENOMEM: out of memory"),
        ("ERR_PTR(-12)", "ENOMEM", "-ENOMEM"),
        ("ENOMEM", "ENOMEM", ""),
        ("EWOULDBLOCK", "EAGAIN", ""),
        ("0xfffffffffffffff4", "ERR_PTR", "-ENOMEM"),
        ("fffffff4", "ERR_PTR", "-ENOMEM"),
        ("0x6b6b6b6b6b6b6b6b", "POISON_FREE", ""),
        ("6b6b6b6b6b6b6b83", "POISON_FREE", "POISON_FREE + 0x18"),
        ("dead000000000122", "LIST_POISON2", ""),
        ("0xdead000000000130", "LIST_POISON2", "LIST_POISON2 + 0xe"),
        ("Oops: 0002", "Oops", "a write, to a page that is not mapped"),
        ("0x0002", "0x2", "as an x86 page fault's error code: a write"),
        ("ESR=0x96000004", "ESR", "translation fault at level 0"),
        ("DSISR=42000000", "DSISR", "a write"),
        ("exitcode=0x0000000b", "exitcode", "killed by SIGSEGV"),
        ("preempt_count=0x101", "preempt_count", "softirq"),
        ("ORIG_RAX=1", "ORIG_RAX", "write()"),
        ("MCi_STATUS=bd80000000100134", "MCi_STATUS", "cache error"),
        ("MCi_STATUS 0xbe00000000010091", "MCi_STATUS", "memory controller error: memory read, channel 1"),
        ("bank 8: be00000000010091", "MCi_STATUS", "the CPU's state may be corrupt"),
        ("STATUS be00000000010091 MCGSTATUS 5", "MCi_STATUS", "memory read"),
        ("[Hardware Error]: MC4_STATUS[Over|UE|MiscV]: 0xfc00000000010135", "MCi_STATUS", "cache error"),
        ("be00000000010091", "0xbe00000000010091", "as MCi_STATUS of a machine check: valid, not corrected"),
        ("be00000000010091", "0xbe00000000010091", "as an address: not canonical"),
        ("{+.?.}-{3:3}", "{+.+.}", "taken in softirq and with it enabled"),
        ("0-....:", "0-....:", ""),
        ("fb", "fb", ""),
        ("<IRQ>", "<IRQ>", ""),
        ("?", "? before a frame", ""),
        ("GFP_KERNEL", "GFP_KERNEL", ""),
    ],
)
def test_questions(question, term, reading):
    found = {e.term: e for e in explain(question, exactly=True)}
    assert term in found
    assert reading in "\n".join(found[term].reading)


def test_a_letter_is_all_that_it_may_be():
    assert {e.subject for e in explain("D")} == {"tasks", "taints"}
    assert {e.subject for e in explain("W")} == {"taints"}


@pytest.mark.parametrize(
    ("line", "term", "reading"),
    [
        ("[   12.34] RIP: 0010:ext4_iget+0x12/0x40", "RIP", ""),
        ("RAX: 0000000000000000 RBX: ffff888003a5a000 RCX: fffffffffffffff4", "RAX", "RCX = ERR_PTR(-ENOMEM)"),
        (
            "Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b",
            "Attempted to kill init",
            "SIGSEGV",
        ),
        ("CPU: 1 PID: 0 Comm: swapper/1 Tainted: G  W  6.1.0 #1", "CPU/PID", "idle task"),
        ("BUG: kernel NULL pointer dereference, address: 0000000000000018", "NULL", "NULL + 0x18"),
    ],
)
def test_pasted_lines(line, term, reading):
    (found,) = explain(line)
    assert term in found.term
    assert reading in "\n".join(found.reading)


def test_unknown_terms_have_near_misses():
    assert explain("sofft lockup") == ()
    assert near_misses("sofft lockup")[0] == "soft lockup"
    assert "softlockup_panic" in near_misses("softlockup")
    assert near_misses("qqqqqq") == ()


def test_subjects_are_found_by_name():
    one = subject("Registers")
    assert one is not None
    assert one.name == "registers"
    assert subject("nothing") is None


def test_the_tables_are_light():
    """Decoders import them in every process of a scan."""
    tables = "import lastwords.glossary.taints, lastwords.glossary.poison, lastwords.glossary.errno"
    heavy = "{'rich', 'click', 'tomllib', 'difflib', 'lastwords.klog'}"
    code = f"{tables}\nimport sys\nprint(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("question", "term"),
    [
        ("taint", "Tainted"),
        ("tainted", "Tainted"),
        ("taint flags", "Tainted"),
        ("vmcore", "vmcore"),
        ("steal", "steal time"),
        ("non-canonical", "general protection fault"),
        ("SLUB", "SLUB"),
        ("DRIVER_SENSE", "DRIVER_SENSE"),
        ("blk_update_request", "I/O error"),
        ("exploit attempt", "exploit attempt"),
        ("kernel tried to execute NX-protected page - exploit attempt? (uid: 0)", "exploit attempt"),
        ("D state", "D"),
        ("S state", "S"),
        ("Xid", "Xid"),
    ],
)
def test_words_that_engineers_ask_for(question, term):
    (found,) = explain(question)
    assert (found.term, found.reading) == (term, found.reading if " - " in question or "state" in question else ())


@pytest.mark.parametrize(
    ("question", "reading"),
    [
        ("error -19", "-19 is -ENODEV: no such device"),
        ("returned -19", "-19 is -ENODEV: no such device"),
        ("e1000e: probe of 0000:00:19.0 failed with error -2", "-2: -ENOENT: no such file, directory or entry"),
        ("Xid 79", "79: code 79 of the list that NVIDIA publishes for its driver"),
        (
            "NVRM: Xid (PCI:0000:3b:00): 79, pid=12, GPU has fallen off the bus.",
            "79: code 79 of the list that NVIDIA publishes for its driver",
        ),
    ],
)
def test_numbers_of_errors(question, reading):
    assert explain(question)[0].reading == (reading,)


@pytest.mark.parametrize(
    ("question", "term"),
    [
        ("SMP NOPTI", "PREEMPT"),
        ("PREEMPT_DYNAMIC", "PREEMPT"),
        ("CS: 0010", "CS"),
        ("#DE", "divide error"),
        ("int3", "breakpoint"),
        ("#VC", "virtualization exception"),
        ("entry_SYSCALL_64_after_hwframe", "entry code"),
        ("native_queued_spin_lock_slowpath", "lock primitives"),
        ("__schedule", "sleeping frames"),
        ("sched: RT throttling activated", "RT throttling"),
        ("non-responsive CSD lock", "CSD lock"),
        ("nobody cared", "irq: nobody cared"),
        ("Dazed and confused", "NMI: unknown reason"),
        ("IO_PAGE_FAULT", "IOMMU fault"),
        ("NETDEV WATCHDOG", "NETDEV WATCHDOG"),
        ("S1PTW", "ESR"),
        ("daif", "pstate"),
        ("PANIC: early exception", "early exception"),
        ("Fixing recursive fault but reboot is needed!", "note: X exited with"),
        ("CONFIG_KASAN", "kernel configuration"),
        ("Freepointer corrupt", "slab corruption"),
        ("active_anon", "Mem-Info counters"),
        ("unchecked MSR access error", "unchecked MSR access error"),
        ("Split lock detected", "split lock"),
        ("__x86_indirect_thunk_rax", "retpoline"),
        ("IAOQ", "IAOQ"),
        ("bad pmd", "Bad page map"),
        ("ring gfx timeout", "GPU hang"),
    ],
)
def test_words_of_a_report(question, term):
    assert term in [one.term for one in explain(question)]
