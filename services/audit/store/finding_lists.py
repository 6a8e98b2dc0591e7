"""Lists of findings, and the feed of what happened to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, select
from sqlmodel import col

from services.audit.finding_tables import Audit, AuditedApp, Evidence, Finding, FindingEvent
from services.audit.rectification import PENDING, Kind, State
from services.audit.store import findings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from sqlalchemy import ColumnElement, Connection, RowMapping

    from services.audit.store.database import Database


@dataclass(frozen=True, slots=True)
class Filter:
    """Which findings are listed: those that meet every condition given; days count.

    Args:
        states: any of these.
        is_overdue: whether something should have been done by now.
        today: the day it is.
        due_from_on, due_until_on: due on these days or between.
        app, rule, kind, sponsor, province: as they are; the empty province is the centre.
    """

    today: date
    states: tuple[State, ...] = ()
    is_overdue: bool | None = None
    due_from_on: date | None = None
    due_until_on: date | None = None
    app: str | None = None
    rule: str | None = None
    kind: Kind | None = None
    sponsor: str | None = None
    province: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A finding, and its app as the last audit saw it."""

    finding: Finding
    app: AuditedApp | None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of findings, the newest first; how many there are in all and in each state, and how many are overdue."""

    counts: Mapping[str, int]
    overdue: int
    rows: tuple[Listed, ...]
    has_more: bool


_APP = [getattr(AuditedApp, name).label(f"app_{name}") for name in AuditedApp.model_fields]
_JOINED = select(Finding.__table__, *_APP).outerjoin(AuditedApp, col(AuditedApp.app) == col(Finding.app))  # type: ignore[attr-defined]  # SQLModel gives it to every table


def page(database: Database, wanted: Filter, limit: int, before: int | None) -> Page:
    """List findings, the newest first; `before` is the `opened` of the last one of the page before."""
    conditions = tuple(_conditions(wanted))
    overdue = _overdue(wanted.today)
    with database.reading() as connection:
        late = func.count().filter(overdue)
        counted = select(col(Finding.state), func.count(), late).outerjoin(
            AuditedApp, col(AuditedApp.app) == col(Finding.app)
        )
        counts = connection.execute(counted.where(*conditions).group_by(col(Finding.state))).all()
        following = _JOINED.where(*conditions)
        if before is not None:
            following = following.where(col(Finding.opened) < before)
        rows = connection.execute(following.order_by(col(Finding.opened).desc()).limit(limit + 1)).mappings().all()
    by_state = {state: count for state, count, _ in counts}
    listed = tuple(_listed(row) for row in rows[:limit])
    return Page(by_state, sum(late for *_, late in counts), listed, has_more=len(rows) > limit)


def listed(connection: Connection, id: str) -> Listed:
    """Give a finding with its app.

    Raises:
        UnknownFindingError: there is none.

    """
    row = connection.execute(_JOINED.where(col(Finding.id) == id)).mappings().one_or_none()
    if row is None:
        raise findings.UnknownFindingError(id)
    return _listed(row)


def read(database: Database, id: str) -> Listed:
    """Give a finding with its app.

    Raises:
        UnknownFindingError: there is none.

    """
    with database.reading() as connection:
        return listed(connection, id)


def history(database: Database, id: str, after: int, limit: int) -> list[FindingEvent]:
    """Give what happened to a finding, in its order, after the event of a number.

    Raises:
        UnknownFindingError: there is none.

    """
    with database.reading() as connection:
        findings.find(connection, id)
        wanted = select(FindingEvent).where(col(FindingEvent.finding) == id, col(FindingEvent.number) > after)
        rows = connection.execute(wanted.order_by(col(FindingEvent.number)).limit(limit)).mappings()
        return [FindingEvent(**row) for row in rows]


def feed(database: Database, since: int, limit: int, app: str | None) -> tuple[int, list[FindingEvent]]:
    """Give what happened to findings, in the order of commits, after the event of a serial number.

    Returns:
        The serial number of the last event there is, and the events.

    """
    with database.reading() as connection:
        last = connection.execute(select(func.coalesce(func.max(col(FindingEvent.serial)), 0))).scalar_one()
        wanted = select(FindingEvent).where(col(FindingEvent.serial) > since)
        if app is not None:
            wanted = wanted.where(col(FindingEvent.app) == app)
        rows = connection.execute(wanted.order_by(col(FindingEvent.serial)).limit(limit)).mappings()
        return last, [FindingEvent(**row) for row in rows]


def evidence_of(database: Database, id: str) -> list[Evidence]:
    """Give what is attached to a finding, the oldest first.

    Raises:
        UnknownFindingError: there is none.

    """
    with database.reading() as connection:
        findings.find(connection, id)
        wanted = select(Evidence).where(col(Evidence.finding) == id).order_by(col(Evidence.ledger))
        return [Evidence(**row) for row in connection.execute(wanted).mappings()]


def to_order(connection: Connection, sponsor: str) -> list[tuple[Listed, Audit | None]]:
    """Give what a sponsor has to rectify, by app and then as it was found, with the last recorded audit of the app."""
    wanted = _JOINED.where(col(AuditedApp.sponsor) == sponsor, col(Finding.state).in_(PENDING))
    rows = [
        _listed(row) for row in connection.execute(wanted.order_by(col(Finding.app), col(Finding.opened))).mappings()
    ]
    ids = {each.app.audit for each in rows if each.app is not None and each.app.audit is not None}
    known = select(Audit).where(col(Audit.id).in_(ids))
    audits = {row["id"]: Audit(**row) for row in connection.execute(known).mappings()}
    return [(each, audits.get(each.app.audit or "") if each.app else None) for each in rows]


def _conditions(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    for column, value in (
        (Finding.app, wanted.app),
        (Finding.rule, wanted.rule),
        (Finding.kind, wanted.kind),
        (AuditedApp.sponsor, wanted.sponsor),
        (AuditedApp.province, wanted.province),
    ):
        if value is not None:
            yield col(column) == value
    if wanted.states:
        yield col(Finding.state).in_(wanted.states)
    if wanted.is_overdue is not None:
        overdue = _overdue(wanted.today)
        yield overdue if wanted.is_overdue else ~overdue
    if wanted.due_from_on is not None:
        yield col(Finding.due_on) >= wanted.due_from_on
    if wanted.due_until_on is not None:
        yield col(Finding.due_on) <= wanted.due_until_on


def _overdue(today: date) -> ColumnElement[bool]:
    due = func.coalesce(col(Finding.due_on), today)
    return and_(due < today, col(Finding.state).in_(PENDING))


def _listed(row: RowMapping) -> Listed:
    held = dict(row)
    app = {name: held.pop(f"app_{name}") for name in AuditedApp.model_fields}
    return Listed(Finding(**held), None if app["app"] is None else AuditedApp(**app))
