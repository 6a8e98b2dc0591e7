"""Files of tables: finding which of their grids is which table, and reading the apps they hold together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from services.manifest.quoting import shown
from services.registry.sheets.headings import alike, heads, is_headed
from services.registry.sheets.joining import Below, check_rows
from services.registry.sheets.judging import Judged
from services.registry.sheets.layout import APPS, folded, names, tables
from services.registry.sheets.told import Entry, Limits, Note, Problem, UnreadableFile, some
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import ExitStack

    from services.registry.sheets.grids import Grid, Headed, Row
    from services.registry.sheets.layout import Table

_ROW_BITS = 32


class Tables:
    """The apps of a file of tables.

    Args:
        unmentioned: JSON pointers (without positions) of the fields for which the file has no column. They are not
            declared, but neither did anybody leave them empty.
    """

    def __init__(self, grids: Sequence[Grid], notes: Sequence[Note], limits: Limits, stack: ExitStack) -> None:
        """Take the grids of a file, which live as long as the stack.

        Raises:
            UnreadableFile: the table of apps is missing, headings are wrong, or a table is damaged.
        """
        found, told = _assigned(grids)
        problems: list[Problem] = []
        self._grids = tuple(grid for grid, _ in found)
        self._notes = [*notes, *told]
        headed: list[Headed] = []
        for grid, table in found:
            each = heads(grid, table)
            problems += each.problems
            self._notes += each.notes
            if each.headed is not None:
                headed.append(each.headed)
        if problems:
            raise UnreadableFile(problems)
        self._limits = limits
        self._fields = frozenset(str(table.field) for table in tables() if table.field)
        self._apps = [each for each in headed if each.table.field is None]
        self._below = stack.enter_context(
            Below([each for each in headed if each.table.field is not None], self._fields, limits.rows)
        )
        self.unmentioned = frozenset(_unmentioned(headed))
        self._tell_missing()

    @property
    def notes(self) -> tuple[Note, ...]:
        """What the reader took for granted or left out; complete when all entries have been read."""
        return (*self._notes, *(note for grid in self._grids for note in grid.notes))

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Give the apps that follow the first `after` ones, in the order of the rows."""
        number = 0
        rows: dict[str, int] = {}
        for t, table in enumerate(self._apps):
            try:
                for row in table.rows(self._fields):
                    check_rows(number, self._limits.rows, table)
                    number += 1
                    here = t << _ROW_BITS | row.number
                    first = here if row.app is None else rows.setdefault(row.app, here)
                    if number > after:
                        yield self._entry(table, row, number, None if first == here else self._at(first))
            except UnreadableFile as error:
                number += 1
                yield Entry(number, table.grid.name, None, None, _rest_unread(error.problems))
                return
        for app, found in self._below.others(rows):
            number += 1
            if number > after:
                yield _homeless(number, app, found)

    def _at(self, row: int) -> str:
        return self._apps[row >> _ROW_BITS].place(row & ((1 << _ROW_BITS) - 1))

    def _entry(self, table: Headed, row: Row, number: int, first: str | None) -> Entry:
        below = self._below.of(row.app) if row.app else {}
        return Judged(table, row, {str(each.table.field): each for each in self._below.tables}, below).entry(
            number, first
        )

    def _tell_missing(self) -> None:
        told = {each.table.title for each in (*self._apps, *self._below.tables)}
        if missing := [table.title for table in tables() if table.title not in told]:
            self._notes.append(
                Note(
                    "",
                    Text(
                        f"文件中没有这些表，其内容视为未声明：{'、'.join(each.zh for each in missing)}",
                        "these tables are not in the file, so what they hold is undeclared: "
                        + ", ".join(each.en for each in missing),
                    ),
                )
            )


def _assigned(grids: Sequence[Grid]) -> tuple[list[tuple[Grid, Table]], list[Note]]:
    """Find the table that each grid holds, by its name; a lone grid may be called anything."""
    by_name = {folded(name): table for table in tables() for name in names(table.title)}
    found = [(grid, table) for grid in grids if (table := by_name.get(_folded_name(grid.name))) is not None]
    notes = [
        Note(grid.name, Text("这张表不属于模板，没有读", "this is no table of the template and was not read"))
        for grid in grids
        if _folded_name(grid.name) not in by_name and not is_ours(grid.name)
    ]
    if any(table.field is None for _, table in found):
        return found, notes
    unknown = [grid for grid in grids if _folded_name(grid.name) not in by_name and not is_ours(grid.name)]
    headed = [grid for grid in unknown if is_headed(grid, tables()[0])]
    if len(headed) == 1:
        return [(headed[0], tables()[0]), *found], [note for note in notes if note.place != headed[0].name]
    raise UnreadableFile([_without_apps([grid.name for grid in grids], unknown, found)])


def _without_apps(all_names: Sequence[str], unknown: Sequence[Grid], found: Sequence[object]) -> Problem:
    if len(unknown) == 1 and not found:
        return heads(unknown[0], tables()[0]).problems[0]
    near = [name for name in all_names if alike(name, {folded(APPS.zh): APPS, folded(APPS.en): APPS})]
    guess = Text(f"；“{shown(near[0])}”是否就是？" if near else "", f"; is it “{shown(near[0])}”?" if near else "")
    listed = "、".join(shown(name, 30) for name in all_names[:10])
    return Problem(
        "",
        "",
        Text(
            f"没有名为“{APPS.zh}”的表，现有：{listed}",
            f"there is no table “{APPS.zh}” or “{APPS.en}”; there are: {listed}",
        ),
        Text(f"用模板中的表名{guess.zh}", f"use the table names of the template{guess.en}"),
    )


OURS = (Text("说明", "about"), Text("词表", "words"))
"""Sheets of our own that hold no declarations: explanations, and the words to choose from."""


def is_ours(name: str) -> bool:
    """Tell whether a table is one that explains the others."""
    return folded(name) in {folded(each) for own in OURS for each in names(own)}


def _folded_name(name: str) -> str:
    """Give the name of a table without the number by which one that is full goes on in another."""
    head, opening, number = name.replace("（", "(").replace("）", ")").rstrip(") ").rpartition("(")
    return folded(head if opening and number.strip().isdecimal() else name)


def _unmentioned(headed: Sequence[Headed]) -> Iterator[str]:
    told = {each.table.field for each in headed}
    for table in tables():
        if table.field not in told and table.field is not None:
            yield f"/{table.field}"
    for each in headed:
        above = "" if each.table.field is None else f"/{each.table.field}"
        own = {table.field for table in tables() if table.field in told}
        yield from (
            f"{above}/{'/'.join(path)}"
            for path in each.unmentioned()
            if each.table.field is not None or path[0] not in own
        )


def _homeless(number: int, app: str, found: Sequence[tuple[Headed, Row]]) -> Entry:
    """Give the rows of an app that is not in the table of apps."""
    said = (
        Text(
            f"“{APPS.zh}”表中没有标识为 {shown(app)} 的应用",
            f"the table “{APPS.en}” has no app with the id {shown(app)}",
        )
        if app
        else Text("这一行没有写应用标识", "this row does not say to which app it belongs")
    )
    remedy = Text(f"改为“{APPS.zh}”表中的标识，或删除这一行", f"use an id of the table “{APPS.en}”, or delete the row")
    told = [Problem(table.place(row.number), "", said, remedy) for table, row in found]
    return Entry(number, told[0].place, app or None, None, some(told))


def _rest_unread(told: Sequence[Problem]) -> tuple[Problem, ...]:
    more = Text("；其后的内容没有读", "; what follows was not read")
    return tuple(replace(each, detail=Text(each.detail.zh + more.zh, each.detail.en + more.en)) for each in told)
