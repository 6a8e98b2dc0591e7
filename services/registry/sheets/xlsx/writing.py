"""Writing a workbook as a stream: the table of apps goes out as it comes, the others wait on disk for their turn.

No cell is a formula, every text is a text, days are days. A sheet that is full goes on in a further one.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

from services.registry.sheets.grids import letters
from services.registry.sheets.layout import Column, Key, Table, tables
from services.registry.sheets.packing import Packing, Spool
from services.registry.sheets.rows import Rows
from services.registry.sheets.shape import Kind
from services.registry.sheets.xlsx import fixed, guidance
from services.registry.sheets.xlsx.escapes import CAREFUL, marked_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from services.registry.sheets.rows import Cells, Registered
    from services.text import Lang

MOST_ROWS = 1 << 20
"""Rows of a sheet, its headings included."""
MOST_BYTES = (2 << 30) - (64 << 20)
"""Bytes of a sheet: beyond 2 GiB an archive needs an extension at which Excel balks."""

_NUMBERS = frozenset({Key.ORDER, Key.REVISION})
_FIRST_DAY = date(1900, 3, 1)  # before it Excel counts a day that never was
_DAY_ZERO = date(1899, 12, 30).toordinal()


def written(
    apps: Iterable[Registered], lang: Lang, *, most_rows: int = MOST_ROWS, most_bytes: int = MOST_BYTES
) -> Iterator[bytes]:
    """Write apps as a workbook; without any it is the template.

    Args:
        apps: what is written, in this order.
        lang: the language of headings, words and explanations.
        most_rows: rows after which a sheet goes on in a further one.
        most_bytes: bytes after which it does.
    """
    with ExitStack() as stack:
        packing = Packing()
        sheets: list[str] = []
        packing.put(fixed.CONTENT_TYPES[0], fixed.CONTENT_TYPES[1])
        packing.put(fixed.ROOT_LINKS[0], fixed.ROOT_LINKS[1])
        first, *others = tables()
        lists = guidance.Lists(lang)
        waiting = {table.title: [_Waiting(_Sheet(table, lang, lists), stack)] for table in others}
        rows = Rows(lang)
        source = iter(apps)
        has_more = True
        while has_more:
            sheet = _Sheet(first, lang, lists)
            sheets.append(_numbered(first.title.in_(lang), len(sheets)))
            with packing.open(fixed.sheet_part(len(sheets))) as member:
                member.write(sheet.begin())
                has_more = False
                for app in source:
                    for table, cells in rows.of(app):
                        if table is first:
                            member.write(sheet.row(cells))
                        else:
                            _put(waiting[table.title], cells, stack, most_rows, most_bytes)
                    yield from packing.taken()
                    if sheet.rows == most_rows or sheet.size >= most_bytes:
                        has_more = True
                        break
                member.write(sheet.end())
        for table in others:
            for i, each in enumerate(waiting[table.title]):
                sheets.append(_numbered(table.title.in_(lang), i))
                each.spool.write(each.sheet.end())
                yield from packing.copied(fixed.sheet_part(len(sheets)), each.spool)
        for name, content in guidance.sheets(lang, lists):
            sheets.append(name)
            packing.put(fixed.sheet_part(len(sheets)), content)
        for part, content in fixed.parts(sheets):
            packing.put(part, content)
        yield from packing.finished()


class _Sheet:
    """A sheet of a table: the markup of its rows."""

    def __init__(self, table: Table, lang: Lang, lists: guidance.Lists) -> None:
        self._table = table
        self._lang = lang
        self._lists = lists
        self._writers = [_writer(i, column) for i, column in enumerate(table.columns)]
        self.rows = 0
        self.size = 0

    def begin(self) -> bytes:
        """Give what stands above the rows, and the headings."""
        columns = self._table.columns
        cells = "".join(
            f'<c r="{letters(i)}1" s="{fixed.HEADING}" t="inlineStr"><is><t>{heading}</t></is></c>'
            for i, heading in enumerate(marked_up(column.heading.in_(self._lang)) for column in columns)
        )
        self.rows = 1
        head = fixed.sheet_head(map(_width_and_style, columns), freezes=True)
        return f'{head}<row r="1">{cells}</row>'.encode()

    def another(self) -> _Sheet:
        """Give an empty sheet of the same table."""
        return _Sheet(self._table, self._lang, self._lists)

    def row(self, cells: Cells) -> bytes:
        """Give the markup of a row."""
        self.rows += 1
        number = str(self.rows)
        written = "".join([self._writers[i](number, cells[i]) for i in sorted(cells)])
        row = f'<row r="{number}">{written}</row>'.encode()
        self.size += len(row)
        return row

    def end(self) -> bytes:
        """Give what stands below the rows: what may be filled in."""
        return (fixed.DATA_END + guidance.validations(self._table, self._lang, self._lists) + fixed.SHEET_END).encode()


class _Waiting:
    """A sheet on disk."""

    def __init__(self, sheet: _Sheet, stack: ExitStack) -> None:
        self.sheet = sheet
        self.spool = stack.enter_context(Spool())
        self.spool.write(sheet.begin())


def _put(waiting: list[_Waiting], cells: Cells, stack: ExitStack, most_rows: int, most_bytes: int) -> None:
    last = waiting[-1]
    if last.sheet.rows == most_rows or last.sheet.size >= most_bytes:
        last = _Waiting(last.sheet.another(), stack)
        waiting.append(last)
    last.spool.write(last.sheet.row(cells))


def _numbered(title: str, before: int) -> str:
    return f"{title} ({before + 1})" if before else title


def _writer(position: int, column: Column) -> Callable[[str, str], str]:
    name = letters(position)
    if column.kind in _NUMBERS:
        return lambda row, text: f'<c r="{name}{row}"><v>{text}</v></c>'

    def text_cell(row: str, text: str) -> str:
        cell = f'<c r="{name}{row}" s="{fixed.TEXT}" t="inlineStr"><is>'
        if not CAREFUL.search(text):
            return f"{cell}<t>{text}</t></is></c>"
        return f'{cell}<t xml:space="preserve">{marked_up(text)}</t></is></c>'

    def day_cell(row: str, text: str) -> str:
        serial = _serial(text)
        return text_cell(row, text) if serial is None else f'<c r="{name}{row}" s="{fixed.DAY}"><v>{serial}</v></c>'

    return day_cell if column.kind == Kind.DAY else text_cell


@lru_cache(1 << 14)
def _serial(day: str) -> int | None:
    """Give the number by which Excel knows a day; None for one that it does not know."""
    parsed = date.fromisoformat(day)
    return parsed.toordinal() - _DAY_ZERO if parsed >= _FIRST_DAY else None


_WIDTHS = {
    Kind.TEXT: 24,
    Kind.CREDIT_CODE: 22,
    Key.APP: 24,
    Key.ORDER: 8,
    Kind.YES_NO: 10,
    Kind.DAY: 13,
    Key.PRESENCE: 12,
}


def _width_and_style(column: Column) -> tuple[int, int]:
    style = fixed.DAY if column.kind == Kind.DAY else fixed.PLAIN if column.kind in _NUMBERS else fixed.TEXT
    return _WIDTHS.get(column.kind, 16), style
