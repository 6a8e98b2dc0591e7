"""不强制推广下载使用。

清单的使用要求中，安装、注册、激活、登录、使用任何一项被强制要求，或者下达了指标的，为违反，不论由谁提出；结果写明提出
的单位。录入数据的指标不属于本条。是否强制、有无指标没有声明的为待定。

----

Downloading and using are not promoted by force.

Among the usage policies, each demand to install, register, activate, log in or use that is required, or for which a
target is set, is a violation, whoever imposes it; the finding names who does. Targets for entering data are not
meant. Where it is not declared whether something is required, or has a target, the rule is undetermined.
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

LABEL = "14.1"
ADDRESSES = ()
NOTHING = Text("没有安装使用方面的要求", "nothing is demanded about installation or use")


def check(case: Case) -> Iterator[Mark]:
    """Judge every demand to install, register, activate, log in or use."""
    yield from usage_policies.judge(case, usage_policies.OF_USE, ("required", "target"), _finding)


def _finding(place: str, part: str, entry: UsagePolicy) -> Finding:
    who, whom, what = usage_policies.told(entry)
    if part == "required":
        fact = Text(f"{who.zh}强制要求{whom.zh}{what.zh}", f"{who.en}makes {what.en} compulsory for {whom.en}")
        remedy = Text("改为自愿", "make it voluntary")
    else:
        fact = Text(
            f"{who.zh}对{whom.zh}下达{what.zh}指标：{entry.target}",
            f"{who.en}sets {whom.en} a target of {what.en}: {entry.target}",
        )
        remedy = Text("取消指标", "withdraw the target")
    return Finding(f"{place}/{part}", fact, remedy)
