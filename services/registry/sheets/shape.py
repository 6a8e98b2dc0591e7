"""The fields of the manifest as its published schema describes them: what tables, templates and Parquet are made from.

Nothing here names a field, so a field that is added to the model gets its columns by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

from services.manifest import credit_code
from services.manifest.model import NONE
from services.manifest.schema import schema
from services.manifest.values import DIVISION_PATTERN
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Described = dict[str, Any]
"""A part of a JSON Schema."""

_CREDIT_CODE_PATTERN = f"^[{credit_code.ALPHABET}]{{{credit_code.LENGTH}}}$"


class Kind(StrEnum):
    """What a field, or each item of its list, holds."""

    TEXT = "text"
    WORD = "word"
    YES_NO = "yes_no"
    DAY = "day"
    DIVISION = "division"
    CREDIT_CODE = "credit_code"
    PART = "part"


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a closed vocabulary: its value in documents and what it is called."""

    value: str
    name: Text


@dataclass(frozen=True, slots=True)
class Shape:
    """A field of the manifest, or of a part of it.

    Args:
        name: in documents.
        title: what it is called.
        description: what to declare, in both languages.
        kind: what it holds.
        is_list: whether it holds several.
        has_none: whether it can be declared absent by the word `none`.
        has_empty: whether its list may be declared empty.
        longest: most characters of a text; None where it has no bound.
        most: most items of its list; None where it has no bound.
        words: the vocabulary, of words.
        part: what its part is called, of parts.
        fields: what its part holds, of parts.
    """

    name: str
    title: Text
    description: Text
    kind: Kind
    is_list: bool = False
    has_none: bool = False
    has_empty: bool = False
    longest: int | None = None
    most: int | None = None
    words: tuple[Word, ...] = ()
    part: Text | None = None
    fields: tuple[Shape, ...] = ()


@cache
def manifest() -> tuple[Shape, ...]:
    """Give the fields of the manifest in their order, without the constant that names its version."""
    described = schema()
    return tuple(_shapes(described["properties"], described["$defs"]))


@cache
def constants() -> dict[str, str]:
    """Give the fields that can hold one value only, which no file needs to say."""
    return {name: field["const"] for name, field in schema()["properties"].items() if "const" in field}


def _shapes(fields: Mapping[str, Described], parts: Mapping[str, Described]) -> Iterator[Shape]:
    for name, field in fields.items():
        if "const" not in field:
            yield _shape(name, field, parts)


def _shape(name: str, field: Described, parts: Mapping[str, Described]) -> Shape:
    choices = [each for each in field.get("anyOf", (field,)) if each.get("type") != "null"]
    [what] = [each for each in choices if each.get("const") != NONE]
    is_list = what.get("type") == "array"
    item = _resolved(what["items"] if is_list else what, parts)
    kind = _kind(name, item)
    return Shape(
        name,
        title=_both(field["title"], " · "),
        description=_both(field["description"], "\n"),
        kind=kind,
        is_list=is_list,
        has_none=len(choices) > 1,
        has_empty=is_list and not what.get("minItems"),
        longest=item.get("maxLength"),
        most=what.get("maxItems"),
        words=tuple(Word(each["const"], _both(each["title"], " · ")) for each in item.get("oneOf", ())),
        part=_both(item["title"], " · ") if kind == Kind.PART else None,
        fields=tuple(_shapes(item["properties"], parts)) if kind == Kind.PART else (),
    )


def _resolved(described: Described, parts: Mapping[str, Described]) -> Described:
    reference: str | None = described.get("$ref")
    return described if reference is None else parts[reference.rpartition("/")[2]]


def _kind(name: str, item: Described) -> Kind:
    match item:
        case {"type": "object"}:
            return Kind.PART
        case {"type": "boolean"}:
            return Kind.YES_NO
        case {"type": "string", "oneOf": _}:
            return Kind.WORD
        case {"type": "string", "format": "date"}:
            return Kind.DAY
        case {"type": "string", "pattern": pattern} if pattern == DIVISION_PATTERN:
            return Kind.DIVISION
        case {"type": "string", "pattern": pattern} if pattern == _CREDIT_CODE_PATTERN:
            return Kind.CREDIT_CODE
        case {"type": "string"}:
            return Kind.TEXT
        case _:
            raise TypeError(f"no cell can hold the field {name}: {item}")


def _both(text: str, between: str) -> Text:
    zh, _, en = text.partition(between)
    return Text(zh, en or zh)
