"""Writing many apps at once leaves exactly the rows that writing them one by one leaves, in every table there is."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from services.registry import organisations as tree
from services.registry.store import apps, bulk, organisations
from services.registry.store.database import Act, Database, UnavailableError
from services.registry.store.prepared import prepare
from services.registry.tables import App, Offer, RegistryRevision, Revision, Sponsorship, Table
from tests import world
from tests.conftest import ENGINES, new_database
from tests.integration.registry.offices import new_code
from tests.property.any_manifests import documents

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from services.manifest.model import Manifest
    from services.registry.store.database import Batch
    from services.registry.store.prepared import Prepared

ACT = Act("示例导入", "示例理由")
MAX_OFFERS = 10_000
SEVERAL = 6

Pair = tuple[Database, Database]


@pytest.fixture(scope="module", params=ENGINES)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two databases that have the same history, apart from how it was written."""
    folder: Path = tmp_path_factory.mktemp("bulk")
    with new_database(request.param, folder, request) as one, new_database(request.param, folder, request) as other:
        databases = Database(one), Database(other)
        for each in databases:
            each.migrate()
        yield databases
        for each in databases:
            each.close()


def by_one(database: Database, batch: Sequence[Manifest]) -> None:
    for manifest in batch:
        apps.put(database, str(manifest.id), manifest, ACT, lambda *_: None, MAX_OFFERS)


def at_once(database: Database, manifests: Sequence[Manifest]) -> None:
    prepared = [prepare(str(manifest.id), manifest, MAX_OFFERS) for manifest in manifests]
    with database.writing_many(ACT) as batch:
        current = bulk.live(batch.connection, [each.app for each in prepared])
        wanted = [each for each in prepared if each.app not in current or current[each.app].hash != each.hash]
        if wanted:
            bulk.write(batch, current, wanted, is_postgresql=database.is_postgresql)


def rows(database: Database, table: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a table
    """Give all rows of a table, without what a clock or a counter of the database made."""
    left_out = {"at"} | ({"id"} if table.name == "offers" else set())
    with database.reading() as connection:
        found = [dict(row) for row in connection.execute(select(table)).mappings()]
    return sorted(({name: row[name] for name in row if name not in left_out} for row in found), key=repr)


def told(database: Database) -> dict[str, list[dict[str, Any]]]:
    return {name: rows(database, table) for name, table in Table.metadata.tables.items()}


@given(st.lists(st.lists(st.tuples(st.integers(0, 5), documents(app="x")), max_size=SEVERAL), max_size=3))
@settings(max_examples=12, suppress_health_check=list(HealthCheck))
def test_many_at_once_are_the_same_as_one_by_one(pair: Pair, drawn: list[list[tuple[int, dict[str, Any]]]]) -> None:
    mark = secrets.token_hex(6)
    for some in drawn:
        named = {f"{mark}-{n}": document for n, document in some}
        manifests = [world.manifest({**document, "id": app}) for app, document in named.items()]
        by_one(pair[0], manifests)
        at_once(pair[1], manifests)
    assert told(pair[0]) == told(pair[1])


def test_sponsors_are_found_in_the_tree_alike(pair: Pair) -> None:
    mark = secrets.token_hex(6)
    above, below = new_code(), new_code()
    stated = {
        above: {"names": [{"name": f"示例部{mark}"}]},
        below: {"names": [{"name": f"示例局{mark}"}], "parents": [{"organisation": above}]},
    }
    for database in pair:
        for code, each in stated.items():
            organisation = tree.Organisation.model_validate_json(orjson.dumps(each))
            organisations.put(database, code, organisation, ACT, lambda *_: None)
    apps_of_each = range(3)
    for name in ("示例局", "示例部", "没有登记的"):
        sponsor = {"name": f"{name}{mark}", "level": "central", "division": ""}
        manifests = [world.manifest({"id": f"{mark}-{n}", "sponsor": sponsor}) for n in apps_of_each]
        by_one(pair[0], manifests)
        at_once(pair[1], manifests)
        assert told(pair[0]) == told(pair[1])
    with pair[1].reading() as connection:
        assert connection.execute(select(func.count()).select_from(Sponsorship)).scalar_one() == 2 * len(apps_of_each)


def test_every_app_has_its_own_place_in_the_history(pair: Pair) -> None:
    manifests = [world.manifest({"id": f"{secrets.token_hex(6)}", "asks": [{"code": "a"}]}) for _ in range(5)]
    for database in pair:
        at_once(database, manifests)
        with database.reading() as connection:
            last = connection.execute(select(col(RegistryRevision.revision))).scalar_one()
            found = connection.execute(
                select(col(Revision.thing)).where(col(Revision.revision) > last - 5).order_by(col(Revision.revision))
            ).scalars()
            assert list(found) == [manifest.id for manifest in manifests]
            assert connection.execute(select(func.count()).select_from(Revision)).scalar_one() == last + 1


@contextmanager
def refused() -> Iterator[None]:
    with pytest.raises((DBAPIError, UnavailableError)):
        yield


def test_numbers_without_a_history_are_not_committed(pair: Pair) -> None:
    for database in pair:
        with refused(), database.writing_many(ACT) as batch:
            batch.take(3)


def test_the_guards_hold_for_many_at_once_too(pair: Pair) -> None:
    manifest = world.manifest({"id": secrets.token_hex(6), "asks": [{"code": "a"}]})
    for database in pair:
        at_once(database, [manifest])
        for forbidden in (
            update(Revision).values(reason="另一个理由"),
            delete(Revision),
            update(App).values(until=None),
            delete(Offer),
        ):
            with refused(), database.writing_many(ACT) as batch:
                batch.connection.execute(forbidden)


def test_what_fails_in_the_middle_leaves_nothing(pair: Pair) -> None:
    manifest = world.manifest({"id": secrets.token_hex(6)})
    prepared = prepare(str(manifest.id), manifest, MAX_OFFERS)
    for database in pair:
        before = told(database)
        with pytest.raises(ZeroDivisionError), database.writing_many(ACT) as batch:
            _write_and_fail(batch, prepared, is_postgresql=database.is_postgresql)
        assert told(database) == before


def _write_and_fail(batch: Batch, prepared: Prepared, *, is_postgresql: bool) -> None:
    bulk.write(batch, {}, [prepared], is_postgresql=is_postgresql)
    raise ZeroDivisionError
