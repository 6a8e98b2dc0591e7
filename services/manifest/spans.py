"""Spans: the division codes that overlap some regions, as a few stretches of their order.

Codes that overlap a region are those of its ancestors, the region's own, and those below it. In the order of codes
these are spans that do not meet, so whoever keeps codes in order finds everything by a few searches.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from services.manifest import divisions

if TYPE_CHECKING:
    from collections.abc import Iterable

Span = tuple[str, str]
"""Division codes from the first up to, but without, the second."""


def spans(regions: Iterable[str]) -> tuple[Span, ...]:
    """Give the spans of the division codes that overlap one of the regions: in order, and no two meet.

    Raises:
        ValueError: a region is no division code.

    """
    return _spans(tuple(regions))


@lru_cache(1 << 14)
def _spans(regions: tuple[str, ...]) -> tuple[Span, ...]:
    largest: list[str] = []
    for region in sorted(map(divisions.normalise, regions)):
        if not largest or not region.startswith(largest[-1]):
            largest.append(region)
    above = {code for region in largest for code in divisions.ancestors(region)[:-1]}
    # A colon follows the nine, and every longer code continues with a digit.
    return tuple(sorted([*((code, f"{code}0") for code in above), *((code, f"{code}:") for code in largest)]))
