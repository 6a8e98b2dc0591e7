"""12.5 to 12.11 (填表报数交材料): what the grassroots is asked for, and by which way, read from the law.

An ask through the provincial platform is the platform's own; by “own channel” we read every other way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from services.manifest import ties
from services.manifest.model import Ask
from services.manifest.neighbourhood import Facts, Neighbour, OfferedAsk
from services.manifest.terms import FORM_KINDS, GRASSROOTS, RUNNING, Channel, Decision, Level, Stage
from tests.property.naive.seen import (
    COMPLIANT,
    DECLARATION,
    EXEMPT,
    PERSON,
    REGISTRY,
    VIOLATION,
    Answer,
    Gate,
    Seen,
    answer,
    derogation_mark,
    every,
    gate,
    is_local,
    link_mark,
    reaches_only_above,
    some,
)

IN_USE = {Stage.ONLINE, Stage.RETIRING}
"""Stages at which something can be handed in through an app."""

VILLAGE = frozenset({Level.VILLAGE})


def any_holds(facts: Iterable[bool | None]) -> bool | None:
    """Tell whether one of some facts holds; none does where there is none."""
    return some(*facts)


def grassroots_asks(seen: Seen) -> tuple[list[Ask], set[str]]:
    """Find the asks of units at county level or below, and what is lacking to know them all."""
    if reaches_only_above(seen, GRASSROOTS):
        return [], set()
    asks = seen.manifest.asks
    if asks is None:
        return [], {DECLARATION}
    lacks = {DECLARATION} if any(ask.levels is None for ask in asks) else set()
    return [ask for ask in asks if GRASSROOTS.intersection(ask.levels or ())], lacks


def is_own(ask: Ask | OfferedAsk) -> bool | None:
    """Tell whether an ask is the asking app's own, and not the platform's."""
    return None if ask.channel is None else ask.channel != Channel.PLATFORM


def is_platform(seen: Seen) -> bool | None:
    """Tell whether the app is the provincial platform itself."""
    sponsor = seen.manifest.sponsor
    return ties.is_provincial_platform(seen.manifest.role, None if sponsor is None else sponsor.level)


def beside_platform(seen: Seen) -> Gate:
    """Address every app but the provincial platform."""
    platform = is_platform(seen)
    return gate(None if platform is None else not platform)


def platforms(seen: Seen) -> tuple[list[Neighbour], set[str]]:
    """Find the platforms of the provinces served that are or may be in use, and what is lacking to know one in each."""
    if seen.manifest.regions is None:
        return [], {DECLARATION}
    known: list[Neighbour] = []
    lacks: set[str] = set()
    for province in ties.provinces_served(seen.manifest):
        told = seen.tie(f"platform:{province}")
        if told is None:
            lacks.add(REGISTRY)
            continue
        may_be = [each for each in told.neighbours if at_stage(each.facts, IN_USE) is not False]
        known.extend(may_be)
        if not may_be:
            lacks.add(REGISTRY)
        elif not any(at_stage(each.facts, IN_USE) for each in may_be):
            lacks.add(DECLARATION)
    return known, lacks


def asked_of(ask: Ask | OfferedAsk, levels: frozenset[Level]) -> bool | None:
    """Tell whether an ask is addressed to one of the levels."""
    return None if ask.levels is None else bool(levels.intersection(ask.levels))


def at_stage(facts: Facts, stages: Iterable[Stage]) -> bool | None:
    """Tell whether a neighbour stands at one of the stages."""
    return None if facts.stage is None else facts.stage in stages


def here(facts: Facts) -> bool | None:
    """Tell whether a neighbour serves a region of ours: the registry tells only such, or one that does not say."""
    return None if facts.regions is None else True


def rule_12_5(seen: Seen) -> Answer:
    """Each ask has a basis."""
    asks, marks = grassroots_asks(seen)
    for ask in asks:
        if ask.basis is None:
            marks.add(DECLARATION)
        elif ask.basis == "none":
            marks.add(VIOLATION)
        elif ask.basis.title is None or (ask.basis.number is None and ask.basis.article is None):
            marks.add(PERSON)
        else:
            marks.add(COMPLIANT)
    return answer((), marks)


# ---------------------------------------------------------------- 12.6: through the platform, and shared


def rule_12_6(seen: Seen) -> Answer:
    """Each ask goes through the provincial platform and is shared onward."""
    asks, marks = grassroots_asks(seen)
    platform = is_platform(seen)
    for ask in asks:
        breach = derogation_mark(seen, "12.6", ask.feature, (ties.item_key(ask),))
        if platform is not True:
            found = channel_marks(seen, ask, breach)
            if platform is None and found != {COMPLIANT}:
                found = found - {VIOLATION, EXEMPT} | {DECLARATION}
            marks |= found
        shared = link_mark(ask.shared, seen.on)
        marks.add(breach if shared == VIOLATION else shared)
    return answer((), marks)


def channel_marks(seen: Seen, ask: Ask, breach: str) -> set[str]:
    """Judge the channel of an ask; `breach` is what a recorded derogation makes of a breach."""
    known, unknown = platforms(seen)
    in_use = any(at_stage(each.facts, IN_USE) for each in known)
    if ask.channel is None:
        return {DECLARATION} | unknown
    if ask.channel == Channel.PLATFORM:
        return unknown or {COMPLIANT}
    if breach == EXEMPT:
        return {EXEMPT}
    return unknown | ({breach} if in_use else set())


# ---------------------------------------------------------------- 12.7: what can be had otherwise


def rule_12_7(seen: Seen) -> Answer:
    """What can be had by sharing or generation is not asked for."""
    asks, marks = grassroots_asks(seen)
    for ask in asks:
        if ask.obtainable == "none":
            marks.add(COMPLIANT)
        elif ask.obtainable is None or (ask.obtainable.how is None and ask.obtainable.system is None):
            marks.add(DECLARATION)
        else:
            marks.add(VIOLATION)
        if is_own(ask) is None:
            marks.add(DECLARATION)
        elif is_own(ask):
            marks |= set(held_marks(seen, ask))
    return answer((), marks)


def held_marks(seen: Seen, ask: Ask) -> Iterator[str]:
    """Judge an ask by what other online systems hold and share, and by what the villages gave."""
    key = ties.item_key(ask)
    if key is None:
        yield DECLARATION
        return
    of_town = Level.TOWNSHIP in (ask.levels or ()) and Level.VILLAGE not in (ask.levels or ())
    for other in seen.manifest.asks or ():
        if of_town and asked_of(other, VILLAGE) and ties.item_key(other) in {key, None}:
            yield VIOLATION if ties.item_key(other) == key else DECLARATION
    if seen.manifest.regions is None:
        yield DECLARATION
        return
    told = seen.tie(ties.item_tie(key))
    if told is None:
        yield REGISTRY
        return
    for neighbour in told.neighbours:
        facts = neighbour.facts
        villages = any_holds(asked_of(each, VILLAGE) for each in facts.asks) if of_town else False
        has = every(at_stage(facts, {Stage.ONLINE}), here(facts), some(villages, is_source(ask, facts)))
        if has is not False:
            yield VIOLATION if has else DECLARATION
    if told.total > len(told.neighbours):
        yield REGISTRY


def is_source(ask: Ask, facts: Facts) -> bool | None:
    """Tell whether an online system holds and shares what we ask for, so that we need not ask."""
    asks_grassroots = any_holds(asked_of(each, GRASSROOTS) for each in facts.asks)
    entitled = [
        None if asks_grassroots is None else not asks_grassroots,
        ties.is_provincial_platform(facts.role, facts.level),
    ]
    for each in facts.asks:
        earlier = None if ask.since_on is None or each.since_on is None else each.since_on < ask.since_on
        entitled.append(every(asked_of(each, GRASSROOTS), earlier))
    return every(any_holds(shares(each) for each in (*facts.asks, *facts.holdings)), some(*entitled))


def shares(entry: object) -> bool | None:
    """Tell whether an item is shared now; a plan to share it is not sharing."""
    shared = getattr(entry, "shared", None)
    if shared is None:
        return None
    if shared == "none":
        return False
    if shared.to is not None:
        return True
    return None if shared.planned_by is None else False


# ---------------------------------------------------------------- 12.8: at most once

MAY_BE_A_QUESTION = "may be a question"
"""A pair of asks for different periods, of which it is not known whether they meet."""


def rule_12_8(seen: Seen) -> Answer:
    """The same item for the same period is asked once."""
    asks, marks = grassroots_asks(seen)
    platform = is_platform(seen)
    for ask in asks:
        marks.add(COMPLIANT)
        key, ours = ties.item_key(ask), some(is_own(ask), platform)
        if key is None:
            marks |= set() if ours is False else {DECLARATION}
            continue
        for other in asks:
            if other is not ask and ties.item_key(other) == key:
                marks |= settled(pair_marks(ask, other, ours, some(is_own(other), platform)))
        marks |= set(beside_marks(seen, ask, key))
    return answer((), marks)


def beside_marks(seen: Seen, ask: Ask, key: str) -> Iterator[str]:
    """Compare with other apps, which leaves out the platform and what goes through it."""
    platform = is_platform(seen)
    if platform or is_own(ask) is False:
        return
    if is_own(ask) is None or seen.manifest.regions is None:
        yield DECLARATION
        return
    told = seen.tie(ties.item_tie(key))
    if told is None:
        yield REGISTRY
        return
    for each in told.neighbours:
        conditions = at_stage(each.facts, RUNNING), here(each.facts), None if platform is None else True
        found: set[str] = set()
        for other in each.facts.asks:
            found |= pair_marks(ask, other, *conditions, is_own(other))
        yield from settled(found)
    if told.total > len(told.neighbours):
        yield REGISTRY


def pair_marks(ask: Ask, other: Ask | OfferedAsk, *conditions: bool | None) -> set[str]:
    """Compare two asks of one item."""
    ours = GRASSROOTS.intersection(ask.levels or ())
    levels = None if other.levels is None else bool(ours.intersection(other.levels))
    met = every(levels, *conditions)
    if met is False:
        return set()
    if ask.period is None or other.period is None:
        return {DECLARATION}
    if ask.period == other.period:
        return {VIOLATION} if met else {DECLARATION}
    return {PERSON} if met else {MAY_BE_A_QUESTION}


def settled(marks: set[str]) -> set[str]:
    """Ask for a declaration by which a question may arise, unless the question or a breach stands anyway."""
    if MAY_BE_A_QUESTION in marks and not marks & {PERSON, VIOLATION}:
        marks = marks | {DECLARATION}
    return marks - {MAY_BE_A_QUESTION}


# ---------------------------------------------------------------- 12.9 to 12.11


def rule_12_9(seen: Seen) -> Answer:
    """No paper besides."""
    asks, marks = grassroots_asks(seen)
    return answer((), marks | {{None: DECLARATION, True: VIOLATION, False: COMPLIANT}[ask.paper] for ask in asks})


def rule_12_10(seen: Seen) -> Answer:
    """What the provincial platform collects is not asked for besides."""
    asks, marks = grassroots_asks(seen)
    for ask in asks:
        marks.add(COMPLIANT)
        if is_own(ask) is None:
            marks.add(DECLARATION)
        elif is_own(ask):
            marks |= set(separate_marks(seen, ask, asks))
    return answer([beside_platform(seen)], marks)


def separate_marks(seen: Seen, ask: Ask, asks: list[Ask]) -> Iterator[str]:
    """Judge an ask beside the platform by what the platform collects."""
    key = ties.item_key(ask)
    if key is None:
        yield DECLARATION
        return
    yield from platforms(seen)[1]
    for other in asks:
        if other.channel == Channel.PLATFORM and ties.item_key(other) in {key, None}:
            yield VIOLATION if ties.item_key(other) == key else DECLARATION
    if seen.manifest.regions is None:
        yield DECLARATION
        return
    told = seen.tie(ties.item_tie(key))
    if told is None:
        yield REGISTRY
        return
    for each in told.neighbours:
        collects = collects_for_platform(each.facts)
        if collects is not False:
            yield VIOLATION if collects else DECLARATION
    if told.total > len(told.neighbours):
        yield REGISTRY


def collects_for_platform(facts: Facts) -> bool | None:
    """Tell whether the platform collects the item: by its own asks, or by those of another app through it."""
    through = any_holds(None if each.channel is None else each.channel == Channel.PLATFORM for each in facts.asks)
    platform = every(bool(facts.asks), ties.is_provincial_platform(facts.role, facts.level))
    return every(at_stage(facts, IN_USE), here(facts), some(platform, through))


def rule_12_11(seen: Seen) -> Answer:
    """Form features of city and county apps are merged with those of the provincial platform."""
    manifest = seen.manifest
    level = None if manifest.sponsor is None else manifest.sponsor.level
    local = every(None if level is None else level in {Level.CITY, Level.COUNTY}, is_local(manifest))
    known, unknown = platforms(seen)
    marks = {DECLARATION} if manifest.features is None else set()
    for feature in manifest.features or ():
        if feature.kind is None:
            marks.add(DECLARATION)
        elif feature.kind in FORM_KINDS:
            marks |= unknown
            corresponding = any_holds(
                every(
                    at_stage(each.facts, IN_USE),
                    None if each.facts.form_kinds is None else feature.kind in each.facts.form_kinds,
                )
                for each in known
            )
            if corresponding is None:
                marks.add(DECLARATION)
            elif corresponding:
                marks.add(integration_mark(seen, link_mark(feature.integration, seen.on)))
    return answer([gate(local), beside_platform(seen)], marks)


def integration_mark(seen: Seen, merged: str) -> str:
    """Judge whether a feature is merged with the platform's, or its app ends by a day not past."""
    decided = seen.manifest.consolidation
    if decided == "none" or (decided is not None and decided.decision == Decision.KEEP):
        ends: bool | None = False
    elif decided is not None and decided.due_on is not None and decided.due_on < seen.on:
        ends = False
    elif decided is None or decided.decision is None or decided.due_on is None:
        ends = None
    else:
        ends = True
    if ends or merged == COMPLIANT:
        return COMPLIANT
    return DECLARATION if ends is None else merged


RULES = {
    "12.5": rule_12_5,
    "12.6": rule_12_6,
    "12.7": rule_12_7,
    "12.8": rule_12_8,
    "12.9": rule_12_9,
    "12.10": rule_12_10,
    "12.11": rule_12_11,
}
