"""What a table has no column for: it is kept as it is registered, for nobody left it empty.

An empty cell says that something is not declared. A missing column says nothing, so what is registered there stays.
Entries of a list are the same when they have the same `id`; where entries have none, nobody can tell whose the values
were, and the app is not changed at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

Document = dict[str, Any]


class LostError(ValueError):
    """Fields (JSON pointers) of the registered manifest that could not be kept."""

    def __init__(self, pointers: Iterable[str]) -> None:
        """Take the pointers, without positions."""
        self.pointers = tuple(pointers)
        super().__init__(", ".join(self.pointers))


def merged(registered: Document, declared: Document, unmentioned: Iterable[str]) -> Document:
    """Give what is declared, with what is registered in the fields that the file does not mention.

    Args:
        registered: the manifest as it is registered.
        declared: the manifest that the file declares; it is not changed.
        unmentioned: JSON pointers, without positions, of the fields for which the file has no column.

    Raises:
        LostError: something registered there has no place in what is declared.

    """
    lost = []
    result: Document = declared
    for pointer in sorted(unmentioned):
        path = pointer.removeprefix("/").split("/")
        kept, is_whole = _kept(registered, result, path)
        if not is_whole:
            lost.append(pointer)
        result = kept
    if lost:
        raise LostError(lost)
    return result


def _kept(registered: Any, declared: Any, path: list[str]) -> tuple[Any, bool]:  # noqa: ANN401 - any JSON value
    """Give `declared` with the value that `registered` has at a path, and whether all of it has found its place."""
    if not path:
        return registered, True
    if isinstance(registered, list):
        return _kept_in_list(registered, declared, path)
    value = registered.get(path[0]) if isinstance(registered, dict) else None
    if value is None:
        return declared, True
    if declared is None:
        declared = {}
    if not isinstance(declared, dict):
        # It is declared that there is none of it, and none of nothing is left.
        return declared, True
    below = declared.get(path[0])
    if below is not None and len(path) == 1:
        return declared, True
    if below is None and isinstance(value, list) and len(path) > 1:
        return declared, True  # the list itself is mentioned, and not declared any more
    kept, is_whole = _kept(value, below, path[1:])
    return (declared if kept is None else {**declared, path[0]: kept}), is_whole


def _kept_in_list(registered: list[Any], declared: Any, path: list[str]) -> tuple[Any, bool]:  # noqa: ANN401 - any JSON value
    if not isinstance(declared, list):
        return declared, True
    if not any(_says(each, path) for each in registered):
        return declared, True
    by_id = {each.get("id"): each for each in registered}
    if None in by_id or len(by_id) < len(registered) or any(each.get("id") is None for each in declared):
        return declared, False
    kept, is_whole = [], True
    for each in declared:
        one, is_one_whole = _kept(by_id.get(each["id"], {}), each, path)
        kept.append(one)
        is_whole = is_whole and is_one_whole
    return kept, is_whole


def _says(value: Any, path: list[str]) -> bool:  # noqa: ANN401 - any JSON value
    if not path:
        return value is not None
    if isinstance(value, list):
        return any(_says(each, path) for each in value)
    return isinstance(value, dict) and _says(value.get(path[0]), path[1:])
