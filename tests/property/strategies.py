"""Random worlds for hypothesis: manifests as documents, the apps and grants around them, and answers that lack a part.

Documents are made valid by taking away what contradicts, never by asking the rules.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any

from hypothesis import strategies as st

from services.manifest import ties
from services.manifest.model import Consolidation, Link, Manifest
from services.manifest.neighbourhood import Facts, Neighbour, Neighbourhood, OfferedAsk, OfferedHolding, TieAnswer
from services.manifest.terms import FORM_KINDS, GRASSROOTS, Channel, Decision, Level, Period, Role, Stage
from tests import world
from tests.property.pools import (
    APP,
    CLAIMS,
    FORMS,
    OTHERS,
    PLAIN,
    POOLS,
    THEMES,
    Document,
    Of,
    Pool,
    Theme,
    platform,
    unified,
)

Draw = Callable[[st.SearchStrategy[Any]], Any]

SELDOM = (True,) * 11 + (False,)
OFTEN = (True, True, False)


@cache
def _index(size: int) -> st.SearchStrategy[int]:
    """Give the strategy of an index; kept, because hypothesis works much on a strategy when it is first drawn from."""
    return st.integers(0, size - 1)


def one_of(draw: Draw, values: Sequence[Any]) -> Any:  # noqa: ANN401 - a value of any field
    """Draw one of some values; the simplest is the first."""
    return values[draw(_index(len(values)))] if len(values) > 1 else values[0]


EVERY_GRANT = (
    *(("derogation", label) for label in ("12.1", "12.2", "12.6")),
    *((kind, None) for kind in ("approval", "special_scenario", "necessity")),
)
"""Kinds of grants, and the provisions that derogations are from."""


GRANTED = (
    *((day, day) for day in ("2025-01-01", "2025-01-01", "2025-01-01", "2025-03-01", "2026-03-01", "2026-03-02")),
    *(("2025-01-01", "2025-03-02"), ("2025-03-02", "2025-01-01"), ("2024-08-05", "2024-08-06")),
)
"""Days on which something is granted, and from which it is in force: around building, and around the day judged."""

ALONE = {"construction", "force", "uploads", "appraisal", "usage"}
"""Themes in which other apps do not matter."""


class Hand:
    """Draws values for one app within a theme.

    It leaves out fields never, seldom or often (`gaps` 0, 1, 2), and takes the first value of a pool mostly or just as
    often as any other (`luck`).
    """

    def __init__(self, draw: Draw, theme: Theme, gaps: int, luck: int) -> None:
        self.draw = draw
        self.theme = theme
        self.gaps = gaps
        self.luck = luck

    def pick(self, values: tuple[Any, ...]) -> Any:  # noqa: ANN401 - a value of any field
        """Draw one of some values."""
        return one_of(self.draw, values)

    def pool(self, part: str, name: str) -> Pool:
        """Give the pool of a field, as the theme narrows it."""
        return self.theme.pools.get(part, {}).get(name) or POOLS[part][name]

    def declares(self, part: str, name: str) -> bool:
        """Draw whether a field is declared."""
        if (part, name) in CLAIMS:
            return bool(self.pick((False, True)))
        return self.gaps == 0 or bool(self.pick(SELDOM if self.gaps == 1 else OFTEN))

    def value(self, part: str, name: str) -> Any:  # noqa: ANN401 - a value of any field
        """Draw a value of a field."""
        pool = self.pool(part, name)
        if not isinstance(pool, Of):
            return copy.deepcopy(self.pick(pool[:1] * (len(pool) * self.luck) + pool))
        if pool.at_most:
            return [self.part(pool.part) for _ in range(self.pick((1, 1, *range(pool.at_most + 1))))]
        if pool.part == "Source":
            return self.pick(("none",) * (3 + 6 * self.luck) + ({"how": "shared", "system": "示例系统"}, {}))
        if pool.has_none and self.pick((False,) * (3 + 6 * self.luck) + (True,)):
            return "none"
        return self.part(pool.part)

    def part(self, name: str) -> Document:
        """Draw a part, with each of its fields or without."""
        if name == "Link":
            shape = self.pick((("to",), ("planned_by",), ("to",), ("to", "planned_by"), () if self.gaps else ("to",)))
            return {each: self.value(name, each) for each in shape}
        fields = self.theme.parts.get(name) or tuple(POOLS[name])
        return {each: self.value(name, each) for each in fields if self.declares(name, each)}

    def alike(self, app: str, document: Document) -> Document:
        """Draw an app like another: the same but for a few fields, of it or of its parts."""
        twin = {**copy.deepcopy(document), "id": app}
        for _ in range(self.pick((0, 1, 1, 2, 3))):
            name = self.pick(("stage", *self.theme.fields))
            pool, value = POOLS["Manifest"][name], twin.get(name)
            part = self.pick(tuple(value)) if isinstance(value, list) and value else value
            if isinstance(pool, Of) and isinstance(part, dict):
                self.redraw(part, pool.part, self.pick(self.theme.parts.get(pool.part) or tuple(POOLS[pool.part])))
            else:
                self.redraw(twin, "Manifest", name)
        return without_contradictions(twin)

    def redraw(self, node: Document, part: str, name: str) -> None:
        """Draw a field of a part once more."""
        node.pop(name, None)
        if self.declares(part, name):
            node[name] = self.value(part, name)

    def manifest(self, app: str) -> Document:
        """Draw a manifest: the fields of the theme from their pools, the others plain."""
        document: Document = {"id": app, **copy.deepcopy(PLAIN[self.pick((0, 0, 1))])}
        for name in POOLS["Manifest"]:
            if name in {"kind", "stage", *self.theme.fields}:
                self.redraw(document, "Manifest", name)
        return without_contradictions(document)


def without_contradictions(document: Document) -> Document:
    """Take away from a document what its model refuses."""
    _levels(document)
    named = [name for name in ("begun_on", "online_on", "retired_on") if name in document]
    document.update(zip(named, sorted(document[name] for name in named), strict=True))
    sponsor = document.get("sponsor", {})
    if document.get("role") == "provincial_platform" and "level" in sponsor:
        sponsor["level"] = "province"
    ids: set[str | None] = set()
    for feature in document.get("features", ()):
        if feature.get("id") in ids:
            feature.pop("id", None)
        ids.add(feature.get("id"))
    for ask in document.get("asks", ()):
        if "features" in document and ask.get("feature") not in ids:
            ask.pop("feature", None)
    decided = document.get("consolidation")
    if isinstance(decided, dict):
        into = decided.pop("into", document["id"])
        if decided.get("decision") in {None, "merge"} and into != document["id"]:
            decided["into"] = into
    return document


def _levels(document: Document) -> None:
    """Take away levels that the app as a whole is declared not to reach, or add one that it is declared to reach."""
    entries = [*document.get("features", ()), *document.get("asks", ())]
    own = document.get("levels")
    if document.get("faces_grassroots") is True and own is not None and not GRASSROOTS.intersection(own):
        own.append("county")
    for entry in [document, *entries]:
        if "levels" in entry and document.get("faces_grassroots") is False:
            entry["levels"] = [level for level in entry["levels"] if level not in GRASSROOTS]
    for entry in entries:
        if "levels" in entry and own is not None:
            entry["levels"] = [level for level in entry["levels"] if level in document["levels"]]


# ---------------------------------------------------------------- worlds


@dataclass(frozen=True)
class World:
    """A manifest, the apps and grants around it, and how completely the registry answers about them on a day.

    Args:
        app, around, grants: documents.
        on: the day judged.
        limit: most neighbours told of an item.
        silent: starts of ties that the registry does not answer.
        told: starts of ties of which it tells no more than so many neighbours.
        is_reachable: whether it answers at all.
    """

    app: Document
    around: tuple[Document, ...] = ()
    grants: tuple[Document, ...] = ()
    on: date = date(2026, 3, 1)
    limit: int = 100
    silent: tuple[str, ...] = ()
    told: tuple[tuple[str, int], ...] = ()
    is_reachable: bool = True

    def manifest(self) -> Manifest:
        """Read the app's document."""
        return world.manifest(self.app)

    def neighbourhood(self) -> Neighbourhood | None:
        """Work out what the registry answers."""
        if not self.is_reachable:
            return None
        app = self.manifest()
        around = [world.manifest(each) for each in self.around]
        grants = [world.grant(each, app.id or "") for each in self.grants]
        full = world.neighbourhood(app, around, grants, self.limit)
        answered = [each for each in full.ties if not each.tie.startswith(self.silent or "?")]
        return replace(full, ties=tuple(map(self._told, answered)))

    def _told(self, answer: TieAnswer) -> TieAnswer:
        for start, most in self.told:
            if answer.tie.startswith(start):
                return replace(answer, neighbours=answer.neighbours[:most])
        return answer


@st.composite
def grants(draw: Draw, theme: Theme, number: int) -> Document:
    """Draw a grant: what the theme is about or any other, for all or a part, in force around the day judged or not."""
    kind, provision = one_of(draw, theme.grants or EVERY_GRANT)
    granted_on, from_on = one_of(draw, GRANTED)
    until_on = one_of(draw, (None, None, None, "2026-02-28", "2026-03-01", "2027-01-01"))
    document: Document = {"id": f"g-{number}", "kind": kind, "granted_on": granted_on, "from_on": from_on}
    if until_on is not None:
        document["until_on"] = max(until_on, from_on)
    if provision is not None:
        document["provision"] = provision
    scope = one_of(draw, (None, None, None, "feature", "item"))
    if scope == "feature":
        document["feature"] = one_of(draw, ("f-0", "f-1"))
    if scope == "item":
        document["item"] = one_of(draw, ("code=i-1", "name=数据甲"))
    return document


@st.composite
def neighbours(draw: Draw, theme: Theme, app: str, near: Document) -> Document:
    """Draw an app like the one judged, another one of the theme, or one that the theme needs around it."""
    special = one_of(draw, ("alike", "other", *theme.around))
    if special == "platform":
        region = one_of(draw, ("99", "99", "99", "33", ""))
        kinds = one_of(draw, (FORMS, FORMS, ("data_reporting",), ("query",)))
        items = one_of(draw, ((), ("i-1",), ("i-1", "i-2")))
        stage = one_of(draw, ("online", "online", "online", "building", "retiring"))
        return {"id": app, **platform(region, kinds, items, stage)}
    if special == "unified":
        opened = one_of(draw, (["k-1"], ["k-1", "k-2"], ["k-2"], "none", None))
        return {"id": app, **unified(opened, one_of(draw, ("online", "online", "building")))}
    hand = Hand(draw, theme, one_of(draw, (0, 0, 1, 2)), one_of(draw, (0, 1)))
    return hand.alike(app, near) if special == "alike" else hand.manifest(app)


@st.composite
def worlds(draw: Draw, themes: tuple[Theme, ...] = THEMES) -> World:
    """Draw a world; its manifest is always valid."""
    theme = one_of(draw, themes)
    app = Hand(draw, theme, one_of(draw, (0, 0, 0, 1, 2)), one_of(draw, (0, 1, 3))).manifest(APP)
    if one_of(draw, (False,) * 40 + (True,)):
        app.update(one_of(draw, ({"kind": "terminal"}, {"stage": "retired"})))
    others = () if theme.name in ALONE else OTHERS[: one_of(draw, range(len(OTHERS) + 1))]
    around = tuple(draw(neighbours(theme, each, app)) for each in others)
    given = tuple(draw(grants(theme, number)) for number in range(one_of(draw, (0, 0, 1, 2))))
    on = one_of(draw, ("2026-03-01",) * 12 + ("2026-03-02", "2024-08-06", "2024-08-05"))
    gap = one_of(draw, (None,) * 8 + ("unreachable", "silent", "told", "limit"))
    tie = one_of(draw, ("department:", "item:", "platform:", "sector:")) if gap in {"silent", "told"} else ""
    return World(
        app,
        around,
        given,
        date.fromisoformat(on),
        limit=one_of(draw, (0, 1)) if gap == "limit" else 100,
        silent=(tie,) if gap == "silent" else (),
        told=((tie, one_of(draw, (0, 1))),) if gap == "told" else (),
        is_reachable=gap != "unreachable",
    )


# ---------------------------------------------------------------- answers that no registry would give


def _maybe(*values: object) -> st.SearchStrategy[Any]:
    return st.sampled_from((None, *values))


def _tuples(*values: object) -> st.SearchStrategy[Any]:
    return st.none() | st.lists(st.sampled_from(values), max_size=2).map(tuple)


LINKS = ("none", Link(to=("示例平台",)), Link(planned_by=date(2026, 3, 1)), Link())
DECIDED = ("none", *(Consolidation(decision=each) for each in (None, *Decision)))

any_facts = st.builds(
    Facts,
    name=_maybe("示例应用"),
    sponsor=_maybe("示例局"),
    level=_maybe(*Level),
    stage=_maybe(*Stage),
    role=_maybe(*Role),
    regions=_tuples("", "99", "9901", "33"),
    begun_on=_maybe(date(2024, 8, 6)),
    root_organ=_maybe("示例部", "另一部"),
    faces_grassroots=st.none() | st.booleans(),
    consolidation=_maybe(*DECIDED),
    functions=_tuples("k-1", "k-2"),
    has_undeclared_functions=st.booleans(),
    opened_functions=_maybe("none", ("k-1",), ()),
    form_kinds=_tuples(*FORM_KINDS),
    asks=st.lists(
        st.builds(
            OfferedAsk,
            period=_maybe(*Period),
            levels=_tuples(*Level),
            channel=_maybe(*Channel),
            since_on=_maybe(date(2025, 5, 31), date(2025, 6, 1)),
            shared=_maybe(*LINKS),
        ),
        max_size=2,
    ).map(tuple),
    holdings=st.lists(st.builds(OfferedHolding, shared=_maybe(*LINKS)), max_size=1).map(tuple),
)
"""Facts of a neighbour in any combination, those that no app offers included."""


@st.composite
def any_answers(draw: Draw, world: World) -> Neighbourhood:
    """Draw an answer to what a world's app asks, of neighbours with any facts; an app has the same in every tie."""
    known = [Neighbour(app, draw(any_facts)) for app in OTHERS[:2]]
    answers = []
    for question in ties.questions(world.manifest()):
        told = tuple(known[: one_of(draw, (0, 1, 2))])
        answers.append(TieAnswer(question.tie, len(told) + one_of(draw, (0, 0, 1)), told))
    full = world.neighbourhood()
    return Neighbourhood(1, tuple(answers), () if full is None else full.grants)
