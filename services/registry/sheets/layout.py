"""Which tables hold a manifest, and which columns they have.

One table has a row an app. Parts that occur once are flattened into its columns; lists of parts have a table of their
own with a row an entry, and so have lists too long for one cell. Headings come from the titles of the model.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

from services.registry.sheets import shape
from services.registry.sheets.shape import Kind, Shape, Word
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Path = tuple[str, ...]
"""Field names, from an entry of a table down to a value."""

LONGEST_CELL = 32_767
"""Characters that Excel keeps in one cell; a longer text would be cut without a word."""

APPS = Text("应用", "apps")
"""The table that has a row an app."""


class Key(StrEnum):
    """Columns that hold no declaration but say where a row belongs."""

    APP = "app"
    ORDER = "order"
    REVISION = "revision"
    PRESENCE = "presence"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Args:
        path: the field it holds; empty for keys, and for the value itself where a row is one value.
        heading: what stands above it, unlike that of any other column of the table.
        kind: what its cells hold.
        description: what to write there.
        words: the vocabulary, of words.
        is_list: whether a cell may hold several values.
        none: what the mark 无 declares: the word `none`, an empty list, or nothing (None).
    """

    path: Path
    heading: Text
    kind: Kind | Key
    description: Text
    words: tuple[Word, ...] = ()
    is_list: bool = False
    none: str | tuple[()] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its title, the list of the manifest whose entries are its rows (None: a row an app), its columns."""

    title: Text
    field: str | None
    columns: tuple[Column, ...]

    @property
    def key(self) -> Column:
        """The column without which no row can be placed: the app's id."""
        if self.field is None:
            return next(column for column in self.columns if column.path == ("id",))
        return self.columns[0]

    @property
    def has_values(self) -> bool:
        """Whether a row is one value and not a part."""
        return self.field is not None and self.columns[-1].path == ()


_APP = Column((), Text("应用标识", "app id"), Key.APP, Text("所属应用的标识。", "Id of the app it belongs to."))
_ORDER = Column(
    (),
    Text("序号", "order"),
    Key.ORDER,
    Text("在该应用中的次序；留空则依行的先后。", "Its place among those of the app; empty: in the order of the rows."),
)
_REVISION = Column(
    (),
    Text("登记号", "registry revision"),
    Key.REVISION,
    Text(
        "导出时的登记号，请勿改动：导入时据此发现他人其间所作的变更。新登记的应用留空。",
        "The registry revision at export, to be left as it is: by it an import notices changes that others made "
        "meanwhile. Empty for a new app.",
    ),
)

# Descriptions speak of documents; in a cell some things are written otherwise.
_IN_CELLS = (
    (re.compile(r"写 (?:none|\[\])"), "写“无”"),
    (re.compile("`none` "), "“none” "),
    (re.compile(r"\[\] "), "“none” "),
    (re.compile("空串为全国"), "全国写“全国”"),
    (re.compile("the empty code is the whole country"), "“nationwide” for the whole country"),
    (re.compile("空列表表示没有代价"), "没有代价的写“无”"),
    (re.compile("The empty list says that it costs nothing"), "“none” when it costs nothing"),
    (re.compile("，带引号|, in quotation marks"), ""),
)


@cache
def tables() -> tuple[Table, ...]:
    """Give all tables, the one of apps first.

    Raises:
        TypeError: the model has something that no table can hold, or two columns would be called alike.
    """
    fields = shape.manifest()
    apps = Table(APPS, None, (*_columns(fields, (), None), _REVISION))
    found = (apps, *(_own_table(field) for field in fields if _has_own_table(field)))
    for table in found:
        _check_headings(table)
    if len({folded(name) for table in found for name in names(table.title)}) != sum(
        len({folded(name) for name in names(table.title)}) for table in found
    ):
        raise TypeError("two tables have one title")
    return found


def names(text: Text) -> tuple[str, str]:
    """Give the two names of a column, table or word."""
    return text.zh, text.en


def headings(table: Table) -> dict[str, Column]:
    """Give the columns of a table by every heading they are known by, folded; a path in documents stands as it is."""
    known = {folded(name): column for column in table.columns for name in names(column.heading)}
    paths = {".".join(column.path): column for column in table.columns if column.path}
    return paths | known


def folded(text: str) -> str:
    """Give a heading or word without width, case, spaces and punctuation, which people write in many ways."""
    return "".join(each for each in unicodedata.normalize("NFKC", text).casefold() if each.isalnum())


def _has_own_table(field: Shape) -> bool:
    """Tell whether a list needs rows of its own: its items are parts, or it may not fit into one cell."""
    if not field.is_list:
        return False
    if field.kind == Kind.PART:
        return True
    longest = max((len(name) for word in field.words for name in names(word.name)), default=field.longest or 12)
    return field.most is None or field.most * (longest + 1) >= LONGEST_CELL


def _own_table(field: Shape) -> Table:
    if field.part is not None:
        columns = (_APP, _ORDER, *_columns(field.fields, (), field.name))
        return Table(field.part, field.name, columns)
    column = Column((), field.title, field.kind, _in_cells(field.description), field.words)
    return Table(field.title, field.name, (_APP, _ORDER, column))


def _columns(fields: Iterable[Shape], above: tuple[Shape, ...], table: str | None) -> Iterator[Column]:
    for field in fields:
        path = (*(each.name for each in above), field.name)
        titles = [*(each.title for each in above), field.title]
        heading = Text("·".join(each.zh for each in titles), " · ".join(each.en for each in titles))
        description = _in_cells(field.description)
        if _has_own_table(field):
            if table is not None or above:
                raise TypeError(f"{'/'.join(path)}: an entry of a table cannot have a table of its own")
            description = Text(
                f"{description.zh}逐项写在“{_own_table(field).title.zh}”表中，此处可留空。",
                f"{description.en} Listed in the table “{_own_table(field).title.en}”; this may stay empty.",
            )
            yield Column(path, heading, Key.PRESENCE, description, none=_none(field))
        elif field.kind == Kind.PART:
            yield Column(path, heading, Key.PRESENCE, description, none=_none(field))
            yield from _columns(field.fields, (*above, field), table)
        else:
            yield Column(path, heading, field.kind, description, field.words, field.is_list, _none(field))


def _none(field: Shape) -> str | tuple[()] | None:
    if field.has_none and field.has_empty:
        raise TypeError(f"{field.name}: one mark cannot declare both that there is none and an empty list")
    if field.has_none:
        return "none"
    return () if field.has_empty else None


def _in_cells(description: Text) -> Text:
    zh, en = names(description)
    for pattern, written in _IN_CELLS:
        zh, en = pattern.sub(written, zh), pattern.sub(written, en)
    return Text(zh, en)


def _check_headings(table: Table) -> None:
    known = headings(table)
    for column in table.columns:
        for name in (*map(folded, names(column.heading)), *([".".join(column.path)] if column.path else ())):
            if known[name] != column:
                raise TypeError(f"{table.title.zh}: two columns are called {name}")
