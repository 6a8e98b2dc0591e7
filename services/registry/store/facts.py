"""Facts as text: JSON of one form, so that equal facts are equal text, and go into answers as they are."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import BaseModel

if TYPE_CHECKING:
    from services.manifest.neighbourhood import Facts, Grant


def written(facts: Facts | Grant) -> str:
    """Write facts with sorted keys, leaving out what says nothing: readers know the defaults."""
    return orjson.dumps(_said(facts), option=orjson.OPT_SORT_KEYS).decode()


def _said(value: Any) -> Any:  # noqa: ANN401 - a fact is of any type
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    if is_dataclass(value):
        said = {each.name: (getattr(value, each.name), each.default) for each in fields(value)}
        return {name: _said(fact) for name, (fact, default) in said.items() if fact != default}
    return [_said(each) for each in value] if isinstance(value, tuple) else value
