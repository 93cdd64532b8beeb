"""Lines that a mail program or a narrow window wrapped: put together again, where the kernel's own wording tells.

A line is broken at a blank, and what stood behind it gets a line of its own, without the time stamp of the first half:

    > [  332.080826] CPU: 18 PID: 18440 Comm: sshd Kdump: loaded Not tainted
    > 6.10.0-2.x86_64 #2

Whether the halves belong together is told by their words alone: the first ends where the kernel never ends a line, and
the second begins as its line goes on. Long lists of modules and code are read on by `facts.continuation()`.
"""

import re
from typing import NamedTuple

from msgspec import structs

from lastwords.model import Record

from .decode.modules import goes_on

_SOON = 80
_LONGEST = 400
"""Characters of a line that are looked at: nobody wraps later."""


class _Break(NamedTuple):
    """Where the lines of one sort may have been broken.

    Attributes:
        line: how such a line begins.
        ends: how its first half may end, at the word before the break.
        goes_on: how its second half begins.
        glue: what stood between them.
    """

    line: str
    ends: str
    goes_on: str
    glue: str = " "


_FUNCTION = r"[A-Za-z_.:][\w.:$]{0,200}\+0x[0-9a-f]"
_PLACE = r"[^\s:]{1,200}:\d{1,6}"

_BREAKS = (
    # arch/x86/mm/fault.c: show_fault_oops()
    _Break(
        r".{0,12}nable to handle|.{0,5}kernel NULL",
        r"handle|kernel|NULL|pointer|paging|page|fault|for|dereference,?|request|at|virtual|address:?",
        r"(?:kernel|NULL|pointer|dereference|paging|page|fault|at|for|virtual|address|request)\b|\(null\)"
        r"|(?:0x)?(?:[0-9a-f]{16}|[0-9a-f]{8})\s*\Z",
    ),
    # arch/x86/kernel/traps.c, arch/x86/kernel/dumpstack.c: __die_header()
    _Break(
        r"(?:Oops: )?general protection",
        r"protection|fault,|probably|for|non-canonical|address|[0-9a-f]{4}",
        r"fault[,:]|probably |for non|non-canonical |address |0x|\[#\d",
    ),
    _Break(r"(?:Oops: )?(?:invalid op|divide error|stack segment|Oops:|double fault)", r"[0-9a-f]{4}", r"\[#\d"),
    # lib/bug.c: report_bug(), kernel/panic.c: __warn()
    _Break(r"(?:-+\[ cut here \]-+)?kernel BUG", r"at", rf"{_PLACE}!"),
    _Break(r"WARNING:", r"at|WARNING:|CPU: ?\d{1,5}|PID: ?\d{1,9}", rf"PID: ?\d|at \S|{_PLACE}\b"),
    _Break(r"WARNING:", _PLACE, _FUNCTION),
    # mm/page_alloc.c: bad_page(), kernel/fork.c: check_mm()
    _Break(r"(?:BUG: )?Bad page (?:state|map)", r"state|map|in|process|process \S{1,15}", r"(?:in |process )|\S{1,15} {1,2}pfn:|pfn:|pte:"),
    _Break(r"(?:BUG: )?Bad rss-counter", r"state|mm:\S{1,20}|idx:\d", r"mm:|idx:|type:|val:"),
    # kernel/panic.c, kernel/exit.c
    _Break(
        r"Kernel panic - not|---\[ end Kernel panic",
        r"not|syncing:|Fatal|Fatal exception in|Attempted|Attempted to|Attempted to kill|Aiee,|Aiee, killing|killing interrupt|panic_on_warn",
        r"syncing: |[A-Za-z_]{3}",
    ),
    # kernel/watchdog.c, kernel/hung_task.c, kernel/sched/core.c
    _Break(r".{0,20}BUG: soft lockup", r"-|CPU#\d{1,5}|stuck|for", r"- CPU|CPU#\d|stuck |for \d|\d{1,9}s! "),
    _Break(r"INFO: task", r"blocked|for|more|than|\d{1,9}", r"blocked |for |more |than |\d{1,9} seconds|seconds"),
    _Break(
        r"(?:BUG: )?scheduling while|BUG: sleeping function",
        r"while|atomic:|called|from|invalid|context|at",
        r"atomic:|\S{1,20}/\d{1,9}/0x|called |from |invalid |context |at |\S{1,200}:\d{1,6}\s*\Z",
    ),
    # lib/dump_stack.c: dump_stack_print_info()
    _Break(
        r"CPU: \d|Pid: \d",
        r"PID: \d{1,9}|[Cc]omm:|[Cc]omm: \S{1,15}|Kdump:|loaded|Not|tainted|Tainted:|[A-Z]",
        r"PID: \d|[Cc]omm: |\S{1,15} (?:Kdump: |Not tainted |Tainted: )|Kdump: |loaded |Not |tainted |Tainted: |[A-Z](?: {0,12}[A-Z]){0,20} {1,12}\d|\d\S*(?: |\Z)|[a-z]\S* #\d",
    ),
    _Break(r"CPU: \d|Pid: \d", r"\d\.\d\S{0,100}", r"#\d"),
    _Break(r"Hardware name:", r"[^/]{1,200}|.{0,200}/[^/\d][^/]{0,100}", r"(?:.{0,60} )?(?:BIOS \S|\d\d/\d\d/\d{4})"),
    _Break(r"Process ", r"\(pid:|Process \S{1,15}", r"\d{1,9}, |\(pid: \d"),
    # arch/x86/kernel/process_{32,64}.c: __show_regs()
    _Break(
        r"(?:[RE][A-Z0-9]{2}|[re][a-ds][xip]|[a-zA-Z][sS]|[CD]R\d|EFLAGS):",
        r"(?:[RE][A-D0-9S][XIP0-9]|e[a-ds][xip]|[a-z]s|[A-Z]S|[CD]R\d|EFLAGS|ORIG_RAX|knlGS):",
        r"[0-9a-f]{4,16}(?:\b|\()",
    ),
    _Break(r"EFLAGS:", r"[0-9a-f]{8}", r"\(\d\.\d"),
    _Break(r"[RE]IP:", r"[RE]IP:|[0-9a-f]{4}:", rf"[0-9a-f]{{4}}:|\[<|{_FUNCTION}", ""),
    # arch/x86/kernel/dumpstack.c: printk_stack_address()
    _Break(r"", r"<[0-9a-f]{8,16}>\]?(?: \?)?", rf"(?:\? )?{_FUNCTION}"),
    _Break(r"", r"[A-Za-z_][\w.$]{0,200}", r"\+0x[0-9a-f]{1,6}(?:/0x|\s*\Z)", ""),
    _Break(r"", r"\+0x[0-9a-f]{1,6}/0x[0-9a-f]{1,6}", r"\[[a-z][\w-]{1,60}\]\s*\Z"),
)  # fmt: skip


class _Rule(NamedTuple):
    line: re.Pattern[str]
    ends: re.Pattern[str]
    goes_on: re.Pattern[str]
    glue: str


def _before(ends: str) -> str:
    return "" if ends.startswith(r"\+") else r"(?<![\w/])"


_RULES = tuple(
    _Rule(re.compile(one.line), re.compile(_before(one.ends) + rf"(?:{one.ends})\Z"), re.compile(one.goes_on), one.glue)
    for one in _BREAKS
)
# Most lines of a report are no line that could go on so: one look tells.
_SECOND_HALF = re.compile("|".join(f"(?:{one.goes_on})" for one in _BREAKS))

_OPEN = " >]?:"
"""How a line ends that was broken before a function: behind its address, or behind the name of the register."""


def _open(first: str, second: str) -> bool:
    """Whether a line with a function may be the second half of the one before."""
    return second[:1] == "+" or first[-1:] in _OPEN or first.startswith("WARN")


def rejoined(records: list[Record]) -> list[Record]:
    """The records with wrapped lines put together; the number of such a line is that of its first half.

    Args:
        records: in the order of the file. They are not changed.
    """
    halves = [
        i
        for i, record in enumerate(records)
        if record.time is None
        and i
        and not record.wall
        and ("+0x" not in record.text or _open(records[i - 1].text, record.text))  # most lines are frames
    ]
    whole: list[Record] | None = None
    end = 0  # of the records that are in `whole`
    last = -1  # the last one that was put to the one before it
    for index in halves:
        before = whole[-1] if whole is not None and last == index - 1 else records[index - 1]
        joined = _joined(before.text, records[index].text)
        if joined is None and (before.time is not None or before.wall):
            joined = _modules(before.text, records[index].text)
        if joined is None:
            continue
        if whole is None:
            whole = []
        if last != index - 1:
            whole += records[end:index]
        whole[-1] = structs.replace(before, text=joined)
        end = index + 1
        last = index
    return records if whole is None else [*whole, *records[end:]]


def _modules(first: str, second: str) -> str | None:
    """A list of modules broken so soon that it is no list yet: what stood in front of the line made it long."""
    if not first.startswith("Modules linked in:") or len(first) > _SOON or not goes_on(second.strip()):
        return None
    return f"{first.rstrip()} {second.strip()}"


def _joined(first: str, second: str) -> str | None:
    """The line that two halves make, or None."""
    second = second.strip()
    if _SECOND_HALF.match(second) is None or len(first) > _LONGEST:
        return None
    first = first.rstrip()
    beginning = first.lstrip()
    for rule in _RULES:
        if (
            rule.goes_on.match(second) is not None
            and rule.line.match(beginning) is not None
            and rule.ends.search(first, max(len(first) - 240, 0)) is not None
        ):
            return f"{first}{rule.glue}{second}"
    return None
