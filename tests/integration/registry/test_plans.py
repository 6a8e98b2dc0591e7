"""Query plans: on the hot paths no table is read through, however many apps there are."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, insert, text, update

from benchmarks.auditor import Auditor
from services.manifest.ties import Question
from services.registry.filters import AppFilter
from services.registry.life_cycle import State, require_move
from services.registry.store import app_lists, apps, changes, grant_lists, grants, moves, neighbourhoods
from services.registry.store.app_lists import Cut, Order, Position
from services.registry.store.approvals import Presented
from services.registry.store.database import Act, Database
from services.registry.tables import (
    Action,
    App,
    Grant,
    Noun,
    Offer,
    Organisation,
    OrganisationName,
    OrganisationParent,
    Receipt,
    RegistryRevision,
    Revision,
    SearchText,
    Sponsorship,
)
from tests import world
from tests.integration.registry.clerk import manifest, new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlmodel import SQLModel

ACT = Act("test", "test")
APPS = 4000
HOT = "item:code=hot"


@pytest.fixture(scope="module")
def stocked(database: Database) -> Database:
    """Fill the registry in one write, so that reading a table through would cost something, and tell the planner."""
    with database.writing(ACT) as write:
        start, connection = write.revision, write.connection
        connection.execute(update(RegistryRevision).values(revision=start + APPS - 1))
        connection.execute(insert(App), [app_row(start, n) for n in range(APPS)])
        connection.execute(insert(Offer), [row for n in range(APPS) for row in offer_rows(start, n)])
        connection.execute(insert(Grant), [grant_row(start, n) for n in range(0, APPS, 4)])
        connection.execute(insert(Receipt), [receipt_row(start, n) for n in range(0, APPS, 4)])
        connection.execute(insert(SearchText), [text_row(start, n) for n in range(APPS)])
        for table, row in ORGANISATIONS.items():
            connection.execute(insert(table), [row(n) | {"since": start + n} for n in range(APPS)])
        write.close(Noun.APP, "app-0", Action.REGISTER, app="app-0", before=None, after="{}")
        said = {"noun": "app", "action": "register", "who": "x", "reason": "x", "at": write.at, "after": "{}"}
        made = [{**said, "revision": start + n, "thing": f"app-{n}", "app": f"app-{n}"} for n in range(1, APPS)]
        connection.execute(insert(Revision), made)
    tell_the_planner(database)
    return database


def tell_the_planner(database: Database) -> None:
    with database._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:  # noqa: SLF001 - a plan needs statistics
        connection.exec_driver_sql("VACUUM ANALYZE" if database.is_postgresql else "ANALYZE")


def app_row(start: int, n: int) -> dict[str, Any]:
    return {
        "id": f"app-{n}",
        "since": start + n,
        "registered": start + n,
        "stated": start + n,
        "hash": "x",
        "is_withdrawn": False,
        "division": f"33{n % 90 + 10}",
        "province": "33",
        "department_key": f"部门{n % 500}",
        "sector_key": f"行业{n % 300}",
    }


def offer_rows(start: int, n: int) -> list[dict[str, Any]]:
    county = f"33{n % 90 + 10}"
    divisions = [f"{county}10", f"{county}11"] if n % 10 == 0 else [county]
    tie = HOT if n % 4 == 0 else f"item:code={n % 997}"
    common = {"tie": tie, "app": f"app-{n}", "places": len(divisions), "facts": "{}", "since": start + n}
    return [{**common, "division": division} for division in divisions]


def grant_row(start: int, n: int) -> dict[str, Any]:
    day = date(2025, 1, 6)
    days = {"granted_on": day, "from_on": day}
    said = {"app": f"app-{n}", "kind": "approval", "granter": "示例审批局", "facts": "{}", **days}
    return {"id": f"g{start + n}", "since": start + n, "recorded": start + n, **said}


def text_row(start: int, n: int) -> dict[str, Any]:
    return {"app": f"app-{n}", "since": start + n, "text": f"示例{n}", "marks": ""}


def receipt_row(start: int, n: int) -> dict[str, Any]:
    return {"issuer": "x", "decision": f"d-{n}", "app": f"app-{n}", "revision": start + n, "receipt": "x" * 200}


ORGANISATIONS: dict[type[SQLModel], Callable[[int], dict[str, Any]]] = {
    Organisation: lambda n: {
        "code": f"o{n}",
        "registered": 1,
        "name": f"示例{n}",
        "above": f"o{n // 10}" if n else None,
    },
    OrganisationName: lambda n: {
        "organisation": f"o{n}",
        "from_on": date.min,
        "before_on": date.max,
        "name": f"示例{n}",
        "name_key": f"示例{n}",
    },
    OrganisationParent: lambda n: {
        "organisation": f"o{n}",
        "from_on": date.min,
        "before_on": date.max,
        "parent": f"o{n // 10}",
        "is_merger": False,
    },
    Sponsorship: lambda n: {"app": f"app-{n}", "organisation": f"o{n % 100}", "found_by": "name"},
}


@contextmanager
def plans(database: Database) -> Iterator[list[str]]:
    """Collect the plan of every statement that is made meanwhile, as the database tells it."""
    told: list[str] = []
    statements: list[str] = []

    def explain(_: Any, cursor: Any, statement: str, parameters: Any, __: Any, is_many: bool) -> None:  # noqa: ANN401, FBT001 - SQLAlchemy's
        if statement.lstrip().startswith(("SELECT", "WITH", "UPDATE")):
            cursor.execute(f"EXPLAIN {statement}", (parameters[0] if is_many else parameters) or None)
            told.append("\n".join(line for (line,) in cursor.fetchall()))

    def trace(connection: Any, *_: Any) -> None:  # noqa: ANN401 - SQLAlchemy's
        connection.set_trace_callback(statements.append)

    engine = database._engine  # noqa: SLF001 - the place where statements pass
    if database.is_postgresql:
        event.listen(engine, "before_cursor_execute", explain)
        yield told
        event.remove(engine, "before_cursor_execute", explain)
        return
    engine.dispose()
    event.listen(engine, "connect", trace)
    try:
        yield told
    finally:
        event.remove(engine, "connect", trace)
        engine.dispose()
    made = {each for each in statements if each.lstrip().startswith(("SELECT", "UPDATE"))}
    with database.reading() as connection:
        for statement in made:
            lines = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}").all()
            told.append("\n".join([statement, *(str(line[-1]) for line in lines)]))


READS_THROUGH = re.compile(
    r"Seq Scan on (?!registry_revision)"
    r"|^SCAN (?!registry_revision|json_each|counted|text_words |main.text_words_config)",
    re.MULTILINE,
)
SORTS = re.compile(r"USE TEMP B-TREE")


def page(database: Database, wanted: AppFilter, after: str = "") -> object:
    cut = Cut(20, Position(0, None, after))
    return app_lists.page(database, wanted, Order(), cut, changes.reached(database))


HOT_PATHS: dict[str, Callable[[Database], object]] = {
    "a neighbourhood": lambda database: neighbourhoods.find(
        database,
        "app-1",
        [Question(HOT, ("3320", "331110")), Question("item:code=5", ("",)), Question("sector:x", ("33",))],
        5,
    ),
    "an app": lambda database: apps.get(database, "app-1"),
    "a page": lambda database: page(database, AppFilter(), after="app-2"),
    "a page of a division": lambda database: page(database, AppFilter(division="3310")),
    "a page of a department": lambda database: page(database, AppFilter(department="部门7")),
    "a page of a sector": lambda database: page(database, AppFilter(sector="行业7")),
    "the grants that end soon": lambda database: grant_lists.page(
        database, grant_lists.Filter(on=date(2026, 3, 1), ends_within_days=30), limit=20
    ),
    "the moves of an app": lambda database: moves.find(database, "app-1"),
    "the grants of an app": lambda database: grants.page(database, "app-1", limit=20),
}


@pytest.mark.parametrize("path", HOT_PATHS)
def test_no_table_is_read_through_for(stocked: Database, path: str) -> None:
    with plans(stocked) as told:
        HOT_PATHS[path](stocked)
    assert told
    # The total of all apps is the one thing that no index shortens.
    counted = [plan for plan in told if path == "a page" and re.search(r"Aggregate|count\(\*\)", plan)]
    assert not [plan for plan in told if READS_THROUGH.search(plan) and plan not in counted]


def test_no_table_is_read_through_to_write(stocked: Database) -> None:
    app = new_id()
    declared = {"asks": [{"code": "hot"}], "regions": ["33"]}
    with plans(stocked) as told:
        for fields in (declared, {**declared, "name": "新名"}):
            apps.put(stocked, app, world.manifest({**manifest(app), **fields}), ACT, lambda *_: None, 100)
        apps.withdraw(stocked, app, ACT, lambda _: None)
    assert told
    assert not [plan for plan in told if READS_THROUGH.search(plan)]


def test_no_table_is_read_through_to_approve(stocked: Database) -> None:
    app = new_id()
    fields = {"stage": "proposed", "asks": [{"code": "hot"}, {"code": "5"}], "regions": ["3301", "34"]}
    declared = world.manifest({**manifest(app), **fields})
    row, _ = apps.put(stocked, app, declared, ACT, lambda *_: None, 100)
    claims = Auditor().claims(declared, row.since + 1, stocked.today())  # what ends in between was seen
    given = moves.Given(presented=Presented("x", claims, valid_days=1))
    with stocked.writing(ACT) as write:
        # Apps of other tests may have such ids, too, and have ended theirs.
        ended = text("UPDATE offers SET until = :now WHERE app LIKE 'app-%1' AND until IS NULL")
        write.connection.execute(ended, {"now": write.revision})
        write.close(Noun.APP, "app-1", Action.CHANGE, app="app-1", before="{}", after="{}")
    tell_the_planner(stocked)
    with plans(stocked) as told:
        moves.make(stocked, app, ACT, lambda app: require_move(app, State.APPROVED, {"approve"}), given, 100)
    assert told
    assert not [plan for plan in told if READS_THROUGH.search(plan)]
    asked = "\n".join(plan for plan in told if re.search("offers_(since|until)", plan))
    assert "offers_since" in asked
    assert "offers_until" in asked


def test_a_neighbourhood_uses_the_live_offers_in_their_order(stocked: Database) -> None:
    with plans(stocked) as told:
        HOT_PATHS["a neighbourhood"](stocked)
    plan = "\n".join(told)
    assert "offers_live" in plan
    assert "offers_several" in plan
    if stocked.is_postgresql:
        counting = next(line for line in plan.splitlines() if "offers_live" in line)
        assert "Index Only Scan" in counting
    else:
        assert "COVERING INDEX offers_live" in plan
        assert not SORTS.search(plan)


def test_the_neighbourhoods_of_the_stock_are_right(stocked: Database) -> None:
    """The stock was written past the store; what it is asked here shows that it means what the store means."""
    with stocked.reading() as connection:
        sql = "SELECT count(DISTINCT app) FROM offers WHERE tie = :tie AND division LIKE '3320%' AND until IS NULL"
        expected = connection.execute(text(sql), {"tie": HOT}).scalar_one()
    (answer,) = neighbourhoods.find(stocked, None, [Question(HOT, ("3320",))], 1000).ties
    assert answer.total == len(answer.neighbours) == expected > 0
