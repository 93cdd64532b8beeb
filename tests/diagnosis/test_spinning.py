"""Who holds the lock that an interrupt spins for."""

import msgspec

from lastwords.diagnosis import diagnose

from .facts import cpu, facts, frame, machine, oops, trace

# As Linux 7.3 prints it: _raw_spin_lock() jumps to its slow path, so that no frame of the trace tells of a lock.
TRACE = trace(
    *("ring_timer", "ring", "call_timer_fn", None, "asm_sysvec_apic_timer_interrupt", None),
    *("ring_read", "ring", "vfs_read", None),
)


def holder(stood_in, dump=None):
    report = oops("soft-lockup", function="ring_timer", at=frame(stood_in), traces=(TRACE,))
    diagnosis = diagnose(facts(report, machine=dump))
    assert diagnosis is not None
    found = [finding for finding in diagnosis.findings if finding.id == "interrupted-holder"]
    return [finding.culprit.function for finding in found if finding.culprit is not None]


def test_the_instruction_pointer_alone_may_tell_that_it_spins():
    assert holder("native_queued_spin_lock_slowpath") == ["ring_read"]


def test_who_does_not_spin_waits_for_nobody():
    assert holder("ring_sum") == []


def test_what_is_inlined_out_of_a_header_is_not_the_module_s():
    """With debuginfo, Linux 7.3's udelay() is a frame of the module that calls it."""
    spun = ("native_queued_spin_lock_slowpath", "ring_timer", "asm_sysvec_apic_timer_interrupt")
    crashed = cpu(0, "sh", *spun, "ring_delay", "ring_read", crashing=True)
    stack = [
        msgspec.structs.replace(each, inline=True, file="include/asm-generic/delay.h")
        if each.function == "ring_delay"
        else each
        for each in crashed.stack
    ]
    dump = machine(cpus=(msgspec.structs.replace(crashed, stack=tuple(stack)),))
    assert holder(spun[0], dump) == ["ring_read"]
