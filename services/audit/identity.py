"""Identity of what is told: the same finding is known again in a later audit, though its position has moved."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from services.manifest.model import Item
from services.manifest.ties import item_key

if TYPE_CHECKING:
    from services.manifest.model import Manifest


def steady(manifest: Manifest, pointer: str) -> str:
    """Name a place by what stands there instead of its position: `/features/2/kind` becomes `/features/check-in/kind`.

    An element of a list is named by its id, a data item by its code or name, another part by its name; one that has
    none keeps its position. Elements of one name are told apart by `~1`, `~2` in their order.

    Args:
        manifest: the manifest.
        pointer: JSON pointer of a place that a manifest can have; it need not be declared.

    """
    found: Any = manifest
    steps = []
    for step in pointer.split("/")[1:]:
        if isinstance(found, tuple) and step.isdecimal() and int(step) < len(found):
            steps.append(_named(found, int(step)))
            found = found[int(step)]
        else:
            steps.append(step)
            found = getattr(found, step, None)
    return "".join(f"/{step}" for step in steps)


def mark(*parts: str) -> str:
    """Give a short mark of what some parts name together: 32 hexadecimal digits, the same for the same parts."""
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _named(elements: tuple[Any, ...], index: int) -> str:
    name = _name(elements[index])
    if name is None:
        return str(index)
    before = sum(_name(each) == name for each in elements[:index])
    # A name may hold what separates steps; a digit alone would look like a position.
    written = name.replace("~", "~0").replace("/", "~s")
    written = f"={written}" if written.isdecimal() else written
    return f"{written}~{before}" if before else written


def _name(element: object) -> str | None:
    if isinstance(element, Item):
        return item_key(element)
    for field in ("id", "name"):
        if isinstance(found := getattr(element, field, None), str):
            return found
    return None


def pointer_to(manifest: Manifest, place: str) -> str | None:
    """Give the JSON pointer of a place that `steady` named; None when an element on the way is not there any more."""
    found: Any = manifest
    pointer = ""
    for step in place.split("/")[1:]:
        if isinstance(found, tuple):
            index = next((i for i in range(len(found)) if _named(found, i) == step), None)
            if index is None:
                return None
            pointer, found = f"{pointer}/{index}", found[index]
        else:
            pointer, found = f"{pointer}/{step}", getattr(found, step, None)
    return pointer
