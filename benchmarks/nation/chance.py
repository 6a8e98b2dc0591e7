"""Chance that repeats: each app draws from a source of its own, made of the seed and the app's number."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


class Chance:
    """What one app draws from. The same seed and number always give the same draws, on every machine."""

    def __init__(self, seed: int, number: int) -> None:
        """Begin the draws of the app of this number."""
        # Both are whole numbers, of which Python promises to make the same sequence in every version.
        self._next = Random(seed << 40 | number).random

    def happens(self, probability: float) -> bool:
        """Tell whether something of this probability happens."""
        return self._next() < probability

    def below(self, end: int) -> int:
        """Give a whole number from 0 up to, but without, `end`."""
        return int(self._next() * end)

    def one(self, choices: Sequence[T]) -> T:
        """Give one of the choices, all equally likely; to make one likelier, name it more than once."""
        return choices[int(self._next() * len(choices))]

    def some(self, choices: Sequence[T], count: int) -> list[T]:
        """Give that many different choices, or all of them when there are no more, in the order in which they stand."""
        at = {int(self._next() * len(choices)) for _ in range(count)}
        return [choices[i] for i in sorted(at)]

    def popular(self, end: int) -> int:
        """Give a whole number from 0 up to, but without, `end`: the n-th about half as likely as the (n/2)-th.

        This is Zipf's law: what few use most, most use seldom.
        """
        return int((end + 1) ** self._next()) - 1
