"""The closed vocabularies of a manifest: each term has its value in documents and its name in Chinese and English.

The terms follow 《整治形式主义为基层减负若干规定》, Articles 12–14, and the usage of informatisation-project
authorities. The docstring of a vocabulary begins with its title in both languages; the JSON Schema publishes it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema


class Term(StrEnum):
    """One word of a closed vocabulary, written in documents as its value."""

    zh: str
    en: str

    # A term equals its value, so it has its value's hash too; Enum's own one is that of the member's name.
    __hash__ = str.__hash__

    def __new__(cls, value: str, zh: str, en: str) -> Self:
        """Make the term `value`, named `zh` in Chinese and `en` in English."""
        term = str.__new__(cls, value)
        term._value_ = value
        term.zh = zh
        term.en = en
        return term

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Describe every value by both its names, so that editors show them while completing."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        schema.pop("enum", None)
        schema["title"] = cls.__name__
        schema["oneOf"] = [{"const": term.value, "title": f"{term.zh} · {term.en}"} for term in cls]
        return schema

    if TYPE_CHECKING:

        @classmethod
        def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema: ...  # noqa: ANN401


class AppKind(Term):
    """形态 · kind of app.

    清单所述软件的种类；只有前三种是政务应用程序（《办法》〔2026〕12号第二条）。
    What kind of software is declared; only the first three are government apps (《办法》〔2026〕12号 Article 2).
    """

    APP = "app", "移动客户端", "mobile app"
    MINI_PROGRAM = "mini_program", "小程序", "mini-program"
    QUICK_APP = "quick_app", "快应用", "quick app"
    PUBLIC_ACCOUNT = "public_account", "公众账号", "public account"
    WORK_GROUP = "work_group", "工作群组", "work group"
    TERMINAL = "terminal", "终端设备", "terminal device"


GOVERNMENT_APPS = frozenset({AppKind.APP, AppKind.MINI_PROGRAM, AppKind.QUICK_APP})


class Platform(Term):
    """运行平台 · platform.

    应用在哪里运行。
    Where the app runs.
    """

    ANDROID = "android", "安卓", "Android"
    IOS = "ios", "iOS", "iOS"
    HARMONYOS = "harmonyos", "鸿蒙", "HarmonyOS"
    MESSENGER = "messenger", "即时通讯平台", "messenger platform"
    PAYMENT = "payment", "支付平台", "payment platform"
    GOVERNMENT_PORTAL = "government_portal", "政务服务平台", "government service platform"
    WEB = "web", "网页", "web"
    OTHER = "other", "其他", "other"


class Level(Term):
    """行政层级 · administrative level.

    单位自身的，或者所到达的单位和人员的行政层级。
    Administrative level of an organ or of the units and workers reached.
    """

    CENTRAL = "central", "中央", "central"
    PROVINCE = "province", "省级", "province"
    CITY = "city", "市级", "city"
    COUNTY = "county", "县级", "county"
    TOWNSHIP = "township", "乡镇（街道）", "township"
    VILLAGE = "village", "村（社区）", "village"

    @property
    def rank(self) -> int:
        """0 for the centre, 5 for the village."""
        return _RANKS[self]


_RANKS = {level: rank for rank, level in enumerate(Level)}

GRASSROOTS = frozenset({Level.COUNTY, Level.TOWNSHIP, Level.VILLAGE})
"""基层: units and workers at county level or below."""

BELOW_COUNTY = frozenset({Level.TOWNSHIP, Level.VILLAGE})
"""县以下 (12.4): the county itself is not included."""


class Nature(Term):
    """单位性质 · nature of a unit.

    主办单位是哪一类单位。
    What kind of unit the sponsor is.
    """

    PARTY_ORGAN = "party_organ", "党的机关", "Party organ"
    ADMINISTRATION = "administration", "行政机关", "state administration"
    PEOPLES_CONGRESS = "peoples_congress", "人大机关", "people's congress"
    CPPCC = "cppcc", "政协机关", "CPPCC"
    COURT = "court", "审判机关", "court"
    PROCURATORATE = "procuratorate", "检察机关", "procuratorate"
    MASS_ORGANISATION = "mass_organisation", "群团组织", "mass organisation"
    PUBLIC_INSTITUTION = "public_institution", "事业单位", "public institution"
    ENTERPRISE = "enterprise", "企业", "enterprise"
    OTHER = "other", "其他", "other"


class ManagedBy(Term):
    """垂直管理 · vertical management.

    单位是否属于垂管系统，由谁管理。
    Whether a unit belongs to a vertically managed system (垂管), and whose.
    """

    NONE = "none", "非垂直管理", "not vertically managed"
    CENTRE = "centre", "中央垂直管理", "managed by the centre"
    PROVINCE = "province", "省级垂直管理", "managed by the province"


class Audience(Term):
    """使用对象 · audience.

    谁使用应用或功能。
    Who uses an app or a feature.
    """

    OWN_STAFF = "own_staff", "本单位人员", "own staff"
    LOWER_UNITS = "lower_units", "下级和基层单位人员", "lower and grassroots units"
    CITIZENS = "citizens", "群众", "citizens"
    ENTERPRISES = "enterprises", "企业", "enterprises"


class Role(Term):
    """应用角色 · role of an app.

    应用在本省或本行业应用中的角色。
    Part an app plays among the apps of its province or sector.
    """

    ORDINARY = "ordinary", "普通应用", "ordinary app"
    PROVINCIAL_PLATFORM = "provincial_platform", "省级平台", "provincial platform"
    SECTOR_UNIFIED = "sector_unified", "行业统一应用", "unified app of a sector"


class Stage(Term):
    """应用阶段 · stage of an app.

    应用处于从拟建到下线的哪一步。
    Where an app stands in its life.
    """

    PROPOSED = "proposed", "拟建", "proposed"
    APPROVED = "approved", "已批准", "approved"
    BUILDING = "building", "在建", "building"
    ONLINE = "online", "已上线", "online"
    RETIRING = "retiring", "下线中", "retiring"
    RETIRED = "retired", "已下线", "retired"


RUNNING = frozenset({Stage.APPROVED, Stage.BUILDING, Stage.ONLINE, Stage.RETIRING})
"""Our reading of 运行: a retiring app counts until it is retired."""


class FeatureKind(Term):
    """功能类型 · kind of feature.

    功能实际做什么。
    What a feature does.
    """

    FORM_FILLING = "form_filling", "填表", "form filling"
    DATA_REPORTING = "data_reporting", "报数", "data reporting"
    MATERIAL_SUBMISSION = "material_submission", "交材料", "material submission"
    CHECK_IN = "check_in", "打卡签到", "check-in"
    POINTS_RANKING = "points_ranking", "积分排名", "points or ranking"
    ONLINE_TIME_STATISTICS = "online_time_statistics", "统计在线时长", "online-time statistics"
    LIKES = "likes", "点赞", "likes"
    VOTES = "votes", "投票", "votes"
    FORWARDS = "forwards", "转发", "forwards"
    STUDY_TIME = "study_time", "学习时长", "study time"
    PHOTO_UPLOAD = "photo_upload", "上传照片", "photo upload"
    VIDEO_UPLOAD = "video_upload", "上传视频", "video upload"
    TRACK_UPLOAD = "track_upload", "上传轨迹", "track upload"
    APPRAISAL = "appraisal", "工作考核", "appraisal"
    INSPECTION = "inspection", "督查检查", "inspection"
    COMPLAINT = "complaint", "投诉举报", "complaint"
    QUERY = "query", "查询", "query"
    DOCUMENT_APPROVAL = "document_approval", "公文审批", "document approval"
    MESSAGING = "messaging", "即时通讯", "messaging"
    NOTIFICATION = "notification", "通知提醒", "notification"
    TRAINING = "training", "培训学习", "training"
    OTHER = "other", "其他", "other"


FORM_KINDS = frozenset({FeatureKind.FORM_FILLING, FeatureKind.DATA_REPORTING, FeatureKind.MATERIAL_SUBMISSION})
"""填表报数交材料功能."""


class DeclineCost(Term):
    """拒绝的代价 · cost of declining.

    拒绝一项功能的用户会失去什么。
    What a user who declines a feature loses.
    """

    POINTS = "points", "积分", "points"
    RANK = "rank", "排名", "rank"
    APPRAISAL = "appraisal", "考核", "appraisal"
    ACCESS = "access", "使用权限", "access"


class Period(Term):
    """周期 · period.

    多久报送或做一次。
    How often something is asked for, or has to be done.
    """

    SEVERAL_DAILY = "several_daily", "每日多次", "several times a day"
    DAILY = "daily", "每日", "daily"
    WEEKLY = "weekly", "每周", "weekly"
    MONTHLY = "monthly", "每月", "monthly"
    QUARTERLY = "quarterly", "每季度", "quarterly"
    HALF_YEARLY = "half_yearly", "每半年", "half-yearly"
    YEARLY = "yearly", "每年", "yearly"
    ONCE = "once", "一次性", "once"
    AS_NEEDED = "as_needed", "按需，无固定周期", "as needed, without a fixed rhythm"


class Channel(Term):
    """报送渠道 · channel.

    要求报送的数据项通过什么交上来。
    The way by which an item asked for is handed in.
    """

    PLATFORM = "platform", "省级平台", "provincial platform"
    OWN = "own", "本应用", "the app itself"
    OTHER_APP = "other_app", "其他应用", "another app"
    PAPER = "paper", "纸质", "paper"


class ScenarioKind(Term):
    """特殊场景 · kind of special scenario.

    13.7 所除外的特殊场景。
    Special scenarios that 13.7 excepts.
    """

    SECURITY = "security", "安保", "security"
    EMERGENCY = "emergency", "应急", "emergency"
    OTHER = "other", "其他特殊场景", "other special scenario"


class Measure(Term):
    """使用事项 · measure of use.

    使用要求所要求或统计的事项。
    What a usage policy demands or counts.
    """

    INSTALL = "install", "安装", "installation"
    REGISTER = "register", "注册", "registration"
    ACTIVATE = "activate", "激活（开通）", "activation"
    LOG_IN = "log_in", "登录", "log-in"
    USE = "use", "使用（活跃）", "use"
    ENTER_DATA = "enter_data", "录入数据", "data entry"


class Metric(Term):
    """考评指标 · metric of use.

    被用作考评依据的使用数据。
    A figure of use taken as a basis of assessment.
    """

    LIKES = "likes", "点赞量", "likes"
    VOTES = "votes", "网络投票数", "votes"
    FORWARDS = "forwards", "转发量", "forwards"
    STUDY_TIME = "study_time", "学习时长", "study time"
    POINTS = "points", "积分", "points"
    ONLINE_TIME = "online_time", "在线时长", "online time"
    CHECK_INS = "check_ins", "打卡次数", "check-in count"
    LOG_INS = "log_ins", "登录次数", "log-in count"
    OTHER = "other", "其他使用指标", "another metric of use"


class Decision(Term):
    """清理整合决定 · decision.

    清理整合时对应用作出的决定。
    What was decided about an app when apps were cleaned up and merged.
    """

    KEEP = "keep", "保留", "keep"
    MERGE = "merge", "整合", "merge"
    RETIRE = "retire", "下线", "retire"


class Obtaining(Term):
    """取得方式 · way of obtaining.

    不必报送而取得数据项的方式。
    How an item could be had without asking for it.
    """

    SHARED = "shared", "数据共享", "by sharing"
    GENERATED = "generated", "系统自动生成", "by automatic generation"
