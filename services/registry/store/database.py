"""The database behind two doors: `reading` gives one snapshot, `writing` the lock on the registry revision."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, bindparam, case, insert, select, update
from sqlmodel import col

from services.database.columns import Instant
from services.database.doors import Doors, UnavailableError, commit, read_url
from services.registry import migrations
from services.registry.store.past import BEIJING
from services.registry.tables import Action, Noun, RegistryRevision, Revision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from sqlalchemy import Connection

__all__ = ["Act", "Batch", "Database", "UnavailableError", "Write", "read_url"]

_NOW = bindparam("now", type_=Instant())
_NEXT = (
    update(RegistryRevision)
    .values(
        revision=col(RegistryRevision.revision) + bindparam("count", type_=BigInteger),
        at=case((col(RegistryRevision.at) < _NOW, _NOW), else_=col(RegistryRevision.at)),
    )
    .returning(col(RegistryRevision.revision), col(RegistryRevision.at))
)
_LOCK = select(col(RegistryRevision.revision)).with_for_update()


@dataclass(frozen=True, slots=True)
class Act:
    """Who writes, and why."""

    who: str
    reason: str


@dataclass(slots=True)
class Write:
    """A write that has the lock: its number, its instant, and the transaction in which it happens."""

    connection: Connection
    revision: int
    at: datetime
    act: Act
    is_closed: bool = False

    def close(
        self, noun: Noun, thing: str, action: Action, *, app: str | None, before: str | None, after: str | None
    ) -> None:
        """Write the history of this write, which is the last thing it does: its number is closed from here on."""
        said = {"noun": noun, "thing": thing, "app": app, "action": action, "before": before, "after": after}
        self.connection.execute(
            insert(Revision),
            {**said, "revision": self.revision, "who": self.act.who, "reason": self.act.reason, "at": self.at},
        )
        self.is_closed = True


@dataclass(slots=True)
class Batch:
    """Many writes at once that have the lock: each takes a number, and all are committed together."""

    connection: Connection
    act: Act
    now: Callable[[], datetime]

    def take(self, count: int) -> tuple[range, datetime]:
        """Move the registry revision on by `count`, at least 1; give the numbers, and the instant they all have.

        The commit fails unless the history of every number has been written by then.
        """
        last, at = self.connection.execute(_NEXT, {"now": self.now(), "count": count}).one()
        return range(last - count + 1, last + 1), at


class Database(Doors):
    """The registry's database."""

    def __init__(
        self,
        url: str,
        *,
        connections: int = 16,
        statement_timeout_s: float = 10,
        lock_timeout_s: float = 5,
        streams: int = 4,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take where the data are; nothing is opened yet.

        Args:
            url: `sqlite:///path` or `postgresql://…`.
            connections: how many are kept open at most.
            statement_timeout_s: after how many seconds PostgreSQL gives up a statement.
            lock_timeout_s: after how many seconds PostgreSQL gives up waiting for another writer.
            streams: how many connections more there may be at most, so that streams keep no other reader waiting.
            now: the clock, in UTC.

        Raises:
            ValueError: the URL names another kind of database, or SQLite without a file.

        """
        super().__init__(
            url,
            name="govapp registry",
            connections=connections,
            statement_timeout_s=statement_timeout_s,
            lock_timeout_s=lock_timeout_s,
            streams=streams,
        )
        self._now = now

    def now(self) -> datetime:
        """Give the present instant, in UTC."""
        return self._now()

    def today(self) -> date:
        """Give the day it is in Beijing."""
        return self._now().astimezone(BEIJING).date()

    @contextmanager
    def writing(self, act: Act) -> Iterator[Write]:
        """Take the lock on the registry revision, move it on, and commit when the write was closed.

        A write that is left without `Write.close` has found that there is nothing to do: nothing is kept of it.

        Raises:
            UnavailableError: see there.

        """
        with self.changing() as connection:
            revision, at = connection.execute(_NEXT, {"now": self._now(), "count": 1}).one()
            write = Write(connection, revision, at, act)
            yield write
            if write.is_closed:
                commit(connection)

    @contextmanager
    def writing_many(self, act: Act) -> Iterator[Batch]:
        """Take the lock on the registry revision for many writes at once, and commit what was written.

        Raises:
            UnavailableError: see there.

        """
        with self.changing() as connection:
            connection.execute(_LOCK)  # SQLite, which has it already, knows no such clause and is sent none
            yield Batch(connection, act, self._now)
            commit(connection)

    @contextmanager
    def keeping(self) -> Iterator[Connection]:
        """Give a transaction for what is no fact and has no history; it is committed when the block ends.

        Raises:
            UnavailableError: see there.

        """
        with self.changing() as connection:
            yield connection
            commit(connection)

    def migrate(self) -> None:
        """Bring the schema to the newest migration, in one transaction.

        Raises:
            UnavailableError: see there; nothing has changed then.

        """
        self.bring_to_head(migrations.MIGRATIONS)

    def is_at_head(self) -> bool:
        """Tell whether the schema is at the newest migration.

        Raises:
            UnavailableError: see there.

        """
        with self.reading() as connection:
            return migrations.current(connection) == migrations.head()
