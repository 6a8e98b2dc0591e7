"""Ties: the keys by which apps become neighbours. Pure functions of a manifest say what it offers and what it asks.

An offer is withheld only by a declaration: what a neighbour leaves undeclared must stay visible.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from services.manifest import divisions
from services.manifest.neighbourhood import Facts, OfferedAsk, OfferedHolding
from services.manifest.terms import (
    FORM_KINDS,
    GOVERNMENT_APPS,
    GRASSROOTS,
    Level,
    ManagedBy,
    Nature,
    Role,
    Stage,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.manifest.model import Ask, Feature, Item, Manifest, Sponsor
    from services.manifest.neighbourhood import Recorded

COUNTRY = ""
"""The empty division code: the whole country."""

DEPARTMENT = "department:"
"""How the ties of departments begin."""

_LONGEST_KEY_BYTES = 1000  # PostgreSQL indexes no entry over 2,704 bytes


@dataclass(frozen=True, slots=True)
class Offer:
    """What an app offers under one tie, in one region, with the facts rules look at."""

    tie: str
    division: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class Question:
    """Who offers this tie in a region that overlaps one of these?"""

    tie: str
    regions: tuple[str, ...]


def name_key(name: str) -> str:
    """Normalise a name so that spellings of one name become one key: width, case and white space are folded."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def index_key(text: str) -> str:
    """Give the text by which a name or tie is found: itself, or its digest when it is too long for an index."""
    content = text.encode()
    return text if len(content) <= _LONGEST_KEY_BYTES else f"sha256:{hashlib.sha256(content).hexdigest()}"


def item_key(item: Item) -> str | None:
    """Give the key of a data item: its code, else its normalised name; None when it declares neither."""
    if item.code is not None:
        return f"code={item.code.casefold()}"
    return None if item.name is None else f"name={name_key(item.name)}"


def is_offering(manifest: Manifest) -> bool:
    """Tell whether the app may bear on others: not declared out of scope, only proposed, or retired."""
    return manifest.kind in {None, *GOVERNMENT_APPS} and manifest.stage not in {Stage.PROPOSED, Stage.RETIRED}


def faces_grassroots(manifest: Manifest) -> bool | None:
    """Tell whether units or workers at county level or below use the app or must supply it; None when undeclared."""
    if manifest.faces_grassroots is not None:
        return manifest.faces_grassroots
    entries: list[Feature | Ask] = [*(manifest.features or ()), *(manifest.asks or ())]
    reached = {level for levels in (manifest.levels, *(entry.levels for entry in entries)) for level in levels or ()}
    if reached & GRASSROOTS:
        return True
    return None if manifest.levels is None else False


def is_central(manifest: Manifest) -> bool | None:
    """Tell whether the sponsor counts to a department of the centre, by level or management; None when undeclared."""
    sponsor = manifest.sponsor
    if sponsor is None:
        return None
    if sponsor.level == Level.CENTRAL or sponsor.managed_by == ManagedBy.CENTRE:
        return True
    if sponsor.level is None or sponsor.managed_by is None:
        return None
    return False


def is_provincial_platform(role: Role | None, level: Level | None) -> bool | None:
    """Tell whether an app of this role, with a sponsor of this level, is a provincial platform; None when undeclared.

    Only a province runs one: a manifest in which another level does is refused as contradicting itself, so an app of
    another level need not declare that it is none.
    """
    if role is not None:
        return role == Role.PROVINCIAL_PLATFORM
    return None if level in {None, Level.PROVINCE} else False


def offers(manifest: Manifest) -> Iterator[Offer]:
    """Derive what the app offers: one offer per tie and region, seen from everywhere when regions are undeclared."""
    if not is_offering(manifest):
        return
    regions = sorted(set(manifest.regions)) if manifest.regions is not None else [COUNTRY]
    for tie, facts in _offered_facts(manifest):
        for division in regions:
            yield Offer(tie, division, facts)


def questions(manifest: Manifest, recorded: Recorded | None = None) -> tuple[Question, ...]:
    """Derive what the app asks the registry, sorted by tie; no two questions have the same tie.

    Args:
        manifest: what the app declares.
        recorded: what the tree of organisations knows of its sponsor, see `department_tie`.

    """
    return tuple(sorted(_questions(manifest, recorded), key=lambda question: question.tie))


def provinces_served(manifest: Manifest) -> tuple[str, ...]:
    """Give the provinces of the regions served, sorted; none when regions are undeclared."""
    found: set[str] = set()
    for region in manifest.regions or ():
        province = divisions.province(region)
        found.update(divisions.PROVINCES if province is None else (province,))
    return tuple(sorted(found))


def _offered_facts(manifest: Manifest) -> Iterator[tuple[str, Facts]]:
    tie = department_tie(manifest)
    if tie is not None and _may_be_central_department(manifest) and faces_grassroots(manifest) is not False:
        yield tie, _department_facts(manifest)
    if manifest.role == Role.PROVINCIAL_PLATFORM:
        for province in provinces_served(manifest):
            yield platform_tie(province), _platform_facts(manifest)
    if manifest.sector is not None and manifest.role in {None, Role.SECTOR_UNIFIED}:
        yield sector_tie(manifest.sector), _sector_facts(manifest)
    yield from _item_facts(manifest)


def _questions(manifest: Manifest, recorded: Recorded | None) -> Iterator[Question]:
    regions = (COUNTRY,) if manifest.regions is None else tuple(sorted(set(manifest.regions)))
    tie = department_tie(manifest, recorded)
    if tie is not None and _may_be_central_department(manifest) and faces_grassroots(manifest) is not False:
        yield Question(tie, (COUNTRY,))
    asks = [ask for ask in manifest.asks or () if ask.levels is None or GRASSROOTS.intersection(ask.levels)]
    forms = [each for each in manifest.features or () if each.kind is None or each.kind in FORM_KINDS]
    if asks or forms:
        for province in provinces_served(manifest):
            yield Question(platform_tie(province), (province,))
    for key in sorted({key for ask in asks if (key := item_key(ask)) is not None}):
        yield Question(item_tie(key), regions)
    if manifest.sector is not None and is_central(manifest) is not True:
        yield Question(sector_tie(manifest.sector), regions)


def department_tie(manifest: Manifest, recorded: Recorded | None = None) -> str | None:
    """Give the tie of the sponsor's department: by the tree of organisations, else by what the manifest claims.

    Where the tree knows the sponsor, its department is the organ at the root above it, by credit code, whatever is
    claimed. Else it is the root organ declared; the sponsor's own name, or its credit code, stands in while that is
    undeclared.
    """
    if recorded is not None:
        return coded_department_tie(recorded.department)
    return None if manifest.sponsor is None else claimed_department_tie(manifest.sponsor)


def claimed_department_tie(sponsor: Sponsor) -> str | None:
    """Give the tie of the department that a sponsor declares; None when it declares nothing to tell it by."""
    organ = sponsor.root_organ or sponsor.name
    if organ is not None:
        return f"{DEPARTMENT}{name_key(organ)}"
    return None if sponsor.credit_code is None else coded_department_tie(sponsor.credit_code)


def coded_department_tie(credit_code: str) -> str:
    """Give the tie of the department of which the organ at the root has this credit code."""
    return f"{DEPARTMENT}code={credit_code}"


def platform_tie(province: str) -> str:
    """Give the tie of the provincial platform of a province (two digits)."""
    return f"platform:{province}"


def sector_tie(sector: str) -> str:
    """Give the tie of a sector."""
    return f"sector:{name_key(sector)}"


def item_tie(key: str) -> str:
    """Give the tie of a data item by its key."""
    return f"item:{key}"


def _may_be_central_department(manifest: Manifest) -> bool:
    if is_central(manifest) is False:
        return False
    return manifest.sponsor is not None and manifest.sponsor.nature != Nature.ENTERPRISE


def _common_facts(manifest: Manifest) -> Facts:
    sponsor = manifest.sponsor
    return Facts(
        name=manifest.name,
        sponsor=None if sponsor is None else sponsor.name,
        level=None if sponsor is None else sponsor.level,
        stage=manifest.stage,
        role=manifest.role,
        regions=None if manifest.regions is None else tuple(sorted(set(manifest.regions))),
    )


def _department_facts(manifest: Manifest) -> Facts:
    return replace(
        _common_facts(manifest),
        begun_on=manifest.begun_on,
        root_organ=None if manifest.sponsor is None else manifest.sponsor.root_organ,
        faces_grassroots=faces_grassroots(manifest),
        consolidation=manifest.consolidation,
    )


def _platform_facts(manifest: Manifest) -> Facts:
    kinds = None if manifest.features is None else {feature.kind for feature in manifest.features}
    known = None if kinds is None or None in kinds else tuple(sorted(FORM_KINDS & kinds))
    return replace(_common_facts(manifest), form_kinds=known)


def _sector_facts(manifest: Manifest) -> Facts:
    keys = None if manifest.features is None else {feature.function for feature in manifest.features}
    known = None if keys is None else tuple(sorted(key for key in keys if key is not None))
    opened = manifest.opened_functions
    return replace(
        _common_facts(manifest),
        functions=known,
        has_undeclared_functions=keys is None or None in keys,
        opened_functions=opened if opened is None or opened == "none" else tuple(sorted(opened)),
    )


def _item_facts(manifest: Manifest) -> Iterator[tuple[str, Facts]]:
    asks: dict[str, list[OfferedAsk]] = {}
    holdings: dict[str, list[OfferedHolding]] = {}
    for ask in manifest.asks or ():
        if (key := item_key(ask)) is not None:
            asks.setdefault(key, []).append(OfferedAsk(ask.period, ask.levels, ask.channel, ask.since_on, ask.shared))
    for holding in manifest.holdings or ():
        if (key := item_key(holding)) is not None:
            holdings.setdefault(key, []).append(OfferedHolding(holding.shared))
    common = _common_facts(manifest)
    for key in sorted(asks.keys() | holdings.keys()):
        facts = replace(common, asks=tuple(asks.get(key, ())), holdings=tuple(holdings.get(key, ())))
        yield item_tie(key), facts
