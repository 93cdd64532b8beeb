"""Who held the memory when it ran out, by the OOM killer's report alone."""

from typing import Any

import pytest

from lastwords.diagnosis import diagnose
from lastwords.model import (
    Culprit,
    Finding,
    Memory,
    OomAllocation,
    OomGroup,
    OomProcess,
    OomReport,
    OomSlab,
    ProcessMemory,
    Trace,
)

from .facts import PATH, address, facts, frame, machine, oops

GIB = 1 << 30
MIB = 1 << 20
COUNTERS = {
    "free": 20 * MIB,
    "anon": 200 * MIB,
    "file": 10 * MIB,
    "shmem": 5 * MIB,
    "unevictable": 0,
    "slab_reclaimable": 50 * MIB,
    "slab_unreclaimable": 60 * MIB,
    "page_tables": 5 * MIB,
    "kernel_stack": 4 * MIB,
    "hugepages": 0,
}


def machine_wide(*, unaccounted: int = 0, **fields: Any) -> OomReport:
    """A report of which no counter is large but those that are given."""
    counters: dict[str, Any] = {**COUNTERS, **fields}
    counters.setdefault("managed", sum(counters[name] for name in COUNTERS) + unaccounted)
    return OomReport(constraint="global", lines={"slab_unreclaimable": 120, "shmem": 121, "managed": 130}, **counters)


def process(pid: int, comm: str, rss: int) -> OomProcess:
    return OomProcess(pid=pid, comm=comm, rss=rss, line=140 + pid % 10)


def found(report: OomReport, **rest: Any) -> Finding:
    crash = oops("out-of-memory", function=None, module=None, oom=report, **rest)
    diagnosis = diagnose(facts(crash))
    assert diagnosis is not None
    return next(finding for finding in diagnosis.findings if finding.id == "memory-ran-out")


@pytest.mark.parametrize(
    ("report", "culprit", "words"),
    [
        (
            {"anon": 700 * MIB, "groups": (OomGroup(comm="db", count=1, rss=690 * MIB),)},
            "db",
            "The process db (7) holds 690 MiB, 81% of it",
        ),
        (
            {"anon": 700 * MIB, "groups": (OomGroup(comm="db", count=40, rss=650 * MIB),)},
            "db",
            "40 processes called db hold 650 MiB",
        ),
        ({"slab_unreclaimable": 800 * MIB}, "slab_unreclaimable", "a module or driver may leak it"),
        (
            {
                "slab_unreclaimable": 800 * MIB,
                "slabs": (OomSlab(name="kmalloc-1k", used=1, total=700 * MIB, line=150),),
            },
            "kmalloc-1k",
            "The log does not tell which",
        ),
        (
            # Of a large sum no cache has half: none is named.
            {"slab_unreclaimable": 800 * MIB, "slabs": (OomSlab(name="filp", used=1, total=90 * MIB, line=150),)},
            "slab_unreclaimable",
            "holds 800 MiB",
        ),
        ({"shmem": 500 * MIB}, "shmem", "tmpfs"),
        ({"hugepages": 600 * MIB}, "hugetlb", "vm.nr_hugepages"),
        ({"page_tables": 400 * MIB}, "page tables", "Many processes map"),
        ({"kernel_stack": 400 * MIB}, "kernel stacks", "far too many threads"),
        ({"unevictable": 400 * MIB}, "unevictable", "mlock()"),
        ({"slab_reclaimable": 400 * MIB}, "slab_reclaimable", "dentries"),
        ({"file": 400 * MIB}, "page cache", "written back"),
        ({"unaccounted": 700 * MIB}, None, "Pages that drivers and modules take for themselves stand in no counter"),
    ],
)
def test_who_holds_a_third(report, culprit, words):
    processes = (process(7, "db", 690 * MIB), process(8, "sh", MIB))
    finding = found(machine_wide(**{"processes": processes, **report}))
    assert (finding.culprit or Culprit()).object == culprit
    assert words in finding.text
    assert finding.crash_class == "resource-exhaustion"
    assert finding.confidence > 0.8
    assert "sh asked last" in finding.text
    assert all(fact.path == PATH for fact in finding.evidence)


def test_the_lines_of_the_log_are_the_evidence():
    slabs = (OomSlab(name="kmalloc-1k", used=690 * MIB, total=700 * MIB, line=150),)
    finding = found(machine_wide(slab_unreclaimable=800 * MIB, slabs=slabs))
    lines = {fact.text: fact.line for fact in finding.evidence}
    assert lines["slab_unreclaimable: 800 MiB"] == 120
    assert lines["kmalloc-1k: 700 MiB, 690 MiB of it in use"] == 150


def test_what_processes_share_is_not_theirs():
    """Forty processes that map the same 500 MiB have a sum of 20 GiB, and hold next to nothing."""
    report = machine_wide(
        shmem=500 * MIB,
        groups=(OomGroup(comm="postgres", count=40, rss=20 * GIB),),
        processes=(process(7, "postgres", 510 * MIB),),
    )
    finding = found(report)
    assert finding.culprit is not None
    assert finding.culprit.object == "shmem"
    assert "postgres" not in finding.text


def test_two_that_are_both_large():
    report = machine_wide(
        anon=400 * MIB,
        slab_unreclaimable=500 * MIB,
        groups=(OomGroup(comm="db", count=1, rss=390 * MIB),),
        processes=(process(7, "db", 390 * MIB),),
    )
    finding = found(report)
    assert finding.confidence < 0.8
    assert "The process db (7) holds 390 MiB" in finding.text
    assert "Which of them is larger than it should be, the log cannot tell." in finding.text


def test_nobody_stands_out():
    finding = found(machine_wide(managed=800 * MIB, anon=250 * MIB, unevictable=250 * MIB, groups=()))
    assert finding.culprit is None
    assert (
        "Nobody in the report holds a third of it; the largest: locked memory (unevictable), 250 MiB." in finding.text
    )
    assert f"{800 - 500 - 154} MiB stand in no counter." in finding.text


def test_much_is_free():
    finding = found(machine_wide(managed=800 * MIB, free=480 * MIB, order=3))
    assert finding.culprit is None
    assert "Yet 480 MiB of 800 MiB were free" in finding.text
    assert "8 pages in a row" in finding.text


def test_who_asked_last_may_be_innocent():
    asked = Trace(title="Call Trace", line=100, frames=(frame("dump_stack"), frame("ring_keep", "ring")))
    finding = found(machine_wide(slab_unreclaimable=800 * MIB), traces=(asked,))
    assert "came from ring_keep() of the module ring, which may be innocent of it" in finding.text
    assert finding.culprit is not None
    assert (finding.culprit.module, finding.culprit.function) == (None, None)


def test_a_kernel_that_counts_allocations_names_the_function():
    places = (
        OomAllocation(bytes=700 * MIB, calls=9, function="alloc_slab_page", file="mm/slub.c", source_line=1, line=160),
        OomAllocation(
            bytes=650 * MIB, calls=9, function="ring_keep", file="ring.c", source_line=12, module="ring", line=161
        ),
    )
    finding = found(machine_wide(allocations=places, unaccounted=900 * MIB))
    assert finding.culprit == Culprit(module="ring", function="ring_keep", file="ring.c", line=12)


def test_who_asked_last_is_no_news_where_it_holds_the_memory():
    groups = (OomGroup(comm="sh", count=9, rss=690 * MIB),)
    assert "asked last" not in found(machine_wide(anon=700 * MIB, groups=groups)).text


def test_a_control_group_at_its_limit():
    report = OomReport(
        constraint="memcg",
        memcg="/pod",
        memcg_usage=512 * MIB,
        memcg_limit=512 * MIB,
        processes=(process(7, "java", 900 * MIB),),
        groups=(OomGroup(comm="java", count=1, rss=900 * MIB),),
        killed=process(7, "java", 500 * MIB),
        kills=1,
    )
    finding = found(report)
    assert (
        "The control group /pod used up the memory that it may have. It used 512 MiB of the 512 MiB that its limit"
        in finding.text
    )
    assert finding.title == "the process java (7) holds 100% of the memory of its control group"
    assert "The kernel killed java (7), which had 500 MiB." in finding.text


def test_a_kill_is_all_that_is_left():
    finding = found(OomReport(constraint="global", killed=process(7, "db", 7 * GIB), kills=1))
    assert finding.culprit is None
    assert "The kernel killed db (7), which had 7.00 GiB." in finding.text


def test_a_name_that_an_attacker_chose_is_no_command():
    groups = (OomGroup(comm="$(reboot)", count=1, rss=690 * MIB),)
    finding = found(machine_wide(anon=700 * MIB, groups=groups))
    assert not any("reboot" in (step.command or "") for step in finding.next)


def test_the_dump_goes_deeper():
    report = machine_wide(slab_unreclaimable=800 * MIB)
    memory = Memory(total=GIB, processes=(ProcessMemory(pid=1, comm="init", resident=MIB),))
    crash = facts(oops("out-of-memory", function=None, module=None, oom=report), machine=machine(memory=memory))
    diagnosis = diagnose(crash)
    assert diagnosis is not None
    assert next(f for f in diagnosis.findings if f.id == "memory-ran-out").culprit is None


def test_a_container_that_was_killed_before_a_crash_is_not_its_cause():
    report = OomReport(constraint="memcg", memcg="/pod")
    killed = oops("memcg-out-of-memory", function=None, module=None, line=10, pid=50, comm="java", oom=report)
    crash = oops("null-dereference", address=address("null-offset", 0x18, "NULL + 0x18", 0x18))
    diagnosis, alone = diagnose(facts(killed, crash)), diagnose(facts(crash))
    assert diagnosis is not None
    assert alone is not None
    assert diagnosis.verdict.crash_class == "logic-bug"
    assert diagnosis.verdict.confidence == alone.verdict.confidence


UID = "0d5f4a2e-1b3c-4d5e-8f90-123456789abc"


@pytest.mark.parametrize(
    ("path", "whose", "command"),
    [
        (f"/kubepods/burstable/pod{UID}/{'ab' * 32}", f"the container abababababab{'a'} of the pod {UID}", UID),
        (
            f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID.replace('-', '_')}.slice"
            f"/cri-containerd-{'cd' * 32}.scope",
            f"the container cdcdcdcdcdcd{'c'} of the pod {UID}",
            "kubectl describe pod POD",
        ),
        (f"/kubepods/besteffort/pod{UID}", f"the pod {UID}", "kubectl get pods -A"),
        ("/kubepods.slice/pod1", "pods of Kubernetes", "kubectl describe node"),
        (f"/docker/{'12' * 32}", "the container 1212121212121", "docker inspect"),
        (f"/machine.slice/libpod-{'34' * 32}.scope", "the container 3434343434343", "inspect"),
        ("/system.slice/postgresql@15-main.service", "unit postgresql@15-main.service", "systemctl show -p MemoryMax"),
        ("/user.slice/user-1000.slice/session-3.scope", "unit session-3.scope", "MemoryMax"),
    ],
)
def test_whose_control_group_it_is(path: str, whose: str, command: str) -> None:
    report = OomReport(constraint="memcg", memcg=path, memcg_usage=512 * MIB, memcg_limit=512 * MIB)
    finding = found(report)
    assert whose in finding.text
    assert "It used 512 MiB of the 512 MiB that its limit allows" in finding.text
    assert any(command in (step.command or "") for step in finding.next)
    assert any(f"/sys/fs/cgroup{path}" in (step.command or "") for step in finding.next)
    # What is told of the machine leads away from it.
    assert not any("sar -r" in (step.command or "") for step in finding.next)


def test_a_group_of_whom_nobody_knows() -> None:
    finding = found(OomReport(constraint="memcg", memcg="/a b;rm -rf ~"))
    assert "The group is that of" not in finding.text
    assert [step.command.partition(" && ")[0] for step in finding.next if step.command] == [
        "cd '/sys/fs/cgroup/a b;rm -rf ~'"
    ]


def test_the_machine_is_looked_at_where_it_ran_out() -> None:
    assert any("sar -r" in (step.command or "") for step in found(machine_wide(anon=700 * MIB)).next)
