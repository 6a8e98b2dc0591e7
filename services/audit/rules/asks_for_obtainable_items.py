"""能自动生成或共享获取的数据材料不再要基层报送。

声明可以共享获取或自动生成而仍要基层报的，为违反。声明没有其他来源的，与登记系统核对：服务区域有重叠、已上线的其他应
用持有并已对外共享该数据项，而它自己不向基层要、或者是省级平台、或者要得比本应用早，即为违反。已向村级要过的（本应用
或区域重叠的已上线应用），不再向乡级要。只核对经省级平台以外渠道（本应用、其他应用、纸质）的要求；经省级平台的算平台
自己的，不核对。只有计划、尚未共享的不算共享。区域、起始日期等影响结论而未声明的，待补充声明。

----

What systems can generate or share is no longer asked of the grassroots.

An item declared obtainable by sharing or generation is a violation. One declared not to be is compared with the
registry: it is a violation when another online app in an overlapping region holds the item and shares it already, and
does not itself ask the grassroots for it, or is the provincial platform, or has asked since an earlier day. What
villages have been asked for, by this app or by an online one in an overlapping region, is not asked of their town
again. Only asks by a channel other than the provincial platform (the app itself, another app, paper) are compared;
those through the platform are the platform's own. A plan to share is not sharing yet. What is undeclared and bears on
the answer, such as regions or the day since when an item is asked, is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Finding, Lack, Satisfied
from services.audit.readings import contents, items, lacks
from services.audit.readings.conditions import all_of, any_of, opposite
from services.manifest import ties
from services.manifest.model import NONE, Link
from services.manifest.terms import GRASSROOTS, Level, Stage
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from services.audit.law import Case, Mark
    from services.audit.readings.conditions import Condition
    from services.manifest.model import Ask
    from services.manifest.neighbourhood import Neighbour, OfferedAsk

LABEL = "12.7"
ADDRESSES = ()
NOTHING = Text("没有向基层要数据材料", "nothing is asked of the grassroots")
REMEDY = Text("改为共享获取，不再要求报送", "have it by sharing and ask for it no more")


def check(case: Case) -> Iterator[Mark]:
    """Judge every ask of the grassroots by its own declaration, and by what the registry knows of its item."""
    asked_of_villages = _asked_of_villages(case)
    for each in contents.grassroots_asks(case):
        if isinstance(each, Lack):
            yield each
            continue
        place, ask = each
        yield from _declared(place, ask)
        own = items.own_channel(place, ask)
        if own is True:
            yield from _elsewhere(case, place, ask, asked_of_villages)
        elif own:
            yield from own
        yield Satisfied(place)


def _asked_of_villages(case: Case) -> Mapping[str | None, str]:
    """Give the place of the first ask of villages for each item; None stands for an item without code and name."""
    asks = [
        (f"/asks/{i}", ask) for i, ask in enumerate(case.manifest.asks or ()) if Level.VILLAGE in (ask.levels or ())
    ]
    return {ties.item_key(ask): place for place, ask in reversed(asks)}


def _declared(place: str, ask: Ask) -> Iterator[Mark]:
    at, source = f"{place}/obtainable", ask.obtainable
    if source is None:
        yield lacks.undeclared(at)
    elif source != NONE and source.how is None and source.system is None:
        yield lacks.undeclared(f"{at}/how")
    elif source != NONE:
        name = contents.called_item(ask)
        how = Text("", "otherwise") if source.how is None else Text(source.how.zh, source.how.en)
        system = Text(f"从“{source.system}”", f" from “{source.system}”") if source.system else Text("", "")
        yield Finding(
            at,
            Text(f"{name.zh}可{system.zh}{how.zh or '另行'}取得", f"{name.en} can be had {how.en}{system.en}"),
            REMEDY,
        )


def _elsewhere(case: Case, place: str, ask: Ask, asked_of_villages: Mapping[str | None, str]) -> Iterator[Mark]:
    key = items.key(place, ask)
    if isinstance(key, Lack):
        yield key
        return
    levels = ask.levels or ()
    of_town = Level.TOWNSHIP in levels and Level.VILLAGE not in levels
    sources: list[Neighbour] = []
    given: list[Neighbour] = []
    for other in items.neighbours(case, place, key):
        if isinstance(other, Lack):
            yield other
            continue
        yield from _sort(other, _is_source(place, ask, other), sources)
        yield from _sort(other, of_town and _asks_villages(place, other), given)
    given_here = asked_of_villages.get(key) if of_town else None
    if sources:
        yield _held_by(place, ask, sources)
    if given or given_here:
        yield _given_by_villages(place, ask, given, given_here)
    if not (sources or given or given_here):
        yield from items.untold(case, place, key)
    if of_town and None in asked_of_villages:
        yield lacks.undeclared(f"{asked_of_villages[None]}/name")


def _sort(other: Neighbour, condition: Condition, holding: list[Neighbour]) -> Iterator[Lack]:
    """Put an app among those for which the condition holds, or say what is lacking to know it."""
    if condition is True:
        holding.append(other)
    elif condition:
        yield from condition


def _is_source(place: str, ask: Ask, other: Neighbour) -> Condition:
    """Tell whether another app holds and shares the item in such a way that it need not be asked for."""
    facts = other.facts
    shared = dict.fromkeys([*(each.shared for each in facts.asks), *(each.shared for each in facts.holdings)])
    shares = any_of(*(_shares(place, other, each) for each in shared))
    if shares is not False:
        shares = all_of(_is_online(place, other), items.shares_region(place, other), shares)
    if shares is False:
        return False
    reaching = [(each, _reaches(place, other, each, GRASSROOTS)) for each in dict.fromkeys(facts.asks)]
    return all_of(
        shares,
        any_of(
            opposite(any_of(*(reaches for _, reaches in reaching))),
            items.is_their_platform(place, other),
            *(all_of(reaches, _is_earlier(place, ask, other, each)) for each, reaches in reaching if reaches),
        ),
    )


def _asks_villages(place: str, other: Neighbour) -> Condition:
    """Tell whether another online app asks villages for the item."""
    villages = any_of(*(_reaches(place, other, each, frozenset({Level.VILLAGE})) for each in other.facts.asks))
    return all_of(_is_online(place, other), items.shares_region(place, other), villages)


def _is_online(place: str, other: Neighbour) -> Condition:
    return items.told(place, other, other.facts.stage, lambda stage: stage == Stage.ONLINE, items.STAGE)


def _reaches(place: str, other: Neighbour, theirs: OfferedAsk, levels: frozenset[Level]) -> Condition:
    return items.told(place, other, theirs.levels, lambda asked: not levels.isdisjoint(asked), items.LEVELS)


def _shares(place: str, other: Neighbour, shared: Link | str | None) -> Condition:
    if isinstance(shared, Link) and shared.to is None and shared.planned_by is None:
        shared = None
    return items.told(place, other, shared, lambda link: isinstance(link, Link) and link.to is not None, items.SHARED)


def _is_earlier(place: str, ask: Ask, other: Neighbour, theirs: OfferedAsk) -> Condition:
    since_on = ask.since_on
    if since_on is None:
        return (lacks.undeclared(f"{place}/since_on"),)
    return items.told(place, other, theirs.since_on, lambda day: day < since_on, items.SINCE)


def _held_by(place: str, ask: Ask, sources: list[Neighbour]) -> Finding:
    name, told = contents.called_item(ask), [lacks.told_name(each) for each in sources]
    return Finding(
        place,
        Text(
            f"{name.zh}已由{'、'.join(each.zh for each in told)}持有并共享",
            f"{name.en} is held and shared already by {'; '.join(each.en for each in told)}",
        ),
        REMEDY,
        tuple(each.app for each in sources),
    )


def _given_by_villages(place: str, ask: Ask, given: list[Neighbour], here: str | None) -> Finding:
    name, told = contents.called_item(ask), [lacks.told_name(each) for each in given]
    by_zh = "、".join([*(f"本应用（{at}）" for at in (here,) if at), *(each.zh for each in told)])
    by_en = "; ".join([*(f"this app at {at}" for at in (here,) if at), *(each.en for each in told)])
    return Finding(
        place,
        Text(
            f"向乡级要{name.zh}，而各村已报给{by_zh}",
            f"{name.en} is asked of townships, though their villages have given it to {by_en}",
        ),
        Text(
            "由村级已报的数据汇总取得，不再向乡级要",
            "sum it up from what the villages gave and ask the townships no more",
        ),
        tuple(each.app for each in given),
    )
