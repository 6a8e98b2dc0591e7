"""Imports as they are kept: the file in parts, its apps with what becomes of each, and how far it is carried out.

Whoever moves an import on locks its row first and looks at where it stands, so two processes that carry out the same
import – one of them taken for dead – do nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from sqlalchemy import and_, delete, func, insert, or_, select, update
from sqlmodel import col

from services.registry.import_tables import Import, ImportPart, ImportRow, Outcome, State
from services.registry.refusals import UnknownError
from services.registry.store import bulk

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from services.registry.store.database import Database

NOUN = "import"
MOST_TEXT = 8 << 20
"""Characters of manifests that are worked on at once."""
_PARTS_AT_ONCE = 16
_LONGEST_UPLOAD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A row that is to be written: its place, the revision it was worked out on, the manifest and what that derives."""

    number: int
    place: str
    app: str
    outcome: str
    base: int | None
    manifest: str
    derived: str | None


@dataclass(frozen=True, slots=True)
class Settled:
    """A row of which something else became than the dry run said: its number, what, and why (JSON)."""

    number: int
    was: str
    outcome: Outcome
    problems: str | None


def create(database: Database, sent: Import) -> None:
    """Keep a new import, of which the file is still to come."""
    with database.keeping() as connection:
        connection.execute(insert(Import), sent.model_dump())


def receive(database: Database, id: str, number: int, content: bytes) -> None:
    """Keep the next part of a file."""
    with database.keeping() as connection:
        connection.execute(insert(ImportPart), {"import_id": id, "number": number, "content": content})


def find(database: Database, id: str) -> Import:
    """Give an import whose file has arrived.

    Raises:
        UnknownError: there is none.

    """
    with database.asking() as connection:
        return _existing(connection.execute(select(Import).where(col(Import.id) == id)).mappings().one_or_none(), id)


def newest(database: Database, limit: int) -> list[Import]:
    """Give the imports that were sent last, the newest first."""
    wanted = select(Import).where(col(Import.state) != State.RECEIVING)
    with database.asking() as connection:
        found = connection.execute(wanted.order_by(col(Import.created_at).desc(), col(Import.id)).limit(limit))
        return [Import(**row) for row in found.mappings()]


def under_way(database: Database) -> list[Import]:
    """Give the imports that somebody should be working on."""
    with database.asking() as connection:
        found = connection.execute(select(Import).where(col(Import.state).in_([State.READING, State.APPLYING])))
        return [Import(**row) for row in found.mappings()]


def locked(connection: Connection, id: str) -> Import:
    """Give an import whose file has arrived, and keep others from changing it until the transaction ends.

    Raises:
        UnknownError: there is none.

    """
    found = connection.execute(select(Import).where(col(Import.id) == id).with_for_update())
    return _existing(found.mappings().one_or_none(), id)


def move(connection: Connection, current: Import, now: datetime, **changes: Any) -> Import:  # noqa: ANN401 - columns
    """Change columns of an import that is locked, and give it as it is then."""
    said = {**changes, "version": current.version + 1, "changed_at": max(now, current.changed_at)}
    connection.execute(update(Import).where(col(Import.id) == current.id).values(said))
    return Import(**{**current.model_dump(), **said})


def arrived(database: Database, id: str, size: int) -> Import:
    """Say that the whole file has been received, so that it can be read."""
    with database.keeping() as connection:
        found = connection.execute(select(Import).where(col(Import.id) == id).with_for_update())
        current = Import(**found.mappings().one())
        now = database.now()
        return move(connection, current, now, state=State.READING, size=size, began_at=now)


def discard(database: Database, id: str) -> None:
    """Forget an import and all that is kept of it, unless its file has arrived."""
    with database.keeping() as connection:
        connection.execute(delete(Import).where(col(Import.id) == id, col(Import.state) == State.RECEIVING))


def fetch(database: Database, id: str, file: BinaryIO) -> None:
    """Write the file that was sent."""
    number = 0
    wanted = select(col(ImportPart.content)).where(col(ImportPart.import_id) == id).order_by(col(ImportPart.number))
    while True:
        with database.asking() as connection:
            here = wanted.where(col(ImportPart.number) >= number).limit(_PARTS_AT_ONCE)
            parts = connection.execute(here).scalars().all()
        file.writelines(parts)
        number += len(parts)
        if len(parts) < _PARTS_AT_ONCE:
            return


def fail(database: Database, id: str) -> None:
    """Say that an import ended by a mistake of ours."""
    with database.keeping() as connection:
        current = locked(connection, id)
        if current.state in {State.READING, State.APPLYING}:
            drop_file(connection, id)
            move(connection, current, database.now(), state=State.FAILED)


def drop_file(connection: Connection, id: str) -> None:
    """Forget the file, which has been read, or never will be."""
    connection.execute(delete(ImportPart).where(col(ImportPart.import_id) == id))


def stage(connection: Connection, rows: Sequence[Mapping[str, Any]], *, is_postgresql: bool) -> None:
    """Keep what would become of apps of the file."""
    if rows:
        bulk.add(connection, ImportRow, rows, is_postgresql=is_postgresql)


def wanted(connection: Connection, id: str, after: int) -> list[Wanted]:
    """Give the next rows that are to be written, in their order: not too many, and not too much text."""
    names = ("number", "place", "app", "outcome", "base", "manifest", "derived")
    ahead = (col(ImportRow.import_id) == id, col(ImportRow.number) > after, col(ImportRow.manifest).is_not(None))
    sizes = (
        select(col(ImportRow.number), func.length(col(ImportRow.manifest)))
        .where(*ahead)
        .order_by(col(ImportRow.number))
        .limit(bulk.BATCH)
    )
    last, total = None, 0
    for number, size in connection.execute(sizes):
        total += size
        if last is not None and total > MOST_TEXT:
            break
        last = number
    if last is None:
        return []
    columns = [col(getattr(ImportRow, name)) for name in names]
    rows = select(*columns).where(*ahead, col(ImportRow.number) <= last).order_by(col(ImportRow.number))
    return [Wanted(*cast("Sequence[Any]", row)) for row in connection.execute(rows)]


def settle(connection: Connection, id: str, settled: Iterable[Settled]) -> dict[str, int]:
    """Keep what became of rows instead, and give by how much each count changes."""
    changes: dict[str, int] = {}
    for row in settled:
        became = update(ImportRow).where(col(ImportRow.import_id) == id, col(ImportRow.number) == row.number)
        connection.execute(became.values(outcome=row.outcome, problems=row.problems, manifest=None, derived=None))
        changes[row.was] = changes.get(row.was, 0) - 1
        changes[row.outcome] = changes.get(row.outcome, 0) + 1
    return changes


def rows(
    database: Database, id: str, outcome: Outcome | None, *, after: int, limit: int
) -> tuple[list[ImportRow], bool]:
    """Give apps of the file in its order, from after a number on; and whether there are more.

    Raises:
        UnknownError: there is no such import.

    """
    conditions = [col(ImportRow.import_id) == id, col(ImportRow.number) > after]
    if outcome is not None:
        conditions.append(col(ImportRow.outcome) == outcome)
    with database.reading() as connection:
        _existing(connection.execute(select(Import).where(col(Import.id) == id)).mappings().one_or_none(), id)
        following = select(ImportRow).where(*conditions).order_by(col(ImportRow.number)).limit(limit + 1)
        found = cast("list[ImportRow]", list(connection.execute(following)))
    return found[:limit], len(found) > limit


def tidy(database: Database, kept: timedelta) -> bool:
    """Forget some of an import to which nothing has happened for as long; tell whether there may be more to forget.

    Uploads that broke off are forgotten after a day. What was written stays: it is history.
    """
    now, state, changed_at = database.now(), col(Import.state), col(Import.changed_at)
    is_over = and_(changed_at < now - kept, state.not_in([State.RECEIVING, State.READING, State.APPLYING]))
    is_broken_off = and_(changed_at < now - _LONGEST_UPLOAD, state == State.RECEIVING)
    old = select(col(Import.id)).where(or_(is_over, is_broken_off)).limit(1)
    with database.keeping() as connection:
        id = connection.execute(old).scalar_one_or_none()
        if id is None:
            return False
        some = select(col(ImportRow.number)).where(col(ImportRow.import_id) == id).limit(10 * bulk.BATCH)
        gone = delete(ImportRow).where(
            col(ImportRow.import_id) == id, col(ImportRow.number).in_(some.scalar_subquery())
        )
        if connection.execute(gone).rowcount == 0:
            connection.execute(delete(Import).where(col(Import.id) == id))
    return True


def _existing(row: Mapping[Any, Any] | None, id: str) -> Import:
    if row is None or row["state"] == State.RECEIVING:
        raise UnknownError(NOUN, id)
    return Import(**row)
