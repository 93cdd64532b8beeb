"""The OOM killer's report, in the wordings of a decade."""

# ruff: noqa: E501

from pathlib import Path
from typing import Any

import pytest

from lastwords.klog.inputs import find
from lastwords.klog.read import read
from lastwords.model import OomReport, Oops, from_json, to_json
from tests.klog.reading import oopses

LAB = Path(__file__).parents[2] / "lab" / "logs"
MIB = 1 << 20


def lab(name: str) -> OomReport:
    (source,) = find([str(LAB / name)])
    report = read(source).oopses[0].oom
    assert report is not None
    return report


def report(text: str) -> OomReport:
    found = oopses(text)
    assert found
    assert found[0].oom is not None
    return found[0].oom


def counters(found: OomReport, *names: str) -> list[Any]:
    return [getattr(found, name) for name in names]


def test_leak_in_a_slab_cache():
    found = lab("6.1/leak-kills-bystander.log")
    assert (found.constraint, found.gfp, found.order) == ("global", "0x40cc0(GFP_KERNEL|__GFP_COMP)", 0)
    assert counters(found, "page_size", "total", "managed") == [4096, 65406 * 4096, (65406 - 9559) * 4096]
    assert counters(found, "anon", "shmem", "file", "free") == [
        (521 + 15489 - 562) * 4096,
        562 * 4096,
        0,
        (593 + 254) * 4096,
    ]
    assert counters(found, "slab_unreclaimable", "kernel_stack", "swap_total") == [34764 * 4096, 956 * 1024, 0]
    # Seven reports, one after the other: the tables are the first one's.
    (largest, *others) = found.slabs
    assert (largest.name, largest.total, largest.line) == ("kmalloc-1k", 132728 * 1024, 451)
    assert "kmalloc-1k" not in {slab.name for slab in others}
    assert found.tasks == 6
    assert found.kills == 6
    assert (found.processes[0].pid, found.processes[0].comm, found.processes[0].rss) == (98, "dd", 15613 * 4096)
    assert found.killed is not None
    assert (found.killed.pid, found.killed.comm, found.killed.rss_anon) == (98, "dd", 61500 * 1024)
    assert found.lines["slab_unreclaimable"] == 372


@pytest.mark.parametrize("kernel", ["5.10", "6.1", "6.12"])
def test_two_processes_of_one_name(kernel):
    found = lab(f"{kernel}/oom-panic.log")
    assert found.groups[0].comm == "tail"
    assert found.groups[0].count == 2
    assert found.groups[0].rss > 180 * MIB
    assert (found.processes[0].rss_anon is not None) == (kernel == "6.12")


def test_shared_memory_is_not_anonymous():
    found = lab("6.1/tmpfs-full.log")
    assert found.shmem == 49113 * 4096
    assert found.anon == (455 + 48741 - 49113) * 4096


LINUX_3_10 = """
    [ 9000.100000] httpd invoked oom-killer: gfp_mask=0x201da, order=0, oom_score_adj=0
    [ 9000.100002] httpd cpuset=/ mems_allowed=0
    [ 9000.100004] CPU: 1 PID: 733 Comm: httpd Not tainted 3.10.0-1160.el7.x86_64 #1
    [ 9000.100006] Call Trace:
    [ 9000.100007]  [<ffffffff81781340>] dump_stack+0x19/0x1b
    [ 9000.100008]  [<ffffffff8177bc60>] dump_header+0x90/0x229
    [ 9000.100010] Mem-Info:
    [ 9000.100011] Node 0 DMA per-cpu:
    [ 9000.100012] CPU    0: hi:    0, btch:   1 usd:   0
    [ 9000.100013] active_anon:200000 inactive_anon:1000 isolated_anon:0
     active_file:10 inactive_file:20 isolated_file:0
     unevictable:7 dirty:0 writeback:0 unstable:0
     free:3000 slab_reclaimable:500 slab_unreclaimable:40000
     mapped:100 shmem:900 pagetables:800 bounce:0
     free_cma:0
    [ 9000.100020] Node 0 DMA free:4096kB min:100kB present:15992kB managed:15908kB kernel_stack:64kB pagetables:8kB
    [ 9000.100021] lowmem_reserve[]: 0 990 990 990
    [ 9000.100022] Node 0 DMA32 free:7904kB min:3000kB present:1032000kB managed:1000000kB kernel_stack:2000kB
    [ 9000.100023] Node 0 DMA: 1*4kB (U) 1*8kB (U) = 12kB
    [ 9000.100024] Node 0 hugepages_total=8 hugepages_free=3 hugepages_surp=0 hugepages_size=2048kB
    [ 9000.100025] 1930 total pagecache pages
    [ 9000.100026] Free swap  = 12kB
    [ 9000.100027] Total swap = 1048572kB
    [ 9000.100028] 262045 pages RAM
    [ 9000.100029] 0 pages HighMem/MovableOnly
    [ 9000.100030] 8000 pages reserved
    [ 9000.100031] [ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name
    [ 9000.100032] [  700]     0   700    21000      120      45      230         -1000 sshd
    [ 9000.100033] [  733]    48   733   500000   150000     900    40000             0 httpd
    [ 9000.100034] [  734]    48   734   500000    50000     900    40000             0 httpd
    [ 9000.100035] Out of memory: Kill process 733 (httpd) score 612 or sacrifice child
    [ 9000.100036] Killed process 735 (cgi), UID 48, total-vm:2000000kB, anon-rss:600000kB, file-rss:12kB, shmem-rss:8kB
"""


def test_linux_3_10():
    found = report(LINUX_3_10)
    assert counters(found, "constraint", "gfp", "order", "page_size") == ["global", "0x201da", 0, 4096]
    assert counters(found, "total", "managed") == [262045 * 4096, 254045 * 4096]
    assert counters(found, "anon", "file", "unevictable", "free") == [200100 * 4096, 30 * 4096, 7 * 4096, 3000 * 4096]
    assert counters(found, "slab_reclaimable", "slab_unreclaimable") == [500 * 4096, 40000 * 4096]
    assert counters(found, "page_tables", "kernel_stack") == [800 * 4096, 2064 * 1024]
    assert counters(found, "hugepages", "hugepages_free") == [16 * MIB, 6 * MIB]
    assert counters(found, "swap_free", "swap_total") == [12 * 1024, 1048572 * 1024]
    assert [(row.pid, row.swap, row.oom_score_adj) for row in found.processes] == [
        (733, 40000 * 4096, 0),
        (734, 40000 * 4096, 0),
        (700, 230 * 4096, -1000),
    ]
    assert next((group.comm, group.count, group.rss) for group in found.groups) == ("httpd", 2, 200000 * 4096)
    # Announced was another than that which died.
    assert found.killed is not None
    assert (found.killed.pid, found.killed.comm, found.killed.rss) == (735, "cgi", 600020 * 1024)
    assert found.kills == 1


def test_control_group_of_linux_4():
    found = report("""
        [  100.000000] java invoked oom-killer: gfp_mask=0x14000c0(GFP_KERNEL), nodemask=(null),  order=0, oom_score_adj=0
        [  100.000001] java cpuset=/ mems_allowed=0
        [  100.000002] CPU: 0 PID: 77 Comm: java Not tainted 4.14.0 #1
        [  100.000003] Call Trace:
        [  100.000004]  dump_stack+0x5c/0x7c
        [  100.000005] Task in /docker/abc killed as a result of limit of /docker
        [  100.000006] memory: usage 65536kB, limit 65536kB, failcnt 30
        [  100.000007] memory+swap: usage 65536kB, limit 9007199254740988kB, failcnt 0
        [  100.000008] kmem: usage 512kB, limit 9007199254740988kB, failcnt 0
        [  100.000009] Memory cgroup stats for /docker: cache:0KB rss:4096KB rss_huge:0KB shmem:0KB swap:0KB
        [  100.000010] Memory cgroup stats for /docker/abc: cache:16KB rss:60000KB rss_huge:0KB shmem:16KB unevictable:0KB
        [  100.000011] [ pid ]   uid  tgid total_vm      rss nr_ptes nr_pmds swapents oom_score_adj name
        [  100.000012] [   77]     0    77    50000    15000      60       4        0             0 java
        [  100.000013] Memory cgroup out of memory: Kill process 77 (java) score 900 or sacrifice child
        [  100.000014] Killed process 77 (java) total-vm:200000kB, anon-rss:60000kB, file-rss:0kB, shmem-rss:16kB
    """)
    assert counters(found, "constraint", "memcg", "memcg_usage", "memcg_limit") == [
        "memcg",
        "/docker",
        64 * MIB,
        64 * MIB,
    ]
    assert counters(found, "gfp", "order") == ["0x14000c0(GFP_KERNEL)", 0]
    assert counters(found, "anon", "shmem", "file", "total") == [64096 * 1024, 16 * 1024, 0, None]
    assert found.processes[0].rss == 15000 * 4096


def test_control_group_of_linux_6():
    found = report("""
        [  100.000000] worker invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0
        [  100.000002] CPU: 0 UID: 0 PID: 77 Comm: worker Not tainted 6.12.0 #1
        [  100.000003] Call Trace:
        [  100.000004]  dump_stack_lvl+0x5c/0x7c
        [  100.000006] memory: usage 65536kB, limit 65536kB, failcnt 30
        [  100.000007] swap: usage 0kB, limit 9007199254740988kB, failcnt 0
        [  100.000009] Memory cgroup stats for /a b/pod:
        [  100.000010] anon 1048576
        [  100.000010] file 62914560
        [  100.000010] kernel_stack 65536
        [  100.000010] shmem 62910464
        [  100.000010] slab_unreclaimable 12345
        [  100.000011] Tasks state (memory values in pages):
        [  100.000012] [  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name
        [  100.000013] [     77]     0    77    50000    15000      250        0     14750      60000        0             0 web worker
        [  100.000014] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=0,2,cpuset=/,mems_allowed=0,2,oom_memcg=/a b/pod,task_memcg=/a b/pod/c,task=web worker,pid=77,uid=0
        [  100.000015] Memory cgroup out of memory: Killed process 77 (web worker) total-vm:200000kB, anon-rss:1000kB, file-rss:0kB, shmem-rss:59000kB, UID:0 pgtables:58kB oom_score_adj:0
    """)
    assert counters(found, "constraint", "memcg") == ["memcg", "/a b/pod"]
    assert counters(found, "anon", "shmem", "file") == [MIB, 62910464, 4096]
    assert counters(found, "kernel_stack", "slab_unreclaimable") == [65536, 12345]
    row = found.processes[0]
    assert (row.comm, row.rss_anon, row.rss_shmem) == ("web worker", 250 * 4096, 14750 * 4096)


def test_pages_of_64_kilobytes():
    found = report("""
        [  100.000000] sh invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0
        [  100.000001] CPU: 0 PID: 77 Comm: sh Not tainted 5.14.0-70.el9.aarch64 #1
        [  100.000002] Mem-Info:
        [  100.000003] active_anon:100 inactive_anon:1000 isolated_anon:0
        [  100.000004] Node 0 DMA: 3*64kB (U) 0*128kB = 192kB
    """)
    assert found.page_size == 65536
    assert found.anon == 1100 * 65536


def test_pages_of_a_size_that_is_not_known():
    found = report("""
        [  100.000000] sh invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0
        [  100.000001] CPU: 0 PID: 77 Comm: sh Not tainted 5.14.0-70.el9.aarch64 #1
        [  100.000002] Mem-Info:
        [  100.000003] active_anon:100 inactive_anon:1000 isolated_anon:0
        [  100.000004] Total swap = 12kB
    """)
    assert (found.page_size, found.anon, found.swap_total) == (None, None, 12 * 1024)


def test_who_allocated():
    found = report("""
        [  100.000000] sh invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0
        [  100.000002] Mem-Info:
        [  100.000003] Memory allocations:
        [  100.000004]     27.9 MiB     7143 mm/slub.c:2424 func:alloc_slab_page
        [  100.000005]      1.5 GiB     6000 drivers/ring/main.c:12 [ring] func:ring_fill
    """)
    assert [(place.function, place.module, place.source_line) for place in found.allocations] == [
        ("alloc_slab_page", "", 2424),
        ("ring_fill", "ring", 12),
    ]
    assert found.allocations[1].bytes == 3 << 29


def test_only_the_kill_is_left():
    found = report(
        "[  184.5] Out of memory: Killed process 7 (db) total-vm:9kB, anon-rss:7kB, file-rss:1kB, shmem-rss:0kB"
    )
    assert found.killed is not None
    assert (found.constraint, found.killed.rss, found.kills) == ("global", 8 * 1024, 1)


def test_the_line_above_the_kill_says_why():
    found = report("""
        [  184.4] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/pod,task_memcg=/pod/c,task=db,pid=7,uid=0
        [  184.5] Memory cgroup out of memory: Killed process 7 (db) total-vm:9kB, anon-rss:7kB, file-rss:1kB, shmem-rss:0kB
    """)
    assert (found.constraint, found.memcg) == ("memcg", "/pod")


def test_another_crash_has_none():
    (found,) = oopses("[    1.0] BUG: kernel NULL pointer dereference, address: 0000000000000010\n[    1.1] Mem-Info:")
    assert found.oom is None


@pytest.mark.parametrize(
    "line",
    [
        "[  1] " + "9" * 400 + " x",
        "[   77]     0    77    50000    [ 12.0] usb 1-1: new device   60000        0             0 web",
        "active_anon:" + "9" * 30 + " inactive_anon:999999999999999",
        "999999999999999 pages RAM",
        "Node 0 hugepages_total=999999999999 hugepages_free=1 hugepages_surp=0 hugepages_size=999999999999kB",
        "kmalloc-1k  999999999999999KB  999999999999999KB",
        "memory: usage 999999999999999999kB, limit 999999999999999999kB, failcnt 1",
        "anon 9999999999999999999",
        "1.1.1.1 TiB 7 a:1 func:f",
        "999999999. TiB 7 a:1 func:f",
        "Killed process 7 (" + "(" * 5000,
        "oom-kill:constraint=CONSTRAINT_" + ",oom_memcg=" * 500,
        "Task in " + "a killed as a result of limit of " * 200,
        "Memory cgroup stats for /" + "a:1KB " * 900,
    ],
)
def test_what_no_kernel_prints(line):
    text = "\n".join(
        (
            "[    1.0] sh invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
            "[    1.0] Mem-Info:",
            "[    1.0] Memory cgroup stats for /a:",
            "[    1.0] [  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
            *(f"[    1.0] {line}" for _ in range(50)),
        )
    )
    for oops in oopses(text):
        assert from_json(to_json(oops), Oops) == oops
