"""A sheet of a workbook as a grid: its rows, one after the other, in memory that does not grow.

Most rows are written in one plain shape, which a pattern reads as fast as a parser in a compiled language. The pattern
has to account for every character of a row; where it cannot, a real parser reads the row. So both mean the same.
"""

from __future__ import annotations

import re
from collections import deque
from functools import cache, cached_property
from typing import TYPE_CHECKING

from services.registry.sheets.grids import letters as letters_of
from services.registry.sheets.merges import Merge
from services.registry.sheets.told import Note, unreadable
from services.registry.sheets.xlsx.cell_values import NOT_WORKED_OUT, Values
from services.registry.sheets.xlsx.markup import Attributes, Markup, damaged
from services.registry.sheets.xlsx.strings import unescaped
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.registry.sheets.cells import Raw
    from services.registry.sheets.grids import RawRow

_ROW = re.compile(r'\s*<row r="([0-9]{1,7})"([^<>]*)>')
_CELL = re.compile(
    r'<c r="([A-Z]{1,3})[0-9]+"(?: s="([0-9]+)")?(?: t="([a-zA-Z]+)")?'
    r'(?:/>|>(?:<is><t(?: xml:space="preserve")?>([^<&\r]*)</t></is>|<v>([^<&\r]*)</v>)?</c>)|(.).*',
    re.DOTALL,
)
_MERGE = re.compile(rb'<(?:[\w.-]+:)?mergeCell\s[^<>]*?ref="([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})"')
_ADDRESS = re.compile(r"([A-Z]{1,3})[0-9]+")
_NUMBER = re.compile(r"[0-9]{1,7}")
_DATA, _ROW_END, _DATA_END = b"<sheetData>", b"</row>", b"</sheetData>"
_BEGINNING = 1 << 20  # bytes in which the rows begin
_LONGEST_ROW = 4 << 20  # bytes; a whole manifest has at most 256 KiB
_DEEPEST = 64  # elements inside one another
_MOST_MERGES = 10_000
_LONGEST_MERGE = 256
_HIDDEN = ("1", "true")


class SheetGrid:
    """A sheet."""

    def __init__(self, name: str, chunks: Callable[[], Iterator[bytes]], values: Values) -> None:
        """Take its name, how to read it from its beginning, and how to read its values."""
        self.name = name
        self._chunks = chunks
        self._values = values
        self._told: dict[str, Note] = {}

    @property
    def notes(self) -> list[Note]:
        """What was taken for granted in the rows read so far."""
        return list(self._told.values())

    @cached_property
    def merges(self) -> tuple[Merge, ...]:
        """The merged cells, which a sheet tells of below its rows.

        Raises:
            UnreadableFile: there are more than anybody would make.
        """
        found: list[Merge] = []
        rest = b""
        for chunk in self._chunks():
            rest += chunk
            end = max(0, len(rest) - _LONGEST_MERGE)
            for match in _MERGE.finditer(rest):
                first, top, last, bottom = match.groups()
                found.append(Merge(int(top), int(bottom), column(first.decode()), column(last.decode())))
                end = max(end, match.end())
            rest = rest[end:]
            if len(found) > _MOST_MERGES:
                raise unreadable(
                    Text(f"合并的单元格超过 {_MOST_MERGES} 处", f"more than {_MOST_MERGES} merged cells"),
                    Text("取消合并，在每一格中填写", "unmerge them and fill in each cell"),
                    self.name,
                )
        return tuple(found)

    def rows(self) -> Iterator[RawRow]:
        """Give the rows that a sheet has, in the order in which they are written.

        Raises:
            UnreadableFile: the sheet is damaged.
        """
        chunks = self._chunks()
        rest = b""
        for chunk in chunks:
            rest += chunk
            begin = rest.find(_DATA)
            if begin >= 0:
                yield from self._written_rows(rest[begin + len(_DATA) :], chunks)
                return
            if len(rest) > _BEGINNING:
                break
        slow = _ParsedRows(self, self._values)
        yield from slow.rows(rest)
        for chunk in chunks:
            yield from slow.rows(chunk)
        yield from slow.rows(b"", is_last=True)

    def _written_rows(self, rest: bytes, chunks: Iterator[bytes]) -> Iterator[RawRow]:
        number = 0
        while True:
            *parts, rest = rest.split(_ROW_END)
            for part in parts:
                row = self._plain(part)
                if row is not None:
                    number = row[0]
                    yield row
                else:
                    parsed = _ParsedRows(self, self._values, number)
                    for row in parsed.rows(b"<sheetData>" + part + _ROW_END):
                        number = row[0]
                        yield row
            if _DATA_END in rest:
                deque(chunks, 0)  # the end of a part tells whether it is damaged
                return
            rest = self._with_an_end(rest, chunks)

    def _with_an_end(self, rest: bytes, chunks: Iterator[bytes]) -> bytes:
        """Read on until a row, or all of them, has an end."""
        read, size, edge = [rest], len(rest), rest[-len(_DATA_END) :]
        for chunk in chunks:
            seen = edge + chunk
            read.append(chunk)
            size += len(chunk)
            if _ROW_END in seen or _DATA_END in seen:
                return b"".join(read)
            if size > _LONGEST_ROW:
                break
            edge = seen[-len(_DATA_END) :]
        raise damaged(self.name)

    def _plain(self, written: bytes) -> RawRow | None:
        """Read a row of the plain shape; None for any other."""
        try:
            part = written.decode()
        except UnicodeDecodeError:
            raise damaged(self.name) from None
        head = _ROW.match(part)
        if head is None or "hidden=" in head[2]:
            return None
        cells: dict[int, Raw] = {}
        value_of = self._values.of
        for letters, style, kind, inline, value, other in _CELL.findall(part, head.end()):
            if inline:
                cells[column(letters)] = unescaped(inline) if kind == "inlineStr" else value_of(kind, style, inline)
            elif value:
                cells[column(letters)] = value_of(kind, style, value)
            elif other:
                return None
        return int(head[1]), cells

    def tell_hidden(self, row: int) -> None:
        """Note that a hidden row is read."""
        said = Text(
            f"有隐藏的行（第 {row} 行起），也已读入", f"there are hidden rows (from row {row} on); they are read too"
        )
        self._told.setdefault("hidden", Note(self.name, said))

    def tell_formula(self, address: str) -> None:
        """Note that a formula is read by its result."""
        said = Text(
            f"有公式（{address} 等），按上次保存时的计算结果读取",
            f"there are formulas ({address} …); read are the results at the last saving",
        )
        self._told.setdefault("formula", Note(self.name, said))


@cache
def column(letters: str) -> int:
    """Give the position of a column, from 0, by its one to three letters, of which there are at most 18,278."""
    position = 0
    for letter in letters:
        position = position * 26 + ord(letter) - 64
    return position - 1


class _ParsedRows:
    """Reads rows of any shape."""

    def __init__(self, grid: SheetGrid, values: Values, before: int = 0) -> None:
        self._grid = grid
        self._values = values
        self._markup = Markup(grid.name, self._start, self._end, self._text)
        self._done: list[RawRow] = []
        self._number = before
        self._cells: dict[int, Raw] = {}
        self._column = -1
        self._kind, self._style = "", ""
        self._parts: list[str] = []
        self._size = 0
        self._inside: list[str] = []
        self._has_formula = self._has_value = False

    def rows(self, data: bytes, *, is_last: bool = False) -> Iterator[RawRow]:
        """Parse on, and give the rows that are complete."""
        self._markup.feed(data, is_last=is_last)
        self._size += len(data)
        if self._done or "row" not in self._inside:
            self._size = 0
        if self._size > _LONGEST_ROW or len(self._inside) > _DEEPEST:
            raise damaged(self._grid.name)
        yield from self._done
        self._done.clear()

    def _start(self, name: str, attributes: Attributes) -> None:
        self._inside.append(name)
        if name == "row":
            self._number = self._whole(attributes.get("r"), self._number + 1)
            self._column = -1
            self._cells = {}
            if attributes.get("hidden") in _HIDDEN:
                self._grid.tell_hidden(self._number)
        elif name == "c":
            address = _ADDRESS.fullmatch(attributes.get("r", ""))
            self._column = self._column + 1 if address is None else column(address[1])
            self._kind, self._style = attributes.get("t", ""), attributes.get("s", "")
            self._parts = []
            self._has_formula = self._has_value = False
        elif name == "f":
            self._has_formula = True
        elif name in {"v", "is"}:
            # A formula may well give the empty text; a value that says neither is one that was never worked out.
            self._has_value = self._kind in {"str", "inlineStr"}

    def _text(self, data: str) -> None:
        if self._inside[-1] == "v":
            self._has_value = True
        if self._inside[-1] == "v" or (self._inside[-1] == "t" and "rPh" not in self._inside):
            self._parts.append(data)

    def _end(self, name: str) -> None:
        self._inside.pop()
        if name == "c":
            self._end_cell()
        elif name == "row":
            self._done.append((self._number, self._cells))

    def _end_cell(self) -> None:
        text = "".join(self._parts)
        if self._has_formula:
            self._grid.tell_formula(f"{letters_of(self._column)}{self._number}")
            if not self._has_value:
                self._cells[self._column] = NOT_WORKED_OUT
                return
        if text:
            self._cells[self._column] = self._values.of(self._kind, self._style, text)

    def _whole(self, text: str | None, otherwise: int) -> int:
        if text is None:
            return otherwise
        if not _NUMBER.fullmatch(text):
            raise damaged(self._grid.name)
        return int(text)
