"""What sweeps found: pages of results, how two sweeps differ, and how many of what there are."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import orjson
from sqlalchemy import func, insert, literal, null, select, union_all
from sqlmodel import col

from services.audit.store.sweep_contents import CONTENT, content_of, contents
from services.audit.sweep_tables import WHOLE, Sweep, SweepChange, SweepContent, SweepResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Select

    from services.audit.store.database import Database

By = Literal["rule", "level", "province", "department"]

_AT_ONCE = 1000
_MOST_GROUPS = 2000


class UnknownResultError(Exception):
    """The sweep has no result for this app."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which results are wanted: those that meet every condition given. `letter` is the verdict of the rule."""

    outcome: str | None = None
    rule: str | None = None
    letter: str | None = None
    level: str | None = None
    province: str | None = None
    department: str | None = None


class Found(NamedTuple):
    """The result of a sweep for one app."""

    app: str
    content: SweepContent


class Differing(NamedTuple):
    """An app of which two sweeps kept different contents; None where a sweep has none for it."""

    app: str
    before: SweepContent | None
    after: SweepContent | None


@dataclass(frozen=True, slots=True)
class Group:
    """How many apps of a group there are, by outcome, and how many verdicts of each kind."""

    name: str | None
    apps: int
    outcomes: Mapping[str, int]
    verdicts: Mapping[str, int]


def page(database: Database, sweep: Sweep, wanted: Wanted, limit: int, after: str | None) -> tuple[list[Found], bool]:
    """List results in the order of the apps' ids, and tell whether there are more."""
    statement = _results(sweep).where(*_conditions(sweep, wanted)).order_by(col(SweepResult.app)).limit(limit + 1)
    if after is not None:
        statement = statement.where(col(SweepResult.app) > after)
    with database.asking() as connection:
        rows = connection.execute(statement).all()
    return [Found(app, content_of(values)) for app, *values in rows[:limit]], len(rows) > limit


def find(database: Database, sweep: Sweep, app: str) -> Found:
    """Give the result of a sweep for one app.

    Raises:
        UnknownResultError: it has none.

    """
    with database.asking() as connection:
        row = connection.execute(_results(sweep).where(col(SweepResult.app) == app)).first()
    if row is None:
        raise UnknownResultError(app)
    name, *values = row
    return Found(name, content_of(values))


def differing(database: Database, before: Sweep, after: Sweep, start: str | None) -> Iterator[Differing]:
    """Give the apps for which two sweeps kept different contents, in the order of their ids, after one of them."""
    start = start or ""
    while True:
        with database.reading() as connection:
            rows = _differing(connection, before.number, after.number, start)
            kept = contents(connection, [key for _, *keys in rows for key in keys if key is not None])
        for app, first, second in rows:
            yield Differing(app, kept.get(first), kept.get(second))
        if len(rows) < _AT_ONCE:
            return
        start = rows[-1][0]


def statistics(database: Database, sweep: Sweep, by: By) -> list[Group]:
    """Count the results of a sweep: by the level, province or department of the sponsor, the largest groups first.

    By `rule` there is one group for each rule, in the order of the law.
    """
    grouped = null() if by == "rule" else col(getattr(SweepContent, by))
    columns = (grouped.label("grouped"), col(SweepContent.outcome), col(SweepContent.verdicts))
    counted = (
        select(*columns, func.count())
        .join_from(SweepResult, SweepContent, col(SweepContent.key) == col(SweepResult.key))
        .where(col(SweepResult.sweep) == sweep.number)
        .group_by(*columns[0 if by != "rule" else 1 :])
    )
    with database.reading() as connection:
        if database.is_postgresql:
            connection.exec_driver_sql("SET LOCAL statement_timeout = '120s'")
        rows = connection.execute(counted).all()
    if by == "rule":
        return _by_rule(orjson.loads(sweep.rules), ((outcome, verdicts, n) for _, outcome, verdicts, n in rows))
    outcomes: defaultdict[str | None, Counter[str]] = defaultdict(Counter)
    verdicts: defaultdict[str | None, Counter[str]] = defaultdict(Counter)
    for name, outcome, letters, n in rows:
        outcomes[name][outcome] += n
        for letter, times in Counter(letters).items():
            verdicts[name][letter] += times * n
    groups = [Group(name, each.total(), each, verdicts[name]) for name, each in outcomes.items()]
    return sorted(groups, key=lambda each: (-each.apps, each.name or ""))[:_MOST_GROUPS]


def last_of_months(database: Database, series: str) -> list[tuple[str, Sweep]]:
    """Give the last sweep of each month that was done for the same apps, by the day judged, the latest month first."""
    table = Sweep.__table__  # type: ignore[attr-defined]  # SQLModel's own
    done = select(table).where(col(Sweep.series) == series, col(Sweep.state).in_(WHOLE))
    with database.asking() as connection:
        sweeps = [Sweep(**row) for row in connection.execute(done.order_by(col(Sweep.number))).mappings()]
    months = {each.day.isoformat()[:7]: each for each in sweeps}
    return sorted(months.items(), reverse=True)


def _results(sweep: Sweep) -> Select[*tuple[Any, ...]]:
    found: Select[*tuple[Any, ...]] = select(col(SweepResult.app), *CONTENT)
    joined = found.join_from(SweepResult, SweepContent, col(SweepContent.key) == col(SweepResult.key))
    return joined.where(col(SweepResult.sweep) == sweep.number)


def _conditions(sweep: Sweep, wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    for column, value in (
        (SweepContent.outcome, wanted.outcome),
        (SweepContent.level, wanted.level),
        (SweepContent.province, wanted.province),
        (SweepContent.department, wanted.department),
    ):
        if value is not None:
            yield col(column) == value
    if wanted.letter is None:
        return
    if wanted.rule is None:
        yield col(SweepContent.verdicts).contains(wanted.letter)
    else:
        at = orjson.loads(sweep.rules).index(wanted.rule) + 1
        yield func.substr(col(SweepContent.verdicts), at, 1) == wanted.letter


def tell_of_successor(connection: Connection, sweep: Sweep, now: datetime) -> None:
    """Tell what a successor found otherwise than the sweep whose place it takes, in the transaction that ends it."""
    earlier = select(func.max(col(Sweep.number))).where(
        col(Sweep.chain) == sweep.chain, col(Sweep.number) < (sweep.number or 0)
    )
    previous = connection.execute(earlier).scalar_one()
    if previous is None:
        return
    if connection.dialect.name == "postgresql":
        # A million results are compared with a million others.
        connection.exec_driver_sql("SET LOCAL statement_timeout = '300s'")
    common = {"chain": sweep.chain, "sweep": sweep.number, "previous": previous, "revision": sweep.revision}
    said = {**common, "at": now, "neighbours": "[]"}
    told = [literal(value, getattr(SweepChange, name).type).label(name) for name, value in said.items()]
    for differing in _differing_in(previous, sweep.number):
        rows = differing.order_by(differing.selected_columns[0]).subquery()
        names = ["app", "before", "after", *said]
        connection.execute(insert(SweepChange).from_select(names, select(*rows.c, *told)))


def _differing(
    connection: Connection, before: int | None, after: int | None, start: str
) -> list[tuple[str, str | None, str | None]]:
    parts = []
    for each in _differing_in(before, after):
        app = each.selected_columns[0]
        parts.append(select(each.where(app > start).order_by(app).limit(_AT_ONCE).subquery()))
    both = union_all(*parts).subquery()
    rows = connection.execute(select(both).order_by(both.c.app).limit(_AT_ONCE))
    return [(app, one, other) for app, one, other in rows]


def _differing_in(before: int | None, after: int | None) -> tuple[Select[Any], Select[Any]]:
    """Give the apps of which two sweeps kept different contents, with both keys: of the second, and those gone."""
    first, second = SweepResult.__table__.alias("first"), SweepResult.__table__.alias("second")  # type: ignore[attr-defined]  # SQLModel's
    changed = (
        select(second.c.app, first.c.key.label("before"), second.c.key.label("after"))
        .join_from(second, first, (first.c.sweep == before) & (first.c.app == second.c.app), isouter=True)
        .where(second.c.sweep == after, first.c.key.is_(None) | (first.c.key != second.c.key))
    )
    gone = (
        select(first.c.app, first.c.key.label("before"), null().label("after"))
        .join_from(first, second, (second.c.sweep == after) & (second.c.app == first.c.app), isouter=True)
        .where(first.c.sweep == before, second.c.app.is_(None))
    )
    return changed, gone


def _by_rule(rules: Sequence[str], rows: Iterable[tuple[str, str, int]]) -> list[Group]:
    outcomes: list[Counter[str]] = [Counter() for _ in rules]
    verdicts: list[Counter[str]] = [Counter() for _ in rules]
    for outcome, letters, n in rows:
        for at, letter in enumerate(letters):
            verdicts[at][letter] += n
            outcomes[at][outcome] += n
    return [Group(rule, outcomes[at].total(), outcomes[at], verdicts[at]) for at, rule in enumerate(rules)]


def together(groups: Iterable[Group]) -> Group:
    """Give all groups as one."""
    outcomes, verdicts = Counter[str](), Counter[str]()
    for each in groups:
        outcomes.update(each.outcomes)
        verdicts.update(each.verdicts)
    return Group(None, outcomes.total(), outcomes, verdicts)
