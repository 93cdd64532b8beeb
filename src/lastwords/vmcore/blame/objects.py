"""What lies at an address: a slab object, a page, a symbol."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import drgn

_PAGE = 4096
# include/linux/slab.h: SLAB_RED_ZONE and others. Linux 6.9 made them an enum of bits (_SLAB_RED_ZONE).
_FLAGS = {"RED_ZONE": 0x400, "POISON": 0x800, "STORE_USER": 0x10000}
_OBJECT_MAX = 1 << 22
_TRACKED = ("allocated", "freed")


class SlabObject(NamedTuple):
    """An object of a slab cache.

    Attributes:
        cache: the cache's name.
        start: where the object begins; `size` its usable bytes; `stride` from one object to the next.
        allocated: None where the free lists are damaged.
        handle: the `struct kmem_cache *`.
        slab: the slab's first address, `objects` how many are in it.
    """

    cache: str
    start: int
    size: int
    stride: int
    allocated: bool | None
    handle: Any
    slab: int
    objects: int


def slab_object(prog: "drgn.Program", address: int) -> SlabObject | None:
    """The slab object that contains an address, or None."""
    from drgn import cast
    from drgn.helpers.linux.mm import page_to_virt
    from drgn.helpers.linux.slab import find_containing_slab_cache, slab_object_info

    try:
        cache = find_containing_slab_cache(prog, address)
        if not cache:
            return None
        name = cache.name.string_().decode("ascii", "replace")
        size, stride = cache.object_size.value_(), cache.size.value_()
        if not 0 < size <= stride <= _OBJECT_MAX:
            return None
    except Exception:  # no slab allocator that drgn knows, or damage
        return None
    try:
        info = slab_object_info(prog, address)
        if info is None or not info.address:
            return None
        slab = page_to_virt(cast("struct page *", info.slab)).value_()
        count = int(info.slab.objects) if hasattr(info.slab, "objects") else 0
        return SlabObject(name, info.address, size, stride, info.allocated, cache, slab, count)
    except Exception:  # SlabCorruptionError: a free list that leads nowhere
        return None


def live_name(prog: "drgn.Program", address: int) -> str | None:
    """What begins at this very address and is in use: a symbol, or a slab object."""
    if (name := _symbol(prog, address)) is not None:
        return name
    found = slab_object(prog, address)
    if found is not None and found.allocated and found.start == address:
        return f"the start of an object of {found.cache}"
    return None


def _symbol(prog: "drgn.Program", address: int) -> str | None:
    try:
        symbol = prog.symbol(address)
    except Exception:
        return None
    return f"{symbol.name}" if symbol.address == address else None


def about(prog: "drgn.Program", address: int, what: str) -> list[str]:
    """Sentences on what lies at an address.

    Args:
        prog: the program.
        address: in the kernel's half.
        what: what the sentences call it: `the object`, `rdi`.
    """
    if address < 1 << 63:
        return []
    found = slab_object(prog, address)
    if found is not None:
        return _slab(prog, found, address, what)
    if (name := _near_symbol(prog, address)) is not None:
        return [f"{what} ({address:#x}) lies in {name}."]
    return _page_state(prog, address, what)


def _near_symbol(prog: "drgn.Program", address: int) -> str | None:
    try:
        symbol = prog.symbol(address)
    except Exception:
        return None
    offset = address - symbol.address
    return f"{symbol.name}{f'+{offset:#x}' if offset else ''}"


def _slab(prog: "drgn.Program", found: SlabObject, address: int, what: str) -> list[str]:
    offset = address - found.start
    state = {True: "allocated", False: "free", None: "of unknown state"}[found.allocated]
    where = f"{offset:#x} bytes into an object" if offset else "the start of an object"
    sentences = [f"{what} ({address:#x}) is {where} of slab cache {found.cache}, {found.size} bytes, {state}."]
    if found.allocated is False:
        sentences.append(f"{what} is free memory: a use after free, or a pointer that was never right.")
        free_pointer = _free_pointer(found)
        if free_pointer is not None and free_pointer <= offset < free_pointer + 8:
            keeps = "may keep" if _has_sheaves(found) else "keeps"
            sentences.append(f"The slab allocator {keeps} its own (encoded) pointer to the next free object there.")
    if offset >= found.size:
        sentences.append(f"{what} lies behind the object's usable {found.size} bytes: an access out of bounds.")
    flags = _flags(found)
    try:
        data = bytes(prog.read(found.start, found.stride))
    except Exception:
        return sentences
    sentences += _debugging(prog, found, flags, data)
    sentences += _neighbours(prog, found)
    return sentences


def _flags(found: SlabObject) -> set[str]:
    """SLUB's debugging options of a cache."""
    try:
        flags, prog = int(found.handle.flags), found.handle.prog_
    except Exception:
        return set()
    named = set()
    for name, bits in _FLAGS.items():
        with suppress(LookupError):
            bits = 1 << int(prog.constant(f"_SLAB_{name}"))
        if flags & bits:
            named.add(name)
    return named


def _free_pointer(found: SlabObject) -> int | None:
    """Where in a free object SLUB keeps the pointer to the next one."""
    try:
        return int(found.handle.offset)
    except Exception:  # SLAB or SLOB
        return None


def _has_sheaves(found: SlabObject) -> bool:
    """Whether the cache hands out freed objects from arrays first, which writes nothing into them (Linux 6.18)."""
    try:
        return bool(found.handle.cpu_sheaves)
    except AttributeError:
        return False


def _debugging(prog: "drgn.Program", found: SlabObject, flags: set[str], data: bytes) -> list[str]:
    """What SLUB's debugging wrote around and into the object (mm/slub.c: print_trailer)."""
    sentences = []
    try:
        in_use = int(found.handle.inuse)
        left = int(found.handle.red_left_pad)
        free_pointer = int(found.handle.offset)
    except Exception:
        return []
    if "POISON" in flags and found.allocated is False and found.size > 1:
        damage = [
            at
            for at, byte in enumerate(data[: found.size])
            if byte != (0xA5 if at == found.size - 1 else 0x6B) and not free_pointer <= at < free_pointer + 8
        ]
        if damage:
            sentences.append(f"Its poison is damaged at +{damage[0]:#x}: somebody wrote to it after it was freed.")
        else:
            sentences.append("Its poison (0x6b) is whole: nobody wrote to it since it was freed.")
    if "RED_ZONE" in flags and in_use > found.size:
        wanted = 0xCC if found.allocated else 0xBB
        zone = data[found.size : in_use]
        if any(byte != wanted for byte in zone):
            sentences.append(f"The red zone behind it is overwritten: {zone[:16].hex(' ')}.")
        if left:
            try:
                before = bytes(prog.read(found.start - left, left))
            except Exception:
                before = b""
            if any(byte != wanted for byte in before):
                sentences.append(f"The red zone before it is overwritten: {before[-16:].hex(' ')}.")
    if "STORE_USER" in flags:
        sentences += _tracks(prog, found, in_use, free_pointer)
    return sentences


def _tracks(prog: "drgn.Program", found: SlabObject, in_use: int, free_pointer: int) -> list[str]:
    """Who allocated and freed it: two `struct track` behind the object (mm/slub.c)."""
    import drgn

    try:
        track = prog.type("struct track")
        size = drgn.sizeof(track)
    except Exception:  # without its type, where it is can't be told
        return []
    start = found.start + (free_pointer + 8 if free_pointer >= in_use else in_use)
    sentences = []
    for number, word in enumerate(_TRACKED):
        try:
            entry = drgn.Object(prog, track, address=start + number * size)
            address = int(entry.addr)
            if not address:
                continue
            by = _near_symbol(prog, address) or hex(address)
            sentences.append(f"It was {word} by {by}, pid {int(entry.pid)}, on CPU {int(entry.cpu)}.")
        except Exception:
            continue
    return sentences


def _neighbours(prog: "drgn.Program", found: SlabObject) -> list[str]:
    """The objects on both sides, where one of them is free: who writes past its end meets them."""
    words = []
    for name, start in (("before", found.start - found.stride), ("behind", found.start + found.stride)):
        other = slab_object(prog, start)
        if other is not None and other.start == start and other.slab == found.slab:
            state = {True: "allocated", False: "free", None: "of unknown state"}[other.allocated]
            words.append(f"the one {name} it ({start:#x}) is {state}")
    return [f"Of its neighbours {' and '.join(words)}."] if words else []


def _page_state(prog: "drgn.Program", address: int, what: str) -> list[str]:
    """The page of an address in the direct map."""
    from drgn.helpers.linux.mm import (
        compound_head,
        decode_page_flags,
        in_direct_map,
        page_to_pfn,
        virt_to_page,
        virt_to_pfn,
    )

    try:
        if not in_direct_map(prog, address):
            return []
        virt_to_pfn(prog, address)
    except Exception:  # how the map lies is not known
        return []
    try:
        page = compound_head(virt_to_page(prog, address))
        flags = decode_page_flags(page)
        count, mapping = int(page._refcount.counter), int(page.mapping)
        frame = int(page_to_pfn(virt_to_page(prog, address)))
    except Exception:  # no such page
        return [f"{what} ({address:#x}) is in the kernel's map of all memory, but there is no page of memory there."]
    if count:
        mapped = "anonymous" if mapping & 1 else "of a file" if mapping else "of nobody's mapping"
        state = f"{count} reference{'s' if count != 1 else ''}, {mapped}"
    else:
        state = _unreferenced(prog, page)
    return [f"{what} ({address:#x}) is in page frame {frame:#x}: {state}, flags {flags or 'none'}."]


def _unreferenced(prog: "drgn.Program", page: "drgn.Object") -> str:
    """What a page is that has no references: free, but in newer kernels slabs have none either (7.3; not in 6.12)."""
    try:
        types = {each.value: each.name for each in prog.type("enum pagetype").enumerators or ()}  # Linux 6.11
    except LookupError:
        return "free"
    kind = types.get(int(page.page_type) >> 24, "").removeprefix("PGTY_")
    return "free" if kind in ("", "buddy", "mapcount_underflow") else f"in use as {kind}"
