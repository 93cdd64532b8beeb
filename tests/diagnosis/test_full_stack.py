"""Which frame of a full stack is too large."""

import msgspec

from lastwords.diagnosis import diagnose

from .facts import cpu, facts, machine, oops, trace

TRACE = trace("vsnprintf", None, "ring_row", "ring", "ring_table", "ring")
SIZES = {"vsnprintf": 128, "ring_row": 8, "ring_table": 15560, "vfs_write": 152}


def overflow(sizes=None):
    """What is found in the log of a full stack, and in a dump where frames take so many bytes."""
    dump = None
    if sizes:
        crashed = cpu(0, "sh", *sizes, crashing=True)
        stack = tuple(msgspec.structs.replace(frame, stack_bytes=sizes[frame.function]) for frame in crashed.stack)
        dump = machine(cpus=(msgspec.structs.replace(crashed, stack=stack),))
    diagnosis = diagnose(facts(oops("kernel-stack-overflow", traces=(TRACE,)), machine=dump))
    assert diagnosis is not None
    return next(finding for finding in diagnosis.findings if finding.id == "stack-overflow")


def test_a_dump_tells_which_frame_is_fat():
    found = overflow(SIZES)
    assert (found.culprit.module, found.culprit.function) == ("ring", "ring_table")
    assert "ring_table() of ring alone takes 15.2 KiB" in found.text
    assert found.confidence > 0.8
    assert any("15.2 KiB" in fact.text for fact in found.evidence)


def test_no_frame_is_called_fat_that_is_not():
    found = overflow({**SIZES, "ring_table": 512})
    assert found.confidence < 0.8
    assert "alone takes" not in found.text


def test_a_log_names_all_that_may_be():
    found = overflow()
    assert found.confidence < 0.8
    assert "look at ring_row() of ring and ring_table() of ring" in found.text
