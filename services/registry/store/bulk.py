"""Many apps at once: what `apps.record` writes of one, written of a thousand in a few statements.

Every app has its own revision, so readers of the history cannot tell a batch from single writes. All of a batch is
committed together, under the lock on the registry revision, so nobody sees a part of it or a gap in the numbers.
"""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import psycopg
from sqlalchemy import BigInteger, bindparam, insert, select, update
from sqlmodel import col

from services.registry.store import sponsors, texts
from services.registry.store.database import UnavailableError
from services.registry.store.offers import Offered
from services.registry.tables import Action, App, Grant, Noun, Offer, Revision, SearchText, Sponsorship

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection
    from sqlmodel import SQLModel

    from services.registry.store.database import Batch
    from services.registry.store.prepared import Prepared

BATCH = 250
"""Apps written under one lock: larger batches are hardly faster, and keep interactive writers waiting."""

_END_APP = (
    update(App)
    .where(col(App.id) == bindparam("app"), col(App.until).is_(None))
    .values(until=bindparam("ended", type_=BigInteger))
)
_END_OFFER = update(Offer).where(col(Offer.id) == bindparam("offer")).values(until=bindparam("ended", type_=BigInteger))


def live(connection: Connection, ids: Sequence[str]) -> dict[str, App]:
    """Give the apps among `ids` that are registered, withdrawn or not, as they stand now."""
    found = connection.execute(select(App).where(col(App.id).in_(ids), col(App.until).is_(None)))
    # Rows have the attributes of apps, and making apps of them would take most of the time.
    return {row.id: cast("App", row) for row in found}


def manifests(connection: Connection, apps: Iterable[App]) -> dict[str, str]:
    """Give the manifests of apps, as canonical JSON, by their ids."""
    stated = {app.stated: app.id for app in apps}
    found = connection.execute(
        select(col(Revision.revision), col(Revision.after)).where(col(Revision.revision).in_(list(stated)))
    )
    return {stated[revision]: cast("str", after) for revision, after in found}


def grants(connection: Connection, ids: Sequence[str]) -> dict[str, list[Grant]]:
    """Give all grants of apps, revoked or not, by the apps' ids; apps without any are left out."""
    found = connection.execute(
        select(Grant).where(col(Grant.app).in_(ids), col(Grant.until).is_(None)).order_by(col(Grant.recorded))
    )
    by_app: defaultdict[str, list[Grant]] = defaultdict(list)
    for row in found:
        by_app[row.app].append(cast("Grant", row))
    return dict(by_app)


def write(batch: Batch, current: Mapping[str, App], wanted: Sequence[Prepared], *, is_postgresql: bool) -> range:
    """Let apps be what was prepared, each under a revision of its own, in the order given.

    Args:
        batch: the writes, which have the lock.
        current: those of the apps that are registered, as they stand under the lock.
        wanted: the manifests and what is derived from them, at least one, of each app one; whoever writes has made
            sure that none is withdrawn, or is what the manifest says already.
        is_postgresql: which database it is.

    Returns:
        The revisions.

    """
    numbers, at = batch.take(len(wanted))
    wanted = sponsors.placed(batch.connection, wanted)
    put = partial(add, is_postgresql=is_postgresql)
    said = {"who": batch.act.who, "reason": batch.act.reason, "at": at}
    stood = {each.app: current[each.app] for each in wanted if each.app in current}
    before = manifests(batch.connection, stood.values()) if stood else {}
    since = {each.app: number for each, number in zip(wanted, numbers, strict=True)}
    if stood:
        batch.connection.execute(_END_APP, [{"app": app, "ended": since[app]} for app in stood])
    put(batch.connection, App, [_row(each, stood.get(each.app), since[each.app]) for each in wanted])
    _replace_offers(batch.connection, stood, wanted, since, put)
    if sponsored := sponsors.rows(batch.connection, wanted, since, stood):
        put(batch.connection, Sponsorship, sponsored)
    _replace_texts(batch.connection, stood, wanted, since, put)
    history = [
        {
            "revision": since[each.app],
            "noun": Noun.APP.value,
            "thing": each.app,
            "app": each.app,
            "action": (Action.CHANGE if each.app in stood else Action.REGISTER).value,
            "before": before.get(each.app),
            "after": each.text,
            **said,
        }
        for each in wanted
    ]
    put(batch.connection, Revision, history)  # it closes the numbers, so it is written last
    return numbers


def _row(prepared: Prepared, current: App | None, revision: int) -> dict[str, Any]:
    return {
        "id": prepared.app,
        "hash": prepared.hash,
        "since": revision,
        "registered": revision if current is None else current.registered,
        "stated": revision,
        "is_withdrawn": False,
        "is_returned": current is not None and current.is_returned,
        **prepared.columns,
    }


def _replace_offers(
    connection: Connection, stood: Mapping[str, App], wanted: Sequence[Prepared], since: Mapping[str, int], put: _Put
) -> None:
    """End the live offers of apps that are not among those wanted, and begin those that are new."""
    there = _live_offers(connection, list(stood)) if stood else {}
    begun = [
        {
            "tie": offer.tie,
            "division": offer.division,
            "app": each.app,
            "places": offer.places,
            "facts": offer.facts,
            "since": since[each.app],
        }
        for each in wanted
        for offer in dict.fromkeys(each.offered)
        if there.pop((each.app, offer), None) is None
    ]
    if there:
        ended = [{"offer": number, "ended": since[app]} for (app, _), number in there.items()]
        connection.execute(_END_OFFER, ended)
    if begun:
        put(connection, Offer, begun)


def _replace_texts(
    connection: Connection, stood: Mapping[str, App], wanted: Sequence[Prepared], since: Mapping[str, int], put: _Put
) -> None:
    """Let apps be found by what they say now, where that is something else than before."""
    found_by = {each.app: each.searched for each in wanted}
    begun = texts.rows(connection, found_by, since, list(stood))
    if begun:
        put(connection, SearchText, begun)
        texts.index(connection, found_by, begun)


def _live_offers(connection: Connection, apps: Sequence[str]) -> dict[tuple[str, Offered], int]:
    columns = (Offer.id, Offer.app, Offer.tie, Offer.division, Offer.places, Offer.facts)
    found = connection.execute(select(*map(col, columns)).where(col(Offer.app).in_(apps), col(Offer.until).is_(None)))
    return {(row.app, Offered(row.tie, row.division, row.places, row.facts)): row.id for row in found}


def add(
    connection: Connection, table: type[SQLModel], rows: Sequence[Mapping[str, Any]], *, is_postgresql: bool
) -> None:
    """Add rows, at least one, that all have the same columns.

    Raises:
        UnavailableError: the database is away.

    """
    if is_postgresql:
        _copy(connection, table, rows)
    else:
        connection.execute(insert(table), rows)


def _copy(connection: Connection, table: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows by COPY: several times as fast as INSERT, and triggers hold as they do for any statement."""
    name, columns = str(table.__tablename__), tuple(rows[0])
    values = [[row[column] for column in columns] for row in rows]
    cursor = cast("psycopg.Cursor[Any]", connection.connection.cursor())
    try:
        # The names are those of our own tables.
        with cursor, cursor.copy(f"COPY {name} ({', '.join(columns)}) FROM STDIN") as copy:
            for row in values:
                copy.write_row(row)
    except psycopg.OperationalError as error:
        raise UnavailableError(str(error)) from error


if TYPE_CHECKING:
    from collections.abc import Callable

    _Put = Callable[[Connection, type[SQLModel], Sequence[Mapping[str, Any]]], None]
