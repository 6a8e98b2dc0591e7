"""部门多个到基层的应用有清理整合决定并按期完成。

部门运行多个面向基层的应用时，逐个判断本应用自己的决定：保留（有依据，一个部门至多一个）、整合到另一应用（有依据和期
限，去向应用在运行、决定保留、同属一个部门）、下线（有依据和期限）。声明没有决定的，或期限已过的，为违反。

----

A department's several grassroots apps are decided upon, and the decision is on time.

Where a department runs several grassroots-facing apps, each app's own decision is judged: keep (with a basis; at most
one of the department), merge into another app (basis and date; the other one runs, is kept and belongs to the same
department), or retire (basis and date). Declared that nothing was decided, or a date that has passed, is a violation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Satisfied
from services.audit.readings import addressed, departments
from services.manifest.terms import RUNNING, Stage
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.audit.law import Case, Mark

LABEL = "12.3"
ADDRESSES = (
    addressed.central_department,
    addressed.grassroots_facing,
    addressed.at_stage(*(stage for stage in Stage if stage in RUNNING)),
    departments.several_apps,
)
NOTHING = Text("部门没有其他面向基层的应用", "the department runs no other grassroots-facing app")


def check(case: Case) -> Iterator[Mark]:
    """Judge this app's decision when the department runs several."""
    others = departments.other_apps(case)
    if others.apps:
        yield from departments.judge_decision(case, others)
        yield Satisfied("/consolidation")
