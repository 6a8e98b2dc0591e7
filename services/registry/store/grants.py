"""Grants: recording, revoking and reading them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from typing import TYPE_CHECKING

import orjson
from sqlalchemy import func, insert, select, update
from sqlmodel import col

from services.manifest import neighbourhood
from services.registry.refusals import UnknownError
from services.registry.store import live, past, sponsors
from services.registry.store.facts import written
from services.registry.tables import Action, App, Grant, Noun

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from sqlalchemy import Connection

    from services.manifest.neighbourhood import GrantKind
    from services.registry.store.database import Act, Database, Write
    from services.registry.store.past import AsOf
    from services.registry.store.prepared import Prepared


@dataclass(frozen=True, slots=True)
class Terms:
    """What is granted, by whom, on what basis, for what and for how long: the columns of a grant that never change.

    `item` is an item key, see `services.manifest.ties.item_key`. With neither feature nor item it is for the whole app.
    """

    kind: GrantKind
    granter: str
    granter_credit_code: str | None
    granter_root_organ: str | None
    basis_title: str | None
    basis_number: str | None
    basis_article: str | None
    granted_on: date
    from_on: date
    until_on: date | None
    provision: str | None
    feature: str | None
    item: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """Grants of an app in the order of recording, as of one registry revision, and how many on all pages together."""

    revision: int
    total: int
    grants: tuple[Grant, ...]
    has_more: bool


def record(database: Database, app: str, terms: Terms, act: Act, guard: Callable[[App, str, bool], None]) -> Grant:
    """Record a grant to an app.

    Args:
        database: where.
        app: the app's id.
        terms: what is granted.
        act: who records it, and why.
        guard: raises when this must not happen; it is given the app and its manifest as they stand under the lock, and
            whether the tree of organisations puts granter and sponsor under one department.

    Raises:
        UnknownError: there is no such app.

    """
    with database.writing(act) as write:
        current = live.app(write.connection, app)
        if current is None:
            raise UnknownError(Noun.APP, app)
        guard(current, live.manifest(write.connection, current), _in_one_department(write.connection, current, terms))
        grant, told = stated(app, terms, write.revision)
        write.connection.execute(insert(Grant), grant.model_dump())
        write.close(Noun.GRANT, grant.id, Action.GRANT, app=app, before=None, after=told)
    return grant


def stated(app: str, terms: Terms, revision: int) -> tuple[Grant, str]:
    """Give the row of a grant that a revision records, and what the history says of it."""
    grant = Grant(id=f"g{revision}", since=revision, recorded=revision, app=app, **asdict(terms))
    grant.facts = _facts(grant)
    return grant, _text(grant)


def revoke(
    database: Database, app: str, grant: str, revoked_on: date, act: Act, guard: Callable[[Grant], None]
) -> Grant:
    """Revoke a grant from a day on: that day it counts no longer.

    Args:
        database: where.
        app: the app's id.
        grant: the grant's id.
        revoked_on: the first day on which it does not count.
        act: who, and why.
        guard: raises when this must not happen; it is given the grant as it stands under the lock.

    Raises:
        UnknownError: the app has no such grant.

    """
    with database.writing(act) as write:
        current = live.grant(write.connection, app, grant)
        if current is None:
            raise UnknownError(Noun.GRANT, grant)
        guard(current)
        return _change(write, current, Action.REVOKE, revoked_on=revoked_on)


def renew(
    database: Database, app: str, grant: str, until_on: date, act: Act, guard: Callable[[Grant, App, str, bool], None]
) -> Grant:
    """Renew a grant: it counts until another day, and all else stays as it was granted.

    Args:
        database: where.
        app: the app's id.
        grant: the grant's id.
        until_on: the last day on which it counts from now on.
        act: who, and why.
        guard: raises when this must not happen; it is given the grant, the app and its manifest as they stand, and
            whether the tree of organisations puts granter and sponsor under one department.

    Raises:
        UnknownError: the app has no such grant.

    """
    with database.writing(act) as write:
        current, of = live.grant(write.connection, app, grant), live.app(write.connection, app)
        if current is None or of is None:
            raise UnknownError(Noun.GRANT, grant)
        is_kin = _in_one_department(write.connection, of, terms_of(current))
        guard(current, of, live.manifest(write.connection, of), is_kin)
        return _change(write, current, Action.RENEW, until_on=until_on)


def get(database: Database, app: str, grant: str, as_of: AsOf | None = None) -> tuple[Grant, int | None]:
    """Give one grant, revoked or not, as it stands now or as it stood, and the registry revision of `as_of`.

    Raises:
        UnknownError: the app has no such grant, or had none.
        RefusedError: `as_of` lies in the future, or before the registry was founded.

    """
    with database.asking() if as_of is None else database.reading() as connection:
        at = None if as_of is None else past.revision_of(connection, as_of, database.now())
        found = live.grant(connection, app, grant, at)
    if found is None:
        raise UnknownError(Noun.GRANT, grant)
    return found, at


def page(
    database: Database,
    app: str,
    *,
    limit: int,
    after: int = 0,
    revision: int | None = None,
    as_of: AsOf | None = None,
) -> Page | None:
    """Give the grants of an app that were recorded after the revision `after`, `limit` at most.

    Args:
        database: where.
        app: the app's id.
        limit: how many grants at most.
        after: the revision that recorded the last grant on the page before.
        revision: the registry revision of the page before, so that all pages are of one list.
        as_of: the moment as of which a first page is told; None: now.

    Returns:
        The page; None when the registry has not reached `revision` yet.

    Raises:
        UnknownError: there is no such app, or there was none.
        RefusedError: `as_of` lies in the future, or before the registry was founded.

    """
    with database.reading() as connection:
        reached = live.registry_revision(connection)
        if revision is None:
            revision = reached if as_of is None else past.revision_of(connection, as_of, database.now())
        if revision > reached:
            return None
        if live.app(connection, app, revision) is None:
            raise UnknownError(Noun.APP, app)
        conditions = (col(Grant.app) == app, past.standing(Grant, revision))
        total = connection.execute(select(func.count()).select_from(Grant).where(*conditions)).scalar_one()
        following = select(Grant).where(*conditions, col(Grant.recorded) > after)
        following = following.order_by(col(Grant.recorded)).limit(limit + 1)
        rows = [Grant(**row) for row in connection.execute(following).mappings()]
    return Page(revision, total, tuple(rows[:limit]), has_more=len(rows) > limit)


def terms_of(grant: Grant) -> Terms:
    """Give what was granted, by whom and for how long."""
    named = {each.name: getattr(grant, each.name) for each in fields(Terms) if each.name != "kind"}
    return Terms(kind=neighbourhood.GrantKind(grant.kind), **named)


def relatives(connection: Connection, current: App, prepared: Prepared, grants: Sequence[Grant]) -> frozenset[str]:
    """Give the ids of those of an app's grants whose granter the tree puts under the department of its new sponsor.

    While the sponsor stays, there are none: a reform of the tree does not undo what was granted before it.
    """
    named = sponsors.named(prepared)
    if named == sponsors.Named(current.credit_code, current.sponsor, current.root_organ):
        return frozenset()
    return sponsors.kin(connection, named, {each.id: _granter(terms_of(each)) for each in grants})


def _in_one_department(connection: Connection, app: App, terms: Terms) -> bool:
    sponsor = sponsors.Named(app.credit_code, app.sponsor, app.root_organ)
    return bool(sponsors.kin(connection, sponsor, {"": _granter(terms)}))


def _granter(terms: Terms) -> sponsors.Named:
    return sponsors.Named(terms.granter_credit_code, terms.granter, terms.granter_root_organ)


def _change(write: Write, current: Grant, action: Action, **columns: date | None) -> Grant:
    """Let a grant end as it stands and begin again with other days, and close the write."""
    ended = update(Grant).where(col(Grant.id) == current.id, col(Grant.until).is_(None)).values(until=write.revision)
    write.connection.execute(ended)
    changed = Grant(**{**current.model_dump(), "since": write.revision, **columns})
    _begin(write, changed)
    write.close(Noun.GRANT, current.id, action, app=current.app, before=_text(current), after=_text(changed))
    return changed


def _begin(write: Write, grant: Grant) -> None:
    grant.facts = _facts(grant)
    write.connection.execute(insert(Grant), grant.model_dump())


def _facts(grant: Grant) -> str | None:
    told = _told(grant)
    return None if told is None else written(told)


def _told(grant: Grant) -> neighbourhood.Grant | None:
    """Give the grant as neighbourhoods tell it; None when it was revoked before it counted for a day."""
    until_on = grant.until_on
    if grant.revoked_on is not None:
        if grant.revoked_on <= grant.from_on:
            return None
        last_on = grant.revoked_on - timedelta(days=1)
        until_on = last_on if until_on is None else min(until_on, last_on)
    return neighbourhood.Grant(
        id=grant.id,
        app=grant.app,
        kind=neighbourhood.GrantKind(grant.kind),
        granter=grant.granter,
        basis=_cited(grant),
        granted_on=grant.granted_on,
        from_on=grant.from_on,
        until_on=until_on,
        provision=grant.provision,
        feature=grant.feature,
        item=grant.item,
    )


def _cited(grant: Grant) -> str:
    """Cite the basis in one line, as documents do: 《title》（number）article."""
    title, number, article = grant.basis_title, grant.basis_number, grant.basis_article
    cited = ""
    if title is not None:
        cited = title if title.startswith("《") else f"《{title}》"
    if number is not None:
        cited = f"{cited}（{number}）" if cited else number
    return cited + (article or "")


def _text(grant: Grant) -> str:
    """Write the grant for the history: canonical JSON of all that is recorded, without what is derived."""
    derived = {"since", "until", "recorded", "facts"}
    said = grant.model_dump(mode="json", exclude=derived, exclude_none=True)
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS).decode()
