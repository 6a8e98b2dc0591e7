"""The change feed: what every revision did, in the order of the registry revision, which is that of the commits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, func, or_, select
from sqlmodel import col

from services.manifest.ties import index_key
from services.registry.refusals import Objection, RefusedError
from services.registry.store import live
from services.registry.tables import App, Grant, Noun, Offer, Revision
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Row, Select

    from services.registry.store.database import Database

WINDOW = 10_000
"""How many revisions one answer looks at, at most: a filter that holds for few keeps nobody waiting."""

MOST_OFFERS = 20_000
"""How many offers one answer tells of, unless a single change has more."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which changes are told: those that meet every condition given.

    `ties` holds for changes that began or ended an offer under one of these ties.
    """

    nouns: tuple[Noun, ...] = ()
    app: str | None = None
    ties: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What one revision did.

    `hash` is of the app's manifest, for changes of apps. `grant` is what neighbourhoods tell of the grant from now on
    (JSON), for changes of grants; None when it does not count for a day. `ended` and `begun` are offers: tie, division,
    app, and the facts (JSON) of those that began. Whoever applies them ends first. A change of an organisation concerns
    no app by itself, and may move offers of many.
    """

    revision: int
    noun: str
    thing: str
    app: str | None
    action: str
    who: str
    reason: str
    at: datetime
    hash: str | None
    grant: str | None
    ended: list[tuple[str, str, str]] = field(default_factory=list)
    begun: list[tuple[str, str, str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Changes:
    """All changes after a registry revision up to and with `next`; `reached` is the registry revision itself."""

    reached: int
    next: int
    changes: Sequence[Change]


def since(database: Database, revision: int, wanted: Filter, *, limit: int) -> Changes:
    """Give the changes after a registry revision, `limit` at most.

    Args:
        database: where.
        revision: the last registry revision that the caller knows.
        wanted: which changes.
        limit: how many at most.

    Raises:
        RefusedError: the registry has not reached `revision`.

    """
    with database.reading() as connection:
        reached = live.registry_revision(connection)
        if revision > reached:
            raise RefusedError(_not_reached(revision, reached))
        end = min(reached, revision + WINDOW)
        rows = connection.execute(_statement(wanted, revision, end).limit(limit + 1)).all()
        told = _affordable(connection, rows[:limit])
        changes = {row.revision: Change(**row._asdict()) for row in told}
        _add_offers(connection, changes)
    if len(told) < len(rows):
        end = told[-1].revision
    return Changes(reached, end, tuple(changes.values()))


def reached(database: Database) -> int:
    """Give the registry revision."""
    with database.asking() as connection:
        return live.registry_revision(connection)


def _statement(wanted: Filter, start: int, end: int) -> Select[Any]:
    thing, revision, noun = col(Revision.thing), col(Revision.revision), col(Revision.noun)
    hashes = select(col(App.hash)).where(noun == Noun.APP, col(App.id) == thing, col(App.since) == revision)
    facts = select(col(Grant.facts)).where(noun == Noun.GRANT, col(Grant.id) == thing, col(Grant.since) == revision)
    names = ("revision", "noun", "thing", "app", "action", "who", "reason", "at")
    return (
        select(
            *(col(getattr(Revision, name)) for name in names),
            hashes.correlate(Revision).scalar_subquery().label("hash"),
            facts.correlate(Revision).scalar_subquery().label("grant"),
        )
        .where(revision > start, revision <= end, *_conditions(wanted))
        .order_by(revision)
    )


def _conditions(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    if wanted.nouns:
        yield col(Revision.noun).in_(wanted.nouns)
    if wanted.app is not None:
        yield col(Revision.app) == wanted.app
    if wanted.ties:
        ties = col(Offer.tie).in_([index_key(tie) for tie in wanted.ties])
        yield or_(
            exists().where(col(Offer.since) == col(Revision.revision), ties),
            exists().where(col(Offer.until) == col(Revision.revision), ties),
        )


def _affordable(connection: Connection, rows: Sequence[Row[Any]]) -> Sequence[Row[Any]]:
    """Give the first of these changes, of which the offers fit into one answer; one change in any case."""
    if not rows:
        return rows
    numbers = [row.revision for row in rows]
    counts = dict.fromkeys(numbers, 0)
    for column in (col(Offer.since), col(Offer.until)):
        counted = select(column, func.count()).where(column.in_(numbers)).group_by(column)
        for number, count in connection.execute(counted):
            counts[number] += count
    together = 0
    for n, number in enumerate(numbers):
        together += counts[number]
        if n and together > MOST_OFFERS:
            return rows[:n]
    return rows


def _add_offers(connection: Connection, changes: dict[int, Change]) -> None:
    if not changes:
        return
    since, until = col(Offer.since), col(Offer.until)
    columns = (col(Offer.tie), col(Offer.division), col(Offer.app), col(Offer.facts))
    ended = select(until, *columns).where(until.in_(changes)).order_by(until, *columns[:3])
    for number, tie, division, app, _ in connection.execute(ended):
        if number is not None:
            changes[number].ended.append((tie, division, app))
    begun = select(since, *columns).where(since.in_(changes)).order_by(since, *columns[:3])
    for number, tie, division, app, facts in connection.execute(begun):
        changes[number].begun.append((tie, division, app, facts))


def _not_reached(asked: int, reached: int) -> Objection:
    fact = Text(f"登记系统尚未到达登记号 {asked}", f"the registry has not reached revision {asked}")
    remedy = Text(
        f"最新的登记号是 {reached}；如果数据库是从备份恢复的，请重新读取快照",
        f"its newest revision is {reached}; if the database was restored from a backup, begin with a snapshot again",
    )
    return Objection("?since", fact, remedy)
