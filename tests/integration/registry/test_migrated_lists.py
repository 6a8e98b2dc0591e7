"""A registry that was filled before there were lists is migrated to what it would be, had it been filled since."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, inspect, select, update
from sqlmodel import col

from benchmarks import nation
from services.manifest.model import Manifest
from services.registry import migrations
from services.registry.filters import AppFilter
from services.registry.store import app_lists, apps, bulk, changes
from services.registry.store.app_lists import Cut, Order
from services.registry.store.database import Act, Database
from services.registry.store.prepared import prepare
from services.registry.tables import App, RegistryRevision, Revision, SearchText
from tests.conftest import ENGINES, new_database

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

ACT = Act("示例办事员", "示例登记")
APPS = 1100  # more than one batch of the migration


def fill(database: Database) -> None:
    """Register apps; change some, so that they are found by something else or by the same; withdraw one."""
    with database.writing_many(ACT) as batch:
        wanted = [prepare(each.id, Manifest.model_validate_json(each.manifest), 1000) for each in nation.apps(APPS)]
        bulk.write(batch, {}, wanted, is_postgresql=database.is_postgresql)
    for changed in ({"name": "改名一"}, {"name": "改名二"}, {"version": "9"}, {"name": None}):
        for each in islice(nation.apps(APPS), 2):
            manifest = Manifest.model_validate_json(each.manifest).model_copy(update=changed)
            apps.put(database, each.id, manifest, ACT, lambda *_: None, 1000)
    apps.withdraw(database, nation.app(7).id, ACT, lambda _: None)


def copy(connection: Connection, source: Database) -> None:
    """Write the apps of a registry and their history, with the columns that there were."""
    known = {name: {each["name"] for each in inspect(connection).get_columns(name)} for name in ("apps", "revisions")}
    with source.reading() as filled:
        counter = filled.execute(select(col(RegistryRevision.revision), col(RegistryRevision.at))).one()
        facts = filled.execute(select(App).order_by(col(App.since))).mappings().all()
        history = filled.execute(select(Revision).order_by(col(Revision.revision)).offset(1)).mappings().all()
    connection.execute(update(RegistryRevision).values(revision=counter.revision, at=counter.at))
    for fact in facts:
        ended = update(App).where(col(App.id) == fact["id"], col(App.until).is_(None))
        connection.execute(ended.values(until=fact["since"]))
        said = {name: value for name, value in fact.items() if name in known["apps"]}
        connection.execute(insert(App).values({**said, "until": None}))
    connection.execute(insert(Revision), [dict(each) for each in history])


def rows(database: Database, table: Any, *, but: str = "") -> list[str]:  # noqa: ANN401 - one of ours
    columns = [each for each in table.__table__.columns if each.name != but]
    with database.reading() as connection:
        return sorted(repr(row) for row in connection.execute(select(*columns)))


def found(database: Database, query: str, as_of: int) -> tuple[int, list[str]]:
    page = app_lists.page(database, AppFilter(q=query), Order(), Cut(50, is_total_exact=True), as_of)
    assert page is not None
    return page.total, [app.id for app in page.apps]


@pytest.mark.parametrize("engine", ENGINES)
def test_what_was_registered_before_is_found_as_if_it_had_been_registered_since(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    with (
        new_database(engine, tmp_path / "old", request) as old_url,
        new_database(engine, tmp_path / "new", request) as new_url,
    ):
        old, new = Database(old_url), Database(new_url)
        with old.keeping() as connection:
            migrations.MIGRATIONS.migrate(connection, "0004")
        new.migrate()
        fill(new)
        with old.keeping() as connection:
            copy(connection, new)
        old.migrate()
        assert rows(old, App) == rows(new, App)
        assert rows(old, SearchText, but="id") == rows(new, SearchText, but="id")
        newest = changes.reached(new)
        for query, as_of in (
            ("改名一", newest),
            ("改名一", newest - 6),
            ("改名二", newest),
            ("服务", newest),
            ("林", APPS),
        ):
            assert found(old, query, as_of) == found(new, query, as_of)
        assert found(old, "改名一", newest - 6) != found(old, "改名一", newest)
        apps.put(old, "app-after", Manifest(manifest="1", id="app-after", name="其后"), ACT, lambda *_: None, 10)
        assert found(old, "其后", changes.reached(old)) == (1, ["app-after"])
        old.close()
        new.close()
