"""What a sweep takes for the same case is judged the same: only the days that a case names can tell two days apart."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from services.audit.engine import verdicts
from services.audit.index import DAYS
from services.audit.regulation import LAW
from services.audit.sweeps import between, days_of
from services.manifest.model import canonical
from services.manifest.neighbourhood import Neighbourhood
from tests.property.strategies import worlds

if TYPE_CHECKING:
    from tests.property.strategies import World

_NEIGHBOURHOOD = TypeAdapter(Neighbourhood | None)
_FIRST, _LAST = date(2024, 1, 1), date(2028, 1, 1)


def named(world: World) -> set[bytes]:
    """Give every day that a case names."""
    around = _NEIGHBOURHOOD.dump_json(world.neighbourhood())
    return {*DAYS.findall(canonical(world.manifest())), *DAYS.findall(around), *days_of(LAW)}


@given(worlds(), st.dates(_FIRST, _LAST))
def test_days_between_the_same_days_give_the_same_verdicts(world: World, on: date) -> None:
    days, manifest, around = named(world), world.manifest(), world.neighbourhood()
    before = max((day for day in days if day < on.isoformat().encode()), default=b"2020-01-01")
    other = date.fromisoformat(before.decode()) + timedelta(days=1)
    if on.isoformat().encode() not in days:
        assert between(days, on) == between(days, other)
        assert verdicts(manifest, around, LAW, on) == verdicts(manifest, around, LAW, other)


@given(st.sets(st.dates(_FIRST, _LAST)), st.dates(_FIRST, _LAST), st.dates(_FIRST, _LAST))
def test_two_days_are_told_apart_where_a_named_day_parts_them(days: set[date], one: date, other: date) -> None:
    texts = [each.isoformat().encode() for each in days]
    is_same = [(one > each, one == each) for each in days] == [(other > each, other == each) for each in days]
    assert (between(texts, one) == between(texts, other)) == is_same
