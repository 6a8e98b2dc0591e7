"""Migrations: a schema, step by step, run by code in one transaction, one process at a time."""

from __future__ import annotations

from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

LOCK_TIMEOUT_S = 4
"""How long a migration waits for a table on PostgreSQL: whatever comes after it waits as well, so not for long."""

_ONE_AT_A_TIME = Lock()


class Migrations:
    """The migrations of one database: the folder with `env.py` and `versions`."""

    def __init__(self, folder: Path, advisory_lock: int) -> None:
        """Take the folder, and a number that every migration of such a database locks on PostgreSQL."""
        self._folder = folder
        self._advisory_lock = advisory_lock

    def head(self) -> str:
        """Give the id of the newest migration."""
        newest = self._scripts.get_current_head()
        if newest is None:
            raise RuntimeError("there are no migrations")
        return newest

    @staticmethod
    def current(connection: Connection) -> str | None:
        """Give the id of the last migration the database has had, None for an empty one."""
        return MigrationContext.configure(connection).get_current_revision()

    def migrate(self, connection: Connection, to: str = "head") -> None:
        """Bring the database to a migration, inside the transaction that `connection` is in.

        Raises:
            sqlalchemy.exc.OperationalError: a lock was not to be had within `LOCK_TIMEOUT_S`; nothing has changed then.

        """
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'")
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({self._advisory_lock})")
        config = self._config()
        config.attributes["connection"] = connection
        # Alembic keeps what it is doing in module globals, so one process does one migration at a time.
        with _ONE_AT_A_TIME:
            command.upgrade(config, to)

    def _config(self) -> Config:
        config = Config()
        config.set_main_option("script_location", str(self._folder).replace("%", "%%"))
        return config

    @cached_property
    def _scripts(self) -> ScriptDirectory:
        return ScriptDirectory.from_config(self._config())
