"""Whole reports, from the lines to the decoded fields."""

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from lastwords.klog.oopses import find_oopses
from lastwords.model import Oops, Record


def read(text: str) -> Oops:
    records = [Record(number, line) for number, line in enumerate(text.strip("\n").split("\n"), 1)]
    return find_oopses(records, range(len(records)))[0]


X86 = """
BUG: kernel NULL pointer dereference, address: 0000000000000018
#PF: supervisor read access in kernel mode
#PF: error_code(0x0000) - not-present page
PGD 0 P4D 0
Oops: 0000 [#1] PREEMPT SMP PTI
CPU: 1 PID: 412 Comm: cat Tainted: G           OE      6.1.0-18-amd64 #1  Debian 6.1.76-1
Hardware name: QEMU Standard PC (i440FX + PIIX, 1996), BIOS 1.16.2-debian-1.16.2-1 04/01/2014
RIP: 0010:ring_bind+0x12/0x30 [lab]
Code: 00 00 0f 1f 44 00 00 55 48 89 e5 53 48 89 fb e8 aa bb cc dd <48> 8b 40 18 5b 5d c3
RSP: 0018:ffffc90000f5fbc0 EFLAGS: 00010246
RAX: 0000000000000000 RBX: ffff888012345678 RCX: 0000000000000000
RDX: 0000000000000000 RSI: 0000000000000000 RDI: ffff888012345678
RBP: ffffc90000f5fbc8 R08: 0000000000000000 R09: 0000000000000000
R10: 0000000000000000 R11: 0000000000000000 R12: 0000000000000000
R13: 0000000000000000 R14: 0000000000000000 R15: 0000000000000000
FS:  00007f70cf831700(0000) GS:ffff8880ae900000(0000) knlGS:0000000000000000
CS:  0010 DS: 0000 ES: 0000 CR0: 0000000080050033
CR2: 0000000000000018 CR3: 0000000098245000 CR4: 00000000001426e0
Call Trace:
 <TASK>
 vfs_read+0x12/0x300
 do_syscall_64+0x5b/0xc0
 entry_SYSCALL_64_after_hwframe+0x64/0xce
RIP: 0033:0x7f12
Code: 00 00 <48> 3d 01 f0 ff ff
 </TASK>
Modules linked in: lab(OE) nf_tables [last unloaded: old]
---[ end trace 0000000000000000 ]---
"""


def test_x86():
    oops = read(X86)
    assert oops.architecture == "x86_64"
    assert oops.context == "task"
    assert oops.hypervisor == "QEMU"
    assert [t.letter for t in oops.taints] == ["O", "E"]
    assert [(m.name, m.flags) for m in oops.modules] == [("lab", "OE"), ("nf_tables", ""), ("old", "")]
    assert oops.error_code is not None
    assert oops.error_code.meaning == ("read", "from kernel mode", "no page is mapped there")
    assert oops.address is not None
    assert (oops.address.kind, oops.address.offset, oops.address.sure) == ("null-offset", 0x18, True)
    assert oops.code is not None
    assert oops.code.operand is not None
    assert oops.code.operand.agrees
    assert next(i.text for i in oops.code.instructions if i.faulting) == "mov rax, qword ptr [rax + 0x18]"


def test_error_pointer():
    text = X86.replace("RAX: 0000000000000000", "RAX: fffffffffffffff4").replace("0000000000000018", "000000000000000c")
    oops = read(text)
    assert oops.address is not None
    assert (oops.address.kind, oops.address.offset) == ("err-ptr", 0x18)


def test_code_of_user_mode_is_not_taken():
    lines = X86.split("\n")
    without = "\n".join(line for line in lines if not line.startswith("Code: 00 00 0f"))
    assert read(without).code is None


def test_nothing_is_made_of_a_headline_alone():
    oops = read("BUG: kernel NULL pointer dereference, address: 0000000000000018")
    assert (oops.architecture, oops.address, oops.error_code, oops.code) == (None, None, None, None)
    assert (oops.taints, oops.modules, oops.context, oops.hypervisor) == ((), (), None, None)


ARM64 = """
Unable to handle kernel NULL pointer dereference at virtual address 0000000000000008
Mem abort info:
  ESR = 0x0000000096000044
  EC = 0x25: DABT (current EL), IL = 32 bits
  FSC = 0x04: level 0 translation fault
Data abort info:
  CM = 0, WnR = 1, TnD = 0, TagAccess = 0
[0000000000000008] pgd=0000000000000000, p4d=0000000000000000
Internal error: Oops: 0000000096000044 [#1] SMP
Modules linked in: lab(O)
CPU: 1 UID: 0 PID: 42 Comm: cat Tainted: G           O       6.12.28 #1
Tainted: [O]=OOT_MODULE
Hardware name: linux,dummy-virt (DT)
pstate: 61400005 (nZCv daif +PAN -UAO -TCO +DIT -SSBS BTYPE=--)
pc : ring_bind+0x18/0x38 [lab]
lr : ring_open+0x88/0x8c [lab]
sp : ffff8000803c3ae0
x29: ffff8000803c3ae0 x28: ffff261db16aea00 x27: 0000000000000000
x2 : 0000000000000000 x1 : 0000000000000001 x0 : 0000000000000000
Call trace:
 ring_bind+0x18/0x38 [lab] (P)
 vfs_open+0x88/0x8c
 el0_svc+0x30/0xe0
 el0t_64_sync+0x1a4/0x1a8
Code: d503201f aa0003f3 a9bf7bfd 910003fd (f9000401)
---[ end trace 0000000000000000 ]---
"""


def test_arm64():
    oops = read(ARM64)
    assert (oops.architecture, oops.context) == ("arm64", "task")
    assert oops.error_code is not None
    assert oops.error_code.meaning[:2] == ("data abort from kernel mode", "write")
    assert oops.address is not None
    assert (oops.address.kind, oops.address.offset, oops.address.sure) == ("null-offset", 8, True)
    assert oops.code is not None
    assert oops.code.operand is not None
    assert (oops.code.operand.write, oops.code.operand.agrees) == (True, True)


PPC64 = """
BUG: Kernel NULL pointer dereference on read at 0x00000018
Faulting instruction address: 0xc000000000353484
Oops: Kernel access of bad area, sig: 11 [#1]
LE PAGE_SIZE=64K MMU=Hash SMP NR_CPUS=2048 NUMA pSeries
Modules linked in: lab(O)
CPU: 24 PID: 3409 Comm: sshd Not tainted 5.15.0 #36
NIP:  c000000000353484 LR: c00000000033720c CTR: c00000000032d280
REGS: c000003fdce376f0 TRAP: 0300   Not tainted  (5.15.0)
MSR:  9000000000009033 <SF,HV,EE,ME,IR,DR,RI,LE>  CR: 24002828  XER: 20040000
CFAR: c000000000337208 DAR: 0000000000000018 DSISR: 40000000 IRQMASK: 1
GPR00: c00000000033720c c000003fdce37970 c0000000016eb000 0000000000000000
NIP [c000000000353484] ring_bind+0x24/0x80 [lab]
LR [c00000000033720c] vfs_open+0x4c/0x80
Call Trace:
[c000003fdce37970] [c00000000033720c] vfs_open+0x4c/0x80
[c000003fdce37e20] [c00000000000b288] system_call+0x5c/0x70
Instruction dump:
60000000 60000000 7c0802a6 f8010010 38600000 60000000 60000000 60000000
7c0802a6 f8010010 60000000 60000000 <e9230018> 7d2903a6 4e800421 60000000
---[ end trace 0000000000000000 ]---
"""


def test_powerpc():
    oops = read(PPC64)
    assert (oops.architecture, oops.context) == ("ppc64", "task")
    assert oops.error_code is not None
    assert oops.error_code.meaning == ("read", "no page is mapped there")
    assert oops.address is not None
    assert oops.address.offset == 0x18
    assert oops.code is not None
    assert len(oops.code.instructions) == 16
    assert oops.code.operand is not None
    assert oops.code.operand.agrees


S390 = """
Unable to handle kernel pointer dereference in virtual kernel address space
Failing address: 0000000000000000 TEID: 0000000000000483
Fault in home space mode while using kernel ASCE.
Oops: 0004 ilc:3 [#1] SMP
Modules linked in: lab(O)
CPU: 0 PID: 1034 Comm: cat Tainted: G           O      5.14.0 #1
Hardware name: IBM 3906 M04 704 (z/VM 6.4.0)
Krnl PSW : 0704c00180000000 000003ff80004a5e (ring_bind+0x1e/0x40 [lab])
           R:0 T:1 IO:1 EX:1 Key:0 M:1 W:0 P:0 AS:3 CC:0 PM:0 RI:0 EA:3
Krnl GPRS: 0000000000000000 0000000000000000 0000000000000000 0000000000000001
           0000000000000000 0000000000000000 0000000000000000 0000000000000000
           0000000000000000 0000000000000000 0000000000000000 0000000000000000
           0000000000000000 0000000000000000 000003ff80004a40 00000000aa2c75d0
Krnl Code: 000003ff80004a4e: c0f4000012aa\tbrcl\t15,000003ff80006fa2
           000003ff80004a54: c0100000d2f4\tlarl\t%r1,000003ff8001f03c
          #000003ff80004a5a: a7190001\t\tlghi\t%r1,1
          >000003ff80004a5e: e31020080024\tstg\t%r1,8(%r2)
           000003ff80004a64: 07fe\t\tbcr\t15,%r14
Call Trace:
 [<000003ff80004a5e>] ring_bind+0x1e/0x40 [lab]
 [<00000000aa2c75d0>] vfs_open+0x1e/0x40
 [<00000000aa2c95d0>] system_call+0x2a6/0x2c8
Last Breaking-Event-Address:
 [<000003ff80004a40>] ring_bind+0x0/0x40 [lab]
---[ end trace 0000000000000000 ]---
"""


def test_s390():
    oops = read(S390)
    assert (oops.architecture, oops.hypervisor) == ("s390x", "z/VM")
    assert oops.error_code is not None
    assert oops.error_code.value == 4
    assert oops.address is not None
    # The page of the report, and within it where the instruction pointed.
    assert (oops.address.kind, oops.address.offset) == ("null-offset", 8)
    assert oops.code is not None
    assert oops.code.operand is not None
    assert (oops.code.operand.address, oops.code.operand.write, oops.code.operand.agrees) == (8, True, True)


_ROW = "           " + " ".join(["0" * 16] * 4)
UNALIGNED = (
    S390[S390.index("Modules linked in") :]
    .replace("a7190001\t\tlghi\t%r1,1", "ba13b058\t\tcs\t%r1,%r3,88(%r11)")
    .replace(f"{_ROW}\n{_ROW}", f"{_ROW}\n{_ROW[:-16]}ffffffffffffffef")
)


def test_s390_does_not_report_an_unaligned_address():
    """The operand shows it: compare and swap wants a word's alignment."""
    oops = read("specification exception: 0006 ilc:2 [#1] SMP\n" + UNALIGNED)
    assert oops.kind == "program-check"
    assert oops.address is not None
    assert (oops.address.kind, oops.address.offset) == ("err-ptr", 0x58)
    assert "-EEXIST" in oops.address.text


def test_s390_says_kernel_bug_before_any_program_check():
    text = (
        "Kernel BUG at 00000000002b0362 [verbose debug info unavailable]\naddressing exception: 0005 ilc:3 [#1] SMP\n"
    )
    assert read(text + UNALIGNED).kind == "program-check"
    assert read(text.replace("addressing exception: 0005", "monitor event: 0040") + UNALIGNED).kind == "kernel-bug"
    assert read(text).architecture == "s390x"


def test_arm64_leaves_the_highest_byte_of_poison_out():
    oops = read("""
Unable to handle kernel paging request at virtual address 006b6b6b6b6b6b9b
  ESR = 0x96000004
Internal error: Oops: 96000004 [#1] PREEMPT SMP
CPU: 0 PID: 1 Comm: swapper/0 Not tainted 5.12.0 #1
pc : clk_release+0x24/0x138
lr : clk_release+0x24/0x138
sp : ffff80001326bac0
x19: 6b6b6b6b6b6b6b6b x18: 0000000000000010
Call trace:
 clk_release+0x24/0x138
 ret_from_fork+0x10/0x30
Code: aa0003f3 b140041f 54000788 97fff3a7 (f9401a60)
""")
    assert oops.address is not None
    assert (oops.address.kind, oops.address.offset, oops.address.sure) == ("poison", 0x30, True)


def case(name: str) -> Oops:
    text = (Path(__file__).parents[1] / "cases" / name).read_text()
    return read(re.sub(r"(?m)^\[[ \d.]+\] ", "", text.partition("\n\n")[2]))


def test_s390_jumped_to_null():
    oops = case("fault/jump-to-null-s390x-4.18.log")
    assert oops.address is not None
    assert (oops.address.kind, oops.address.text) == ("null", "NULL: a call through a NULL function pointer")
    assert oops.code is not None
    assert oops.code.instructions == ()
    # The last branch is no caller of the interrupt's entry.
    assert [frame.function for frame in oops.traces[0].frames] == ["net_rx_action", "__do_softirq", "irq_exit"]


def test_arm64_external_abort():
    """An exception like others, though the hardware's fault: with a syndrome and the register of the device."""
    oops = case("hardware/external-abort-in-accessor-arm64-5.10.log")
    assert oops.error_code is not None
    assert oops.error_code.meaning == ("data abort from kernel mode", "read", "synchronous external abort")
    assert oops.code is not None
    assert oops.code.operand is not None
    assert oops.code.operand.address == 0xFFFFFFC010D00000


def test_arm64_serror():
    oops = read("SError Interrupt on CPU5, code 0x00000000bf000002 -- SError\npstate: 60000005 (nZCv daif)\n")
    assert oops.error_code is not None
    assert oops.error_code.meaning == ("SError: asynchronous, often hardware",)


def test_arm64_full_stack():
    oops = read(
        "Insufficient stack space to handle exception!\n"
        "ESR: 0x0000000096000047 -- DABT (current EL)\n"
        "FAR: 0xffff800084927fe0\n"
        "CPU: 6 PID: 747 Comm: cat Tainted: G S 6.16.0 #7\n"
        "pc : ring_bind+0x4/0x1f4 [lab]\n"
        "Call trace:\n ring_bind+0x4/0x1f4 [lab]\n ring_open+0x4/0x1f4 [lab]\n"
    )
    assert oops.error_code is not None
    assert "write" in oops.error_code.meaning
    assert oops.address is not None
    assert oops.address.value == 0xFFFF800084927FE0


def test_ppc_debugger():
    oops = case("fault/paging-request-ppc64-xmon-2.6.log")
    assert (oops.cpu, oops.pid, oops.comm) == (1, 4330, "bash")
    assert oops.error_code is not None
    assert oops.error_code.meaning == ("write", "no page is mapped there")


def test_sparc64():
    oops = case("fault/null-dereference-sparc64-6.17.log")
    assert (oops.architecture, oops.registers["g3"]) == ("sparc64", 0xFFF0000012178B28)
    assert [frame.function for frame in oops.traces[0].frames][-1] == "linux_sparc_syscall"
    assert len(oops.traces) == 1
    assert oops.code is not None
    assert oops.code.operand is not None
    assert oops.code.operand.text == "[%g1+0x118]"
    # The headline does not say where.
    assert oops.address is not None
    assert (oops.address.kind, oops.address.value) == ("null-offset", 0x118)
    old = case("fault/illegal-instruction-sparc64-2.6.log")
    assert (old.pid, old.comm) == (51, "ifconfig")
    assert [frame.function for frame in old.traces[0].frames][:2] == ["hme_open", "dev_open"]


def test_other_architectures():
    parisc = case("fault/paging-request-parisc-6.0.log")
    assert (parisc.architecture, parisc.registers["iaoq"], parisc.registers["r6"]) == ("parisc", 0x102BCE5C, 0x92820)
    assert parisc.address is not None
    assert parisc.address.value == 0x2C
    alpha = case("fault/paging-request-alpha-5.4.log")
    assert (alpha.architecture, alpha.registers["t10"]) == ("alpha", 0xFFFFFC0007D12068)
    assert (alpha.pid, alpha.comm) == (45, "kworker/0:1H")
    assert alpha.code is not None
    assert [i.text for i in alpha.code.instructions if i.faulting] == [".word 0xb4100000"]
    assert "no disassembler" in alpha.code.note
    m68k = case("fault/paging-request-m68k-5.10.log")
    assert (m68k.architecture, m68k.pid, m68k.registers["a0"]) == ("m68k", 73, 0x2B28F6)
    assert m68k.code is not None
    assert [i.text for i in m68k.code.instructions if i.faulting] == ["move.l $4(a1), d4"]
    arc = case("fault/paging-request-arc-4.19.log")
    assert (arc.architecture, arc.registers["r02"]) == ("arc", 0x8B5C003C)
    assert arc.address is not None
    assert (arc.address.kind, arc.address.offset) == ("null-offset", 0x20)


ARM_ABORT = """
Unhandled fault: imprecise external abort (0x1406) at 0x00000000
Internal error: : 1406 [#1] SMP ARM
Modules linked in: lab(+)
CPU: 0 PID: 53 Comm: kworker/0:1
Hardware name: Generic DT based system
PC is at ring_reset+0x94/0x110 [lab]
LR is at ring_probe+0x40/0x2dc [lab]
Process kworker/0:1 (pid: 53, stack limit = 0xc1546210)
[<bf05c231>] (ring_reset [lab]) from [<bf05c270>] (ring_probe+0x10/0x67c [lab])
[<bf05c270>] (ring_probe [lab]) from [<c05cfaa0>] (platform_drv_probe+0x48/0x9c)
"""


def test_an_abort_that_came_late_has_no_address():
    oops = read(ARM_ABORT)
    assert (oops.kind, oops.function) == ("unhandled-fault", "ring_reset")
    assert oops.error_code is not None
    assert "asynchronous external abort" in oops.error_code.meaning
    assert oops.address is None
    # A line that is cut off, or folded by a mail program, still tells the task.
    assert (oops.cpu, oops.pid, oops.comm) == (0, 53, "kworker/0:1")
    cut = read(ARM_ABORT.replace("CPU: 0 PID: 53 Comm: kworker/0:1\n", ""))
    assert (cut.pid, cut.comm) == (53, "kworker/0:1")


MIPS = """
CPU 0 Unable to handle kernel paging request at virtual address fffffff0, epc == 8003ab3c, ra == 80036f64
Oops[#1]:
CPU: 0 PID: 172 Comm: kworker/0:1 Not tainted 4.14.0 #6
$ 0   : 00000000 00000001 00000000 a25b0831
$ 4   : 878e1360 00000000 ffd23940 00000003
$ 8   : a288cef1 00000001 00000003 000a0008
$12   : 0000001a 00000013 0000000e 00000007
$16   : 00000000 00000001 80370000 00000001
$20   : 878e155c 80373630 80373630 80373630
$24   : 00000001 80041714
$28   : 8797a000 8797bc68 00000010 80036f64
Hi    : 00000009
Lo    : 9b49a300
epc   : 8003ab3c kthread_data+0x4/0xc
ra    : 80036f64 wq_worker_sleeping+0x14/0xbc
Status: 1100e402 KERNEL EXL
Cause : 80800008
BadVA : fffffff0
PrId  : 00019655 (MIPS 24KEc)
Modules linked in: lab
Process kworker/0:1 (pid: 172, threadinfo=8797a000, task=878e1360, tls=00000000)
Call Trace:
[<8003ab3c>] kthread_data+0x4/0xc
[<80036f64>] wq_worker_sleeping+0x14/0xbc
Code: 03e00008  24020001  8c4201d4 <8c42fff0> 03e00008  00000000
---[ end trace 0000000000000000 ]---
"""


def test_mips():
    oops = read(MIPS)
    assert oops.architecture == "mips"
    assert oops.error_code is not None
    assert oops.error_code.meaning == ("read or instruction fetch: no page is mapped there",)
    assert oops.address is not None
    # The register shows that it is not ERR_PTR(-16).
    assert (oops.address.kind, oops.address.offset) == ("null-offset", -16)
    assert oops.code is not None
    assert oops.code.operand is not None
    assert oops.code.operand.agrees


def test_mips_unaligned():
    """No headline names the address: the register does."""
    text = (
        MIPS[MIPS.index("CPU: 0 PID") :].replace("80800008", "00800010").replace("BadVA : fffffff0", "BadVA : 5a5a5a5b")
    )
    oops = read("Unhandled kernel unaligned access[#1]:\n" + text)
    assert oops.kind == "unhandled-exception"
    assert oops.address is not None
    assert oops.address.value == 0x5A5A5A5B


def test_old_mips_names_the_cpu_and_the_task_elsewhere():
    oops = read(MIPS.replace("CPU: 0 PID: 172 Comm: kworker/0:1 Not tainted 4.14.0 #6", "Cpu 1"))
    assert (oops.cpu, oops.pid, oops.comm) == (1, 172, "kworker/0:1")


OLD_PPC = """
Oops: kernel access of bad area, sig: 11 [#1]
NIP: C00CEC90 LR: C00CEC64 SP: EF8F3BE0 REGS: ef8f3b30 TRAP: 0300    Not tainted
MSR: 00009032 EE: 1 PR: 0 FP: 0 ME: 1 IR/DR: 11
DAR: 00000010, DSISR: 40000000
TASK = c12966a0[805] 'modprobe' THREAD: ef8f2000
Last syscall: 128
GPR00: 00000060 EF8F3BE0 C12966A0 F103C000 00000000 EF8F9880 00000002 EF8F3C5A
GPR24: EF8F3C5A 00000021 00000002 C12D282C 00000000 00000000 00000002 EF8F3C5A
NIP [c00cec90] ring_read+0x184/0x1c0
LR [c00cec64] ring_read+0x158/0x1c0
Call trace:
 [c00cefa0] ring_probe+0x144/0x168
"""


def test_old_ppc_prints_capitals():
    oops = read(OLD_PPC)
    assert (oops.architecture, oops.pid, oops.comm) == ("ppc", 805, "modprobe")
    assert oops.registers["r1"] == 0xEF8F3BE0
    assert oops.registers["nip"] == 0xC00CEC90


WARNING = """
WARNING: CPU: 0 PID: 12 at fs/overlayfs/dir.c:212 ovl_create_real+0x272/0x520
CPU: 0 PID: 12 Comm: cat Not tainted 6.1.0 #1
RIP: 0010:ovl_create_real+0x272/0x520
Code: 48 89 e5 <0f> 0b 48 8b 03 48 85 c0
RSP: 0018:ffffc90000f5fbc0 EFLAGS: 00010246
Call Trace:
 ovl_workdir_create+0x12/0x300
 do_syscall_64+0x5b/0xc0
---[ end trace 0000000000000000 ]---
"""


def test_source_line_of_a_warning():
    oops = read(WARNING)
    assert (oops.function, oops.file, oops.source_line) == ("ovl_create_real", "fs/overlayfs/dir.c", 212)
    assert oops.code is not None
    assert oops.code.operand is None
    assert oops.code.note.startswith("ud2")


def test_source_line_of_machinery_is_not_that_of_the_function_to_blame():
    text = WARNING.replace("ovl_create_real", "__fortify_report").replace("fs/overlayfs/dir.c", "lib/string_helpers.c")
    oops = read(text)
    assert oops.function != "__fortify_report"
    assert oops.file is None


def test_registers_of_another_task_say_nothing():
    hung = "INFO: task cat:12 blocked for more than 120 seconds.\n"
    oops = read(hung + X86.split("\n", 6)[6])
    assert oops.kind == "hung-task"
    assert (oops.code, oops.address, oops.error_code) == (None, None, None)


@given(st.lists(st.sampled_from((X86 + ARM64 + PPC64 + S390 + MIPS).split("\n")), max_size=60), st.text(max_size=40))
def test_lines_in_any_order(lines, text):
    records = [
        Record(n, line) for n, line in enumerate(["BUG: kernel NULL pointer dereference, address: 0", *lines, text], 1)
    ]
    for oops in find_oopses(records, range(len(records))):
        assert oops.title


@given(st.integers(0, len(X86)), st.integers(0, len(X86)), st.text(max_size=30))
def test_damaged_text(start, end, text):
    damaged = "BUG: kernel NULL pointer dereference, address: 0\n" + X86[:start] + text + X86[end:]
    records = [Record(n, line) for n, line in enumerate(damaged.split("\n"), 1)]
    find_oopses(records, range(len(records)))
