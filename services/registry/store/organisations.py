"""Organisations: recording, reading and listing them, and the ways through their tree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from sqlalchemy import func, insert, select, update
from sqlmodel import col

from services.manifest.ties import index_key, name_key
from services.registry import organisations as tree
from services.registry.refusals import ConflictError, Objection, RefusedError, UnknownError
from services.registry.store import live, past, sponsors
from services.registry.tables import Action, Noun, Organisation, OrganisationName, OrganisationParent, Revision
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import CTE, ColumnElement, Connection

    from services.registry.store.database import Act, Database, Write
    from services.registry.store.past import AsOf

PutGuard: TypeAlias = "Callable[[Organisation | None], None]"
_Period: TypeAlias = "type[OrganisationName | OrganisationParent]"


@dataclass(frozen=True, slots=True)
class Record:
    """An organisation as the registry knows it: what was recorded (JSON), and the registry revision of `as_of`."""

    row: Organisation
    stated: str
    as_of: int | None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which organisations a list holds: those that meet every condition given. None is no condition.

    `name` is any part of a name that it has or had. `parent` and `under` hold on the day `on`.
    """

    name: str | None = None
    level: str | None = None
    division: str | None = None
    nature: str | None = None
    parent: str | None = None
    under: str | None = None
    is_root: bool | None = None
    is_ended: bool | None = False
    on: date = date.max


@dataclass(frozen=True, slots=True)
class Page:
    """Organisations in the order of their codes, as of one registry revision, and how many on all pages together."""

    revision: int
    total: int
    organisations: tuple[Organisation, ...]
    has_more: bool


def put(
    database: Database, code: str, stated: tree.Organisation, act: Act, guard: PutGuard
) -> tuple[Organisation, bool]:
    """Record an organisation, or change what is recorded of it. The same again changes nothing.

    The apps that this bears on have their departments from the tree at once, in the same transaction.

    Args:
        database: where.
        code: its credit code.
        stated: what is recorded.
        act: who, and why.
        guard: raises when this must not happen; it is given the organisation as it stands under the lock.

    Returns:
        The organisation as it stands now, and whether it is new.

    Raises:
        RefusedError: it contradicts itself, lies in the future, or names a division that is not valid.
        ConflictError: it names an organisation that is not recorded, or would stand above itself.

    """
    if found := tuple(tree.objections(code, stated, database.today())):
        raise RefusedError(*found)
    text = stated.model_dump_json(exclude_none=True)
    with database.writing(act) as write:
        current = _live(write.connection, code)
        guard(current)
        before = None if current is None else _stated(write.connection, current)
        if current is not None and before == text:
            return current, False
        _require_tree(write.connection, code, stated)
        row = _row(code, stated, write.revision, current)
        _succeed(write, current, row)
        keys = _replace_names(write, code, stated)
        _replace_steps(write, code, stated)
        sponsors.follow(write, code, keys)
        action = Action.REGISTER if current is None else Action.CHANGE
        write.close(Noun.ORGANISATION, code, action, app=None, before=before, after=text)
    return row, current is None


def get(database: Database, code: str, as_of: AsOf | None = None) -> Record:
    """Give an organisation, ended or not, as it is recorded now or as it was.

    Raises:
        UnknownError: it is not recorded, or was not.
        RefusedError: `as_of` lies in the future, or before the registry was founded.

    """
    with database.reading() as connection:
        at = None if as_of is None else past.revision_of(connection, as_of, database.now())
        row = _require(connection, code, at)
        return Record(row, _stated(connection, row), at)


def way_up(
    database: Database, code: str, on: date, as_of: AsOf | None = None
) -> tuple[list[tuple[Organisation, str, bool]], int | None]:
    """Give the way from an organisation to its root on a day.

    Returns:
        The organisations, it first, each with its name on that day and whether it was reached by a merger; and the
        registry revision of `as_of`.

    Raises:
        UnknownError: it is not recorded, or was not.
        RefusedError: `as_of` lies in the future, or before the registry was founded.

    """
    with database.reading() as connection:
        at = None if as_of is None else past.revision_of(connection, as_of, database.now())
        way = [(_require(connection, code, at), False)]
        while (step := _step(connection, way[-1][0].code, on, at)) is not None:
            way.append((_require(connection, step.above, at), step.is_merger))
        stated = [tree.Organisation.model_validate_json(_stated(connection, row)) for row, _ in way]
    return [(row, each.name_on(on), merged) for (row, merged), each in zip(way, stated, strict=True)], at


def page(
    database: Database,
    wanted: Filter,
    *,
    limit: int,
    after: str = "",
    revision: int | None = None,
    as_of: AsOf | None = None,
) -> Page | None:
    """Give the organisations that `wanted` holds for and whose codes come after `after`, `limit` at most.

    Args:
        database: where.
        wanted: the conditions.
        limit: how many at most.
        after: the code of the last one on the page before.
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
        conditions = list(_conditions(wanted, revision))
        total = connection.execute(select(func.count()).select_from(Organisation).where(*conditions)).scalar_one()
        following = select(Organisation).where(*conditions, col(Organisation.code) > after)
        found = connection.execute(following.order_by(col(Organisation.code)).limit(limit + 1)).mappings()
        rows = [Organisation(**row) for row in found]
    return Page(revision, total, tuple(rows[:limit]), has_more=len(rows) > limit)


def _conditions(wanted: Filter, as_of: int) -> Iterator[ColumnElement[bool]]:
    yield past.standing(Organisation, as_of)
    for column, value in ((Organisation.level, wanted.level), (Organisation.nature, wanted.nature)):
        if value is not None:
            yield col(column) == value
    if wanted.division is not None:
        yield col(Organisation.division) >= wanted.division
        yield col(Organisation.division) < f"{wanted.division}:"  # the colon follows the nine
    if wanted.name is not None:
        has_name = col(OrganisationName.name_key).contains(name_key(wanted.name), autoescape=True)
        named = select(col(OrganisationName.organisation)).where(past.standing(OrganisationName, as_of), has_name)
        yield col(Organisation.code).in_(named)
    stood = (past.standing(OrganisationParent, as_of), *_on(wanted.on))
    if wanted.parent is not None:
        children = select(col(OrganisationParent.organisation)).where(
            *stood, col(OrganisationParent.parent) == wanted.parent
        )
        yield col(Organisation.code).in_(children)
    if wanted.under is not None:
        yield col(Organisation.code).in_(select(_below(wanted.under, wanted.on, as_of).c.organisation))
    if wanted.is_root is not None:
        has_parent = select(col(OrganisationParent.organisation)).where(*stood)
        is_child = col(Organisation.code).in_(has_parent)
        yield ~is_child if wanted.is_root else is_child
    if wanted.is_ended is not None:
        has_ended = col(Organisation.ended_on).is_not(None) & (col(Organisation.ended_on) <= wanted.on)
        # What has no day of ending has not ended: without this, the negation of unknown would be unknown.
        yield (
            has_ended
            if wanted.is_ended
            else col(Organisation.ended_on).is_(None) | (col(Organisation.ended_on) > wanted.on)
        )


def _below(code: str, on: date, as_of: int) -> CTE:
    """Give all organisations below one on a day, without itself, as a table."""
    stood = (past.standing(OrganisationParent, as_of), *_on(on))
    children = select(col(OrganisationParent.organisation)).where(*stood, col(OrganisationParent.parent) == code)
    below = children.cte("below", recursive=True)
    further = select(col(OrganisationParent.organisation)).where(
        *stood, col(OrganisationParent.parent) == below.c.organisation
    )
    return below.union(further)


def _on(on: date) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(OrganisationParent.from_on) <= on, col(OrganisationParent.before_on) > on


# ---------------------------------------------------------------- reading


def _live(connection: Connection, code: str, as_of: int | None = None) -> Organisation | None:
    wanted = select(Organisation).where(col(Organisation.code) == code, past.standing(Organisation, as_of))
    row = connection.execute(wanted).mappings().one_or_none()
    return None if row is None else Organisation(**row)


def _require(connection: Connection, code: str, as_of: int | None) -> Organisation:
    row = _live(connection, code, as_of)
    if row is None:
        raise UnknownError(Noun.ORGANISATION, code)
    return row


def _stated(connection: Connection, row: Organisation) -> str:
    found = connection.execute(select(col(Revision.after)).where(col(Revision.revision) == row.since)).scalar_one()
    return cast("str", found)  # a revision that records an organisation says what


def _step(connection: Connection, code: str, on: date, as_of: int | None) -> tree.Step | None:
    return next((step for step in _steps(connection, code, as_of) if step.from_on <= on < step.before_on), None)


def _steps(connection: Connection, code: str, as_of: int | None = None) -> Iterator[tree.Step]:
    found = select(
        col(OrganisationParent.parent),
        col(OrganisationParent.from_on),
        col(OrganisationParent.before_on),
        col(OrganisationParent.is_merger),
    ).where(col(OrganisationParent.organisation) == code, past.standing(OrganisationParent, as_of))
    rows = connection.execute(found.order_by(col(OrganisationParent.from_on)))
    return (tree.Step(parent, from_on, before_on, is_merger) for parent, from_on, before_on, is_merger in rows)


# ---------------------------------------------------------------- writing


def _require_tree(connection: Connection, code: str, stated: tree.Organisation) -> None:
    named = [(f"/parents/{i}/organisation", each.organisation) for i, each in enumerate(stated.parents)]
    unknown = [
        _unrecorded(place, other)
        for place, other in [*named, ("/merged_into", stated.merged_into)]
        if other is not None and _live(connection, other) is None
    ]
    if unknown:
        raise ConflictError(*unknown)
    if way := tree.cycle(code, stated, lambda other: _steps(connection, other)):
        raise ConflictError(tree.circular(way))


def _row(code: str, stated: tree.Organisation, revision: int, current: Organisation | None) -> Organisation:
    steps = tree.steps(stated)
    return Organisation(
        code=code,
        since=revision,
        registered=revision if current is None else current.registered,
        name=stated.names[-1].name,
        above=steps[-1].above if steps and steps[-1].before_on == date.max else None,
        ended_on=stated.ended_on,
        **stated.model_dump(include={"level", "division", "nature", "managed_by"}),
    )


def _succeed(write: Write, current: Organisation | None, row: Organisation) -> None:
    if current is not None:
        ended = update(Organisation).where(col(Organisation.code) == current.code, col(Organisation.until).is_(None))
        write.connection.execute(ended.values(until=write.revision))
    write.connection.execute(insert(Organisation), row.model_dump())


def _replace_names(write: Write, code: str, stated: tree.Organisation) -> set[str]:
    """Let an organisation have these names, and give the keys of all that it has or had until now."""
    wanted = [
        {
            "from_on": each.from_on or date.min,
            "before_on": before_on,
            "name": each.name,
            "name_key": index_key(name_key(each.name)),
        }
        for each, before_on in tree.name_periods(stated)
    ]
    had = _replace(write, OrganisationName, code, wanted)
    return {row["name_key"] for row in (*had, *wanted)}


def _replace_steps(write: Write, code: str, stated: tree.Organisation) -> None:
    wanted = [
        {
            "from_on": step.from_on,
            "before_on": step.before_on,
            "parent": step.above,
            "is_merger": step.is_merger,
        }
        for step in tree.steps(stated)
    ]
    _replace(write, OrganisationParent, code, wanted)


def _replace(write: Write, table: _Period, code: str, wanted: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """End the live periods of an organisation that are not among those wanted, begin the new ones, and give the old."""
    of_it = (col(table.organisation) == code, col(table.until).is_(None))
    known = {"organisation", "since", "until"}
    found = write.connection.execute(select(table).where(*of_it)).mappings()
    old = [{name: value for name, value in row.items() if name not in known} for row in found]
    for row in old:
        if row not in wanted:
            ended = update(table).where(*of_it, col(table.from_on) == row["from_on"])
            write.connection.execute(ended.values(until=write.revision))
    begun = [{**row, "organisation": code, "since": write.revision} for row in wanted if row not in old]
    if begun:
        write.connection.execute(insert(table), begun)
    return old


def _unrecorded(place: str, code: str) -> Objection:
    fact = Text(f"机构 {code} 没有登记", f"the organisation {code} is not recorded")
    return Objection(place, fact, Text("先登记该机构", "record it first"))
