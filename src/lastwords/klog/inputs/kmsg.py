r"""/dev/kmsg and extended netconsole: `6,1234,5678901,-,caller=T1;text`.

`Documentation/ABI/testing/dev-kmsg` and `Documentation/networking/netconsole.rst` describe the format.
"""

import re

from lastwords.model import Record

from .dialect import last_line_end
from .printk import stamped
from .terminal import LONGEST_LINE, displayed

# What may stand in front: the receiver's note on the sender, and the sender's kernel release.
HEADER = re.compile(
    r"\n(?:([^;,\n]{1,80}) )?(?:[0-9]+\.[^,;\s]{1,80},)?"
    r"([0-9]{1,5}),([0-9]{1,18}),([0-9]{1,18}),([-c+][^;\n]{0,200});"
)
ESCAPED = re.compile(r"(?:\\x[0-9a-f]{2})+")
CALLER = re.compile(r"caller=([TC][0-9]{1,10})")
FRAGMENT = re.compile(r",ncfrag=([0-9]{1,9})/[0-9]{1,9}")
# ` SUBSYSTEM=pci` from the kernel's dictionary, ` key=value` from netconsole's userdata.
VARIABLE = re.compile(r" [\w.-]{1,255}=")

# A record is at most CONSOLE_EXT_LOG_MAX (8 KiB) in pieces of 1000 bytes; no fragment reaches back further.
LONGEST_RECORD = 1 << 15


class Kmsg:
    """Records of /dev/kmsg, one a line, variables on lines of their own, long ones in several fragments.

    Lost messages show as gaps in the sequence numbers. To see those between two calls of `records()`, the object
    remembers where it stopped; calls that don't go on there start afresh.
    """

    name = "netconsole-extended"
    line_oriented = True

    def __init__(self) -> None:
        self._next_line = 0
        self._last: dict[str, int] = {}

    def boundary(self, data: bytes) -> int:
        """Offset behind the last end of line, but not between the fragments of one record."""
        end = last_line_end(data)
        start = max(0, end - LONGEST_RECORD)
        tail = "\n" + data[start:end].decode("latin-1")
        boundary = end
        of_last = None
        for header in reversed(list(HEADER.finditer(tail))):
            sender, _, sequence, _, flags = header.groups()
            if not FRAGMENT.search(flags) or (sender, sequence) != (of_last or (sender, sequence)):
                break
            of_last = (sender, sequence)
            boundary = start + header.start()
        return boundary

    def records(self, data: bytes, line: int = 1) -> list[Record]:
        """Decode whole records."""
        if line != self._next_line:
            self._last.clear()
        self._next_line = line + data.count(b"\n")
        text, _ = displayed(data.replace(b"\r", b""))
        return self._records(text, line) if text else []

    def _records(self, text: str, line: int) -> list[Record]:
        records: list[Record] = []
        parts = HEADER.split("\n" + text.removesuffix("\n"))
        if parts[0]:
            records += stamped(parts[0][1:] + "\n", line)
            line += parts[0].count("\n")
        of_last = ("", "")
        for sender, priority, sequence, microseconds, flags, body in zip(
            parts[1::6], parts[2::6], parts[3::6], parts[4::6], parts[5::6], parts[6::6], strict=True
        ):
            message, end, others = body.partition("\n")
            fragment = "ncfrag=" in flags and FRAGMENT.search(flags)
            if fragment and int(fragment[1]) and (sender, sequence) == of_last:
                records[-1].text = (records[-1].text + message)[:LONGEST_LINE]
            else:
                level = int(priority)
                caller = CALLER.search(flags) if "caller=" in flags else None
                records.append(
                    Record(
                        line,
                        message,
                        int(microseconds) / 1_000_000,
                        caller[1] if caller else "",
                        level & 7,
                        "",
                        level < 8,
                        self._lost(sender, int(sequence)),
                    )
                )
            of_last = (sender, sequence)
            line += 1
            if end:
                records += _others(others, line)
                line += others.count("\n") + 1
        return _unescaped(records) if "\\x" in text else records

    def _lost(self, sender: str, sequence: int) -> int:
        last = self._last.get(sender, sequence)
        self._last[sender] = sequence
        return max(0, sequence - last - 1)


def _others(text: str, line: int) -> list[Record]:
    """Lines behind a record's own that are not its variables."""
    return [record for record in stamped(text + "\n", line) if not VARIABLE.match(record.text) and record.text != ""]


def _unescaped(records: list[Record]) -> list[Record]:
    r"""The kernel writes bytes that can't be printed as `\x1b`; an escaped end of line makes two records."""
    result: list[Record] = []
    for record in records:
        if "\\x" not in record.text:
            result.append(record)
            continue
        first, *others = ESCAPED.sub(_bytes, record.text).split("\n")
        record.text = first
        result.append(record)
        result += [
            Record(record.line, text, record.time, record.caller, record.level, "", record.kernel) for text in others
        ]
    return result


def _bytes(match: re.Match[str]) -> str:
    return bytes.fromhex(match[0].replace("\\x", "")).replace(b"\0", b"").decode("utf-8", "replace")
