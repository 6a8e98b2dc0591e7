"""Who runs an app and where it stands: drawn first, because everything else that it declares has to fit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from benchmarks.nation import days, places
from benchmarks.nation.words import SECTORS
from services.manifest.credit_code import check_character

if TYPE_CHECKING:
    from benchmarks.nation.chance import Chance
    from benchmarks.nation.places import Place
    from benchmarks.nation.words import Sector

# In a hundred apps of the nation.
_LEVELS = ("central", *("province",) * 6, *("city",) * 20, *("county",) * 63, *("township",) * 10)
_STAGES = (
    *(*("online",) * 76, *("building",) * 5, *("approved",) * 3, *("proposed",) * 5),
    *(*("retiring",) * 4, *("retired",) * 7),
)
_NATURES = (
    *("administration",) * 75,
    *("public_institution",) * 15,
    *("party_organ",) * 7,
    *("mass_organisation",) * 3,
)
_REACHED = {
    "central": ("central", "province", "city", "county", "township"),
    "province": ("province", "city", "county", "township"),
    "city": ("city", "county", "township"),
    "county": ("county", "township", "village"),
    "township": ("township", "village"),
}
_ABOVE = ("central", "province", "city")

DEPARTMENTS = 100
"""How many departments of the centre there are."""

_LOCAL_FLAWS = (
    *("12.5", "12.6", "12.7", "12.8", "12.9", "12.10", "13.1", "13.2", "13.3", "13.5", "13.7a", "13.7b", "13.7c"),
    *("14.1", "14.2", "14.3", "14.4", "14.5", "14.6", "12.4", "12.11", "13.6"),
)
_CENTRAL_FLAWS = (*_LOCAL_FLAWS[:-3], *("12.2",) * 6, *("12.3",) * 2)
_FLAWED = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 3)  # how many flaws: just over half have none


@dataclass(frozen=True, slots=True)
class Profile:
    """Who runs an app and where it stands.

    Args:
        number: which app of the nation it is.
        level, place, sector, department: of its sponsor; the department is a number, and None for local ones.
        role: of the app.
        stage: of the app.
        begun: when building began, in days after the day that is judged; None when it has not.
        managed_by: who manages the sponsor.
        nature: of the sponsor.
        levels: the levels it reaches; none for an app that only citizens and enterprises use.
        flaws: the labels of what it is to break.
    """

    number: int
    level: str
    place: Place
    sector: Sector
    department: int | None
    role: str
    stage: str
    begun: int | None
    managed_by: str
    nature: str
    levels: tuple[str, ...]
    flaws: frozenset[str]

    @property
    def id(self) -> str:
        """The id of the app."""
        return f"{self.place.code or 'cn'}-{self.number:07}"

    @property
    def is_new(self) -> bool:
        """Whether it is newly built, as the regulation has it."""
        return self.begun is None or self.begun >= days.REGULATED or self.stage == "approved"

    @property
    def organ(self) -> str:
        """The organ at the root of the sponsor's department."""
        if self.department is not None:
            return f"示例{self.department + 1:03}部"
        if self.level == "township":
            return f"{self.place.name}人民政府（{self.place.code}）"
        return f"示例{self.sector.bureau}{'厅' if self.level == 'province' else '局'}（{self.place.code}）"

    @property
    def faces_grassroots(self) -> bool:
        """Whether units or workers at county level or below use it."""
        return not {"county", "township", "village"}.isdisjoint(self.levels)


def draw(number: int, chance: Chance) -> Profile:
    """Draw who runs the app of this number: provincial platforms first, then the unified apps of the sectors."""
    if number < len(places.provinces()):
        return _platform(number)
    if number < len(places.provinces()) + len(SECTORS):
        return _unified(number, chance)
    level = chance.one(_LEVELS)
    managed_by = "none"
    if level not in {"central", "township"} and chance.happens(0.045):
        managed_by = "centre" if chance.happens(0.1) else "province"
    is_central = level == "central" or managed_by == "centre"
    flaws = chance.some(_CENTRAL_FLAWS if is_central else _LOCAL_FLAWS, chance.one(_FLAWED))
    if "13.5" in flaws and managed_by == "none":
        managed_by = "centre" if is_central else "province"
    stage = _stage(chance, flaws)
    return Profile(
        number,
        level,
        places.draw(chance, level),
        chance.one(SECTORS),
        chance.below(DEPARTMENTS) if is_central else None,
        "sector_unified" if level in {"central", "province"} and chance.happens(0.05) else "ordinary",
        stage,
        _begun(chance, stage, is_new=not {"13.1", "13.3", "13.6"}.isdisjoint(flaws)),
        managed_by,
        chance.one(_NATURES),
        _levels(chance, level, flaws),
        frozenset(flaws),
    )


def sponsor(profile: Profile) -> dict[str, object]:
    """Give the sponsor as the manifest declares it."""
    name = profile.organ
    if profile.department is not None and profile.level != "central":
        name += f"{profile.place.name}示例分局"
    elif profile.number % 5 == 0:
        name += "信息中心"
    return {
        "name": name,
        "credit_code": _credit_code(name, profile.place.code),
        "level": profile.level,
        "division": profile.place.code,
        "root_organ": profile.organ,
        "nature": profile.nature,
        "managed_by": profile.managed_by,
    }


def _platform(number: int) -> Profile:
    place, levels = places.provinces()[number], _REACHED["province"]
    data = next(each for each in SECTORS if each.key == "data")
    return Profile(
        number,
        "province",
        place,
        data,
        None,
        "provincial_platform",
        "online",
        -3000,
        "none",
        "administration",
        levels,
        frozenset(),
    )


def _unified(number: int, chance: Chance) -> Profile:
    n = number - len(places.provinces())
    flaws = frozenset({"13.4"} if chance.happens(0.2) else ())
    return Profile(
        number,
        "central",
        places.COUNTRY,
        SECTORS[n],
        n,
        "sector_unified",
        "online",
        -2000 - 10 * n,
        "none",
        "administration",
        _REACHED["central"],
        flaws,
    )


def _stage(chance: Chance, flaws: list[str]) -> str:
    stage = chance.one(_STAGES)
    # What only an app in use, or one past its proposal, can break is broken by such an app.
    return "online" if not {"12.4", "13.1", "13.2", "13.3", "13.5", "13.6"}.isdisjoint(flaws) else stage


def _begun(chance: Chance, stage: str, *, is_new: bool) -> int | None:
    latest = {"proposed": None, "approved": None, "building": -10, "online": -380, "retiring": -500}.get(stage, -700)
    if latest is None:
        return None
    earliest = -400 if stage == "building" else days.REGULATED if is_new else days.OLDEST
    # Four in ten were begun since the regulation.
    if not is_new and stage == "online" and chance.happens(0.3):
        earliest = days.REGULATED
    return earliest + chance.below(max(1, latest - earliest))


def _levels(chance: Chance, level: str, flaws: list[str]) -> tuple[str, ...]:
    reached = _REACHED[level]
    if flaws or chance.happens(0.7):
        return reached
    if level in _ABOVE and chance.happens(0.6):
        return tuple(each for each in reached if each in _ABOVE)
    return ()  # for citizens only


@lru_cache(1 << 16)
def _credit_code(name: str, division: str) -> str:
    # The characters of a text give a number that is the same in every run, which hash() does not.
    number = int.from_bytes(name.encode()[-12:], "big") % 10**9
    first = f"11{division[:6].ljust(6, '0')}{number:09}"
    return first + check_character(first)
