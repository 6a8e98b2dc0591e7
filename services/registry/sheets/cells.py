"""What a cell declares. An empty cell is undeclared, 无 declares that there is none, and nothing is guessed.

A spreadsheet changes what looks like a number or a day; where it has, what was written cannot be known any more, and
the cell is refused instead of read as something else.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any

from services.manifest import credit_code
from services.manifest.quoting import shown
from services.manifest.values import DIVISION_PATTERN
from services.registry.sheets.layout import LONGEST_CELL, Column, Key, folded, names
from services.registry.sheets.marks import (
    COUNTRY,
    GIVEN,
    NO,
    NONES,
    SAYS_SOMETHING,
    SCIENTIFIC,
    SEPARATORS,
    VERBATIM,
    YES,
)
from services.registry.sheets.shape import Kind
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable

_TRUE = frozenset({*map(folded, names(YES)), "true", "y", "1"})
_FALSE = frozenset({*map(folded, names(NO)), "false", "n", "0"})
_GIVENS = frozenset({*map(folded, names(GIVEN)), *_TRUE})
_TICKS = {"√": True, "✓": True, "✔": True, "×": False, "✗": False, "✘": False}
_COUNTRIES = frozenset(map(folded, names(COUNTRY)))
_LINES = re.compile(r"\r\n|\r|\n")
_DAY = re.compile(r"([0-9]{4})\s*[-/.年]\s*([0-9]{1,2})\s*[-/.月]\s*([0-9]{1,2})\s*日?(?:[ T]+[0-9:.]+)?")
_PLAIN_DAY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_WHOLE = re.compile(r"[0-9]{1,15}")
_DIVISION = re.compile(DIVISION_PATTERN)
_EXACT = 10**15  # a spreadsheet keeps 15 digits of a number and makes the others zero
_FEW, _NEAR = 30, 3
_LONGEST_NONE = 8  # however spaced


@dataclass(frozen=True, slots=True)
class Unusable:
    """A cell that has no value a file could tell: an error, a formula that was never worked out."""

    detail: Text
    remedy: Text


Raw = str | int | float | bool | date | Unusable
"""What a file says stands in a cell that is not empty."""


class Misread(Exception):
    """Raised inside this package for a cell that does not say anything its column can hold."""

    def __init__(self, detail: Text, remedy: Text) -> None:
        """Take what is wrong, and the remedy."""
        super().__init__(detail.en)
        self.detail = detail
        self.remedy = remedy


def read(column: Column, raw: Raw) -> Any:  # noqa: ANN401 - a value of any field
    """Give what a cell declares, as in a JSON document; None when it is as good as empty.

    Raises:
        Misread: it says nothing that the column can hold.
    """
    if isinstance(raw, Unusable):
        raise Misread(raw.detail, raw.remedy)
    if isinstance(raw, str):
        if len(raw) > LONGEST_CELL:
            raise _too_long(raw)
        if raw.startswith(VERBATIM) and column.kind not in _WITHOUT_TEXT:
            text = raw[1:]
            return _LINES.split(text) if column.is_list else text
        raw = raw.lstrip(VERBATIM).strip()
        if not raw:
            return None
        if column.none is not None and len(raw) <= _LONGEST_NONE and folded(raw) in NONES:
            return "none" if column.none == "none" else []
    if not column.is_list:
        return _READ[column.kind](column, raw)
    if not isinstance(raw, str):
        return [_READ[column.kind](column, raw)]
    if column.words and (whole := _word(column, raw)) is not None:
        return [whole]
    items = [item.strip() for item in SEPARATORS.split(raw)]
    return [_READ[column.kind](column, item) for item in items if item]


def _text(column: Column, raw: Raw) -> str:
    if isinstance(raw, str):
        if SCIENTIFIC.fullmatch(raw):
            raise _damaged(column, raw, Text("一个很长的数", "a long number"))
        if not SAYS_SOMETHING.search(raw):
            title = column.heading
            raise Misread(
                Text(
                    f"“{shown(raw)}”既不是“无”，也没有说出“{title.zh}”",
                    f"“{shown(raw)}” says neither “none” nor what “{title.en}” is",
                ),
                _absent(column),
            )
        return raw
    if isinstance(raw, date):
        raise _damaged(column, raw.isoformat(), Text("日期", "a date"))
    if isinstance(raw, (bool, Unusable)) or raw != int(raw) or abs(raw) >= _EXACT:
        raise _damaged(column, str(raw).upper(), Text("逻辑值" if isinstance(raw, bool) else "数", "a value"))
    return str(int(raw))


def _yes_no(column: Column, raw: Raw) -> bool:
    if isinstance(raw, bool):
        return raw
    text = _plainly(raw)
    if text in _TICKS:
        return _TICKS[text]
    word = folded(text)
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise _no_value(
        column, raw, Text("写“是”或“否”；未确定的留空", "write “yes” or “no”; leave it empty while not known")
    )


def _presence(column: Column, raw: Raw) -> bool:
    """Give True for what is said to be there; that there is none was read before."""
    if raw is True or folded(_plainly(raw)) in _GIVENS:
        return True
    zh, en = ("写“有”或“无”", "write “given” or “none”") if column.none is not None else ("写“有”", "write “given”")
    raise _no_value(column, raw, Text(f"{zh}，或留空", f"{en}, or leave it empty"))


def _day(column: Column, raw: Raw) -> str:
    if isinstance(raw, datetime):
        return raw.date().isoformat()
    if isinstance(raw, date):
        return raw.isoformat()
    text = unicodedata.normalize("NFKC", _plainly(raw))
    match = _DAY.fullmatch(text) or _PLAIN_DAY.fullmatch(text)
    form = Text("写成年-月-日，例如 2025-03-01", "write year, month and day, such as 2025-03-01")
    if match is None:
        raise _no_value(column, raw, form)
    try:
        return date(*(int(group) for group in match.groups())).isoformat()
    except ValueError:
        fact = Text(f"没有 {shown(text)} 这一天", f"there is no day {shown(text)}")
        raise Misread(fact, Text("查对年、月、日", "check year, month and day")) from None


def _named(column: Column, raw: Raw) -> str:
    text = _plainly(raw)
    value = _word(column, text)
    if value is not None:
        return value
    known = {name: word for word in column.words for name in (*names(word.name), word.value)}
    near = get_close_matches(text[:64], list(known), _NEAR, 0.6)
    begun = [name for name in known if len(text) > 1 and name.startswith(text)]
    meant = list(dict.fromkeys(known[name] for name in [*begun, *near]))[:_NEAR]
    guess = Text(
        f"是否为 {'、'.join(each.name.zh for each in meant)}？" if meant else "",
        f"did you mean {' or '.join(each.name.en for each in meant)}? " if meant else "",
    )
    few = column.words[:_FEW]
    lack = _or_none(column)
    remedy = Text(
        f"{guess.zh}可填 {'、'.join(each.name.zh for each in few)}{lack.zh}",
        f"{guess.en}allowed are {', '.join(each.name.en for each in few)}{lack.en}",
    )
    raise _no_value(column, raw, remedy)


def _division(column: Column, raw: Raw) -> str:
    text = _text(column, raw)
    if folded(text) in _COUNTRIES:
        return ""
    text = unicodedata.normalize("NFKC", text)
    if not _DIVISION.fullmatch(text):
        digits = Text(
            "写 2、4、6、9 或 12 位数字的代码；全国写“全国”",
            "write the code of 2, 4, 6, 9 or 12 digits, or “nationwide”",
        )
        raise _no_value(column, raw, digits)
    return text


def _credit_code(column: Column, raw: Raw) -> str:
    text = _text(column, raw)
    if problem := credit_code.problem(text):
        remedy = Text(
            "照登记证书核对 18 位代码；单元格设为文本格式",
            "compare the 18 characters with the certificate; format the cell as text",
        )
        raise Misread(Text(shown(problem.zh, 200), shown(problem.en, 200)), remedy)
    return text


def _order(column: Column, raw: Raw) -> int:
    text = unicodedata.normalize("NFKC", _plainly(raw))
    if not _WHOLE.fullmatch(text):
        raise _no_value(column, raw, Text("写一个整数，或留空", "write a whole number, or leave it empty"))
    return int(text)


_READ: dict[Kind | Key, Callable[[Column, Raw], Any]] = {
    Kind.TEXT: _text,
    Kind.WORD: _named,
    Kind.YES_NO: _yes_no,
    Kind.DAY: _day,
    Kind.DIVISION: _division,
    Kind.CREDIT_CODE: _credit_code,
    Key.APP: _text,
    Key.ORDER: _order,
    Key.REVISION: _order,
    Key.PRESENCE: _presence,
}
_WITHOUT_TEXT = frozenset(_READ) - {Kind.TEXT}
"""Kinds whose cells never begin with an apostrophe that means something."""


@cache
def _vocabulary(column: Column) -> dict[str, str]:
    """Give the values of a column's words by every name, folded."""
    known = {folded(name): word.value for word in column.words for name in (*names(word.name), word.value)}
    if "none" in known.values():
        known |= dict.fromkeys(NONES, "none")
    return known


def _word(column: Column, text: str) -> str | None:
    return _vocabulary(column).get(folded(text))


def _plainly(raw: Raw) -> str:
    if isinstance(raw, float) and raw == int(raw):
        return str(int(raw))
    return str(raw)


def _absent(column: Column) -> Text:
    lack = _or_none(column)
    return Text(f"写明内容；未确定的留空{lack.zh}", f"say what it is; leave it empty while it is not known{lack.en}")


def _or_none(column: Column) -> Text:
    return Text("", "") if column.none is None else Text("；声明没有的写“无”", "; where there is none, write “none”")


def _no_value(column: Column, raw: Raw, remedy: Text) -> Misread:
    said, title = shown(_plainly(raw)), column.heading
    return Misread(
        Text(f"“{said}”不是“{title.zh}”可填的值", f"“{said}” is no value of “{title.en}”"),
        remedy,
    )


def _damaged(column: Column, said: str, what: Text) -> Misread:
    title = column.heading
    return Misread(
        Text(
            f"“{title.zh}”应为文本，这里是{what.zh} {said}，可能已不是原来所写",
            f"“{title.en}” takes text; this is {what.en}, {said}, perhaps no longer what was written",
        ),
        Text("把单元格设为文本格式，重新输入", "format the cell as text and write it again"),
    )


def _too_long(raw: str) -> Misread:
    return Misread(
        Text(
            f"有 {len(raw)} 个字符，超过一格最多的 {LONGEST_CELL} 个",
            f"{len(raw)} characters; a cell has at most {LONGEST_CELL}",
        ),
        Text("写短一些", "make it shorter"),
    )
