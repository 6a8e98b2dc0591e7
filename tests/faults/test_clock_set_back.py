"""The clock of the machine is set back: instants in the history never are, and each of the past has one answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from services.registry.store import apps, history, past
from services.registry.store.database import Act, Database
from services.registry.store.past import AsOf
from tests import world
from tests.integration.registry.clerk import manifest, new_id

ACT = Act("示例", "示例")


def test_instants_never_go_back(fresh_database_url: str) -> None:
    start = datetime.now(UTC) + timedelta(days=1)
    hours = iter([0, 1, -48, 2, -1])
    now = [start]
    database = Database(fresh_database_url, now=lambda: now[0])
    database.migrate()
    app = new_id()
    instants: list[datetime] = []
    for n, hour in enumerate(hours):
        now[0] = start + timedelta(hours=hour)
        apps.put(database, app, world.manifest(manifest(app, name=f"第{n}")), ACT, lambda *_: None, 100)
        newest = history.get(database, history.Subject(app), n + 1)
        instants.append(newest.at)
        with database.reading() as connection:
            # Whatever the clock says, the newest is known as of its own instant.
            assert past.revision_of(connection, AsOf(newest.at), database.now()) == n + 1
    assert instants == [start + timedelta(hours=hour) for hour in (0, 1, 1, 2, 2)]
    with database.reading() as connection:
        asked = [start + timedelta(minutes=minutes) for minutes in (0, 59, 60, 119, 120)]
        found = [past.revision_of(connection, AsOf(each), database.now()) for each in asked]
        # Of those with one instant the last is what stood from then on.
        assert found == [1, 1, 3, 3, 5]
        assert connection.execute(text("SELECT revision FROM registry_revision")).scalar_one() == 5
    names = [apps.get(database, app, AsOf(each)).manifest for each in asked]
    assert [f"第{n}" in name for n, name in zip((0, 0, 2, 2, 4), names, strict=True)] == [True] * 5
    database.close()
