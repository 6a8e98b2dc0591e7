"""An app from its proposal to its end: days, review, approval, supervision, and what was decided about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.nation import days
from services.manifest.divisions import PROVINCES

if TYPE_CHECKING:
    from benchmarks.nation.chance import Chance
    from benchmarks.nation.profile import Profile

_PAST, _COMING = -120, 480


def life(profile: Profile, chance: Chance) -> dict[str, Any]:
    """Give what the manifest declares of stage, days, review, approval, supervision and consolidation."""
    begun, stage = profile.begun, profile.stage
    told: dict[str, Any] = {"stage": stage, "consolidation": _consolidation(profile, chance)}
    told["proposed_on"] = days.written(-60 if begun is None else begun - 150)
    if begun is not None:
        told["begun_on"] = days.written(begun)
    if begun is not None and stage not in {"approved", "building"}:
        told["online_on"] = days.written(begun + 90 + chance.below(270))
        told["supervision"] = _supervision(profile)
    if stage == "retiring":
        told["retire_on"] = days.written(_COMING)
    if stage == "retired":
        told["retired_on"] = days.written(-100 + chance.below(90))
    if profile.is_new:
        told["review"] = _review(profile, chance)
        told["approval"] = "none" if stage == "proposed" or "13.3" in profile.flaws else _approval(profile)
    return told


def approved(profile: Profile) -> int | None:
    """Give when a new app was approved, in days after the day that is judged; None when it was not."""
    if not profile.is_new or profile.stage == "proposed" or "13.3" in profile.flaws:
        return None
    return -30 if profile.begun is None else profile.begun - 40


def _review(profile: Profile, chance: Chance) -> dict[str, Any] | str:
    if "13.1" in profile.flaws:
        return "none"
    begun = -20 if profile.begun is None else profile.begun
    return {
        "reviewer": f"示例数据管理局（{profile.place.code[:2] or '中央'}）",
        "reviewed_on": days.written(begun - 90),
        "fits_plan": True,
        "overlaps_existing": chance.happens(0.01),
        "could_be_module": chance.happens(0.02),
        "works_with_related": True,
        "meets_sharing_needs": True,
    }


def _approval(profile: Profile) -> dict[str, Any]:
    on = days.written(approved(profile) or 0)
    return {
        "authority": f"示例发展改革委（{profile.place.code[:2] or '中央'}）",
        "number": f"示发改〔{on[:4]}〕{profile.number}号",
        "approved_on": on,
    }


def _supervision(profile: Profile) -> dict[str, Any] | str:
    if "13.2" in profile.flaws:
        return "none"
    return {
        "authority": f"示例网信办（{profile.place.code[:2] or '中央'}）",
        "registration": f"示例监管第{profile.number:07}号",
    }


def _consolidation(profile: Profile, chance: Chance) -> dict[str, Any] | str:
    flaws, drawn = profile.flaws, chance.below(100)
    if "12.3" in flaws or drawn < 3:
        return "none"
    decided: dict[str, Any] = {
        "decided_by": f"示例清理整合专班（{profile.place.code[:2] or '中央'}）",
        "decided_on": days.written(-400),
        "basis": {"title": "示例政务应用清理整合方案", "number": "示整〔2025〕1号"},
    }
    if profile.role == "provincial_platform":
        return {**decided, "decision": "keep"}
    # A department keeps few of its apps.
    if "12.4" not in flaws and drawn < (8 if profile.department is not None else 60):
        return {**decided, "decision": "keep"}
    is_late = "12.4" in flaws or drawn > 96
    decided["due_on"] = days.written(_PAST if is_late else _COMING)
    if profile.department is None and drawn < 80:
        return {**decided, "decision": "merge", "into": f"{profile.place.code[:2]}-{_platform(profile):07}"}
    return {**decided, "decision": "retire"}


def _platform(profile: Profile) -> int:
    """Give the number of the provincial platform, which is the place of the province among all."""
    return PROVINCES.index(profile.place.code[:2])
