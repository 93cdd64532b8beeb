"""The boots in one file, told apart by the kernel's banner."""

import re
from collections.abc import Sequence

from lastwords.model import Boot, Record

_RELEASE = re.compile(r"Linux version (\S+)")
# What the first messages of a boot say about the machine: field of Boot, and the text before its value.
_FACTS = (
    ("command_line", re.compile(r"(?:Kernel c|C)ommand line: (.*)")),
    (
        "hardware",
        re.compile(r"(?:DMI|Machine model|Hardware name|OF: fdt: Machine model|Machine|MIPS: machine is): (.+)"),
    ),
    (
        "hypervisor",
        re.compile(
            r"(?:Hypervisor detected: |x86/hyper: Hypervisor detected: |Booting paravirtualized kernel on )(.+)"
        ),
    ),
)
_EARLY = 1500
"""Records behind the banner that may hold these facts."""


def boots(banners: Sequence[Record], records: Sequence[Record], lines: int) -> tuple[Boot, ...]:
    """The boots of a log; what stands before the first banner counts as one if it is more than that boot's start.

    Args:
        banners: the `Linux version` records.
        records: what is at hand of the log, in order.
        lines: number of lines in the file.
    """
    starts = [banner.line for banner in banners]
    if not starts:
        return (Boot(number=1, line=1, last_line=lines, **_facts(records[:_EARLY])),)
    ends = [*(start - 1 for start in starts[1:]), lines]
    found = []
    for number, (banner, end) in enumerate(zip(banners, ends, strict=True), 1):
        release = _RELEASE.match(banner.text)
        early = [record for record in records if banner.line <= record.line <= end][:_EARLY]
        found.append(
            Boot(
                number=number,
                line=banner.line,
                last_line=end,
                release=release[1] if release else None,
                banner=banner.text[:1000],
                **_facts(early),
            )
        )
    return tuple(found)


def _facts(records: Sequence[Record]) -> dict[str, str]:
    facts: dict[str, str] = {}
    for record in records:
        for name, pattern in _FACTS:
            if name not in facts and (match := pattern.match(record.text)) is not None:
                facts[name] = match[1].strip()[:4096]
    return facts
