"""JSON Merge Patch (RFC 7396): what a document becomes when it is changed in part."""

from __future__ import annotations

from typing import Any


def merged(target: Any, patch: Any) -> Any:  # noqa: ANN401 - any JSON document
    """Give what `target` becomes by `patch`: null takes a field away, a map changes fields, all else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result
