"""What several rules make of a case in the same way is made once."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from services.audit.law import Case

T = TypeVar("T")


def once(reading: Callable[[Case], T]) -> Callable[[Case], T]:
    """Make a reading of a case when it is first asked for, and keep it with the case."""

    @wraps(reading)
    def kept(case: Case) -> T:
        try:
            found: T = case.readings[reading]
        except KeyError:
            found = case.readings[reading] = reading(case)
        return found

    return kept


def listed_once(reading: Callable[[Case], Iterable[T]]) -> Callable[[Case], tuple[T, ...]]:
    """Keep all that a reading yields."""

    @wraps(reading)
    def kept(case: Case) -> tuple[T, ...]:
        try:
            found: tuple[T, ...] = case.readings[reading]
        except KeyError:
            found = case.readings[reading] = tuple(reading(case))
        return found

    return kept
