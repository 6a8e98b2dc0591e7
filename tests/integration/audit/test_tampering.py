"""Whoever owns the database can drop its guards and write what they like: the ledger shows it to anyone who looks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from sqlalchemy import text

from services.audit import ledger_checks, merkle
from services.audit.audit_client import AuditClient
from services.audit.signing import PublicKeys
from services.audit.store.database import Database
from tests.conftest import ENGINES, new_database
from tests.integration.audit.conftest import Registry, audit_of
from tests.workflow import proposal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection
    from starlette.testclient import TestClient

    from services.audit.ledger_checks import Checked

ENTRIES = 9


class Owner:
    """Whoever owns the database: no trigger stands in their way."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def do(self, statement: str, **values: Any) -> None:  # noqa: ANN401 - any value
        self.connection.execute(text(statement), values)

    def entry(self, place: int) -> dict[str, Any]:
        """Give what an entry says."""
        wanted = text("SELECT content FROM ledger WHERE place = :place")
        said: dict[str, Any] = json.loads(self.connection.execute(wanted, {"place": place}).scalar_one())
        return said

    def rewrite(self, place: int, **changed: Any) -> str:  # noqa: ANN401 - anything an entry says
        """Change what an entry says, with a hash that fits; give the hash."""
        content = orjson.dumps({**self.entry(place), **changed}, option=orjson.OPT_SORT_KEYS)
        found = merkle.leaf_hash(content).hex()
        row = {"place": place, "content": content.decode(), "hash": found}
        self.do("UPDATE ledger SET content = :content, hash = :hash WHERE place = :place", **row)
        return found

    def rewrite_from(self, place: int, **changed: Any) -> None:  # noqa: ANN401 - as above
        """Change an entry and all that follow, so that the chain holds again."""
        previous = self.rewrite(place, **changed)
        for following in range(place + 1, ENTRIES):
            previous = self.rewrite(following, previous=previous)
        self.plant()

    def plant(self) -> None:
        """Make the tree anew from the entries there are."""
        self.do("DELETE FROM ledger_nodes")
        rows = self.connection.execute(text("SELECT place, hash FROM ledger ORDER BY place"))
        nodes = {(0, row.place): bytes.fromhex(row.hash) for row in rows}
        for place in [position for level, position in nodes if level == 0]:
            leaf = nodes[0, place]
            for level, position, node in merkle.completed(place, leaf, lambda *key: nodes[key]):
                nodes[level, position] = node
                row = {"level": level, "position": position, "hash": node.hex()}
                self.do("INSERT INTO ledger_nodes (level, position, hash) VALUES (:level, :position, :hash)", **row)

    def forget_from(self, place: int) -> None:
        """Cut off the end, and leave no trace of it in the database."""
        self.do("DELETE FROM decisions WHERE place >= :place", place=place)
        self.do("UPDATE ledger_head SET place = :place", place=place - 1)
        self.do("DELETE FROM checkpoints WHERE last >= :place", place=place)
        self.do("DELETE FROM ledger WHERE place >= :place", place=place)
        self.plant()


def remove(owner: Owner) -> None:
    """Take an entry out, and move up what comes after it."""
    owner.do("DELETE FROM checkpoints")
    owner.do("DELETE FROM decisions WHERE place = 4")
    owner.do("UPDATE ledger_head SET place = place - 1")
    owner.do("DELETE FROM ledger WHERE place = 4")
    for place in range(5, ENTRIES):
        owner.do("UPDATE decisions SET place = :to WHERE place = :place", place=place, to=place - 1)
        owner.do("UPDATE ledger SET place = :to WHERE place = :place", place=place, to=place - 1)
    owner.plant()


def swap(owner: Owner) -> None:
    """Put two entries in each other's place, with the decisions they record."""
    for table in ("ledger", "decisions"):
        for place, to in ((4, 99), (5, 4), (99, 5)):
            owner.do(f"UPDATE {table} SET place = :to WHERE place = :place", place=place, to=to)
    owner.plant()


TAMPERING: dict[str, Callable[[Owner], None]] = {
    "an entry says something else": lambda owner: owner.do(
        "UPDATE ledger SET content = replace(content, 'anonymous', 'somebody') WHERE place = 3"
    ),
    "an entry and its hash are others": lambda owner: void(owner.rewrite(3, who="somebody")),
    "the last entry and its hash are others": lambda owner: void(owner.rewrite(ENTRIES - 1, who="somebody")),
    "an entry and all that follow are rewritten": lambda owner: owner.rewrite_from(3, who="somebody"),
    "an entry was removed": remove,
    "two entries were swapped": swap,
    "a hash of the tree is another": lambda owner: owner.do("UPDATE ledger_nodes SET hash = :h", h="0" * 64),
    "an outcome is another": lambda owner: owner.do("UPDATE decisions SET outcome = 'return' WHERE place = 5"),
    "a day is another": lambda owner: owner.do("UPDATE decisions SET day = '2020-01-01' WHERE place = 5"),
    "a caller is another": lambda owner: owner.do("UPDATE decisions SET who = 'somebody' WHERE place = 5"),
    "a report is another": lambda owner: owner.do(
        "UPDATE decisions SET record = replace(record, 'compliant', 'violation') WHERE place = 5"
    ),
    "a manifest is another": lambda owner: owner.do(
        "UPDATE decisions SET manifest = replace(manifest, '现场通', '随手拍') WHERE place = 5"
    ),
    "a receipt is that of another decision": lambda owner: owner.do(
        "UPDATE decisions SET receipt = (SELECT receipt FROM decisions WHERE place = 6) WHERE place = 5"
    ),
    "a receipt is forged": lambda owner: owner.do(
        "UPDATE decisions SET receipt = substr(receipt, 1, length(receipt) - 8) || 'AAAAAAAA' WHERE place = 5"
    ),
    "a decision is gone": lambda owner: owner.do("DELETE FROM decisions WHERE place = 5"),
    "the checkpoints are forged": lambda owner: owner.do("UPDATE checkpoints SET signed = 'x'"),
    "the end was cut off": lambda owner: owner.forget_from(6),
}


def void(_: object) -> None:
    """Forget what something gives."""


@pytest.fixture(scope="module", params=ENGINES)
def ledger(
    request: pytest.FixtureRequest, keys: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[TestClient, Database, str]]:
    """A ledger with some decisions, its database without guards, and a checkpoint that is kept elsewhere."""
    registry = Registry()
    with (
        new_database(request.param, tmp_path_factory.mktemp("ledger"), request) as url,
        audit_of(registry, url, signing_keys=str(keys)) as http,
    ):
        app, revision = registry.register(proposal("甲"))
        for _ in range(ENTRIES - 1):
            body = {"purpose": "approve", "app": app, "revision": revision}
            assert http.post("/v1/decisions", json=body).status_code == 201
        kept = http.post("/v1/ledger/checkpoints").json()["signed"]
        database = Database(url)
        _drop_guards(database)
        yield http, database, kept
        database.close()


def _drop_guards(database: Database) -> None:
    with database.changing() as connection:
        if database.is_postgresql:
            for table in ("ledger", "ledger_nodes", "ledger_head", "decisions", "checkpoints"):
                connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
        else:
            names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
            for name in names:
                connection.execute(text(f"DROP TRIGGER {name}"))
        connection.commit()


def check(http: TestClient, *kept: str) -> Checked:
    with AuditClient("http://audit.test", transport=http._transport) as client:  # noqa: SLF001 - the way into the service
        return ledger_checks.check(client, PublicKeys(client.keys()), kept)


def test_a_ledger_that_nobody_has_touched_is_intact(ledger: tuple[TestClient, Database, str]) -> None:
    http, _, kept = ledger
    found = check(http, kept)
    assert (found.problems, found.size, found.checkpoints) == ((), ENTRIES, 2)


@pytest.mark.parametrize("what", TAMPERING)
def test_it_is_found_that(ledger: tuple[TestClient, Database, str], what: str) -> None:
    http, database, kept = ledger
    tables = ("ledger", "ledger_nodes", "ledger_head", "decisions", "checkpoints")
    with database.changing() as connection:
        before = {table: connection.execute(text(f"SELECT * FROM {table}")).mappings().all() for table in tables}
        connection.commit()
    try:
        with database.changing() as connection:
            _unbind(connection, is_postgresql=database.is_postgresql)
            TAMPERING[what](Owner(connection))
            connection.commit()
        assert check(http, kept).problems
    finally:
        with database.changing() as connection:
            _unbind(connection, is_postgresql=database.is_postgresql)
            for table in tables:
                connection.execute(text(f"DELETE FROM {table}"))
            for table in tables:
                for row in before[table]:
                    held = {str(name): value for name, value in row.items()}
                    names, values = ", ".join(held), ", ".join(f":{name}" for name in held)
                    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), held)
            connection.commit()
    assert check(http, kept).problems == ()


def _unbind(connection: Connection, *, is_postgresql: bool) -> None:
    """Let foreign keys wait for the end, as an owner who rewrites everything would."""
    connection.execute(text("SET CONSTRAINTS ALL DEFERRED" if is_postgresql else "PRAGMA defer_foreign_keys = ON"))


def test_a_cut_at_the_end_is_found_by_a_checkpoint_kept_elsewhere_alone(
    ledger: tuple[TestClient, Database, str],
) -> None:
    http, database, kept = ledger
    with database.changing() as connection:
        _unbind(connection, is_postgresql=database.is_postgresql)
        Owner(connection).forget_from(6)
        connection.commit()
    assert check(http).problems == ()
    (problem,) = check(http, kept).problems
    assert str(ENTRIES) in problem.en
