"""One app of the nation: its manifest and its grants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.nation import asks, features, grants, lives, places, profile
from benchmarks.nation.chance import Chance
from benchmarks.nation.words import SUFFIXES

if TYPE_CHECKING:
    from benchmarks.nation.profile import Profile

_KINDS = (("app", ["android", "harmonyos"]), ("app", ["android", "ios"]), ("mini_program", ["messenger"]))
_VENDORS = 800

_GAPS: tuple[tuple[str | int, ...], ...] = (
    *(("review",), ("supervision",), ("consolidation",), ("asks",), ("features",), ("usage_policy",), ("metrics",)),
    *(("role",), ("stage",), ("begun_on",), ("regions",), ("sector",), ("levels",), ("faces_grassroots",)),
    *(("opened_functions",), ("connected_platforms",), ("approval",), ("holdings",), ("vendor",)),
    *(("sponsor", "managed_by"), ("sponsor", "nature"), ("sponsor", "root_organ"), ("sponsor", "level")),
    *(("features", 0, "kind"), ("features", -1, "forced"), ("features", -1, "decline"), ("features", 0, "function")),
    *(("features", -1, "integration"), ("features", -1, "main_carrier"), ("features", -1, "audience")),
    *(("asks", 0, "basis"), ("asks", 0, "channel"), ("asks", 0, "paper"), ("asks", 0, "obtainable")),
    *(("asks", 0, "shared"), ("asks", 0, "period"), ("asks", 0, "levels"), ("usage_policy", 0, "assessed")),
    *(("usage_policy", 0, "required"), ("usage_policy", 0, "rhythm")),
)
"""What is left undeclared: a whole part, or one field of the first or last entry of a list."""


def draw(number: int, seed: int) -> tuple[str, dict[str, Any], list[dict[str, Any]]]:
    """Draw the id, the manifest and the grants of the app of this number."""
    chance = Chance(seed, number)
    who = profile.draw(number, chance)
    told_features = features.features(who, chance)
    kind, platforms = chance.one(_KINDS)
    manifest = {
        "manifest": "1",
        "id": who.id,
        "name": _name(who, chance),
        "kind": kind,
        "platforms": platforms,
        "version": f"{1 + chance.below(6)}.{chance.below(10)}",
        "sponsor": profile.sponsor(who),
        "vendor": f"示例软件{1 + chance.popular(_VENDORS)}号公司",
        "regions": _regions(who, chance),
        "serves": ["own_staff", "lower_units"] if who.levels else ["citizens"],
        "faces_grassroots": who.faces_grassroots,
        "levels": list(who.levels),
        "sector": who.sector.name,
        "role": who.role,
        **lives.life(who, chance),
        "features": told_features,
        "asks": asks.asks(who, chance),
        "holdings": asks.holdings(chance),
        "usage_policy": _usage_policy(who, chance),
        "metrics": _metrics(who),
        "complaint_channel": "12345热线",
        "display": {"sponsor": True, "filing_number": f"示例备{number:07}号"},
        "has_commercial_activity": chance.happens(0.01),
    }
    if who.role == "sector_unified":
        manifest["opened_functions"] = features.opened(who)
    if who.managed_by != "none":
        manifest["connected_platforms"] = _connected(who)
    granted = list(grants.grants(who, chance, told_features))
    # Nobody leaves much undeclared about the platforms, on which all depend.
    if who.role != "provincial_platform" and chance.happens(0.12):
        for _ in range(1 + chance.below(2)):
            _leave_out(manifest, chance.one(_GAPS))
    return who.id, manifest, granted


def _name(who: Profile, chance: Chance) -> str:
    if who.role == "provincial_platform":
        return f"{who.place.name}示例一表通"
    place = "全国" if who.level == "central" else who.place.name
    return f"{place}{chance.one(who.sector.topics)}{chance.one(SUFFIXES)}"


def _regions(who: Profile, chance: Chance) -> list[str]:
    """Give the regions served: the sponsor's own, and for some county apps that of their neighbour, too."""
    if who.level == "county" and chance.happens(0.03) and (other := places.beside(who.place)):
        return [who.place.code, other.code]
    return [who.place.code]


def _usage_policy(who: Profile, chance: Chance) -> list[dict[str, Any]]:
    flaws = {"14.1", "14.2", "14.3"} & who.flaws
    if not flaws and not chance.happens(0.1):
        return []
    return [
        {
            "measure": chance.one(("install", "log_in", "use")),
            "imposed_by": {"name": f"示例督导组（{who.place.code[:2] or '中央'}）", "level": who.level},
            "on_whom": "基层工作人员",
            "required": "14.1" in flaws,
            "target": "安装率95%" if "14.1" in flaws and chance.happens(0.5) else "none",
            "assessed": "14.2" in flaws,
            "ranked": "14.2" in flaws and chance.happens(0.5),
            "circulated": "14.2" in flaws and chance.happens(0.5),
            "rhythm": "weekly" if "14.3" in flaws else "none",
            "penalty": "none",
        }
    ]


def _metrics(who: Profile) -> list[dict[str, Any]]:
    if "14.5" not in who.flaws:
        return []
    # Whether points are meant by the law, too, a person judges.
    return [{"metric": ("likes", "study_time", "forwards", "points")[who.number % 4]}]


def _connected(who: Profile) -> dict[str, Any] | str:
    if "13.5" not in who.flaws:
        return {"to": ["示例省数据共享平台"]}
    return "none" if who.number % 2 else {"planned_by": "2025-12-31"}


def _leave_out(manifest: dict[str, Any], path: tuple[str | int, ...]) -> None:
    *above, last = path
    part: Any = manifest
    for step in above:
        part = part[step] if (part.get(step) if isinstance(part, dict) else part) else {}
    part.pop(last, None)
