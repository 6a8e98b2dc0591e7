"""When a failed delivery is tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

JITTER = 0.25
"""By which share a wait is made longer at most, so that those who failed together do not come back together."""

LONGEST_ASKED_S = 86_400
"""The longest wait that a receiver may ask for."""


def wait_s(tries: int, delays_s: Sequence[float], asked_s: float, chance: float) -> float | None:
    """Give the seconds until the next attempt; None: there is no other one.

    Args:
        tries: how many attempts had failed before the one that has just failed.
        delays_s: the waits before each further attempt.
        asked_s: how long the receiver asked us to wait (`Retry-After`); we wait at least that.
        chance: a random number from 0 to 1.

    """
    if tries >= len(delays_s):
        return None
    return max(delays_s[tries] * (1 + JITTER * chance), min(asked_s, LONGEST_ASKED_S))
