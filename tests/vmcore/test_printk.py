"""The kernel log from memory: through VMCOREINFO, and by searching."""

import struct

import pytest

from lastwords.vmcore.formats import open_dump
from lastwords.vmcore.formats.physical import Extent, ExtentMemory
from lastwords.vmcore.log_search import search_log
from lastwords.vmcore.printk import read_log, text_of_block

from . import building
from .building import DIRECT_MAP, PAGE, elf_dump, kernel

LONG = [
    *building.LOG,
    *(f"usb 1-{at}: new device found, serial 0000{at % 7}0000" for at in range(40)),
    "Call Trace:",
    "end",
]


def texts(log):
    return [record.text for record in log.records]


def read(machine, put):
    with open_dump([put(elf_dump(machine))]) as opened:
        assert opened.kernel is not None
        return read_log(opened.kernel, opened.vmcoreinfo)


def test_ring_buffer(machine, put):
    log = read(machine, put)
    assert texts(log) == building.LOG
    assert (log.lost, log.reason, log.how) == (0, "", "VMCOREINFO")
    assert log.records[1].level == 6
    assert log.text().splitlines()[:2] == [f"[    0.000000] {LONG[0]}", f"[    1.000000] {LONG[1]}"]
    # each line of a record with its time
    assert "[    3.000000] two lines\n[    3.000000] in one record\n" in log.text()


@pytest.mark.parametrize("count", [50, 120, 300, 1000])
def test_ring_buffer_that_went_round(put, count):
    """The oldest records are overwritten: first when descriptors run out, later when the text does."""
    machine = building.machine([f"record number {at} {'x' * (at % 90)}" for at in range(count)])
    found = texts(read(machine, put))
    assert found[-1].startswith(f"record number {count - 1} ")
    assert len(found) == min(count, 64)
    numbers = [int(text.split()[2]) for text in found]
    assert numbers == list(range(count - len(found), count))


def test_records_whose_memory_is_lost(machine, put):
    ranges = ((0, building.INFOS // PAGE), (building.INFOS // PAGE + 1, building.PAGES))
    with open_dump([put(elf_dump(machine, ranges=ranges))]) as opened:
        assert opened.kernel is not None
        log = read_log(opened.kernel, opened.vmcoreinfo)
    assert len(log.records) == len(building.LOG)  # their times and lengths are gone, or they are elsewhere
    assert all(record.text for record in log.records)


def records_log(entries, head=16, caller=False):
    data = b""
    for at, text in enumerate(entries):
        encoded = text.encode()
        size = head + len(encoded)
        padded = (size + 3) & ~3
        data += struct.pack("<QHHHBB", at * 1_500_000_000, padded, len(encoded), 0, 0, 4 << 5)
        data += (b"\x01\0\0\0" if caller else b"") + encoded + bytes(padded - size)
    return data


def old_machine(entries, *, wrap=False, caller=False):
    """Linux 3.5 to 5.9: struct printk_log."""
    machine = building.machine()
    head = 20 if caller else 16
    data = records_log(entries, head, caller)
    at = building.TEXT
    machine.memory[0x5000 + 0x800 : 0x9000] = bytes(0x3800)
    machine.memory[at : at + 0x4000] = bytes(0x4000)
    first = 0
    if wrap:  # the newer half at the start of the buffer, an empty head behind the older half
        newer = records_log(entries[5:], head, caller)
        older = records_log(entries[:5], head, caller)
        first = 0x3000
        machine.memory[at + first : at + first + len(older)] = older
        data = newer
    machine.memory[at : at + len(data)] = data
    struct.pack_into("<QIII", machine.memory, 0x6000, DIRECT_MAP + at, 0x4000, first, len(data))
    lines = [line for line in machine.vmcoreinfo.decode().splitlines() if "pr" not in line.split("=")[0]]
    lines += [
        f"SYMBOL(log_buf)={kernel(0x6000):x}", f"SYMBOL(log_buf_len)={kernel(0x6008):x}",
        f"SYMBOL(log_first_idx)={kernel(0x600C):x}", f"SYMBOL(log_next_idx)={kernel(0x6010):x}",
        f"SIZE(printk_log)={head}", "OFFSET(printk_log.ts_nsec)=0", "OFFSET(printk_log.len)=8",
        "OFFSET(printk_log.text_len)=10", "OFFSET(printk_log.dict_len)=12",
    ]  # fmt: skip
    machine.vmcoreinfo = ("\n".join(lines) + "\n").encode()
    machine.memory[building.VMCOREINFO : building.VMCOREINFO + PAGE] = machine.vmcoreinfo.ljust(PAGE, b"\0")
    machine.notes = building.notes(machine.vmcoreinfo)
    return machine


@pytest.mark.parametrize("caller", [False, True])
@pytest.mark.parametrize("wrap", [False, True])
def test_records_before_5_10(put, wrap, caller):
    log = read(old_machine(building.LOG, wrap=wrap, caller=caller), put)
    assert texts(log) == building.LOG
    assert log.records[1].nanoseconds == 1_500_000_000
    assert log.records[1].level == 4


def test_plain_text_before_3_5(put):
    machine = building.machine()
    text = b"<6>[    0.000000] Linux version 2.6.32\n<0>[    9.000000] Kernel panic - not syncing: x\n"
    size = 0x80
    start = 100
    ring = bytearray(size)
    for at, byte in enumerate(text):
        ring[(start + at) % size] = byte
    machine.memory[building.TEXT : building.TEXT + size] = ring
    struct.pack_into("<QIII", machine.memory, 0x6000, DIRECT_MAP + building.TEXT, size, start + len(text), len(text))
    info = "\n".join(line for line in machine.vmcoreinfo.decode().splitlines() if "pr" not in line.split("=")[0])
    info += f"\nSYMBOL(log_buf)={kernel(0x6000):x}\nSYMBOL(log_buf_len)={kernel(0x6008):x}\n"
    info += f"SYMBOL(log_end)={kernel(0x600C):x}\nSYMBOL(logged_chars)={kernel(0x6010):x}\n"
    machine.vmcoreinfo = info.encode()
    machine.notes = building.notes(machine.vmcoreinfo)
    assert read(machine, put).text() == text.decode()


def whole(data):
    class Bytes:
        path, size = "bytes", len(data)

        def read(self, offset, size):
            return bytes(data[offset : offset + size])

        def close(self):
            pass

    return ExtentMemory(Bytes(), [Extent(0, len(data), 0, len(data))])


def test_search_finds_the_ring_with_times_and_exact_texts():
    log = search_log(whole(building.machine(LONG).memory))
    assert texts(log) == LONG
    assert log.how == "search"
    assert log.records[7].nanoseconds == 7 * 1_000_000_001


def test_search_where_only_the_text_is_left():
    memory = building.machine(LONG).memory
    memory[0x5000 : building.TEXT] = bytes(building.TEXT - 0x5000)
    log = search_log(whole(memory))
    assert texts(log) == LONG
    assert log.records[7].nanoseconds is None


def test_search_finds_records_before_5_10():
    for caller in (False, True):
        machine = old_machine(LONG, caller=caller)
        assert texts(search_log(whole(machine.memory))) == LONG


def test_search_falls_back_on_loose_lines():
    memory = bytearray(1 << 20)
    lines = [f"[   12.{at:06}] usb {at}: something" for at in range(5)] + [
        "[   13.000000] Kernel panic - not syncing: x"
    ]
    text = "\n".join(lines).encode()
    memory[5000 : 5000 + len(text)] = text
    log = search_log(whole(memory))
    assert texts(log) == lines
    assert "loose" in log.reason


def test_search_finds_nothing_in_nothing():
    assert search_log(whole(bytes(100_000))).reason == "no log found in memory"
    assert not search_log(whole(b"Call Trace:" * 5000)).records


def test_text_of_block():
    assert text_of_block(b"Hellolo\n\0\0") == "Hello"
    assert text_of_block(b"Hello\n\0") == "Hello"
    assert text_of_block(b"Hello, world\x01c\n\0") == "Hello, world"
    assert text_of_block(b"") == ""
    assert text_of_block(b"R15: 0000\0") == "R15: 0000"
    assert text_of_block(b"fair_share'e'\0", moved=True) == "fair_share'"


def test_hostile_descriptors_end(put):
    """A ring that claims to be of 2 GiB, and whose descriptors all name the same text."""
    machine = building.machine()
    struct.pack_into("<I", machine.memory, building.PRB, 31)
    struct.pack_into("<I", machine.memory, building.PRB + 40, 31)
    struct.pack_into("<QQ", machine.memory, building.PRB + 24, 1 << 62, 0)
    log = read(machine, put)
    assert len(log.records) <= len(building.LOG)
