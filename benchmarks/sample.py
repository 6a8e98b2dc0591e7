"""The measured case: a county app with eight features, the twenty apps around it, its grants, the day it is judged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter
from ruamel.yaml import YAML

from services.manifest import divisions, ties
from services.manifest.model import Manifest
from services.manifest.neighbourhood import Grant, Neighbour, Neighbourhood, TieAnswer

ON = date(2026, 3, 2)
_GRANTS = TypeAdapter(tuple[Grant, ...])


@dataclass(frozen=True, slots=True)
class Sample:
    """The documents of the case as they are sent, and what is made of them."""

    document: dict[str, Any]
    around: tuple[dict[str, Any], ...]
    grants: tuple[dict[str, Any], ...]

    @property
    def app(self) -> str:
        """The id of the app."""
        return str(self.document["id"])

    @property
    def body(self) -> bytes:
        """The manifest as a client sends it."""
        return orjson.dumps(self.document)

    def manifest(self) -> Manifest:
        """The manifest, validated."""
        return Manifest.model_validate_json(self.body)

    def neighbourhood(self) -> Neighbourhood:
        """What the registry answers about the app: worked out the plain way."""
        around = [Manifest.model_validate_json(orjson.dumps(each)) for each in self.around]
        answers = tuple(_answer(question, around) for question in ties.questions(self.manifest()))
        grants = [
            {
                **each,
                "id": f"g{i}",
                "app": self.app,
                "granter": each["granter"]["name"],
                "basis": each["basis"]["number"],
            }
            for i, each in enumerate(self.grants, 1)
        ]
        return Neighbourhood(1, answers, _GRANTS.validate_json(orjson.dumps(grants)))


def load() -> Sample:
    """Read the case from the YAML file beside this module."""
    told = YAML(typ="safe", pure=True).load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
    around = [
        {"manifest": "1", **each["app"], "id": f"{each['app']['id']}-{i}", "name": f"{each['app']['name']}{i}"}
        for each in told["around"]
        for i in range(1, each["count"] + 1)
    ]
    return Sample(told["app"], tuple(around), tuple(told["grants"]))


def _answer(question: ties.Question, around: list[Manifest]) -> TieAnswer:
    found = {
        other.id: Neighbour(other.id, offer.facts)
        for other in around
        for offer in ties.offers(other)
        if other.id is not None
        and offer.tie == question.tie
        and any(divisions.overlaps(offer.division, region) for region in question.regions)
    }
    told = tuple(sorted(found.values(), key=lambda each: each.app))
    return TieAnswer(question.tie, len(told), told)
