"""From what a user asks to what the glossary says: terms, values to decode, near misses."""

import difflib
import re
from collections.abc import Callable
from functools import cache

import msgspec

from . import codes, errno, margin, poison, syscalls, taints, values
from .book import subjects
from .machine_check import machine_check_status, may_be_status
from .term import Explanation, Subject, Term


def explain(question: str, *, exactly: bool = False) -> tuple[Explanation, ...]:
    """What the glossary knows about a term, a value, or a line of a report; empty where it knows nothing.

    Args:
        question: as typed or pasted: `RIP`, `not syncing`, `Tainted: G W OE`, `-12`, `dead000000000122`, a whole line.
        exactly: only a term's name or a value; not a line that a term stands in.

    Example:
        >>> explain("-12")[0].reading
        ('-12 is -ENOMEM: out of memory',)
    """
    question = " ".join(question[:1000].split())
    found = _merged([*_terms(question), *_decoded(question)])
    return tuple(found) if found or exactly else tuple(_of_line(question))


def _merged(found: list[Explanation]) -> list[Explanation]:
    """One explanation a term, with all that was read."""
    result: dict[tuple[str, str], Explanation] = {}
    for one in found:
        before = result.get((one.subject, one.term))
        if before is not None:
            one = msgspec.structs.replace(one, reading=tuple(dict.fromkeys((*before.reading, *one.reading))))
        result[one.subject, one.term] = one
    return list(result.values())


def subject(name: str) -> Subject | None:
    """The subject of that name."""
    return next((s for s in subjects() if s.name == name.strip().lower()), None)


def near_misses(question: str) -> tuple[str, ...]:
    """Names that look like what was asked for, best first; at most five."""
    wanted = _key(question[:100])
    inside = [key for key in _index() if wanted and len(wanted) > 2 and wanted in key]
    close = difflib.get_close_matches(wanted, _index(), n=8, cutoff=0.7)
    names = [_spelling(key) for key in (*close, *sorted(inside, key=len))]
    return tuple(dict.fromkeys(names))[:5]


def _spelling(key: str) -> str:
    """A name to ask for: the term's own, unless that is a mere letter."""
    _, term = _index()[key][0]
    return term.name if len(term.name) > 1 else next(n for n in (*term.aliases, term.name) if _key(n) == key)


@cache
def _index() -> dict[str, list[tuple[Subject, Term]]]:
    index: dict[str, list[tuple[Subject, Term]]] = {}
    for one in subjects():
        for term in one.terms:
            for key in dict.fromkeys(_key(name) for name in (term.name, *term.aliases)):
                index.setdefault(key, []).append((one, term))
    return index


def _key(text: str) -> str:
    """What two spellings of a term have in common. One letter keeps its case: `D` is a state, `t` another."""
    text = text.strip().strip("'\"`").rstrip(":!.,").strip()
    return text if len(text) == 1 else text.lower().replace("_", " ").replace("-", " ").strip() or text


def _terms(question: str) -> list[Explanation]:
    reading = tuple(text for text in (margin.note(question),) if text)
    return [_explanation(one, term, reading) for one, term in _index().get(_key(question), ())]


def _explanation(one: Subject, term: Term, reading: tuple[str, ...] = ()) -> Explanation:
    return Explanation(term.name, one.name, term.short, term.long, term.see, term.related, reading)


def _named(name: str, *reading: str) -> Explanation:
    """The explanation of a term that is known to exist, with values put into words."""
    found = _index()[_key(name)]
    one, term = next((entry for entry in found if entry[1].name == name), found[0])
    return _explanation(one, term, reading)


# Values

_TAINT_MASK = re.compile(r"(?:kernel\.)?taint(?:ed)?(?: mask)?[ :=]{1,3}(0x[0-9a-f]{1,8}|\d{1,10})", re.IGNORECASE)
_TAINT_LETTERS = re.compile(r"(?i:taint(?:ed)?):? ((?:[A-Z]{1,20} ?){1,20})(?:\[.{0,500})?")
_NAMED = re.compile(r"([A-Za-z][\w ]{0,24}?) ?[=:] ?(-?(?:0x)?[0-9a-fA-F]{1,16})")
_ERROR_WORDS = r"(?:errno|error|err|ret|rc|returned|status|code)"
_NEGATIVE = re.compile(rf"(?:ERR_PTR\(|{_ERROR_WORDS}[ =:]{{1,3}})?-(\d{{1,4}})\)?", re.IGNORECASE)
_NEGATIVE_INSIDE = re.compile(rf"\b{_ERROR_WORDS}[ =:(]{{1,3}}-(\d{{1,4}})\b", re.IGNORECASE)
_XID = re.compile(r"(?:NVRM: )?Xid(?: \([^)]{1,40}\))?[ :]{1,3}(\d{1,4})(?:,.{0,900})?", re.IGNORECASE)
# `MCi_STATUS 0xbe…`, `STATUS be…` of mcelog, `MC4_STATUS[Over|UE]: 0x9c…` of AMD's decoder, `Bank 8: be…`.
_MCE_STATUS = re.compile(
    r"(?:[^:]{0,40}: ?)??(?:(?:MC(?:i|\d{1,2})?[ _]?)?STATUS(?:\[[^\]]{0,80}\])?|bank ?\d{1,3}) ?[:=]? ?"
    r"(?:0x)?([89a-f][0-9a-f]{15})\b.{0,200}",
    re.IGNORECASE,
)
_HEXADECIMAL = re.compile(r"0x([0-9a-f]{1,16})|([0-9a-f]{8}|[0-9a-f]{16})", re.IGNORECASE)
_LOCK = re.compile(r"(?:\{(?P<usage>[.+?-]{4})\})?-?(?:\{(?P<outer>\d):\d\})?")
_DECIMAL = re.compile(r"\d{1,10}")


def _decoded(question: str) -> list[Explanation]:
    """Values, by the first form that fits."""
    if match := _TAINT_MASK.fullmatch(question):
        return [_named("Tainted", *_mask(int(match[1], 0)))]
    if match := _TAINT_LETTERS.fullmatch(question):
        return [_named("Tainted", *_letters(match[1]))]
    if match := _NEGATIVE.fullmatch(question):
        return _error(int(match[1]))
    if match := _XID.fullmatch(question):
        return [_named("Xid", f"{match[1]}: code {match[1]} of the list that NVIDIA publishes for its driver")]
    if (match := _NAMED.fullmatch(question)) and (decode := _FIELDS.get(_key(match[1]))):
        term, base, words = decode
        try:
            text = words(int(match[2], base if not match[2].lower().startswith("0x") else 16))
        except ValueError:
            return []
        return [_named(term, f"{match[2]}: {text or 'nothing known of this value'}")]
    if match := _MCE_STATUS.fullmatch(question):
        status = int(match[1], 16)
        return [_named("MCi_STATUS", f"{match[1]}: {_joined(machine_check_status(status))}")]
    if match := _HEXADECIMAL.fullmatch(question):
        return _number(int(match[1] or match[2], 16), 64 if len(match[1] or match[2]) > 8 else 32)
    if match := _LOCK.fullmatch(question):
        return _lock(match)
    if _DECIMAL.fullmatch(question):
        return _decimal(int(question))
    if re.fullmatch(r"[A-Z]{1,3}( {1,3}[A-Z]{1,12}){1,8}", question) and question[0] in "GP":
        return [_named("Tainted", *_letters(question))]
    return []


def _joined(words: tuple[str, ...]) -> str:
    return ", ".join(words)


def _system_call(number: int) -> str:
    name = syscalls.x86_64(number)
    return f"system call {number}: {name}()" if name else ""


# What is asked as `NAME=VALUE`: the term, the base of the number, and how to put it into words.
_FIELDS: dict[str, tuple[str, int, Callable[[int], str]]] = {
    "oops": ("Oops", 16, lambda v: _joined(codes.page_fault(v)) + " (if it was a page fault on x86)"),
    "error code": ("#PF", 16, lambda v: _joined(codes.page_fault(v))),
    "esr": ("ESR", 16, lambda v: _joined(codes.arm64_syndrome(v))),
    "esr el1": ("ESR", 16, lambda v: _joined(codes.arm64_syndrome(v))),
    "internal error": ("ESR", 16, lambda v: _joined(codes.arm64_syndrome(v))),
    "dsisr": ("DSISR", 16, lambda v: _joined(codes.dsisr(v))),
    "cause": ("cause", 16, codes.riscv_cause),
    "scause": ("cause", 16, codes.riscv_cause),
    "exitcode": ("exitcode", 16, codes.exit_code),
    "exit code": ("exitcode", 16, codes.exit_code),
    "preempt count": ("preempt_count", 16, lambda v: _joined(codes.preempt_count(v)) or "nothing forbids sleeping"),
    "mci status": ("MCi_STATUS", 16, lambda v: _joined(machine_check_status(v))),
    "mce": ("MCi_STATUS", 16, lambda v: _joined(machine_check_status(v))),
    "orig rax": ("ORIG_RAX", 16, _system_call),
    "eflags": ("EFLAGS", 16, margin.flags),
    "errno": ("ERR_PTR", 10, lambda v: _errno_text(abs(v))),
    "cr2": ("CR2", 16, values.address),
    "dar": ("DAR", 16, values.address),
    "far": ("FAR", 16, values.address),
}


def _mask(mask: int) -> list[str]:
    known = taints.from_mask(mask)
    rest = mask & ~sum(1 << taint.bit for taint in known)
    reading = [f"{taint.letter} (bit {taint.bit}, {taint.name}): {taint.meaning}" for taint in known]
    if rest:
        reading.append(f"{rest:#x}: bits that no kernel known here defines")
    return reading or ["0: not tainted"]


def _letters(text: str) -> list[str]:
    known = taints.from_letters(text.upper())
    reading = [f"{taint.letter} (bit {taint.bit}, {taint.name}): {taint.meaning}" for taint in known]
    if "G" in text.upper():
        reading.insert(0, f"G: {taints.NO_PROPRIETARY}")
    unknown = {c for c in text.upper() if c.isalpha()} - {t.letter for t in known} - {"G"}
    return reading + [f"{letter}: not known" for letter in sorted(unknown)]


def _errno_text(number: int) -> str:
    entry = errno.BY_NUMBER.get(number)
    return f"-{entry.name}: {entry.meaning}" if entry else ""


def _error(number: int) -> list[Explanation]:
    entry = errno.BY_NUMBER.get(number)
    return [_named(entry.name, f"-{number} is -{entry.name}: {entry.meaning}")] if entry else []


def _number(value: int, bits: int) -> list[Explanation]:
    """A hexadecimal number, read as everything that it may be."""
    found = []
    hit = poison.recognise(value, bits) or poison.recognise(value)
    if hit is not None:
        found.append(_named(hit.poison.name, *((values.poisoned(hit),) if hit.offset else ())))
    for width in {bits, 64}:
        number = errno.from_pointer(value, width)
        if number is not None and number in errno.BY_NUMBER:
            found.append(_named("ERR_PTR", f"{value:#x} is {-number}: {_errno_text(number)}"))
    if not found:
        text = values.address(value, bits) or values.canonical(value)
        reading = [f"as an address: {text}"] if text else []
        if value < 0x100:
            reading.append(f"as an x86 page fault's error code: {_joined(codes.page_fault(value))}")
        if value >> 26 in (0x21, 0x25, 0x2F, 0x3C) and value < 1 << 32:
            reading.append(f"as an arm64 ESR: {_joined(codes.arm64_syndrome(value))}")
        if bits == 64 and may_be_status(value):
            status = f"as MCi_STATUS of a machine check: {_joined(machine_check_status(value))}"
            reading.insert(0, status)
        if reading:
            found.append(Explanation(f"{value:#x}", "", "a number", reading=tuple(reading)))
    return found


def _lock(match: re.Match[str]) -> list[Explanation]:
    """Lockdep's `{+.+.}-{3:3}`."""
    found = []
    if match["usage"]:
        found.append(_named("{+.+.}", margin.lock_usage(match["usage"]) or "never taken in an interrupt"))
    if match["outer"]:
        found.append(_named("{3:3}"))
    return found


def _decimal(value: int) -> list[Explanation]:
    """A decimal number: a taint mask, an error number."""
    reading = [f"as a taint mask: {text}" for text in (_mask(value) if taints.from_mask(value) else ())]
    if value in errno.BY_NUMBER:
        reading.append(f"as an error number: {errno.BY_NUMBER[value].name}: {errno.BY_NUMBER[value].meaning}")
    return [Explanation(str(value), "", "a number", reading=tuple(reading))] if reading else []


# Lines

_PREFIX = re.compile(r"(?:<\d{1,3}>)?(?:\[ {0,10}\d{1,10}\.\d{1,9}\] ?)?(?:\[ {0,4}[TC]\d{1,8}\] ?)?")
_LEAST = 2
_AT_START = 6
"""Letters that a term at the line's beginning counts more than one inside."""


def _of_line(question: str) -> list[Explanation]:
    """A pasted line: the term that it begins with, or that stands in it, and its values."""
    line = question[_prefix_end(question) :]
    readings = tuple(text for text in (margin.note(line), *_registers(line)) if text)
    lower = _key(line)
    best = max(
        (key for key in _index() if len(key) > _LEAST and _stands_in(key, lower)),
        key=lambda key: len(key) + _AT_START * lower.startswith(key),
        default=None,
    )
    numbers = (f"-{n}: {text}" for n in _NEGATIVE_INSIDE.findall(line) if (text := _errno_text(int(n))))
    readings += tuple(dict.fromkeys(numbers))
    if best is None:
        return [Explanation(line, "", "a line of a report", reading=readings)] if readings else []
    share = 2 if len(lower) < 30 else 4
    if not readings and not lower.startswith(best) and len(best) * share <= len(lower):
        return []  # A word that happens to stand there; near misses help more.
    return [_explanation(one, term, readings) for one, term in _index()[best][:1]]


_REGISTER = re.compile(r"\b([A-Za-z][A-Za-z0-9]{1,3})\s{0,3}: ?([0-9a-f]{16}|[0-9a-f]{8})\b")


def _registers(line: str) -> list[str]:
    """The telling values of a line of registers."""
    found = ((name, values.telling(int(digits, 16), 4 * len(digits))) for name, digits in _REGISTER.findall(line))
    return [f"{name} = {words}" for name, words in found if words]


def _prefix_end(text: str) -> int:
    match = _PREFIX.match(text)
    return match.end() if match else 0


def _stands_in(key: str, line: str) -> bool:
    """As words of its own."""
    at = line.find(key)
    if at < 0:
        return False
    end = at + len(key)
    before = line[at - 1 : at] if key[0].isalnum() else ""
    after = line[end : end + 1] if key[-1].isalnum() else ""
    return not before.isalnum() and not after.isalnum()
