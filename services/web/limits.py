"""How often a client may call."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Allowance:
    """The answer to one request: whether it may pass and how many more may.

    `reset_s` is in how many seconds the bucket is full again, or, for a refused request, the next one may pass.
    """

    is_granted: bool
    remaining: int
    reset_s: float


class RateLimit:
    """A token bucket per client: `burst` requests at once, refilled at `per_second`.

    A client is one number: the instant at which its bucket is full again. A client whose bucket is full is the same as
    an unknown one, so forgetting it costs nothing and memory stays within `max_clients`.
    """

    def __init__(self, per_second: float, burst: int, max_clients: int, clock: Callable[[], float]) -> None:
        """Take sizes and a monotonic `clock` in seconds."""
        self._interval_s = 1 / per_second
        self._burst = burst
        self._max_clients = max_clients
        self._clock = clock
        self._full_at: dict[str, float] = {}

    @property
    def known_clients(self) -> int:
        """How many clients are remembered."""
        return len(self._full_at)

    @property
    def policy(self) -> bytes:
        """The RateLimit-Policy header: quota and window in seconds."""
        return f'"default";q={self._burst};w={math.ceil(self._burst * self._interval_s)}'.encode()

    def take(self, client: str) -> Allowance:
        """Take one request from the bucket of `client`, if it holds one."""
        now = self._clock()
        full_at = max(self._full_at.get(client, now), now)
        filling_s = self._burst * self._interval_s
        used_s = full_at - now + self._interval_s
        if used_s > filling_s + 1e-9:
            return Allowance(is_granted=False, remaining=0, reset_s=used_s - filling_s)
        if client not in self._full_at and len(self._full_at) >= self._max_clients:
            self._forget(now)
        self._full_at[client] = full_at + self._interval_s
        remaining = int((filling_s - used_s) / self._interval_s + 1e-6)
        return Allowance(is_granted=True, remaining=remaining, reset_s=used_s)

    def _forget(self, now: float) -> None:
        self._full_at = {client: full_at for client, full_at in self._full_at.items() if full_at > now}
        excess = len(self._full_at) - self._max_clients + max(1, self._max_clients // 10)
        # When all are busy, the longest known tenth goes at once, so that a flood of new clients does not make each
        # request walk the whole table.
        for client in list(self._full_at)[: max(0, excess)]:
            del self._full_at[client]
