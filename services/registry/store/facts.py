"""Facts as text: JSON of one form, so that equal facts are equal text, and go into answers as they are."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import BaseModel

if TYPE_CHECKING:
    from services.manifest.neighbourhood import Facts, Grant


def written(facts: Facts | Grant) -> str:
    """Write facts with sorted keys, leaving out what says nothing: readers know the defaults."""
    return orjson.dumps(_said(facts), option=orjson.OPT_SORT_KEYS).decode()


def _said(value: Any) -> Any:  # noqa: ANN401 - a fact is of any type
    if value is None or isinstance(value, (str, int)):
        return value  # by far the most
    if isinstance(value, tuple):
        return [_said(each) for each in value]
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    kind: type = type(value)
    told = _defaults(kind)
    if told is None:
        return value
    return {name: _said(fact) for name, default in told if (fact := getattr(value, name)) != default}


@cache
def _defaults(kind: type) -> tuple[tuple[str, Any], ...] | None:
    """Give the fields of a dataclass with their defaults; None for any other type."""
    return tuple((each.name, each.default) for each in fields(kind)) if is_dataclass(kind) else None
