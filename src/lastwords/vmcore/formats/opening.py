"""Opens a dump whatever its format, and works out what it is."""

from collections.abc import Callable, Iterator, Sequence
from typing import Self

from lastwords.model.dump import DrgnInput, Dump, DumpProblem, MemoryRange

from . import elf
from .kdump_pages import KdumpMemory, KdumpPart
from .lost_header import rebuilt
from .notes import Note, arch_of_prstatus, cpu_registers, parse_notes, vmcoreinfo_note
from .physical import ExtentMemory, PhysicalMemory, Unreadable
from .raw import Raw, check_set, read_raw
from .storage import NotADump
from .virtual import START_KERNEL_MAP, KernelMemory, Unmapped
from .vmcoreinfo import Vmcoreinfo, is_vmcoreinfo, search

Progress = Callable[[int, int], None]
_MOST_SEGMENTS_NAMED = 4096


class OpenDump:
    """An open dump. Close it, or use it in a `with` statement.

    Attributes:
        dump: what it is.
        memory: its physical memory.
        notes: its ELF notes: registers of each CPU, and more.
        kernel: its kernel-virtual memory, or None where VMCOREINFO or the architecture is not known.
        problems: what was found to be wrong on the way.
        raws: its files.
    """

    def __init__(self, raws: Sequence[Raw], search_memory: bool, progress: Progress | None) -> None:
        self.raws = tuple(raws)
        self.problems = [problem for raw in raws for problem in raw.problems]
        self.memory: PhysicalMemory
        self.notes: tuple[Note, ...]
        if raws[0].elf_header is not None:
            self.memory, self.notes, stated = self._open_elf(raws[0], raws[0].elf_header)
        else:
            self.memory, self.notes, stated = self._open_kdump()
        self._order = (raws[0].elf_header or raws[0].kdump_header).order  # type: ignore[union-attr]
        self._stated_phys_base = self._phys_base_of_headers()
        text, source = self._true_vmcoreinfo(stated, search_memory, progress)
        self.vmcoreinfo = Vmcoreinfo(text or b"")
        self.arch = self._arch(self.vmcoreinfo)
        self.kernel = self._kernel(self.vmcoreinfo)
        self.dump = self._described(text, source, stated)

    def _open_elf(self, raw: Raw, header: elf.ElfHeader) -> tuple[PhysicalMemory, tuple[Note, ...], bytes | None]:
        notes, problem = elf.read_notes(raw.storage, header)
        if elf.is_process_core(header, notes):
            raise NotADump(f"{raw.path}: the core file of a process, not of a kernel: use gdb or coredumpctl")
        if problem:
            self.problems.append(DumpProblem(kind="bad-notes", text=problem))
        if len(header.segments) < header.announced:
            text = f"{header.announced} program headers announced, {len(header.segments)} there"
            self.problems.append(DumpProblem(kind="bad-header", text=text))
        stated = vmcoreinfo_note(notes)
        page_size = (Vmcoreinfo(stated).page_size if stated else None) or 4096
        return ExtentMemory(raw.storage, elf.extents(header), page_size), tuple(notes), stated

    def _open_kdump(self) -> tuple[PhysicalMemory, tuple[Note, ...], bytes | None]:
        parts = _parts(self.raws)
        notes: list[Note] = []
        stated = None
        for part in parts:
            place = part.header.notes
            notes = notes or parse_notes(part.storage.read(place.offset, place.size), part.header.order)
            place = part.header.vmcoreinfo
            stated = stated or part.storage.read(place.offset, place.size).rstrip(b"\0") or None
        return KdumpMemory(parts), tuple(notes), stated or vmcoreinfo_note(notes)

    def _phys_base_of_headers(self) -> int | None:
        header = self.raws[0].elf_header
        if header is not None:
            kernel = [
                segment
                for segment in header.loads
                if START_KERNEL_MAP <= segment.virtual < START_KERNEL_MAP + (1 << 30)
            ]
            return kernel[0].physical - (kernel[0].virtual - START_KERNEL_MAP) if kernel else None
        return self.raws[0].kdump_header.phys_base if self.raws[0].kdump_header else None

    def _true_vmcoreinfo(
        self, stated: bytes | None, search_memory: bool, progress: Progress | None
    ) -> tuple[bytes | None, str]:
        """The VMCOREINFO that agrees with memory, and where it was: that of the header, or the best in memory."""
        if stated is not None and is_vmcoreinfo(stated) and self._agrees(stated) is not False:
            return stated, "header"
        best: bytes | None = None
        for text in search(self.memory, progress) if search_memory else ():
            agrees = self._agrees(text)
            if agrees:
                best = text
                break
            if agrees is None and len(text) > len(best or b""):
                best = text
        if stated is not None and (best is not None or not is_vmcoreinfo(stated)):
            fault = "does not agree with memory" if is_vmcoreinfo(stated) else "is overwritten or cut off"
            self.problems.append(DumpProblem(kind="false-vmcoreinfo", text=f"VMCOREINFO in the header {fault}"))
        if best is not None:
            return best, "memory"
        return (stated, "header") if stated is not None else (None, "")

    def _agrees(self, text: bytes) -> bool | None:
        """Whether the release in VMCOREINFO stands in memory where it says; None where that can't be read."""
        info = Vmcoreinfo(text)
        kernel = self._kernel(info)
        if kernel is None or not info.names_at or info.release is None:
            return None
        try:
            # struct new_utsname: six names of 65 bytes, the release is the third.
            there = [kernel.read(names + 2 * 65, 65) for names in info.names_at]
        except (Unreadable, Unmapped):
            return None
        return info.release in (name.split(b"\0")[0].decode("utf-8", "replace") for name in there)

    def _arch(self, info: Vmcoreinfo) -> str | None:
        header = self.raws[0]
        stated = (
            header.elf_header.machine
            if header.elf_header
            else header.kdump_header.utsname["machine"]
            if header.kdump_header
            else ""
        )
        return stated or info.arch or arch_of_prstatus(self.notes, self._order)

    def _kernel(self, info: Vmcoreinfo) -> KernelMemory | None:
        arch = self._arch(info)
        if arch not in ("x86_64", "aarch64") or not info.text:
            return None
        return KernelMemory(self.memory, info, arch, self._stated_phys_base)

    def _described(self, text: bytes | None, source: str, stated: bytes | None) -> Dump:
        raw = self.raws[0]
        header = raw.elf_header or raw.kdump_header
        assert header is not None
        info = self.vmcoreinfo
        uts = raw.kdump_header.utsname if raw.kdump_header else {}
        phys_base = info.number("phys_base")
        time = info.crash_time or (
            raw.kdump_header.timestamp if raw.kdump_header and raw.kdump_header.timestamp > 0 else None
        )
        return Dump(
            format="elf" if raw.elf_header else "kdump-compressed",
            paths=tuple(raw.path for raw in self.raws),
            flattened=raw.flattened,
            container=raw.container,
            version=raw.kdump_header.version if raw.kdump_header else None,
            compression=raw.kdump_header.compression if raw.kdump_header else "none",
            producer=self._producer(),
            arch=self.arch,
            bits=header.bits,
            byte_order=header.order,
            page_size=self.memory.page_size,
            release=info.release or uts.get("release") or None,
            build_id=info.build_id,
            node=uts.get("nodename") or None,
            crash_time=time,
            dump_level=raw.kdump_header.dump_level if raw.kdump_header else None,
            phys_base=phys_base if phys_base is not None else self._stated_phys_base,
            vmcoreinfo=text,
            vmcoreinfo_source=source,
            segments=tuple(
                MemoryRange(start=found.start, end=found.end) for found in self.memory.segments[:_MOST_SEGMENTS_NAMED]
            ),
            cpus=len(cpu_registers(self.notes, self.arch or "", self._order)),
            drgn=self._drgn(text if source == "memory" or text != stated else None),
        )

    def _producer(self) -> str:
        names = {note.name for note in self.notes}
        for name, producer in (("QEMU", "QEMU"), ("VBCORE", "VirtualBox"), ("VBCPU", "VirtualBox"), ("Xen", "Xen")):
            if name in names:
                return producer
        header = self.raws[0].kdump_header
        # QEMU fills in no more than the machine of the names of struct new_utsname.
        return "" if header is None else "makedumpfile" if header.utsname["release"] else "QEMU"

    def _drgn(self, vmcoreinfo: bytes | None) -> DrgnInput:
        raw = self.raws[0]
        why = next((why for holds, why in self._obstacles(raw) if holds), "")
        if why:
            return DrgnInput(vmcoreinfo=self.vmcoreinfo.text or None, why=why)
        return DrgnInput(path=raw.plain_path, vmcoreinfo=vmcoreinfo)

    def _obstacles(self, raw: Raw) -> Iterator[tuple[bool, str]]:
        yield len(self.raws) > 1, "a split dump"
        yield raw.flattened, "a flattened dump"
        if raw.elf_header is not None:
            yield any(problem.kind == "bad-header" for problem in self.problems), "the headers are damaged"
            # Else drgn reads it even where it is cut off: what is beyond the file's end is a fault to it.
        if raw.kdump_header is not None:
            yield not raw.kdump_header.utsname["machine"], "the header does not name the machine, as QEMU's do not"
            yield raw.kdump_header.split, "one file of a split dump"
            yield raw.kdump_header.misplaced(raw.storage.size) is not None, "the sub header is damaged"
            yield raw.kdump_header.incomplete or _is_cut(KdumpPart(raw.storage, raw.kdump_header)), "cut off"

    def close(self) -> None:
        """Close the files."""
        for raw in self.raws:
            raw.storage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _is_cut(part: KdumpPart) -> bool:
    """Whether the last pages are missing: makedumpfile writes pages in ascending order."""
    last = part.descriptors(max(part.count - 64, 0), 64)
    return len(last) < min(part.count, 64) or any(found.offset + found.size > part.storage.size for found in last)


def _parts(raws: Sequence[Raw]) -> list[KdumpPart]:
    parts = [KdumpPart(raw.storage, raw.kdump_header) for raw in raws if raw.kdump_header is not None]
    return sorted(parts, key=lambda part: part.header.start_pfn)


def open_without_header(path: str, progress: Progress | None = None) -> OpenDump | None:
    """Open a dump whose headers are overwritten, with headers worked out from the rest; None where that fails.

    Raises:
        OSError: the file can't be read.
    """
    raw = rebuilt(path)
    if raw is None:
        return None
    text = "the headers are overwritten; worked out anew from what stands behind them"
    raw.problems.append(DumpProblem(kind="bad-header", text=text))
    try:
        return OpenDump([raw], True, progress)
    except BaseException:
        raw.storage.close()
        raise


def open_dump(paths: Sequence[str], *, search_memory: bool = True, progress: Progress | None = None) -> OpenDump:
    """Open a dump.

    Args:
        paths: one file, or all files of a split dump in any order.
        search_memory: look for VMCOREINFO in memory where the header has none or a false one.
        progress: called with what is done and what there is to do, in bytes, while something takes long.

    Raises:
        NotADump: no dump, or files that do not belong together; the text is for the user.
        OSError: a file can't be read.
    """
    raws: list[Raw] = []
    try:
        for path in paths:
            raws.append(read_raw(path, progress))  # noqa: PERF401  # what was opened has to be closed on an error
        if len(raws) > 1:
            check_set(raws)
        return OpenDump(raws, search_memory, progress)
    except BaseException:
        for raw in raws:
            raw.storage.close()
        raise
