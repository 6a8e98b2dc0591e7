"""Attestations: what an inspector has observed of an app, where that contradicts what the app declares. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from services.audit.differences import Difference
from services.audit.identity import pointer_to
from services.audit.law import Report
from services.manifest.model import canonical
from services.manifest.reading import Unreadable, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from services.manifest.model import Manifest


@dataclass(frozen=True, slots=True)
class Attested:
    """What was observed at one place.

    Args:
        id: of the attestation.
        place: where, named so that it stays when positions in lists move.
        observed: the value that the manifest would declare there if it declared what is so (JSON).
    """

    id: str
    place: str
    observed: Any


@dataclass(frozen=True, slots=True)
class Observed:
    """What the engine says if the facts observed were declared.

    Args:
        report: the report on the app as it was observed.
        difference: how it differs from the report on what is declared.
        attestations: ids of the attestations it takes for declared.
        left_out: ids of those that cannot be declared any more, as what they are about has gone or changed.
    """

    report: Report
    difference: Difference
    attestations: tuple[str, ...]
    left_out: tuple[str, ...]


class NoSuchPlaceError(Exception):
    """A JSON pointer leads nowhere in a manifest."""


def as_observed(manifest: Manifest, attested: Iterable[Attested]) -> tuple[Manifest, tuple[str, ...], tuple[str, ...]]:
    """Give the manifest as it would be if it declared what was observed.

    Returns:
        It, the ids of the attestations that it declares, and of those that it cannot.

    """
    declared, left_out = [], []
    for each in attested:
        pointer = pointer_to(manifest, each.place)
        try:
            manifest = declaring(manifest, pointer or "", each.observed)
        except (NoSuchPlaceError, Unreadable):
            left_out.append(each.id)
        else:
            declared.append(each.id)
    return manifest, tuple(declared), tuple(left_out)


def is_declared(manifest: Manifest, attested: Attested) -> bool:
    """Tell whether the manifest declares by now what was observed."""
    pointer = pointer_to(manifest, attested.place)
    if pointer is None:
        return False
    try:
        return canonical(declaring(manifest, pointer, attested.observed)) == canonical(manifest)
    except (NoSuchPlaceError, Unreadable):
        return False


def declaring(manifest: Manifest, pointer: str, value: Any) -> Manifest:  # noqa: ANN401 - JSON
    """Give a manifest that declares a value at a place, and everything else as before.

    Raises:
        NoSuchPlaceError: the pointer leads to nothing that could be declared there.
        Unreadable: the value is none that the field may take, or contradicts what else is declared.

    """
    document = orjson.loads(canonical(manifest))
    *path, last = _steps(pointer)
    found: Any = document
    for step in path:
        found = _inside(found, step, pointer)
    if isinstance(found, list):
        if not last.isdecimal() or int(last) >= len(found):
            raise NoSuchPlaceError(pointer)
        found[int(last)] = value
    elif isinstance(found, dict):
        found[last] = value
    else:
        raise NoSuchPlaceError(pointer)
    return read(orjson.dumps(document), media="json").manifest


def declared_at(manifest: Manifest, pointer: str) -> Any:  # noqa: ANN401 - JSON
    """Give what a manifest declares at a place (JSON); None when that is nothing."""
    found: Any = orjson.loads(canonical(manifest))
    for step in _steps(pointer):
        if isinstance(found, list):
            found = found[int(step)] if step.isdecimal() and int(step) < len(found) else None
        else:
            found = found.get(step) if isinstance(found, dict) else None
    return found


def _steps(pointer: str) -> Sequence[str]:
    first, *steps = pointer.split("/")
    if first or not steps or not all(steps):
        raise NoSuchPlaceError(pointer)
    return steps


def _inside(found: Any, step: str, pointer: str) -> Any:  # noqa: ANN401 - JSON
    if isinstance(found, list) and step.isdecimal() and int(step) < len(found):
        return found[int(step)]
    if isinstance(found, dict):
        # A part that is not declared yet is declared by what is observed in it.
        return found.setdefault(step, {})
    raise NoSuchPlaceError(pointer)
