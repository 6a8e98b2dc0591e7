"""What the conditions of an `AppFilter` mean, in SQL. Lists, exports, webhooks, snapshots and sweeps all ask here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, select
from sqlmodel import col

from services.manifest import ties
from services.registry import search_text
from services.registry.filters import UNDECLARED
from services.registry.store import past, sponsors, texts
from services.registry.store.grant_lists import ends_between, in_force, later
from services.registry.tables import App, Grant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement, Connection

    from services.registry.filters import AppFilter

DAYS = {
    "proposed": App.proposed_on,
    "begun": App.begun_on,
    "online": App.online_on,
    "retire": App.retire_on,
    "retired": App.retired_on,
    "consolidation": App.consolidation_due_on,
}
"""The days that lists ask about, by the name they have in the grammar."""

_PROVINCE = 2  # digits
_WORDS = ("kind", "level", "stage", "role")
_KEYS = {"department": "department_key", "sector": "sector_key"}
_MARKS = {"feature_kind": "feature", "asks": "asks", "holds": "holds", "shares": "shares"}
_FLAGS: dict[str, bool | None] = {"true": True, "false": False, UNDECLARED: None}


def conditions(wanted: AppFilter, as_of: int | None, *, is_postgresql: bool) -> Iterator[ColumnElement[bool]]:
    """Give the conditions, over `App`, of the apps that a filter means.

    Args:
        wanted: the filter, settled (`AppFilter.settled`).
        as_of: the registry revision as of which; None: now.
        is_postgresql: in which SQL.

    Raises:
        ValueError: the filter asks about the grants of today, and nobody has settled which day that is.

    """
    yield from conditions_beside(wanted, as_of)
    if (looked_for := sought(wanted)) is not None:
        yield looked_for.found(as_of, is_postgresql=is_postgresql)


def conditions_beside(wanted: AppFilter, as_of: int | None) -> Iterator[ColumnElement[bool]]:
    """Give the same conditions without what the index of words finds."""
    yield past.standing(App, as_of)
    if wanted.withdrawn != "include":
        yield col(App.is_withdrawn).is_(wanted.withdrawn == "only")
    if wanted.returned is not None:
        yield col(App.is_returned).is_(wanted.returned == "true")
    if wanted.id is not None:
        yield col(App.id).in_(wanted.id)
    if wanted.under is not None:
        yield col(App.id).in_(sponsors.apps_under(wanted.under, as_of))
    yield from _declared(wanted)
    yield from _dated(wanted)
    if wanted.name is not None:
        yield col(App.name_key).contains(ties.name_key(wanted.name), autoescape=True)
    yield from _granted(wanted, as_of)


def sought(wanted: AppFilter) -> texts.Sought | None:
    """Give what the index of words finds; None: nothing is looked for there."""
    words = [] if wanted.q is None else list(search_text.asked(wanted.q))
    if wanted.name is not None:
        words.append(ties.name_key(wanted.name))  # a name is a text of its app, so its words narrow down where to look
    marks = [
        search_text.mark(mark, None if said == UNDECLARED else said)
        for name, mark in _MARKS.items()
        if (said := getattr(wanted, name)) is not None
    ]
    if wanted.vendor is not None:
        marks.append(search_text.mark("vendor", None if wanted.vendor == UNDECLARED else ties.name_key(wanted.vendor)))
    return texts.Sought(list(dict.fromkeys(words)), marks) if words or marks else None


def plan_anew(connection: Connection) -> None:
    """Let the statements of this transaction be planned for their own values: for a rare word, unlike a common one."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")


def _declared(wanted: AppFilter) -> Iterator[ColumnElement[bool]]:
    """What the columns say as it is declared."""
    for name in _WORDS:
        if (word := getattr(wanted, name)) is not None:
            column = col(getattr(App, name))
            yield column.is_(None) if word == UNDECLARED else column == word
    for name, key in _KEYS.items():
        if (said := getattr(wanted, name)) is not None:
            column = col(getattr(App, key))
            yield column.is_(None) if said == UNDECLARED else column == ties.index_key(ties.name_key(said))
    if wanted.faces_grassroots is not None:
        yield col(App.faces_grassroots).is_(_FLAGS[wanted.faces_grassroots])
    if wanted.division == UNDECLARED:
        yield col(App.division).is_(None)
    elif wanted.division == "":
        yield col(App.division).is_not(None)
    elif wanted.division is not None:
        # A province has an index in the order of ids. Ids may begin with the division, so that walking along all of
        # them, which looks as good to a planner, would lead through half of the country first.
        yield col(App.province) == wanted.division[:_PROVINCE]
        if len(wanted.division) > _PROVINCE:
            yield col(App.division) >= wanted.division
            yield col(App.division) < f"{wanted.division}:"  # the colon follows the nine


def _dated(wanted: AppFilter) -> Iterator[ColumnElement[bool]]:
    for name, day in DAYS.items():
        if (from_on := getattr(wanted, f"{name}_from_on")) is not None:
            yield col(day) >= from_on
        if (until_on := getattr(wanted, f"{name}_until_on")) is not None:
            yield col(day) <= until_on
    if wanted.undated is not None:
        yield col(DAYS[wanted.undated]).is_(None)


def _granted(wanted: AppFilter, as_of: int | None) -> Iterator[ColumnElement[bool]]:
    if (wanted.grant, wanted.without_grant, wanted.grant_ends_within_days) == (None, None, None):
        return
    if wanted.grant_on is None:
        raise ValueError("the filter asks about the grants of a day that nobody has settled")
    counting = and_(past.standing(Grant, as_of), in_force(wanted.grant_on))
    if wanted.without_grant is not None:
        yield ~_held(and_(counting, col(Grant.kind) == wanted.without_grant))
    if wanted.grant is not None:
        counting = and_(counting, col(Grant.kind) == wanted.grant)
    if wanted.grant_ends_within_days is not None:
        # Few grants end soon, so it is they that are looked up, and not the grants of every app.
        last = later(wanted.grant_on, wanted.grant_ends_within_days)
        ending = select(col(Grant.app)).where(counting, ends_between(wanted.grant_on, last))
        yield col(App.id).in_(ending.correlate(None))
    elif wanted.grant is not None:
        yield _held(counting)


def _held(counting: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(col(Grant.id)).where(col(Grant.app) == col(App.id), counting).correlate(App).exists()
