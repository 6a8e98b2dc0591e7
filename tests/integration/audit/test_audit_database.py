"""The audit's database: its schema is what the tables say, and it refuses to change or forget what was recorded."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.audit.ledger import Kind
from services.audit.main import create_service, migrate
from services.audit.settings import AuditSettings
from services.audit.store import ledger
from services.audit.store.database import Database
from services.audit.tables import Table
from services.database.doors import commit

if TYPE_CHECKING:
    from collections.abc import Iterator

SAID = re.compile(r"is refused|only moves on|open place|never (changed|deleted|replaced)|foreign key", re.IGNORECASE)
DIGEST = "sha256:" + "0" * 64


@pytest.fixture
def database(fresh_database_url: str) -> Iterator[Database]:
    database = Database(fresh_database_url)
    assert not database.is_at_head()
    database.migrate()
    yield database
    database.close()


def append(database: Database, count: int) -> None:
    for n in range(count):
        with database.changing() as connection:
            ledger.open_place(connection, database.now()).close(Kind.DECISION, f"d-{n}", DIGEST, "示例")
            commit(connection)


def test_the_migrated_schema_is_what_the_tables_say(database: Database) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Table.metadata) == []
    assert database.is_at_head()


def test_migrating_again_changes_nothing(database: Database, fresh_database_url: str) -> None:
    before = ledger.head(database)
    migrate(AuditSettings.model_validate({"database_url": fresh_database_url}))
    assert ledger.head(database) == before


def refused(database: Database, *statements: str) -> bool:
    """Try statements in one transaction of a writer who knows only SQL; tell whether the schema refused."""
    with database.changing() as connection:
        said = None
        try:
            for statement in statements:
                connection.execute(text(statement))
            connection.commit()
        except DBAPIError as error:
            connection.invalidate()
            said = str(error.orig)
    assert said is None or SAID.search(said), said
    return said is not None


ENTRY = "INSERT INTO ledger (place, content, hash) VALUES ({}, '{{}}', 'x')"
MOVE = "UPDATE ledger_head SET place = place + 1"
DECISION = (
    "INSERT INTO decisions"
    " (id, place, at, who, app, purpose, outcome, day, law, revision, hash, manifest, record, receipt)"
    " SELECT 'd-x', {}, at, 'x', 'x', 'approve', 'approve', '2026-01-01', 'x', 1, 'x', 'x', 'x', 'x' FROM ledger_head"
)
FORBIDDEN = {
    "an entry is changed": ["UPDATE ledger SET content = 'x' WHERE place = 1"],
    "an entry is deleted": ["DELETE FROM ledger WHERE place = 2"],
    "an entry is put before the head moved": [ENTRY.format(3)],
    "an entry leaves a gap": [MOVE, ENTRY.format(4)],
    "a place is taken twice": [MOVE, ENTRY.format(3), ENTRY.format(3)],
    "the head moves without an entry": [MOVE],
    "the head moves back": ["UPDATE ledger_head SET place = place - 1"],
    "the head jumps": ["UPDATE ledger_head SET place = place + 2"],
    "there is a second head": ["INSERT INTO ledger_head (id, place, at) SELECT 2, place, at FROM ledger_head"],
    "the head is deleted": ["DELETE FROM ledger_head"],
    "a node is changed": ["UPDATE ledger_nodes SET hash = 'x'"],
    "a node is deleted": ["DELETE FROM ledger_nodes"],
    "a decision has no entry": [MOVE, DECISION.format(3)],
    "a decision refers to an entry of old": [DECISION.format(1)],
    "a decision comes after its entry": [MOVE, ENTRY.format(3), DECISION.format(3)],
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_it_refuses(database: Database, what: str) -> None:
    append(database, 2)
    before = ledger.entries(database, 0, 10, with_decisions=True)
    assert refused(database, *FORBIDDEN[what])
    assert ledger.entries(database, 0, 10, with_decisions=True) == before
    # What is refused stands in nobody's way.
    append(database, 1)


def test_what_is_recorded_as_it_should_be_is_taken_and_stays(database: Database) -> None:
    assert not refused(database, MOVE, DECISION.format(1), ENTRY.format(1))
    assert refused(database, "UPDATE decisions SET outcome = 'approve'")
    assert refused(database, "DELETE FROM decisions")


@pytest.mark.parametrize("fresh_database_url", ["sqlite"], indirect=True)
def test_nothing_is_replaced_either(database: Database) -> None:
    append(database, 2)
    assert refused(database, "INSERT OR REPLACE INTO ledger (place, content, hash) VALUES (2, '{}', 'x')")
    assert refused(database, "INSERT OR REPLACE INTO ledger_nodes (level, position, hash) VALUES (1, 0, 'x')")


def test_the_clock_may_be_set_back(fresh_database_url: str) -> None:
    database = Database(fresh_database_url)
    database.migrate()
    append(database, 1)
    later = ledger.head(database).at
    database.now = lambda: later.replace(year=later.year - 1)
    append(database, 1)
    assert ledger.head(database).at == later
    database.close()


def test_a_database_that_is_not_migrated_is_not_ready(fresh_database_url: str) -> None:
    from starlette.testclient import TestClient  # noqa: PLC0415 - only here

    settings = AuditSettings.model_validate({"database_url": fresh_database_url, "migrates_on_start": False})
    with TestClient(create_service(settings), base_url="http://audit.test") as client:
        assert client.get("/readyz").status_code == 503
        migrate(settings)
        assert client.get("/readyz").status_code == 200
