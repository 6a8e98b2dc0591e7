"""What is recorded of an organisation, and what stands against recording it: its days, and the tree it is part of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from services.manifest import divisions
from services.manifest.terms import Level, ManagedBy, Nature
from services.manifest.values import CreditCode, Day, DivisionCode, Line
from services.registry.refusals import Objection
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

MOST = 100
"""How many names, and how many parents, an organisation has had at most."""

DEEPEST = 32
"""How many organisations lie on the way from one to its root at most."""


class Stated(BaseModel):
    """What all parts of an organisation's record have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")


_Day = Annotated[Day, Field(strict=True)]
_FROM_ON = "第一天；只有第一项可以不写，即历来如此 · first day; only the first entry may leave it out: since ever"


class Name(Stated):
    """A name, until the next one begins."""

    name: Line = Field(description="全称 · full name")
    from_on: _Day | None = Field(default=None, description=_FROM_ON)


class Parent(Stated):
    """The organisation above, until the next entry begins."""

    organisation: CreditCode | None = Field(
        default=None,
        description="上级的统一社会信用代码，不写为没有上级 · credit code of the one above; left out: none",
    )
    from_on: _Day | None = Field(default=None, description=_FROM_ON)


class Organisation(Stated):
    """What is recorded of an organisation. What is not known is left out."""

    names: tuple[Name, ...] = Field(
        min_length=1, max_length=MOST, description="历次名称，按首日排列 · its names in the order of their first days"
    )
    parents: tuple[Parent, ...] = Field(
        default=(),
        max_length=MOST,
        description="历次上级，按首日排列；空为一直是部门的根 · those above it in the order of their first days",
    )
    level: Level | None = Field(default=None, description="层级 · level")
    division: DivisionCode | None = Field(default=None, description="所在行政区划代码 · where it sits")
    nature: Nature | None = Field(default=None, description="性质 · nature")
    managed_by: ManagedBy | None = Field(default=None, description="垂直管理 · vertically managed by")
    ended_on: _Day | None = Field(
        default=None, description="撤销或并入之日，当日起不再存在 · the first day on which it is no more"
    )
    merged_into: CreditCode | None = Field(
        default=None, description="并入的机构的统一社会信用代码 · credit code of the one it was merged into"
    )

    def name_on(self, on: date) -> str:
        """Give its name on a day; before its first name, the first."""
        named = [each.name for each in self.names if each.from_on is None or each.from_on <= on]
        return named[-1] if named else self.names[0].name


@dataclass(frozen=True, slots=True)
class Step:
    """Where the way to the root goes on, from a day up to, but without, another."""

    above: str
    from_on: date
    before_on: date
    is_merger: bool = False


def steps(organisation: Organisation) -> tuple[Step, ...]:
    """Give where the way from an organisation to its root goes on, in the order of days; at other times it is a root.

    From the day on which it was merged into another, that is where it goes on. One that ended without a successor
    stays where it was.
    """
    found = []
    for entry, before_on in _periods(organisation.parents, organisation.ended_on if organisation.merged_into else None):
        if entry.organisation is not None:
            found.append(Step(entry.organisation, entry.from_on or date.min, before_on))
    if organisation.merged_into is not None and organisation.ended_on is not None:
        found.append(Step(organisation.merged_into, organisation.ended_on, date.max, is_merger=True))
    return tuple(found)


def name_periods(organisation: Organisation) -> Iterator[tuple[Name, date]]:
    """Give its names, each with the day before which it was so."""
    return _periods(organisation.names, None)


def _periods(entries: Sequence[_Entry], last: date | None) -> Iterator[tuple[_Entry, date]]:
    for i, entry in enumerate(entries):
        following = entries[i + 1].from_on if i + 1 < len(entries) else None
        before_on = min(following or date.max, last or date.max)
        if (entry.from_on or date.min) < before_on:
            yield entry, before_on


def objections(code: str, stated: Organisation, today: date) -> Iterator[Objection]:
    """Find what stands against recording this of an organisation, whatever is recorded of others.

    Args:
        code: its credit code.
        stated: what is to be recorded.
        today: which day it is; what begins later is recorded when its day has come.

    """
    yield from _of_days("names", [each.from_on for each in stated.names], today)
    yield from _of_days("parents", [each.from_on for each in stated.parents], today)
    for i, parent in enumerate(stated.parents):
        if parent.organisation == code:
            yield _itself(f"/parents/{i}/organisation")
    yield from _of_end(code, stated, today)
    yield from _of_division(stated, today)


def _of_days(part: str, days: Sequence[date | None], today: date) -> Iterator[Objection]:
    for i, day in enumerate(days):
        place = f"/{part}/{i}/from_on"
        if day is None and i:
            fact = Text("只有第一项可以不写首日", "only the first entry may leave out its first day")
            yield Objection(place, fact, Text("写明首日", "give its first day"))
        elif day is not None and day > today:
            yield _to_come(place, day)
    for i, (earlier, later) in enumerate(pairwise(days), start=1):
        if earlier is not None and later is not None and later <= earlier:
            fact = Text(f"{later} 不晚于前一项的 {earlier}", f"{later} is not after {earlier} of the entry before")
            remedy = Text("按首日先后排列，每项一个首日", "put the entries in the order of their first days, one a day")
            yield Objection(f"/{part}/{i}/from_on", fact, remedy)


def _of_end(code: str, stated: Organisation, today: date) -> Iterator[Objection]:
    ended_on = stated.ended_on
    if stated.merged_into == code:
        yield _itself("/merged_into")
    if ended_on is None:
        if stated.merged_into is not None:
            fact = Text("写了并入的机构，没有写日期", "it was merged into another one, but no day is given")
            yield Objection("/ended_on", fact, Text("写明并入之日", "give the day of the merger"))
        return
    if ended_on > today:
        yield _to_come("/ended_on", ended_on)
    days = [*(each.from_on for each in stated.names), *(each.from_on for each in stated.parents)]
    begun = [day for day in days if day is not None]
    if begun and ended_on <= max(begun):
        fact = Text(f"{ended_on} 不晚于 {max(begun)} 的变更", f"{ended_on} is not after a change of {max(begun)}")
        yield Objection("/ended_on", fact, Text("更正其中一个日期", "correct one of the two days"))


def _of_division(stated: Organisation, today: date) -> Iterator[Objection]:
    code = stated.division
    on = min(today, stated.ended_on or today)
    if code is not None and not divisions.exists(code, on):
        yield Objection("/division", *outdated(code, on))


def outdated(code: str, on: date) -> tuple[Text, Text]:
    """Say that a division code is not valid on a day, and what to do."""
    name = divisions.name(code) or code
    fact = Text(f"区划代码 {code}（{name}）在 {on} 无效", f"the division code {code} ({name}) is not valid on {on}")
    after = divisions.successors(code)
    if not after:
        return fact, Text("改用当日有效的区划代码", "use a code that is valid on that day")
    listed = "、".join(f"{each}（{divisions.name(each) or '？'}）" for each in after)
    return fact, Text(f"其区域现属 {listed}", f"its area now belongs to {', '.join(after)}")


def cycle(code: str, stated: Organisation, above: Callable[[str], Iterable[Step]]) -> tuple[str, ...]:
    """Find a way that would lead from an organisation back to itself on some day; empty when there is none.

    Args:
        code: its credit code.
        stated: what is to be recorded of it. What is recorded of all others has no cycle on any day.
        above: gives where the way goes on from another one.

    """
    found: dict[str, tuple[Step, ...]] = {code: steps(stated)}
    ways: list[tuple[tuple[str, ...], date, date]] = [((code,), date.min, date.max)]
    while ways:
        way, from_on, before_on = ways.pop()
        here = way[-1]
        if here not in found:
            found[here] = tuple(above(here))
        for step in found[here]:
            start, end = max(from_on, step.from_on), min(before_on, step.before_on)
            if start >= end:
                continue
            longer = (*way, step.above)
            # One that is too long is refused like one that never ends.
            if step.above == code or len(longer) > DEEPEST:
                return longer
            ways.append((longer, start, end))
    return ()


def circular(way: Sequence[str]) -> Objection:
    """Say that an organisation would stand above itself, or too deep below its root."""
    shown = " → ".join(way)
    if way[0] != way[-1]:
        fact = Text(f"到根的层次超过 {DEEPEST}：{shown}", f"the way to the root has more than {DEEPEST} steps: {shown}")
    else:
        fact = Text(f"上下级成环：{shown}", f"it would stand above itself: {shown}")
    return Objection(
        "/parents", fact, Text("更正上级或并入的机构，或其日期", "correct who stands above it, or since when")
    )


def _itself(place: str) -> Objection:
    fact = Text(
        "机构不能是自己的上级或并入自己", "an organisation stands neither above itself nor is it merged into itself"
    )
    return Objection(place, fact, Text("写另一个机构的代码", "give the code of another one"))


def _to_come(place: str, day: date) -> Objection:
    fact = Text(f"{day} 还没有到来", f"{day} lies in the future")
    return Objection(place, fact, Text("到那一天再登记", "record it when the day has come"))


if TYPE_CHECKING:
    from typing import TypeVar

    _Entry = TypeVar("_Entry", Name, Parent)
