"""EDAC's counters: `/sys/devices/system/edac/mc/mcN/…` (Documentation/ABI/testing/sysfs-devices-edac), since boot.

They come as files below that path, or as one text with a `path:value` a line, as `grep -r . /sys/devices/system/edac`
prints.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from lastwords.model.history import HardwareError, Severity

_PATH = re.compile(r"edac/mc/(mc\d{1,4})/(?:((?:dimm|rank|csrow)\d{1,4})/)?([a-z0-9_]{1,40})$")
_COUNTERS: dict[str, Severity] = {
    "ce_count": "corrected",
    "ue_count": "uncorrected",
    "dimm_ce_count": "corrected",
    "dimm_ue_count": "uncorrected",
    "ce_noinfo_count": "corrected",
    "ue_noinfo_count": "uncorrected",
}
_LABELS = ("dimm_label", "dimm_location")
_WORDS: dict[Severity, str] = {"corrected": "corrected memory errors", "uncorrected": "uncorrected memory errors"}


def looks_like_edac(lines: Iterable[str]) -> bool:
    """Whether a text has EDAC's counters, a path and a value a line."""
    return any(_split(line) is not None for line in lines)


def read_edac(lines: Iterable[str], path: str) -> Iterator[HardwareError]:
    """The counters of a text with a path and a value a line; see `edac_errors()`."""
    pairs = [pair for line in lines if (pair := _split(line)) is not None]
    yield from edac_errors({name: (value, path) for name, value in pairs})


def edac_errors(values: Mapping[str, tuple[str, str]]) -> Iterator[HardwareError]:
    """One error for each counter that is not 0, of DIMMs where they are counted, else of the controller.

    Args:
        values: of each file of EDAC, by its path on the host: what stands in it, and the path of the evidence.
    """
    found = {match.groups(): value for name, value in values.items() if (match := _PATH.search(name))}
    told: set[tuple[str, Severity]] = set()
    for controller, part, name in sorted(found, key=lambda key: (key[0], key[1] is None, str(key[1]), key[2])):
        severity = _COUNTERS.get(name)
        text, path = found[controller, part, name]
        if severity is None or not text.strip().isdecimal() or not (count := int(text.strip()[:18])):
            continue
        if part is None and not name.endswith("noinfo_count") and (controller, severity) in told:
            continue  # the controller's sum of what its DIMMs have
        told.add((controller, severity))
        labels = [found[controller, part, each][0].strip() for each in _LABELS if (controller, part, each) in found]
        where = f"{controller}/{part}" if part else controller
        lost = ", of no known DIMM" if name.endswith("noinfo_count") else ""
        yield HardwareError(
            source="edac",
            kind="memory",
            severity=severity,
            text=f"{count} {_WORDS[severity]} since boot on {where}{lost}",
            path=path,
            label=next(filter(None, labels), where)[:100],
            count=count,
        )


def _split(line: str) -> tuple[str, str] | None:
    for sign in (":", "=", " "):
        name, found, value = line.partition(sign)
        if found and _PATH.search(name.strip()):
            return name.strip(), value.strip()
    return None
