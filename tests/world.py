"""A small world for tests: manifests and grants, from which neighbourhoods are worked out the plain way."""

from __future__ import annotations

import copy
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from ruamel.yaml import YAML

from services.manifest import divisions, ties
from services.manifest.model import Manifest
from services.manifest.neighbourhood import Grant, GrantKind, Neighbour, Neighbourhood, TieAnswer

if TYPE_CHECKING:
    from collections.abc import Iterable

RULES = Path(__file__).parent / "rules"


def load(path: Path) -> Any:  # noqa: ANN401 - any document
    """Read a YAML document with dates as text, as manifests are read."""
    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))


def manifest(document: dict[str, Any]) -> Manifest:
    """Validate a document the way every reader does: as strict JSON."""
    return Manifest.model_validate_json(orjson.dumps({"manifest": "1", **document}))


def grant(document: dict[str, Any], app: str) -> Grant:
    """Make a grant of an app from a document."""
    days = {key: date.fromisoformat(value) for key, value in document.items() if key.endswith("_on")}
    return Grant(
        **{
            "app": app,
            "granter": "示例审批局",
            "basis": "示例批文",
            **document,
            **days,
            "kind": GrantKind(document["kind"]),
        }
    )


def changed(document: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Set JSON pointers of a document; None takes a field away, `/list/-` appends."""
    result = copy.deepcopy(document)
    for pointer, value in changes.items():
        *path, last = pointer.strip("/").split("/")
        node: Any = result
        for part in path:
            node = node[int(part)] if isinstance(node, list) else node.setdefault(part, {})
        if isinstance(node, list):
            if last == "-":
                node.append(value)
            elif value is None:
                del node[int(last)]
            else:
                node[int(last)] = value
        elif value is None:
            node.pop(last, None)
        else:
            node[last] = value
    return result


def neighbourhood(
    app: Manifest, around: Iterable[Manifest], grants: Iterable[Grant] = (), limit: int = 100
) -> Neighbourhood:
    """Work out what the registry would answer: everyone who offers the ties asked in a region that overlaps."""
    answers = []
    others = sorted((each for each in around if each.id != app.id), key=lambda each: each.id or "")
    for question in ties.questions(app):
        found = {
            other.id: Neighbour(other.id, offer.facts)
            for other in others
            for offer in ties.offers(other)
            if other.id is not None
            and offer.tie == question.tie
            and any(divisions.overlaps(offer.division, region) for region in question.regions)
        }
        told = tuple(found.values())
        answers.append(TieAnswer(question.tie, len(told), told[:limit] if question.tie.startswith("item:") else told))
    return Neighbourhood(revision=1, ties=tuple(answers), grants=tuple(each for each in grants if each.app == app.id))
