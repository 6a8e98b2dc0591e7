"""Deliveries as whoever delivers sees them: what is due, what comes next, and how an attempt ended.

Whoever records an attempt says from where it began, and nothing is recorded when somebody else has got further.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import delete, insert, or_, select, update
from sqlmodel import col

from services.registry.filters import AppFilter
from services.registry.store import changes, live
from services.registry.store.app_conditions import conditions
from services.registry.store.past import BEIJING
from services.registry.store.subscriptions import LIVE
from services.registry.tables import (
    App,
    DeadLetter,
    Delivery,
    Noun,
    Subscription,
    SubscriptionSecret,
    SubscriptionState,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from services.registry.store.changes import Change
    from services.registry.store.database import Database

AT_ONCE = 20
"""How many changes are read at once for one subscription."""

MOST_GIVEN_UP = 2
"""After so many dead letters without a delivery between them the receiver is taken for dead: its owner must act."""


@dataclass(frozen=True, slots=True)
class Due:
    """Where a subscription stands: from there it goes on."""

    id: str
    version: int
    cursor: int
    tries: int


class _Stands(NamedTuple):
    """Where a subscription stands after it was moved on."""

    version: int
    cursor: int
    tries: int
    state: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter that is to be tried again, and how often it was."""

    subscription: str
    revision: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Receiver:
    """A subscription that is delivered to, and the secrets that sign for it."""

    subscription: Subscription
    secrets: Sequence[str]

    @property
    def due(self) -> Due:
        """Where it stands."""
        of = self.subscription
        return Due(of.id, of.version, of.cursor, of.tries)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: when it began, how long it took, and how it ended."""

    at: datetime
    took_ms: int
    status: int | None
    error: str | None


def behind(database: Database) -> Sequence[Due]:
    """Give the subscriptions that have not got as far as the registry, and wait for nothing."""
    with database.reading() as connection:
        reached = live.registry_revision(connection)
        of = Subscription
        is_due = or_(col(of.next_at).is_(None), col(of.next_at) <= database.now())
        columns = (col(of.id), col(of.version), col(of.cursor), col(of.tries))
        wanted = select(*columns).where(col(of.state).in_(LIVE), col(of.cursor) < reached, is_due)
        return [Due(*row) for row in connection.execute(wanted.order_by(col(of.number)))]


def ordered(database: Database) -> Sequence[Letter]:
    """Give the dead letters that are to be tried again."""
    columns = (col(DeadLetter.subscription), col(DeadLetter.revision), col(DeadLetter.attempts))
    wanted = select(*columns).where(col(DeadLetter.ordered_at).is_not(None))
    with database.asking() as connection:
        return [Letter(*row) for row in connection.execute(wanted.order_by(col(DeadLetter.ordered_at)).limit(1000))]


def receiver(database: Database, id: str, *, is_live: bool = True) -> Receiver | None:
    """Give a subscription that is delivered to, or for redelivery any that has not ended; None when it is not."""
    with database.reading() as connection:
        row = connection.execute(select(Subscription).where(col(Subscription.id) == id)).mappings().one_or_none()
        if row is None:
            return None
        of = Subscription(**row)
        if of.state == SubscriptionState.ENDED or (is_live and of.state not in LIVE):
            return None
        secret = SubscriptionSecret
        is_valid = or_(col(secret.until).is_(None), col(secret.until) > database.now())
        keys = select(col(secret.secret)).where(col(secret.subscription) == id, is_valid)
        return Receiver(of, connection.execute(keys.order_by(col(secret.since).desc())).scalars().all())


def following(database: Database, of: Subscription) -> tuple[Sequence[Change], int]:
    """Give some changes after a subscription's cursor that it wants, and the registry revision they reach up to."""
    types = set(orjson.loads(of.types))
    nouns = tuple(noun for noun in Noun if any(each.startswith(f"{noun}.") for each in types))
    found = changes.since(database, of.cursor, changes.Filter(nouns, None, tuple(orjson.loads(of.ties))), limit=AT_ONCE)
    wanted = [each for each in found.changes if not types or f"{each.noun}.{each.action}" in types]
    if of.filter is not None and wanted:
        filter = AppFilter.model_validate_json(of.filter)  # noqa: A001 - the word of the field
        with database.reading() as connection:
            wanted = [
                each for each in wanted if _is_meant(connection, filter, each, is_postgresql=database.is_postgresql)
            ]
    return wanted, found.next


def change_of(database: Database, revision: int) -> Change:
    """Give what a revision did."""
    return changes.since(database, revision - 1, changes.Filter(), limit=1).changes[0]


def delivered(database: Database, due: Due, change: int, attempt: Attempt) -> Due | None:
    """Record that a change was received; give where the subscription stands now, None when somebody else moved it."""
    with database.keeping() as connection:
        _log(connection, due.id, change, due.tries + 1, attempt)
        values = {"cursor": change, "tries": 0, "given_up": 0, "delivered_at": attempt.at}
        return _onward(due, _move(connection, due, {**values, **_WELL}))


def passed(database: Database, due: Due, to: int) -> Due | None:
    """Record that no change up to and with `to` is wanted; give as `delivered`."""
    with database.keeping() as connection:
        return _onward(due, _move(connection, due, {"cursor": to, "tries": 0}))


def failed(database: Database, due: Due, change: int, attempt: Attempt, next_at: datetime | None) -> None:
    """Record that an attempt failed, and when the next one is; without that, it was the last: a dead letter."""
    error = attempt.error or ""
    with database.keeping() as connection:
        _log(connection, due.id, change, due.tries + 1, attempt)
        current = connection.execute(
            select(col(Subscription.failing_since), col(Subscription.given_up)).where(col(Subscription.id) == due.id)
        ).one()
        failing = {
            "state": SubscriptionState.FAILING,
            "last_error": error,
            "failing_since": current.failing_since or attempt.at,
            "next_at": next_at,
        }
        if next_at is not None:
            _move(connection, due, {**failing, "tries": due.tries + 1})
            return
        given_up = current.given_up + 1
        values: dict[str, Any] = {**failing, "cursor": change, "tries": 0, "given_up": given_up}
        if given_up >= MOST_GIVEN_UP:
            reason = f"连续 {given_up} 个变更投递失败 · {given_up} changes in a row could not be delivered"
            values |= {"state": SubscriptionState.PAUSED, "state_reason": reason}
        if _move(connection, due, values) is not None:
            letter = {"subscription": due.id, "revision": change, "attempts": due.tries + 1}
            connection.execute(insert(DeadLetter), {**letter, "dead_at": attempt.at, "error": error})


def gone(database: Database, due: Due, change: int, attempt: Attempt) -> None:
    """Record that the receiver wants no more: the subscription ends."""
    reason = "接收方答复 410 · the receiver answered 410"
    values = {"state": SubscriptionState.ENDED, "state_reason": reason, "ended_at": attempt.at, "next_at": None}
    with database.keeping() as connection:
        _log(connection, due.id, change, due.tries + 1, attempt)
        _move(connection, due, {**values, "last_error": attempt.error})


def redelivered(database: Database, letter: Letter, attempt: Attempt) -> None:
    """Record how the redelivery of a dead letter ended."""
    values: dict[str, Any] = {"ordered_at": None, "attempts": letter.attempts + 1}
    values |= {"delivered_at": attempt.at} if attempt.error is None else {"error": attempt.error}
    with database.keeping() as connection:
        _log(connection, letter.subscription, letter.revision, letter.attempts + 1, attempt)
        _letter(connection, letter, values)


def dropped(database: Database, letter: Letter) -> None:
    """Record that an order to redeliver came to nothing, because the subscription has ended."""
    with database.keeping() as connection:
        _letter(connection, letter, {"ordered_at": None})


def forget(database: Database, id: str, days: int) -> None:
    """Forget the attempts for a subscription that are older than some days."""
    before = database.now() - timedelta(days=days)
    with database.keeping() as connection:
        old = delete(Delivery).where(col(Delivery.subscription) == id, col(Delivery.at) < before)
        connection.execute(old)


_WELL: Mapping[str, Any] = {
    "state": SubscriptionState.ACTIVE,
    "last_error": None,
    "failing_since": None,
    "next_at": None,
}


def _is_meant(connection: Connection, wanted: AppFilter, change: Change, *, is_postgresql: bool) -> bool:
    """Tell whether a filter holds for the app of a change, before or after it: leaving is news as well."""
    if change.app is None:
        return False
    settled = wanted.settled(change.at.astimezone(BEIJING).date())
    for revision in (change.revision, change.revision - 1):
        holds = conditions(settled, revision, is_postgresql=is_postgresql)
        if (
            connection.execute(select(col(App.id)).where(col(App.id) == change.app, *holds).limit(1)).first()
            is not None
        ):
            return True
    return False


def _move(connection: Connection, due: Due, values: Mapping[str, Any]) -> _Stands | None:
    """Move a subscription on from where it stood, and give where it stands; None when it stood elsewhere."""
    of = Subscription
    stood = (col(of.id) == due.id, col(of.cursor) == due.cursor, col(of.tries) == due.tries)
    state = connection.execute(select(col(of.state)).where(*stood).with_for_update()).scalar_one_or_none()
    if state is None:
        return None
    # What its owner decided meanwhile stays decided.
    kept = {} if state in LIVE else {"state": state}
    stands = (col(of.version), col(of.cursor), col(of.tries), col(of.state))
    moved = connection.execute(update(of).where(*stood).values(**{**values, **kept}).returning(*stands)).one()
    return _Stands(*moved)


def _onward(due: Due, stands: _Stands | None) -> Due | None:
    """Give from where to go on; None when somebody else has moved or changed the subscription."""
    if stands is None or stands.version != due.version or stands.state not in LIVE:
        return None
    return Due(due.id, stands.version, stands.cursor, stands.tries)


def _letter(connection: Connection, letter: Letter, values: Mapping[str, Any]) -> None:
    of = (col(DeadLetter.subscription) == letter.subscription, col(DeadLetter.revision) == letter.revision)
    connection.execute(update(DeadLetter).where(*of).values(**values))


def _log(connection: Connection, id: str, change: int, number: int, attempt: Attempt) -> None:
    said = {"subscription": id, "revision": change, "attempt": number, "at": attempt.at, "took_ms": attempt.took_ms}
    connection.execute(insert(Delivery), {**said, "status": attempt.status, "error": attempt.error})
