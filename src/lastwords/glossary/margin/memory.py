"""Lines of memory checkers, of the allocators, of lists and counters, and of the OOM killer."""

import re

from .. import values
from .rule import Rule, joined, rule

_SHADOW = {
    "fa": "a freed slab object (old kernels: beside a global variable)",
    "fb": "a freed slab object",
    "fc": "the red zone beside a slab object: out of bounds",
    "fd": "a freed slab object",
    "fe": "the red zone behind a large allocation",
    "ff": "a freed page",
    "f1": "left of the first variable on the stack",
    "f2": "between variables on the stack",
    "f3": "right of the last variable on the stack",
    "f8": "vmalloc space not in use, or a variable out of its scope",
    "f9": "the red zone behind a global variable",
    "ca": "left of a variable-length array",
    "cb": "right of a variable-length array",
}


def _shadow(match: re.Match[str]) -> str:
    byte = match["byte"]
    if byte in _SHADOW:
        return f"the bad address's shadow byte, {byte}: {_SHADOW[byte]}"
    if "01" <= byte <= "07":
        return f"the bad address's shadow byte, {byte}: only {int(byte)} of 8 bytes may be used"
    return ""


_REFCOUNT = {
    "addition on 0": "a reference was taken to an object that was already dead",
    "underflow": "one put too many: the object is freed while others still use it",
    "saturated": "the counter was overrun; the object is leaked on purpose",
    "decrement hit 0": "refcount_dec() took the last reference; the object is leaked",
}


def _refcount(match: re.Match[str]) -> str:
    return next((text for start, text in _REFCOUNT.items() if match["what"].startswith(start)), "")


def _list(match: re.Match[str]) -> str:
    """`list_del corruption. prev->next should be A, but was B`: B tells what happened to the entry."""
    if "LIST_POISON" in match[0]:
        return "the entry was taken off its list before: deleted twice, or without a lock"
    found = re.search(r"but was ([0-9a-f]{8,16})\b", match[0])
    if found is None:
        return "the entry is on the list already" if "double add" in match[0] else ""
    value = int(found[1], 16)
    if value == 0:
        return "NULL: the neighbour was zeroed or never set up"
    text = values.telling(value, 64 if len(found[1]) > 8 else 32)
    return f"found there: {text}" if text else ""


def _oom(match: re.Match[str]) -> str:
    order = int(match["order"])
    if order < 0:
        return "asked for through sysrq"
    size = 4 << min(order, 20)
    text = f"{size} KiB" if size < 1024 else f"{size >> 10} MiB"
    return f"{match['comm']} asked for {text} in one piece; it need not be what filled the memory"


_CONSTRAINTS = {
    "CONSTRAINT_MEMCG": "a cgroup's limit was hit, not the machine's memory",
    "CONSTRAINT_CPUSET": "the nodes that a cpuset allows are full",
    "CONSTRAINT_MEMORY_POLICY": "the nodes that a NUMA policy allows are full",
    "CONSTRAINT_NONE": "the whole machine is out of memory",
}


def _constraint(match: re.Match[str]) -> str:
    return _CONSTRAINTS.get(match["constraint"], "")


def _killed(match: re.Match[str]) -> str:
    parts = [int(kb) >> 10 for kb in re.findall(r"(?:anon|file|shmem)-rss:(\d{1,12})kB", match.string)]
    return f"it used {sum(parts)} MiB of memory" if parts else ""


def _page_reason(match: re.Match[str]) -> str:
    reasons = {
        "nonzero _refcount": "somebody still uses the page, or there was one put too many",
        "nonzero _count": "somebody still uses the page, or there was one put too many",
        "nonzero mapcount": "a page table still maps the page",
        "non-NULL mapping": "the page still belongs to a file or to anonymous memory",
        "PAGE_FLAGS_CHECK_AT_FREE": "flags are set that a free page can't have",
        "PAGE_FLAGS_CHECK_AT_PREP": "flags are set that a free page can't have",
        "page still charged to cgroup": "a cgroup still accounts for the page",
    }
    return joined([text for key, text in reasons.items() if key in match[0]])


RULES: tuple[Rule, ...] = (
    rule("[", r">\s{0,4}[0-9a-f]{8,16}:[ 0-9a-f]{0,60}\[(?P<byte>[0-9a-f]{2})\]", _shadow),
    rule("refcount_t: ", r"refcount_t: (?P<what>.{1,80})", _refcount),
    rule("corruption", r"(?:slub |SLUB )?list_(?:add|del) corruption.{0,300}", _list),
    rule("list_add double add", r"list_add double add.{0,300}", _list),
    rule(
        "invoked oom-killer",
        r"(?P<comm>.{1,40}?) invoked oom-killer: .{0,300}?order=(?P<order>-?\d{1,3})",
        _oom,
    ),
    rule("oom-kill:constraint=", r"oom-kill:constraint=(?P<constraint>\w{1,40})", _constraint),
    rule("Killed process", r"(?:Memory cgroup out of memory|Out of memory).{0,40}Killed process", _killed),
    rule("page dumped because", r"page dumped because: .{1,300}", _page_reason),
    rule("bad magic", r"BUG: (?:spin|rw)lock bad magic", "the lock was never set up, was freed, or was overwritten"),
    rule(
        "trying to register non-static key",
        r"INFO: trying to register non-static key",
        "the lock was never set up, or its memory was freed or overwritten",
    ),
)
