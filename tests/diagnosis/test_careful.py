"""Rules that must not say more than the report does."""

import msgspec
import pytest

from lastwords.diagnosis import diagnose
from lastwords.diagnosis.crash import Crash
from lastwords.model import (
    Code,
    Finding,
    Intruder,
    Lock,
    Locks,
    Memory,
    MemoryOperand,
    ProcessMemory,
    Unchecked,
    Waiter,
)

from .facts import address, blame, error, facts, frame, machine, oops, sign, task, trace

READ = error("read", "from kernel mode", "no page is mapped there")


def found(rule_id: str, *reports, **rest) -> Finding | None:
    diagnosis = diagnose(facts(*reports, **rest))
    assert diagnosis is not None
    assert diagnosis.broken == ()
    return next((finding for finding in diagnosis.findings if finding.id == rule_id), None)


def verdict(*reports, **rest):
    diagnosis = diagnose(facts(*reports, **rest))
    assert diagnosis is not None
    return diagnosis.verdict


@pytest.mark.parametrize(
    ("title", "rule_id", "crash_class"),
    [
        ("KASAN: slab-out-of-bounds Write in read_ring", "overflow", "memory-corruption"),
        ("KASAN: vmalloc-out-of-bounds Read in read_ring", "overflow", "memory-corruption"),
        ("KASAN: global-out-of-bounds Read in read_ring", "overflow", "memory-corruption"),
        ("KASAN: double-free in read_ring", "double-free", "memory-corruption"),
        ("KASAN: invalid-free in read_ring", "double-free", "memory-corruption"),
        ("KASAN: null-ptr-deref Read in read_ring", "null-pointer", "logic-bug"),
        ("KASAN: slab-use-after-free Read in read_ring", "use-after-free", "memory-corruption"),
        ("KASAN: wild-memory-access Read in read_ring", "kind", "memory-corruption"),
        ("KASAN: invalid-access Write in read_ring", "kind", "memory-corruption"),
    ],
)
def test_reports_of_kasan(title, rule_id, crash_class):
    said = verdict(oops("kasan", title=title, message=f"BUG: {title}"))
    assert said.findings[0] == rule_id
    assert said.crash_class == crash_class


def test_a_bad_free_need_not_be_a_second_one():
    invalid = found("double-free", oops("kasan", title="KASAN: invalid-free in read_ring"))
    assert invalid is not None
    assert "never a pointer to the start of an object" in invalid.text
    assert invalid.confidence < 0.8
    kfree = found("double-free", oops("kernel-bug", at=frame("kfree"), file="mm/slub.c", source_line=4203))
    twice = found("double-free", oops("kernel-bug", at=frame("kfree"), file="mm/slub.c", source_line=419))
    assert kfree is not None
    assert kfree.confidence < 0.8
    assert twice is not None
    assert twice.confidence >= 0.8


def test_reading_beyond_the_end_is_not_writing():
    said = found("overflow", oops("kasan", title="KASAN: slab-out-of-bounds Read in read_ring"))
    assert said is not None
    assert "wrote" not in said.title + said.text


def test_a_red_zone_before_an_object_was_not_written_from_within():
    said = found("overflow", oops("slab-corruption", message="BUG kmalloc-64: Left Redzone overwritten"))
    assert said is not None
    assert "the one before it" in said.text
    assert said.confidence < 0.8


@pytest.mark.parametrize("text", ["POISON_FREE + 0x8", "PAGE_POISON", "MUTEX_DEBUG_FREE"])
def test_only_the_slab_allocators_poison_is_sure(text):
    said = found("use-after-free", oops("general-protection-fault", address=address("poison", text=text)))
    assert said is not None
    assert (said.confidence >= 0.8) == text.startswith("POISON_FREE")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Buffer I/O error on dev sdc1, logical block 0, async page read", "hardware"),
        ("imx_sdma: unable to handle this", "burst"),
        ("fan: speed too high", "burst"),
    ],
)
def test_not_every_error_is_a_refused_allocation(text, reason):
    null = oops("null-dereference", address=address("null-offset", 0x18, "NULL + 0x18", 0x18))
    assert found("missing-check", null, signs=(sign(text, reason),)) is None


def test_somebody_elses_refused_allocation_is_no_missing_check_of_the_module():
    null = oops("null-dereference", address=address("null-offset", 0x18, "NULL + 0x18", 0x18))
    said = found("missing-check", null, signs=(sign("fan: DMA mapping failed"),))
    assert said is not None
    assert "lacks a check" not in said.text
    assert said.confidence <= 0.5


def test_agreeing_findings_that_are_unsure_make_none_that_is_sure():
    null = oops("null-dereference", address=address("null-offset", 0x18, "NULL + 0x18", 0x18))
    said = verdict(null, signs=(sign("ring: DMA mapping failed"),))
    assert len([reason for reason in said.reasons if reason.startswith("for: ")]) == 2
    assert said.confidence < 0.8


@pytest.mark.parametrize("kind", ["soft-lockup", "hard-lockup", "rcu-stall"])
@pytest.mark.parametrize("hypervisor", [None, "KVM"])
@pytest.mark.parametrize("function", ["intel_idle", "acpi_idle_do_entry", "cpu_do_idle", "plpar_hcall_norets_notrace"])
def test_an_idle_cpu_runs_no_loop(kind, hypervisor, function):
    said = verdict(oops(kind, at=frame(function), function=None, module=None, hypervisor=hypervisor))
    assert said.culprit.function is None
    assert said.crash_class == ("hypervisor" if hypervisor else "lockup")
    assert said.confidence < 0.8


def test_a_guest_by_what_its_boot_said():
    """The name that the firmware gives a machine is not always its hypervisor's; a guest kernel asks the CPU."""
    idle = oops("soft-lockup", at=frame("intel_idle"), function=None, module=None)
    assert verdict(idle, hypervisor="KVM").crash_class == "hypervisor"
    assert verdict(idle).crash_class == "lockup"
    message = "watchdog: BUG: soft lockup - CPU#0 stuck for 3021s! [sh:90]"
    said = found("lockup-loop", oops("soft-lockup", message=message, at=frame("ring_wait")), hypervisor="KVM")
    assert said is not None
    assert said.confidence < 0.8


def test_another_boot_says_nothing_of_this_one():
    """One file may hold the boots of several machines."""
    nmi = oops("nmi-panic", function=None, module=None, boot=2)
    known = facts(nmi, hypervisor="KVM")
    assert Crash(known, nmi, known.logs[0]).hypervisor is None
    assert Crash(known, None, known.logs[0]).hypervisor == "KVM"


def test_where_a_watchdogs_nmi_came_says_nothing():
    assert found("lockup-loop", oops("watchdog-panic", at=frame("ring_wait", "ring"))) is None


@pytest.mark.parametrize(
    ("seconds", "hypervisor", "sure"), [(22, "KVM", True), (3021, "KVM", False), (3021, None, True)]
)
def test_a_guest_that_was_paused(seconds, hypervisor, sure):
    message = f"watchdog: BUG: soft lockup - CPU#0 stuck for {seconds}s! [sh:90]"
    said = found("lockup-loop", oops("soft-lockup", message=message, at=frame("ring_wait"), hypervisor=hypervisor))
    assert said is not None
    assert (said.confidence >= 0.8) is sure


def test_a_dump_on_purpose_is_about_what_was_wrong_before():
    null = oops("null-dereference", address=address("null-offset", 0x18, "NULL + 0x18", 0x18))
    sysrq = oops("sysrq-crash", function="sysrq_handle_crash", module=None, line=400, time=500.0, panic="sysrq")
    said = verdict(null, sysrq)
    assert said.crash_class == "logic-bug"
    assert said.culprit.function == "read_ring"
    assert verdict(sysrq).crash_class == "deliberate"


def hung(pid, *functions, module=None, **rest):
    traces = (trace("__schedule", None, "schedule", None, *(each for name in functions for each in (name, module))),)
    return oops("hung-task", function=functions[-1], module=module, pid=pid, comm=f"task-{pid}", traces=traces, **rest)


def test_waiting_for_a_file_server():
    said = verdict(hung(90, "rpc_wait_bit_killable", "__rpc_execute", "nfs4_call_sync", module="sunrpc"))
    assert "a file server that did not answer" in said.summary
    assert said.culprit.module is None
    assert said.confidence < 0.8


def test_who_waits_for_io_with_a_lock_held_is_no_deadlock():
    holder = hung(90, "io_schedule", "folio_wait_bit", "ring_fill", module="ring")
    waiters = [hung(pid, "__mutex_lock", name, module="ring") for pid, name in ((91, "ring_read"), (92, "ring_write"))]
    said = verdict(holder, *waiters)
    assert said.findings[0] == "hung-behind-io"
    lock = found("hung-lock", holder, *waiters)
    assert lock is not None
    assert "ABBA" not in lock.text


def test_waiting_at_places_of_different_modules_is_no_abba():
    lock = found(
        "hung-lock",
        hung(90, "__mutex_lock", "ring_read", module="ring"),
        hung(91, "__mutex_lock", "fan_read", module="fan"),
    )
    assert lock is not None
    assert "ABBA" not in lock.text


def test_a_neighbour_is_a_suspect_only_where_a_string_ran_over():
    one = Intruder(module="fan", symbol="fan_print", address=1, how="neighbour", text="It lies there.")
    garbage, text = (
        found("intruder", oops("general-protection-fault"), machine=machine(blame=blame(sense, intruders=(one,))))
        for sense in ("a non-canonical address (no pointer at all)", 'the text "evening"')
    )
    assert garbage is not None
    assert text is not None
    assert garbage.confidence < text.confidence < 0.8


def test_a_jump_from_nowhere_blames_no_function():
    jump = blame("one bit away from 0xffffffff81000000, the start of f", confidence="low", origin=None, steps=())
    stray = type(jump)(function="", address=jump.address, sense=jump.sense, confidence="low")
    said = verdict(
        oops(
            "paging-request",
            error_code=error("instruction fetch"),
            address=address("kernel"),
            function=None,
            module=None,
        ),
        machine=machine(blame=stray),
    )
    assert said.culprit.function is None
    assert said.confidence < 0.8


@pytest.mark.parametrize("meaning", ["read or instruction fetch: address misaligned", "illegal instruction", "read"])
def test_not_each_word_of_an_instruction_is_a_jump(meaning):
    assert found("bad-call", oops("paging-request", error_code=error(meaning), address=address("kernel"))) is None


def test_a_file_systems_complaint_is_no_sign_of_its_device():
    complaint = sign("EXT4-fs error (device sda1): ext4_lookup: deleted inode referenced", "hardware")
    assert found("hardware-before", oops("kernel-bug"), signs=(complaint,)) is None
    forced = oops("panic", panic="Kernel panic - not syncing: EXT4-fs (device sda1): panic forced after error")
    said = found("file-system", forced, signs=(complaint,))
    assert said is not None
    assert said.crash_class is None
    assert found("file-system", oops("panic", panic="Kernel panic - not syncing: something else")) is None


@pytest.mark.parametrize(
    ("kind", "message", "most"),
    [
        (
            "machine-check",
            "Kernel panic - not syncing: Timeout: Not all CPUs entered broadcast exception handler",
            0.75,
        ),
        ("machine-check", "mce: [Hardware Error]: CPU 3: Machine Check Exception: 5 Bank 4: be00000000800400", 0.95),
        ("serror", "SError Interrupt on CPU3, code 0xbf000002", 0.65),
        ("power-loss", "EPOW: power lost", 0.75),
    ],
)
def test_what_hardware_reports(kind, message, most):
    said = found("machine-check", oops(kind, function=None, module=None, message=message, family="hardware"))
    assert said is not None
    assert most - 0.1 < said.confidence <= most


def test_a_process_that_was_killed_long_ago_is_not_why_a_pointer_was_null():
    killed = oops("out-of-memory", function=None, module=None, line=50, time=1.0)
    null = oops("null-dereference", address=address("null-offset", 0x18, "NULL + 0x18", 0x18), time=5000.0)
    said = verdict(killed, null)
    assert said.crash_class == "logic-bug"
    assert said.culprit.function == "read_ring"
    assert verdict(killed).crash_class == "resource-exhaustion"


def test_of_two_that_hold_much_memory_none_is_surely_to_blame():
    def eaten(*processes):
        memory = Memory(total=1 << 30, processes=processes)
        return found("memory-eaten", oops("out-of-memory", function=None, module=None), machine=machine(memory=memory))

    one = eaten(ProcessMemory(pid=7, comm="java", resident=800 << 20))
    two = eaten(*(ProcessMemory(pid=pid, comm=comm, resident=450 << 20) for pid, comm in ((7, "java"), (8, "db"))))
    assert one is not None
    assert two is not None
    assert one.confidence >= 0.8 > two.confidence


def test_a_double_fault_need_not_be_a_full_stack():
    said = found("stack-overflow", oops("double-fault"))
    assert said is not None
    assert said.confidence <= 0.5


def test_several_who_ignore_errors_leave_it_open_who_did():
    null = oops("null-dereference", address=address("null-offset", 0x18, "NULL + 0x18", 0x18))
    calls = [Unchecked(caller=name, callee="map_ring", address=1, text="t.") for name in ("write_ring", "read_fan")]
    one, two = (
        verdict(null, machine=machine(blame=blame("NULL", field_offset=8, unchecked=tuple(calls[:number]))))
        for number in (1, 2)
    )
    assert (one.culprit.function, two.culprit.function) == ("write_ring", "read_ring")
    assert one.confidence >= 0.8 > two.confidence


@pytest.mark.parametrize(
    ("function", "module", "blamed"),
    [
        ("__run_timers", None, None),
        ("rb_erase.cold", None, None),
        ("kmem_cache_alloc_node", None, None),
        ("rcu_do_batch", None, None),
        ("ext4_do_writepages", None, "ext4_do_writepages"),
        ("mod_timer_of_ring", "ring", "mod_timer_of_ring"),
    ],
)
def test_who_handles_the_objects_of_others_is_not_to_blame(function, module, blamed):
    bad = address("ascii", 0x4141414141414149, "the text AAAAAAAA")
    said = verdict(oops("general-protection-fault", function=function, module=module, address=bad))
    assert said.crash_class == "memory-corruption"
    assert said.culprit.function == blamed
    assert any("handles what others handed it" in reason for reason in said.reasons) == (blamed is None)


def test_who_crashes_a_kernel_on_purpose_has_seen_something():
    before = oops("slab-corruption", panic="Kernel panic - not syncing: sysrq triggered crash")
    said = verdict(before)
    assert said.crash_class == "memory-corruption"
    assert said.confidence < 0.8
    asked = found("asked-for", before)
    assert asked is not None
    assert f"Before that: {before.title}" in asked.text
    alone = verdict(oops("sysrq-crash", function=None, module=None))
    assert alone.crash_class == "deliberate"


def test_who_calls_memset_with_null_is_not_excused_by_its_own_caller():
    code = Code(
        architecture="x86_64", operand=MemoryOperand(text="[rdi]", expression="rdi (0x0)", address=0, base="rdi")
    )
    null = oops(
        "null-dereference",
        function="clear_ring",
        address=address("null", 0, "NULL"),
        at=msgspec.structs.replace(frame("memset"), offset=0),
        code=code,
        traces=(trace("memset", None, "clear_ring", "ring", "ring_open", "ring"),),
    )
    assert verdict(null).culprit.function == "clear_ring"


@pytest.mark.parametrize(
    ("kind", "meaning", "crash_class"),
    [
        ("user", ("read", "from kernel mode", "no page is mapped there"), "memory-corruption"),
        ("user", ("instruction fetch", "from kernel mode", "the page is present and does not allow it"), "logic-bug"),
        ("kernel", ("write", "from kernel mode", "the page is present and does not allow it"), "logic-bug"),
    ],
)
def test_not_every_bad_address_is_user_spaces(kind, meaning, crash_class):
    report = oops("paging-request", address=address(kind, 0x7FFD17BE9100), error_code=error(*meaning))
    assert found("user-memory", report) is None
    assert verdict(report).crash_class == crash_class


@pytest.mark.parametrize(
    ("functions", "what"),
    [
        (("__schedule", "schedule", "__wait_for_common", "__flush_work", "read_ring"), "a work item that does not end"),
        (("__schedule", "schedule", "__wait_for_common", "kthread_stop", "read_ring"), "a kernel thread that does not"),
        (("__schedule", "schedule", "__wait_rcu_gp", "synchronize_rcu", "read_ring"), "an RCU grace period"),
        (("__schedule", "schedule", "read_ring", "ring_read"), "an event that does not come"),
        (("__schedule", "schedule", "do_exit", "read_ring"), None),
        (("__schedule", "schedule", "__mutex_lock", "read_ring"), None),
        (("__schedule", "schedule", "io_schedule", "wait_for_completion_io", "read_ring"), None),
    ],
)
def test_what_a_hung_task_waits_for(functions, what):
    names = [part for function in functions for part in (function, None)]
    waits = found("waiting", oops("hung-task", traces=(trace(*names),)))
    assert (waits is None) == (what is None)
    assert waits is None or what in waits.text


def test_modules_of_the_kernel_that_panic_are_told_to():
    said = found("own-panic", oops("panic", function="ext4_handle_error", module="ext4"))
    assert said is None


@pytest.mark.parametrize(
    ("lock", "stack", "left"),
    [
        ("ring_lock [ring]", ("schedule", "msleep", "device_reset", "ring_work"), False),  # called from the module
        ("ring_lock [ring]", ("schedule", "msleep", "device_reset"), True),
        ("rtnl_mutex", ("schedule", "msleep", "device_reset"), False),  # may well have taken it
        ("rtnl_mutex", ("schedule", "do_nanosleep", "hrtimer_nanosleep"), True),
        ("ring_lock [ring]", (), False),
    ],
)
def test_a_lock_is_left_held_only_where_its_holder_is_clearly_elsewhere(lock, stack, left):
    waiter = Waiter(pid=90, comm="sh", state="D", seconds=30.0, function="ring_read", module="ring")
    held = Lock(kind="mutex", address=0x10, name=lock, owner=91, owner_comm="holder", waiters=(waiter,))
    there = machine(locks=Locks(held=(held,)), tasks=(task(91, "holder", "S", *stack),))
    report = oops("hung-task", function="ring_read", pid=90)
    assert (found("left-held", report, machine=there) is not None) == left
    assert (found("lock-holder", report, machine=there) is not None) != left


def test_the_log_blames_who_called_kfree_where_the_dump_got_no_further():
    lost = blame("a kernel address with nothing there", origin=None, origin_module=None, confidence="low")
    lost = msgspec.structs.replace(lost, function="kfree", module=None)
    bad = address("kernel", 0xFFFFF583B70102C8, "an address of the kernel")
    report = oops("paging-request", address=bad, error_code=READ, at=frame("kfree"))
    said = verdict(report, machine=machine(blame=lost))
    assert (said.culprit.function, said.culprit.module) == ("read_ring", "ring")


@pytest.mark.parametrize(("rax", "blamed"), [(0x401000, "read_ring"), (0x7, None)])
def test_a_call_through_a_register_came_from_the_top_of_the_stack(rax, blamed):
    report = oops(
        "paging-request",
        function=None,
        module=None,
        address=address("user", 0x401000),
        error_code=error("instruction fetch", "from kernel mode"),
        registers={"rip": 0x401000, "rax": rax},
        traces=(trace("read_ring", "ring", "ring_open", "ring"),),
    )
    assert verdict(report).culprit.function == blamed


@pytest.mark.parametrize(("name", "left"), [("ring_lock [ring]", True), ("tasklist_mutex", True), (None, False)])
def test_a_task_that_ended_left_its_lock_held(name, left):
    waiter = Waiter(pid=90, comm="sh", state="D", seconds=30.0, function="ring_read", module="ring")
    lock = Lock(kind="mutex", address=0x10, name=name, owner_ended=True, waiters=(waiter,))
    report = oops("hung-task", function="ring_read", pid=90)
    said = found("left-held", report, machine=machine(locks=Locks(held=(lock,))))
    assert (said is not None) == left
    assert said is None or "a task that has ended took it" in said.text
