"""The difference between two JSON documents as a JSON Patch (RFC 6902) of `add`, `remove` and `replace`.

Whoever applies it to the one gets exactly the other. It says nothing of moves: a reader of the history wants to see
what is said now.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Operation = dict[str, Any]
"""One operation: `op`, `path` (a JSON pointer), and the `value` of what is added or put in place."""

_MOST_COMPARISONS = 250_000  # matching two lists takes as many as the product of their lengths


def difference(before: Any, after: Any) -> list[Operation]:  # noqa: ANN401 - any JSON document
    """Give the operations that make `after` of `before`, in the order in which they are applied."""
    return list(_between(before, after, ""))


def _between(before: Any, after: Any, path: str) -> Iterator[Operation]:  # noqa: ANN401 - any JSON value
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _between_objects(before, after, path)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _between_lists(before, after, path)
    elif _text(before) != _text(after):
        yield {"op": "replace", "path": path, "value": after}


def _between_objects(before: dict[str, Any], after: dict[str, Any], path: str) -> Iterator[Operation]:
    for name in sorted(before.keys() | after.keys()):
        place = f"{path}/{name.replace('~', '~0').replace('/', '~1')}"
        if name not in after:
            yield {"op": "remove", "path": place}
        elif name not in before:
            yield {"op": "add", "path": place, "value": after[name]}
        else:
            yield from _between(before[name], after[name], place)


def _between_lists(before: list[Any], after: list[Any], path: str) -> Iterator[Operation]:
    ours, theirs = [_text(each) for each in before], [_text(each) for each in after]
    start = 0
    while start < min(len(ours), len(theirs)) and ours[start] == theirs[start]:
        start += 1
    tail = 0
    while tail < min(len(ours), len(theirs)) - start and ours[-1 - tail] == theirs[-1 - tail]:
        tail += 1
    ours, theirs = ours[start : len(ours) - tail], theirs[start : len(theirs) - tail]
    if len(ours) * len(theirs) > _MOST_COMPARISONS:
        yield {"op": "replace", "path": path, "value": after}
        return
    blocks = SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes()
    # From the end on, so that the places before it are still what they were.
    for kind, first, last, new_first, new_last in reversed(blocks):
        if kind != "equal":
            was, becomes = before[start + first : start + last], after[start + new_first : start + new_last]
            yield from _between_stretches(was, becomes, path, start + first)


def _between_stretches(before: Sequence[Any], after: Sequence[Any], path: str, start: int) -> Iterator[Operation]:
    """Compare stretches of two lists that have nothing in common, element by element, from the end on."""
    paired = min(len(before), len(after))
    for i in reversed(range(paired, len(before))):
        yield {"op": "remove", "path": f"{path}/{start + i}"}
    for i in reversed(range(paired, len(after))):
        yield {"op": "add", "path": f"{path}/{start + paired}", "value": after[i]}
    for i in reversed(range(paired)):
        yield from _between(before[i], after[i], f"{path}/{start + i}")


def _text(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    # In Python, 1 equals true and 1.0; in JSON they are different.
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
