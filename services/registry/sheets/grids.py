"""One table of a file as it stands there: where its headings are, which columns they name, and what its rows say."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from services.registry.sheets import cells
from services.registry.sheets.cells import Misread, Raw
from services.registry.sheets.layout import Column, Key, Path, Table
from services.registry.sheets.merges import Merge, filled
from services.registry.sheets.told import Note
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

RawRow = tuple[int, dict[int, Raw]]
"""The number of a row, from 1, and its cells that are not empty by column, from 0."""


class Grid(Protocol):
    """A sheet of a workbook, or a CSV file."""

    name: str

    @property
    def merges(self) -> Sequence[Merge]:
        """The merged cells."""

    @property
    def notes(self) -> Sequence[Note]:
        """What was taken for granted in the rows read so far."""

    def rows(self) -> Iterator[RawRow]:
        """Give the rows from the first on, every time anew.

        Raises:
            UnreadableFile: here and there, when what follows cannot be read.
        """


_REMEMBERED, _SHORT = 1 << 12, 64  # values of a column, and characters of each
_NEW = object()


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in a row: the path in its document, the column of the cell (None: the row), and the words."""

    path: tuple[str | int, ...]
    column: int | None
    detail: Text
    remedy: Text


@dataclass(slots=True)
class Row:
    """What a row declares.

    Args:
        number: of the row in its table.
        app: the app it belongs to; None when it does not say.
        order: its place among those of the app.
        revision: the registry revision it was exported at.
        declared: its document, or the value of a row that is one value.
        given: tables in which the app is said to have entries.
        faults: what is wrong with its cells; such cells declare nothing.
    """

    number: int
    app: str | None = None
    order: int | None = None
    revision: int | None = None
    declared: Any = field(default_factory=dict)
    given: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def letters(column: int) -> str:
    """Give the name of a column, from 0: A to Z, AA and so on."""
    name, rest = "", column + 1
    while rest:
        rest, letter = divmod(rest - 1, 26)
        name = chr(ord("A") + letter) + name
    return name


class Headed:
    """A grid whose columns are known.

    Args:
        grid: where the rows come from.
        table: what it holds.
        row: the number of the row that has the headings.
        columns: the known columns by position.
        own: positions of columns that are somebody's own and not read.
    """

    def __init__(
        self, grid: Grid, table: Table, row: int, columns: Mapping[int, Column], own: frozenset[int] = frozenset()
    ) -> None:
        """Take a grid, and what its heading row says."""
        self.grid = grid
        self.table = table
        self.columns = dict(columns)
        self._own = own
        self._row = row
        self._known: dict[int, dict[object, Any]] = defaultdict(dict)
        self._positions = {column.path: i for i, column in columns.items() if column.path}

    def place(self, row: int, column: int | None = None) -> str:
        """Give the address of a cell, or of a row."""
        return f"{self.grid.name}!{'' if column is None else letters(column)}{row}"

    def position(self, path: Path) -> int | None:
        """Give the column that holds the value at a path, or the nearest part above it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._positions:
                return self._positions[path[:length]]
        if self.table.has_values:
            return next((i for i, column in self.columns.items() if column == self.table.columns[-1]), None)
        return None

    def unmentioned(self) -> Iterator[Path]:
        """Give the fields for which there is no column."""
        known = set(self.columns.values())
        yield from (column.path for column in self.table.columns if column.path and column not in known)

    def rows(self, own_tables: frozenset[str]) -> Iterator[Row]:
        """Give what the rows below the headings declare; `own_tables` are the fields that have tables of their own."""
        for number, raw in filled(self.grid.rows(), self.grid.merges, self._row, self.columns):
            if number > self._row and any(map(_is_something, raw.values())):
                yield self._read(number, raw, own_tables)

    def _read(self, number: int, raw: dict[int, Raw], own_tables: frozenset[str]) -> Row:
        row = Row(number, declared=None if self.table.has_values else {})
        presences: list[tuple[int, Column, Any]] = []
        for position, content in raw.items():
            # Most cells say what many others of their column say.
            known = self._known[position]
            value = known.get(content, _NEW) if content.__class__ is str else _NEW
            column = self.columns.get(position)
            if value is _NEW:
                try:
                    value = self._value(position, column, content)
                except Misread as misread:
                    path = () if column is None else column.path
                    row.faults.append(Fault(path, position, misread.detail, misread.remedy))
                    continue
                if isinstance(content, str) and len(content) <= _SHORT and len(known) < _REMEMBERED:
                    known[content] = value
            if column is None or value is None:
                continue
            if column.kind == Key.PRESENCE:
                presences.append((position, column, value))
            else:
                _take(row, column, value)
        if len(presences) > 1:
            presences.sort(key=lambda each: -len(each[1].path))
        for position, column, value in presences:
            _settle(row, position, column, value, own_tables)
        self._finish(row)
        return row

    def _finish(self, row: Row) -> None:
        if self.table.field is None:
            row.app = row.declared.get("id")
        elif row.declared is None and not row.faults:
            title = self.table.title
            fact = Text(f"这一行没有填“{title.zh}”", f"this row does not say any of “{title.en}”")
            row.faults.append(Fault((), None, fact, Text("填写，或删除这一行", "fill it in, or delete the row")))

    def _value(self, position: int, column: Column | None, content: Raw) -> Any:  # noqa: ANN401 - a value of any field
        if column is not None:
            return cells.read(column, content)
        if position not in self._own and _is_something(content):
            name = letters(position)
            raise Misread(
                Text(f"{name} 列没有标题，这里却有内容", f"column {name} has no heading, yet there is something here"),
                Text("补上标题；自用的列标题写“备注”", "give it a heading; call a column of your own “notes”"),
            )
        return None


def _take(row: Row, column: Column, value: Any) -> None:  # noqa: ANN401 - a value of any field
    path = column.path
    if len(path) == 1:
        row.declared[path[0]] = value
    elif path:
        _put(row.declared, path, value)
    elif column.kind == Key.APP:
        row.app = value
    elif column.kind == Key.ORDER:
        row.order = value
    elif column.kind == Key.REVISION:
        row.revision = value
    else:
        row.declared = value


def _put(document: dict[str, Any], path: Path, value: Any) -> None:  # noqa: ANN401 - a value of any field
    for step in path[:-1]:
        document = document.setdefault(step, {})
    document[path[-1]] = value


def _settle(row: Row, position: int, column: Column, value: Any, own_tables: frozenset[str]) -> None:  # noqa: ANN401
    """Write down that a part or list is there, or is not, unless the row says the opposite in another cell."""
    if value is True:
        if column.path[0] in own_tables and len(column.path) == 1:
            row.given.append(column.path[0])
            return
        document = row.declared
        for step in column.path:
            document = document.setdefault(step, {})
        return
    document = row.declared
    for step in column.path:
        document = document.get(step, {}) if isinstance(document, dict) else {}
    if document:
        title = column.heading
        fact = Text(f"“{title.zh}”写了“无”，却又填了它的内容", f"“{title.en}” says none, yet its content is filled in")
        row.faults.append(Fault(column.path, position, fact, Text("去掉其中之一", "take one of them away")))
    else:
        _put(row.declared, column.path, value)


def _is_something(content: Raw) -> bool:
    return not isinstance(content, str) or bool(content.strip())
