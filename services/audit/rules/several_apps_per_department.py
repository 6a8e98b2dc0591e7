"""中央和国家机关部门至多运行一个面向基层的应用。

部门以所属机关计，司局和直属单位的应用一并计算；已批准、在建、已上线和下线中的应用都算运行。本条施行前开工、并有有效
清理整合决定的应用豁免（12.3），决定保留的那一个也豁免。新建的应用，包括应急类应用，只有登记的例外批准才能豁免。

----

A central department runs at most one grassroots-facing app.

The department is the root organ with all its units. Apps that are approved, building, online or retiring run. An app
begun before the regulation came into force and under a valid clean-up decision is exempt (12.3), and so is the one
app kept. Only a recorded derogation lifts the limit for a new app, for emergency apps too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Exemption, Finding, Lack, Satisfied
from services.audit.readings import addressed, departments, lacks
from services.audit.regulation.burden_2024 import LIMIT
from services.manifest.neighbourhood import GrantKind
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.audit.law import Case, Mark
    from services.audit.readings.departments import Others

LABEL = "12.1"
ADDRESSES = (addressed.central_department, addressed.grassroots_facing)
NOTHING = Text("没有面向基层的应用", "there is no grassroots-facing app")


def check(case: Case) -> Iterator[Mark]:
    """Count the department's grassroots-facing apps that run, this one included."""
    others = departments.other_apps(case)
    limit = case.law.number(LIMIT, case.on)
    if limit is None or len(others.apps) < limit:
        yield from others.lacking
        yield Satisfied(departments.PLACE)
    elif granted := case.grants(GrantKind.DEROGATION, provision=LABEL):
        reason = Text("登记有对本条的例外批准", "a derogation from this provision is on record")
        yield Exemption(departments.PLACE, reason, tuple(grant.id for grant in granted))
    else:
        yield from _beyond_limit(case, others, limit)


def _beyond_limit(case: Case, others: Others, limit: int) -> Iterator[Mark]:
    told = [lacks.told_name(each) for each in others.apps]
    finding = Finding(
        departments.PLACE,
        Text(
            f"同一部门还运行面向基层的应用：{'、'.join(each.zh for each in told)}，合计超过 {limit} 个",
            f"the department also runs {'; '.join(each.en for each in told)}: more than {limit}",
        ),
        Text("并入部门已有的应用，或取得例外批准", "make it part of the department's app, or obtain a derogation"),
        tuple(each.app for each in others.apps),
    )
    new = addressed.is_new(case.manifest)
    marks = [] if new else list(departments.judge_decision(case, others))
    if new or any(isinstance(mark, Finding) for mark in marks):
        yield finding
    if new is None:
        yield lacks.undeclared("/stage" if case.manifest.stage is None else "/begun_on")
    yield from (mark for mark in marks if isinstance(mark, Lack))
    if new is False and not marks:
        reason = Text(
            "施行前开工，按有效的清理整合决定处理（12.3）",
            "begun before the regulation and under a valid decision (12.3)",
        )
        yield Exemption("/consolidation", reason)
