"""Merged cells: one value down several rows of a column holds for each of them; one over several columns means nothing.

A spreadsheet keeps the value in the first cell only, so the others would silently be undeclared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from services.registry.sheets.cells import Raw, Unusable
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

_OVER_COLUMNS = Unusable(
    Text(
        "这里合并了几列的单元格，不知道值属于哪一列",
        "cells of several columns are merged here; whose value it is cannot be told",
    ),
    Text("取消合并，在每一格中填写", "unmerge them and fill in each cell"),
)


class Merge(NamedTuple):
    """Merged cells: first and last row, from 1; first and last column, from 0."""

    first_row: int
    last_row: int
    first_column: int
    last_column: int


def filled(
    rows: Iterable[tuple[int, dict[int, Raw]]], merges: Sequence[Merge], headed: int, columns: Collection[int]
) -> Iterator[tuple[int, dict[int, Raw]]]:
    """Give rows with the values of cells merged down a column in each row that has a value of its own.

    Args:
        rows: numbers and cells, in the order of their numbers.
        merges: the merged cells; of two that overlap in a column the later counts.
        headed: the row that has the headings; cells merged above or with it are left alone.
        columns: the columns that matter.
    """
    waiting = sorted((each for each in merges if each.first_row > headed), reverse=True)
    active: dict[int, tuple[int, Raw]] = {}
    for number, own in rows:
        cells = own
        while waiting and waiting[-1].first_row <= number:
            merge = waiting.pop()
            column = next((each for each in columns if merge.first_column <= each <= merge.last_column), None)
            value: Raw | None = _OVER_COLUMNS
            if merge.first_column == merge.last_column:
                value = cells.get(merge.first_column) if merge.first_row == number else None
            if column is not None and value is not None:
                active[column] = merge.last_row, value
        if active and cells:
            active = {column: held for column, held in active.items() if held[0] >= number}
            cells = cells | {column: value for column, (_, value) in active.items()}
        yield number, cells
