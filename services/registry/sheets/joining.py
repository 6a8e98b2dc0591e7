"""Rows of the tables below that of the apps, kept on disk until their app is reached: files keep them in any order.

Memory holds the id of each app that has such rows, and one place on disk for each of its tables.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, Self

import orjson

from services.registry.sheets.grids import Fault, Headed, Row
from services.registry.sheets.told import unreadable
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_NOWHERE = -1


class Below:
    """The rows of every table but that of the apps, by app.

    The rows of one app and table are a chain on disk: each is written with the place of the one before it.
    """

    def __init__(self, tables: Sequence[Headed], own_tables: frozenset[str], most_rows: int) -> None:
        """Read the rows of some tables, at most so many of each.

        Raises:
            UnreadableFile: a table is damaged, or has more rows.
        """
        self.tables = tuple(tables)
        self._file = TemporaryFile(prefix="govapp-rows-")  # noqa: SIM115 - it lives as long as this object
        self._apps: dict[str, int] = {}
        self._last = array("q")
        try:
            end = 0
            for i, table in enumerate(self.tables):
                for count, row in enumerate(table.rows(own_tables)):
                    check_rows(count, most_rows, table)
                    end += self._append(i, row, end)
            self._file.flush()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        """Go on using it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what is on disk."""
        self._file.close()

    def of(self, app: str) -> Mapping[str, list[Row]]:
        """Give the rows of an app by the field whose entries they are, in their order."""
        found: dict[str, list[Row]] = defaultdict(list)
        for i, rows in self._chains(self._apps.get(app)):
            if rows:
                found[str(self.tables[i].table.field)] += rows
        for rows in found.values():
            # Rows without an order stay where they stand, after those that have one.
            rows.sort(key=lambda row: (row.order is None, row.order or 0))
        return found

    def others(self, apps: Mapping[str, int]) -> Iterator[tuple[str, list[tuple[Headed, Row]]]]:
        """Give the rows of apps that are not among `apps`, app by app; rows that name none have the empty id."""
        for app, slot in self._apps.items():
            if app not in apps:
                yield app, [(self.tables[i], row) for i, rows in self._chains(slot) for row in rows]

    def _append(self, table: int, row: Row, at: int) -> int:
        width = len(self.tables)
        slot = self._apps.setdefault(row.app or "", len(self._apps))
        if slot * width == len(self._last):
            self._last.extend([_NOWHERE] * width)
        faults = [
            [each.path, each.column, each.detail.zh, each.detail.en, each.remedy.zh, each.remedy.en]
            for each in row.faults
        ]
        record = orjson.dumps([self._last[slot * width + table], row.number, row.order, row.declared, faults])
        self._file.write(len(record).to_bytes(4) + record)
        self._last[slot * width + table] = at
        return len(record) + 4

    def _chains(self, slot: int | None) -> Iterator[tuple[int, list[Row]]]:
        if slot is None:
            return
        width = len(self.tables)
        for i, last in enumerate(self._last[slot * width : (slot + 1) * width]):
            rows: list[Row] = []
            while last != _NOWHERE:
                last, row = self._row(last)  # noqa: PLW2901 - the chain is followed to its beginning
                rows.append(row)
            yield i, rows[::-1]

    def _row(self, at: int) -> tuple[int, Row]:
        self._file.seek(at)
        record: list[Any] = orjson.loads(self._file.read(int.from_bytes(self._file.read(4))))
        before, number, order, declared, faults = record
        told = [Fault(tuple(path), column, Text(a, b), Text(c, d)) for path, column, a, b, c, d in faults]
        return before, Row(number, order=order, declared=declared, faults=told)


def check_rows(count: int, most: int, table: Headed) -> None:
    """Refuse a table that goes on after `most` rows.

    Raises:
        UnreadableFile: it does.
    """
    if count >= most:
        raise unreadable(
            Text(f"超过 {most} 行", f"more than {most} rows"),
            Text("分成几个文件", "divide it among several files"),
            table.grid.name,
        )
