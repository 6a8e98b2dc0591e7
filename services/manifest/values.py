"""The values that the fields of a manifest take: texts, ids, days, codes, and facts that can be declared absent."""

import re
from datetime import date
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    Tag,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError

from services.manifest import credit_code, divisions

NONE: Literal["none"] = "none"
"""Declared to be absent, which is a fact; `None` is a fact not declared."""

TAGS = frozenset({"\x00none", "\x00some"})
"""Marks that the two branches of `OrNone` leave in error locations; readers drop them."""


def _branch(value: object) -> str:
    return "\x00none" if value == NONE else "\x00some"


class _NoneIsAWord:
    """Shows `OrNone` in a JSON Schema as a choice that a text called `none` may satisfy twice."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core_schema)
        absent, present = schema.pop("oneOf")
        return {**schema, "anyOf": [{**absent, "title": "无（声明确实没有） · declared: there is none"}, present]}


T = TypeVar("T")
OrNone = Annotated[
    Annotated[Literal["none"], Tag("\x00none")] | Annotated[T, Tag("\x00some")],
    Discriminator(_branch),
    _NoneIsAWord,
]
"""Something, or the word `none`, which declares that there is none."""

# Control characters and the marks that reorder text on screen have no place here: they hide what a reader approves.
_HIDDEN = r"\x7f-\x9f\u202a-\u202e\u2066-\u2069"
LINE_PATTERN = rf"^[^\x00-\x1f{_HIDDEN}]+$"
PARAGRAPH_PATTERN = rf"^[^\x00-\x08\x0b\x0c\x0e-\x1f{_HIDDEN}]+$"
APP_ID_PATTERN = r"^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$"
KEY_PATTERN = r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"
DIVISION_PATTERN = r"^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12})?$"

Line = Annotated[str, Field(min_length=1, max_length=200, pattern=LINE_PATTERN)]
"""One line of text."""
Paragraph = Annotated[str, Field(min_length=1, max_length=4000, pattern=PARAGRAPH_PATTERN)]
"""Text that may have several lines."""
AppId = Annotated[str, Field(min_length=1, max_length=64, pattern=APP_ID_PATTERN)]
"""Id of an app; it fits into URLs and file names, where capitals are not always told apart."""
Key = Annotated[str, Field(min_length=1, max_length=64, pattern=KEY_PATTERN)]
"""A short name for machines: of a feature, a function or a data item."""

_DAY_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _day(value: object) -> object:
    # The library by itself would also take a number of seconds written as text for a day.
    if not isinstance(value, str):
        return value
    if not _DAY.fullmatch(value):
        raise PydanticCustomError("day_form", "a day is written YYYY-MM-DD")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise PydanticCustomError("day_unknown", "there is no such day") from None


Day = Annotated[
    date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date", "pattern": _DAY_PATTERN})
]
"""A calendar day, written YYYY-MM-DD."""


def _division(code: str) -> str:
    normal = divisions.normalise(code)
    if not divisions.exists(normal):
        raise PydanticCustomError("unknown_division", "{code} is no division code", {"code": code})
    return normal


def _credit_code(code: str) -> str:
    if problem := credit_code.problem(code):
        raise PydanticCustomError("credit_code", "{en}", {"zh": problem.zh, "en": problem.en})
    return code


DivisionCode = Annotated[str, Field(pattern=DIVISION_PATTERN), AfterValidator(_division)]
"""Code of a division, without the zero groups at its end; the empty code is the whole country."""
CreditCode = Annotated[
    str,
    AfterValidator(_credit_code),
    WithJsonSchema({"type": "string", "pattern": f"^[{credit_code.ALPHABET}]{{{credit_code.LENGTH}}}$"}),
]
"""Unified social credit code with its check character."""
