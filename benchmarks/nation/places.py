"""Where apps are run: the real divisions of China, from the country down to made-up towns of real counties."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from services.manifest import divisions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.nation.chance import Chance

_TOWNS = 14  # of one county; there are about 38,000 in the country


class Place(NamedTuple):
    """A division: its normalised code, and its own name."""

    code: str
    name: str


COUNTRY = Place("", "全国")


def draw(chance: Chance, level: str) -> Place:
    """Give a place of an administrative level, all equally likely."""
    match level:
        case "central":
            return COUNTRY
        case "township":
            county, town = chance.one(_listed(6)), chance.below(_TOWNS) + 1
            return Place(f"{county.code}{town:03}", f"{county.name}{town}号示例镇")
        case _:
            return chance.one(_listed({"province": 2, "city": 4, "county": 6}[level]))


def provinces() -> tuple[Place, ...]:
    """Give the 31 divisions of provincial level, in order."""
    return _listed(2)


def beside(place: Place) -> Place | None:
    """Give the next county of the same city, None where there is none."""
    counties = _counties_of().get(place.code[:4], ())
    at = next((i for i, each in enumerate(counties) if each.code == place.code), None)
    return None if at is None or at + 1 == len(counties) else counties[at + 1]


@cache
def _counties_of() -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = {}
    for county in _listed(6):
        found.setdefault(county.code[:4], []).append(county)
    return found


@cache
def _listed(digits: int) -> tuple[Place, ...]:
    """Give the divisions of which the code has so many digits, in order."""
    if digits == 2:
        return tuple(Place(code, divisions.name(code) or code) for code in divisions.PROVINCES)
    codes = (below for code in divisions.PROVINCES for below in _below(code, digits))
    return tuple(
        Place(code, entry.name)
        for code in codes
        for entry in divisions.history(code)[-1:]
        if entry.is_current and entry.kind == "division"
    )


def _below(code: str, digits: int) -> Iterator[str]:
    for n in range(1, 100):
        longer = f"{code}{n:02}"
        if divisions.history(longer):
            yield from [longer] if len(longer) == digits else _below(longer, digits)
