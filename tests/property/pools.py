"""The values from which random worlds are made: a small pool for every field, narrower ones for every theme.

The first value of a pool is the one that satisfies the law, so that a lucky hand makes apps with little to complain
of. Pools are small, so that apps often meet in an item, a department, a sector or a region; dates lie close to the day
judged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from services.manifest.terms import (
    AppKind,
    Audience,
    Channel,
    Decision,
    DeclineCost,
    FeatureKind,
    Level,
    ManagedBy,
    Measure,
    Metric,
    Nature,
    Obtaining,
    Period,
    Role,
    ScenarioKind,
    Stage,
    Term,
)

Document = dict[str, Any]

APP = "app"
OTHERS = ("near-1", "near-2", "near-3")
DAYS = ("2026-03-01", "2026-02-28", "2026-03-02", "2027-01-01")
"""Days of plans: on, before and after the day that is judged most often."""


@dataclass(frozen=True)
class Of:
    """A field that holds a part, or the word `none`, or many parts."""

    part: str
    has_none: bool = False
    at_most: int = 0


Pool = tuple[Any, ...] | Of


def terms(vocabulary: type[Term], *without: Term) -> tuple[str, ...]:
    """Give the values of a vocabulary, but for some."""
    return tuple(term.value for term in vocabulary if term not in without)


LEVELS: Pool = (
    ["county", "township", "village"],
    ["county"],
    ["township"],
    ["village"],
    ["county", "township"],
    ["township", "village"],
    ["province"],
    ["province", "city"],
    list(terms(Level)),
    [],
)

POOLS: dict[str, dict[str, Pool]] = {
    "Sponsor": {
        "name": ("示例局", "示例部"),
        "credit_code": ("11330000MB0000001L",),
        "level": terms(Level),
        "division": ("", "99", "9901", "990101"),
        "root_organ": ("示例部", "示例 部", "另一部"),
        "nature": ("administration", *terms(Nature)),
        "managed_by": terms(ManagedBy),
    },
    "Review": {
        "reviewer": ("示例数据局",),
        "reviewed_on": ("2024-12-01",),
        "fits_plan": (True, False),
        "overlaps_existing": (False, True),
        "could_be_module": (False, True),
        "works_with_related": (True, False),
        "meets_sharing_needs": (True, False),
    },
    "Approval": {
        "authority": ("示例发改委",),
        "number": ("示发〔2025〕1号",),
        "approved_on": ("2025-01-01", "2025-03-02"),
    },
    "Supervision": {"authority": ("示例监管机构",), "registration": ("示例-1",)},
    "SpecialScenario": {"kind": terms(ScenarioKind), "prescription": ("示例应急预案",)},
    "Decline": {
        "how": ("可电话办理",),
        "costs": ([], [], [], *([cost] for cost in terms(DeclineCost)), list(terms(DeclineCost))),
    },
    "Link": {"to": (["示例平台"], ["示例平台", "另一平台"]), "planned_by": DAYS},
    "Feature": {
        "id": ("f-0", "f-1", "f-2"),
        "name": (
            "值班安排",
            "办事指南",
            "通知公告",
            "政策查询",
            "每日一报",
            "龙虎榜",
            "无需打卡",
            "上传轨迹",
            "学习时长",
            "点赞",
            "督查考核",
        ),
        "description": ("说明", "使用说明", "办理说明", "每天打卡签到", "积分排名", "在线时长", "工作照片", "工作考核"),
        "kind": terms(FeatureKind),
        "function": ("k-1", "k-2", "k-3"),
        "audience": (["lower_units"], ["own_staff"], ["citizens"], list(terms(Audience)), []),
        "all_users": (False, True),
        "levels": LEVELS,
        "forced": (False, True),
        "decline": Of("Decline"),
        "rhythm": ("none", *terms(Period)),
        "necessity": ("必要",),
        "special_scenario": Of("SpecialScenario"),
        "main_carrier": (False, True),
        "integration": Of("Link", has_none=True),
    },
    "Basis": {"title": ("示例办法",), "number": ("示发〔2025〕2号",), "article": ("第一条",)},
    "Source": {"how": terms(Obtaining), "system": ("示例系统",)},
    "Ask": {
        "code": ("i-1", "I-1", "i-2"),
        "name": ("数据甲", "数据 甲", "数据乙"),
        "period": ("monthly", *terms(Period)),
        "levels": LEVELS,
        "channel": ("own", "platform", *terms(Channel)),
        "through": ("示例平台",),
        "paper": (False, True),
        "basis": Of("Basis", has_none=True),
        "obtainable": Of("Source", has_none=True),
        "shared": Of("Link", has_none=True),
        "since_on": ("2025-06-01", "2025-05-31", "2025-06-02"),
        "feature": ("f-0", "f-1", "f-2"),
    },
    "Holding": {"code": ("i-1", "i-2"), "name": ("数据甲", "数据乙"), "shared": Of("Link", has_none=True)},
    "Imposer": {"name": ("示例街道办",), "level": terms(Level), "document": ("示例通知",)},
    "UsagePolicy": {
        "measure": terms(Measure),
        "imposed_by": Of("Imposer"),
        "on_whom": ("社区",),
        "required": (False, True),
        "target": ("none", "90%"),
        "assessed": (False, True),
        "ranked": (False, True),
        "circulated": (False, True),
        "rhythm": ("none", *terms(Period)),
        "penalty": ("none", "扣1分"),
    },
    "AssessmentMetric": {"metric": terms(Metric), "imposed_by": Of("Imposer")},
    "Consolidation": {
        "decision": terms(Decision),
        "into": (*OTHERS, "not-registered"),
        "due_on": DAYS,
        "basis": Of("Basis", has_none=True),
        "decided_by": ("示例部",),
        "decided_on": ("2025-10-10",),
    },
    "Display": {"sponsor": (True, False), "filing_number": ("示备1",)},
    "Manifest": {
        "name": ("示例应用",),
        "kind": terms(AppKind, AppKind.PUBLIC_ACCOUNT, AppKind.WORK_GROUP, AppKind.TERMINAL),
        "platforms": (["android"],),
        "version": ("1.0",),
        "sponsor": Of("Sponsor"),
        "using_units": (["示例单位"],),
        "vendor": ("示例公司",),
        "regions": (
            *(["9901"], ["9901"], ["99"], ["990101"], ["9902"], ["990101", "990201"], ["990101001"]),
            *([""], ["33"], ["99", "33"]),
        ),
        "serves": (["own_staff"], ["lower_units"], ["citizens"], list(terms(Audience)), []),
        "faces_grassroots": (True, False),
        "levels": LEVELS,
        "sector": ("行业甲", "行业 甲", "行业乙"),
        "role": terms(Role),
        "stage": ("online", *terms(Stage, Stage.RETIRED)),
        "proposed_on": ("2024-01-01",),
        "begun_on": ("2025-03-01", "2024-08-06", "2024-08-05", "2023-01-01"),
        "online_on": ("2025-09-01", "2024-08-06", "2024-08-05"),
        "retire_on": DAYS,
        "retired_on": ("2025-12-01",),
        "review": Of("Review", has_none=True),
        "approval": Of("Approval", has_none=True),
        "supervision": Of("Supervision", has_none=True),
        "special_scenario": Of("SpecialScenario"),
        "features": Of("Feature", at_most=3),
        "asks": Of("Ask", at_most=3),
        "holdings": Of("Holding", at_most=2),
        "usage_policy": Of("UsagePolicy", at_most=2),
        "metrics": Of("AssessmentMetric", at_most=2),
        "opened_functions": (["k-1"], ["k-1", "k-2"], ["k-2"], "none"),
        "connected_platforms": Of("Link", has_none=True),
        "consolidation": Of("Consolidation", has_none=True),
        "complaint_channel": ("示例热线", "none"),
        "display": Of("Display"),
        "has_commercial_activity": (False, True),
    },
}
"""The values that each field may take."""

CLAIMS = {("Feature", "necessity"), ("Feature", "special_scenario"), ("Manifest", "special_scenario")}
"""Fields by which something is claimed; also a kind out of scope, and that the app is retired."""

EVIDENCE = {
    ("Manifest", "name"),
    ("Feature", "name"),
    ("Feature", "description"),
    ("Feature", "rhythm"),
    ("Feature", "all_users"),
}
"""Fields that may raise a suspicion."""


@dataclass(frozen=True)
class Theme:
    """What the apps of a world are about.

    Args:
        name: of the theme.
        fields: fields of the manifest that are declared; the others stay plain.
        parts: fields of parts that are declared, where not all of them matter.
        pools: narrower pools of some fields.
        grants: kinds and provisions of the grants around.
        around: kinds of neighbours besides apps of the theme itself.
    """

    name: str
    fields: tuple[str, ...]
    parts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    pools: dict[str, dict[str, Pool]] = field(default_factory=dict)
    grants: tuple[tuple[str, str | None], ...] = ()
    around: tuple[str, ...] = ()


CENTRAL: dict[str, Pool] = {
    "level": ("central", "central", "city"),
    "root_organ": ("示例部",),
    "nature": ("administration", "party_organ", "public_institution", "mass_organisation", "enterprise"),
}
LOCAL: dict[str, Pool] = {"level": ("county", "city", "province"), "managed_by": ("none", "none", "province")}
REACHING: Pool = (
    *(["township"], ["county"], ["county", "township", "village"], ["township", "village"], ["village"]),
    *(["province", "county"], ["province", "township"]),
)
FORMS = ("form_filling", "data_reporting", "material_submission", "query")
UPPER: Pool = (["central", "province"], ["province"], ["central", "province", "county"])
SPONSOR = ("name", "level", "root_organ", "nature", "managed_by")
FORCE = ("id", "name", "description", "kind", "audience", "all_users", "forced", "decline", "rhythm")
MENTIONED: Pool = ("check_in", "points_ranking", "online_time_statistics", "study_time", "likes", "other")
UPLOADED: Pool = ("photo_upload", "track_upload", "video_upload", "other")
APPRAISING: Pool = ("appraisal", "inspection", "other")

THEMES = (
    Theme(
        "department",
        ("sponsor", "faces_grassroots", "begun_on", "online_on", "consolidation"),
        {"Sponsor": SPONSOR},
        {"Sponsor": CENTRAL, "Manifest": {"begun_on": ("2023-01-01", "2024-08-05", "2024-08-06")}},
        grants=(("derogation", "12.1"),),
    ),
    Theme(
        "central forms",
        ("sponsor", "features"),
        {"Sponsor": SPONSOR, "Feature": ("id", "kind", "levels")},
        {"Sponsor": CENTRAL, "Feature": {"kind": FORMS, "levels": UPPER}},
        grants=(("derogation", "12.2"),),
    ),
    Theme(
        "items",
        ("regions", "asks", "holdings", "role"),
        {"Ask": tuple(name for name in POOLS["Ask"] if name != "through")},
        {"Ask": {"levels": REACHING, "code": ("i-1", "i-2"), "feature": ("f-0",)}},
        grants=(("derogation", "12.6"),),
        around=("platform",),
    ),
    Theme(
        "platform",
        ("sponsor", "regions", "features", "asks", "role", "consolidation"),
        {
            "Sponsor": ("level", "managed_by"),
            "Feature": ("id", "kind", "integration"),
            "Ask": ("code", "period", "levels", "channel", "shared", "feature"),
            "Consolidation": ("decision", "due_on"),
        },
        {
            "Sponsor": {**LOCAL, "level": ("county", "city")},
            "Feature": {"kind": FORMS, "integration": ({"to": ["示例平台"]}, "none", {"planned_by": "2026-02-28"}, {})},
            "Ask": {"levels": REACHING, "channel": ("platform", "own")},
            "Manifest": {
                "regions": (["9901"], ["990101"], ["99"], ["9902"], ["9901", "33"]),
                "role": ("ordinary", "ordinary", "provincial_platform"),
            },
        },
        grants=(("derogation", "12.6"),),
        around=("platform", "platform"),
    ),
    Theme(
        "locality",
        ("sponsor", "levels", "faces_grassroots", "consolidation", "regions"),
        {"Sponsor": ("level", "managed_by")},
        {"Sponsor": LOCAL, "Manifest": {"levels": REACHING}, "Consolidation": {"into": OTHERS}},
    ),
    Theme(
        "construction",
        (
            *("sponsor", "begun_on", "online_on", "review", "approval", "supervision", "role"),
            *("opened_functions", "connected_platforms"),
        ),
        {"Sponsor": ("level", "managed_by")},
        {
            "Sponsor": {"managed_by": ("centre", "province", "none")},
            "Manifest": {"role": ("sector_unified", "ordinary")},
        },
        grants=(("approval", None),),
    ),
    Theme(
        "sector",
        ("sponsor", "regions", "begun_on", "sector", "role", "features", "opened_functions"),
        {"Sponsor": ("level", "managed_by"), "Feature": ("id", "function")},
        {
            "Sponsor": {**LOCAL, "level": ("city", "county")},
            "Manifest": {
                "begun_on": ("2025-03-01", "2024-08-06", "2024-08-05"),
                "regions": (["9901"], ["990101"], ["99"]),
            },
        },
        around=("unified", "unified"),
    ),
    Theme(
        "force",
        ("features",),
        {"Feature": (*FORCE, "special_scenario")},
        {"Feature": {"kind": MENTIONED}},
        grants=(("special_scenario", None),),
    ),
    Theme(
        "uploads",
        ("features",),
        {"Feature": (*FORCE, "necessity")},
        {"Feature": {"kind": UPLOADED, "audience": (["lower_units"], ["own_staff", "lower_units"], ["citizens"])}},
        grants=(("necessity", None),),
    ),
    Theme(
        "appraisal",
        ("features",),
        {"Feature": ("id", "name", "description", "kind", "all_users", "rhythm", "main_carrier")},
        {"Feature": {"kind": APPRAISING}},
    ),
    Theme(
        "usage",
        ("usage_policy", "metrics", "features"),
        {"Feature": ("kind", "all_users", "forced", "decline", "rhythm")},
        {"Feature": {"kind": ("check_in", "study_time", "query")}},
    ),
    Theme("anything", tuple(POOLS["Manifest"])),
)

PLAIN: tuple[Document, ...] = (
    {
        "sponsor": {
            "name": "示例局",
            "level": "county",
            "division": "990101",
            "root_organ": "示例局",
            "nature": "administration",
            "managed_by": "none",
        },
        "regions": ["990101"],
        "role": "ordinary",
        "begun_on": "2023-01-01",
        "features": [],
        "asks": [],
        "usage_policy": [],
        "metrics": [],
    },
    {},
)
"""What a manifest says outside its theme: little, or nothing."""


def platform(region: str, kinds: tuple[str, ...], items: tuple[str, ...], stage: str) -> Document:
    """Make a provincial platform that offers some form functions and collects some items."""
    ask = {"period": "monthly", "levels": ["township"], "channel": "own", "shared": {"to": ["示例平台"]}}
    return {
        "kind": "app",
        "sponsor": {"name": "示例省数据局", "level": "province", "root_organ": "示例省数据局", "managed_by": "none"},
        "regions": [region],
        "role": "provincial_platform",
        "stage": stage,
        "features": [{"kind": kind} for kind in kinds],
        "asks": [{"code": item, **ask} for item in items],
        "holdings": [],
    }


def unified(opened: object, stage: str) -> Document:
    """Make the unified app of a sector in the province of the examples."""
    return {
        "kind": "app",
        "sponsor": {"name": "示例省厅", "level": "province", "root_organ": "示例省厅", "managed_by": "none"},
        "regions": ["99"],
        "sector": "行业甲",
        "role": "sector_unified",
        "stage": stage,
        "features": [{"function": "k-1"}, {"function": "k-2"}],
        "asks": [],
        "holdings": [],
        **({} if opened is None else {"opened_functions": opened}),
    }
