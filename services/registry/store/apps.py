"""Apps: registering, changing, withdrawing and reading them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

from sqlalchemy import BigInteger, bindparam, insert, select, update
from sqlalchemy.orm import aliased
from sqlmodel import col

from services.registry.refusals import UnknownError
from services.registry.store import grants, live, offers, past, sponsors, texts
from services.registry.store.prepared import prepare
from services.registry.tables import Action, App, Noun, Revision, Sponsorship

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime

    from sqlalchemy import BindParameter, Connection, Select

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
    is_returned: bool
    manifest: str
    as_of: int | None = None


PutGuard: TypeAlias = "Callable[[App | None, Sequence[Grant], Collection[str]], None]"


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
            its grants, and the ids of those whose granter the tree puts under the department of the sponsor declared.
        max_offers: how many offers one app may make at most.

    Returns:
        The app as it stands now, and whether it is new.

    Raises:
        RefusedError: the app would make more offers than that.

    """
    return put_prepared(database, prepare(app, manifest, max_offers), act, guard)


def put_prepared(database: Database, prepared: Prepared, act: Act, guard: PutGuard) -> tuple[App, bool]:
    """Register an app, or change it, with what was prepared: see `put`."""
    app = prepared.app
    with database.writing(act) as write:
        current = live.app(write.connection, app)
        if current is None:
            guard(None, (), ())
        else:
            held = live.grants(write.connection, app)
            guard(current, held, grants.relatives(write.connection, current, prepared, held))
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
    (prepared,) = sponsors.placed(write.connection, [prepared])
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
    stood = () if current is None else (current.id,)
    if sponsored := sponsors.rows(write.connection, [prepared], {prepared.app: write.revision}, stood):
        write.connection.execute(insert(Sponsorship), sponsored)
    texts.replace(write.connection, prepared.app, prepared.searched, write.revision, is_new=current is None)
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
) -> Select[int, str, bool, bool, datetime, str | None, datetime, str, str]:
    registered, stated, latest = aliased(Revision), aliased(Revision), aliased(Revision)
    columns = (
        *(col(App.since), col(App.hash), col(App.is_withdrawn), col(App.is_returned)),
        *(col(registered.at), col(stated.after)),
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
    since, hash_, is_withdrawn, is_returned, registered_at, manifest, changed_at, who, reason = found
    withdrawal = Withdrawal(changed_at, who, reason) if is_withdrawn else None
    told = cast("str", manifest)
    return Record(app, since, hash_, registered_at, changed_at, withdrawal, is_returned, told, as_of)


def _succeed(write: Write, current: App | None, row: App) -> None:
    """Let one row of an app end and the next begin."""
    if current is not None:
        ended = update(App).where(col(App.id) == current.id, col(App.until).is_(None)).values(until=write.revision)
        write.connection.execute(ended)
    write.connection.execute(insert(App), row.model_dump())
