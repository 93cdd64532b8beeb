"""A dump's file with everything wrapped around it seen through: container, flattening, headers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lastwords.compressed import compression
from lastwords.model.dump import DumpProblem

from . import containers, elf, flattened, kdump
from .foreign import HEAD, foreign, looks_like_text
from .storage import BrokenHeader, File, NotADump, Storage, start_of

Progress = Callable[[int, int], None]


@dataclass
class Raw:
    """A dump's file, with container and flattening seen through, and its headers read.

    Attributes:
        path: as the user gave it.
        plain_path: the file without its container.
        storage: the bytes of the dump.
        container: `gzip`, …, or the empty string.
        elf_header: if it is ELF; else `kdump_header` is there.
        kdump_header: see `elf_header`.
        problems: found so far.
    """

    path: str
    plain_path: str
    storage: Storage
    container: str = ""
    elf_header: elf.ElfHeader | None = None
    kdump_header: kdump.KdumpHeader | None = None
    problems: list[DumpProblem] = field(default_factory=list)

    @property
    def flattened(self) -> bool:
        """In makedumpfile's flattened format."""
        return isinstance(self.storage, flattened.Flattened)


def read_raw(path: str, progress: Progress | None = None) -> Raw:
    """Look at a file and read its headers.

    Raises:
        NotADump: it is something else; the text says what, and what to do.
        OSError: it can't be read.
    """
    head = start_of(path, HEAD)
    plain, container, problems = path, "", []
    if how := compression(head):
        _check_inside(path)
        container = how.name
        plain, problem = containers.unpacked(path, progress)
        if problem is not None:
            problems.append(DumpProblem(kind="bad-container", text=problem))
    storage = open_storage(plain, progress)
    try:
        if isinstance(storage, flattened.Flattened) and not storage.whole:
            problems.append(DumpProblem(kind="cut-off", text="the flattened file has no end mark: it was cut off"))
        raw = Raw(path, plain, storage, container, problems=problems)
        _read_headers(raw)
    except BaseException:
        storage.close()
        raise
    return raw


def open_storage(path: str, progress: Progress | None = None) -> Storage:
    """The bytes of a dump that is in no container; a flattened one is seen through.

    Raises:
        NotADump: flattened in a way we don't know.
        OSError: it can't be read.
    """
    file = File(path)
    try:
        return flattened.Flattened(file, progress) if flattened.is_flattened(file.read(0, HEAD)) else file
    except BaseException:
        file.close()
        raise


def _check_inside(path: str) -> None:
    inside = containers.head_inside(path, HEAD)
    if not inside:
        raise NotADump(f"{path}: a compressed file that is damaged at its very beginning")
    if not inside.startswith((elf.MAGIC, kdump.SIGNATURE, flattened.SIGNATURE)):
        raise NotADump(f"{path}: {_what(inside)} (inside a compressed file)")


def _read_headers(raw: Raw) -> None:
    head = raw.storage.read(0, HEAD)
    try:
        if head.startswith(kdump.SIGNATURE):
            raw.kdump_header = kdump.read_header(raw.storage)
        elif head.startswith(elf.MAGIC):
            raw.elf_header = elf.read_header(raw.storage)
            _check_elf(raw.path, raw.elf_header)
        else:
            raise NotADump(_what(head))
    except NotADump as error:
        text = str(error)
        raise type(error)(text if text.startswith(raw.path) else f"{raw.path}: {text}") from None


def _what(head: bytes) -> str:
    known = foreign(head)
    if known is not None:
        return (
            f"{known.what}, {'which lastwords does not read' if known.memory else 'not a memory dump'}: {known.advice}"
        )
    if not head:
        return "an empty file: the dump was never written (was there room in /var/crash?)"
    if not head.strip(b"\0"):
        return "begins with zeros: no dump, or one whose beginning was never written"
    if looks_like_text(head):
        return "a text, not a memory dump; if it is a kernel log: lastwords analyze reads it"
    return "not a memory dump that lastwords knows"


def _check_elf(path: str, header: elf.ElfHeader) -> None:
    if header.type in (elf.ET_EXEC, elf.ET_DYN):
        raise NotADump(f"{path}: a program or vmlinux, not a memory dump")
    if header.type == elf.ET_REL:
        raise NotADump(f"{path}: an object file or kernel module, not a memory dump")
    if header.type != elf.ET_CORE:
        raise BrokenHeader(f"{path}: an ELF file of unknown type {header.type}: no dump, or its header was overwritten")
    if not header.announced:
        raise NotADump(
            f"{path}: a Xen domain's dump (ELF without program headers), which lastwords does not read: crash does"
        )


def set_key(raw: Raw) -> tuple[object, ...] | None:
    """What the files of one split dump have in common, or None where it is no part of one."""
    header = raw.kdump_header
    if header is None or not header.split:
        return None
    return (header.timestamp, header.max_mapnr, header.block_size, header.bitmap_blocks, *header.utsname.values())


def check_set(raws: Sequence[Raw]) -> None:
    """Several files must be the parts of one split dump."""
    first = raws[0].kdump_header
    for raw in raws:
        if first is None or raw.kdump_header is None or not raw.kdump_header.split:
            lone = raw if first is not None else raws[0]
            raise NotADump(f"{lone.path}: not part of a split dump (makedumpfile --split); give one dump at a time")
        if set_key(raw) != set_key(raws[0]):
            raise NotADump(f"{raw.path}: part of another split dump than {raws[0].path}")
    taken: dict[int, str] = {}
    for raw in raws:
        assert raw.kdump_header is not None
        if raw.kdump_header.start_pfn >= raw.kdump_header.end_pfn:
            continue  # a small machine's pages all fit the first file
        if raw.kdump_header.start_pfn in taken:
            raise NotADump(f"{raw.path}: the same part of the split dump as {taken[raw.kdump_header.start_pfn]}")
        taken[raw.kdump_header.start_pfn] = raw.path
