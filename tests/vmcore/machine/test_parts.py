"""How parts are declared, read and kept apart; walks that go wrong; contexts."""

import importlib
import time
from types import SimpleNamespace
from typing import Any

import drgn
import pytest

from lastwords.model import StackFrame
from lastwords.vmcore.machine.clock import RunQueueClocks
from lastwords.vmcore.machine.context import context
from lastwords.vmcore.machine.cpu_masks import cpu_mask
from lastwords.vmcore.machine.fields import Fields
from lastwords.vmcore.machine.part import Partial, once
from lastwords.vmcore.machine.tasks import state_letter
from lastwords.vmcore.machine.walk import walk

collecting = importlib.import_module("lastwords.vmcore.machine.collect")
BASE = 0x1000


def collect(monkeypatch, parts, **options):
    monkeypatch.setattr(collecting, "_parts", lambda: parts)
    return collecting.collect(SimpleNamespace(symbols=SimpleNamespace(release="6.1.0")), **options)


def broken(kernel):
    raise ValueError("not\n  there")


def test_a_part_that_fails_is_absent_with_its_reason_and_the_others_stand(monkeypatch):
    parts = {"modules": broken, "sysctls": lambda kernel: {"kernel.panic": "1"}}
    machine = collect(monkeypatch, parts)
    assert machine.modules is None
    assert machine.sysctls == {"kernel.panic": "1"}
    assert [(part.name, part.error) for part in machine.parts] == [
        ("modules", "ValueError: not there"),
        ("sysctls", None),
    ]


def test_a_part_that_is_not_whole_is_there_and_says_so(monkeypatch):
    machine = collect(monkeypatch, {"mounts": lambda kernel: Partial((), ["a", "a", "b"])})
    assert machine.mounts == ()
    assert (machine.parts[0].error, machine.parts[0].incomplete) == (None, "a; b")


def test_only_what_was_asked_for_is_read(monkeypatch):
    parts = {"identity": lambda kernel: {"hostname": "lab"}, "mounts": lambda kernel: (), "modules": broken}
    told: list[str] = []
    machine = collect(monkeypatch, parts, only=("mounts",), progress=told.append)
    assert (machine.hostname, machine.mounts, machine.modules) == ("lab", (), None)
    assert told == ["identity", "mounts"]


def test_what_others_are_worked_out_from_is_read_once_also_where_it_fails():
    calls = []

    @once
    def read(kernel):
        calls.append(1)
        raise LookupError("gone")

    kernel: Any = SimpleNamespace(prog=SimpleNamespace(cache={}))
    for _ in range(2):
        with pytest.raises(LookupError, match="gone"):
            read(kernel)
    assert calls == [1]


def test_the_real_parts_are_found():
    names = list(collecting._parts())
    assert names[:4] == ["identity", "panic", "cpus", "tasks"]
    assert {"modules", "sysctls", "files", "mounts", "net", "stacks", "unloaded_modules"} <= set(names)


def objects(*addresses):
    return (SimpleNamespace(value_=lambda address=address: address) for address in addresses)


def breaking(*addresses):
    yield from objects(*addresses)
    raise drgn.FaultError("page is not in the dump", 0x99)


@pytest.mark.parametrize(
    ("found", "addresses", "problem"),
    [
        (objects(1, 2, 3), [1, 2, 3], None),
        (objects(1, 2, 3, 2, 3, 2), [1, 2, 3], "runs in a circle after 3"),
        (breaking(1, 2), [1, 2], "breaks off after 2: page is not in the dump"),
        (objects(*range(1, 100)), [1, 2, 3, 4, 5], "only the first 5 things"),
    ],
)
def test_walks_end_where_a_list_goes_wrong(found, addresses, problem):
    problems: list[str] = []
    assert [each.value_() for each in walk(found, 5, problems, "things")] == addresses
    assert (problem in problems[0]) if problem else not problems


@pytest.fixture
def prog():
    """A program with 64 bytes of memory and a struct in it; the second page is not there."""
    made = drgn.Program(drgn.Platform(drgn.Architecture.X86_64))
    memory = bytes(range(56)) + b"name\0xyz"
    made.add_memory_segment(BASE, 64, lambda address, count, offset, physical: memory[offset : offset + count])
    integer = made.int_type("int", 4, True)
    word = made.int_type("unsigned long", 8, False)
    char = made.int_type("char", 1, True)
    counter = made.struct_type("atomic", 4, (drgn.TypeMember(integer, "counter"),))
    inner = made.struct_type("inner", 16, (drgn.TypeMember(word, "a"), drgn.TypeMember(word, "b", 64)))
    members = (
        drgn.TypeMember(integer, "pid", 0),
        drgn.TypeMember(counter, "count", 4 * 8),
        drgn.TypeMember(inner, "se", 8 * 8),
        drgn.TypeMember(made.array_type(char, 8), "comm", 56 * 8),
        drgn.TypeMember(lambda: drgn.Object(made, integer, bit_field_size=3), "bits", 24 * 8),
    )
    outer = made.struct_type("outer", 64, members)
    made.register_type_finder("own", lambda p, kinds, name, file: outer if name == "outer" else None, enable_index=0)
    return made


MEMBERS = {"pid": "pid", "count": "count", "b": "missing | se.b", "comm": "comm", "bits": "bits", "gone": "gone | x.y"}


def test_fields(prog):
    fields = Fields(prog, "struct outer", MEMBERS)
    assert fields.read(BASE) == {
        "pid": 0x03020100,
        "count": 0x07060504,
        "b": int.from_bytes(range(16, 24), "little"),
        "comm": b"name",
        "bits": None,
        "gone": None,
    }
    assert ("b" in fields, "gone" in fields, fields.offset("b")) == (True, False, 16)


def test_fields_on_a_page_that_is_missing_cost_no_others(prog):
    found = Fields(prog, "struct outer", MEMBERS).read(BASE + 16)
    assert found["pid"] == 0x13121110
    assert found["comm"] is None
    assert set(Fields(prog, "struct outer", MEMBERS).read(0x900000).values()) == {None}


def test_fields_of_an_unknown_type(prog):
    with pytest.raises(LookupError):
        Fields(prog, "struct unknown", MEMBERS)


def stack(*functions):
    """Frames; `*` behind the name of one that was interrupted."""
    return tuple(StackFrame(function=name.rstrip("*"), interrupted=name.endswith("*")) for name in functions)


IDLE = ("native_safe_halt*", "default_idle", "do_idle", "cpu_startup_entry")
NMI, HARDIRQ = 0x00110000, 0x00010000


@pytest.mark.parametrize(
    ("pid", "functions", "count", "wanted"),
    [
        (5, ("delay_tsc*", "panic", "bad*", "vfs_write", "do_syscall_64"), 0, "task"),
        (0, IDLE, 0, "idle"),
        (0, ("panic", "store*", "handle_softirqs", "sysvec_apic_timer_interrupt", *IDLE), 0, "softirq"),
        (5, ("panic", "__do_softirq", "do_softirq", "__local_bh_enable_ip", "ip_send"), 0, "softirq"),
        (5, ("panic", "watchdog_timer_fn", "asm_sysvec_apic_timer_interrupt", "spin*"), HARDIRQ, "hardirq"),
        (5, ("panic", "gic_handle_irq", "el1h_64_irq", "spin*"), HARDIRQ, "hardirq"),
        (5, ("panic", "watchdog_overflow_callback", "exc_nmi", "asm_exc_nmi", "spin*"), NMI, "nmi"),
        # What stops the other CPUs is none of their own.
        (0, ("stop_this_cpu*", "__sysvec_reboot", "asm_sysvec_reboot", *IDLE), HARDIRQ, "idle"),
        (5, ("crash_nmi_callback", "exc_nmi", "asm_exc_nmi", "spin*", "handle_softirqs", "x*"), NMI, "softirq"),
        # Cut off: only what is seen counts, and the count where nothing else has changed it.
        (0, ("stop_this_cpu*", "__sysvec_reboot"), HARDIRQ, None),
        (5, (), HARDIRQ, "hardirq"),
        (5, (), 0x100, "softirq"),
        (5, (), 0x200, "task"),  # softirqs are off, none is running
        (0, (), 0, "idle"),
        (None, (), 0, None),
        (5, (), None, None),
    ],
)
def test_context(pid, functions, count, wanted):
    assert context(pid, stack(*functions), count, whole=wanted is not None and bool(functions)) == wanted


def test_a_stack_that_is_cut_off_shows_no_task_context():
    assert context(None, stack("spin_lock*"), None, whole=False) is None
    assert context(None, stack(*IDLE), None, whole=False) == "idle"
    assert context(7, stack("spin_lock*"), HARDIRQ, whole=False) == "hardirq"


def test_user_space_is_a_context():
    assert context(7, (StackFrame(function="0x47fbe9", user=True, interrupted=True),), 0) == "user"


@pytest.mark.parametrize(
    ("state", "exit_state", "letter"),
    [
        (0, 0, "R"),
        (1, 0, "S"),
        (2, 0, "D"),
        (0x402, 0, "I"),
        (0x102, 0, "D"),  # TASK_KILLABLE
        (4, 0, "T"),
        (8, 0, "t"),
        (0, 0x10, "X"),
        (0, 0x20, "Z"),
        (0x40, 0, "P"),
        (0x1000, 0, "D"),  # PREEMPT_RT's wait for a spinlock
        (None, 0, "?"),
    ],
)
def test_state_letters(state, exit_state, letter):
    assert state_letter({"state": state, "exit_state": exit_state}) == letter


def test_wait_times_count_from_the_clock_that_is_furthest():
    second = 10**9
    clocks = RunQueueClocks({0: (100 * second, 90 * second), 1: (130 * second, 130 * second)})
    # CPU 0 has been idle for 30 s; its clock for tasks leaves out 10 s of interrupts.
    assert clocks.since(0, 85 * second, 80 * second) == 35
    assert clocks.since(0, 0, 80 * second) == 50
    assert clocks.since(1, None, 130 * second) == 0
    assert clocks.since(0, 0, 0) is None
    assert clocks.since(7, 1, 1) is None
    assert clocks.since(0, 1 << 63, 0) is None


def test_a_part_that_never_ends_is_given_up(monkeypatch):
    def endless(kernel):
        while True:
            try:
                time.sleep(0.01)
            except Exception:  # readers go on after what they can't read
                continue

    began = time.monotonic()
    machine = collect(monkeypatch, {"mounts": endless, "net": lambda kernel: ()}, seconds=0.2)
    assert time.monotonic() - began < 10
    assert machine.mounts is None
    assert machine.parts[0].error == "not done after 0.2 s, given up"
    assert machine.net == ()


def test_numbers_that_no_kernel_has_cost_their_part_alone(monkeypatch):
    parts = {"load": lambda kernel: (1 << 70,), "net": lambda kernel: ()}
    machine = collect(monkeypatch, parts)
    assert (machine.load, machine.net) == (None, ())
    assert machine.parts[0].error


def test_a_mask_of_cpus_has_an_end():
    prog = drgn.Program(drgn.Platform(drgn.Architecture.X86_64))
    prog.add_memory_segment(
        BASE, 4096, lambda address, count, offset, physical: b"\x05" + bytes(7) + b"\xff" * (count - 8)
    )
    word = prog.int_type("unsigned long", 8, False)
    members = (drgn.TypeMember(prog.array_type(word, 1 << 20), "bits"),)
    mask = prog.struct_type("cpumask", 8 << 20, members)
    prog.register_type_finder("own", lambda p, kinds, name, file: mask if name == "cpumask" else None, enable_index=0)
    symbol = drgn.Symbol("__cpu_online_mask", BASE, 8, drgn.SymbolBinding.GLOBAL, drgn.SymbolKind.OBJECT)
    prog.register_symbol_finder("own", drgn.SymbolIndex([symbol]), enable_index=0)
    assert cpu_mask(prog, "online") == {0, 2, *range(64, 8192)}
    with pytest.raises(LookupError):
        cpu_mask(prog, "active")
