"""Grants of all apps: which are in force on a day, which end soon, who gave them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, or_, select
from sqlmodel import col

from services.registry.store import live, past
from services.registry.store.grants import Page
from services.registry.tables import Grant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement

    from services.registry.store.database import Database
    from services.registry.store.past import AsOf


@dataclass(frozen=True, slots=True)
class Filter:
    """Which grants a list holds: those that meet every condition given. None is no condition.

    `is_in_force` asks whether a grant counts on the day `on`, `ends_within_days` whether the last day on which it
    counts lies within so many days from it, that day included.
    """

    on: date
    kind: str | None = None
    app: str | None = None
    granter: str | None = None
    provision: str | None = None
    is_in_force: bool | None = None
    ends_within_days: int | None = None


def page(
    database: Database,
    wanted: Filter,
    *,
    limit: int,
    after: int = 0,
    revision: int | None = None,
    as_of: AsOf | None = None,
) -> Page | None:
    """Give the grants that `wanted` holds for and that were recorded after the revision `after`, `limit` at most.

    Args:
        database: where.
        wanted: the conditions.
        limit: how many grants at most.
        after: the revision that recorded the last grant on the page before.
        revision: the registry revision of the page before, so that all pages are of one list.
        as_of: the moment as of which a first page is told; None: now.

    Returns:
        The page; None when the registry has not reached `revision` yet.

    Raises:
        RefusedError: `as_of` lies in the future, or before the registry was founded.

    """
    with database.reading() as connection:
        reached = live.registry_revision(connection)
        if revision is None:
            revision = reached if as_of is None else past.revision_of(connection, as_of, database.now())
        if revision > reached:
            return None
        conditions = (past.standing(Grant, revision), *_conditions(wanted))
        total = connection.execute(select(func.count()).select_from(Grant).where(*conditions)).scalar_one()
        following = select(Grant).where(*conditions, col(Grant.recorded) > after)
        following = following.order_by(col(Grant.recorded)).limit(limit + 1)
        rows = [Grant(**row) for row in connection.execute(following).mappings()]
    return Page(revision, total, tuple(rows[:limit]), has_more=len(rows) > limit)


def _conditions(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    equal = (
        (Grant.kind, wanted.kind),
        (Grant.app, wanted.app),
        (Grant.granter, wanted.granter),
        (Grant.provision, wanted.provision),
    )
    for column, value in equal:
        if value is not None:
            yield col(column) == value
    if wanted.is_in_force is not None:
        yield in_force(wanted.on) if wanted.is_in_force else _not_in_force(wanted.on)
    if wanted.ends_within_days is not None:
        yield ends_between(wanted.on, later(wanted.on, wanted.ends_within_days))


def in_force(on: date) -> ColumnElement[bool]:
    """Give the condition of the grants that count on a day."""
    return and_(
        col(Grant.facts).is_not(None),
        col(Grant.from_on) <= on,
        or_(col(Grant.until_on).is_(None), col(Grant.until_on) >= on),
        or_(col(Grant.revoked_on).is_(None), col(Grant.revoked_on) > on),
    )


def _not_in_force(on: date) -> ColumnElement[bool]:
    return or_(
        col(Grant.facts).is_(None), col(Grant.from_on) > on, col(Grant.until_on) < on, col(Grant.revoked_on) <= on
    )


def ends_between(first: date, last: date) -> ColumnElement[bool]:
    """Give the condition of the grants whose last day, by term or by revocation, is one of these or between."""
    # A grant that was revoked ends on the day before.
    revoked = (later(first, 1), later(last, 1))
    by_its_term = and_(col(Grant.revoked_on).is_(None), col(Grant.until_on).between(first, last))
    return and_(col(Grant.facts).is_not(None), or_(by_its_term, col(Grant.revoked_on).between(*revoked)))


def later(day: date, days: int) -> date:
    """Give the day so many days later, or the last day of all when there is none."""
    return day + timedelta(days=min(days, (date.max - day).days))
