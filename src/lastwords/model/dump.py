"""What `lastwords verify` says of a memory dump, and what other rooms need to open it."""

from .oops import Struct

DUMP_SCHEMA = "lastwords.dump/1"
"""Name and version of the JSON document. The number changes when a field goes or changes its meaning."""


class MemoryRange(Struct, frozen=True, kw_only=True):
    """Physical memory from `start` up to, but not including, `end`."""

    start: int
    end: int


class DrgnInput(Struct, frozen=True, kw_only=True):
    """How drgn gets at the dump.

    Attributes:
        path: hand it to `Program.set_core_dump()`. None where drgn does not open the file; then
            `Program.add_memory_segment()` and `Program.set_linux_kernel_custom()` take the memory of the open dump.
        vmcoreinfo: hand it to `Program(vmcoreinfo=…)`; None where drgn finds it by itself.
        why: why not the plain way, in one line, or the empty string.
    """

    path: str | None = None
    vmcoreinfo: bytes | None = None
    why: str = ""


class Dump(Struct, frozen=True, kw_only=True):
    """One memory dump, as far as headers and notes tell.

    Attributes:
        format: `elf`, `kdump-compressed`.
        paths: its files: one, or all of a split dump.
        flattened: in makedumpfile's flattened form.
        container: `gzip`, `xz`, `zstd` or `bzip2` where it was compressed as a whole, or the empty string.
        version: of the kdump-compressed format, or None.
        compression: of the pages: `zlib`, `lzo`, `snappy`, `zstd`, `none`.
        producer: `makedumpfile`, `QEMU`, `VirtualBox`, `Xen`, `kernel`, or the empty string where it can't be told.
        arch: as `uname -m` says it, or None.
        bits: 32 or 64.
        byte_order: `little` or `big`.
        page_size: in bytes.
        release: of the crashed kernel, or None.
        build_id: in hexadecimal, or None; kernels before 5.9 don't tell.
        node: the machine's name, where the header has it.
        crash_time: seconds since 1970, or None.
        dump_level: makedumpfile's -d, or None where the header does not tell.
        phys_base: x86-64's, or None.
        vmcoreinfo: the text, or None.
        vmcoreinfo_source: `header`, `memory` where the header had none or a false one, or the empty string.
        segments: the machine's memory.
        cpus: how many have their registers in the dump.
        drgn: how drgn gets at it.
    """

    format: str
    paths: tuple[str, ...]
    flattened: bool = False
    container: str = ""
    version: int | None = None
    compression: str = "none"
    producer: str = ""
    arch: str | None = None
    bits: int = 64
    byte_order: str = "little"
    page_size: int = 4096
    release: str | None = None
    build_id: str | None = None
    node: str | None = None
    crash_time: int | None = None
    dump_level: int | None = None
    phys_base: int | None = None
    vmcoreinfo: bytes | None = None
    vmcoreinfo_source: str = ""
    segments: tuple[MemoryRange, ...] = ()
    cpus: int = 0
    drgn: DrgnInput = DrgnInput()


class DumpProblem(Struct, frozen=True, kw_only=True):
    """One thing that is wrong with a dump.

    Attributes:
        kind: `cut-off`, `incomplete-flag`, `bad-header`, `bad-notes`, `bad-descriptor`, `bad-page`, `bad-container`,
            `no-vmcoreinfo`, `false-vmcoreinfo`, `missing-part`, `part-lost`, `unfinished`.
        text: what, in one line.
        offset: in the file, or None.
        count: how often, for pages and descriptors.
    """

    kind: str
    text: str
    offset: int | None = None
    count: int = 1


class DumpPart(Struct, frozen=True, kw_only=True):
    """What is left of one thing that an analysis needs.

    Attributes:
        name: `log`, `page tables`, `stacks`, `modules`, `kernel`.
        state: `whole`, `partly`, `lost`, `unknown`.
        text: how much, or why it is not known.
    """

    name: str
    state: str
    text: str


class PageCount(Struct, frozen=True, kw_only=True):
    """Pages of the machine, by what became of them.

    Attributes:
        machine: all of them, as the dump describes the machine.
        stored: in the dump, readable so far as was looked.
        excluded: left out on purpose.
        missing: should be there and are not.
        damaged: there, but can't be read.
        decoded: really unpacked to find out: all of a small dump or with `--full`, else a sample.
    """

    machine: int = 0
    stored: int = 0
    excluded: int = 0
    missing: int = 0
    damaged: int = 0
    decoded: int = 0


class DumpCheck(Struct, frozen=True, kw_only=True):
    """What `lastwords verify` gives.

    Attributes:
        schema: `DUMP_SCHEMA`.
        path: as the user gave it.
        verdict: `whole`, `incomplete`, `damaged`, `not-a-dump`.
        format: `elf`, `kdump-compressed`, or the empty string.
        summary: the verdict in one sentence.
        advice: what to do next.
        dump: what it is, or None where it is no dump.
        size: of the files, in bytes.
        expected_size: what the headers promise, or None.
        pages: counted.
        problems: what is wrong.
        parts: what is left of what an analysis needs.
        full: every page was unpacked.
    """

    schema: str = DUMP_SCHEMA
    path: str
    verdict: str
    summary: str
    format: str = ""
    advice: tuple[str, ...] = ()
    dump: Dump | None = None
    size: int = 0
    expected_size: int | None = None
    pages: PageCount = PageCount()
    problems: tuple[DumpProblem, ...] = ()
    parts: tuple[DumpPart, ...] = ()
    full: bool = False


class Salvaged(Struct, frozen=True, kw_only=True):
    """What `lastwords salvage` gives.

    Attributes:
        schema: `DUMP_SCHEMA`.
        path: of the damaged dump, as the user gave it.
        dump_path: the dump of what is left, or None where no memory could be saved.
        log_path: the kernel log, or None where none was found.
        pages: saved.
        lost: pages that should be there and could not be saved.
        release: of the crashed kernel, or None.
        log_records: records, or lines, of the log.
        log_source: `VMCOREINFO`, or `search` where it was found by looking through memory; empty without a log.
        log_lost: records that were there and are lost.
        notes: what else is to be said, one line each.
    """

    schema: str = DUMP_SCHEMA
    path: str
    dump_path: str | None = None
    log_path: str | None = None
    pages: int = 0
    lost: int = 0
    release: str | None = None
    log_records: int = 0
    log_source: str = ""
    log_lost: int = 0
    notes: tuple[str, ...] = ()
