"""The values that the fields of a manifest take: texts, ids, days, codes, and facts that can be declared absent."""

import re
from datetime import date
from typing import Annotated, Any, Literal, LiteralString, TypeVar

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
from services.text import Text

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


def unacceptable(kind: LiteralString, fact: Text, remedy: Text, **context: str) -> PydanticCustomError:
    """Make the error of a value that is refused: a sentence in two languages, and what to write instead.

    Args:
        kind: pydantic's type of the error, for readers that have sentences of their own.
        fact: what is wrong.
        remedy: what to do about it.
        context: what such readers need to know.

    """
    said = {"zh": fact.zh, "en": fact.en, "remedy_zh": remedy.zh, "remedy_en": remedy.en}
    return PydanticCustomError(kind, "{en}", {**said, **context})


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
        fact = Text("这不是日期。", "This is no day.")
        raise unacceptable("day_form", fact, Text("写成 2025-03-01 的形式。", "Write it like 2025-03-01."))
    try:
        return date.fromisoformat(value)
    except ValueError:
        fact = Text(f"没有 {value} 这一天。", f"There is no day {value}.")
        raise unacceptable("day_unknown", fact, Text("查对年、月、日。", "Check year, month and day.")) from None


Day = Annotated[
    date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date", "pattern": _DAY_PATTERN})
]
"""A calendar day, written YYYY-MM-DD."""


def unknown_division(code: str) -> PydanticCustomError:
    """Make the error of a text that is no division code."""
    near = [f"{each} {divisions.full_name(each)}" for each in divisions.closest(divisions.normalise(code))]
    remedy = Text("查对代码。", "Check the code.")
    if near:
        remedy = Text(f"相近的有 {'、'.join(near)}。", f"Near it are {', '.join(near)}.")
    fact = Text(f"没有行政区划代码 {code}。", f"There is no division code {code}.")
    return unacceptable("unknown_division", fact, remedy, code=code)


def _division(code: str) -> str:
    normal = divisions.normalise(code)
    if not divisions.exists(normal):
        raise unknown_division(code)
    return normal


def _credit_code(code: str) -> str:
    if problem := credit_code.problem(code):
        remedy = Text("照登记证书核对 18 位代码。", "Compare the 18 characters with the certificate.")
        raise unacceptable("credit_code", Text(problem.zh, problem.en), remedy)
    return code


DivisionCode = Annotated[str, Field(pattern=DIVISION_PATTERN), AfterValidator(_division)]
"""Code of a division, without the zero groups at its end; the empty code is the whole country."""
CreditCode = Annotated[
    str,
    AfterValidator(_credit_code),
    WithJsonSchema({"type": "string", "pattern": f"^[{credit_code.ALPHABET}]{{{credit_code.LENGTH}}}$"}),
]
"""Unified social credit code with its check character."""
