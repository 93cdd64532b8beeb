"""One interval of sysstat, put together from its tables: its text and its JSON name the same things differently."""

from collections.abc import Mapping

from lastwords.model.history import Sample

# What a value becomes: name of the field, and the factor to its unit. Columns of sar, all versions.
_COLUMNS: dict[str, tuple[str, float]] = {
    "%iowait": ("iowait", 1),
    "%steal": ("steal", 1),
    "%idle": ("idle", 1),
    "runq-sz": ("run_queue", 1),
    "ldavg-1": ("load_1", 1),
    "blocked": ("blocked", 1),
    "%memused": ("memory_used", 1),
    "kbavail": ("memory_available", 1024),
    "%commit": ("commit", 1),
    "%swpused": ("swap_used", 1),
    "majflt/s": ("faults", 1),
    # 512 bytes: sysstat's "blocks" are sectors.
    "bread/s": ("read", 512),
    "bwrtn/s": ("written", 512),
}
_SUMS: dict[str, tuple[tuple[str, ...], ...]] = {
    # The first set of columns that is there; `sar -u ALL` has more columns than `sar -u`.
    "user": (("%user", "%nice"), ("%usr", "%nice")),
    "system": (("%system",), ("%sys", "%irq", "%soft")),
    "scanned": (("pgscank/s", "pgscand/s"), ("pgscank/s",)),
}
_WHOLE = frozenset(("run_queue", "blocked", "memory_available"))


class Reading:
    """What one interval has said so far."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.disk: tuple[float, float | None, str] | None = None

    def row(self, cells: Mapping[str, str]) -> None:
        """One line of a table of `sar`, by the names of its columns."""
        if cells.get("CPU", "all") != "all":
            return
        if "IFACE" in cells:
            if "rxkB/s" in cells and cells["IFACE"] != "lo":
                self._add("received", _number(cells.get("rxkB/s")), 1024)
                self._add("sent", _number(cells.get("txkB/s")), 1024)
            return
        if "DEV" in cells:
            self.busy(cells["DEV"], _number(cells.get("%util")), _number(cells.get("await")))
            return
        numbers = {name: number for name, text in cells.items() if (number := _number(text)) is not None}
        for column, (name, factor) in _COLUMNS.items():
            if column in numbers:
                self.values[name] = numbers[column] * factor
        for name, sets in _SUMS.items():
            parts = next((each for each in sets if set(each) <= numbers.keys()), None)
            if parts is not None:
                self.values[name] = round(sum(numbers[part] for part in parts), 2)

    def value(self, name: str, number: float | None, factor: float = 1) -> None:
        """One value, if it is there."""
        if number is not None:
            self.values[name] = number * factor

    def traffic(self, received: float | None, sent: float | None) -> None:
        """What one network interface moved, in bytes a second."""
        self._add("received", received)
        self._add("sent", sent)

    def busy(self, disk: str, share: float | None, wait: float | None) -> None:
        """One disk: kept if it is the busiest so far."""
        if share is not None and (self.disk is None or share > self.disk[0]):
            self.disk = (share, wait, disk[:100])

    def sample(self, time: float, path: str, *, zone: bool) -> Sample | None:
        """The struct, or None where nothing that it has was collected."""
        if not self.values and self.disk is None:
            return None
        value = self.values.get
        whole = {
            name: int(self.values[name]) for name in _WHOLE & self.values.keys() if 0 <= self.values[name] < 1 << 60
        }
        share, wait, disk = self.disk or (None, None, None)
        return Sample(
            time=time,
            path=path,
            zone=zone,
            user=value("user"),
            system=value("system"),
            iowait=value("iowait"),
            steal=value("steal"),
            idle=value("idle"),
            run_queue=whole.get("run_queue"),
            load_1=value("load_1"),
            blocked=whole.get("blocked"),
            memory_used=value("memory_used"),
            memory_available=whole.get("memory_available"),
            commit=value("commit"),
            swap_used=value("swap_used"),
            faults=value("faults"),
            scanned=value("scanned"),
            read=value("read"),
            written=value("written"),
            busiest_disk=disk,
            disk_busy=share,
            disk_wait=wait,
            received=value("received"),
            sent=value("sent"),
        )

    def _add(self, name: str, number: float | None, factor: float = 1) -> None:
        if number is not None:
            self.values[name] = self.values.get(name, 0.0) + number * factor


def _number(text: str | None) -> float | None:
    """A number as sar prints it: some locales have a comma."""
    try:
        number = float(text.replace(",", ".")) if text is not None else None
    except ValueError:
        return None
    return number if number is not None and abs(number) < 1e18 else None
