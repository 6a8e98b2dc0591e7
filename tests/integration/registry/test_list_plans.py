"""Query plans of lists with 20,000 apps: no page, search, count or order reads a table through, on either database."""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text, update

from services.registry.filters import AppFilter
from services.registry.store import app_facets, app_lists, apps, bulk, changes
from services.registry.store.app_lists import SORTS, Cut, Order, Position
from services.registry.tables import Action, App, Grant, Noun, RegistryRevision, Revision, SearchText
from tests.integration.registry.test_plans import ACT, plans, tell_the_planner

if TYPE_CHECKING:
    from services.registry.store.database import Database

APPS = 20_000
DAY = date(2025, 1, 1)
LEVELS = ("central", "province", "city", "county", "county", "county")
STAGES = ("proposed", "building", "online", "online", "online", None)
PLACES = ("城东", "城西", "滨江", "示例", "向阳", "和平", "新华", "解放")
MATTERS = ("防汛", "社保", "税务", "教育", "养老", "林长", "河长", "信访", "医保")


@pytest.fixture(scope="module")
def stocked(database: Database) -> Database:
    with database.writing(ACT) as write:
        start, connection = write.revision, write.connection
        connection.execute(update(RegistryRevision).values(revision=start + APPS - 1))
        put = partial(bulk.add, connection, is_postgresql=database.is_postgresql)
        put(App, [app_row(start, n) for n in range(APPS)])
        put(Grant, [grant_row(start, n) for n in range(0, APPS, 4)])
        put(SearchText, [text_row(start, n, is_postgresql=database.is_postgresql) for n in range(APPS)])
        if not database.is_postgresql:
            indexed = "INSERT INTO text_words (rowid, words) SELECT id, replace(text, char(10), ' ') FROM texts"
            connection.execute(text(indexed))
        write.close(Noun.APP, "app-0", Action.REGISTER, app="app-0", before=None, after="{}")
        said = {"noun": "app", "action": "register", "who": "x", "reason": "x", "at": write.at, "after": "{}"}
        made = [{**said, "revision": start + n, "thing": f"app-{n}", "app": f"app-{n}"} for n in range(1, APPS)]
        put(Revision, made)
    tell_the_planner(database)
    return database


def app_row(start: int, n: int) -> dict[str, Any]:
    return {
        "id": f"app-{n:05}",
        "since": start + n,
        "registered": start + n,
        "stated": start + n,
        "hash": "x" * 64,
        "is_withdrawn": n % 500 == 0,
        "is_returned": n % 501 == 0,
        "name": f"{PLACES[n % 8]}{MATTERS[n % 9]}{n}",
        "name_key": f"{PLACES[n % 8]}{MATTERS[n % 9]}{n}",
        "name_start": f"{PLACES[n % 8]}{MATTERS[n % 9]}{n}",
        "level": LEVELS[n % 6],
        "stage": STAGES[n * 7 % 6],
        "role": "provincial_platform" if n < 31 else "ordinary",
        "division": f"33{n % 11 + 1:02}{n % 7 + 1:02}",
        "province": "33",
        "department_key": f"部门{n % 700}",
        "sector_key": f"行业{n % 300}",
        "online_on": DAY + timedelta(days=n % 900),
        "retire_on": DAY + timedelta(days=n % 900) if n % 5 == 0 else None,
        "consolidation_due_on": DAY + timedelta(days=n % 900) if n % 4 == 0 else None,
    }


def text_row(start: int, n: int, *, is_postgresql: bool) -> dict[str, Any]:
    words = [f"{PLACES[n % 8]}", MATTERS[n % 9], f"n{n:05}", f"\x91vendor=v{n % 900}"]
    lexemes = " ".join(f"'{word}'" for word in words)
    row = {"app": f"app-{n:05}", "since": start + n, "text": "\n".join(words), "marks": ""}
    return {**row, "words": lexemes if is_postgresql else None}


def grant_row(start: int, n: int) -> dict[str, Any]:
    days = {"granted_on": DAY, "from_on": DAY, "until_on": DAY + timedelta(days=n % 2000)}
    said = {"app": f"app-{n:05}", "kind": "approval", "granter": "示例审批局", "facts": "{}", **days}
    return {"id": f"g{start + n}", "since": start + n, "recorded": start + n, **said}


# SQLite calls it a scan too when it follows an index, and stops when the page is full.
READS_THROUGH = re.compile(
    r"Seq Scan on (?!registry_revision)"
    r"|^SCAN (?!registry_revision|counted|text_words |main.text_words_config)(?!.* USING .*INDEX)",
    re.MULTILINE,
)
SORTS_ROWS = re.compile(r"USE TEMP B-TREE|Sort Key")

FILTERS: dict[str, dict[str, Any]] = {
    "everything": {},
    "a few ids": {"id": ["app-00001", "app-00777"]},
    "a division": {"division": "3301"},
    "a department": {"department": "部门7"},
    "a sector": {"sector": "行业7"},
    "a level": {"level": "central"},
    "a stage": {"stage": "building"},
    "a rare role": {"role": "provincial_platform"},
    "withdrawn ones": {"withdrawn": "only"},
    "returned ones": {"returned": "true"},
    "those due soon": {"consolidation_until_on": "2025-01-09"},
    "those to be retired": {"retire_from_on": "2025-03-01", "retire_until_on": "2025-03-05"},
    "a vendor": {"vendor": "v7"},
    "a common word": {"q": "防汛"},
    "two words": {"q": "防汛 滨江"},
    "a character": {"q": "汛"},
    "a rare word": {"q": "n0"},
    "a word of a department": {"q": "防汛", "department": "部门7"},
    "grants that end soon": {"grant_ends_within_days": 3, "grant_on": "2025-06-01"},
    "grants in force": {"grant": "approval", "grant_on": "2025-06-01"},
}


@pytest.mark.parametrize("name", FILTERS)
def test_no_table_is_read_through_for_a_page_of(stocked: Database, name: str) -> None:
    wanted, reached = AppFilter.model_validate(FILTERS[name]), changes.reached(stocked)
    with plans(stocked) as told:
        found = app_lists.page(stocked, wanted, Order(), Cut(20, Position(0, None, "app-00000")), reached)
    assert found is not None
    assert told
    assert not [plan for plan in told if READS_THROUGH.search(plan)]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("is_descending", [False, True], ids=["up", "down"])
def test_every_order_is_that_of_an_index(stocked: Database, sort: str, is_descending: bool) -> None:  # noqa: FBT001 - a case
    with plans(stocked) as told:
        first = app_lists.page(stocked, AppFilter(), Order(sort, is_descending), Cut(20), changes.reached(stocked))
    assert first is not None
    assert len(first.apps) == 20
    with plans(stocked) as further:
        cut = Cut(20, first.end)
        app_lists.page(stocked, AppFilter(), Order(sort, is_descending), cut, changes.reached(stocked))
    for plan in [*told, *further]:
        assert not READS_THROUGH.search(plan), plan
        assert not SORTS_ROWS.search(plan), plan


def test_a_page_of_the_past_reads_no_table_through(stocked: Database) -> None:
    with plans(stocked) as told:
        for filters in ({}, {"department": "部门7"}, {"q": "n0"}):
            app_lists.page(stocked, AppFilter.model_validate(filters), Order(), Cut(20), changes.reached(stocked) - 1)
    assert not [plan for plan in told if READS_THROUGH.search(plan)]


@pytest.mark.parametrize("filters", [{}, {"stage": "online"}, {"division": "33"}], ids=str)
def test_facets_of_apps_are_counted_in_an_index(stocked: Database, filters: dict[str, Any]) -> None:
    wanted = AppFilter.model_validate(filters)
    with plans(stocked) as told:
        app_facets.count(stocked, wanted, revision=changes.reached(stocked), on=date(2026, 3, 1), top=5)
    counting = [plan for plan in told if re.search(r"Aggregate|count\(\*\)", plan) and "grants" not in plan]
    assert counting
    assert not [plan for plan in counting if READS_THROUGH.search(plan)]
    # An index holds all that is asked, so that the apps themselves need not be read.
    covered = [plan for plan in counting if re.search(r"Only Scan using apps_facets|COVERING INDEX apps_facets", plan)]
    if stocked.is_postgresql:
        assert covered == counting
    else:
        # SQLite reads departments in the order of theirs, and cannot skip from one stage to the next.
        assert covered or "division" in filters


def test_a_single_read_is_two_looks_into_indexes(stocked: Database) -> None:
    with plans(stocked) as told:
        apps.get(stocked, "app-00077")
    assert not [plan for plan in told if READS_THROUGH.search(plan)]


def test_the_stock_is_found_by_what_it_says(stocked: Database) -> None:
    """The stock was written past the store; what it is asked here shows that it means what the store means."""
    reached = changes.reached(stocked)
    for filters, expected in (({"vendor": "v7"}, 23), ({"role": "provincial_platform"}, 30), ({"q": "防汛"}, 1000)):
        found = app_lists.page(stocked, AppFilter.model_validate(filters), Order(), Cut(20), reached)
        assert found is not None
        assert (found.total, found.is_total_exact) == (expected, expected < 1000)
    exact = app_lists.page(stocked, AppFilter(q="防汛"), Order(), Cut(1, is_total_exact=True), reached)
    assert exact is not None
    assert exact.total == sum(1 for n in range(APPS) if n % 9 == 0 and n % 500)
