"""What may stand at a place of a manifest: the fields of a map, the terms of a vocabulary, one value or a list."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from services.manifest.model import NONE, Manifest, Part
from services.manifest.terms import Term
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.manifest.nodes import Path


@dataclass(frozen=True, slots=True)
class Expected:
    """What a place takes.

    Args:
        title: what the field is called; of the field that a list belongs to, for its items.
        part: the kind of map, when it takes one.
        terms: the vocabulary, when it takes terms.
        has_none: whether it takes the word `none`.
        is_list: whether it takes a list.
    """

    title: Text
    part: type[Part] | None = None
    terms: type[Term] | None = None
    has_none: bool = False
    is_list: bool = False


def at(path: Path) -> Expected | None:
    """Tell what the place at a path takes; None when no manifest has one there."""
    return _at(tuple("0" if isinstance(step, int) else step for step in path))


def fields_of(part: type[Part]) -> dict[str, Text]:
    """Give the fields of a part and what they are called, in their order."""
    return {name: _title(info.title or name) for name, info in part.model_fields.items()}


@cache
def homes() -> dict[str, tuple[str, ...]]:
    """Give for every field name the places of a manifest that have it, `[]` standing for a list's items."""
    found: dict[str, list[str]] = {}
    for place, part in _parts("", Manifest):
        for name in part.model_fields:
            found.setdefault(name, []).append(f"{place}/{name}")
    return {name: tuple(places) for name, places in found.items()}


@cache
def _at(path: tuple[str, ...]) -> Expected | None:
    annotation: Any = Manifest
    title = Text("清单", "manifest")
    for step in path:
        choices = list(_choices(annotation))
        part = _part(choices)
        if part is not None and step in part.model_fields:
            info = part.model_fields[step]
            title, annotation = _title(info.title or step), info.annotation
        elif step == "0" and (items := [each for each in choices if get_origin(each) is tuple]):
            annotation = get_args(items[0])[0]
        else:
            return None
    choices = list(_choices(annotation))
    return Expected(
        title,
        part=_part(choices),
        terms=next((each for each in choices if isinstance(each, type) and issubclass(each, Term)), None),
        has_none=any(get_origin(each) is Literal and NONE in get_args(each) for each in choices),
        is_list=any(get_origin(each) is tuple for each in choices),
    )


def _parts(place: str, part: type[Part]) -> Iterator[tuple[str, type[Part]]]:
    yield place, part
    for name, info in part.model_fields.items():
        for each in _choices(info.annotation):
            held, mark = (get_args(each)[0], "[]") if get_origin(each) is tuple else (each, "")
            inner = _part(list(_choices(held)))
            if inner is not None:
                yield from _parts(f"{place}/{name}{mark}", inner)


def _choices(annotation: Any) -> Iterator[Any]:  # noqa: ANN401 - any type annotation
    """Give what an annotation lets one choose from, without its marks."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _choices(get_args(annotation)[0])
    elif origin in {Union, UnionType}:
        for each in get_args(annotation):
            yield from _choices(each)
    else:
        yield annotation


def _part(choices: list[Any]) -> type[Part] | None:
    return next((each for each in choices if isinstance(each, type) and issubclass(each, Part)), None)


def _title(both: str) -> Text:
    zh, _, en = both.partition(" · ")
    return Text(zh, en or zh)
