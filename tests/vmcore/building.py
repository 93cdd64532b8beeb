"""Small dumps of a small machine, in every format: a few dozen pages that are a kernel's as far as reading goes.

The machine is x86-64: page tables, VMCOREINFO, uts_namespace, a printk ring buffer, a stack and a module are where a
kernel has them. The writers know the formats on their own and share no code with the readers.
"""

import struct
import zlib
from dataclasses import dataclass, field

import zstandard

PAGE = 4096
START_KERNEL_MAP = 0xFFFF_FFFF_8000_0000
DIRECT_MAP = 0xFFFF_8880_0000_0000
MODULES = 0xFFFF_FFFF_C000_0000
STACK_TOP = 0x48000
RELEASE = "6.1.0-13-amd64"
BUILD_ID = "00112233445566778899aabbccddeeff00112233"
PAGES = 128

UTS, PRB, PRB_POINTER, DESCS, INFOS, TEXT = 0x5000, 0x6000, 0x6800, 0x7000, 0x8000, 0xC000
VMCOREINFO, STACK, MODULE = 0x20000, 0x44000, 0x50000
TEXT_BITS, COUNT_BITS = 13, 6

LOG = [
    "Linux version 6.1.0-13-amd64 (debian-kernel@lists.debian.org)",
    "Command line: root=/dev/vda1 quiet",
    "x86/fpu: Supporting XSAVE feature 0x001",
    "two lines\nin one record",
    "BUG: kernel NULL pointer dereference, address: 0000000000000018",
    "RIP: 0010:storage_submit+0x12/0x40 [storage]",
    "Call Trace:",
    " <TASK>",
    " storage_queue+0x40/0x80 [storage]",
    "Kernel panic - not syncing: Fatal exception",
]


@dataclass
class Machine:
    memory: bytearray
    vmcoreinfo: bytes
    notes: list[tuple[str, int, bytes]] = field(default_factory=list)
    pages: int = PAGES

    def page(self, pfn):
        return bytes(self.memory[pfn * PAGE : (pfn + 1) * PAGE])


def machine(log=LOG, first_id=0xFFFFEFFF, level5=False):
    memory = bytearray(PAGES * PAGE)
    text = vmcoreinfo_text(level5)
    memory[VMCOREINFO : VMCOREINFO + len(text)] = text
    _page_tables(memory, level5)
    for at, name in enumerate(("Linux", "testhost", RELEASE, "#1 SMP", "x86_64", "(none)")):
        memory[UTS + 4 + 65 * at : UTS + 4 + 65 * at + len(name)] = name.encode()
    ring_buffer(memory, log, first_id)
    memory[STACK : STACK + 0x4000] = bytes(range(256)) * 64
    memory[MODULE : MODULE + PAGE] = b"module! " * 512
    for pfn in range(0x60, PAGES):  # something that does not compress away
        memory[pfn * PAGE : (pfn + 1) * PAGE] = struct.pack("<Q", pfn * 0x9E3779B97F4A7C15 & (1 << 64) - 1) * 512
    return Machine(memory, text, notes(text))


def kernel(physical):
    return START_KERNEL_MAP + physical


def vmcoreinfo_text(level5=False):
    ring = {
        "SIZE(printk_ringbuffer)": 80, "OFFSET(printk_ringbuffer.desc_ring)": 0,
        "OFFSET(printk_ringbuffer.text_data_ring)": 40, "OFFSET(printk_ringbuffer.fail)": 72,
        "SIZE(prb_desc_ring)": 40, "OFFSET(prb_desc_ring.count_bits)": 0, "OFFSET(prb_desc_ring.descs)": 8,
        "OFFSET(prb_desc_ring.infos)": 16, "OFFSET(prb_desc_ring.head_id)": 24, "OFFSET(prb_desc_ring.tail_id)": 32,
        "SIZE(prb_desc)": 24, "OFFSET(prb_desc.state_var)": 0, "OFFSET(prb_desc.text_blk_lpos)": 8,
        "SIZE(prb_data_blk_lpos)": 16, "OFFSET(prb_data_blk_lpos.begin)": 0, "OFFSET(prb_data_blk_lpos.next)": 8,
        "SIZE(printk_info)": 88, "OFFSET(printk_info.seq)": 0, "OFFSET(printk_info.ts_nsec)": 8,
        "OFFSET(printk_info.text_len)": 16, "OFFSET(printk_info.caller_id)": 20, "OFFSET(printk_info.dev_info)": 24,
        "SIZE(prb_data_ring)": 32, "OFFSET(prb_data_ring.size_bits)": 0, "OFFSET(prb_data_ring.data)": 8,
        "SIZE(atomic_long_t)": 8, "OFFSET(atomic_long_t.counter)": 0,
    }  # fmt: skip
    lines = [
        f"OSRELEASE={RELEASE}",
        f"BUILD-ID={BUILD_ID}",
        f"PAGESIZE={PAGE}",
        f"SYMBOL(init_uts_ns)={kernel(UTS):x}",
        "OFFSET(uts_namespace.name)=4",
        f"SYMBOL(swapper_pg_dir)={kernel(0x1000):x}",
        f"SYMBOL(_stext)={kernel(0):x}",
        f"SYMBOL(prb)={kernel(PRB_POINTER):x}",
        *(f"{name}={value}" for name, value in ring.items()),
        "NUMBER(phys_base)=0",
        f"NUMBER(pgtable_l5_enabled)={int(level5)}",
        "KERNELOFFSET=0",
        f"NUMBER(KERNEL_IMAGE_SIZE)={1 << 30}",
        "CRASHTIME=1700000000",
    ]
    return "".join(line + "\n" for line in lines).encode()


def _page_tables(memory, level5):
    def entry(table, index, value):
        memory[table + 8 * index : table + 8 * index + 8] = struct.pack("<Q", value)

    top = 0x1000
    if level5:
        entry(0x1000, 511, 0x10000 | 0x63)
        entry(0x1000, 256 + 17, 0)
        top = 0x10000
    entry(top, 511, 0x2000 | 0x63)  # the kernel's image and modules
    entry(0x2000, 510, 0x3000 | 0x63)  # 0xffffffff80000000
    entry(0x3000, 0, 0xE3)  # a 2 MiB page: the image
    entry(0x2000, 511, 0x4000 | 0x63)  # 0xffffffffc0000000
    entry(0x4000, 0, 0x11000 | 0x63)
    entry(0x11000, 1, MODULE | 0x63)
    direct = top
    entry(direct, 273, 0x12000 | 0x63)  # 0xffff888000000000
    entry(0x12000, 0, 0xE3)  # a 1 GiB page: the direct map


def ring_buffer(memory, log, first_id):
    size, count = 1 << TEXT_BITS, 1 << COUNT_BITS
    lpos = 0
    ids = []
    for at, text in enumerate(log):
        data = text.encode()
        block = (8 + len(data) + 7) & ~7
        number = first_id + 1 + at
        begin, following = lpos, lpos + block
        place = begin % size
        if begin // size != (following - 1) // size:  # does not fit the end of the buffer
            following = (begin // size + 1) * size + block
            place = 0
        memory[TEXT + place : TEXT + place + block] = (struct.pack("<Q", number) + data).ljust(block, b"\0")
        index = number % count
        memory[DESCS + 24 * index : DESCS + 24 * index + 24] = struct.pack("<QQQ", number | 2 << 62, begin, following)
        memory[INFOS + 88 * index : INFOS + 88 * index + 24] = struct.pack(
            "<QQHBBI", at, at * 1_000_000_001, len(data), 0, 6 << 5, 1
        )
        lpos = following
        ids.append(number)
    memory[PRB_POINTER : PRB_POINTER + 8] = struct.pack("<Q", kernel(PRB))
    tail = ids[max(len(ids) - count, 0)]
    memory[PRB : PRB + 80] = struct.pack(
        "<IIQQQQIIQQQQ",
        COUNT_BITS,
        0,
        kernel(DESCS),
        kernel(INFOS),
        ids[-1],
        tail,
        TEXT_BITS,
        0,
        kernel(TEXT),
        lpos,
        0,
        0,
    )


def prstatus(stack_pointer, program_counter=START_KERNEL_MAP + 0x1234, pid=42):
    status = bytearray(336)
    struct.pack_into("<I", status, 32, pid)
    struct.pack_into("<Q", status, 112 + 8 * 16, program_counter)
    struct.pack_into("<Q", status, 112 + 8 * 19, stack_pointer)
    return bytes(status)


def notes(vmcoreinfo):
    return [("CORE", 1, prstatus(DIRECT_MAP + STACK + 0x1000)), ("VMCOREINFO", 0, vmcoreinfo)]


def packed_notes(notes, order="<"):
    result = b""
    for name, kind, desc in notes:
        label = name.encode() + b"\0"
        result += struct.pack(order + "III", len(label), len(desc), kind)
        result += label.ljust(len(label) + 3 & ~3, b"\0") + desc.ljust(len(desc) + 3 & ~3, b"\0")
    return result


def elf_dump(
    machine, *, bits=64, order="<", ranges=((0, 32), (32, PAGES)), notes=None, split_notes=False, xnum=False, flags=0,
    type_=4, arch=62, virtual=None,
):  # fmt: skip
    """ranges are page frames, one PT_LOAD each."""
    notes = machine.notes if notes is None else notes
    groups = [[note] for note in notes] if split_notes else [notes] if notes else []
    packed = [packed_notes(group, order) for group in groups]
    header_size, entry_size = (64, 56) if bits == 64 else (52, 32)
    count = len(packed) + len(ranges)
    offset = header_size + entry_size * count + (64 if xnum else 0)
    entries, body = [], b""
    for data in packed:
        entries.append((4, offset + len(body), 0, 0, len(data), 0))
        body += data
    for start, end in ranges:
        size = (end - start) * PAGE
        address = start * PAGE if virtual is None else virtual
        entries.append((1, offset + len(body), address, start * PAGE, size, size))
        body += bytes(machine.memory[start * PAGE : end * PAGE])
    ident = b"\x7fELF" + bytes([2 if bits == 64 else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    section = header_size + entry_size * count if xnum else 0
    word = "Q" if bits == 64 else "I"
    header = ident + struct.pack(
        order + f"HHI3{word}I6H", type_, arch, 1, 0, header_size, section, flags, header_size, entry_size,
        0xFFFF if xnum else count, 64 if xnum else 0, 1 if xnum else 0, 0,
    )  # fmt: skip
    for kind, at, virt, phys, size, memsize in entries:
        if bits == 64:
            header += struct.pack(order + "IIQQQQQQ", kind, 7, at, virt, phys, size, memsize, 0)
        else:
            header += struct.pack(order + "IIIIIIII", kind, at, virt & 0xFFFFFFFF, phys, size, memsize, 7, 0)
    if xnum:
        header += struct.pack("<IIQQQQIIQQ", 0, 0, 0, 0, 0, 0, 0, count, 0, 0)
    return header + body


def _compress(page, method):
    if method == "zlib":
        return zlib.compress(page, 1), 1
    if method == "lzo":
        import lzallright

        return lzallright.LZOCompressor().compress(page), 2
    if method == "snappy":
        from cramjam import snappy

        return bytes(snappy.compress_raw(page)), 4
    if method == "zstd":
        return zstandard.ZstdCompressor().compress(page), 0x20
    return page, 0


def kdump_dump(
    machine, *, version=6, method="zlib", excluded=(), status=None, split=None, bits=64, order="<", aligned=False,
    qemu=False, arch="x86_64", vmcoreinfo=True, unwritten=(), release=RELEASE, level=1, room=0,
):  # fmt: skip
    flags = {"none": 0, "zlib": 1, "lzo": 2, "snappy": 4, "zstd": 0x20}[method]
    names = ("Linux", "testhost", release, "#1 SMP", arch, "(none)") if not qemu else ("", "", "", "", "", "")
    utsname = b"".join(name.encode().ljust(65, b"\0") for name in names)
    text = machine.vmcoreinfo if vmcoreinfo and version >= 3 else b""
    noted = packed_notes(machine.notes if vmcoreinfo else machine.notes[:1], order) if version >= 4 else b""
    sub_blocks = (256 + len(text) + len(noted) + PAGE - 1) // PAGE
    bitmap_blocks = 2
    head = b"KDUMP   " + struct.pack(order + "i", version) + utsname
    if bits == 64:
        head = head.ljust(408, b"\0") + struct.pack(order + "qq", 1700000000, 0)
    else:
        head = head.ljust(404, b"\0") + struct.pack(order + "ii", 1700000000, 0)
    head += struct.pack(
        order + "10I",
        flags if status is None else status,
        PAGE,
        sub_blocks,
        bitmap_blocks,
        machine.pages,
        0,
        0,
        0,
        0,
        1,
    )
    text_at, notes_at = PAGE + 256, PAGE + 256 + len(text)
    start, end = split or (0, machine.pages)
    word = "Q" if bits == 64 else "I"
    sub = struct.pack(order + f"{word}II{word}{word}", 0, level, 1 if split else 0, start, end)
    for at, size in ((text_at, len(text)), (notes_at, len(noted)), (0, 0)):
        if aligned:
            sub = sub.ljust(len(sub) + 7 & ~7, b"\0")
        sub += struct.pack(order + f"Q{word}", at if size else 0, size)
    if aligned:
        sub = sub.ljust(len(sub) + 7 & ~7, b"\0")
    sub += struct.pack(order + "QQQ", start, end, machine.pages)
    data = head.ljust(PAGE, b"\0") + (sub.ljust(256, b"\0") + text + noted).ljust(sub_blocks * PAGE, b"\0")
    present = [pfn for pfn in range(machine.pages) if pfn not in excluded]
    bitmap = bytearray(PAGE)
    for pfn in present:
        bitmap[pfn >> 3] |= 1 << (pfn & 7)
    data += (b"\xff" * (machine.pages // 8)).ljust(PAGE, b"\0") + bytes(bitmap)
    mine = [pfn for pfn in present if start <= pfn < end]
    at = len(data) + 24 * max(len(mine), room)
    descriptors, body, zero = b"", b"", at
    body += bytes(PAGE)  # the page that all pages of zeros share
    at += PAGE
    for pfn in mine:
        page = machine.page(pfn)
        if pfn in unwritten:
            descriptors += bytes(24)
        elif not any(page):
            descriptors += struct.pack(order + "QIIQ", zero, PAGE, 0, 0)
        else:
            packed, flag = _compress(page, method)
            if len(packed) >= PAGE:
                packed, flag = page, 0
            descriptors += struct.pack(order + "QIIQ", at, len(packed), flag, 0)
            body += packed
            at += len(packed)
    return data + descriptors.ljust(24 * room, b"\0") + body


def flattened(data, *, record=10_000, shuffle=False, rewrite=True, garbage=b"\0\0\0", end=True):
    head = (b"makedumpfile\0" + garbage + struct.pack(">qq", 1, 1)).ljust(4096, b"\0")
    records = [(at, data[at : at + record]) for at in range(0, len(data), record)]
    if shuffle:
        records = records[1::2] + records[::2]
    if rewrite:  # makedumpfile writes its header twice; the first has not all fields
        records = [(0, b"KDUMP   ".ljust(464, b"\xff")), *records, (0, data[:464])]
    result = head
    for at, piece in records:
        result += struct.pack(">qq", at, len(piece)) + piece
    return result + (struct.pack(">qq", -1, -1) if end else b"")
