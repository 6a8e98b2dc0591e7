"""Guards: neither history nor facts can be changed, nor written past the registry revision, by whoever has only SQL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from tests.integration.registry.clerk import new_id
from tests.integration.registry.offices import Offices

if TYPE_CHECKING:
    from services.registry.store.database import Database
    from tests.integration.registry.clerk import Clerk

FACTS = ("apps", "grants", "offers", "organisations", "organisation_names", "organisation_parents", "sponsorships")
TABLES = (*FACTS, "revisions", "registry_revision")
SAID = re.compile(
    r"is refused|only moves on|does not (begin|end|follow)|never (changed|deleted)|foreign key|duplicate key",
    re.IGNORECASE,
)


def refused(database: Database, *statements: str) -> bool:
    """Try statements in one transaction of a writer who knows only SQL; tell whether a guard of the schema refused."""
    said = None
    # A door of its own: what is tried must not depend on the store's care.
    with database._engine.connect().execution_options(is_writing=True) as connection:  # noqa: SLF001
        try:
            for statement in statements:
                connection.execute(text(statement))
            connection.commit()
        except DBAPIError as error:
            connection.invalidate()
            said = str(error.orig)
    assert said is None or SAID.search(said), said
    return said is not None


COLUMNS = {"apps": ("hash", "name"), "grants": ("granter", "facts"), "offers": ("tie", "division", "app", "facts")}
MOVE = "UPDATE registry_revision SET revision = revision + 1"
REVISION = (
    "INSERT INTO revisions (revision, noun, thing, action, who, reason, at) "
    "SELECT {}, 'app', 'x', 'change', 'x', 'x', at FROM registry_revision"
)
OFFER = (
    "INSERT INTO offers (tie, division, app, places, facts, since, until) "
    "SELECT 'x', '', '{}', 1, '{{}}', {}, {} FROM registry_revision"
)


class TestTheDatabaseRefuses:
    @pytest.fixture(autouse=True)
    def some_history(self, clerk: Clerk) -> None:
        app = clerk.register(asks=[{"code": "refusals"}])
        place = f"/v1/apps/{app}/grants/{clerk.grant(app)['id']}"
        body = {"revoked_on": "2025-06-01", "reason": "示例撤销"}
        clerk.done(clerk.http.post(f"{place}/revoke", json=body, headers={"If-Match": clerk.etag(place)}))
        clerk.grant(app)
        clerk.change(app, name="新名")
        offices = Offices(clerk)
        ministry = offices.record("示例部")
        unit = offices.record("示例中心", parents=[{"organisation": ministry}])
        clerk.register(sponsor={"credit_code": unit})
        offices.change(unit, names=[{"name": "示例新中心"}])
        offices.change(unit, names=[{"name": "示例中心"}], parents=[{"organisation": ministry}])
        name = f"示例{unit}"
        clerk.register(sponsor={"name": name})
        ended = offices.record(name)
        offices.change(ended, names=[{"name": "示例别名"}])
        offices.change(ended, names=[{"name": name}])

    @pytest.mark.parametrize("table", TABLES)
    def test_to_delete(self, database: Database, table: str) -> None:
        assert refused(database, f"DELETE FROM {table}")
        assert refused(database, MOVE, f"DELETE FROM {table}")
        if database.is_postgresql:
            assert refused(database, f"TRUNCATE {table} CASCADE")

    @pytest.mark.parametrize("table", TABLES)
    def test_to_change_any_column(self, database: Database, table: str) -> None:
        with database.reading() as connection:
            columns = [column["name"] for column in inspect(connection).get_columns(table)]
        if table == "registry_revision":
            assert refused(database, "UPDATE registry_revision SET at = '2000-01-01T00:00:00.000000+00:00'")
            assert refused(database, "UPDATE registry_revision SET id = 2")
            return
        for column in columns:
            assert refused(database, f"UPDATE {table} SET {column} = {column}"), column
        for column in COLUMNS.get(table, ()):
            end = f"UPDATE {table} SET until = (SELECT revision FROM registry_revision), {column} = 'x'"
            assert refused(database, MOVE, f"{end} WHERE until IS NULL", REVISION.format("revision")), column

    @pytest.mark.parametrize("table", FACTS)
    def test_to_end_a_fact_without_moving_the_registry_revision(self, database: Database, table: str) -> None:
        ended = f"UPDATE {table} SET until = (SELECT revision {{}} FROM registry_revision) WHERE until IS NULL"
        assert refused(database, ended.format(""))
        assert refused(database, ended.format("+ 1"))

    @pytest.mark.parametrize("table", FACTS)
    def test_to_end_a_fact_twice_or_begin_it_again(self, database: Database, table: str) -> None:
        some = f"UPDATE {table} SET until = {{}} WHERE until IS NOT NULL"
        assert refused(database, MOVE, some.format("(SELECT revision FROM registry_revision)"))
        assert refused(database, MOVE, some.format("NULL"))

    def test_a_fact_that_does_not_begin_under_the_open_revision(self, database: Database) -> None:
        assert refused(database, OFFER.format("a", "revision", "NULL"))
        assert refused(database, OFFER.format("a", "revision + 1", "NULL"))
        assert refused(database, MOVE, OFFER.format("a", "revision + 1", "NULL"), REVISION.format("revision"))
        assert refused(database, MOVE, OFFER.format("a", "revision", "revision + 1"), REVISION.format("revision"))
        assert refused(database, MOVE, REVISION.format("revision"), OFFER.format("a", "revision", "NULL"))

    def test_a_revision_without_history_or_history_without_a_revision(self, database: Database) -> None:
        assert refused(database, MOVE)
        assert refused(database, REVISION.format("revision + 1"))
        assert refused(database, REVISION.format("revision"))
        assert refused(database, MOVE.replace("+ 1", "+ 2"), REVISION.format("revision"))
        assert refused(database, "UPDATE registry_revision SET revision = revision - 1")

    @pytest.mark.parametrize("table", TABLES)
    def test_to_replace_what_is_there(self, database: Database, table: str) -> None:
        with database.reading() as connection:
            columns = inspect(connection).get_pk_constraint(table)["constrained_columns"]
        key, same = ", ".join(columns), f"{columns[0]} = EXCLUDED.{columns[0]}"
        if database.is_postgresql:
            again = f"INSERT INTO {table} SELECT * FROM {table} ON CONFLICT ({key}) DO UPDATE SET {same}"
        else:
            again = f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"
        assert refused(database, MOVE, again, REVISION.format("revision"))

    def test_nothing_to_a_writer_who_keeps_to_it(self, database: Database) -> None:
        app = new_id()
        assert not refused(database, MOVE, OFFER.format(app, "revision", "NULL"), REVISION.format("revision"))
        ended = f"UPDATE offers SET until = (SELECT revision FROM registry_revision) WHERE app = '{app}'"
        assert not refused(database, MOVE, ended, REVISION.format("revision"))

    def test_many_revisions_in_one_transaction_are_as_good_as_one(self, database: Database) -> None:
        """An import will take a block of numbers; each of them then needs its history."""
        block = [MOVE.replace("+ 1", "+ 3"), *(REVISION.format(f"revision - {n}") for n in (2, 1, 0))]
        assert not refused(database, *block)
        assert refused(database, *block[:-1])
        assert refused(database, block[0], *reversed(block[1:]))
