"""新建应用经过立项审核。

施行之日（2024-08-06）及以后新建的应用要有立项审核的五项回答：是否符合规划、是否与现有应用重复、能否作为现有应用的模
块、是否与相关项目衔接、是否满足数据共享需要。回答不利的转人工判断。已批准及以后各阶段的应用，还要写明审核单位和审核日
期，声明没有审核的为违反。拟建的应用正在接受审核，声明没有审核的不算违反，但五项回答仍然要给出，给出之前为待定。

----

Newly built apps have passed a project review.

An app newly built since the regulation came into force (2024-08-06) has the five answers of its project review:
whether it fits the plan, overlaps an existing app, could be a module of one, works with related projects, and meets
data-sharing needs. An unfavourable answer is put to a person. From its approval on, an app also names the reviewer
and the day of the review, and declaring that there was none is a violation. A proposal is under review: declaring
none is no violation yet, but the five answers are still due, and until they are given the rule is undetermined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Finding, Lack, LackKind, Satisfied
from services.audit.readings import addressed, lacks
from services.manifest.model import NONE
from services.manifest.terms import Stage
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.audit.law import Case, Mark
    from services.manifest.model import Review

LABEL = "13.1"
ADDRESSES = (addressed.new_app,)
NOTHING = Text("应用不属新建", "the app is not newly built")
PLACE = "/review"

ANSWERS = {
    "fits_plan": (True, Text("不符合规划", "it does not fit the plan")),
    "overlaps_existing": (False, Text("与现有应用重复", "it overlaps an existing app")),
    "could_be_module": (False, Text("可以作为现有应用的模块", "it could be a module of an existing app")),
    "works_with_related": (True, Text("不与相关项目衔接", "it does not work with related projects")),
    "meets_sharing_needs": (True, Text("不满足数据共享需要", "it does not meet data-sharing needs")),
}
"""The five answers: the favourable one, and what the other one says."""


def check(case: Case) -> Iterator[Mark]:
    """Judge the project review."""
    review, stage = case.manifest.review, case.manifest.stage
    if review is None:
        yield lacks.undeclared(PLACE)
    elif review != NONE:
        yield from _judge(review, proposed=stage == Stage.PROPOSED)
    elif stage is None:
        yield lacks.undeclared("/stage")
    elif stage == Stage.PROPOSED:
        yield Lack(
            LackKind.DECLARATION,
            PLACE,
            Text(
                "声明没有立项审核，五项回答没有给出",
                "declared to have no project review: the five answers are not given",
            ),
            Text("在 /review 中逐项回答", "give each of the answers in /review"),
        )
    else:
        yield Finding(
            PLACE,
            Text("新建应用没有经过立项审核", "the app is newly built without a project review"),
            Text(
                "补办立项审核，写明审核单位、日期和五项回答",
                "have it reviewed; name the reviewer, the day and the five answers",
            ),
        )


def _judge(review: Review, *, proposed: bool) -> Iterator[Mark]:
    needed = [*ANSWERS] if proposed else ["reviewer", "reviewed_on", *ANSWERS]
    missing = [part for part in needed if getattr(review, part) is None]
    yield from (lacks.undeclared(f"{PLACE}/{part}") for part in missing)
    for part, (favourable, otherwise) in ANSWERS.items():
        if getattr(review, part) is (not favourable):
            yield lacks.ask_person(
                f"{PLACE}/{part}",
                Text(
                    f"立项审核的回答是{otherwise.zh}：是否仍应立项？",
                    f"the review answers that {otherwise.en}: is it to be built all the same?",
                ),
                Text(
                    "调整项目，或由审批部门决定并说明理由",
                    "change the project, or have the authority decide and say why",
                ),
            )
    yield Satisfied(PLACE)
