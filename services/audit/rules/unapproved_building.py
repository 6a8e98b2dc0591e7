"""新建应用经信息化项目审批部门批准。

施行之日（2024-08-06）及以后新建的应用，从已批准阶段起，登记系统中要有信息化项目审批部门对它的批准记录：在判断之日有
效，并且批准日期和生效日期都不晚于开工日期。以登记为准：登记系统中有这样的批准的，清单怎样声明都符合；没有的，清单无论
声明有批准还是没有批准都为违反，没有声明的为待定。登记系统没有答复的为待定。拟建的应用不适用，因为批准正是要决定的事。

----

Newly built apps are approved by the informatisation-project authority.

An app newly built since the regulation came into force (2024-08-06) has, from its stage “approved” on, an approval of
the informatisation-project authority on record in the registry, in force on the day judged, and given and in force
not after building began. The record counts: with it the app complies whatever its manifest says; without it,
declaring an approval or declaring none is a violation alike, and undeclared is undetermined. So it is while the
registry gives no answer. A proposal is not addressed, because its approval is what is being decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Finding, Satisfied
from services.audit.readings import addressed, lacks
from services.manifest.model import NONE
from services.manifest.neighbourhood import GrantKind
from services.manifest.terms import RUNNING, Stage
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.audit.law import Case, Mark
    from services.manifest.neighbourhood import Grant

LABEL = "13.3"
ADDRESSES = (addressed.new_app, addressed.at_stage(*(stage for stage in Stage if stage in RUNNING)))
NOTHING = Text("应用不属新建", "the app is not newly built")
PLACE = "/approval"


def check(case: Case) -> Iterator[Mark]:
    """Look for an approval on record, dated not after building began."""
    if case.neighbourhood is None:
        yield lacks.registry_silent(PLACE)
        return
    approvals = case.grants(GrantKind.APPROVAL)
    if any(_in_time(case, each) for each in approvals):
        yield Satisfied(PLACE)
    elif case.manifest.approval is None:
        yield lacks.undeclared(PLACE)
    else:
        yield _without(case, approvals)


def _in_time(case: Case, approval: Grant) -> bool:
    """Tell whether an approval came before building began; an app that is only approved has not begun."""
    begun_on = case.manifest.begun_on
    if case.manifest.stage == Stage.APPROVED or begun_on is None:
        return True
    return max(approval.granted_on, approval.from_on) <= begun_on


def _without(case: Case, late: Sequence[Grant]) -> Finding:
    begun_on, declared = case.manifest.begun_on, case.manifest.approval
    if late:
        zh = "、".join(f"{each.id}（{max(each.granted_on, each.from_on)}）" for each in late)
        en = ", ".join(f"{each.id} ({max(each.granted_on, each.from_on)})" for each in late)
        fact = Text(
            f"登记的批准{zh}晚于开工日期 {begun_on}",
            f"building began on {begun_on}, before the approval on record: {en}",
        )
    elif declared is None or declared == NONE:
        fact = Text("没有信息化项目审批部门的批准", "there is no approval of the informatisation-project authority")
    else:
        number = Text(f"（{declared.number}）", f" ({declared.number})") if declared.number else Text("", "")
        fact = Text(
            f"清单所述的批准{number.zh}在登记系统中没有有效记录",
            f"the approval that the manifest states{number.en} is not on record in force in the registry",
        )
    remedy = Text(
        "停止建设，报信息化项目审批部门批准并登记；已有批准的，请审批部门登记",
        "stop building and have it approved and recorded; where it was approved in time, have the authority record it",
    )
    return Finding(PLACE, fact, remedy)
