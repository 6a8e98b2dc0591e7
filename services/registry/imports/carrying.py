"""Carrying imports on: the durable work behind them, which goes on by itself after whatever stopped it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from services.jobs import Task
from services.registry.import_tables import Import, State
from services.registry.imports import applying, reading
from services.registry.refusals import UnknownError
from services.registry.store import imports
from services.registry.store.database import UnavailableError
from services.web import log_event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import timedelta

    from services.jobs import Job, Jobs
    from services.registry.store.database import Database

TASK = "imports"
AT_ONCE = 2
"""Imports that one process works on at the same time."""

_LOG = logging.getLogger("govapp.registry")
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 30.0


def task(database: Database, max_offers: int, processes: int = 0) -> Task:
    """Give the task that carries an import on, to be enqueued with `enqueue`.

    Args:
        database: where.
        max_offers: how many offers one app may make at most.
        processes: how many processes beside this one read a large file of documents.

    """

    def run(job: Job, id: str) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            job.go_on()
            try:
                if not _carry_on(database, id, max_offers, processes, job):
                    return
            except (UnavailableError, OSError) as error:
                # A database that is away comes back, and somebody makes room on a full disk: the import waits for it.
                log_event(_LOG, "import.waiting", level=logging.WARNING, id=id, reason=str(error), pause_s=pause_s)
                job.ending.wait(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    return Task(TASK, run, at_once=AT_ONCE)


def _carry_on(database: Database, id: str, max_offers: int, processes: int, job: Job) -> bool:
    """Do what there is to do for an import; tell whether there may be more."""
    try:
        current = imports.find(database, id)
        if current.state == State.READING:
            reading.read(database, id, max_offers, processes, job.go_on)
        elif current.state == State.APPLYING:
            applying.apply(database, id, max_offers, job.go_on)
        after = imports.find(database, id)
    except UnknownError:
        return False
    except (UnavailableError, OSError):
        raise
    except Exception:  # noqa: BLE001 - whatever it is, whoever waits for the import must be told that it ended
        log_event(_LOG, "import.failed", level=logging.ERROR, failed=True, id=id)
        imports.fail(database, id)
        return False
    return after.state in {State.READING, State.APPLYING}


async def enqueue(jobs: Jobs, current: Import) -> None:
    """Let somebody carry an import on. Asked several times, it is done once.

    Raises:
        JobsUnavailableError: this process does no durable work.

    """
    await jobs.enqueue(TASK, f"import:{current.id}:{current.state}", current.id)


@asynccontextmanager
async def watching(database: Database, jobs: Jobs, pause_s: float, kept: timedelta) -> AsyncIterator[None]:
    """Look now and then, until the block ends, for imports that nobody works on, and for old ones to forget.

    A process may die after it has kept an import and before it has enqueued the work, or may do no such work at all.
    """
    watch = asyncio.create_task(_watch(database, jobs, pause_s, kept))
    try:
        yield
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


async def _watch(database: Database, jobs: Jobs, pause_s: float, kept: timedelta) -> None:
    while True:
        if jobs.is_running:
            try:
                for current in await asyncio.to_thread(imports.under_way, database):
                    await enqueue(jobs, current)
                await asyncio.to_thread(imports.tidy, database, kept)
            except Exception:  # noqa: BLE001 - what is away comes back, and so must this
                log_event(_LOG, "imports.not_watched", level=logging.WARNING, failed=True)
        await asyncio.sleep(pause_s)
