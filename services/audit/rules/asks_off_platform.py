"""要基层报的数据材料经省级平台报送，并向外共享。

每一项都须经省级平台报送并共享，共享也可以是期限未过的计划。经本应用、其他应用或纸质报送，以及声明不共享、计划逾期的，
为违反；有登记的例外批准（批给应用、功能或数据项）的豁免。应用服务到的每个省都要有登记在册、已上线或下线中的省级平台：
已批准、在建的平台还不能报送，不算；某省没有的，该省待登记信息。经自有渠道的，只要有一个省已有平台即为违反。省级平台
自身只看是否共享。

----

What the grassroots hand in goes through the provincial platform and is shared onward.

Every item goes through the provincial platform and is shared onward, or will be by a day not past. Another channel
(the app itself, another app, paper), “not shared” or a plan whose day has passed is a violation, unless a derogation
on record covers the app, the feature or the item. For every province the app serves the registry must know a platform
that is online or retiring; one that is approved or being built collects nothing yet and does not count. Where a
province has none, the verdict waits for the registry; a channel beside the platform is a violation as soon as one
province has its platform. Of the provincial platform itself only the sharing is judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Exemption, Finding, Lack, Satisfied
from services.audit.readings import contents, derogations, items, lacks, plans, platforms
from services.manifest import ties
from services.manifest.model import NONE
from services.manifest.terms import Channel
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.audit.law import Case, Mark
    from services.manifest.model import Ask
    from services.manifest.neighbourhood import Neighbour

LABEL = "12.6"
ADDRESSES = ()
NOTHING = Text("没有要基层填表报数交材料", "nothing is asked of the grassroots")
SHARING = Text("数据共享", "data sharing")


def check(case: Case) -> Iterator[Mark]:
    """Judge channel and sharing of every ask of the grassroots."""
    for each in contents.grassroots_asks(case):
        if isinstance(each, Lack):
            yield each
        else:
            yield from _channel_unless_platform(case, *each)
            yield _sharing(case, *each)


def _channel_unless_platform(case: Case, place: str, ask: Ask) -> Iterator[Mark]:
    is_platform = items.is_platform(case)
    marks = [] if is_platform is True else list(_channel(case, place, ask))
    if isinstance(is_platform, tuple) and not all(isinstance(mark, Satisfied) for mark in marks):
        # While the app may be the platform itself, its channel cannot be held against it.
        yield from is_platform
        marks = [mark for mark in marks if isinstance(mark, Lack)]
    yield from marks


def _channel(case: Case, place: str, ask: Ask) -> Iterator[Mark]:
    at = f"{place}/channel"
    found = list(platforms.of_provinces(case, at))
    lacking = [each for each in found if isinstance(each, Lack)]
    if ask.channel is None:
        yield lacks.undeclared(at)
        yield from lacking
    elif ask.channel == Channel.PLATFORM:
        yield from lacking
        yield Satisfied(at)
    else:
        known = [each for each in found if not isinstance(each, Lack) and platforms.in_use(at, each) is True]
        mark = _unless_granted(case, _beside_platform(at, ask, known), place, ask)
        # A derogation makes it indifferent which provinces have a platform.
        yield from () if isinstance(mark, Exemption) else lacking
        if known or isinstance(mark, Exemption):
            yield mark


def _beside_platform(at: str, ask: Ask, known: list[Neighbour]) -> Finding:
    name, told = contents.called_item(ask), [lacks.told_name(each) for each in known]
    way = Text("", "") if ask.channel is None else Text(ask.channel.zh, ask.channel.en)
    return Finding(
        at,
        Text(
            f"{name.zh}经{way.zh}报送，未经省级平台{'、'.join(each.zh for each in told)}",
            f"{name.en} is handed in through {way.en}, beside the provincial platform "
            f"{'; '.join(each.en for each in told)}",
        ),
        Text(
            "改经省级平台报送，或取得例外批准",
            "have it handed in through the provincial platform, or obtain a derogation",
        ),
        tuple(each.app for each in known),
    )


def _sharing(case: Case, place: str, ask: Ask) -> Mark:
    at, shared = f"{place}/shared", ask.shared
    if shared is None:
        return lacks.undeclared(at)
    mark: Finding | Lack | None
    if shared == NONE:
        name = contents.called_item(ask)
        mark = Finding(
            at,
            Text(f"{name.zh}收集后不共享", f"{name.en} is not shared onward"),
            Text(
                "与需要的系统共享，或写明计划期限；或取得例外批准",
                "share it, or plan to by a day; or obtain a derogation",
            ),
        )
    else:
        mark = plans.linked(case, at, shared, SHARING)
    return _unless_granted(case, mark, place, ask) if isinstance(mark, Finding) else mark or Satisfied(at)


def _unless_granted(case: Case, finding: Finding, place: str, ask: Ask) -> Finding | Lack | Exemption:
    feature = derogations.Part(ask.feature, f"{place}/feature")
    item = derogations.Part(ties.item_key(ask), f"{place}/name")
    return derogations.unless_granted(case, LABEL, finding, feature=feature, item=item)
