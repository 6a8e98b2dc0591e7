"""垂管系统与地方平台互联互通。

垂直管理单位的应用，上线后要写明已经互联互通的地方平台，或者计划完成的日期；计划在其日期当天及以前有效，逾期未完成的为
违反。声明没有互联互通也没有计划的为违反，没有声明的为待定。

----

Vertically managed systems are connected to local platforms.

An app of a vertically managed unit that is online names the local platforms it is connected to, or the day by which
that is planned. A plan counts up to and including its day; once the day has passed without a connection, that is a
violation. So is declaring neither a connection nor a plan; undeclared, the rule is undetermined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Finding, Satisfied
from services.audit.readings import addressed, lacks, plans
from services.manifest.model import NONE
from services.manifest.terms import Stage
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.audit.law import Case, Mark

LABEL = "13.5"
ADDRESSES = (addressed.vertically_managed, addressed.at_stage(Stage.ONLINE))
NOTHING = Text("应用不是已上线的垂管系统应用", "the app is no vertically managed system's app online")
PLACE = "/connected_platforms"


def check(case: Case) -> Iterator[Mark]:
    """Judge the connection to local platforms, or its plan."""
    connected = case.manifest.connected_platforms
    if connected is None:
        yield lacks.undeclared(PLACE)
    elif connected == NONE:
        yield Finding(
            PLACE,
            Text(
                "没有与地方平台互联互通，也没有计划",
                "it is connected to no local platform, and no connection is planned",
            ),
            Text(
                "与地方平台互联互通，或写明计划完成的日期",
                "connect it to local platforms, or say by when that is planned",
            ),
        )
    else:
        goal = Text("与地方平台的互联互通", "the connection to local platforms")
        yield plans.linked(case, PLACE, connected, goal) or Satisfied(PLACE)
