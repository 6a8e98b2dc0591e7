"""Declared values as the text of cells; `services.registry.sheets.cells` reads them back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.registry.sheets.layout import Column, folded
from services.registry.sheets.marks import (
    COUNTRY,
    NO,
    NONE,
    NONES,
    RISKY,
    SAYS_SOMETHING,
    SCIENTIFIC,
    SEPARATORS,
    VERBATIM,
    YES,
)
from services.registry.sheets.shape import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.text import Lang


def writer(column: Column, lang: Lang) -> Callable[[Any], str]:
    """Give what writes a declared value into a cell of a column."""
    words = {word.value: word.name.in_(lang) for word in column.words}

    def one(value: Any) -> str:  # noqa: ANN401 - a value of any field
        if isinstance(value, bool):
            return (YES if value else NO).in_(lang)
        if value in words:
            return words[value]
        if column.kind == Kind.DIVISION and value == "":
            return COUNTRY.in_(lang)
        return str(value)

    def write(value: Any) -> str:  # noqa: ANN401 - a value of any field
        if column.none is not None and value in ("none", []) and (value == "none") == (column.none == "none"):
            return NONE.in_(lang)
        if column.is_list:
            return _joined([one(each) for each in value], column)
        text = one(value)
        return VERBATIM + text if _needs_care(text, column) else text

    return write


def _joined(items: list[str], column: Column) -> str:
    text = "、".join(items)
    if any(SEPARATORS.search(item) or _needs_care(item, column) for item in items):
        return VERBATIM + "\n".join(items)
    return VERBATIM + text if text[:1] in RISKY else text


def _needs_care(text: str, column: Column) -> bool:
    """Tell whether a text would be read otherwise than it is meant, or run as a formula."""
    return (
        not SAYS_SOMETHING.search(text)
        or text[0] in RISKY
        or text[0].isspace()
        or text[-1].isspace()
        or (column.none is not None and not column.words and folded(text) in NONES)
        or SCIENTIFIC.fullmatch(text) is not None
    )
