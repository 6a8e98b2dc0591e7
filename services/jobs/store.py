"""Who does the work: places, each held by one process at a time, and let go by its death.

A place is the id under which a process takes work on. Two processes with the same id would do each other's work again,
so a place is a lock: on PostgreSQL an advisory lock of a session, on SQLite one of a file, for there is one place only.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Protocol
from zlib import crc32

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_PLACES = 1000
"""Processes that work on one database at most."""

WAIT_S = 1.0
"""How long a process waits for the one place of SQLite, which its predecessor may be about to leave."""


class NoPlaceError(Exception):
    """Other processes hold every place, or the database cannot be reached."""


class Places(Protocol):
    """The places of a service on one database."""

    def take(self) -> str:
        """Take a free place for as long as this process lives, and give its name.

        Raises:
            NoPlaceError: there is none.

        """

    def is_held(self) -> bool:
        """Tell whether the place is still ours, taking it again if the connection was lost meanwhile."""

    def abandoned(self, name: str) -> Iterator[bool]:
        """Hold another place, and tell whether nobody else holds it."""

    def leave(self) -> None:
        """Give the place up."""


class FilePlace:
    """The one place of SQLite: the lock on a file beside the work, which ends with the process."""

    def __init__(self, service: str, path: str) -> None:
        """Take the service's name, and the path of the file with the work."""
        self._name = f"{service}-0"
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def take(self) -> str:
        """See `Places`."""
        connection = sqlite3.connect(f"{self._path}-place", timeout=WAIT_S, check_same_thread=False)
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            connection.close()
            raise NoPlaceError(f"another process does the work kept in {self._path}") from error
        self._connection = connection
        with closing(sqlite3.connect(self._path)) as work:
            # Readers and the writer keep out of each other's way; the file remembers it.
            work.execute("PRAGMA journal_mode = WAL")
        return self._name

    def is_held(self) -> bool:
        """See `Places`."""
        return self._connection is not None

    @contextmanager
    def abandoned(self, name: str) -> Iterator[bool]:
        """See `Places`: there is no other place, so whatever another name left behind is nobody's."""
        yield name != self._name

    def leave(self) -> None:
        """See `Places`."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class SessionPlaces:
    """The places on PostgreSQL: advisory locks, held by a connection of their own."""

    def __init__(self, service: str, url: str) -> None:
        """Take the service's name, and the URL of the database."""
        self._service = service
        self._url = url
        self._family = crc32(f"govapp {service} jobs".encode()) & 0x7FFF_FFFF
        self._connection: psycopg.Connection | None = None
        self._number = -1

    def take(self) -> str:
        """See `Places`."""
        try:
            self._connection = self._connected()
            for number in range(MOST_PLACES):
                if self._lock(self._connection, number):
                    self._number = number
                    return f"{self._service}-{number}"
        except psycopg.Error as error:
            raise NoPlaceError(str(error)) from error
        raise NoPlaceError(f"{MOST_PLACES} processes do this work already")

    def is_held(self) -> bool:
        """See `Places`."""
        if self._connection is None:
            return False
        try:
            self._connection.execute("SELECT 1")
        except psycopg.Error:
            return self._is_taken_again()
        return True

    @contextmanager
    def abandoned(self, name: str) -> Iterator[bool]:
        """See `Places`."""
        number = name.removeprefix(f"{self._service}-")
        if not number.isdecimal() or int(number) == self._number or self._connection is None:
            yield False
            return
        is_free = self._lock(self._connection, int(number))
        try:
            yield is_free
        finally:
            if is_free:
                self._connection.execute("SELECT pg_advisory_unlock(%s, %s)", (self._family, int(number)))

    def leave(self) -> None:
        """See `Places`."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _is_taken_again(self) -> bool:
        self.leave()
        with suppress(psycopg.Error):
            connection = self._connected()
            for _ in range(20):
                # Whoever looks after abandoned places may hold this one for a moment.
                if self._lock(connection, self._number):
                    self._connection = connection
                    return True
                time.sleep(0.05)
            connection.close()
        return False

    def _connected(self) -> psycopg.Connection:
        return psycopg.connect(self._url, autocommit=True, connect_timeout=5, application_name="govapp jobs")

    def _lock(self, connection: psycopg.Connection, number: int) -> bool:
        row = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (self._family, number)).fetchone()
        return row is not None and bool(row[0])
