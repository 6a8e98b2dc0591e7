"""The days of the nation, as they are written; they are told by how many days they lie before or after one of them."""

from __future__ import annotations

from datetime import date, timedelta

JUDGED_ON = date(2026, 9, 1)
"""The day on which the nation's apps are as they are declared: judge them on this one."""

_FIRST = date(2014, 1, 1)
_WRITTEN = [(_FIRST + timedelta(days=n)).isoformat() for n in range(16 * 366)]
_ZERO = (JUDGED_ON - _FIRST).days

OLDEST = (date(2016, 1, 1) - JUDGED_ON).days
REGULATED = (date(2024, 8, 6) - JUDGED_ON).days
"""The day on which the regulation came into force."""


def written(at: int) -> str:
    """Write the day that lies so many days after the day that is judged."""
    return _WRITTEN[_ZERO + at]
