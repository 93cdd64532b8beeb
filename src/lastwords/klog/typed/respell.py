"""One typed line -> the line as the kernel would have printed it."""

import re
from functools import cache
from typing import Literal, NamedTuple

from . import words
from .prose import joints
from .prose import words as count_words
from .words import spelling

Part = Literal["headline", "body", "other"]

_LONGEST = 400
"""Characters of a line that are looked at."""
_MOST_WORDS = 12
"""Words of a panic's cause that no table knows."""

# What phones and word processors make of the signs on a keyboard.
_TYPOGRAPHY = str.maketrans(
    {
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        **dict.fromkeys("\u2018\u2019\u201a\u2032", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u2033", '"'),
        **dict.fromkeys("\u00a0\u2007\u2009\u202f", " "),
    }
)

# `12.345678]`, `[12.345678`, `(12,345678)`: printk's stamp with a bracket lost or misread.
_STAMP = re.compile(r"\s{0,8}[\[({|<lI]?\s{0,8}([0-9]{1,7})[.,]([0-9]{3,6})\s?[\])}|>JlI]?\s{1,8}(?=\S)")
_FRAME = re.compile(
    r"[^\w?]{0,12}(?:(?:0x)?[0-9a-fA-F]{8,16}[^\w?]{0,5})?(?P<doubt>\?\s{0,3})?(?P<name>[A-Za-z_][\w.]{0,127}?)\s?\+\s?[0oO]x"
    r"(?P<offset>[0-9a-fA-FoOlI]{1,6})\s?[/|]\s?[0oO]x(?P<size>[0-9a-fA-FoOlI]{1,6})"
    r"(?:\s{0,3}[\[({](?P<module>[A-Za-z][\w-]{1,55})[\])}]?)?\W{0,3}$"
)
_DIGITS = str.maketrans("oOlI", "0011")
_REGISTER = re.compile(
    r"\b(R[A-D]X|R[SD]I|R[SBI]P|R(?:0[89]|1[0-5])|E[A-D]X|E[SD]I|E[BSI]P|CR[0-4]|[ER]FLAGS|[CDESFG]S)\s?[:;=]\s?"
    r"([0-9a-fA-F]{4,16})\b",
    re.IGNORECASE,
)
_OTHER_REGISTERS = re.compile(r"\s{0,8}(?:[xr][0-9]{1,2}|sp|pc|lr)\s?:\s?[0-9a-f]{8,16}\b", re.IGNORECASE)
# `RIP  [<ffffffff8142a7c3>] func+0x23/0x90`, as x86 printed it until Linux 4.9.
_OLD_POINTER = re.compile(r"\s{0,3}([er]ip)\W{1,6}([0-9a-f]{8,16})\W{1,4}(?=[a-z_])", re.IGNORECASE)
_BLOCK = re.compile(r"unknown[\W_]{0,3}b[l1|][o0]ck[\W_]{0,3}([0-9]{1,3})[\W_]{1,3}([0-9]{1,3})[)\]}]?", re.IGNORECASE)
_EXIT_CODE = re.compile(r"exit\s?code\s?=\s?(?=[0-9])", re.IGNORECASE)


UNKNOWN = "\u2026"
"""What stands for a panic's cause where the text has none."""


class Respelt(NamedTuple):
    """A line in the kernel's spelling.

    Attributes:
        text: the message.
        part: what it is of a crash report.
        time: seconds since boot, of a stamp that was not printk's any more.
    """

    text: str
    part: Part
    time: float | None = None


def respelt(text: str) -> Respelt:
    """A line as the kernel would have printed it; as it stands where it says nothing that the kernel says."""
    text = text.translate(_TYPOGRAPHY)[:_LONGEST].rstrip()
    time: float | None = None
    if (stamp := _STAMP.match(text)) is not None:
        time, text = float(f"{stamp[1]}.{stamp[2]}"), text[stamp.end() :]
    if (told := _headline(text)) is not None:
        return Respelt(told, "headline", time)
    if (told := _line_of_a_report(text)) is not None:
        return Respelt(told, "body", time)
    return Respelt(text, "other", time)


def _headline(text: str) -> str | None:
    return _panic(text) or _sentence(text) or _fault(text)


def _panic(text: str) -> str | None:
    """`Kernel panic - not syncing: …`, with a cause that is not the beginning of a sentence about panics."""
    for wording in (words.END_OF_PANIC, words.PANIC):
        match = spelling(wording).pattern.match(text)
        if match is None:
            continue
        rest = text[match.end() :].strip().removesuffix("]---").strip(" -]")
        cause, following = _cause(rest)
        if not cause and rest and not match[0].rstrip().endswith((":", ";", "-", ".")):
            return None
        if joints(following) > 1 or count_words(following) > _MOST_WORDS:
            return None
        reason = _joined(cause, following) or UNKNOWN
        return f"{wording}: {reason}" + (" ]---" if wording == words.END_OF_PANIC else "")
    return _short_panic(text)


_SHORT_PANIC = re.compile(r"\s{0,3}kernel\s{1,4}panic\s{0,3}[:;-]\s{0,4}", re.IGNORECASE)


def _short_panic(text: str) -> str | None:
    """`Kernel panic: …`, as people shorten it, with a cause that is the kernel's own."""
    match = _SHORT_PANIC.match(text)
    cause, following = _cause(text[match.end() :].strip()) if match is not None else ("", "")
    if not cause or joints(following) > 1 or count_words(following) > _MOST_WORDS:
        return None
    return f"{words.PANIC}: {_joined(cause, following)}"


def _cause(rest: str) -> tuple[str, str]:
    """The cause in the kernel's words, empty where it is not a known one, and what follows it."""
    for cause in words.CAUSES:
        match = spelling(cause).pattern.match(rest)
        if match is not None:
            following = _BLOCK.sub(r"unknown-block(\1,\2)", rest[match.end() :])
            return cause, _EXIT_CODE.sub("exitcode=", following).lstrip(" ,:;")
    return "", rest


@cache
def _sentences() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(r"\s{0,3}" + pattern, re.IGNORECASE), kernels) for pattern, kernels in words.SENTENCES)


def _sentence(text: str) -> str | None:
    for pattern, kernels in _sentences():
        match = pattern.match(text)
        if match is not None and joints(following := text[match.end() :]) <= 1:
            return _joined(match.expand(kernels), following)
    return None


def _fault(text: str) -> str | None:
    for wording, ahead in words.HEADLINES:
        match = spelling(wording, ahead).pattern.match(text)
        if match is not None and joints(following := text[match.end() :]) <= 1:
            return _joined(wording, following.lower() if "0x" not in ahead else following)
    for wording, whole, ahead in words.SHORTENED:
        match = spelling(wording, ahead).pattern.match(text)
        if match is not None:
            return _joined(whole, text[match.end() :].lower())
    return None


def _line_of_a_report(text: str) -> str | None:
    frame = _FRAME.match(text)
    if frame is not None:
        return _frame(frame)
    trace = spelling(words.CALL_TRACE).pattern.match(text)
    if trace is not None and trace.end() == len(text):
        return words.CALL_TRACE
    pointer = _OLD_POINTER.match(text)
    if pointer is not None and (place := _FRAME.match(text[pointer.end() :])) is not None:
        return f"{pointer[1].upper()}  [<{pointer[2].lower()}>]{_frame(place)}"
    for wording in words.BODY:
        match = spelling(wording).pattern.match(text)
        if match is not None:
            return _beginning(wording, text[match.end() :])
    first = _REGISTER.search(text)
    if first is not None and not text[: first.start()].strip():
        return _registers(text)
    return text if _OTHER_REGISTERS.match(text) is not None else None


def _beginning(wording: str, rest: str) -> str:
    """A line that begins with one of `words.BODY`."""
    if wording == "CPU:":
        for inside in words.INSIDE:
            rest = spelling(inside.strip()).pattern.sub(lambda match, inside=inside: inside.rstrip() + " ", rest, 1)  # type: ignore[misc]
        return f"{wording} {re.sub(' {2,}', ' ', rest)}"
    place = _FRAME.match(rest)
    if place is not None:
        return wording + ("" if wording[-2:-1].isdigit() else " ") + _frame(place).strip()
    if wording in ("CR2:", "RIP:", "EIP:") or wording[-2:-1].isdigit():
        return _joined(wording, _registers(rest).lower() if wording == "CR2:" else rest)
    return _joined(wording, rest)


def _registers(text: str) -> str:
    return _REGISTER.sub(lambda match: f"{match[1].upper()}: {match[2].lower()}", text)


def _frame(match: re.Match[str]) -> str:
    offset, size = match["offset"].translate(_DIGITS).lower(), match["size"].translate(_DIGITS).lower()
    module = f" [{match['module']}]" if match["module"] else ""
    return f" {'? ' if match['doubt'] else ''}{match['name']}+0x{offset}/0x{size}{module}"


def _joined(wording: str, rest: str) -> str:
    return f"{wording.rstrip()} {rest.strip()}".strip()
