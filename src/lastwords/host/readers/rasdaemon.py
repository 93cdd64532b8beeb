"""rasdaemon's database: `/var/lib/rasdaemon/ras-mc_event.db`.

rasdaemon's `ras-record.c` defines the tables. Columns were added over the years (`mce_record.microcode`,
`memory_failure_event`, `cxl_*`), so whatever a row lacks is not known.
"""

import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from lastwords.model.history import ErrorKind, HardwareError, Severity

from .sqlite_file import Row, SqliteFile, number, opened, text

# include/uapi/asm/mce.h: bits of MCi_STATUS.
_UNCORRECTED = 1 << 61
_CONTEXT_CORRUPT = 1 << 57
_LONGEST_TEXT = 300
_PAGE = 4096

_SEVERITIES: dict[str, Severity] = {
    "corrected": "corrected",
    "correctable": "corrected",
    "recoverable": "uncorrected",
    "uncorrected": "uncorrected",
    "uncorrected (non-fatal)": "uncorrected",
    "uncorrected (fatal)": "fatal",
    "deferred": "uncorrected",
    "fatal": "fatal",
    "info": "information",
    "information": "information",
    "informational": "information",
}
# drivers/acpi/acpi_extlog.c and include/linux/cper.h: CPER_SEV_*.
_CPER: dict[int, Severity] = {0: "uncorrected", 1: "fatal", 2: "corrected", 3: "information"}


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """How one table is read: which columns say what.

    Attributes:
        kind: of all its rows.
        severity: column, or the severity of all rows where it begins with `=`.
        words: columns that make the text, in their order.
        label: columns of which the first that has a value is the label.
        address, `count`, `cpu`, `socket`: columns.
        page: column with a page frame number instead of an address.
    """

    kind: ErrorKind
    severity: str
    words: tuple[str, ...]
    label: tuple[str, ...] = ()
    address: str = ""
    page: str = ""
    count: str = ""
    cpu: str = ""
    socket: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """All that the table is asked for."""
        others = (self.severity, self.address, self.page, self.count, self.cpu, self.socket, "timestamp", "status")
        return (*self.words, *self.label, *others)


TABLES: dict[str, Table] = {
    "mc_event": Table(
        kind="memory",
        severity="err_type",
        words=("err_type", "err_msg", "label", "driver_detail"),
        label=("label",),
        address="address",
        count="err_count",
    ),
    "mce_record": Table(
        kind="cpu",
        severity="status",
        words=(
            "error_msg",
            "bank_name",
            "mcistatus_msg",
            "mcgstatus_msg",
            "mcastatus_msg",
            "user_action",
            "mc_location",
        ),
        label=("mc_location",),
        address="addr",
        cpu="cpu",
        socket="socketid",
    ),
    "aer_event": Table(
        kind="pcie", severity="err_type", words=("err_type", "dev_name", "err_msg"), label=("dev_name",)
    ),
    "extlog_event": Table(
        kind="other",
        severity="severity",
        words=("etype", "fru_text"),
        label=("fru_text",),
        address="address",
        count="error_count",
    ),
    "non_standard_event": Table(
        kind="firmware", severity="severity", words=("severity", "fru_text", "error"), label=("fru_text",)
    ),
    "arm_event": Table(
        kind="cpu", severity="=uncorrected", words=("error_info", "affinity", "mpidr"), count="error_count"
    ),
    "devlink_event": Table(
        kind="other",
        severity="=uncorrected",
        words=("driver_name", "dev_name", "reporter_name", "msg"),
        label=("dev_name",),
    ),
    "disk_errors": Table(
        kind="disk", severity="=uncorrected", words=("dev", "error", "rwbs", "sector", "nr_sector"), label=("dev",)
    ),
    "memory_failure_event": Table(
        kind="memory", severity="=uncorrected", words=("page_type", "action_result"), page="pfn"
    ),
    "cxl_aer_ue_event": Table(kind="cxl", severity="=uncorrected", words=("memdev", "error_status"), label=("memdev",)),
    "cxl_aer_ce_event": Table(kind="cxl", severity="=corrected", words=("memdev", "error_status"), label=("memdev",)),
    "cxl_poison_event": Table(
        kind="cxl", severity="=uncorrected", words=("memdev", "source", "trace_type", "region"), label=("memdev",)
    ),
    "cxl_dram_event": Table(
        kind="cxl", severity="=uncorrected", words=("memdev", "type", "descriptor"), label=("memdev",)
    ),
    "cxl_general_media_event": Table(
        kind="cxl", severity="=uncorrected", words=("memdev", "type", "descriptor"), label=("memdev",)
    ),
    "cxl_memory_module_event": Table(
        kind="cxl", severity="=information", words=("memdev", "event_type", "health_status"), label=("memdev",)
    ),
}


def is_rasdaemon(path: Path) -> bool:
    """Whether a SQLite file has rasdaemon's tables."""
    try:
        with opened(path) as file:
            return bool(file.tables & TABLES.keys())
    except sqlite3.Error:
        return False


def read_rasdaemon(path: Path, shown: str) -> tuple[list[HardwareError], str | None]:
    """The errors of a database, and what was wrong with it.

    Args:
        path: the file.
        shown: its path as the user knows it.
    """
    errors: list[HardwareError] = []
    try:
        with opened(path) as file:
            for name in TABLES:
                errors += _errors(file, name, shown)
    except sqlite3.Error as problem:
        return errors, f"{shown}: rasdaemon's database can't be read to its end: {problem}"
    return errors, None


def _errors(file: SqliteFile, name: str, shown: str) -> Iterator[HardwareError]:
    table = TABLES[name]
    for row in file.rows(name, table.columns):
        words = dict.fromkeys(filter(None, (text(row, column) for column in table.words)))
        page = number(row, table.page)
        yield HardwareError(
            source="rasdaemon",
            kind=_mce_kind(row) if name == "mce_record" else table.kind,
            severity=_severity(row, table.severity),
            text="; ".join(words)[:_LONGEST_TEXT] or name,
            path=shown,
            time=_time(text(row, "timestamp")),
            cpu=number(row, table.cpu),
            socket=number(row, table.socket),
            label=next(filter(None, (text(row, column)[:100] for column in table.label)), None),
            address=page * _PAGE if page is not None and 0 <= page < 1 << 52 else _address(row, table.address),
            count=max(number(row, table.count) or 1, 1),
        )


def _address(row: Row, column: str) -> int | None:
    """An address; SQLite's numbers are signed, and 0 stands for none."""
    value = number(row, column)
    return value & (1 << 64) - 1 if value else None


def _severity(row: Row, column: str) -> Severity:
    if column.startswith("="):
        return _SEVERITIES[column[1:]]
    if column == "status":
        status = number(row, "status") or 0
        if not status & _UNCORRECTED:
            return "corrected"
        return "fatal" if status & _CONTEXT_CORRUPT else "uncorrected"
    value = row.get(column)
    if isinstance(value, int):
        return _CPER.get(value, "uncorrected")
    return _SEVERITIES.get(text(row, column).lower(), "uncorrected")


def _mce_kind(row: Row) -> ErrorKind:
    """Intel's SDM volume 3, 17.9: `0000 0000 1MMM CCCC` is the memory controller; AMD's has its bank's name."""
    status = number(row, "status") or 0
    if status & 0xEF80 == 0x0080:
        return "memory"
    name = text(row, "bank_name").lower()
    return "memory" if "memory controller" in name or "umc" in name.split() else "cpu"


def _time(value: str) -> float | None:
    """`2026-11-24 05:38:11 +0000`, as rasdaemon's `strftime()` has it."""
    try:
        return datetime.strptime(value[:40], "%Y-%m-%d %H:%M:%S %z").timestamp()
    except (ValueError, OverflowError):
        return None
