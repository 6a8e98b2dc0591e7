"""Making a manifest of the rows of an app, through the validation that every document goes through.

What is wrong is told where it stands: by the address of the cell, besides the JSON pointer.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import ValidationError

from services.manifest import nodes, problems
from services.manifest.model import Manifest
from services.manifest.nodes import Entry as Field
from services.manifest.nodes import Lines, Listing, Mapping, Node, Scalar, Tree
from services.manifest.reading import MAX_BYTES, Unreadable
from services.registry.sheets import shape
from services.registry.sheets.told import Entry, Problem, some
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping as Dictionary

    from services.registry.sheets.grids import Fault, Headed, Row

_POINTER = re.compile(r"(?<![\w/.])/([a-z_]+)(?:/[a-z0-9_]+)*")
_NO_LINES = Lines("")  # every place is on its first line, so the column of a problem is its offset and one


class Judged:
    """The rows of one app: what they declare together, and where.

    Args:
        apps: the table of apps.
        row: the row of the app.
        tables: the other tables by field.
        below: the rows of the app in them.
    """

    def __init__(
        self, apps: Headed, row: Row, tables: Dictionary[str, Headed], below: Dictionary[str, list[Row]]
    ) -> None:
        """Take the rows of an app."""
        self._apps = apps
        self._row = row
        self._tables = tables
        self._below = below

    def entry(self, number: int, first: str | None) -> Entry:
        """Give the app; `first` is where its id stands already, if it does."""
        document = self._document()
        told = Entry(number, self._apps.place(self._row.number), self._row.app, None, revision=self._row.revision)
        own = [*self._own_problems(first)]
        faults = [*self._faults()]
        if not own and not faults:
            data = orjson.dumps(document)
            if len(data) > MAX_BYTES:
                return replace(told, problems=(self._too_large(len(data)),))
            try:
                return replace(told, manifest=Manifest.model_validate_json(data))
            except ValidationError:
                pass
        return replace(told, problems=some([*own, *self._problems(document, faults)]))

    def _document(self) -> dict[str, Any]:
        lists = {name: [row.declared for row in rows] for name, rows in self._below.items()}
        return {**shape.constants(), **self._row.declared, **lists}

    def _own_problems(self, first: str | None) -> Iterator[Problem]:
        row, apps = self._row, self._apps
        if row.app is None and not any(fault.path == ("id",) for fault in row.faults):
            fact = Text("这一行没有写标识", "this row has no id")
            yield Problem(
                apps.place(row.number, apps.position(("id",))),
                "/id",
                fact,
                Text("填写应用的标识", "fill in the id of the app"),
            )
        if first is not None:
            fact = Text(f"标识 {row.app} 已在 {first}", f"the id {row.app} stands at {first} already")
            remedy = Text("每个应用只占一行", "give every app one row")
            yield Problem(apps.place(row.number, apps.position(("id",))), "/id", fact, remedy)
        for name, rows in self._below.items():
            if row.declared.get(name) == [] and rows:
                where = self._tables[name].place(rows[0].number)
                fact = Text(f"写了“无”，{where} 却有一项", f"says none, yet there is one at {where}")
                yield Problem(self._cell((name,)), f"/{name}", fact, Text("去掉其中之一", "take one of them away"))
        for name in row.given:
            if not self._below.get(name):
                yield self._without_rows(name)

    def _without_rows(self, name: str) -> Problem:
        table = self._tables.get(name)
        fact = Text("写了“有”，却一项也没有列出", "says that there are some, yet none is listed")
        remedy = Text(
            "补上逐项所列的表，或清空这一格（表示未声明）",
            "add the table that lists them, or empty this cell (not declared)",
        )
        if table is not None:
            title = table.table.title
            remedy = Text(
                f"在“{title.zh}”表中逐项填写，或清空这一格（表示未声明）",
                f"list them in the table “{title.en}”, or empty this cell (not declared)",
            )
        return Problem(self._cell((name,)), f"/{name}", fact, remedy)

    def _too_large(self, size: int) -> Problem:
        fact = Text(
            f"清单有 {size} 字节，超过 {MAX_BYTES} 字节", f"the manifest has {size} bytes; at most {MAX_BYTES} are read"
        )
        remedy = Text("清单只写声明，不附文件或数据", "a manifest holds declarations, no files or data")
        return Problem(self._apps.place(self._row.number), "", fact, remedy)

    def _faults(self) -> Iterator[tuple[str, nodes.Fault]]:
        """Give what is wrong with cells: its address, and the fault as the manifest's reader knows it."""
        for fault in self._row.faults:
            yield self._apps.place(self._row.number, fault.column), _as_node_fault(fault, (), hides=bool(fault.path))
        for name, rows in self._below.items():
            table = self._tables[name]
            for i, row in enumerate(rows):
                for fault in row.faults:
                    hides = bool(fault.path) or row.declared is None
                    yield table.place(row.number, fault.column), _as_node_fault(fault, (name, i), hides=hides)

    def _problems(self, document: dict[str, Any], faults: list[tuple[str, nodes.Fault]]) -> Iterator[Problem]:
        root = _node(document, iter(range(1 << 60)).__next__)
        # The offset of a fault is that of the place in its document, so that problems come in the order of the fields.
        told = [replace(fault, at=nodes.offset(root, fault.path)) for _, fault in faults]
        places = {(nodes.pointer_of(fault.path), fault.detail): place for place, fault in faults}
        unnamed = any(fault.path[:1] == ("features",) and fault.path[2:] == ("id",) for fault in told)
        try:
            problems.validate(Tree(root, tuple(told)), _NO_LINES, None)
        except Unreadable as error:
            for each in error.problems:
                path = nodes.steps(each.pointer)
                if unnamed and path[:1] == ("asks",) and path[2:] == ("feature",):
                    continue  # the feature whose id cannot be read may be the one that is meant
                place = places.get((each.pointer, each.detail)) or self._cell(path)
                yield Problem(place, each.pointer, self._in_words(each.detail), self._in_words(each.remedy))

    def _cell(self, path: nodes.Path) -> str:
        """Give the address of what stands at a path, or of the nearest cell above it."""
        table, row, inside = self._apps, self._row, tuple(map(str, path))
        rows = self._below.get(inside[0]) if inside else None
        if rows is not None and len(inside) > 1 and inside[1].isdecimal() and int(inside[1]) < len(rows):
            table, row, inside = self._tables[inside[0]], rows[int(inside[1])], inside[2:]
        return table.place(row.number, table.position(inside))

    def _in_words(self, text: Text) -> Text:
        """Name cells where a sentence names places of the document."""

        def cell(match: re.Match[str]) -> str:
            return self._cell(nodes.steps(match[0])) if match[1] in Manifest.model_fields else match[0]

        return Text(_POINTER.sub(cell, text.zh), _POINTER.sub(cell, text.en))


def _as_node_fault(fault: Fault, above: nodes.Path, *, hides: bool) -> nodes.Fault:
    return nodes.Fault(0, (*above, *fault.path), fault.detail, fault.remedy, hides)


def _node(value: Any, count: Any) -> Node:  # noqa: ANN401 - any document, and a counter
    """Give a document as nodes whose offsets are their order."""
    at = count()
    match value:
        case dict():
            return Mapping(at, {name: Field(at, _node(each, count)) for name, each in value.items()})
        case list():
            return Listing(at, [_node(each, count) for each in value])
        case _:
            return Scalar(at, value)
