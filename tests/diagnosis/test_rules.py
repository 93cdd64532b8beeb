"""Each rule finds what it is for, says so with evidence, and is silent about a crash of another kind."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from lastwords.diagnosis import diagnose, rules
from lastwords.model import (
    BlockIo,
    Disk,
    Evidence,
    Facts,
    FlippedBit,
    Intruder,
    LinkedModule,
    Lock,
    LockCycle,
    Locks,
    Memory,
    Oops,
    ProcessMemory,
    Reboot,
    Request,
    SlabCache,
    Suspect,
    Unchecked,
    Waiter,
)

from .facts import (
    CRASHED,
    GONE,
    address,
    blame,
    cpu,
    error,
    facts,
    frame,
    listed,
    machine,
    oops,
    recorded,
    sign,
    taints,
    task,
    trace,
    with_records,
)

NULL = address("null-offset", 0x18, "NULL + 0x18", 0x18)
READ = ("read", "from kernel mode", "no page is mapped there")

UNFINISHED = Evidence(
    id="dumps/var/crash/1/dump-incomplete",
    kind="dump",
    state="taken",
    origin="/var/crash/1/dump-incomplete",
    note="kdump did not finish it: /var/crash has no room left",
)


class Case(NamedTuple):
    """Facts, and of the rule's finding: the class, the culprit's function and module, and words of its text."""

    facts: Callable[[], Facts]
    crash_class: str | None
    culprit: tuple[str | None, str | None] | None
    words: str


def null(**rest: Any) -> Oops:
    return oops("null-dereference", address=NULL, **rest)


def waiting(owner_state: str | None = "S") -> Locks:
    waiter = Waiter(pid=90, comm="sh", state="D", seconds=30.0, function="ring_read", module="ring")
    return Locks(
        held=(Lock(kind="mutex", address=0x10, name="ring_lock", owner=91, owner_comm="holder", waiters=(waiter,)),)
    )


def hung(pid: int, function: str, **rest: Any) -> Oops:
    traces = (trace("__schedule", None, "schedule", None, "__mutex_lock", None, function, "ring"),)
    return oops("hung-task", function=function, pid=pid, comm=f"task-{pid}", traces=traces, **rest)


CASES: dict[str, Case] = {
    "kind": Case(lambda: facts(oops("divide-error")), "logic-bug", ("read_ring", "ring"), "divided by zero"),
    "null-pointer": Case(lambda: facts(null()), "logic-bug", ("read_ring", "ring"), "0x18 bytes into"),
    "user-memory": Case(
        lambda: facts(
            oops(
                "paging-request",
                address=address("user", 0x7FFD17BE9100, "an address of user space"),
                error_code=error("read", "from kernel mode", "the page is present and does not allow it"),
            )
        ),
        "logic-bug",
        ("read_ring", "ring"),
        "copy_from_user()",
    ),
    "own-panic": Case(
        lambda: facts(oops("panic", panic="Kernel panic - not syncing: ring: fatal state 0x13")),
        "deliberate",
        ("read_ring", "ring"),
        "called panic()",
    ),
    "waiting": Case(
        lambda: facts(
            oops(
                "hung-task",
                traces=(trace("__schedule", None, "schedule", None, "__wait_for_common", None, "read_ring", "ring"),),
            )
        ),
        "lockup",
        ("read_ring", "ring"),
        "a completion that nobody signals",
    ),
    "missing-check": Case(
        lambda: facts(
            null(),
            signs=(sign("ring 0000:00:02.0: DMA mapping error"),),
            machine=machine(
                blame=blame(
                    "NULL",
                    field_offset=0x20,
                    unchecked=(Unchecked(caller="write_ring", callee="map_ring", address=1, text="Nobody looks."),),
                )
            ),
        ),
        "logic-bug",
        None,
        "Nobody looks.",
    ),
    "error-pointer": Case(
        lambda: facts(oops("paging-request", address=address("err-ptr", 0xFFFFFFFFFFFFFFF4, "ERR_PTR(-12), -ENOMEM"))),
        "logic-bug",
        ("read_ring", "ring"),
        "-ENOMEM",
    ),
    "bad-call": Case(
        lambda: facts(
            oops("paging-request", address=address("kernel"), error_code=error("instruction fetch", "from kernel mode"))
        ),
        "logic-bug",
        ("read_ring", "ring"),
        "holds no code",
    ),
    "read-only-write": Case(
        lambda: facts(
            oops("paging-request", error_code=error("write", "the page is present and does not allow it")),
        ),
        "logic-bug",
        ("read_ring", "ring"),
        "read-only",
    ),
    "use-after-free": Case(
        lambda: facts(oops("general-protection-fault", address=address("poison", text="POISON_FREE + 0x8"))),
        "memory-corruption",
        ("read_ring", "ring"),
        "POISON_FREE",
    ),
    "unlinked-entry": Case(
        lambda: facts(oops("general-protection-fault", address=address("poison", text="LIST_POISON1"))),
        "memory-corruption",
        ("read_ring", "ring"),
        "deleted twice",
    ),
    "list-corruption": Case(
        lambda: facts(
            oops("list-corruption", message="list_del corruption, x->next is LIST_POISON1 (dead000000000100)")
        ),
        "memory-corruption",
        ("read_ring", "ring"),
        "deleted before",
    ),
    "double-free": Case(
        lambda: facts(oops("kernel-bug", at=frame("__kmem_cache_free"))),
        "memory-corruption",
        ("read_ring", "ring"),
        "free already",
    ),
    "overflow": Case(
        lambda: facts(oops("slab-corruption", message="BUG kmalloc-64 (Tainted: G): Right Redzone overwritten")),
        "memory-corruption",
        ("read_ring", "ring"),
        "beyond the end",
    ),
    "poisoned-object": Case(
        lambda: facts(oops("slab-corruption", message="BUG kmalloc-64: Poison overwritten")),
        "memory-corruption",
        ("read_ring", "ring"),
        "after it was freed",
    ),
    "text-in-pointer": Case(
        lambda: facts(
            oops("general-protection-fault", address=address("ascii", text="the bytes of the text 'evening'"))
        ),
        "memory-corruption",
        ("read_ring", "ring"),
        "evening",
    ),
    "intruder": Case(
        lambda: facts(
            oops("general-protection-fault"),
            machine=machine(
                blame=blame(
                    'the text "evening"',
                    intruders=(
                        Intruder(module="fan", symbol="fan_print", address=1, how="neighbour", text="It lies there."),
                    ),
                )
            ),
        ),
        "memory-corruption",
        ("fan_print", "fan"),
        "It lies there.",
    ),
    "gone-module": Case(
        lambda: facts(
            oops(
                "paging-request",
                address=address("kernel", text="an address of the kernel, in the modules' area"),
                error_code=error(*READ),
                modules=(LinkedModule(name="fan", last_unloaded=True),),
            )
        ),
        "memory-corruption",
        (None, "fan"),
        "fan was unloaded before",
    ),
    "wild-pointer": Case(
        lambda: facts(oops("general-protection-fault", address=address("non-canonical", 0x4141414141414141))),
        "memory-corruption",
        ("read_ring", "ring"),
        "0x41",
    ),
    "machine-check": Case(
        lambda: facts(oops("machine-check", function=None, module=None)), "hardware", None, "hardware reported an error"
    ),
    "flipped-bit": Case(
        lambda: facts(
            oops("paging-request", address=address("kernel")),
            machine=machine(blame=blame("one bit away from 0xffff8a4dc290cf20")),
        ),
        "hardware",
        (None, None),
        "single flipped bit",
    ),
    "flipped-text": Case(
        lambda: facts(
            oops("invalid-opcode"),
            machine=machine(
                blame=blame("NULL", flipped=(FlippedBit(address=1, function="read_ring", byte=0x48, expected=0x49),))
            ),
        ),
        "hardware",
        (None, None),
        "0x48 instead of 0x49",
    ),
    "hardware-before": Case(
        lambda: facts(null(), signs=(sign("EDAC MC0: 1 UE memory read error", "hardware"),)),
        "hardware",
        None,
        "EDAC MC0",
    ),
    "unknown-nmi": Case(
        lambda: facts(oops("nmi-panic", function=None, module=None, hypervisor="KVM")), "deliberate", None, "KVM"
    ),
    "deadlock-cycle": Case(
        lambda: facts(
            hung(90, "ring_read"),
            machine=machine(
                locks=Locks(cycles=(LockCycle(pids=(90, 91), locks=(0x10, 0x20)),)),
                tasks=(
                    task(90, "reader", "D", "schedule", "__mutex_lock", "ring_read"),
                    task(91, "writer", "D", "schedule", "__mutex_lock", "ring_write"),
                ),
            ),
        ),
        "deadlock",
        ("ring_read", "ring"),
        "which writer (91) holds",
    ),
    "lock-holder": Case(
        lambda: facts(
            hung(90, "ring_read"),
            machine=machine(
                locks=waiting(), tasks=(task(91, "holder", "S", "schedule", "schedule_timeout", "ring_poll"),)
            ),
        ),
        "deadlock",
        ("ring_poll", "ring"),
        "sleeps in ring_poll()",
    ),
    "left-held": Case(
        lambda: facts(
            hung(90, "ring_read"),
            machine=machine(locks=waiting(), tasks=(task(91, "holder", "S", "schedule", "do_nanosleep", "sys_sleep"),)),
        ),
        "deadlock",
        ("ring_read", "ring"),
        "returned without the unlock",
    ),
    "hung-lock": Case(
        lambda: facts(hung(90, "ring_read"), hung(91, "ring_write")), "deadlock", ("ring_read", "ring"), "ABBA"
    ),
    "blocked-by": Case(
        lambda: facts(
            tasks=(
                listed(90, "schedule", None, "__mutex_lock", None, "ring_read", "ring", blocked_by=91),
                listed(91, "schedule", None, "msleep", None, "ring_reset", "ring", state="S"),
            )
        ),
        "deadlock",
        ("ring_reset", "ring"),
        "task-91 (91) holds",
    ),
    "listed-once": Case(
        lambda: facts(
            tasks=(listed(90, "schedule", None, "io_schedule", None, "ring_read", "ring", seen=1, seconds=None),)
        ),
        None,
        None,
        "waits for a moment",
    ),
    "sleeping-in-atomic": Case(
        lambda: facts(oops("sleeping-in-atomic", traces=(trace("msleep", None, "read_ring", "ring"),))),
        "logic-bug",
        ("read_ring", "ring"),
        "msleep()",
    ),
    "lockup-loop": Case(
        lambda: facts(oops("soft-lockup", at=frame("ring_wait", "ring"))),
        "lockup",
        ("ring_wait", "ring"),
        "did not come back",
    ),
    "spinning": Case(
        lambda: facts(
            oops("soft-lockup", at=frame("native_queued_spin_lock_slowpath")),
            machine=machine(
                cpus=(cpu(0, "sh", "ring_read"), cpu(1, "poller", "delay_tsc", "ring_poll", context="task"))
            ),
        ),
        "lockup",
        ("ring_poll", "ring"),
        "CPU 1",
    ),
    "interrupted-holder": Case(
        lambda: facts(
            oops(
                "soft-lockup",
                function="ring_timer",
                at=frame("native_queued_spin_lock_slowpath"),
                traces=(
                    trace(
                        "_raw_spin_lock",
                        None,
                        "ring_timer",
                        "ring",
                        "call_timer_fn",
                        None,
                        "asm_sysvec_apic_timer_interrupt",
                        None,
                        "ring_read",
                        "ring",
                    ),
                ),
            )
        ),
        "deadlock",
        ("ring_read", "ring"),
        "interrupts (or softirqs) off",
    ),
    "other-cpu": Case(
        lambda: facts(oops("soft-lockup", at=frame("smp_call_function_many_cond"))),
        "lockup",
        (None, None),
        "other CPUs",
    ),
    "idle-when-looked-at": Case(
        lambda: facts(oops("rcu-stall", at=frame("intel_idle"), function=None, module=None)),
        "lockup",
        (None, None),
        "no code ran in a loop",
    ),
    "stolen-time": Case(
        lambda: facts(oops("soft-lockup", at=frame("default_idle"), hypervisor="KVM")), "hypervisor", None, "host"
    ),
    "memory-eaten": Case(
        lambda: facts(
            oops("out-of-memory", function=None, module=None),
            machine=machine(
                memory=Memory(
                    total=1 << 30,
                    slabs=(SlabCache(name="kmalloc-2k", object_size=2048, objects=9, total=9, bytes=900 << 20),),
                    suspects=(Suspect(module="ring", pages=9, sampled=10, where="kmalloc-2k", function="ring_keep"),),
                    processes=(ProcessMemory(pid=1, comm="init", resident=1 << 20),),
                )
            ),
        ),
        "resource-exhaustion",
        ("ring_keep", "ring"),
        "kmalloc-2k holds 900 MiB",
    ),
    "memory-ran-out": Case(
        lambda: facts(oops("out-of-memory", function=None, module=None)), "resource-exhaustion", None, "sh asked last"
    ),
    "storage-silent": Case(
        lambda: facts(
            hung(90, "ring_read"),
            machine=machine(
                io=BlockIo(
                    disks=(Disk(name="sda", driver="sd"),),
                    requests=(
                        Request(device="sda", operation="read", sector=8, bytes=4096, age=40.0, state="in-flight"),
                    ),
                )
            ),
        ),
        "hardware",
        ("", "sd"),
        "does not answer",
    ),
    "hung-behind-io": Case(
        lambda: facts(
            oops("hung-task", traces=(trace("__schedule", None, "io_schedule", None, "wait_on_page_bit", None),)),
            signs=(sign("sd 0:0:0:0: rejecting I/O to offline device", "hardware"),),
        ),
        "hardware",
        (None, None),
        "offline device",
    ),
    "file-system": Case(
        lambda: facts(
            oops("medium-error", function=None, module=None, line=50),
            oops("ext4-error", function=None, module=None, panic="Kernel panic - not syncing: EXT4-fs panic"),
        ),
        "hardware",
        None,
        "its device had reported errors",
    ),
    "virtual-device": Case(
        lambda: facts(oops("kernel-bug", module="virtio_net", function="receive_buf")),
        "hypervisor",
        ("receive_buf", "virtio_net"),
        "host",
    ),
    "no-root": Case(
        lambda: facts(
            oops("no-root", function=None, module=None, message="VFS: Unable to mount root fs on unknown-block(0,0)"),
            command_line="root=/dev/sdz1 ro",
        ),
        "configuration",
        None,
        "root=/dev/sdz1",
    ),
    "init-died": Case(
        lambda: facts(
            oops(
                "init-killed",
                function=None,
                module=None,
                comm="init",
                panic="Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b",
            )
        ),
        "configuration",
        None,
        "SIGSEGV",
    ),
    "asked-for": Case(
        lambda: facts(oops("sysrq-crash", function="sysrq_handle_crash", module=None)), "deliberate", None, "on purpose"
    ),
    "told-to-panic": Case(
        lambda: facts(oops("warning", panic="Kernel panic - not syncing: kernel: panic_on_warn set ...")),
        None,
        None,
        "kernel.panic_on_warn",
    ),
    "policy-panic": Case(
        lambda: facts(
            oops("panic", function=None, module=None, message="Kernel panic - not syncing: panic_on_taint set ...")
        ),
        "deliberate",
        (None, None),
        "panic_on_taint",
    ),
    "stack-overflow": Case(
        lambda: facts(oops("kernel-stack-overflow", traces=(trace(*(["ring_parse", "ring"] * 6)),))),
        "logic-bug",
        ("ring_parse", "ring"),
        "without end",
    ),
    "foreign-module": Case(lambda: facts(oops("divide-error")), None, None, "ring"),
    "patched-code": Case(
        lambda: facts(oops("divide-error", traces=(trace("klp_ftrace_handler", None, "read_ring", "ring"),))),
        None,
        None,
        "livepatch",
    ),
    "damaged-before": Case(
        lambda: facts(oops("divide-error", taint="Tainted: G      D", taints=taints("D"))),
        None,
        None,
        "had oopsed before",
    ),
    "old-kernel": Case(lambda: facts(oops("divide-error", release="4.4.302")), None, None, "4.4"),
    "recorded-error": Case(
        lambda: with_records(
            facts(oops("divide-error")),
            hardware_errors=(recorded("memory", "fatal", -30.0, label="DIMM A1"),),
        ),
        "hardware",
        None,
        "memory (DIMM A1) that was not corrected, 30.0 s before the crash",
    ),
    "corrected-errors": Case(
        lambda: with_records(
            facts(oops("divide-error")),
            hardware_errors=(recorded("memory", "corrected", -3600.0, label="DIMM A1", count=40),),
        ),
        None,
        None,
        "40 corrected errors of memory (DIMM A1) in the day before",
    ),
    "vanished": Case(
        lambda: Facts(reboots=(GONE, Reboot(ending="running", path="wtmp", started=CRASHED + 60))),
        "lockup",
        None,
        "a watchdog ended it",
    ),
    "frozen-file-system": Case(
        lambda: facts(
            oops(
                "hung-task",
                family="hang",
                function="mnt_want_write",
                module=None,
                traces=(trace("percpu_rwsem_wait", None, "__percpu_down_read", None, "mnt_want_write", None),),
            )
        ),
        "lockup",
        None,
        "waits for a file system that is frozen",
    ),
    "unfinished-dump": Case(
        lambda: replace(facts(oops("null-deref")), evidence=(UNFINISHED,)), None, None, "the disk was full"
    ),
    "single-crash": Case(
        lambda: facts(oops("paging-request", module=None, address=address("kernel"))), None, None, "another place"
    ),
}
OTHER = {"kind": lambda: facts(oops("no-such-kind"))}


def quiet() -> Facts:
    """A crash that most rules have nothing to say about."""
    return facts(oops("divide-error", module=None, modules=(), function="do_div"))


def elsewhere(rule_id: str) -> Facts:
    return OTHER[rule_id]() if rule_id in OTHER else quiet()


@pytest.mark.parametrize("rule_id", sorted({rule.id for rule in rules()} | set(CASES)))
def test_each_rule(rule_id):
    case = CASES[rule_id]
    diagnosis = diagnose(case.facts())
    assert diagnosis is not None
    assert diagnosis.broken == ()
    finding = next(finding for finding in diagnosis.findings if finding.id == rule_id)
    assert finding.crash_class == case.crash_class
    assert finding.evidence
    assert 0 < finding.confidence <= 1
    assert case.words in f"{finding.title} {finding.text}"
    if case.culprit is not None:
        assert finding.culprit is not None
        function, module = case.culprit
        assert (finding.culprit.module, finding.culprit.function or "") == (module, function or "")


@pytest.mark.parametrize("rule_id", sorted(rule.id for rule in rules()))
def test_each_rule_is_silent_about_others(rule_id):
    diagnosis = diagnose(elsewhere(rule_id))
    assert diagnosis is not None
    assert rule_id not in {finding.id for finding in diagnosis.findings}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.id)
def test_each_rule_says_what_it_is_for(rule):
    assert rule.looks_for
    assert rule.why.endswith(".")
    assert rule.sure
