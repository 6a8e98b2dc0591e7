"""省级平台: the provincial platforms that the registry knows for the provinces an app serves (12.6, 12.10, 12.11)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Lack
from services.audit.readings import lacks
from services.audit.readings.once import listed_once
from services.manifest import divisions, ties
from services.manifest.terms import Stage
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.audit.law import Case
    from services.audit.readings.conditions import Condition
    from services.manifest.neighbourhood import Neighbour

IN_USE = frozenset({Stage.ONLINE, Stage.RETIRING})
"""Stages at which items can be handed in through a platform: one approved or being built collects nothing yet, and one
that is being retired is used until it is retired."""

_STAGE = Text("阶段", "its stage")


def of_provinces(case: Case, place: str) -> Iterator[Neighbour | Lack]:
    """Give the platforms of the provinces served that are in use or may be; say for which provinces none is known."""
    if case.manifest.regions is None:
        yield lacks.undeclared("/regions")
        return
    for _, told in _unsure(case):
        if told is None:
            yield lacks.registry_silent(place)
        else:
            yield from (lacks.neighbour_undeclared(place, each, _STAGE) for each in told)
    if missing := [province for province, told in _unsure(case) if told is not None and not told]:
        yield _none_known(place, missing)
    yield from _found(case)


@listed_once
def _told(case: Case) -> Iterator[tuple[str, list[Neighbour] | None]]:
    """Give each province served with its platforms that are in use or may be; None where the registry is silent."""
    for province in ties.provinces_served(case.manifest):
        answer = case.tie(ties.platform_tie(province))
        neighbours = () if answer is None else answer.neighbours
        told = [each for each in neighbours if each.facts.stage is None or each.facts.stage in IN_USE]
        yield province, None if answer is None else told


@listed_once
def _unsure(case: Case) -> Iterator[tuple[str, list[Neighbour] | None]]:
    """Give the provinces of which no platform is known to be in use."""
    for province, told in _told(case):
        if told is None or all(each.facts.stage is None for each in told):
            yield province, told


@listed_once
def _found(case: Case) -> Iterator[Neighbour]:
    found = {each.app: each for _, told in _told(case) for each in told or ()}
    yield from (found[app] for app in sorted(found))


def in_use(place: str, neighbour: Neighbour) -> Condition:
    """Tell whether items can be handed in through another app today."""
    stage = neighbour.facts.stage
    return (lacks.neighbour_undeclared(place, neighbour, _STAGE),) if stage is None else stage in IN_USE


def _none_known(place: str, provinces: list[str]) -> Lack:
    names = [divisions.full_name(each) or each for each in provinces]
    return lacks.registry_lacks(
        place,
        Text(
            f"登记系统中没有{'、'.join(names)}已上线的省级平台",
            f"the registry knows no provincial platform in use for {', '.join(names)}",
        ),
        Text("请省级平台的主办单位登记该平台", "have the sponsor of the provincial platform register it"),
    )
