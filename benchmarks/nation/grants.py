"""What authorities have granted to an app: approvals of most new ones, and some of what is claimed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.nation import days, lives

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.nation.chance import Chance
    from benchmarks.nation.profile import Profile


def grants(profile: Profile, chance: Chance, features: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Give the grants of an app, each as the registry takes it."""
    on = lives.approved(profile)
    if on is not None:
        yield _grant("approval", "示例发展改革委", on, f"示发改〔{days.written(on)[:4]}〕{profile.number}号")
    for feature in features:
        if "special_scenario" in feature and chance.happens(0.6):
            yield _grant("special_scenario", "示例应急指挥部", -200, "示应急〔2026〕8号", 200, feature=feature["id"])
        if "necessity" in feature and chance.happens(0.6):
            yield _grant("necessity", "示例基层减负专班", -200, "示减负〔2026〕3号", 165, feature=feature["id"])
    derogable: list[str] = [label for label in ("12.2", "12.6") if label in profile.flaws]
    if profile.department is not None and profile.faces_grassroots and chance.happens(0.1):
        derogable.append("12.1")
    for label in derogable:
        if chance.happens(0.4) or label == "12.1":
            until = -5 if profile.number % 8 == 0 else 300  # one in eight has run out
            yield _grant("derogation", "示例基层减负专班", -300, "示减负〔2025〕12号", until, provision=label)


def _grant(kind: str, granter: str, on: int, number: str, until: int | None = None, **scope: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "kind": kind,
        "granter": {"name": granter},
        "basis": {"number": number},
        "granted_on": days.written(on),
        "from_on": days.written(on),
        **scope,
    }
    return told if until is None else {**told, "until_on": days.written(until)}
