"""What an export holds: the apps that meet conditions at one registry revision, read as they are written."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select
from sqlmodel import col

from services.registry.store import live, past
from services.registry.store.app_conditions import conditions
from services.registry.tables import App, Revision

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Result

    from services.registry.filters import AppFilter
    from services.registry.store.database import Database
    from services.registry.store.past import AsOf

_ROWS = 100  # fetched at once; a manifest has up to 256 KiB
_MANIFESTS = select(col(Revision.revision), col(Revision.after)).where(
    col(Revision.revision).in_(bindparam("stated", expanding=True))
)


@dataclass(frozen=True, slots=True)
class Selection:
    """Apps in the order of their ids: the canonical JSON of each, and the registry revision of its last change."""

    revision: int
    apps: Iterator[tuple[str, int]]


@contextmanager
def selection(database: Database, wanted: AppFilter, as_of: AsOf | None) -> Iterator[Selection]:
    """Open the apps that `wanted` holds for, as of a moment; None: now.

    Raises:
        RefusedError: `as_of` lies in the future, or before the registry was founded.
        UnavailableError: the database cannot be reached; also while apps are read.

    """
    settled = wanted.settled(database.today())
    with database.streaming() as connection:
        reached = live.registry_revision(connection)
        revision = reached if as_of is None else past.revision_of(connection, as_of, database.now())
        # What stands in this snapshot now is found by shorter indexes than what stood at a revision.
        moment = None if revision == reached else revision
        statement = (
            select(col(App.stated), col(App.since))
            .where(*conditions(settled, moment, is_postgresql=database.is_postgresql))
            .order_by(col(App.id))
        )
        # On PostgreSQL this is a cursor of the server; SQLite finds row by row anyway.
        with connection.execute(statement, execution_options={"yield_per": _ROWS}) as found:
            yield Selection(revision, _apps(connection, found))


def _apps(connection: Connection, found: Result[int, int]) -> Iterator[tuple[str, int]]:
    """Give manifests some at a time: a statement that joined them would sort them too, all in memory."""
    for some in found.partitions(_ROWS):
        stated = {"stated": [revision for revision, _ in some]}
        manifests = {revision: manifest or "" for revision, manifest in connection.execute(_MANIFESTS, stated)}
        yield from ((manifests[revision], since) for revision, since in some)
