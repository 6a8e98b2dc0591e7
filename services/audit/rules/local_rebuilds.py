"""地方不重复建设行业统一应用已有的功能。

地方单位新建的应用（拟建到已上线），与同一行业的统一应用逐项比较功能项编码。统一应用须已上线，主办单位层级更高，其服务
区域覆盖本应用服务区域中的至少一个：在那个区域，相同的每一项功能都是重复建设。统一应用没有把这项功能向地方开放的
（13.4），转人工判断。功能项编码没有声明、因而无法比较的为待定；没有可比的统一应用时不要求声明功能项编码。登记系统没有
答复的为待定。

----

Localities do not rebuild what their sector's unified app offers.

A newly built local app, from proposed to online, is compared with the unified apps of its sector, function key by
function key. A unified app counts when it is online, its sponsor stands at a higher level, and a region it serves
covers at least one of this app's: there each function in common is built a second time. Where the unified app has not
opened that function to localities (13.4), a person judges. Where function keys are undeclared so that nothing can be
compared, the rule is undetermined; they are not asked for while there is no unified app to compare with. The rule is
undetermined while the registry gives no answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Satisfied
from services.audit.readings import addressed, lacks, sectors
from services.manifest import ties
from services.manifest.terms import Stage
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.audit.law import Case, Mark

LABEL = "13.6"
ADDRESSES = (
    addressed.local_sponsor,
    addressed.new_app,
    addressed.at_stage(Stage.PROPOSED, Stage.APPROVED, Stage.BUILDING, Stage.ONLINE),
)
NOTHING = Text("应用不是地方新建的应用", "the app is not newly built by a locality")
PLACE = "/sector"


def check(case: Case) -> Iterator[Mark]:
    """Compare the app's functions with those of every unified app of its sector that covers it."""
    sector = case.manifest.sector
    if sector is None:
        yield lacks.undeclared(PLACE)
        return
    answer = case.tie(ties.sector_tie(sector))
    if answer is None:
        yield lacks.registry_silent(PLACE)
        return
    for neighbour in answer.neighbours:
        yield from sectors.rebuilt(case.manifest, neighbour)
    if answer.total > len(answer.neighbours):
        yield lacks.registry_lacks(
            PLACE,
            Text(
                f"同一行业有 {answer.total} 个应用，登记系统只答复了 {len(answer.neighbours)} 个",
                f"the sector has {answer.total} apps, of which the registry told {len(answer.neighbours)}",
            ),
            Text("向登记系统查询全部应用后重新检查", "ask the registry for all of them and check again"),
        )
    yield Satisfied(PLACE)
