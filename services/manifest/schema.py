"""The JSON Schema of the manifest (2020-12), from which editors complete and check: every name in Chinese and English.

It says what a schema can say. That a division exists, that a check character fits and that a manifest does not
contradict itself is left to reading.
"""

from __future__ import annotations

from typing import Any

import orjson

from services.manifest.model import Manifest

URI = "urn:govapp:schema:manifest:1"
"""Identifies the schema of this version of the manifest for ever; nothing is fetched from it."""


def schema() -> dict[str, Any]:
    """Give the JSON Schema of the manifest, always the same."""
    generated = Manifest.model_json_schema()
    parts = generated.pop("$defs")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": URI,
        **_described(generated),
        "$defs": {name: _described(part) for name, part in sorted(parts.items())},
    }


def render() -> bytes:
    """Give the schema as it is published: JSON, two spaces of indentation, a newline at the end."""
    return orjson.dumps(schema(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _described(part: dict[str, Any]) -> dict[str, Any]:
    """Take the title of a part from the first line of its docstring, and leave the rest as its description."""
    title, _, description = part.pop("description").partition("\n\n")
    fields = part.pop("properties", {})
    rest = {key: value for key, value in part.items() if key != "title"}
    described = {"title": title.rstrip("."), "description": description, **rest}
    return {**described, "properties": {name: _field(each) for name, each in fields.items()}} if fields else described


def _field(field: dict[str, Any]) -> dict[str, Any]:
    """Leave out the default: a field that is absent is undeclared, which is what null says too."""
    rest = {key: value for key, value in field.items() if key not in {"title", "description", "default"}}
    return {"title": field["title"], "description": field["description"], **rest}
