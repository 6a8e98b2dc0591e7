"""Waiting for the registry revision to move on: many requests wait, and one small question is asked for all of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from services.web import OVERLOADED, Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request


class Watch:
    """Asks for the registry revision while anybody waits for it; whoever waits holds neither thread nor connection."""

    def __init__(self, ask: Callable[[], Awaitable[int]], interval_s: float, at_most: int) -> None:
        """Take how the registry revision is asked for, how often, and how many may wait at most."""
        self._ask = ask
        self._interval_s = interval_s
        self._at_most = at_most
        self._waiting = 0
        self._reached = -1
        self._asking: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return self._waiting

    async def beyond(self, revision: int, wait_s: float) -> bool:
        """Wait until the registry has moved beyond a revision, and tell whether it has within the seconds given.

        Raises:
            Problem: `overloaded` (503) when too many wait already, or why the registry revision cannot be had.

        """
        if self._waiting >= self._at_most:
            raise Problem(OVERLOADED, headers={"Retry-After": "5"})
        self._waiting += 1
        try:
            async with asyncio.timeout(wait_s):
                await self._moved_beyond(revision)
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1
            if not self._waiting and self._asking is not None:
                self._asking.cancel()
                self._asking = None
        return True

    async def _moved_beyond(self, revision: int) -> None:
        while self._reached <= revision:
            if self._asking is None:
                self._asking = asyncio.create_task(self._keep_asking())
            elif self._asking.done():
                # It ends by failing only: whoever waits is told so, and the next one to come asks again.
                ended, self._asking = self._asking, None
                ended.result()
                continue
            news = self._news
            await news.wait()

    async def _keep_asking(self) -> None:
        try:
            while True:
                reached = await self._ask()
                if reached != self._reached:
                    self._reached = reached
                    self._tell()
                await asyncio.sleep(self._interval_s)
        finally:
            # The task is done once this returns, and waiters run after that.
            self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


def watch_of(request: Request) -> Watch:
    """Give the watch of the service that answers `request`."""
    watch: Watch = request.state.watch
    return watch
