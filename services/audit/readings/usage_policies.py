"""使用要求: what usage policies demand, and by which parts of an entry they break a rule (14.1, 14.2, 14.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Lack, Satisfied
from services.audit.readings import contents, lacks
from services.manifest.model import NONE
from services.manifest.terms import Measure, Period
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from collections.abc import Set as AbstractSet

    from services.audit.law import Case, Finding, Mark
    from services.manifest.model import UsagePolicy

OF_USE = frozenset(Measure) - {Measure.ENTER_DATA}
"""Measures of installing and using the app itself; how much data is entered is none of them."""

NOT_REGULAR = frozenset({Period.ONCE, Period.AS_NEEDED})
"""Rhythms that repeat nothing at fixed times."""


def judge(
    case: Case,
    measures: AbstractSet[Measure],
    parts: tuple[str, ...],
    finding: Callable[[str, str, UsagePolicy], Finding],
) -> Iterator[Mark]:
    """Judge the usage-policy entries on some measures by some of their parts: one finding for each part that demands.

    Where a part breaks the rule, the parts of that entry that are undeclared are not asked for: they could not mend it.

    Args:
        case: the case.
        measures: the measures the rule addresses.
        parts: names of the fields that break the rule when they demand something.
        finding: makes a finding of the pointer of an entry, the part and the entry.
    """
    for each in contents.usage_policies(case, measures):
        if isinstance(each, Lack):
            yield each
            continue
        place, entry = each
        if breaking := [part for part in parts if demands(getattr(entry, part))]:
            yield from (finding(place, part, entry) for part in breaking)
        elif missing := [part for part in parts if getattr(entry, part) is None]:
            yield from (lacks.undeclared(f"{place}/{part}") for part in missing)
        else:
            yield Satisfied(place)


def demands(value: object) -> bool:
    """Tell whether a part of an entry, or the rhythm of a feature, demands something: declared, not "none" or false."""
    if isinstance(value, Period):
        return value not in NOT_REGULAR
    return value is not None and value is not False and value != NONE


def told(entry: UsagePolicy) -> tuple[Text, Text, Text]:
    """Name who imposes an entry, for the beginning of a sentence, on whom, and what is demanded or counted."""
    whom, what = entry.on_whom, entry.measure
    return (
        lacks.imposer(entry.imposed_by),
        Text(whom or "用户", whom or "users"),
        Text("使用", "use") if what is None else Text(what.zh, what.en),
    )
