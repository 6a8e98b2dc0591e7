"""What a cell of a workbook holds, from its type, its style and the text of its value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from services.manifest.quoting import shown
from services.registry.sheets.cells import Raw, Unusable
from services.registry.sheets.xlsx.strings import unescaped
from services.text import Text

if TYPE_CHECKING:
    from services.registry.sheets.xlsx.strings import SharedStrings

_DAYS_1900 = date(1899, 12, 30)
_DAYS_1904 = date(1904, 1, 1)
_NO_DAY = 60  # Excel believes that 1900 was a leap year; this is its 29 February
_LAST = (date.max - _DAYS_1900).days
_LONGEST_NUMBER = 40
_DIGITS = 15  # a number with more is not what was written any more

NOT_WORKED_OUT = Unusable(
    Text("公式没有计算结果", "a formula without a result"),
    Text("在电子表格软件中打开并保存，或改填数值", "open and save it in a spreadsheet, or write the value itself"),
)
_BROKEN = Unusable(
    Text("单元格已损坏", "the cell is damaged"),
    Text("重新填写这一格", "fill in this cell again"),
)


@dataclass(frozen=True, slots=True)
class Values:
    """Reads the values of one workbook.

    Args:
        strings: the texts that cells share; None when it has none.
        day_styles: the numbers of the styles that show a number as a day.
        is_1904: whether its days count from 1904.
    """

    strings: SharedStrings | None
    day_styles: frozenset[str]
    is_1904: bool

    def of(self, kind: str, style: str, text: str) -> Raw:
        """Give the value of a cell that has one.

        Raises:
            UnreadableFile: it refers to a text that does not exist.
        """
        match kind:
            case "s":
                if self.strings is None or not text.isascii() or not text.isdecimal() or len(text) > _DIGITS:
                    return _BROKEN
                return self.strings[int(text)]
            case "str" | "inlineStr":
                return unescaped(text)
            case "" | "n":
                return self._number(text, is_day=style in self.day_styles)
            case "b":
                return {"1": True, "0": False, "true": True, "false": False}.get(text, _BROKEN)
            case "e":
                fact = Text(f"公式出错：{shown(text)}", f"a formula went wrong: {shown(text)}")
                return Unusable(fact, Text("更正公式，或改填数值", "correct the formula, or write the value itself"))
            case "d":
                return text
            case _:
                return _BROKEN

    def _number(self, text: str, *, is_day: bool) -> Raw:
        if len(text) > _LONGEST_NUMBER:
            return _BROKEN
        try:
            value = int(text) if len(text) <= _DIGITS and text.isascii() and text.isdecimal() else float(text)
        except ValueError:
            return _BROKEN
        if not math.isfinite(value):
            return _BROKEN
        return self._day(value) if is_day else value

    def _day(self, serial: float) -> Raw:
        days = math.floor(serial)
        if self.is_1904:
            return _DAYS_1904 + timedelta(days=days) if 0 <= days <= _LAST - 1500 else _BROKEN
        if not 1 <= days <= _LAST or days == _NO_DAY:
            return Unusable(
                Text(f"{shown(str(serial))} 不是一个日期", f"{shown(str(serial))} is no day"),
                Text("写成年-月-日，例如 2025-03-01", "write year, month and day, such as 2025-03-01"),
            )
        return _DAYS_1900 + timedelta(days=days + (days < _NO_DAY))
