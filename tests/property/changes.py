"""Changes to a world that a promise speaks of: a fact declared, a claim made, the order of things, a grant more."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import assume, reject
from pydantic import ValidationError

from services.manifest.neighbourhood import Neighbourhood
from services.manifest.terms import GOVERNMENT_APPS, AppKind
from tests.property.pools import CLAIMS, POOLS, THEMES, Document, Of
from tests.property.strategies import Draw, Hand, World, one_of

ANYTHING = THEMES[-1]
EVIDENCE = {("Manifest", "name"), ("Feature", "name"), ("Feature", "description")}
"""Fields that may raise a suspicion against what is declared; in 14.4 rhythm and scope of a feature do so too."""


@dataclass(frozen=True)
class Change:
    """A world after one field was declared that was not before: the field's part and name, and where it stands."""

    world: World
    part: str
    name: str
    pointer: str


def undeclared(node: Document, part: str = "Manifest", pointer: str = "") -> Iterator[tuple[str, str, str]]:
    """Give every undeclared field of a document as part, name and pointer of the part."""
    for name, pool in POOLS[part].items():
        value = node.get(name)
        if value is None:
            yield part, name, pointer
        elif isinstance(pool, Of):
            parts = value if isinstance(value, list) else [value]
            for i, each in enumerate(parts):
                if isinstance(each, dict):
                    yield from undeclared(
                        each, pool.part, f"{pointer}/{name}/{i}" if pool.at_most else f"{pointer}/{name}"
                    )


def is_fact(document: Document, part: str, name: str, pointer: str) -> bool:
    """Tell whether a field states a fact, rather than a claim, a suspicion, or an alternative to what is declared."""
    if (part, name) in CLAIMS | EVIDENCE or part == "SpecialScenario":
        return False
    holder = at(document, pointer)
    if part == "Link":
        # A link stands or is planned: with the one declared, the other would replace it.
        return not holder
    # An item is known by its code, else by its name: a code given to a named item makes it another one.
    return not (part in {"Ask", "Holding"} and name == "code" and "name" in holder)


def at(document: Document, pointer: str) -> Document:
    """Find the part at a pointer."""
    node: Any = document
    for step in pointer.split("/")[1:]:
        node = node[int(step)] if isinstance(node, list) else node[step]
    assert isinstance(node, dict)
    return node


def declaring(world: World, part: str, name: str, pointer: str, value: object) -> Change:
    """Declare a field; drop the example when that contradicts another declaration."""
    document = copy.deepcopy(world.app)
    at(document, pointer)[name] = value
    changed = replace(world, app=document)
    try:
        changed.manifest()
    except ValidationError:
        reject()
    return Change(changed, part, name, f"{pointer}/{name}")


def a_fact_declared(draw: Draw, world: World) -> Change:
    """Declare one fact that was not."""
    candidates = [each for each in undeclared(world.app) if is_fact(world.app, *each)]
    assume(candidates)
    part, name, pointer = one_of(draw, candidates)
    hand = Hand(draw, ANYTHING, one_of(draw, (0, 1)), 0)
    return declaring(world, part, name, pointer, hand.value(part, name))


def a_claim_made(draw: Draw, world: World) -> Change:
    """Make a claim, or complete it: a special scenario, a necessity, a kind out of scope, the end of the app."""
    candidates = [each for each in undeclared(world.app) if each[:2] in CLAIMS or each[0] == "SpecialScenario"]
    candidates += [("Manifest", name, "") for name in ("kind", "stage") if name not in world.app]
    assume(candidates)
    part, name, pointer = one_of(draw, candidates)
    hand = Hand(draw, ANYTHING, one_of(draw, (0, 1)), 0)
    if name == "kind" and part == "Manifest":
        value: object = hand.pick(tuple(kind.value for kind in AppKind if kind not in GOVERNMENT_APPS))
    else:
        value = "retired" if name == "stage" else hand.value(part, name)
    return declaring(world, part, name, pointer, value)


def reordered(world: World, chance: random.Random) -> World:
    """Put everything in the manifest that has no order of its own in another order."""
    document = copy.deepcopy(world.app)
    lists = [
        document.get(name) for name in ("features", "asks", "holdings", "usage_policy", "metrics", "regions", "levels")
    ]
    lists += [entry.get("levels") for name in ("features", "asks") for entry in document.get(name, ())]
    lists += [feature.get("audience") for feature in document.get("features", ())]
    for each in lists:
        chance.shuffle(each or [])
    return replace(world, app=document)


def reshuffled(neighbourhood: Neighbourhood | None, chance: random.Random) -> Neighbourhood | None:
    """Put ties, neighbours, what they offer, and grants in another order."""

    def mixed(values: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(chance.sample(values, len(values)))

    if neighbourhood is None:
        return None
    answers = [
        replace(
            answer,
            neighbours=mixed(
                tuple(
                    replace(
                        each,
                        facts=replace(each.facts, asks=mixed(each.facts.asks), holdings=mixed(each.facts.holdings)),
                    )
                    for each in answer.neighbours
                )
            ),
        )
        for answer in neighbourhood.ties
    ]
    return replace(neighbourhood, ties=mixed(tuple(answers)), grants=mixed(neighbourhood.grants))
