"""不再要求重复报送纸质材料。

向县级及以下单位要的每一项，另要纸质件（打印、签字、盖章）的为违反，不论经什么渠道报送；是否另要纸质件须声明。

----

Paper copies are not demanded again.

Every item asked of units at county level or below for which paper is wanted too (printing, signature or stamp) is a
violation, whatever the channel. Whether paper is wanted is declared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Finding, Lack, Satisfied
from services.audit.readings import contents, lacks
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.audit.law import Case, Mark
    from services.manifest.model import Ask

LABEL = "12.9"
ADDRESSES = ()
NOTHING = Text("没有向基层要数据材料", "nothing is asked of the grassroots")


def check(case: Case) -> Iterator[Mark]:
    """Judge every ask of the grassroots by whether it wants paper too."""
    for each in contents.grassroots_asks(case):
        yield each if isinstance(each, Lack) else _judge(*each)


def _judge(place: str, ask: Ask) -> Mark:
    at = f"{place}/paper"
    if ask.paper is None:
        return lacks.undeclared(at)
    if not ask.paper:
        return Satisfied(at)
    name = contents.called_item(ask)
    return Finding(
        at,
        Text(f"{name.zh}另要报送纸质件", f"{name.en} is wanted on paper too"),
        Text("取消打印、签字、盖章后再报的要求", "no longer demand it printed, signed or stamped"),
    )
