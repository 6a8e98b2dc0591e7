"""Migrations: from nothing to the newest schema, which is exactly what the tables say, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from services.database import migrating
from services.registry import migrations
from services.registry.main import migrate
from services.registry.settings import RegistrySettings
from services.registry.store.database import Database, UnavailableError
from services.registry.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection

on_postgresql = pytest.mark.parametrize("fresh_database_url", ["postgresql"], indirect=True)


@pytest.fixture
def empty(fresh_database_url: str) -> Iterator[Database]:
    database = Database(fresh_database_url)
    yield database
    database.close()


def schema(database: Database) -> set[tuple[Any, ...]]:
    sql = "SELECT type, name, sql FROM sqlite_master"
    if database.is_postgresql:
        sql = (
            "SELECT 'column', table_name, column_name || data_type FROM information_schema.columns "
            "WHERE table_schema = 'public' "
            "UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' "
            "UNION ALL SELECT 'trigger', tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal"
        )
    with database.reading() as connection:
        return {tuple(row) for row in connection.execute(text(sql))}


def is_ours(name: str | None, kind: str, _: Any) -> bool:  # noqa: ANN401 - Alembic's
    """Leave out the index of words of SQLite, which is no table but looks like several."""
    return not (kind == "table" and name is not None and name.startswith("text_words"))


def test_the_migrated_schema_is_what_the_tables_say(empty: Database) -> None:
    empty.migrate()
    with empty.reading() as connection:
        opts = {"compare_type": True, "compare_server_default": True, "include_name": is_ours}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, Table.metadata) == []


def test_it_knows_whether_it_is_at_the_newest_migration(empty: Database) -> None:
    assert not empty.is_at_head()
    empty.migrate()
    assert empty.is_at_head()


def test_a_second_time_changes_nothing(empty: Database, fresh_database_url: str) -> None:
    empty.migrate()
    before = schema(empty)
    migrate(RegistrySettings.model_validate({"database_url": fresh_database_url}))
    assert schema(empty) == before


def test_processes_that_start_together_migrate_one_after_the_other(fresh_database_url: str) -> None:
    # Each has a lock and connections of its own, as processes have.
    databases = [Database(fresh_database_url) for _ in range(3)]
    with ThreadPoolExecutor(len(databases)) as threads:
        list(threads.map(Database.migrate, databases))
    with databases[0].reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM revisions")).scalar_one() == 1
        assert migrations.current(connection) == migrations.head()
    for database in databases:
        database.close()


def test_a_migration_that_fails_leaves_nothing_behind(empty: Database) -> None:
    with schema_writer(empty) as connection:
        migrations.migrate(connection)
        # It is left without a commit, as when the process is killed here.
    assert not empty.is_at_head()
    assert not [name for _, name, _ in schema(empty) if "revision" in name]


@on_postgresql
def test_it_does_not_wait_for_long(empty: Database, fresh_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrating, "LOCK_TIMEOUT_S", 0.1)
    other = Database(fresh_database_url)
    with schema_writer(other) as connection:
        migrations.migrate(connection)
        with pytest.raises(UnavailableError, match="lock timeout"):
            empty.migrate()
    other.close()


def schema_writer(database: Database) -> AbstractContextManager[Connection]:
    """Give a transaction like the one in which the store migrates."""
    return database._connection(isolation_level="READ COMMITTED", is_writing=True)  # noqa: SLF001 - nobody else needs one
