"""不考核通报安装使用率。

清单的使用要求中，安装、注册、激活、登录、使用的情况任何一项被考核、排名或通报的，为违反，不论由谁提出；结果写明提出的
单位。录入数据的情况不属于本条。是否考核、排名、通报没有声明的为待定。

----

Rates of installation and use are not appraised or circulated.

Among the usage policies, each figure of installation, registration, activation, log-in or use that is assessed,
ranked or circulated is a violation, whoever imposes it; the finding names who does. Figures of data entered are not
meant. Where it is not declared whether a figure is assessed, ranked or circulated, the rule is undetermined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Finding
from services.audit.readings import usage_policies
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.audit.law import Case, Mark
    from services.manifest.model import UsagePolicy

LABEL = "14.2"
ADDRESSES = ()
NOTHING = Text("没有安装使用方面的要求", "nothing is demanded about installation or use")

WAYS = {
    "assessed": Text("纳入考核", "assesses figures of"),
    "ranked": Text("排名", "ranks figures of"),
    "circulated": Text("通报", "circulates figures of"),
}


def check(case: Case) -> Iterator[Mark]:
    """Judge every figure of installation and use."""
    yield from usage_policies.judge(case, usage_policies.OF_USE, tuple(WAYS), _finding)


def _finding(place: str, part: str, entry: UsagePolicy) -> Finding:
    who, whom, what = usage_policies.told(entry)
    way = WAYS[part]
    return Finding(
        f"{place}/{part}",
        Text(f"{who.zh}将{whom.zh}的{what.zh}情况{way.zh}", f"{who.en}{way.en} {what.en} by {whom.en}"),
        Text(
            f"{what.zh}情况不再考核、排名、通报",
            f"no longer assess, rank or circulate {what.en}",
        ),
    )
