"""Query plans of the past: reads as of a moment, the feed and the history read no table through either."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from services.manifest.ties import Question
from services.registry.filters import AppFilter
from services.registry.store import app_lists, apps, changes, grants, history, past_neighbourhoods
from services.registry.store.app_lists import Cut, Order
from services.registry.store.history import Subject
from services.registry.store.past import AsOf
from services.registry.tables import Action, Noun
from tests.integration.registry.test_plans import ACT, HOT, READS_THROUGH, plans, stocked

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.registry.store.database import Database

__all__ = ["stocked"]

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def aged(stocked: Database) -> Database:
    with stocked.writing(ACT) as write:
        ended = text("UPDATE offers SET until = :until WHERE since % 7 = 0 AND until IS NULL")
        write.connection.execute(ended, {"until": write.revision})
        write.close(Noun.APP, "app-0", Action.CHANGE, app="app-0", before="{}", after="{}")
    with stocked._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:  # noqa: SLF001 - as there
        connection.exec_driver_sql("VACUUM ANALYZE" if stocked.is_postgresql else "ANALYZE")
    return stocked


def reached(database: Database) -> int:
    return changes.reached(database)


PATHS: dict[str, Callable[[Database], object]] = {
    "a neighbourhood": lambda database: past_neighbourhoods.find(
        database,
        "app-1",
        [Question(HOT, ("3320", "331110")), Question("item:code=5", ("",)), Question("sector:x", ("33",))],
        20,
        AsOf(reached(database) - 1),
    ),
    "an app": lambda database: apps.get(database, "app-1", AsOf(reached(database) - 1)),
    "an app on a day": lambda database: apps.get(database, "app-1", AsOf(database.today())),
    "a page of a division": lambda database: app_lists.page(
        database, AppFilter(division="3310"), Order(), Cut(20), reached(database) - 1
    ),
    "the grants of an app": lambda database: grants.page(
        database, "app-0", limit=20, as_of=AsOf(reached(database) - 1)
    ),
    "a history": lambda database: history.page(database, Subject("app-1"), limit=20),
    "a revision": lambda database: history.get(
        database,
        Subject("app-1"),
        history.page(database, Subject("app-1"), limit=1).revisions[0].revision,  # type: ignore[union-attr] # there is one
    ),
    "the feed": lambda database: changes.since(database, reached(database) - 20, changes.Filter(), limit=20),
    "the feed of a tie": lambda database: changes.since(
        database, reached(database) - 20, changes.Filter(ties=(HOT,)), limit=20
    ),
}


@pytest.mark.parametrize("path", PATHS)
def test_no_table_is_read_through_for(aged: Database, path: str) -> None:
    PATHS[path](aged)
    with plans(aged) as told:
        PATHS[path](aged)
    assert told
    assert not [plan for plan in told if READS_THROUGH.search(plan)]


def test_a_neighbourhood_of_the_past_finds_what_has_ended(aged: Database) -> None:
    at = reached(aged)
    with aged.reading() as connection:
        sql = "SELECT count(DISTINCT app) FROM offers WHERE tie = :tie AND division LIKE '3320%'"
        before = connection.execute(text(sql), {"tie": HOT}).scalar_one()
        now = connection.execute(text(f"{sql} AND until IS NULL"), {"tie": HOT}).scalar_one()
    assert before > now > 0
    for moment, expected in ((at - 1, before), (at, now)):
        (answer,) = past_neighbourhoods.find(aged, None, [Question(HOT, ("3320",))], 1000, AsOf(moment)).ties
        assert answer.total == len(answer.neighbours) == expected
