"""CSV: one file a table, all of them in a zip archive; alone, the table of apps.

Written with a byte order mark, by which Excel knows UTF-8. Read in UTF-8 with or without it, in UTF-16 with it, and in
GB18030, in which Excel saves in China when nobody says otherwise.
"""

from __future__ import annotations

import codecs
import csv
import io
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import chain
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from services.registry.sheets.archives import CHUNK, Archive, telling_damage
from services.registry.sheets.layout import APPS, tables
from services.registry.sheets.packing import Packing, Spool
from services.registry.sheets.rows import Rows
from services.registry.sheets.tabular import Tables
from services.registry.sheets.told import Limits, Note, unreadable
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from services.registry.sheets.cells import Raw
    from services.registry.sheets.grids import RawRow
    from services.registry.sheets.layout import Table
    from services.registry.sheets.merges import Merge
    from services.registry.sheets.rows import Cells, Registered
    from services.text import Lang

    Opening = Callable[[], AbstractContextManager[BinaryIO]]

SUFFIX = ".csv"
_DELIMITERS = ",\t;"
_BEGINNING = 1 << 12  # characters in which the headings begin
_LONGEST_LINE = 8 << 20  # characters; a row of the longest cells has fewer
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_BATCH = 256  # rows written at a time


# ---------------------------------------------------------------- reading


class CsvGrid:
    """A CSV file as a grid."""

    merges: tuple[Merge, ...] = ()
    notes: tuple[Note, ...] = ()

    def __init__(self, name: str, opened: Opening, encoding: str) -> None:
        """Take its name for addresses, how to open it, and how it is encoded."""
        self.name = name
        self._opened = opened
        self._encoding = encoding

    def rows(self) -> Iterator[RawRow]:
        """Give its records; those without content have no cells.

        Raises:
            UnreadableFile: quotation marks do not match, or the file is damaged.
        """
        with self._opened() as binary, _as_text(binary, self._encoding) as text:
            number = 0
            try:
                with telling_damage(self.name):
                    beginning = text.read(_BEGINNING) + text.readline(_LONGEST_LINE)
                    lines = _lines(beginning, text)
                    for number, record in enumerate(csv.reader(lines, delimiter=_delimiter(beginning), strict=True), 1):
                        cells: dict[int, Raw] = {i: content for i, content in enumerate(record) if content}
                        yield number, cells
            except csv.Error as error:
                raise unreadable(
                    Text(
                        "此行的引号不成对，或一格、一行过长",
                        "quotation marks that do not match, or a cell or line without end",
                    ),
                    Text(
                        "单元格内的双引号写两个；从电子表格软件重新导出",
                        "write two quotation marks inside a cell; export it anew from a spreadsheet",
                    ),
                    f"{self.name}!{number + 1}",
                ) from error


def read_one(file: BinaryIO, limits: Limits, stack: ExitStack) -> Tables:
    """Read a single CSV file: the table of apps.

    Raises:
        UnreadableFile: it cannot be read.
    """
    size = file.seek(0, io.SEEK_END)
    if size > limits.unpacked_bytes:
        raise unreadable(
            Text(
                f"有 {size} 字节，最多 {limits.unpacked_bytes} 字节", f"{size} bytes; at most {limits.unpacked_bytes}"
            ),
            Text("分成几个文件", "divide it among several files"),
        )

    @contextmanager
    def opened() -> Iterator[BinaryIO]:
        file.seek(0)
        yield file

    encoding, notes = _encoding(APPS.zh, opened)
    return Tables([CsvGrid(APPS.zh, opened, encoding)], notes, limits, stack)


def read_archive(archive: Archive, limits: Limits, stack: ExitStack) -> Tables:
    """Read an archive of CSV files, each named like its table.

    Raises:
        UnreadableFile: it cannot be read.
    """
    grids: list[CsvGrid] = []
    notes: list[Note] = []
    for name in archive.names:
        if not name.casefold().endswith(SUFFIX):
            notes.append(Note(name, Text("不是 CSV 文件，没有读", "this is no CSV file and was not read")))
            continue
        table = PurePosixPath(name.replace("\\", "/")).stem

        def opened(name: str = name) -> AbstractContextManager[BinaryIO]:
            return archive.opened(name)

        encoding, told = _encoding(table, opened)
        notes += told
        grids.append(CsvGrid(table, opened, encoding))
    return Tables(grids, notes, limits, stack)


def _encoding(name: str, opened: Opening) -> tuple[str, list[Note]]:
    """Find the encoding of a file by reading all of it, because a byte that breaks UTF-8 may be its last."""
    with opened() as file, telling_damage(name):
        start = file.read(3)
    marked = next((encoding for mark, encoding in _MARKS if start.startswith(mark)), None)
    for encoding in (marked,) if marked else ("utf-8", "gb18030"):
        if _decodes(name, opened, encoding):
            guessed = Text(
                "按 GB18030（GBK）读取，请核对中文是否正确；建议另存为“CSV UTF-8”",
                "read as GB18030 (GBK), please look whether the Chinese is right; better save it as “CSV UTF-8”",
            )
            return encoding, [Note(name, guessed)] if encoding == "gb18030" else []
    raise unreadable(
        Text("既不是 UTF-8，也不是 GB18030", "neither UTF-8 nor GB18030"),
        Text("在电子表格软件中另存为“CSV UTF-8”", "save it as “CSV UTF-8” in a spreadsheet"),
        name,
    )


def _decodes(name: str, opened: Opening, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with opened() as file, telling_damage(name):
        while True:
            chunk = file.read(CHUNK)
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError:
                return False
            if not chunk:
                return True


@contextmanager
def _as_text(binary: BinaryIO, encoding: str) -> Iterator[io.TextIOWrapper]:
    text = io.TextIOWrapper(binary, encoding, newline="")
    try:
        yield text
    finally:
        text.detach()  # who opened the file closes it


def _lines(beginning: str, text: io.TextIOWrapper) -> Iterator[str]:
    """Give lines with their ends, of which the first have been read already."""
    for line in chain(io.StringIO(beginning, newline=""), iter(partial(text.readline, _LONGEST_LINE), "")):
        if len(line) >= _LONGEST_LINE:
            raise csv.Error("a line without end")
        yield line


def _delimiter(beginning: str) -> str:
    """Find what separates columns: comma, tab or semicolon, whichever the first line that has any has most of."""
    for line in beginning.splitlines():
        most = max(_DELIMITERS, key=line.count)
        if most in line:
            return most
    return ","


# ---------------------------------------------------------------- writing


def written(apps: Iterable[Registered], lang: Lang) -> Iterator[bytes]:
    """Write apps as an archive of CSV files, one a table. The table of apps streams; the others wait on disk."""
    with ExitStack() as stack:
        packing = Packing()
        first, *others = tables()
        spools = {table.title: stack.enter_context(Spool()) for table in others}
        buffers = {table.title: _Lines(table) for table in others}
        for table in others:
            spools[table.title].write(_headings(table, lang))
        rows = Rows(lang)
        with packing.open(first.title.in_(lang) + SUFFIX, is_large=True) as member:
            member.write(_headings(first, lang))
            lines = _Lines(first)
            for app in apps:
                for table, cells in rows.of(app):
                    if table is first:
                        member.write(lines.added(cells))
                    else:
                        spools[table.title].write(buffers[table.title].added(cells))
                yield from packing.taken()
            member.write(lines.rest())
        for table in others:
            spools[table.title].write(buffers[table.title].rest())
            yield from packing.copied(table.title.in_(lang) + SUFFIX, spools[table.title], is_large=True)
        yield from packing.finished()


def written_table(apps: Iterable[Registered], lang: Lang, table: Table | None = None) -> Iterator[bytes]:
    """Write one table as a CSV file, that of apps unless another is named: for lists, which need not be complete."""
    wanted = table or tables()[0]
    lines = _Lines(wanted)
    rows = Rows(lang)
    yield _headings(wanted, lang)
    for app in apps:
        for each, cells in rows.of(app):
            if each is wanted and (written := lines.added(cells)):
                yield written
    yield lines.rest()


class _Lines:
    """Turns rows into lines, some at a time."""

    def __init__(self, table: Table) -> None:
        self._width = len(table.columns)
        self._rows: list[list[str]] = []

    def added(self, cells: Cells) -> bytes:
        """Take a row; give lines when there are enough of them."""
        row = [""] * self._width
        for i, content in cells.items():
            row[i] = content
        self._rows.append(row)
        return self.rest() if len(self._rows) == _BATCH else b""

    def rest(self) -> bytes:
        """Give the lines of the rows that have not been given yet."""
        out = io.StringIO(newline="")
        csv.writer(out, lineterminator="\r\n").writerows(self._rows)
        self._rows.clear()
        return out.getvalue().encode()


def _headings(table: Table, lang: Lang) -> bytes:
    lines = _Lines(table)
    lines.added({i: column.heading.in_(lang) for i, column in enumerate(table.columns)})
    return codecs.BOM_UTF8 + lines.rest()
