"""Requests for lists: fields, totals, entity tags, cursors, facets, and the same conditions on snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from services.registry.store.app_lists import COUNTED
from tests.integration.registry.clerk import Clerk, new_id, problem
from tests.integration.registry.test_guards import refused

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from services.registry.store.database import Database


@pytest.fixture(scope="module")
def sector(http: TestClient) -> str:
    """Give the sector of the apps of this module: five, of two levels."""
    clerk, sector = Clerk(http), new_id()
    for n in range(5):
        sponsor = {"name": f"示例局{n % 2}", "level": "city" if n % 2 else "county", "division": "3307"}
        clerk.register(id=f"{sector}-{n}", name=f"{n}号", sector=sector, sponsor=sponsor, vendor=f"公司{n}")
    return sector


def test_only_the_fields_asked_for_are_told(clerk: Clerk, sector: str) -> None:
    told = clerk.get("/v1/apps", sector=sector, fields="name,level", limit=2)["items"]
    assert told[0] == {"id": f"{sector}-0", "name": "0号", "level": "county"}
    problem(clerk.http.get("/v1/apps", params={"fields": "name,colour"}), 422, "?fields")


def test_pages_in_another_order_go_on_where_they_ended(clerk: Clerk, sector: str) -> None:
    query: dict[str, Any] = {"sector": sector, "sort": "-level", "limit": 2, "fields": "id"}
    pages = [clerk.get("/v1/apps", **query)]
    while pages[-1]["next"]:
        pages.append(clerk.get("/v1/apps", **query, cursor=pages[-1]["next"]))
    assert [item["id"][-1] for page in pages for item in page["items"]] == ["4", "2", "0", "3", "1"]
    for other in ({"sort": "level"}, {"sort": "id"}, {"vendor": "公司1"}, {"as_of": "1"}):
        answer = clerk.http.get("/v1/apps", params={**query, **other, "cursor": pages[0]["next"]})
        problem(answer, 400, "?cursor")


def test_the_total_is_exact_as_far_as_it_is_counted(clerk: Clerk, sector: str) -> None:
    for total in ("capped", "exact"):
        page = clerk.get("/v1/apps", sector=sector, total=total, limit=1)
        assert (page["total"], page["is_total_exact"]) == (5, True)
    assert COUNTED == 1000


def test_nothing_is_sent_again_until_something_was_recorded(clerk: Clerk, sector: str) -> None:
    for place in ("/v1/apps", "/v1/facets/apps"):
        first = clerk.http.get(place, params={"sector": sector})
        tag = {"If-None-Match": first.headers["ETag"]}
        assert not first.headers["ETag"].startswith("W/")
        again = clerk.http.get(place, params={"sector": sector}, headers=tag)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["Registry-Revision"] == str(first.json()["revision"])
        assert clerk.http.get(place, params={"sector": sector, "level": "city"}, headers=tag).status_code == 200
        then = {"sector": sector, "as_of": str(first.json()["revision"])}
        past = clerk.http.get(place, params=then)
        clerk.register()
        assert clerk.http.get(place, params={"sector": sector}, headers=tag).status_code == 200
        assert clerk.http.get(place, params=then, headers={"If-None-Match": past.headers["ETag"]}).status_code == 304


def test_facets_count_what_the_list_holds(clerk: Clerk, sector: str) -> None:
    app = clerk.register(sector=sector, stage="online", features=[{"kind": "query"}, {"kind": "likes"}, {}])
    clerk.grant(app, until_on="2025-12-31")
    told = clerk.get("/v1/facets/apps", sector=sector, grant_on="2025-12-31")
    facets = told["facets"]
    assert told["total"] == 6
    assert facets["level"]["values"] == [{"value": "city", "count": 3}, {"value": "county", "count": 3}]
    assert facets["province"]["values"] == [{"value": "33", "count": 5}, {"value": "99", "count": 1}]
    assert facets["stage"]["values"] == [{"value": None, "count": 5}, {"value": "online", "count": 1}]
    kinds = [{"value": None, "count": 5}, {"value": "likes", "count": 1}, {"value": "query", "count": 1}]
    assert facets["feature_kind"]["values"] == kinds
    assert facets["grant"]["values"] == [{"value": "approval", "count": 1}]
    assert clerk.get("/v1/facets/apps", sector=sector, grant_on="2026-01-01")["facets"]["grant"]["values"] == []
    top = clerk.get("/v1/facets/apps", sector=sector, top=1)["facets"]["department"]
    assert (top["values"], top["others"]) == ([{"value": "示例局0", "count": 3}], 3)
    clerk.withdraw(app)
    assert clerk.get("/v1/facets/apps", sector=sector)["total"] == 5
    assert clerk.get("/v1/facets/apps", sector=sector, as_of=told["revision"])["total"] == 6


def test_a_snapshot_of_some_cases_is_in_equal_parts(clerk: Clerk, sector: str) -> None:
    def told(**query: Any) -> list[str]:  # noqa: ANN401 - any condition
        answer = clerk.http.get("/v1/snapshots/latest/cases", params={"sector": sector, **query})
        assert answer.status_code == 200, answer.text
        return [orjson.loads(line)["app"][-1] for line in answer.text.splitlines()]

    assert told() == ["0", "1", "2", "3", "4"]
    assert [told(partition=f"{part}/2") for part in (1, 2)] == [["0", "1"], ["2", "3", "4"]]
    assert told(level="city") == ["1", "3"]
    assert told(q="号 示例局1", vendor="公司3") == ["3"]
    assert told(id=[f"{sector}-1", f"{sector}-2"], online_until_on="2030-01-01") == []
    assert told(id=[f"{sector}-1", f"{sector}-2"], without_grant="approval", grant_on="2025-06-01") == ["1", "2"]
    assert told(q="没有") == []


def test_a_search_is_of_the_texts_of_its_moment(clerk: Clerk) -> None:
    mark = new_id().removeprefix("app-")
    app = clerk.register(features=[{"name": f"打卡{mark}"}])
    before = clerk.get("/v1/apps", q=f"卡{mark}")
    clerk.change(app, features=[{"name": f"查询{mark}", "description": "不再打卡"}])
    assert [item["id"] for item in before["items"]] == [app]
    assert clerk.get("/v1/apps", q=f"打卡{mark}")["total"] == 0
    assert clerk.get("/v1/apps", q=f"{mark} 打卡")["total"] == 1
    assert clerk.get("/v1/apps", q=f"打卡{mark}", as_of=before["revision"])["total"] == 1
    assert clerk.get("/v1/apps", q=f"{mark} 查询", as_of=before["revision"])["total"] == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE texts SET text = 'x'",
        "UPDATE texts SET until = since + 1",
        "DELETE FROM texts",
        "INSERT INTO texts (app, text, marks, since) VALUES ('x', 'x', 'x', 1)",
    ],
)
def test_what_apps_were_found_by_cannot_be_changed(clerk: Clerk, database: Database, statement: str) -> None:
    clerk.register()
    assert refused(database, statement)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"colour": "red"}, "?colour"),
        ({"sort": "colour"}, "?sort"),
        ({"sort": "--id"}, "?sort"),
        ({"total": "all"}, "?total"),
        ({"fields": ""}, "?fields"),
        ({"q": "　 "}, "?q"),
        ({"q": "a\x00"}, "?q"),
        ({"asks": "pop"}, "?asks"),
        ({"holds": "code="}, "?holds"),
        ({"grant": "wish"}, "?grant"),
        ({"grant_ends_within_days": "-1"}, "?grant_ends_within_days"),
        ({"online_from_on": "2025-02-30"}, "?online_from_on"),
        ({"online_from_on": "2025-02-02", "online_until_on": "2025-02-01"}, "?online_until_on"),
        ({"undated": "never"}, "?undated"),
        ({"id": ["a"] * 51}, "?id"),
        ({"id": "A B"}, "?id"),
        ({"as_of": "tomorrow"}, "?as_of"),
    ],
)
def test_a_mistake_is_refused_at_its_place(http: TestClient, query: dict[str, Any], pointer: str) -> None:
    problem(http.get("/v1/apps", params=query), 422, pointer)
    if pointer not in {"?sort", "?total", "?fields"}:
        problem(http.get("/v1/facets/apps", params=query), 422, pointer)
