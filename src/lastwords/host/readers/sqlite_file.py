"""A SQLite file that may come from anybody, opened so that it can only be read.

`immutable=1` takes no lock and replays no journal, so that evidence stays as it is. Views, virtual tables, triggers and
functions in a file's schema are code of its author's: only ordinary tables are read, and only by SELECT.
"""

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

MAGIC = b"SQLite format 3\0"
MOST_ROWS = 20_000
"""Rows of one table, the newest."""
_SECONDS = 10.0
"""For one file, whatever is in it."""
_LONGEST_VALUE = 1 << 20

_ALLOWED = frozenset((sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_PRAGMA))

Row = dict[str, object]


class SqliteFile:
    """The ordinary tables of a file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table' LIMIT 1000").fetchall()
        self.tables = frozenset(
            name
            for name, sql in rows
            if isinstance(name, str) and isinstance(sql, str) and not sql.lstrip().upper().startswith("CREATE VIRTUAL")
        )

    def columns(self, table: str) -> tuple[str, ...]:
        """Names of a table's columns, which differ between versions of the program that wrote it."""
        if table not in self.tables:
            return ()
        return tuple(str(row[1]) for row in self._connection.execute(f"PRAGMA table_info({_quoted(table)})"))

    def rows(self, table: str, wanted: Sequence[str]) -> list[Row]:
        """The newest rows of a table, the oldest of them first, with those of the wanted columns that it has."""
        known = [name for name in self.columns(table) if name in wanted]
        if not known:
            return []
        names = ", ".join(map(_quoted, known))
        # The names are ours or the file's own, quoted: there is no other way to name a column.
        query = f"SELECT {names} FROM {_quoted(table)} ORDER BY rowid DESC LIMIT {MOST_ROWS}"
        rows = [dict(zip(known, values, strict=True)) for values in self._connection.execute(query)]
        return rows[::-1]


@contextlib.contextmanager
def opened(path: Path) -> Iterator[SqliteFile]:
    """The file, open for reading.

    Raises:
        sqlite3.Error: it is no such file, damaged, or takes too long.
    """
    until = time.monotonic() + _SECONDS
    connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1", uri=True)
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
        connection.setlimit(sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 50)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        connection.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY)
        connection.set_progress_handler(lambda: int(time.monotonic() > until), 10_000)
        yield SqliteFile(connection)
    except (UnicodeError, OverflowError, ValueError) as error:
        # Names of damaged tables: the module decodes some of them itself, without our factory.
        raise sqlite3.DatabaseError(f"damaged: {error}") from error
    finally:
        connection.close()


def text(row: Row, name: str) -> str:
    """A value as text, empty where there is none."""
    value = row.get(name)
    return str(value).strip() if isinstance(value, str | int | float) else ""


def number(row: Row, name: str) -> int | None:
    """A value as a number, or None."""
    value = row.get(name)
    if isinstance(value, int):
        return value
    try:
        return int(value, 0) if isinstance(value, str) else None
    except ValueError:
        return None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
