"""Manifests as rows: what each table holds of one app, as text by column."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from services.registry.sheets import shape
from services.registry.sheets.cell_texts import writer
from services.registry.sheets.layout import Column, Key, Table, tables
from services.registry.sheets.marks import GIVEN, NONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from services.text import Lang

Cells = dict[int, str]
"""What is written in a row, by the position of the column; empty cells are left out."""


@dataclass(frozen=True, slots=True)
class Registered:
    """An app to be written: its manifest as canonical JSON, and the registry revision of its last change."""

    manifest: bytes | str
    revision: int | None = None


@dataclass(slots=True)
class _Field:
    """What is done with a declared field: written into a column, or looked into."""

    column: int
    write: Callable[[Any], str]
    fields: dict[str, _Field] = field(default_factory=dict)


class Rows:
    """Turns manifests into rows of every table."""

    def __init__(self, lang: Lang) -> None:
        """Choose the language of the words in the cells."""
        self._given, self._none = GIVEN.in_(lang), NONE.in_(lang)
        self._fields = {table.title: self._tree(table, lang) for table in tables()}
        apps, *self._lists = tables()
        self._app_fields = self._fields[apps.title]
        self._revision = next(i for i, column in enumerate(apps.columns) if column.kind == Key.REVISION)
        self._constants = shape.constants()

    def of(self, app: Registered) -> Iterator[tuple[Table, Cells]]:
        """Give the rows of an app, that of the table of apps first.

        Raises:
            ValueError: the app has no id, without which its rows would not belong together.
        """
        document: dict[str, Any] = orjson.loads(app.manifest)
        id: str | None = document.get("id")
        if id is None:
            raise ValueError("a manifest without an id cannot be written as rows")
        cells: Cells = {} if app.revision is None else {self._revision: str(app.revision)}
        self._fill(cells, self._app_fields, document)
        yield tables()[0], cells
        for table in self._lists:
            entries: Iterable[Any] = document.get(table.field or "") or ()
            for order, entry in enumerate(entries, start=1):
                cells = {0: id, 1: str(order)}
                if table.has_values:
                    cells[2] = self._fields[table.title][""].write(entry)
                else:
                    self._fill(cells, self._fields[table.title], entry)
                yield table, cells

    def _fill(self, cells: Cells, fields: dict[str, _Field], declared: dict[str, Any]) -> None:
        for name, value in declared.items():
            if value is None or name in self._constants:
                continue
            one = fields[name]
            cells[one.column] = one.write(value)
            if one.fields and isinstance(value, dict):
                self._fill(cells, one.fields, value)

    def _presence(self, value: Any) -> str:  # noqa: ANN401 - a part, a list of parts, or `none`
        return self._none if value in ("none", []) else self._given

    def _tree(self, table: Table, lang: Lang) -> dict[str, _Field]:
        root: dict[str, _Field] = {}
        for i, column in enumerate(table.columns):
            if column.kind not in {Key.APP, Key.ORDER, Key.REVISION}:
                self._branch(root, column)[column.path[-1] if column.path else ""] = _Field(
                    i, self._presence if column.kind == Key.PRESENCE else writer(column, lang)
                )
        return root

    def _branch(self, root: dict[str, _Field], column: Column) -> dict[str, _Field]:
        for step in column.path[:-1]:
            root = root[step].fields
        return root
