"""Facets: how many of the apps that a filter holds for there are of each level, province, department …"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, select
from sqlmodel import col

from services.registry.store import past
from services.registry.store.app_lists import meeting
from services.registry.store.grant_lists import in_force
from services.registry.tables import App, Grant

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy import ColumnElement, Connection

    from services.registry.filters import AppFilter
    from services.registry.store.app_lists import Meant
    from services.registry.store.database import Database

Counts = Counter[str | None]
"""How many apps have each value; None: do not declare it."""

_FEW: dict[str, Any] = {
    "stage": col(App.stage),
    "level": col(App.level),
    "faces_grassroots": col(App.faces_grassroots),
    "kind": col(App.kind),
    "role": col(App.role),
    "province": col(App.province),
}
"""What has so few values that they are counted together: by all combinations there are, in one pass along the index
`apps_facets`, which is in this order."""

_MANY = {
    "department": (App.department_key, func.coalesce(App.root_organ, App.sponsor)),
    "sector": (App.sector_key, App.sector),
}
"""What has many values: its key, and how it is written. Only the most frequent are told."""


@dataclass(frozen=True, slots=True)
class Facet:
    """The counts of one facet, and how many apps have a value that is not told."""

    counts: Counts
    others: int = 0


@dataclass(frozen=True, slots=True)
class Facets:
    """All facets of the apps that a filter holds for, as of one registry revision, and how many apps there are."""

    revision: int
    total: int
    by_name: dict[str, Facet]


def count(database: Database, wanted: AppFilter, *, revision: int, on: date, top: int) -> Facets | None:
    """Count the apps that `wanted` holds for, by facet.

    Args:
        database: where.
        wanted: the conditions, settled.
        revision: as of which registry revision.
        on: the day on which grants count.
        top: how many values of a facet with many are told at most.

    Returns:
        The facets; None when the registry has not reached `revision` yet.

    """
    with database.reading() as connection:
        if database.is_postgresql:
            # Indexes are read from end to end here, which is no matter of one place on a disk after the other.
            connection.exec_driver_sql("SET LOCAL random_page_cost = 1.1")
            connection.exec_driver_sql("SET LOCAL work_mem = '32MB'")
        meant = meeting(connection, wanted, revision, is_postgresql=database.is_postgresql)
        if meant is None:
            return None
        found = meant.conditions
        by_name, total = _few(connection, found)
        for name, (key, written) in _MANY.items():
            by_name[name] = _most(connection, found, col(key), written, top, total)
        by_name["feature_kind"] = _feature_kinds(connection, found)
        by_name["grant"] = _grants(connection, meant, on)
    return Facets(revision, total, by_name)


def _few(connection: Connection, found: Sequence[ColumnElement[bool]]) -> tuple[dict[str, Facet], int]:
    columns = tuple(_FEW.values())
    rows = connection.execute(select(*columns, func.count()).where(*found).group_by(*columns)).all()
    counts: dict[str, Counts] = {name: Counter() for name in _FEW}
    for *values, number in rows:
        for name, value in zip(_FEW, values, strict=True):
            counts[name][_word(value)] += number
    return {name: Facet(each) for name, each in counts.items()}, sum(row[-1] for row in rows)


def _word(value: Any) -> str | None:  # noqa: ANN401 - what a column holds
    return str(value).lower() if isinstance(value, bool) else value


def _most(
    connection: Connection,
    found: Sequence[ColumnElement[bool]],
    key: Any,  # noqa: ANN401 - a column
    written: Any,  # noqa: ANN401 - the same
    top: int,
    total: int,
) -> Facet:
    """Count the values of which there are most, and write each as some app does."""
    number = func.count()
    undeclared_first = (key.is_(None).desc(), number.desc(), key)
    most = select(key, number).where(*found).group_by(key).order_by(*undeclared_first).limit(top + 1)
    rows = connection.execute(most).all()
    undeclared = sum(apps for value, apps in rows if value is None)
    counted = [(value, apps) for value, apps in rows if value is not None][:top]
    counts: Counts = Counter()
    if counted:
        first = [
            select(written).where(key == value).order_by(col(App.id), col(App.since)).limit(1) for value, _ in counted
        ]
        told = connection.execute(select(*(one.scalar_subquery() for one in first))).one()
        for (_, apps), value in zip(counted, told, strict=True):
            counts[value] += apps
    others = total - undeclared - sum(apps for _, apps in counted)
    if undeclared:
        counts[None] = undeclared
    return Facet(counts, others)


def _feature_kinds(connection: Connection, found: Sequence[ColumnElement[bool]]) -> Facet:
    """Count the apps that have a feature of each kind: an app counts for every kind it has."""
    kinds = col(App.feature_kinds)
    counts: Counts = Counter()
    for said, number in connection.execute(select(kinds, func.count()).where(*found).group_by(kinds)):
        for kind in (None,) if said is None else said.split():
            counts[kind] += number
    return Facet(counts)


def _grants(connection: Connection, meant: Meant, on: date) -> Facet:
    """Count the apps that hold a grant of each kind which is in force on a day."""
    counting = and_(past.standing(Grant, meant.as_of), in_force(on))
    # Each kind of an app once, in the order of an index that needs no look at the grants themselves.
    each = select(col(Grant.app), col(Grant.kind)).join(App, col(App.id) == col(Grant.app))
    held = each.where(counting, *meant.conditions).distinct().subquery("held")
    counts: Counts = Counter()
    for said, number in connection.execute(select(held.c.kind, func.count()).group_by(held.c.kind)):
        counts[said] += number
    return Facet(counts)
