"""The manifest, version 1: everything a government app can declare about itself.

Every field may be left undeclared (`None`, absent or null), which is neither `false`, nor empty, nor an explicit
`"none"`. Facts that can be declared absent take the word `none`: `basis: none` says that there is no basis, while a
missing `basis` says nothing. The model is frozen; documents are read through `services.manifest.reading`.

The docstring of a part begins with its title in both languages; it is published in the JSON Schema, like the titles and
descriptions of the fields.
"""

import hashlib
from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

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
    Platform,
    Role,
    ScenarioKind,
    Stage,
)
from services.manifest.values import (
    NONE,
    TAGS,
    AppId,
    CreditCode,
    Day,
    DivisionCode,
    Key,
    Line,
    OrNone,
    Paragraph,
)

__all__ = [
    "NONE",
    "TAGS",
    "AppId",
    "Approval",
    "Ask",
    "AssessmentMetric",
    "Basis",
    "Consolidation",
    "CreditCode",
    "Day",
    "Decline",
    "Display",
    "DivisionCode",
    "Feature",
    "Holding",
    "Imposer",
    "Item",
    "Key",
    "Line",
    "Link",
    "Manifest",
    "OrNone",
    "Paragraph",
    "Part",
    "Review",
    "Source",
    "SpecialScenario",
    "Sponsor",
    "Supervision",
    "UsagePolicy",
    "accepted",
    "canonical",
    "fingerprint",
]


def _field(zh: str, en: str, more_zh: str, more_en: str, **options: Any) -> Any:  # noqa: ANN401 - pydantic's own type
    """Describe a field that may stay undeclared: its title and what to declare, in both languages."""
    return Field(default=None, title=f"{zh} · {en}", description=f"{more_zh}\n{more_en}", **options)


class Part(BaseModel):
    """What every part of a manifest has in common: frozen, closed, strict."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Sponsor(Part):
    """主办单位 · sponsor.

    负责运行应用的单位。
    The unit that runs the app.
    """

    name: Line | None = _field("名称", "name", "单位全称。", "Full name of the unit.")
    credit_code: CreditCode | None = _field(
        "统一社会信用代码",
        "unified social credit code",
        "GB 32100，18 位，含校验位。",
        "GB 32100: 18 characters, the last one checks the others.",
    )
    level: Level | None = _field("层级", "level", "单位自身的行政层级。", "The unit's own administrative level.")
    division: DivisionCode | None = _field(
        "所在行政区划代码",
        "division code",
        "单位所在地；空串为全国。",
        "Where the unit sits; the empty code is the whole country.",
    )
    root_organ: Line | None = _field(
        "所属部门",
        "root organ",
        "最终隶属的机关名称；司局、直属单位填其部门。",
        "The organ at the root of the department; bureaus and subordinate units name their department.",
    )
    nature: Nature | None = _field(
        "性质", "nature", "机关、群团、事业单位或企业。", "Organ, mass organisation, institution or enterprise."
    )
    managed_by: ManagedBy | None = _field(
        "垂直管理",
        "vertically managed by",
        "由中央或省垂直管理，或不是垂管单位。",
        "Managed by the centre or the province, or by neither.",
    )


class Review(Part):
    """立项审核 · project review.

    立项时的审核和对五个问题的回答（13.1）。
    The review of the project before it began, and its five answers (13.1).
    """

    reviewer: Line | None = _field("审核单位", "reviewer", "作出审核的单位。", "The unit that reviewed the project.")
    reviewed_on: Day | None = _field("审核日期", "reviewed on", "审核完成的日期。", "The day of the review.")
    fits_plan: bool | None = _field(
        "符合规划", "fits the plan", "是否符合信息化规划。", "Whether it fits the informatisation plan."
    )
    overlaps_existing: bool | None = _field(
        "与现有应用重复",
        "overlaps an existing app",
        "是否与现有应用功能重复。",
        "Whether its functions repeat those of an existing app.",
    )
    could_be_module: bool | None = _field(
        "可作为现有应用的模块",
        "could be a module of an existing app",
        "是否可以做成现有应用的一个模块。",
        "Whether an existing app could take it in as a module.",
    )
    works_with_related: bool | None = _field(
        "与相关项目衔接",
        "works with related projects",
        "是否与相关项目相衔接。",
        "Whether it fits together with related projects.",
    )
    meets_sharing_needs: bool | None = _field(
        "满足数据共享需要",
        "meets data-sharing needs",
        "是否满足数据共享的需要。",
        "Whether it serves what others need of its data.",
    )


class Approval(Part):
    """项目审批 · approval.

    主办单位所述的信息化项目批准；有效的是登记在案的批准（13.3）。
    The approval as the sponsor states it; what counts is the grant on record (13.3).
    """

    authority: Line | None = _field(
        "审批部门", "authority", "信息化项目审批部门。", "The informatisation-project authority."
    )
    number: Line | None = _field("批准文号", "number", "批准文件的文号。", "The number of the document of approval.")
    approved_on: Day | None = _field("批准日期", "approved on", "批准的日期。", "The day of the approval.")


class Supervision(Part):
    """技术监管 · technical supervision.

    应用所纳入的统一技术监管（13.2）。
    The unified technical supervision that the app is under (13.2).
    """

    authority: Line | None = _field("监管部门", "authority", "负责技术监管的部门。", "The authority that supervises.")
    registration: Line | None = _field(
        "登记编号", "registration number", "在监管部门的登记编号。", "The app's number at that authority."
    )


class SpecialScenario(Part):
    """特殊场景主张 · special scenario claimed.

    主张 13.7 在此不受限制；登记有批准才有效。
    A claim that 13.7 does not bind here; it counts when granted on record.
    """

    kind: ScenarioKind | None = _field("场景", "kind", "安保、应急或其他。", "Security, emergency or another.")
    prescription: Line | None = _field(
        "规定依据", "prescription it rests on", "规定这一场景的文件。", "The document that prescribes this scenario."
    )


class Decline(Part):
    """如何拒绝 · how to decline.

    用户如何拒绝一项功能，拒绝有什么代价。
    How a user declines a feature, and what that costs.
    """

    how: Line | None = _field(
        "拒绝方式", "how a user declines", "不用这项功能时怎么办。", "What a user does instead of using the feature."
    )
    costs: tuple[DeclineCost, ...] | None = _field(
        "拒绝的代价",
        "what declining costs",
        "空列表表示没有代价。",
        "The empty list says that it costs nothing.",
        max_length=4,
    )


class Link(Part):
    """对接 · link.

    已与哪些系统对接，或者计划何时完成。
    The systems a link stands to, or by when it is planned.
    """

    to: Annotated[tuple[Line, ...], Field(min_length=1, max_length=100)] | None = _field(
        "对接对象", "linked to", "已经对接的系统或单位。", "Systems or units that the link stands to."
    )
    planned_by: Day | None = _field(
        "计划完成日期",
        "planned by",
        "尚未对接的，计划完成的日期。",
        "Where it does not stand yet: the day it is planned by.",
    )


class Feature(Part):
    """功能 · feature.

    应用的一项功能。
    One function of the app.
    """

    id: Key | None = _field("标识", "id", "本清单内唯一。", "Its own within this manifest.")
    name: Line | None = _field("名称", "name", "用户看到的名称。", "The name that users see.")
    description: Paragraph | None = _field("说明", "description", "这项功能做什么。", "What the feature does.")
    kind: FeatureKind | None = _field(
        "类型", "kind", "按实际作用选择，不看叫什么。", "Chosen by what it does, whatever it is called."
    )
    function: Key | None = _field(
        "功能项编码",
        "function key",
        "跨应用稳定：相同的功能用相同的编码。",
        "Stable across apps: the same function has the same key.",
    )
    audience: tuple[Audience, ...] | None = _field(
        "使用对象", "audience", "谁使用这项功能。", "Who uses the feature.", max_length=4
    )
    all_users: bool | None = _field(
        "适用于全体用户",
        "applies to all users",
        "是否对全体用户生效，例如统计每个人。",
        "Whether it takes effect on every user, such as counting each of them.",
    )
    levels: tuple[Level, ...] | None = _field(
        "到达层级",
        "levels reached",
        "使用它的单位和人员所在层级。",
        "Levels of the units and workers who use it.",
        max_length=6,
    )
    forced: bool | None = _field("强制", "forced", "是否要求用户必须使用。", "Whether users must use it.")
    decline: Decline | None = _field(
        "如何拒绝", "how to decline", "非强制的功能须写明。", "To be said of a feature that is not forced."
    )
    rhythm: OrNone[Period] | None = _field(
        "要求的频次",
        "required rhythm",
        "要求多久使用一次；不要求的写 none。",
        "How often it has to be used; `none` when it has not.",
    )
    necessity: Paragraph | None = _field(
        "必要性主张",
        "necessity claimed",
        "为什么非要不可；登记有批准才有效（14.6）。",
        "Why it cannot be done without; it counts when granted on record (14.6).",
    )
    special_scenario: SpecialScenario | None = _field(
        "特殊场景主张",
        "special scenario claimed",
        "只为这项功能主张特殊场景（13.7）。",
        "A special scenario claimed for this feature alone (13.7).",
    )
    main_carrier: bool | None = _field(
        "为考核或督查的主要载体",
        "main carrier",
        "考核或督查主要通过本功能进行。",
        "Appraisal or inspection is done chiefly through it.",
    )
    integration: OrNone[Link] | None = _field(
        "与省级平台整合",
        "integration with the provincial platform",
        "已整合或计划整合；没有的写 none（12.11）。",
        "Integrated or planned; `none` when neither (12.11).",
    )


class Basis(Part):
    """依据 · basis.

    所依据的文件。
    The document that something rests on.
    """

    title: Line | None = _field("文件名称", "document title", "文件全称。", "Full title of the document.")
    number: Line | None = _field("文号", "document number", "发文字号。", "The number it was issued under.")
    article: Line | None = _field("条款", "article", "所依据的条款。", "The article relied on.")


class Source(Part):
    """另行取得的来源 · other source.

    不必报送即可取得数据项的系统。
    A system from which an item could be had without asking for it.
    """

    how: Obtaining | None = _field("方式", "how", "共享取得或自动生成。", "By sharing or by automatic generation.")
    system: Line | None = _field("系统", "system", "可以取得它的系统。", "The system it could be had from.")


class Item(Part):
    """数据项或材料 · item.

    以稳定的代码识别，没有代码的以名称识别。
    Known by a stable code, else by its name.
    """

    code: Key | None = _field("数据项代码", "item code", "跨应用稳定的代码。", "A code that is stable across apps.")
    name: Line | None = _field("数据项名称", "item name", "数据项或材料的名称。", "Name of the data item or material.")


class Ask(Item):
    """要求报送 · ask.

    在一定周期内，通过一定渠道，向一些层级要求的一个数据项。
    One item asked of some levels, for a period, through a channel.
    """

    period: Period | None = _field("周期", "period", "多久报送一次。", "How often it is to be handed in.")
    levels: tuple[Level, ...] | None = _field(
        "要求的层级", "levels asked", "要求哪些层级的单位报送。", "Levels of the units that hand it in.", max_length=6
    )
    channel: Channel | None = _field("报送渠道", "channel", "通过什么报送。", "The way by which it is handed in.")
    through: Line | None = _field(
        "平台或应用", "platform or app it goes through", "所通过的平台或应用的名称。", "Name of that platform or app."
    )
    paper: bool | None = _field(
        "另要纸质件", "paper too", "还要打印、签字或盖章。", "Printing, signature or stamp besides."
    )
    basis: OrNone[Basis] | None = _field(
        "依据",
        "basis",
        "要求报送的依据；没有的写 none（12.5）。",
        "What the demand rests on; `none` when nothing (12.5).",
    )
    obtainable: OrNone[Source] | None = _field(
        "可另行取得",
        "obtainable otherwise",
        "共享或自动生成即可取得；不能的写 none（12.7）。",
        "Whether sharing or a system could supply it; `none` when not (12.7).",
    )
    shared: OrNone[Link] | None = _field(
        "共享",
        "shared onward",
        "收集后与谁共享；不共享的写 none（12.6）。",
        "With whom it is shared once collected; `none` when with nobody (12.6).",
    )
    since_on: Day | None = _field(
        "起始日期", "asked since", "从哪天起要求报送。", "The day since which it is asked for."
    )
    feature: Key | None = _field(
        "所用功能", "by which feature", "收集它的功能的标识。", "Id of the feature that collects it."
    )


class Holding(Item):
    """持有 · holding.

    应用持有的一个数据项，以及是否共享。
    An item that the app holds, and whether it shares it.
    """

    shared: OrNone[Link] | None = _field(
        "共享", "shared", "与谁共享；不共享的写 none。", "With whom it is shared; `none` when with nobody."
    )


class Imposer(Part):
    """提出单位 · imposer.

    对用户提出要求的单位，往往不是主办单位。
    Who imposes something on users: often not the sponsor.
    """

    name: Line | None = _field("单位", "unit", "提出要求的单位。", "The unit that imposes it.")
    level: Level | None = _field("层级", "level", "该单位的行政层级。", "That unit's administrative level.")
    document: Line | None = _field("文件", "document", "提出要求的文件或通知。", "The document or notice that says so.")


class UsagePolicy(Part):
    """使用要求 · usage policy.

    对安装、注册、激活、登录或使用的一项要求或统计（第十四条）。
    One demand or count of installation, registration, activation, log-in or use (Article 14).
    """

    measure: Measure | None = _field("事项", "measure", "要求或统计的是什么。", "What is demanded or counted.")
    imposed_by: Imposer | None = _field("提出单位", "imposed by", "谁提出的。", "Who imposes it.")
    on_whom: Line | None = _field("要求对象", "on whom", "对谁提出。", "On whom it is imposed.")
    required: bool | None = _field("强制要求", "required", "是否必须做到。", "Whether it has to be done.")
    target: OrNone[Line] | None = _field(
        "指标",
        "target",
        "数量或比例指标；没有的写 none。",
        "A number or rate to be reached; `none` when there is none.",
    )
    assessed: bool | None = _field("纳入考核", "assessed", "是否计入考核。", "Whether it counts in an assessment.")
    ranked: bool | None = _field("排名", "ranked", "是否排名。", "Whether users or units are ranked by it.")
    circulated: bool | None = _field("通报", "circulated", "是否通报。", "Whether it is made known to others.")
    rhythm: OrNone[Period] | None = _field(
        "频次要求",
        "required rhythm",
        "要求多久一次；没有的写 none。",
        "How often it has to be done; `none` when there is no rhythm.",
    )
    penalty: OrNone[Line] | None = _field(
        "惩处", "penalty", "做不到的后果；没有的写 none。", "What follows when it is not done; `none` when nothing."
    )


class AssessmentMetric(Part):
    """考评依据 · basis of assessment.

    被用来考评他人的一项使用数据（14.5）。
    A figure of use that someone is assessed by (14.5).
    """

    metric: Metric | None = _field("指标", "metric", "用来考评的数据。", "The figure used.")
    imposed_by: Imposer | None = _field("提出单位", "imposed by", "谁以此考评。", "Who assesses by it.")


class Consolidation(Part):
    """清理整合决定 · consolidation decision.

    对本应用作出的清理整合决定（12.3、12.4）。
    What was decided about this app (12.3, 12.4).
    """

    decision: Decision | None = _field("决定", "decision", "保留、整合或下线。", "Keep, merge or retire.")
    into: AppId | None = _field("整合到", "merged into", "整合去向应用的标识。", "Id of the app it is merged into.")
    due_on: Day | None = _field("完成期限", "due on", "整合或下线的期限。", "The day by which it is merged or retired.")
    basis: OrNone[Basis] | None = _field(
        "依据", "basis", "决定的依据；没有的写 none。", "What the decision rests on; `none` when nothing."
    )
    decided_by: Line | None = _field("决定单位", "decided by", "作出决定的单位。", "The unit that decided.")
    decided_on: Day | None = _field("决定日期", "decided on", "作出决定的日期。", "The day of the decision.")


class Display(Part):
    """信息展示 · display.

    应用向用户展示的主办单位和备案信息。
    What the app shows its users of its sponsor and filing.
    """

    sponsor: bool | None = _field(
        "显示主办单位", "displays the sponsor", "是否显示主办单位。", "Whether it shows its sponsor."
    )
    filing_number: Line | None = _field(
        "备案编号", "filing number", "所显示的备案编号。", "The filing number it shows."
    )


class Manifest(Part):
    """政务应用程序清单 · manifest of a government app.

    政务应用程序对自身情况的声明。没有写的就是未声明，既不是「无」，也不是「否」。
    What a government app declares about itself. What is left out is undeclared: neither "none" nor "no".
    """

    manifest: Literal["1"] = Field(
        title="清单版本 · manifest version",
        description='本格式的版本，写 "1"，带引号。\nThe version of this format: "1", in quotation marks.',
    )
    id: AppId | None = _field(
        "标识",
        "id",
        "登记系统中唯一；小写字母、数字、点、横线、下划线。",
        "Its own in the registry: lower-case letters, digits, dots, hyphens, underscores.",
    )
    name: Line | None = _field("名称", "name", "应用的名称。", "Name of the app.")
    kind: AppKind | None = _field("形态", "kind", "清单所述是什么软件。", "What kind of software this is.")
    platforms: tuple[Platform, ...] | None = _field(
        "运行平台", "platforms", "应用在哪里运行。", "Where the app runs.", max_length=8
    )
    version: Line | None = _field("版本", "version", "应用的版本号，带引号。", "The app's version, in quotation marks.")

    sponsor: Sponsor | None = _field("主办单位", "sponsor", "负责运行应用的单位。", "The unit that runs the app.")
    using_units: tuple[Line, ...] | None = _field(
        "使用单位", "using units", "使用应用的单位。", "Units that use the app.", max_length=1000
    )
    vendor: Line | None = _field("承建单位", "vendor", "开发应用的单位。", "The unit that built the app.")

    regions: Annotated[tuple[DivisionCode, ...], Field(min_length=1, max_length=1000)] | None = _field(
        "服务区域",
        "regions served",
        "行政区划代码；空串为全国。",
        "Division codes; the empty code is the whole country.",
    )
    serves: tuple[Audience, ...] | None = _field(
        "服务对象", "whom it serves", "应用为谁服务。", "Who the app is for.", max_length=4
    )
    faces_grassroots: bool | None = _field(
        "面向基层",
        "faces the grassroots",
        "县级及以下单位和人员是否使用它或向它报送；群众和企业使用不算。",
        "Whether units or workers at county level or below use or supply it; citizens and enterprises do not count.",
    )
    levels: tuple[Level, ...] | None = _field(
        "到达层级",
        "levels reached",
        "使用它的单位和人员所在的全部层级。",
        "All levels of the units and workers who use it.",
        max_length=6,
    )
    sector: Line | None = _field(
        "行业", "sector", "所属行业；同一行业写法一致。", "The sector; apps of one sector write it alike."
    )
    role: Role | None = _field(
        "角色",
        "role",
        "是否为省级平台或行业统一应用。",
        "Whether it is a provincial platform or a sector's unified app.",
    )

    stage: Stage | None = _field("阶段", "stage", "现在处于什么阶段。", "Where the app stands now.")
    proposed_on: Day | None = _field("提出日期", "proposed on", "提出建设的日期。", "The day it was proposed.")
    begun_on: Day | None = _field("开工日期", "building began on", "开始建设的日期。", "The day building began.")
    online_on: Day | None = _field("上线日期", "online since", "正式上线的日期。", "The day it went online.")
    retire_on: Day | None = _field(
        "计划下线日期", "to be retired by", "计划下线的日期。", "The day it is to be retired by."
    )
    retired_on: Day | None = _field("下线日期", "retired on", "实际下线的日期。", "The day it was retired.")

    review: OrNone[Review] | None = _field(
        "立项审核",
        "project review",
        "立项审核情况；没有审核的写 none（13.1）。",
        "The project review; `none` when there was none (13.1).",
    )
    approval: OrNone[Approval] | None = _field(
        "项目审批",
        "approval",
        "信息化项目审批；没有批准的写 none（13.3）。",
        "Approval of the project; `none` when there was none (13.3).",
    )
    supervision: OrNone[Supervision] | None = _field(
        "技术监管",
        "technical supervision",
        "统一技术监管；没有纳入的写 none（13.2）。",
        "Unified technical supervision; `none` when not under it (13.2).",
    )
    special_scenario: SpecialScenario | None = _field(
        "特殊场景主张",
        "special scenario claimed for the whole app",
        "为整个应用主张特殊场景；不主张的不写（13.7）。",
        "A special scenario claimed for the whole app; left out when none is claimed (13.7).",
    )

    features: Annotated[tuple[Feature, ...], Field(max_length=500)] | None = _field(
        "功能", "features", "全部功能；没有的写 []。", "All features; [] when there are none."
    )
    asks: Annotated[tuple[Ask, ...], Field(max_length=1000)] | None = _field(
        "要求报送的数据材料",
        "items asked for",
        "要求他人报送的全部数据材料；没有的写 []。",
        "Everything others are asked to hand in; [] when nothing.",
    )
    holdings: Annotated[tuple[Holding, ...], Field(max_length=1000)] | None = _field(
        "持有的数据材料", "items held", "应用持有的数据材料；没有的写 []。", "Items that the app holds; [] when none."
    )
    usage_policy: Annotated[tuple[UsagePolicy, ...], Field(max_length=200)] | None = _field(
        "使用要求",
        "usage policy",
        "对安装和使用的要求与统计；没有的写 []。",
        "Demands and counts of installation and use; [] when none.",
    )
    metrics: Annotated[tuple[AssessmentMetric, ...], Field(max_length=100)] | None = _field(
        "考评依据",
        "metrics used as a basis of assessment",
        "被用作考评依据的使用数据；没有的写 []（14.5）。",
        "Figures of use by which someone is assessed; [] when none (14.5).",
    )

    opened_functions: OrNone[Annotated[tuple[Key, ...], Field(min_length=1, max_length=500)]] | None = _field(
        "向地方开放的功能项",
        "functions opened to localities",
        "行业统一应用向地方开放的功能项编码；没有的写 none（13.4）。",
        "Function keys that a sector's unified app opens to localities; `none` when none (13.4).",
    )
    connected_platforms: OrNone[Link] | None = _field(
        "互联互通的地方平台",
        "local platforms connected to",
        "垂管系统已对接或计划对接的地方平台；没有的写 none（13.5）。",
        "Local platforms that a vertically managed system is or will be connected to; `none` when none (13.5).",
    )
    consolidation: OrNone[Consolidation] | None = _field(
        "清理整合决定",
        "consolidation decision",
        "对本应用的清理整合决定；没有的写 none（12.3、12.4）。",
        "What was decided about this app; `none` when nothing (12.3, 12.4).",
    )
    complaint_channel: OrNone[Line] | None = _field(
        "投诉渠道", "complaint channel", "用户怎样投诉；没有的写 none。", "How users complain; `none` when they cannot."
    )
    display: Display | None = _field(
        "信息展示", "display of sponsor and filing number", "向用户展示的信息。", "What it shows its users of itself."
    )
    has_commercial_activity: bool | None = _field(
        "有商业活动", "commercial activity", "是否含有商业活动。", "Whether there is commercial activity in it."
    )

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> Self:
        """Refuse a manifest that contradicts itself, naming every contradiction at once."""
        if info.context is _ACCEPTED:
            return self
        from services.manifest.contradictions import contradictions  # noqa: PLC0415 - the checks need the model first

        if found := tuple(contradictions(self)):
            raise PydanticCustomError("contradiction", "the manifest contradicts itself", {"contradictions": found})
        return self


_ACCEPTED = object()


def accepted(content: bytes) -> Manifest:
    """Read the canonical JSON of a manifest that was accepted before: it is not searched for contradictions again."""
    return Manifest.model_validate_json(content, context=_ACCEPTED)


def canonical(manifest: Manifest) -> bytes:
    """Give the canonical bytes of a manifest: JSON, UTF-8, keys sorted, undeclared fields left out."""
    return orjson.dumps(manifest, default=_declared, option=orjson.OPT_SORT_KEYS)


def _declared(part: Part) -> dict[str, Any]:
    """Give the declared fields of a part; orjson asks for them, and writes what they hold by itself."""
    values = part.__dict__
    return {name: value for name in part.model_fields_set if (value := values[name]) is not None}


def fingerprint(canonical_bytes: bytes) -> str:
    """Give the SHA-256 of a manifest's canonical bytes as `sha256:<hex>`."""
    return "sha256:" + hashlib.sha256(canonical_bytes).hexdigest()
