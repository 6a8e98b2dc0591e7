"""Apps: registering, changing, withdrawing, reading and listing them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

from sqlalchemy import BigInteger, bindparam, func, insert, select, update
from sqlalchemy.orm import aliased
from sqlmodel import col

from services.manifest import divisions, ties
from services.registry.refusals import UnknownError
from services.registry.store import live, offers, past
from services.registry.store.prepared import prepare
from services.registry.tables import Action, App, Noun, Revision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from typing import Literal

    from sqlalchemy import BindParameter, ColumnElement, Connection, Select

    from services.manifest.model import Manifest
    from services.registry.store.database import Act, Database, Write
    from services.registry.store.past import AsOf
    from services.registry.store.prepared import Prepared
    from services.registry.tables import Grant


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """That an app was withdrawn: when it was recorded, by whom and why."""

    at: datetime
    who: str
    reason: str


@dataclass(frozen=True, slots=True)
class Record:
    """An app as the registry knows it: its manifest (canonical JSON) and what was recorded about it."""

    id: str
    revision: int
    hash: str
    registered_at: datetime
    changed_at: datetime
    withdrawal: Withdrawal | None
    manifest: str
    as_of: int | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which apps a list holds: those that meet every condition given. None is no condition.

    `division` holds for sponsors that sit in the division or in one below it. `department`, `sector` and `name` are
    normalised like ties; `name` may be any part of a name. `"undeclared"` holds for apps that do not declare it.
    """

    level: str | None = None
    division: str | None = None
    department: str | None = None
    sector: str | None = None
    stage: str | None = None
    role: str | None = None
    feature_kind: str | None = None
    faces_grassroots: bool | Literal["undeclared"] | None = None
    name: str | None = None
    is_withdrawn: bool | None = False


@dataclass(frozen=True, slots=True)
class Page:
    """Apps in the order of their ids, as of one registry revision, and how many there are on all pages together."""

    revision: int
    total: int
    apps: tuple[App, ...]
    has_more: bool


PutGuard: TypeAlias = "Callable[[App | None, Sequence[Grant]], None]"


def put(
    database: Database, app: str, manifest: Manifest, act: Act, guard: PutGuard, max_offers: int
) -> tuple[App, bool]:
    """Register an app, or change it to another manifest. The same manifest again changes nothing.

    Args:
        database: where.
        app: its id.
        manifest: what it declares.
        act: who, and why.
        guard: raises when this must not happen; it is given the app as it stands under the lock, None when it is new,
            and its grants.
        max_offers: how many offers one app may make at most.

    Returns:
        The app as it stands now, and whether it is new.

    Raises:
        RefusedError: the app would make more offers than that.

    """
    prepared = prepare(app, manifest, max_offers)
    with database.writing(act) as write:
        current = live.app(write.connection, app)
        guard(current, () if current is None else live.grants(write.connection, app))
        if current is not None and current.hash == prepared.hash:
            return current, False
        action = Action.REGISTER if current is None else Action.CHANGE
        row = record(write, current, prepared, action, is_returned=current is not None and current.is_returned)
    return row, current is None


def record(write: Write, current: App | None, prepared: Prepared, action: Action, *, is_returned: bool) -> App:
    """Let an app be what was prepared, from this write on, and close the write.

    Args:
        write: the write, which has the lock.
        current: the app as it stands, None when it is new.
        prepared: its manifest and what is derived from it.
        action: what the history calls it.
        is_returned: whether it is a proposal that was given back to its sponsor.

    """
    row = App(
        id=prepared.app,
        hash=prepared.hash,
        since=write.revision,
        registered=write.revision if current is None else current.registered,
        stated=write.revision,
        is_withdrawn=False,
        is_returned=is_returned,
        **prepared.columns,
    )
    _succeed(write, current, row)
    offers.replace(write, prepared.app, prepared.offered)
    before = None if current is None else live.manifest(write.connection, current)
    write.close(Noun.APP, prepared.app, action, app=prepared.app, before=before, after=prepared.text)
    return row


def withdraw(database: Database, app: str, act: Act, guard: Callable[[App], object]) -> App:
    """Withdraw an app: it offers nothing any more, and cannot be changed or registered again.

    Args:
        database: where.
        app: its id.
        act: who, and why.
        guard: raises when this must not happen; it is given the app as it stands under the lock.

    Raises:
        UnknownError: there is no such app.

    """
    with database.writing(act) as write:
        current = live.app(write.connection, app)
        if current is None:
            raise UnknownError(Noun.APP, app)
        guard(current)
        row = App(**{**current.model_dump(), "since": write.revision, "is_withdrawn": True})
        _succeed(write, current, row)
        offers.replace(write, app, ())
        before = live.manifest(write.connection, current)
        write.close(Noun.APP, app, Action.WITHDRAW, app=app, before=before, after=None)
    return row


def get(database: Database, app: str, as_of: AsOf | None = None) -> Record:
    """Give an app with its manifest, withdrawn or not, as it stands now or as it stood.

    Raises:
        UnknownError: there is no such app, or there was none.
        RefusedError: `as_of` lies in the future, or before the registry was founded.

    """
    if as_of is None:
        with database.asking() as connection:
            return _record(connection, app, None)
    with database.reading() as connection:
        return _record(connection, app, past.revision_of(connection, as_of, database.now()))


def _select_record(
    as_of: BindParameter[int] | None,
) -> Select[int, str, bool, datetime, str | None, datetime, str, str]:
    registered, stated, latest = aliased(Revision), aliased(Revision), aliased(Revision)
    columns = (
        *(col(App.since), col(App.hash), col(App.is_withdrawn), col(registered.at), col(stated.after)),
        *(col(latest.at), col(latest.who), col(latest.reason)),
    )
    return (
        select(*columns)
        .join(registered, col(registered.revision) == col(App.registered))
        .join(stated, col(stated.revision) == col(App.stated))
        .join(latest, col(latest.revision) == col(App.since))
        .where(col(App.id) == bindparam("id"), past.standing(App, as_of))
    )


# Made once: making a statement takes several times as long as carrying it out.
_RECORD = {False: _select_record(None), True: _select_record(bindparam("as_of", type_=BigInteger))}


def _record(connection: Connection, app: str, as_of: int | None) -> Record:
    found = connection.execute(_RECORD[as_of is not None], {"id": app, "as_of": as_of}).one_or_none()
    if found is None:
        raise UnknownError(Noun.APP, app)
    since, hash_, is_withdrawn, registered_at, manifest, changed_at, who, reason = found
    withdrawal = Withdrawal(changed_at, who, reason) if is_withdrawn else None
    return Record(app, since, hash_, registered_at, changed_at, withdrawal, cast("str", manifest), as_of)


def page(
    database: Database,
    wanted: Filter,
    *,
    limit: int,
    after: str = "",
    revision: int | None = None,
    as_of: AsOf | None = None,
) -> Page | None:
    """Give the apps that `wanted` holds for and whose ids come after `after`, `limit` at most.

    Args:
        database: where.
        wanted: the conditions.
        limit: how many apps at most.
        after: the id of the last app on the page before.
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
        total = connection.execute(select(func.count()).select_from(App).where(*conditions)).scalar_one()
        following = select(App).where(*conditions, col(App.id) > after).order_by(col(App.id)).limit(limit + 1)
        # Rows have the attributes of apps, and making apps of them would take most of the time.
        rows = cast("Sequence[App]", connection.execute(following).all())
    return Page(revision, total, tuple(rows[:limit]), has_more=len(rows) > limit)


def _conditions(wanted: Filter, as_of: int) -> Iterator[ColumnElement[bool]]:
    yield past.standing(App, as_of)
    for column, value in ((App.level, wanted.level), (App.stage, wanted.stage), (App.role, wanted.role)):
        if value is not None:
            yield col(column).is_(None) if value == "undeclared" else col(column) == value
    if wanted.division is not None:
        start = divisions.normalise(wanted.division)
        yield col(App.division) >= start
        yield col(App.division) < f"{start}:"  # the colon follows the nine
    if wanted.department is not None:
        yield col(App.department_key) == ties.index_key(ties.name_key(wanted.department))
    if wanted.sector is not None:
        yield col(App.sector_key) == ties.index_key(ties.name_key(wanted.sector))
    if wanted.feature_kind is not None:
        yield col(App.feature_kinds).contains(f" {wanted.feature_kind} ", autoescape=True)
    if wanted.faces_grassroots is not None:
        faces = None if wanted.faces_grassroots == "undeclared" else wanted.faces_grassroots
        yield col(App.faces_grassroots).is_(faces)
    if wanted.name is not None:
        yield col(App.name_key).contains(ties.name_key(wanted.name), autoescape=True)
    if wanted.is_withdrawn is not None:
        yield col(App.is_withdrawn).is_(wanted.is_withdrawn)


def _succeed(write: Write, current: App | None, row: App) -> None:
    """Let one row of an app end and the next begin."""
    if current is not None:
        ended = update(App).where(col(App.id) == current.id, col(App.until).is_(None)).values(until=write.revision)
        write.connection.execute(ended)
    write.connection.execute(insert(App), row.model_dump())
