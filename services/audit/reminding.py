"""Reminding: looking, from time to time, whether a due date comes near or has passed.

Any number of processes may do it: what is due is found, told and put off in one transaction under the lock of the
ledger, so each reminder is given once, and after a pause what was missed is made up for.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from services.audit.clock import BEIJING
from services.audit.store import reminders
from services.database.doors import UnavailableError
from services.web import log_event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from services.audit.store.database import Database

_LOG = logging.getLogger("govapp.audit")


@asynccontextmanager
async def reminding(database: Database, days: Sequence[int], every_s: float) -> AsyncIterator[None]:
    """Remind while the block lasts, looking every so many seconds; never when that is 0."""
    looking = asyncio.create_task(_look(database, days, every_s)) if every_s else None
    try:
        yield
    finally:
        if looking is not None:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)


def remind(database: Database, days: Sequence[int]) -> int:
    """Give all reminders that are due by now, and tell how many.

    Raises:
        UnavailableError: see there; what was given before stays given.

    """
    given, has_more = 0, True
    while has_more:
        today = database.now().astimezone(BEIJING).date()
        count, has_more = reminders.remind(database, today, days)
        given += count
    return given


async def _look(database: Database, days: Sequence[int], every_s: float) -> None:
    while True:
        try:
            given = await asyncio.to_thread(remind, database, days)
        except UnavailableError as error:
            log_event(_LOG, "reminders.put_off", level=logging.WARNING, reason=str(error))
        except Exception:  # noqa: BLE001 - whatever is wrong, those who look in the log must see it, again and again
            log_event(_LOG, "reminders.failed", level=logging.ERROR, failed=True)
        else:
            if given:
                log_event(_LOG, "reminders.given", count=given)
        await asyncio.sleep(every_s)
