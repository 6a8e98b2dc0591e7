"""Answers that are kept for requests that are sent again: each commits together with what it tells of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import and_, delete, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from services.registry.tables import KeptAnswer
from services.web import Kept

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from sqlalchemy import ColumnElement, Connection

    from services.registry.store.database import Database
    from services.web import Once

FORGOTTEN_AT_ONCE = 100
"""How many answers that are too old go with each new one: more than come, and few enough to keep nobody waiting."""


def find(database: Database, once: Once, kept_for: timedelta) -> Kept | None:
    """Give the answer that is kept under a caller's key, None when there is none or it is too old."""
    with database.asking() as connection:
        return _find(connection, once, database.now() - kept_for)


def once(database: Database, once: Once, kept_for: timedelta, do: Callable[[], Kept]) -> Kept | None:
    """Do what was asked and keep the answer, in one transaction; or give the answer that is kept already.

    Args:
        database: where.
        once: what is to be done once.
        kept_for: how long answers are kept.
        do: does it, with writes of this thread, and gives the answer. When it raises, nothing was done and nothing is
            kept, so that the request can be made again under the same key.

    Returns:
        The answer that was kept before; None when it was done now.

    """
    with database.together() as connection:
        now = database.now()
        # Whoever does the same at the same moment waits here until this commits, and then finds the answer.
        if not _claim(connection, once, now, now - kept_for):
            return _find(connection, once, now - kept_for)
        kept = do()
        told = {"status": kept.status, "headers": orjson.dumps(kept.headers).decode(), "body": kept.body}
        connection.execute(update(KeptAnswer).where(_is_of(once)).values(**told))
        forget(connection, now - kept_for)
    return None


def forget(connection: Connection, before: datetime, limit: int = FORGOTTEN_AT_ONCE) -> int:
    """Take away answers that were kept before an instant, the oldest first, `limit` at most; give how many."""
    key = (col(KeptAnswer.caller), col(KeptAnswer.key))
    oldest = select(*key).where(col(KeptAnswer.at) < before).order_by(col(KeptAnswer.at)).limit(limit)
    # Two who forget the same would wait for each other, and one of them may hold the lock on the registry revision.
    gone = delete(KeptAnswer).where(tuple_(*key).in_(oldest.with_for_update(skip_locked=True)))
    return connection.execute(gone).rowcount


def _claim(connection: Connection, once: Once, now: datetime, oldest: datetime) -> bool:
    """Take a key that nobody has, or that was forgotten; tell whether it was to be had."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    row: dict[str, Any] = {"caller": once.caller, "key": once.key, "request": once.request, "at": now}
    unsaid: dict[str, Any] = {"status": 0, "headers": "{}", "body": b""}
    claimed = (
        insert(KeptAnswer)
        .values(**row, **unsaid)
        .on_conflict_do_update(
            index_elements=["caller", "key"],
            set_={"request": once.request, "at": now, **unsaid},
            where=col(KeptAnswer.at) < oldest,
        )
        .returning(col(KeptAnswer.key))
    )
    return connection.execute(claimed).first() is not None


def _find(connection: Connection, once: Once, oldest: datetime) -> Kept | None:
    told = (col(KeptAnswer.request), col(KeptAnswer.status), col(KeptAnswer.headers), col(KeptAnswer.body))
    wanted = select(*told).where(_is_of(once), col(KeptAnswer.at) >= oldest)
    found = connection.execute(wanted).one_or_none()
    if found is None:
        return None
    request, status, headers, body = found
    return Kept(request, status, orjson.loads(headers), body)


def _is_of(once: Once) -> ColumnElement[bool]:
    return and_(col(KeptAnswer.caller) == once.caller, col(KeptAnswer.key) == once.key)
