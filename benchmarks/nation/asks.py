"""What an app asks for and holds: few items are wanted by very many apps, most by a handful."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.nation import days
from benchmarks.nation.words import ITEMS, item

if TYPE_CHECKING:
    from benchmarks.nation.chance import Chance
    from benchmarks.nation.profile import Profile

_PERIODS = ("monthly", "monthly", "quarterly", "quarterly", "yearly", "yearly", "weekly", "half_yearly", "as_needed")
_FLAWS = frozenset({"12.5", "12.6", "12.7", "12.8", "12.9", "12.10"})
_MOST_WANTED = 30  # items that every provincial platform collects
_RARE = ITEMS // 2


def asks(profile: Profile, chance: Chance) -> list[dict[str, Any]]:
    """Give what the app asks others to hand in; the first ask breaks what is to be broken."""
    if profile.role == "provincial_platform":
        return [_ask(profile, chance, n) for n in range(_MOST_WANTED)]
    if not profile.levels:
        return []
    count = chance.one((0, 0, 1, 1, 1, 2, 2, 3, 4, 6))
    found = {chance.popular(ITEMS): None for _ in range(max(count, bool(_FLAWS & profile.flaws)))}
    told = [_ask(profile, chance, n) for n in found]
    if told:
        _break(profile, chance, told)
    return told


def holdings(chance: Chance) -> list[dict[str, Any]]:
    """Give what the app holds."""
    shared = ({"to": ["示例数据共享平台"]}, {"to": ["示例数据共享平台"]}, {"planned_by": "2027-12-31"}, "none")
    found = {chance.popular(ITEMS): None for _ in range(chance.one((0, 0, 0, 1, 1, 2)))}
    return [{**_named(n), "shared": chance.one(shared)} for n in found]


def _named(n: int) -> dict[str, Any]:
    code, name = item(n)
    return {"code": code, "name": name}


def _ask(profile: Profile, chance: Chance, n: int) -> dict[str, Any]:
    below = profile.levels[-2:] if profile.level != "central" else ("county",)
    since = -60 if profile.begun is None else min(profile.begun + 400, -30)
    return {
        **_named(n),
        "period": chance.one(_PERIODS),
        "levels": [level for level in below if level in profile.levels],
        "channel": "platform",
        "through": "示例一表通",
        "paper": False,
        "basis": {"title": f"示例{profile.sector.name}统计调查制度", "article": f"第{1 + chance.below(30)}条"},
        "obtainable": "none",
        "shared": {"to": ["示例数据共享平台"]} if chance.happens(0.8) else {"planned_by": "2027-12-31"},
        "since_on": days.written(since),
    }


def _break(profile: Profile, chance: Chance, told: list[dict[str, Any]]) -> None:
    first, flaws = told[0], profile.flaws
    if "12.5" in flaws:
        first["basis"] = "none"
    if "12.7" in flaws:
        first["obtainable"] = {"how": "shared", "system": "示例人口库"}
    if "12.9" in flaws:
        first["paper"] = True
    if "12.6" in flaws:
        first.update({**_named(_RARE + chance.below(_RARE)), "channel": "own"})
    if "12.10" in flaws:
        first.update({**_named(chance.below(_MOST_WANTED)), "channel": "own"})
    if "12.8" in flaws:
        first["channel"] = chance.one(("own", "other_app", "paper"))
        told.append({**first, "name": f"{first['name']}（再报）"})
