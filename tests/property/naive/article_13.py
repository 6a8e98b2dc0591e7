"""Article 13 (严格建设管理), 13.1 to 13.6, read from the law."""

from __future__ import annotations

from collections.abc import Iterator

from services.manifest import divisions, ties
from services.manifest.neighbourhood import Facts, GrantKind
from services.manifest.terms import ManagedBy, Role, Stage
from tests.property.naive.seen import (
    COMPLIANT,
    DECLARATION,
    PERSON,
    REGISTRY,
    VIOLATION,
    Answer,
    Seen,
    answer,
    every,
    gate,
    is_local,
    is_new,
    link_mark,
)


def at_stage(seen: Seen, *stages: Stage) -> bool | None:
    """Tell whether the app stands at one of the stages."""
    return None if seen.manifest.stage is None else seen.manifest.stage in stages


def rule_13_1(seen: Seen) -> Answer:
    """New apps: the five answers of the review, and from approval on who reviewed it and when."""
    review = seen.manifest.review
    proposed = at_stage(seen, Stage.PROPOSED)

    def marks() -> Iterator[str]:
        if review is None:
            yield DECLARATION
        elif review == "none":
            yield VIOLATION if proposed is False else DECLARATION
        else:
            favourable = (
                (review.fits_plan, True),
                (review.overlaps_existing, False),
                (review.could_be_module, False),
                (review.works_with_related, True),
                (review.meets_sharing_needs, True),
            )
            for given, wanted in favourable:
                if given is None:
                    yield DECLARATION
                else:
                    yield COMPLIANT if given is wanted else PERSON
            if not proposed and (review.reviewer is None or review.reviewed_on is None):
                yield DECLARATION

    return answer([gate(is_new(seen.manifest))], marks())


def rule_13_2(seen: Seen) -> Answer:
    """Online: under technical supervision."""
    supervision = seen.manifest.supervision
    if supervision is None:
        mark = DECLARATION
    elif supervision == "none":
        mark = VIOLATION
    elif supervision.authority is None or supervision.registration is None:
        mark = DECLARATION
    else:
        mark = COMPLIANT
    return answer([gate(at_stage(seen, Stage.ONLINE))], [mark])


def rule_13_3(seen: Seen) -> Answer:
    """New apps from approval on: an approval on record, in force, dated not after building began."""
    manifest = seen.manifest
    has_begun = manifest.stage not in {Stage.PROPOSED, Stage.APPROVED}

    def marks() -> Iterator[str]:
        if seen.neighbourhood is None:
            yield REGISTRY
            return
        on_record = [
            grant
            for grant in seen.neighbourhood.grants
            if grant.kind == GrantKind.APPROVAL
            and grant.feature is None
            and grant.item is None
            and grant.from_on <= seen.on
            and (grant.until_on is None or seen.on <= grant.until_on)
            and (
                not has_begun or manifest.begun_on is None or max(grant.granted_on, grant.from_on) <= manifest.begun_on
            )
        ]
        if on_record:
            yield COMPLIANT
        else:
            yield DECLARATION if manifest.approval is None else VIOLATION

    new = is_new(manifest)
    approved = None if manifest.stage is None else manifest.stage != Stage.PROPOSED
    return answer([gate(new), gate(approved)], marks())


def rule_13_4(seen: Seen) -> Answer:
    """The unified app of a sector, online: opened to localities."""
    role = seen.manifest.role
    opened = seen.manifest.opened_functions
    mark = DECLARATION if opened is None else VIOLATION if opened == "none" else COMPLIANT
    unified = None if role is None else role == Role.SECTOR_UNIFIED
    return answer([gate(unified), gate(at_stage(seen, Stage.ONLINE))], [mark])


def rule_13_5(seen: Seen) -> Answer:
    """Apps of vertically managed systems, online: connected to local platforms, or to be by a day not past."""
    sponsor = seen.manifest.sponsor
    managed_by = None if sponsor is None else sponsor.managed_by
    vertical = None if managed_by is None else managed_by != ManagedBy.NONE
    mark = link_mark(seen.manifest.connected_platforms, seen.on)
    return answer([gate(vertical), gate(at_stage(seen, Stage.ONLINE))], [mark])


def rule_13_6(seen: Seen) -> Answer:
    """Local new apps: nothing built again that the unified app of the sector does."""
    manifest = seen.manifest
    retiring = at_stage(seen, Stage.RETIRING)
    gates = [
        gate(is_local(manifest)),
        gate(is_new(manifest)),
        gate(None if retiring is None else not retiring),
    ]

    def marks() -> Iterator[str]:
        if manifest.sector is None:
            yield DECLARATION
            return
        told = seen.tie(ties.sector_tie(manifest.sector))
        if told is None:
            yield REGISTRY
            return
        for neighbour in told.neighbours:
            unified = is_unified_above(seen, neighbour.facts)
            if unified is not False:
                yield from common_functions(seen, neighbour.facts, is_sure=unified is True)
        if told.total > len(told.neighbours):
            yield REGISTRY
        yield COMPLIANT

    return answer(gates, marks())


def is_unified_above(seen: Seen, facts: Facts) -> bool | None:
    """Tell whether a neighbour is the online unified app of a sponsor above ours, and covers a region of ours."""
    sponsor, regions = seen.manifest.sponsor, seen.manifest.regions
    level = None if sponsor is None else sponsor.level
    higher = None if level is None or facts.level is None else facts.level.rank < level.rank
    if facts.regions is not None and "" in facts.regions:
        covering: bool | None = True
    elif regions is None or facts.regions is None:
        covering = None
    else:
        covering = any(divisions.covers(outer, inner) for outer in facts.regions for inner in regions)
    return every(
        None if facts.role is None else facts.role == Role.SECTOR_UNIFIED,
        None if facts.stage is None else facts.stage == Stage.ONLINE,
        higher,
        covering,
    )


def common_functions(seen: Seen, facts: Facts, *, is_sure: bool) -> Iterator[str]:
    """Judge each function in common with a unified app."""
    if seen.manifest.features is None:
        yield DECLARATION
    for feature in seen.manifest.features or ():
        if feature.function is None:
            yield DECLARATION
        elif facts.functions is not None and feature.function in facts.functions:
            if not is_sure or facts.opened_functions is None:
                yield DECLARATION
            elif facts.opened_functions != "none" and feature.function in facts.opened_functions:
                yield VIOLATION
            else:
                yield PERSON
        elif facts.functions is None or facts.has_undeclared_functions:
            yield DECLARATION


RULES = {
    "13.1": rule_13_1,
    "13.2": rule_13_2,
    "13.3": rule_13_3,
    "13.4": rule_13_4,
    "13.5": rule_13_5,
    "13.6": rule_13_6,
}
