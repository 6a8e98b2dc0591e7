"""Facts as text: JSON of one form, so that equal facts are equal text, and go into answers as they are."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import BaseModel

if TYPE_CHECKING:
    from services.manifest.neighbourhood import Facts, Grant

_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS


def written(facts: Facts | Grant) -> str:
    """Write facts with sorted keys, leaving out what says nothing: readers know the defaults."""
    return orjson.dumps(facts, default=_said, option=_OPTIONS).decode()


def _said(value: Any) -> dict[str, Any]:  # noqa: ANN401 - what orjson does not write by itself
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    kind: type = type(value)
    return {name: fact for name, default in _defaults(kind) if (fact := getattr(value, name)) != default}


@cache
def _defaults(kind: type) -> tuple[tuple[str, Any], ...]:
    """Give the fields of a dataclass with their defaults."""
    return tuple((each.name, each.default) for each in fields(kind))
