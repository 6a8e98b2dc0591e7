"""同类材料最多报一次。

同一数据项、同一周期，另一个在运行的应用（已批准、在建、已上线、下线中）在重叠的区域向相同的基层层级要，或者本应用自
己要两次的，为违反。同一数据项按另一周期要的，转人工判断。只比较经省级平台以外渠道（本应用、其他应用、纸质）的要求：
经省级平台的算平台自己的，只算一次。省级平台只在自身范围内比较，不论渠道。对方没有声明而影响结论的，待其补充声明；本
应用没有声明服务区域的，不与其他应用比较，待补充声明。

----

Materials of the same kind are reported at most once.

It is a violation when another running app (approved, building, online or retiring) asks the same grassroots level in
an overlapping region for the same item for the same period, or when this app asks for it twice. The same item for
another period is put to a person. Only asks by a channel other than the provincial platform (the app itself, another
app, paper) are compared: those through the platform are the platform's own and count once. The platform is compared
only within itself, whatever the channel. What the other app leaves undeclared and bears on the answer is asked for;
an app that does not declare its regions is not compared with others until it does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Finding, Lack, Satisfied
from services.audit.readings import contents, items, lacks
from services.audit.readings.conditions import all_of, any_of, opposite
from services.manifest import ties
from services.manifest.terms import GRASSROOTS, RUNNING, Channel
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.audit.law import Case, Mark
    from services.audit.readings.conditions import Condition
    from services.manifest.model import Ask
    from services.manifest.neighbourhood import Neighbour, OfferedAsk

LABEL = "12.8"
ADDRESSES = ()
NOTHING = Text("没有向基层要数据材料", "nothing is asked of the grassroots")


def check(case: Case) -> Iterator[Mark]:
    """Compare every ask of the grassroots with the others of this app and with those of other apps."""
    asks: list[tuple[str, Ask]] = []
    for each in contents.grassroots_asks(case):
        if isinstance(each, Lack):
            yield each
        else:
            asks.append(each)
            yield from _beside_others(case, *each)
            yield Satisfied(each[0])
    yield from _within(case, asks)


def _counts(case: Case, place: str, ask: Ask) -> Condition:
    """Tell whether an ask is the app's own: the platform's asks all are, another app's only by another channel."""
    return any_of(items.own_channel(place, ask), items.is_platform(case))


def _beside_others(case: Case, place: str, ask: Ask) -> Iterator[Mark]:
    """Compare an ask with those of other apps, which leaves out the platform and what goes through it."""
    key, own, is_platform = items.key(place, ask), items.own_channel(place, ask), items.is_platform(case)
    if isinstance(key, Lack):
        yield from () if _counts(case, place, ask) is False else (key,)
    elif is_platform is True or own is False:
        return
    elif own is not True:
        yield from own
    else:
        yield from _others(case, place, ask, key)


def _others(case: Case, place: str, ask: Ask, key: str) -> Iterator[Mark]:
    repeated: list[Neighbour] = []
    differently: list[Neighbour] = []
    lacking: dict[Lack, None] = {}
    for other in items.neighbours(case, place, key):
        if isinstance(other, Lack):
            yield other
            continue
        for found, condition in zip((repeated, differently), _compare(case, place, ask, other), strict=True):
            if condition is True:
                found.append(other)
            elif condition:
                lacking.update(dict.fromkeys(condition))
    yield from lacking
    if repeated:
        yield _repeated(place, ask, [lacks.told_name(each) for each in repeated], repeated)
    else:
        yield from items.untold(case, place, key)
    if differently:
        yield _another_period(place, ask, [lacks.told_name(each) for each in differently], differently)


def _compare(case: Case, place: str, ask: Ask, other: Neighbour) -> tuple[Condition, Condition]:
    """Tell whether another app asks the same levels for the item for the same period, and whether for another one."""
    facts = other.facts
    if not facts.asks:
        return False, False
    beside = all_of(
        opposite(items.is_platform(case)),
        items.told(place, other, facts.stage, lambda stage: stage in RUNNING, items.STAGE),
        items.shares_region(place, other),
    )
    if beside is False:
        return False, False
    asks = [(each, _meets(place, ask, other, each)) for each in dict.fromkeys(facts.asks)]
    met = [(all_of(beside, meets), _is_same_period(place, ask, other, each)) for each, meets in asks if meets]
    is_repeated = any_of(*(all_of(meets, is_same) for meets, is_same in met))
    if is_repeated is True:
        return True, False
    return is_repeated, any_of(*(all_of(meets, opposite(is_same)) for meets, is_same in met))


def _meets(place: str, ask: Ask, other: Neighbour, theirs: OfferedAsk) -> Condition:
    """Tell whether an ask of another app reaches, by its own channel, grassroots levels that ours reaches."""
    ours = GRASSROOTS.intersection(ask.levels or ())
    return all_of(
        items.told(place, other, theirs.channel, lambda channel: channel != Channel.PLATFORM, items.CHANNEL),
        items.told(place, other, theirs.levels, lambda levels: not ours.isdisjoint(levels), items.LEVELS),
    )


def _is_same_period(place: str, ask: Ask, other: Neighbour, theirs: OfferedAsk) -> Condition:
    if ask.period is None:
        return (lacks.undeclared(f"{place}/period"),)
    return items.told(place, other, theirs.period, lambda period: period == ask.period, items.PERIOD)


def _within(case: Case, asks: Sequence[tuple[str, Ask]]) -> Iterator[Mark]:
    """Compare the asks of one item with each other, those that are alike only once."""
    seen: dict[str, dict[object, tuple[str, Ask]]] = {}
    for place, ask in asks:
        key = ties.item_key(ask)
        if key is None:
            continue
        earlier = seen.setdefault(key, {})
        for other_place, other in earlier.values():
            yield from _pair(case, (place, ask), (other_place, other))
        earlier.setdefault((ask.period, ask.levels, ask.channel), (place, ask))


def _pair(case: Case, one: tuple[str, Ask], other: tuple[str, Ask]) -> Iterator[Finding | Lack]:
    (place, ask), (other_place, theirs) = one, other
    common = GRASSROOTS.intersection(ask.levels or ()).intersection(theirs.levels or ())
    undeclared = [at for at, period in ((place, ask.period), (other_place, theirs.period)) if period is None]
    is_same: Condition = tuple(lacks.undeclared(f"{at}/period") for at in undeclared) or ask.period == theirs.period
    both = all_of(_counts(case, *one), _counts(case, *other), bool(common))
    here = Text(f"本应用（{other_place}）", f"this app at {other_place}")
    repeated, differently = all_of(both, is_same), all_of(both, opposite(is_same))
    if repeated is True:
        yield _repeated(place, ask, [here], ())
    elif differently is True:
        yield _another_period(place, ask, [here], ())
    elif repeated:
        yield from repeated
    elif differently:
        yield from differently


def _repeated(place: str, ask: Ask, by: Sequence[Text], others: Sequence[Neighbour]) -> Finding:
    name, period = contents.called_item(ask), ask.period
    often = Text("", "") if period is None else Text(period.zh, period.en)
    return Finding(
        place,
        Text(
            f"{name.zh}（{often.zh}）已由{'、'.join(each.zh for each in by)}向相同层级要",
            f"{name.en} ({often.en}) is asked of the same levels by {'; '.join(each.en for each in by)} as well",
        ),
        Text("只保留一处报送，其余共享取得", "keep one of them and have the item by sharing elsewhere"),
        tuple(each.app for each in others),
    )


def _another_period(place: str, ask: Ask, by: Sequence[Text], others: Sequence[Neighbour]) -> Lack:
    name = contents.called_item(ask)
    return lacks.ask_person(
        f"{place}/period",
        Text(
            f"{name.zh}另由{'、'.join(each.zh for each in by)}按别的周期向相同层级要：是否属同类材料重复报送？",
            f"{name.en} is asked of the same levels for another period by {'; '.join(each.en for each in by)}: "
            "is it reported twice?",
        ),
        Text("合并报送，或由审批部门认定", "report it once, or have the authority decide"),
        tuple(each.app for each in others),
    )
