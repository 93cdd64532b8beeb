"""Log files of syslog daemons, and what journalctl prints in their style."""

import re

from lastwords.model import Record

from .printk import Printk, stamped

_WALL = (
    r"[A-Z][A-Za-z][A-Za-z] [ 0-9][0-9] [0-9:.]{8,15}"
    r"|[0-9]{4}-[0-9][0-9]-[0-9][0-9]T[0-9:.]{8,18}(?:Z|[+-][0-9:]{4,5})?"
)
_PROGRAM = r"([^\s:\[\]]{1,128})(?:\[[0-9]{0,10}\])?:"
_STAMP = r"\[ {0,8}([0-9]{1,12}\.[0-9]{6})\](?: ?\[ {0,8}([TC][0-9]{1,10})\])? ?"

# No host has a bracket; metalog writes the program's name in brackets in its place.
LINE = re.compile(rf"\n({_WALL}) [^\s:\[]{{1,255}} {_PROGRAM}(?: :(?= ))? ?(?:{_STAMP})?")
PROGRAM = re.compile(rf"(?:[^\s:]{{1,255}} )?{_PROGRAM} ?")
KERNEL = frozenset(("kernel", "KERNEL", "Kernel"))


class Syslog(Printk):
    """`Nov 23 10:00:00 host kernel: [   12.345678] text` and its like. Other lines are tried as console text."""

    def _records(self, text: str, line: int) -> list[Record]:
        if not text:
            return []
        records: list[Record] = []
        append = records.append
        # Each line now has its end in front, so that the pattern starts with a character that is quick to find.
        parts = LINE.split("\n" + text.removesuffix("\n"))
        if parts[0]:
            records += stamped(parts[0][1:] + "\n", line)
            line += parts[0].count("\n")
        for wall, program, time, caller, message in zip(
            parts[1::5], parts[2::5], parts[3::5], parts[4::5], parts[5::5], strict=True
        ):
            append(Record(line, message, float(time) if time else None, caller or "", None, wall, program in KERNEL))
            line += 1
            if "\n" in message:
                records[-1].text, _, others = message.partition("\n")
                records += stamped(others + "\n", line)
                line += others.count("\n") + 1
        return records


class Monotonic(Printk):
    """`journalctl -o short-monotonic`: `[   12.345678] host kernel: text`."""

    def _records(self, text: str, line: int) -> list[Record]:
        records = stamped(text, line)
        for record in records:
            if record.time is not None and (match := PROGRAM.match(record.text)):
                record.text = record.text[match.end() :]
                record.kernel = match[1] in KERNEL
        return records
