"""《整治形式主义为基层减负若干规定》 Articles 12–14, in 24 normative provisions.

Approved 2024-07-30, issued and in force 2024-08-06, published 2025-08-06, interpreted by 中央办公厅; it prevails over earlier
provisions that differ. The Chinese text is the official one; the English is our translation, for information.
"""

from __future__ import annotations

from datetime import date

from services.audit.law import Instrument, Number, Provision, Strength
from services.text import Text

IN_FORCE_ON = date(2024, 8, 6)
"""Day on which the regulation came into force; building begun on or after it is new (新建)."""

LIMIT = "grassroots_apps_per_department"
"""How many grassroots-facing apps a central department may run (12.1)."""


def _provision(label: str, strength: Strength, zh: str, en: str) -> Provision:
    return Provision(label=label, text=Text(zh, en), strength=strength, from_on=IN_FORCE_ON)


INSTRUMENT = Instrument(
    id="burden-2024",
    title=Text(
        "整治形式主义为基层减负若干规定",
        "Several Provisions on Rectifying Formalism to Reduce Burdens at the Grassroots",
    ),
    edition=1,
    approved_on=date(2024, 7, 30),
    in_force_on=IN_FORCE_ON,
    published_on=date(2025, 8, 6),
    interpreter="中央办公厅",
    provisions=(
        _provision(
            "12.1",
            Strength.PRINCIPLE,
            "中央和国家机关部门原则上最多运行1个面向基层的政务移动互联网应用程序（以下简称政务应用程序）",
            "A department of the central Party and state organs runs, in principle, at most one government app that faces the grassroots.",
        ),
        _provision(
            "12.2",
            Strength.PRINCIPLE,
            "填表报数交材料功能一般不向下延伸到县级",
            "Functions for filling forms, reporting figures and handing in materials generally do not extend down to county level.",
        ),
        _provision(
            "12.3",
            Strength.GRADUAL_DUTY,
            "现有多个政务应用程序到基层的，应当逐步清理压减整合",
            "Where several existing government apps reach the grassroots, they shall gradually be cleaned up, reduced and merged.",
        ),
        _provision(
            "12.4",
            Strength.DUTY,
            "各地区对面向县以下单位的政务应用程序进行清理整合",
            "Every locality cleans up and merges government apps that face units below the county.",
        ),
        _provision(
            "12.5",
            Strength.PROHIBITION,
            "不得随意向基层要数据材料",
            "Data and materials must not be demanded of the grassroots at will.",
        ),
        _provision(
            "12.6",
            Strength.PRINCIPLE,
            "需要基层填表报数交材料的，原则上应当通过省级平台报送并推动数据共享",
            "Where the grassroots must fill forms, report figures or hand in materials, this shall in principle go through the "
            "provincial platform, and data sharing shall be promoted.",
        ),
        _provision(
            "12.7",
            Strength.PROHIBITION,
            "能够通过系统自动生成或者共享获取的数据材料，不再要求基层报送",
            "Data and materials that systems can generate or that can be had by sharing are no longer demanded of the grassroots.",
        ),
        _provision(
            "12.8",
            Strength.DUTY,
            "实现同类材料“最多报一次”",
            "Materials of the same kind are reported at most once.",
        ),
        _provision(
            "12.9",
            Strength.PROHIBITION,
            "不得再要求重复报送纸质材料",
            "Paper copies must not be demanded again.",
        ),
        _provision(
            "12.10",
            Strength.PROHIBITION,
            "部门不得要求另行报送",
            "Departments must not demand separate reporting.",
        ),
        _provision(
            "12.11",
            Strength.GRADUAL_DUTY,
            "市县级政务应用程序的填表报数交材料功能，应当逐步与省级平台相应功能整合统一",
            "The form functions of city- and county-level government apps shall gradually be merged with the corresponding functions "
            "of the provincial platform.",
        ),
        _provision(
            "13.1",
            Strength.DUTY,
            "严格政务应用程序立项审核",
            "The project review of government apps is strict.",
        ),
        _provision(
            "13.2",
            Strength.DUTY,
            "并纳入统一技术监管",
            "Government apps are brought under unified technical supervision.",
        ),
        _provision(
            "13.3",
            Strength.PROHIBITION,
            "未经信息化项目审批部门批准，不得新建",
            "None may be newly built without approval of the informatisation-project authority.",
        ),
        _provision(
            "13.4",
            Strength.DUTY,
            "行业系统已建有统一政务应用程序的，应当向地方开放相关权限",
            "Where a sector has built a unified government app, it shall open the relevant permissions to localities.",
        ),
        _provision(
            "13.5",
            Strength.DUTY,
            "推进垂管系统与地方平台互联互通",
            "Connection between vertically managed systems and local platforms is advanced.",
        ),
        _provision(
            "13.6",
            Strength.PROHIBITION,
            "地方不再重复建设",
            "Localities no longer build the same again.",
        ),
        _provision(
            "13.7",
            Strength.PROHIBITION,
            "除安保、应急等特殊场景规定外，其他各类政务应用程序不得设置打卡签到、积分排名、统计在线时长等强制性功能",
            "Except as prescribed for special scenarios such as security and emergency, government apps must not have forced functions "
            "such as check-in, points or ranking, and online-time statistics.",
        ),
        _provision(
            "14.1",
            Strength.PROHIBITION,
            "不得强制推广下载使用政务应用程序",
            "Download and use of government apps must not be promoted by force.",
        ),
        _provision(
            "14.2",
            Strength.PROHIBITION,
            "不得考核通报用户安装使用率",
            "Rates of installation and use must not be assessed or circulated.",
        ),
        _provision(
            "14.3",
            Strength.PROHIBITION,
            "不得强制要求定期登录等",
            "Regular log-in and the like must not be forced.",
        ),
        _provision(
            "14.4",
            Strength.PROHIBITION,
            "不得把政务应用程序异化为工作考核日常化、督查检查线上化的主要载体",
            "Government apps must not be turned into the main carrier of everyday appraisal or of inspection moved online.",
        ),
        _provision(
            "14.5",
            Strength.PROHIBITION,
            "不得将点赞量、网络投票数、转发量、学习时长等作为考评依据",
            "Likes, online votes, forwards, study time and the like must not be a basis of assessment.",
        ),
        _provision(
            "14.6",
            Strength.NECESSITY,
            "非必要不得强制要求下级和基层单位通过政务应用程序上传工作照片、视频和轨迹等",
            "Lower and grassroots units must not, unless necessary, be forced to upload work photos, videos, tracks and the like "
            "through government apps.",
        ),
    ),
    numbers=(Number(name=LIMIT, value=1, provision="12.1", from_on=IN_FORCE_ON),),
)
