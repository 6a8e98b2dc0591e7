"""点赞、投票、转发、学习时长不作为考评依据。

清单的考评依据中有点赞量、网络投票数、转发量、学习时长的，每一项都为违反；声明了其他使用指标（积分、在线时长、打卡次
数、登录次数等）的，是否属于“等”所指，转人工判断。结果写明提出的单位。

----

Likes, votes, forwards and study time are no basis of assessment.

Each of likes, online votes, forwards and study time that stands among the metrics used as a basis of assessment is a
violation; whether the “and the like” of the text means another metric of use (points, online time, check-ins, log-ins
…) is put to a person. The finding names who imposes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Finding
from services.audit.readings import lacks
from services.manifest.terms import Metric
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.audit.law import Case, Mark
    from services.manifest.model import AssessmentMetric

LABEL = "14.5"
ADDRESSES = ()
NOTHING = Text("没有以使用指标作为考评依据", "no metric of use is a basis of assessment")
NAMED = frozenset({Metric.LIKES, Metric.VOTES, Metric.FORWARDS, Metric.STUDY_TIME})
"""The metrics that the provision names."""


def check(case: Case) -> Iterator[Mark]:
    """Judge every metric used as a basis of assessment."""
    if case.manifest.metrics is None:
        yield lacks.undeclared("/metrics")
    for i, entry in enumerate(case.manifest.metrics or ()):
        yield _judge(f"/metrics/{i}/metric", entry)


def _judge(place: str, entry: AssessmentMetric) -> Mark:
    metric = entry.metric
    if metric is None:
        return lacks.undeclared(place)
    who = lacks.imposer(entry.imposed_by)
    fact = Text(f"{who.zh}把{metric.zh}作为考评依据", f"{who.en}makes {metric.en} a basis of assessment")
    if metric in NAMED:
        return Finding(place, fact, Text("不再以其作为考评依据", "no longer assess anyone by it"))
    return lacks.ask_person(
        place,
        Text(f"{fact.zh}：是否属于“等”所指的指标？", f"{fact.en}: is it meant by “and the like”?"),
        Text("不再以其作为考评依据，或由审批部门核实", "no longer assess anyone by it, or have the authority judge"),
    )
