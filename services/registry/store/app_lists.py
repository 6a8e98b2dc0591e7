"""Lists of apps: pages in some order, as of one registry revision, and how many apps there are on all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from sqlalchemy import func, literal_column, select, tuple_
from sqlmodel import col

from services.manifest.terms import Level, Stage
from services.registry.store import live, past, texts
from services.registry.store.app_conditions import conditions, conditions_beside, plan_anew, sought
from services.registry.tables import App

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection, Select

    from services.registry.filters import AppFilter
    from services.registry.store.database import Database
    from services.registry.store.past import AsOf

COUNTED = 1000
"""How far apps are counted when nobody asks for the exact number."""

_LONGEST_NUMBER = 18

Key: TypeAlias = "str | int | date | None"

_COLUMNS: dict[str, Any] = {
    "changed": App.since,
    "name": App.name_start,
    "online_on": App.online_on,
    "retire_on": App.retire_on,
    "consolidation_due_on": App.consolidation_due_on,
}
_RANKS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "level": (App.level, tuple(Level)),
    "stage": (App.stage, tuple(Stage)),
}

SORTS = ("id", "name", "changed", "level", "stage", "online_on", "retire_on", "consolidation_due_on")
"""What lists are sorted by."""


@dataclass(frozen=True, slots=True)
class Order:
    """By what a list is sorted. Apps that are alike in it come by their ids; those that do not declare it come last."""

    by: str = "id"
    is_descending: bool = False


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: in which stretch of the order, the key by which that is sorted, and the id of the app."""

    stretch: int
    key: Key
    id: str


@dataclass(frozen=True, slots=True)
class Cut:
    """Which part of a list is told: so many apps after a position (None: from its beginning).

    `is_total_exact` asks that all apps are counted, however many there are.
    """

    limit: int
    after: Position | None = None
    is_total_exact: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Apps in the order asked, as of one registry revision; `end` is where the next page goes on, if there is one.

    `total` is the number of apps on all pages; when it is not exact, there are at least so many.
    """

    revision: int
    total: int
    is_total_exact: bool
    apps: tuple[App, ...]
    end: Position | None


@dataclass(frozen=True, slots=True)
class Meant:
    """The apps that a filter holds for, by the conditions they meet, as of a registry revision; None: now.

    `on_the_way` are the same conditions for whoever goes along an order and stops when a page is full. Where many apps
    have the words looked for, `some` are conditions that hold for some of those meant, and for no others.
    """

    as_of: int | None
    conditions: Sequence[ColumnElement[bool]]
    on_the_way: Sequence[ColumnElement[bool]]
    some: Sequence[ColumnElement[bool]] | None = None


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A part of an order that one index holds in just this order: what its apps meet, and its key, if it has one."""

    condition: ColumnElement[bool] | None = None
    key: Any = None


def revision_at(database: Database, as_of: AsOf | None) -> int:
    """Give the registry revision that a moment is of; None: the newest one.

    Raises:
        RefusedError: `as_of` lies in the future, or before the registry was founded.

    """
    with database.reading() as connection:
        if as_of is None:
            return live.registry_revision(connection)
        return past.revision_of(connection, as_of, database.now())


def page(database: Database, wanted: AppFilter, order: Order, cut: Cut, revision: int) -> Page | None:
    """Give the apps that `wanted` holds for, as far as they are in a cut of the list.

    Args:
        database: where.
        wanted: the conditions, settled.
        order: in which order.
        cut: which part of the list is told.
        revision: as of which registry revision.

    Returns:
        The page; None when the registry has not reached `revision` yet.

    """
    with database.reading() as connection:
        if database.is_postgresql:
            # A planner that believes the first rows of the table to do reads through all of it when it errs.
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        meant = meeting(connection, wanted, revision, is_postgresql=database.is_postgresql)
        if meant is None:
            return None
        total, is_exact = _total(connection, meant, is_exact=cut.is_total_exact)
        rows = _rows(connection, meant.on_the_way, order, cut.after, cut.limit + 1)
    told = rows[: cut.limit]
    end = _position(order, *told[-1]) if len(rows) > cut.limit else None
    return Page(revision, total, is_exact, tuple(app for _, app in told), end)


def meeting(connection: Connection, wanted: AppFilter, revision: int, *, is_postgresql: bool) -> Meant | None:
    """Give the apps that `wanted` holds for; None when `revision` has not been reached."""
    plan_anew(connection)
    reached = live.registry_revision(connection)
    if revision > reached:
        return None
    # What stands now is found by shorter indexes than what stood at a revision.
    as_of = None if revision == reached else revision
    looked_for = sought(wanted)
    if looked_for is None or not is_postgresql:
        every = list(conditions(wanted, as_of, is_postgresql=is_postgresql))
        return Meant(as_of, every, every)
    found, beside = texts.look_up(connection, looked_for, as_of), list(conditions_beside(wanted, as_of))
    if found.is_all:
        every = [*beside, found.among]
        return Meant(as_of, every, every)
    by_index = [*beside, looked_for.found(as_of, is_postgresql=True)]
    return Meant(as_of, by_index, [*beside, texts.walked(looked_for, as_of)], [*beside, found.among])


def _total(connection: Connection, meant: Meant, *, is_exact: bool) -> tuple[int, bool]:
    """Count apps; give the number, and whether it is the exact one."""
    if is_exact:
        return _count(connection, meant.conditions, None), True
    if meant.some is not None and _count(connection, meant.some, COUNTED) == COUNTED:
        return COUNTED, False
    total = _count(connection, meant.on_the_way, COUNTED)
    return total, total < COUNTED


def _count(connection: Connection, found: Sequence[ColumnElement[bool]], at_most: int | None) -> int:
    every: Select[Any] = select(literal_column("1")).select_from(App).where(*found)
    counted = every.limit(at_most).subquery("counted")
    return connection.execute(select(func.count()).select_from(counted)).scalar_one()


def _rows(
    connection: Connection, found: Sequence[ColumnElement[bool]], order: Order, after: Position | None, limit: int
) -> list[tuple[int, App]]:
    """Read one stretch of the order after the other until there are enough; give each app with its stretch."""
    rows: list[tuple[int, App]] = []
    for number, stretch in enumerate(_stretches(order)):
        if after is not None and number < after.stretch:
            continue
        begin = after if after is not None and number == after.stretch else None
        statement = select(App).where(*found)
        if stretch.condition is not None:
            statement = statement.where(stretch.condition)
        keys = [col(App.id)] if stretch.key is None else [stretch.key, col(App.id)]
        if begin is not None:
            reached = tuple_(*keys), tuple_(*([] if stretch.key is None else [begin.key]), begin.id)
            statement = statement.where(reached[0] < reached[1] if order.is_descending else reached[0] > reached[1])
        statement = statement.order_by(*(key.desc() if order.is_descending else key for key in keys))
        # Rows have the attributes of apps, and making apps of them would take most of the time.
        some = cast("Sequence[App]", connection.execute(statement.limit(limit - len(rows))).all())
        rows += [(number, row) for row in some]
        if len(rows) == limit:
            break
    return rows


def _stretches(order: Order) -> Iterator[_Stretch]:
    if order.by == "id":
        yield _Stretch()
    elif order.by == "changed":
        yield _Stretch(key=col(App.since))
    elif order.by in _RANKS:
        column, ranks = _RANKS[order.by]
        for word in reversed(ranks) if order.is_descending else ranks:
            yield _Stretch(col(column) == word)
        yield _Stretch(col(column).is_(None))
    else:
        column = _COLUMNS[order.by]
        yield _Stretch(col(column).is_not(None), col(column))
        yield _Stretch(col(column).is_(None))


def _position(order: Order, stretch: int, app: App) -> Position:
    column = _COLUMNS.get(order.by)
    return Position(stretch, None if column is None else getattr(app, column.key), app.id)


def key_of(order: Order, text: str) -> Key:
    """Read the key of a position in an order, written by `str`.

    Raises:
        ValueError: no position in this order has it.

    """
    if order.by == "changed":
        if len(text) > _LONGEST_NUMBER:
            raise ValueError("no registry revision is so large")
        return int(text)
    if order.by.endswith("_on"):
        return date.fromisoformat(text)
    return text
