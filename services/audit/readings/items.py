"""The same item elsewhere: which asks are compared, and what other apps say of an item (12.7, 12.8, 12.10).

An ask through the provincial platform is the platform's own ask and counts once, so only asks by another channel are
compared: by the app itself, by another app or on paper.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from services.audit.law import Lack
from services.audit.readings import lacks
from services.audit.readings.once import once
from services.manifest import ties
from services.manifest.terms import Channel
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.audit.law import Case
    from services.audit.readings.conditions import Condition
    from services.manifest.model import Ask
    from services.manifest.neighbourhood import Neighbour

T = TypeVar("T")

CHANNEL = Text("报送渠道", "the channel of its asks")
LEVELS = Text("要求的层级", "the levels it asks")
PERIOD = Text("周期", "the period of its asks")
REGIONS = Text("服务区域", "the regions it serves")
ROLE = Text("角色", "its role")
SHARED = Text("是否共享", "whether it shares the item")
SINCE = Text("起始日期", "since when it asks")
STAGE = Text("阶段", "its stage")


def own_channel(place: str, ask: Ask) -> Condition:
    """Tell whether an ask goes by any way but the provincial platform."""
    return (lacks.undeclared(f"{place}/channel"),) if ask.channel is None else ask.channel != Channel.PLATFORM


def key(place: str, ask: Ask) -> str | Lack:
    """Give the key by which an item is known, or say that its code and name are both undeclared."""
    return ties.item_key(ask) or lacks.undeclared(f"{place}/name")


@once
def is_platform(case: Case) -> Condition:
    """Tell whether the app is itself the provincial platform."""
    sponsor = case.manifest.sponsor
    found = ties.is_provincial_platform(case.manifest.role, None if sponsor is None else sponsor.level)
    return (lacks.undeclared("/role"),) if found is None else found


def is_their_platform(place: str, neighbour: Neighbour) -> Condition:
    """Tell whether another app is a provincial platform."""
    found = ties.is_provincial_platform(neighbour.facts.role, neighbour.facts.level)
    return (lacks.neighbour_undeclared(place, neighbour, ROLE),) if found is None else found


def neighbours(case: Case, place: str, item: str) -> Iterator[Neighbour | Lack]:
    """Give the other apps that ask for, hold or share an item in a region in common; say where that cannot be known."""
    if case.manifest.regions is None:
        yield lacks.undeclared("/regions")
        return
    answer = case.tie(ties.item_tie(item))
    if answer is None:
        yield lacks.registry_silent(place)
    else:
        yield from answer.neighbours


def untold(case: Case, place: str, item: str) -> Iterator[Lack]:
    """Say that the registry told only some of the other apps; what the others say of the item is not known."""
    answer = None if case.manifest.regions is None else case.tie(ties.item_tie(item))
    if answer is not None and answer.total > len(answer.neighbours):
        total, told = answer.total, len(answer.neighbours)
        yield lacks.registry_lacks(
            place,
            Text(
                f"登记系统中有 {total} 个应用涉及该数据项，只答复了其中 {told} 个",
                f"the registry knows {total} apps that deal with the item and told {told} of them",
            ),
            Text("向登记系统索取全部应用后重新检查", "check again with all of them told by the registry"),
        )


def told(place: str, neighbour: Neighbour, value: T | None, test: Callable[[T], bool], what: Text) -> Condition:
    """Test a fact that another app declares; say so when it leaves it undeclared."""
    return (lacks.neighbour_undeclared(place, neighbour, what),) if value is None else test(value)


def shares_region(place: str, neighbour: Neighbour) -> Condition:
    """Tell whether a neighbour's regions are declared: then the registry has found that they overlap with ours."""
    return told(place, neighbour, neighbour.facts.regions, lambda _: True, REGIONS)
