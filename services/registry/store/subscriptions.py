"""Subscriptions as their owners manage them: made, changed, paused, given new secrets, ended. Nothing is deleted."""

from __future__ import annotations

import secrets as chance
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy import delete, func, insert, or_, select, update
from sqlmodel import col

from services.registry.refusals import ConflictError, Objection, RefusedError, UnknownError
from services.registry.store import live
from services.registry.tables import DeadLetter, Delivery, Subscription, SubscriptionSecret, SubscriptionState
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy import Connection

    from services.registry.store.database import Database

T = TypeVar("T")

LIVE = (SubscriptionState.ACTIVE, SubscriptionState.FAILING)
"""The states in which changes are delivered."""

MOST_ORDERED = 1000
"""How many dead letters one order redelivers at most."""


@dataclass(frozen=True, slots=True)
class Told:
    """A subscription, and the days of the secrets that sign for it: since, and until where they were replaced."""

    subscription: Subscription
    secrets: Sequence[tuple[datetime, datetime | None]]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows, and whether there are more."""

    rows: Sequence[T]
    has_more: bool


def create(
    database: Database, owner: str, terms: Mapping[str, Any], since: int | None, secret: str, *, at_most: int
) -> Told:
    """Make a subscription to the changes after a registry revision.

    Args:
        database: where.
        owner: whose it is.
        terms: url, types, ties (JSON), description and filter (JSON).
        since: the registry revision; None: the present one.
        secret: its first secret.
        at_most: how many subscriptions there may be that have not ended.

    Raises:
        RefusedError: the registry has not reached `since`.
        ConflictError: there are too many already.

    """
    now = database.now()
    with database.keeping() as connection:
        reached = live.registry_revision(connection)
        if since is not None and since > reached:
            fact = Text(f"登记号尚未到 {since}", f"the registry has not reached {since}")
            raise RefusedError(Objection("/since", fact, Text(f"至多写 {reached}", f"give {reached} at most")))
        running = select(func.count()).where(col(Subscription.state) != SubscriptionState.ENDED)
        if connection.execute(running).scalar_one() >= at_most:
            fact = Text(f"未终止的订阅已有 {at_most} 个", f"there are {at_most} subscriptions already")
            raise ConflictError(Objection("", fact, Text("先终止不用的订阅", "end those that nobody needs")))
        made = Subscription(
            id=f"s{chance.token_hex(8)}",
            owner=owner,
            state=SubscriptionState.ACTIVE,
            version=1,
            cursor=reached if since is None else since,
            created_at=now,
            **terms,
        )
        connection.execute(insert(Subscription), made.model_dump(exclude={"number"}))
        connection.execute(insert(SubscriptionSecret), {"subscription": made.id, "secret": secret, "since": now})
        return _told(connection, made, now)


def get(database: Database, id: str, owner: str | None) -> Told:
    """Give a subscription; for an owner, only one of theirs.

    Raises:
        UnknownError: there is none.

    """
    with database.reading() as connection:
        return _told(connection, _find(connection, id, owner), database.now())


def page(database: Database, owner: str | None, *, limit: int, after: int) -> Page[Told]:
    """Give the subscriptions, of an owner or all, in the order in which they were made."""
    wanted = select(Subscription).where(col(Subscription.number) > after)
    if owner is not None:
        wanted = wanted.where(col(Subscription.owner) == owner)
    with database.reading() as connection:
        found = connection.execute(wanted.order_by(col(Subscription.number)).limit(limit + 1)).mappings().all()
        now = database.now()
        rows = [_told(connection, Subscription(**row), now) for row in found[:limit]]
    return Page(rows, has_more=len(found) > limit)


def change(
    database: Database,
    id: str,
    owner: str | None,
    guard: Callable[[Subscription], None],
    values: Mapping[str, Any],
) -> Told:
    """Change what a subscription says, or whether it is delivered to. Whatever it waited for, it waits for no longer.

    Raises:
        UnknownError: there is none.
        ConflictError: it has ended.

    """
    with database.keeping() as connection:
        current = _find(connection, id, owner, is_changed=True)
        if current.state == SubscriptionState.ENDED:
            fact = Text("该订阅已终止", "the subscription has ended")
            raise ConflictError(Objection("{id}", fact, Text("另建一个", "make another one")))
        guard(current)
        now = database.now()
        changed = {**values, "version": current.version + 1, "next_at": None}
        if values.get("state") == SubscriptionState.ENDED:
            changed["ended_at"] = now
        if values.get("state") == SubscriptionState.ACTIVE:
            changed |= {"tries": 0, "given_up": 0, "failing_since": None}
        connection.execute(update(Subscription).where(col(Subscription.id) == id).values(**changed))
        return _told(connection, _find(connection, id, owner), now)


def rotate(
    database: Database,
    id: str,
    owner: str | None,
    guard: Callable[[Subscription], None],
    secret: str,
    overlap: timedelta,
) -> Told:
    """Give a subscription another secret; the present one signs beside it for a while.

    Raises:
        UnknownError: there is none.
        ConflictError: it has ended.

    """
    with database.together():
        now = database.now()
        change(database, id, owner, guard, {})
        with database.keeping() as connection:
            of = col(SubscriptionSecret.subscription) == id
            connection.execute(delete(SubscriptionSecret).where(of, col(SubscriptionSecret.until) <= now))
            ending = update(SubscriptionSecret).where(of, col(SubscriptionSecret.until).is_(None))
            connection.execute(ending.values(until=now + overlap))
            connection.execute(insert(SubscriptionSecret), {"subscription": id, "secret": secret, "since": now})
            return _told(connection, _find(connection, id, owner), now)


def deliveries(database: Database, id: str, owner: str | None, *, limit: int, before: int | None) -> Page[Delivery]:
    """Give the attempts for a subscription, the newest first.

    Raises:
        UnknownError: there is no such subscription.

    """
    wanted = select(Delivery).where(col(Delivery.subscription) == id)
    if before is not None:
        wanted = wanted.where(col(Delivery.id) < before)
    with database.reading() as connection:
        _find(connection, id, owner)
        found = connection.execute(wanted.order_by(col(Delivery.id).desc()).limit(limit + 1)).mappings().all()
    return Page([Delivery(**row) for row in found[:limit]], has_more=len(found) > limit)


def dead_letters(database: Database, id: str, owner: str | None, *, limit: int, after: int) -> Page[DeadLetter]:
    """Give the dead letters of a subscription in the order of changes, those that were redelivered too.

    Raises:
        UnknownError: there is no such subscription.

    """
    wanted = select(DeadLetter).where(col(DeadLetter.subscription) == id, col(DeadLetter.revision) > after)
    with database.reading() as connection:
        _find(connection, id, owner)
        found = connection.execute(wanted.order_by(col(DeadLetter.revision)).limit(limit + 1)).mappings().all()
    return Page([DeadLetter(**row) for row in found[:limit]], has_more=len(found) > limit)


def order_redelivery(database: Database, id: str, owner: str | None, revisions: Sequence[int] | None) -> int:
    """Order that dead letters be tried once more, and tell how many: those named, or all that nobody received.

    Raises:
        UnknownError: there is no such subscription.
        ConflictError: it has ended.
        RefusedError: one of the revisions is no dead letter.

    """
    with database.keeping() as connection:
        current = _find(connection, id, owner, is_changed=True)
        if current.state == SubscriptionState.ENDED:
            fact = Text("该订阅已终止", "the subscription has ended")
            raise ConflictError(Objection("{id}", fact, Text("另建一个", "make another one")))
        of = (col(DeadLetter.subscription) == id,)
        if revisions is None:
            waiting = select(col(DeadLetter.revision)).where(*of, col(DeadLetter.delivered_at).is_(None))
            chosen = connection.execute(waiting.order_by(col(DeadLetter.revision)).limit(MOST_ORDERED)).scalars().all()
        else:
            chosen = list(dict.fromkeys(revisions))
            known = set(
                connection.execute(select(col(DeadLetter.revision)).where(*of, col(DeadLetter.revision).in_(chosen)))
                .scalars()
                .all()
            )
            unknown = [
                Objection(f"/revisions/{n}", *_NO_LETTER) for n, each in enumerate(revisions) if each not in known
            ]
            if unknown:
                raise RefusedError(*unknown)
        ordering = update(DeadLetter).where(*of, col(DeadLetter.revision).in_(chosen))
        connection.execute(ordering.values(ordered_at=database.now()))
    return len(chosen)


_NO_LETTER = (
    Text("该登记号不是死信", "this is no dead letter"),
    Text("从 dead-letters 中选", "choose from dead-letters"),
)


def _find(connection: Connection, id: str, owner: str | None, *, is_changed: bool = False) -> Subscription:
    wanted = select(Subscription).where(col(Subscription.id) == id)
    if owner is not None:
        wanted = wanted.where(col(Subscription.owner) == owner)
    row = connection.execute(wanted.with_for_update() if is_changed else wanted).mappings().one_or_none()
    if row is None:
        raise UnknownError("subscription", id)
    return Subscription(**row)


def _told(connection: Connection, of: Subscription, now: datetime) -> Told:
    secret = SubscriptionSecret
    days = select(col(secret.since), col(secret.until)).where(
        col(secret.subscription) == of.id, or_(col(secret.until).is_(None), col(secret.until) > now)
    )
    rows = connection.execute(days.order_by(col(secret.since)))
    return Told(of, [(row.since, row.until) for row in rows])
