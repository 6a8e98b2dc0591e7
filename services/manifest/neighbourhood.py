"""What the registry answers about an app: the offers of its neighbours under each tie, and its own grants.

These are facts as they travel over HTTP and as the in-memory index holds them. They judge nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal

from services.manifest.model import Consolidation, Link
from services.manifest.terms import Channel, FeatureKind, Level, ManagedBy, Nature, Period, Role, Stage


class GrantKind(StrEnum):
    """Kinds of what an authority grants."""

    APPROVAL = "approval"
    SPECIAL_SCENARIO = "special_scenario"
    DEROGATION = "derogation"
    NECESSITY = "necessity"


@dataclass(frozen=True, slots=True)
class Grant:
    """An approval, special scenario, derogation or necessity given by an authority.

    Args:
        id: the registry's id of the grant.
        app: id of the app it is granted to.
        kind: what is granted.
        granter: name of the authority that granted it.
        basis: the document it rests on, as one citable line.
        granted_on: day of the granting act.
        from_on: first day in force.
        until_on: last day in force; None when it has no end.
        provision: for a derogation, the label of the provision derogated from.
        feature: feature id when the scope is one feature.
        item: item key (`services.manifest.ties.item_key`) when the scope is one item.

    With neither `feature` nor `item` the scope is the whole app.
    """

    id: str
    app: str
    kind: GrantKind
    granter: str
    basis: str
    granted_on: date
    from_on: date
    until_on: date | None = None
    provision: str | None = None
    feature: str | None = None
    item: str | None = None

    def in_force(self, on: date) -> bool:
        """Tell whether the grant counts on a day; both its first and its last day count."""
        return self.from_on <= on and (self.until_on is None or on <= self.until_on)


@dataclass(frozen=True, slots=True)
class OfferedAsk:
    """One ask of a neighbour for the item of the tie."""

    period: Period | None = None
    levels: tuple[Level, ...] | None = None
    channel: Channel | None = None
    since_on: date | None = None
    shared: Literal["none"] | Link | None = None


@dataclass(frozen=True, slots=True)
class OfferedHolding:
    """That a neighbour holds the item of the tie, and whether it shares it."""

    shared: Literal["none"] | Link | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """The few facts about a neighbour that rules look at; `None` is undeclared. Each tie fills only those it needs.

    Args:
        name, sponsor: names to be told in findings.
        level: the sponsor's level.
        stage, role: of the app.
        regions: division codes served; None when undeclared (the offer is then seen from everywhere).
        begun_on: day building began (department).
        root_organ: root organ as declared (department).
        faces_grassroots: whether it faces the grassroots, declared or plain from the levels reached (department).
        consolidation: what was decided about it (department).
        functions: function keys of its features (sector); None when the features are undeclared.
        has_undeclared_functions: whether a feature, or all of them, leave the function key undeclared (sector).
        opened_functions: function keys opened to localities (sector).
        form_kinds: kinds of its form features (platform); None when features or any kind are undeclared.
        asks: its asks for the item (item).
        holdings: its holdings of the item (item).
    """

    name: str | None = None
    sponsor: str | None = None
    level: Level | None = None
    stage: Stage | None = None
    role: Role | None = None
    regions: tuple[str, ...] | None = None
    begun_on: date | None = None
    root_organ: str | None = None
    faces_grassroots: bool | None = None
    consolidation: Literal["none"] | Consolidation | None = None
    functions: tuple[str, ...] | None = None
    has_undeclared_functions: bool = False
    opened_functions: Literal["none"] | tuple[str, ...] | None = None
    form_kinds: tuple[FeatureKind, ...] | None = None
    asks: tuple[OfferedAsk, ...] = ()
    holdings: tuple[OfferedHolding, ...] = ()


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An app that offers a tie, with its facts."""

    app: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class TieAnswer:
    """Who offers one tie: how many apps in all, and those told (all of them, or the first in a fixed order)."""

    tie: str
    total: int
    neighbours: tuple[Neighbour, ...]


class FoundBy(StrEnum):
    """By what the sponsor of an app was found in the tree: the first of these that is there."""

    CREDIT_CODE = "credit_code"
    NAME = "name"
    ROOT_ORGAN = "root_organ"


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the tree of organisations knows of a sponsor. None is not recorded.

    Args:
        by: how it was found. By its root organ, the organisation is that organ: of the sponsor itself nothing is known.
        code: credit code of the organisation.
        names: its names, the present one first.
        department: credit code of the organ at the root above it, which may be itself.
        department_names: the names of that organ, the present one first.
        level: of the organisation.
        division: where it sits.
        nature: of the organisation.
        managed_by: who manages it vertically.
        ended_on: the first day on which it was no more.
    """

    by: FoundBy
    code: str
    names: tuple[str, ...]
    department: str
    department_names: tuple[str, ...]
    level: Level | None = None
    division: str | None = None
    nature: Nature | None = None
    managed_by: ManagedBy | None = None
    ended_on: date | None = None


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """The other apps and grants that bear on one app, as of one registry revision.

    A rule that needs a tie which was not asked finds it missing, not empty. `sponsor` is what the tree of organisations
    knows of the app's sponsor; None when it is not in the tree.
    """

    revision: int
    ties: tuple[TieAnswer, ...]
    grants: tuple[Grant, ...] = ()
    sponsor: Recorded | None = None
