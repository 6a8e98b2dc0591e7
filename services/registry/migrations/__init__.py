"""The schema of the registry's database, step by step. Migrations are run by code, in one transaction, one by one."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

if TYPE_CHECKING:
    from sqlalchemy import Connection

LOCK_TIMEOUT_S = 4
"""How long a migration waits for a table on PostgreSQL: whatever comes after it waits as well, so not for long."""

_ADVISORY_LOCK = 713_061_214  # any number will do, so long as every migration of a registry takes the same one


_ONE_AT_A_TIME = Lock()


def head() -> str:
    """Give the id of the newest migration."""
    newest = _scripts().get_current_head()
    if newest is None:
        raise RuntimeError("there are no migrations")
    return newest


def current(connection: Connection) -> str | None:
    """Give the id of the last migration the database has had, None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def migrate(connection: Connection, to: str = "head") -> None:
    """Bring the database to a migration, inside the transaction that `connection` is in.

    Raises:
        sqlalchemy.exc.OperationalError: a lock was not to be had within `LOCK_TIMEOUT_S`; nothing has changed then.

    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'")
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
    config = _config()
    config.attributes["connection"] = connection
    # Alembic keeps what it is doing in module globals, so one process does one migration at a time.
    with _ONE_AT_A_TIME:
        command.upgrade(config, to)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())
