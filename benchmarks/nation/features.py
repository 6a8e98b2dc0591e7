"""The features of an app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.nation.chance import Chance
    from benchmarks.nation.profile import Profile

_PLAIN = (
    ("query", "信息查询", "可到窗口查询"),
    ("notification", "通知提醒", "可关闭提醒"),
    ("document_approval", "公文流转", "可走纸质流程"),
    ("messaging", "工作联系", "可电话联系"),
    ("training", "学习园地", "可线下学习"),
    ("complaint", "意见建议", "可来信来访"),
    ("other", "常用工具", "可以不用"),
)
FORMS = (
    ("form_filling", "信息采集表", "可交纸质表"),
    ("data_reporting", "数据直报", "可由上级代录"),
    ("material_submission", "材料提交", "可到窗口提交"),
)
_FORCED = {
    "13.7a": ("check_in", "到岗登记"),
    "13.7b": ("points_ranking", "履职评比"),
    "13.7c": ("online_time_statistics", "活跃统计"),
    "14.6": ("photo_upload", "巡查影像"),
}
_DISGUISED = ("每日签到", "工作积分", "在线时长统计", "巡查轨迹")

UNIFIED = 8
"""How many functions a sector's unified app has; the last two are not opened to localities."""


def features(profile: Profile, chance: Chance) -> list[dict[str, Any]]:
    """Give the features, those that break something last. Their ids are f1, f2 and so on."""
    found = [_plain(profile, chance, *each) for each in chance.some(_PLAIN, 1 + chance.below(4))]
    if profile.role == "provincial_platform":
        found += [_form(profile, each) for each in FORMS]
    elif profile.levels and ({"12.2", "12.11"} & profile.flaws or chance.happens(0.35)):
        found.append(_form(profile, chance.one(FORMS)))
    if "14.4" in profile.flaws or (profile.levels and chance.happens(0.04)):
        found.append(_appraisal(profile))
    found += [_forced(profile, chance, label) for label in _FORCED if label in profile.flaws]
    if chance.happens(0.004):
        found.append({**_plain(profile, chance, "other", chance.one(_DISGUISED), "可以不用")})
    for i, feature in enumerate(found):
        feature["id"] = f"f{i + 1}"
        feature["function"] = _function(profile, chance, i)
    return found


def opened(profile: Profile) -> list[str] | str:
    """Give the functions that a unified app opens to localities."""
    if "13.4" in profile.flaws:
        return "none"
    return [f"{profile.sector.key}-{n + 1}" for n in range(UNIFIED - 2)]


def _function(profile: Profile, chance: Chance, i: int) -> str:
    if profile.role == "sector_unified":
        return f"{profile.sector.key}-{i % UNIFIED + 1}"
    if "13.6" in profile.flaws and i == 0:
        return f"{profile.sector.key}-{1 + chance.below(2)}"
    return f"{profile.sector.key}-local-{1 + chance.below(40)}"


def _plain(profile: Profile, chance: Chance, kind: str, name: str, otherwise: str) -> dict[str, Any]:
    return {
        "name": f"{chance.one(profile.sector.topics)}{name}" if kind != "other" else name,
        "kind": kind,
        "audience": ["own_staff", "lower_units"] if profile.levels else ["citizens"],
        "all_users": False,
        "levels": list(profile.levels),
        "forced": False,
        "decline": {"how": otherwise, "costs": []},
        "rhythm": "none",
    }


def _form(profile: Profile, form: tuple[str, str, str]) -> dict[str, Any]:
    kind, name, otherwise = form
    levels = list(profile.levels)
    if profile.department is not None and "12.2" not in profile.flaws:
        # What the centre has filled in stays above the county.
        levels = [level for level in levels if level in {"central", "province", "city"}]
    integration: object = {"to": ["示例一表通"]}
    if "12.11" in profile.flaws:
        integration = "none" if profile.number % 2 else {"planned_by": "2025-12-31"}
    return {
        "name": f"{profile.sector.topics[0]}{name}",
        "kind": kind,
        "audience": ["lower_units"],
        "all_users": False,
        "levels": levels,
        "forced": False,
        "decline": {"how": otherwise, "costs": []},
        "rhythm": "as_needed",
        "integration": integration,
    }


def _appraisal(profile: Profile) -> dict[str, Any]:
    return {
        "name": "督办事项",
        "kind": "inspection",
        "audience": ["own_staff", "lower_units"],
        "all_users": False,
        "levels": list(profile.levels),
        "forced": False,
        "decline": {"how": "可到现场核查", "costs": []},
        "rhythm": "quarterly",
        "main_carrier": "14.4" in profile.flaws,
    }


def _forced(profile: Profile, chance: Chance, label: str) -> dict[str, Any]:
    kind, name = _FORCED[label]
    feature: dict[str, Any] = {
        "name": name,
        "kind": kind,
        "audience": ["lower_units"],
        "all_users": True,
        "levels": list(profile.levels),
        "forced": True,
        "decline": {"how": "不能拒绝", "costs": ["appraisal"] if chance.happens(0.5) else []},
        "rhythm": "daily" if "14.3" in profile.flaws else "none",
    }
    # Some claim that they have to, and some of these have it granted (see grants).
    if label != "14.6" and profile.number % 3 == 0:
        feature["special_scenario"] = {"kind": "emergency", "prescription": "示例突发事件应对办法"}
    if label == "14.6" and profile.number % 2 == 0:
        feature["necessity"] = "汛期地质灾害点须留存影像。"
    return feature
