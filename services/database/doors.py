"""The doors of a database: one for each way of reading it, and one for writing."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from services.database.queues import Queue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from sqlalchemy import URL, Connection
    from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor

    from services.database.migrating import Migrations

_SCHEMA_IS_MISSING = frozenset({"42P01", "42703"})
"""PostgreSQL knows no such table or column: it was not migrated. (SQLite says so like any other failure of its own.)"""

STREAM_PAUSE_S = 60
"""How long PostgreSQL waits for a slow reader of a stream to come for more."""

WAL_WAIT_S = 5.0
"""How long a process waits while others change a new SQLite file to WAL mode, in seconds."""

_WAL_PAUSE_S = 0.01
_PRIMARY = 0xFF  # of an error code of SQLite, without what kind of it there was


class UnavailableError(Exception):
    """The database cannot be reached, is locked or took too long.

    Nothing was written, unless it was the commit that got no answer.
    """


class Doors:
    """SQLite (WAL) or PostgreSQL, by URL."""

    def __init__(
        self,
        url: str,
        *,
        name: str,
        connections: int = 16,
        statement_timeout_s: float = 10,
        lock_timeout_s: float = 5,
        streams: int = 4,
    ) -> None:
        """Take where the data are; nothing is opened yet.

        Args:
            url: `sqlite:///path` or `postgresql://…`.
            name: what PostgreSQL calls those who come through these doors.
            connections: how many are kept open at most.
            statement_timeout_s: after how many seconds PostgreSQL gives up a statement.
            lock_timeout_s: after how many seconds it gives up waiting for another writer.
            streams: how many connections more there may be at most, so that streams keep no other reader waiting.

        Raises:
            ValueError: the URL names another kind of database, or SQLite without a file.

        """
        self._url = read_url(url)
        self.is_postgresql = self._url.get_backend_name() == "postgresql"
        pool = {"pool_size": connections, "max_overflow": streams, "pool_timeout": lock_timeout_s}
        if self.is_postgresql:
            self._engine = create_engine(
                self._url,
                pool_pre_ping=True,  # a server that was restarted is noticed before a request fails on it
                connect_args=_postgresql_arguments(name, statement_timeout_s, lock_timeout_s),
                **pool,
            )
        else:
            self._engine = create_engine(self._url, connect_args={"timeout": lock_timeout_s}, **pool)
            event.listen(self._engine, "connect", _prepare_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        # SQLite's own way of waiting is to sleep and try again, in no order: a single writer may wait for seconds.
        self._queue: AbstractContextManager[Any] = nullcontext() if self.is_postgresql else Queue()
        self._of_thread = threading.local()

    def __str__(self) -> str:
        return self._url.render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection on which everything read is one snapshot.

        Raises:
            UnavailableError: see there.

        """
        with self._connection(isolation_level="REPEATABLE READ", postgresql_readonly=True) as connection:
            yield connection

    @contextmanager
    def streaming(self) -> Iterator[Connection]:
        """Give a connection like `reading`, for a reader who fetches some, and is slow to come for more.

        Raises:
            UnavailableError: see there.

        """
        with self.reading() as connection:
            if self.is_postgresql:
                pause = f"SET LOCAL idle_in_transaction_session_timeout = '{STREAM_PAUSE_S}s'"
                connection.exec_driver_sql(pause)
            yield connection

    @contextmanager
    def asking(self) -> Iterator[Connection]:
        """Give a connection for one statement: on PostgreSQL that is a snapshot in itself, and saves two round trips.

        Raises:
            UnavailableError: see there.

        """
        with self._connection(isolation_level="AUTOCOMMIT") as connection:
            yield connection

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        """Give a connection that writes; nothing is kept of it without `commit`.

        Raises:
            UnavailableError: see there.

        """
        shared: Connection | None = getattr(self._of_thread, "shared", None)
        if shared is not None:
            part = shared.begin_nested()
            try:
                yield shared
            finally:
                if part.is_active:
                    part.rollback()
            return
        with self._queue, self._connection(isolation_level="READ COMMITTED", is_writing=True) as connection:
            yield connection

    @contextmanager
    def together(self) -> Iterator[Connection]:
        """Let all that this thread changes until the end of the block be one transaction, committed there.

        Each change is a part of it: one that is left without `commit`, or raises, is undone alone. When the block
        itself raises, all of them are.

        Raises:
            UnavailableError: see there.

        """
        with self.changing() as connection:
            before = getattr(self._of_thread, "shared", None)
            self._of_thread.shared = connection
            try:
                yield connection
            finally:
                self._of_thread.shared = before
            commit(connection)

    def bring_to_head(self, migrations: Migrations) -> None:
        """Bring the schema to the newest migration, in one transaction.

        Raises:
            UnavailableError: see there; nothing has changed then.

        """
        with self.changing() as connection:
            migrations.migrate(connection)
            commit(connection)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def _connection(self, *, is_writing: bool = False, **options: Any) -> Iterator[Connection]:  # noqa: ANN401 - SQLAlchemy's
        try:
            with self._engine.connect() as connection:
                # SQLite has one isolation level, and only needs to know beforehand who will write.
                yield connection.execution_options(**options if self.is_postgresql else {"is_writing": is_writing})
        except PoolTimeoutError as error:
            raise UnavailableError(str(error)) from error
        except DBAPIError as error:
            is_away = isinstance(error, (OperationalError, InterfaceError)) or error.connection_invalidated
            if is_away or getattr(error.orig, "sqlstate", None) in _SCHEMA_IS_MISSING:
                raise UnavailableError(str(error.orig)) from error
            raise


def commit(connection: Connection) -> None:
    """Commit what was written through `Doors.changing`; as a part of what belongs together, with all of that."""
    part = connection.get_nested_transaction()
    if part is not None:
        part.commit()
        return
    try:
        connection.commit()
    except DBAPIError:
        # SQLite keeps a transaction open, and its lock, when a commit fails; only closing ends it for certain.
        connection.invalidate()
        raise


def read_url(url: str) -> URL:
    """Read the URL of a database, with its driver.

    Raises:
        ValueError: it names another kind of database, or SQLite without a file.

    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ValueError("the database URL cannot be read") from error
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise ValueError(f"{backend} is neither sqlite nor postgresql")
    if parsed.database in {None, "", ":memory:"}:
        raise ValueError("SQLite needs a file: sqlite:///path")
    return parsed


def _postgresql_arguments(name: str, statement_timeout_s: float, lock_timeout_s: float) -> dict[str, Any]:
    settings = {
        "statement_timeout": round(statement_timeout_s * 1000),
        "lock_timeout": round(lock_timeout_s * 1000),
        # Whoever holds the lock that writers take and does nothing keeps everybody waiting.
        "idle_in_transaction_session_timeout": round(statement_timeout_s * 1000),
        # Our statements are small and many; compiling one takes longer than any of them.
        "jit": "off",
        "timezone": "UTC",
    }
    return {
        "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
        "application_name": name,
        "client_encoding": "utf8",
        "connect_timeout": 5,
    }


def _prepare_sqlite(connection: DBAPIConnection, _record: object) -> None:
    connection.isolation_level = None  # the driver would begin transactions when it thinks best
    cursor = connection.cursor()
    _write_ahead(cursor)
    # What was acknowledged outlasts a power cut, too.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA temp_store = MEMORY")
    cursor.execute("PRAGMA cache_size = -65536")
    cursor.close()


def _write_ahead(cursor: DBAPICursor) -> None:
    """Let the file be in WAL mode. Of processes that meet a new file at once, one changes it and the others wait."""
    # Changing the mode takes the whole file, and SQLite answers "locked" at once instead of waiting for its turn.
    give_up_at = time.monotonic() + WAL_WAIT_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY != sqlite3.SQLITE_BUSY or time.monotonic() > give_up_at:
                raise
            time.sleep(_WAL_PAUSE_S)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that begins as a reader and then writes fails whenever another one wrote in between.
    is_writing = connection.get_execution_options().get("is_writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")
