"""The headings of a table: found below a title, in either language, however punctuated; what is unknown is refused.

A column that is not understood may hold a declaration, so it is not passed over. Columns for remarks are.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING

from services.manifest.quoting import shown
from services.registry.sheets.grids import Grid, Headed, letters
from services.registry.sheets.layout import Column, Table, folded, headings
from services.registry.sheets.told import Note, Problem
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HEADED_WITHIN = 10
"""Rows among which the headings are looked for, below a title that somebody may have put above them."""

_OWN = frozenset(map(folded, ("备注", "序号", "note", "notes", "remarks")))
_NEAR = 3


@dataclass(frozen=True, slots=True)
class Heads:
    """What the headings of a grid say: its columns (None: there are none), and all that is wrong."""

    headed: Headed | None
    problems: tuple[Problem, ...] = ()
    notes: tuple[Note, ...] = ()


def heads(grid: Grid, table: Table) -> Heads:
    """Find the headings of a table in the first rows of a grid."""
    known = headings(table)
    rows: list[tuple[int, dict[int, str]]] = []
    for number, raw in islice(grid.rows(), HEADED_WITHIN):
        texts = {i: content.strip() for i, content in raw.items() if isinstance(content, str) and content.strip()}
        if any(_column(text, known) == table.key for text in texts.values()):
            return _heads(grid, table, number, texts)
        rows.append((number, texts))
    likeliest = max(
        rows, key=lambda row: sum(_column(text, known) is not None for text in row[1].values()), default=(1, {})
    )
    return Heads(None, (_without_key(grid, table, *likeliest),))


def is_headed(grid: Grid, table: Table) -> bool:
    """Tell whether a grid has the headings of a table."""
    return heads(grid, table).headed is not None


def _heads(grid: Grid, table: Table, row: int, texts: Mapping[int, str]) -> Heads:
    known = headings(table)
    columns: dict[int, Column] = {}
    first: dict[Column, int] = {}
    problems: list[Problem] = []
    own: dict[int, Note] = {}
    for position, text in texts.items():
        place = f"{grid.name}!{letters(position)}{row}"
        column = _column(text, known)
        if column is None and (folded(text) in _OWN or text.startswith("#")):
            own[position] = Note(place, Text(f"“{shown(text)}”列没有读", f"the column “{shown(text)}” was not read"))
        elif column is None:
            problems.append(_unknown(place, text, table))
        elif column in first:
            problems.append(_repeated(place, text, letters(first[column])))
        else:
            first[column] = position
            columns[position] = column
    headed = Headed(grid, table, row, columns, frozenset(own))
    return Heads(headed, tuple(problems), tuple(own.values()))


def _column(text: str, known: Mapping[str, Column]) -> Column | None:
    return known.get(text) or known.get(folded(text))


def _unknown(place: str, text: str, table: Table) -> Problem:
    near = alike(text, {name: column.heading for name, column in headings(table).items()})
    guess = Text(
        f"是否为“{'”或“'.join(each.zh for each in near)}”？" if near else "",
        f"did you mean “{'” or “'.join(each.en for each in near)}”? " if near else "",
    )
    return Problem(
        place,
        "",
        Text(
            f"“{table.title.zh}”表没有“{shown(text)}”这一列",
            f"the table “{table.title.en}” has no column “{shown(text)}”",
        ),
        Text(
            f"{guess.zh}改用模板中的标题，或去掉这一列；自用的列标题写“备注”或以 # 开头",
            f"{guess.en}use the headings of the template, or take the column away; "
            "call a column of your own “notes”, or begin its heading with #",
        ),
    )


def _repeated(place: str, text: str, first: str) -> Problem:
    return Problem(
        place,
        "",
        Text(
            f"标题“{shown(text)}”重复，已在 {first} 列",
            f"the heading “{shown(text)}” stands twice, first in column {first}",
        ),
        Text("只保留一列", "keep one of them"),
    )


def _without_key(grid: Grid, table: Table, row: int, texts: Mapping[int, str]) -> Problem:
    key = table.key.heading
    close = [position for position, text in texts.items() if alike(text, {folded(key.zh): key, folded(key.en): key})]
    guess = Text(
        f"，{letters(close[0])}{row} 是否就是？" if close else "", f"; is it {letters(close[0])}{row}?" if close else ""
    )
    return Problem(
        f"{grid.name}!{row}",
        "",
        Text(
            f"前 {HEADED_WITHIN} 行中没有标题为“{key.zh}”的列",
            f"in the first {HEADED_WITHIN} rows no column is headed “{key.zh}” (“{key.en}”)",
        ),
        Text(
            f"标题写在一行里，其中要有“{key.zh}”{guess.zh}",
            f"write the headings in one row, “{key.zh}” among them{guess.en}",
        ),
    )


def alike(text: str, known: Mapping[str, Text]) -> list[Text]:
    """Give what a misspelt name may mean, of names that are known folded."""
    word = folded(text)[:64]
    if not word:
        return []
    begun: Iterable[str] = (name for name in known if len(word) > 1 and (name.endswith(word) or name.startswith(word)))
    near = get_close_matches(word, list(known), _NEAR, 0.6)
    return list(dict.fromkeys(known[name] for name in [*near, *begun]))[:_NEAR]
