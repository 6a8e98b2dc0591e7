"""Noticing who is due, and making it a job. Nothing is lost if that stops: whoever is due stays due."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from services.registry.store import deliveries
from services.registry.webhooks.delivering import DELIVER, REDELIVER
from services.web import log_event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from services.jobs import Jobs
    from services.registry.store.database import Database
    from services.registry.store.deliveries import Due, Letter

    Read = Callable[[Callable[[Database], Sequence[Due | Letter]]], Awaitable[Sequence[Due | Letter]]]

AGAIN_S = 60
"""After how long whoever is still due gets another job, in case the one before came to nothing."""

_LOG = logging.getLogger("govapp.webhooks")


@asynccontextmanager
async def dispatching(read: Read, jobs: Jobs, poll_s: float) -> AsyncIterator[None]:
    """Look who is due until the block ends."""
    looking = asyncio.create_task(Dispatch(read, jobs, poll_s).run())
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


class Dispatch:
    """Looks who is due, and enqueues a job for each.

    Every process looks, and the same due is the same job by its id: it is done once. A job that comes twice all the
    same, because the first took long, finds that there is nothing left to do.
    """

    def __init__(self, read: Read, jobs: Jobs, poll_s: float) -> None:
        """Take how the database is asked, where jobs are kept, and how often to look."""
        self._read = read
        self._jobs = jobs
        self._poll_s = poll_s
        self._kept: dict[str, str] = {}

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            if self._jobs.is_running:
                try:
                    await self._look()
                except Exception:  # noqa: BLE001 - a database that is away comes back, and so must this
                    log_event(_LOG, "webhooks.not_dispatched", level=logging.WARNING, failed=True)
            await asyncio.sleep(self._poll_s)

    async def _look(self) -> None:
        bucket = int(time.time() // AGAIN_S)
        kept: dict[str, str] = {}
        for due in [*await self._read(deliveries.behind), *await self._read(deliveries.ordered)]:
            task, key, arguments = _job(due)
            thing = ":".join(map(str, (task, *arguments[:2])))
            id = ":".join(map(str, (task, *arguments, bucket)))
            if self._kept.get(thing) != id:
                await self._jobs.enqueue(task, id, *arguments, key=key)
            kept[thing] = id
        self._kept = kept


def _job(due: Due | Letter) -> tuple[str, str, tuple[str | int, ...]]:
    """Give the task for whoever is due, its key, and its arguments."""
    if isinstance(due, deliveries.Due):
        return DELIVER, due.id, (due.id, due.version, due.cursor, due.tries)
    return REDELIVER, due.subscription, (due.subscription, due.revision, due.attempts)
