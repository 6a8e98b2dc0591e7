"""省级平台已收集的不要求另行报送。

本应用服务区域的省级平台已收集的数据项，本应用又经其他渠道（本应用、其他应用、纸质）要基层报的，为违反。已收集，指登
记在册、已上线或下线中的省级平台要该数据项，或者已上线或下线中的应用、本应用自己经省级平台要该数据项：经省级平台的要
求就是平台的要求。服务到的每个省都要有登记在册、已上线或下线中的省级平台（已批准、在建的还不能收集，不算），没有的待
登记信息。省级平台自身不适用。

----

What the provincial platform collects is not asked for separately.

It is a violation to ask the grassroots by another channel (the app itself, another app, paper) for an item that a
provincial platform in the region collects already: when the platform, online or retiring, asks for it, or when an app
that is online or retiring, or this app itself, asks for it through the platform, for such an ask is the platform's
own. For every province the app serves the registry must know a platform that is online or retiring (one approved or
being built collects nothing yet); otherwise the verdict waits for the registry. The platform itself is not addressed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Finding, Lack, Satisfied
from services.audit.readings import addressed, contents, items, lacks, platforms
from services.audit.readings.conditions import all_of, any_of
from services.manifest import ties
from services.manifest.terms import Channel
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from services.audit.law import Case, Mark
    from services.audit.readings.conditions import Condition
    from services.manifest.model import Ask
    from services.manifest.neighbourhood import Neighbour

LABEL = "12.10"
ADDRESSES = (addressed.no_provincial_platform,)
NOTHING = Text("没有向基层要数据材料", "nothing is asked of the grassroots")


def check(case: Case) -> Iterator[Mark]:
    """Judge every ask of the grassroots by what the provincial platform collects already."""
    asks = list(contents.grassroots_asks(case))
    through_platform = {
        ties.item_key(ask): place
        for place, ask in (each for each in reversed(asks) if not isinstance(each, Lack))
        if ask.channel == Channel.PLATFORM
    }
    for each in asks:
        if isinstance(each, Lack):
            yield each
            continue
        own = items.own_channel(*each)
        if own is True:
            yield from _judge(case, *each, through_platform)
        elif own:
            yield from own
        yield Satisfied(each[0])


def _judge(case: Case, place: str, ask: Ask, through_platform: Mapping[str | None, str]) -> Iterator[Mark]:
    key = items.key(place, ask)
    if isinstance(key, Lack):
        yield key
        return
    collecting: list[Neighbour] = []
    for other in items.neighbours(case, place, key):
        condition = (other,) if isinstance(other, Lack) else _collects(place, other)
        if isinstance(condition, tuple):
            yield from condition
        elif condition and not isinstance(other, Lack):
            collecting.append(other)
    here = through_platform.get(key)
    if collecting or here:
        yield _separate(place, ask, collecting, here)
    else:
        yield from items.untold(case, place, key)
    if None in through_platform:
        yield lacks.undeclared(f"{through_platform[None]}/name")
    yield from (each for each in platforms.of_provinces(case, place) if isinstance(each, Lack))


def _collects(place: str, other: Neighbour) -> Condition:
    """Tell whether the platform collects the item: it asks for it, or another app in use does so through it."""
    facts = other.facts
    if not facts.asks:
        return False
    through = (
        items.told(place, other, each.channel, lambda channel: channel == Channel.PLATFORM, items.CHANNEL)
        for each in facts.asks
    )
    is_platform = items.is_their_platform(place, other)
    return all_of(
        platforms.in_use(place, other),
        items.shares_region(place, other),
        any_of(is_platform, *through),
    )


def _separate(place: str, ask: Ask, collecting: list[Neighbour], here: str | None) -> Finding:
    name, told = contents.called_item(ask), [lacks.told_name(each) for each in collecting]
    by_zh = "、".join([*(f"本应用（{at}）" for at in (here,) if at), *(each.zh for each in told)])
    by_en = "; ".join([*(f"this app at {at}" for at in (here,) if at), *(each.en for each in told)])
    way = Text("", "") if ask.channel is None else Text(ask.channel.zh, ask.channel.en)
    return Finding(
        f"{place}/channel",
        Text(
            f"省级平台已收集{name.zh}（{by_zh}），又要求经{way.zh}另行报送",
            f"the provincial platform collects {name.en} already ({by_en}); it is asked separately through {way.en}",
        ),
        Text("取消另行报送，从省级平台取得", "ask for it no more and have it from the provincial platform"),
        tuple(each.app for each in collecting),
    )
