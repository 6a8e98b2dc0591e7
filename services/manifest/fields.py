"""The fields of the manifest by JSON pointer: what they are called, and that they exist."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel

from services.manifest.model import Manifest
from services.text import Text

_INDEX = re.compile(r"/\d+(?=/|$)")


def title(pointer: str) -> Text:
    """Give the name of the field at a JSON pointer.

    Raises:
        KeyError: no manifest can have a field there.
    """
    return _title(_INDEX.sub("/0", pointer))


@cache
def _title(pointer: str) -> Text:
    models: list[type[BaseModel]] = [Manifest]
    found = Text("清单", "manifest")
    for part in pointer.split("/")[1:]:
        if part == "0":
            continue
        info = next((model.model_fields[part] for model in models if part in model.model_fields), None)
        if info is None or info.title is None:
            raise KeyError(pointer)
        zh, en = info.title.split(" · ", 1)
        found = Text(zh, en)
        models = list(_models(info.annotation))
    return found


def _models(annotation: Any) -> list[type[BaseModel]]:  # noqa: ANN401 - any type annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for each in get_args(annotation) for model in _models(each)]
