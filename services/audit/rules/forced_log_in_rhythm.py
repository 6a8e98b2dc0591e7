"""不强制要求定期登录。

清单的使用要求中，对登录或使用规定频次、下达活跃指标，或者对不登录、不使用给予惩处的，为违反，不论由谁提出；结果写明提
出的单位。强制的打卡签到和学习时长功能规定频次的，也为违反。一次性的和按需的不是定期。频次、指标、惩处没有声明的为待
定。

----

No regular log-in is forced.

Among the usage policies, a rhythm of log-in or use, a target of activity, or a penalty for not logging in or using is
a violation, whoever imposes it; the finding names who does. So is a rhythm required of a forced check-in or
study-time feature. What is done once or as needed is not regular. Where rhythm, target or penalty is not declared,
the rule is undetermined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Finding, Lack, Satisfied
from services.audit.readings import contents, force, lacks, usage_policies
from services.manifest.model import NONE
from services.manifest.terms import FeatureKind, Measure
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.audit.law import Case, Mark
    from services.manifest.model import Feature, UsagePolicy

LABEL = "14.3"
ADDRESSES = ()
NOTHING = Text(
    "没有登录使用方面的要求，也没有打卡签到或学习时长功能",
    "nothing is demanded about log-in or use, and no feature is a check-in or counts study time",
)
MEASURES = frozenset({Measure.LOG_IN, Measure.USE})
KINDS = frozenset({FeatureKind.CHECK_IN, FeatureKind.STUDY_TIME})


def check(case: Case) -> Iterator[Mark]:
    """Judge what is demanded about log-in and use, and the rhythm of forced check-in and study."""
    yield from usage_policies.judge(case, MEASURES, ("rhythm", "target", "penalty"), _demanded)
    for each in contents.features_of(case, KINDS):
        if isinstance(each, Lack):
            yield each
        else:
            yield from _judge(*each)


def _demanded(place: str, part: str, entry: UsagePolicy) -> Finding:
    who, whom, what = usage_policies.told(entry)
    if part == "rhythm" and entry.rhythm is not None and entry.rhythm != NONE:
        fact = Text(
            f"{who.zh}要求{whom.zh}{entry.rhythm.zh}{what.zh}",
            f"{who.en}demands {what.en} of {whom.en}: {entry.rhythm.en}",
        )
        remedy = Text("取消频次要求", "withdraw the rhythm")
    elif part == "target":
        fact = Text(
            f"{who.zh}对{whom.zh}下达{what.zh}指标：{entry.target}",
            f"{who.en}sets {whom.en} a target of {what.en}: {entry.target}",
        )
        remedy = Text("取消指标", "withdraw the target")
    else:
        fact = Text(
            f"{who.zh}对{whom.zh}未按要求{what.zh}的给予惩处：{entry.penalty}",
            f"{who.en}punishes {whom.en} who fall short in {what.en}: {entry.penalty}",
        )
        remedy = Text("取消惩处", "withdraw the penalty")
    return Finding(f"{place}/{part}", fact, remedy)


def _judge(place: str, feature: Feature) -> Iterator[Mark]:
    rhythm, is_forced = feature.rhythm, force.forced(place, feature)
    if is_forced is False or (rhythm is not None and not usage_policies.demands(rhythm)):
        yield Satisfied(place)
        return
    if rhythm is None or rhythm == NONE:
        yield lacks.undeclared(f"{place}/rhythm")
    elif is_forced is True:
        name = contents.called(feature)
        yield Finding(
            f"{place}/rhythm",
            Text(f"{name.zh}强制要求{rhythm.zh}进行", f"{name.en} is forced on users: {rhythm.en}"),
            Text("取消频次要求，或改为自愿使用", "withdraw the rhythm, or make the feature voluntary"),
        )
    if is_forced is not True:
        yield from is_forced
