"""What helps a person to fill in a workbook: words to choose from, a note at every cell, and a sheet that explains.

All of it is made from the model, so a new field explains itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

from services.registry.sheets import shape
from services.registry.sheets.grids import letters
from services.registry.sheets.layout import Column, Key, Table, tables
from services.registry.sheets.marks import COUNTRY, GIVEN, NO, NONE, YES
from services.registry.sheets.shape import Kind
from services.registry.sheets.tabular import OURS
from services.registry.sheets.xlsx import fixed
from services.registry.sheets.xlsx.escapes import marked_up
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from services.text import Lang

ABOUT, WORDS = OURS
_LAST_ROW = 1 << 20
_LONGEST_TITLE, _LONGEST_NOTE = 32, 255

_RULES = (
    Text(
        "“应用”表一个应用占一行；“功能”等表一项占一行，以“应用标识”与应用对应，“序号”表示先后。",
        "The sheet “apps” has a row an app. The others have a row an entry, which says by “app id” where it belongs.",
    ),
    Text(
        "空着就是未声明，既不是“无”，也不是“否”。确实没有的，写“无”。",
        "An empty cell is undeclared, neither “none” nor “no”. Where there is none, write “none”.",
    ),
    Text(
        "写着“有”的列可以留空：填了后面各列，或在分表中列了各项，就是有。",
        "Columns that say “given” may stay empty: what is filled in or listed is given.",
    ),
    Text(
        "一格里写几个值时，用顿号、分号、逗号或换行分开。",
        "Several values in one cell are separated by commas, semicolons or line breaks.",
    ),
    Text("日期写成 2025-03-01。", "Days look like 2025-03-01."),
    Text(
        "以撇号（'）开头的格，撇号之后原样就是文本，几个值时一行一个；"
        "以 = + - @ 开头、恰好是“无”、首尾有空格或含分隔符的文本这样写。",
        "In a cell that begins with an apostrophe, what follows is the text as it stands, and each line one value: "
        "so are written texts that begin with = + - @, that are the word “none”, or that hold separators.",
    ),
    Text(
        "标题行不要改动，列的先后可以改，不用的列可以删去。自用的列标题写“备注”，不会读取。",
        "Leave the headings as they are; columns may be moved or taken away. A column headed “notes” is not read.",
    ),
    Text(
        "中文和英文的标题、用词都读；公式按保存时的结果读，宏不运行。",
        "Headings and words are read in Chinese and English; of formulas the saved result is read; macros are not run.",
    ),
)
_TABLE, _COLUMN, _WRITE, _MEANING = (
    Text("表", "sheet"),
    Text("列", "column"),
    Text("怎样填", "what to write"),
    Text("含义", "meaning"),
)
_WRITTEN: dict[Kind | Key, Text] = {
    Kind.TEXT: Text("文本", "text"),
    Kind.WORD: Text("从词表中选", "one of the words"),
    Kind.YES_NO: Text("是、否", "yes or no"),
    Kind.DAY: Text("日期", "a day"),
    Kind.DIVISION: Text(f"行政区划代码，或“{COUNTRY.zh}”", f"a division code, or “{COUNTRY.en}”"),
    Kind.CREDIT_CODE: Text("18 位代码", "a code of 18 characters"),
    Key.APP: Text("应用的标识", "the id of an app"),
    Key.ORDER: Text("整数", "a whole number"),
    Key.REVISION: Text("不填", "nothing"),
    Key.PRESENCE: Text("有", "given"),
}
_REFUSED = (
    Text("请从列表中选择", "Please choose from the list"),
    Text("请写成 2025-03-01 的形式", "Please write a day such as 2025-03-01"),
)


class Lists:
    """The lists to choose from, each a column of one sheet."""

    def __init__(self, lang: Lang) -> None:
        """Collect the lists of all columns."""
        self.lang: Lang = lang
        self.columns: dict[tuple[str, ...], tuple[int, str]] = {}
        for table in tables():
            for column in table.columns:
                words = self._words(column)
                if words and words not in self.columns:
                    self.columns[words] = len(self.columns), column.heading.in_(lang)

    def reference(self, column: Column) -> str | None:
        """Give the cells that list what a column takes; None when it takes anything, or several at once."""
        words = self._words(column)
        if not words or column.is_list:
            return None
        position = letters(self.columns[words][0])
        return f"'{WORDS.in_(self.lang)}'!${position}$2:${position}${len(words) + 1}"

    def _words(self, column: Column) -> tuple[str, ...]:
        none = () if column.none is None else (NONE.in_(self.lang),)
        match column.kind:
            case Kind.WORD:
                return (*(word.name.in_(self.lang) for word in column.words), *none)
            case Kind.YES_NO:
                return YES.in_(self.lang), NO.in_(self.lang)
            case Key.PRESENCE:
                return GIVEN.in_(self.lang), *none
            case _:
                return ()


def validations(table: Table, lang: Lang, lists: Lists) -> str:
    """Give the markup by which a spreadsheet offers words, refuses others, and explains each cell."""
    found = [_validation(i, column, lang, lists) for i, column in enumerate(table.columns)]
    return f'<dataValidations count="{len(found)}">{"".join(found)}</dataValidations>'


def _validation(position: int, column: Column, lang: Lang, lists: Lists) -> str:
    name = letters(position)
    note = f"{_how(column, lang)}\n{column.description.in_(lang)}"[:_LONGEST_NOTE]
    prompt = (
        f' showInputMessage="1" promptTitle={_attribute(column.heading.in_(lang)[-_LONGEST_TITLE:])}'
        f' prompt={_attribute(note)} sqref="{name}2:{name}{_LAST_ROW}"'
    )
    reference = lists.reference(column)
    if reference is not None:
        refused = f' showErrorMessage="1" error={_attribute(_REFUSED[0].in_(lang))}'
        return (
            f'<dataValidation type="list" allowBlank="1"{refused}{prompt}>'
            f"<formula1>{reference}</formula1></dataValidation>"
        )
    if column.kind == Kind.DAY:
        refused = f' showErrorMessage="1" errorStyle="warning" error={_attribute(_REFUSED[1].in_(lang))}'
        return (
            f'<dataValidation type="date" operator="greaterThanOrEqual" allowBlank="1"{refused}{prompt}>'
            "<formula1>1</formula1></dataValidation>"
        )
    return f'<dataValidation allowBlank="1"{prompt}/>'


def sheets(lang: Lang, lists: Lists) -> Iterator[tuple[str, bytes]]:
    """Give the sheets that explain and list the words: names and markup."""
    rows: list[Sequence[tuple[str, int]]] = [((_title().in_(lang), fixed.TITLE),)]
    rows += [((rule.in_(lang), fixed.PLAIN),) for rule in _RULES]
    rows.append([(each.in_(lang), fixed.HEADING) for each in (_TABLE, _COLUMN, _WRITE, _MEANING)])
    rows += [
        [
            (text, fixed.WRAPPED)
            for text in (
                table.title.in_(lang),
                column.heading.in_(lang),
                _how(column, lang),
                column.description.in_(lang),
            )
        ]
        for table in tables()
        for column in table.columns
    ]
    yield (
        ABOUT.in_(lang),
        _sheet([(16, fixed.TEXT), (36, fixed.TEXT), (44, fixed.TEXT), (80, fixed.TEXT)], rows, freezes=False),
    )
    listed = [(heading, *words) for words, (_, heading) in lists.columns.items()]
    height = max(map(len, listed))
    words = [
        [(column[i] if i < len(column) else "", fixed.TEXT if i else fixed.HEADING) for column in listed]
        for i in range(height)
    ]
    yield WORDS.in_(lang), _sheet([(18, fixed.TEXT)] * len(listed), words, freezes=True)


def _title() -> Text:
    version = next(iter(shape.constants().values()))
    return Text(
        f"政务应用程序清单（第 {version} 版）填表说明",
        f"Manifests of government apps (version {version}): how to fill in",
    )


def _how(column: Column, lang: Lang) -> str:
    if column.kind == Kind.WORD:
        said = (
            "、".join(word.name.zh for word in column.words)
            if lang == "zh"
            else ", ".join(word.name.en for word in column.words)
        )
    else:
        said = _WRITTEN[column.kind].in_(lang)
    if column.is_list:
        said = f"{said}（可填多个）" if lang == "zh" else f"{said} (one or several)"
    if column.none is None:
        return said
    return f"{said}；没有的写“{NONE.zh}”" if lang == "zh" else f"{said}; “{NONE.en}” where there is none"


def _sheet(columns: Sequence[tuple[int, int]], rows: Iterable[Sequence[tuple[str, int]]], *, freezes: bool) -> bytes:
    written = []
    for number, row in enumerate(rows, start=1):
        cells = "".join(
            f'<c r="{letters(i)}{number}" s="{style}" t="inlineStr"><is><t>{marked_up(text)}</t></is></c>'
            for i, (text, style) in enumerate(row)
            if text
        )
        written.append(f'<row r="{number}">{cells}</row>')
    return (fixed.sheet_head(columns, freezes=freezes) + "".join(written) + fixed.DATA_END + fixed.SHEET_END).encode()


def _attribute(text: str) -> str:
    return quoteattr(text, {"\n": "&#10;"})
