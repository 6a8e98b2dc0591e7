"""Division codes over HTTP: names, what stands above, what came before and after, each for a day."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from services.manifest import divisions
from tests.integration.registry.clerk import problem

if TYPE_CHECKING:
    from tests.integration.registry.clerk import Clerk

# The list comes with the release, so one database will do to reach it.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True, scope="module")


def test_a_code_is_told_for_a_day(clerk: Clerk) -> None:
    """沧浪区 was merged into 姑苏区 in 2012."""
    told = clerk.get("/v1/divisions/320502", on="2011-01-01")
    assert (told["name"], told["full_name"], told["parent"]) == ("沧浪区", "江苏省苏州市沧浪区", "3205")
    assert told["is_valid"]
    assert told["successors"] == ["320508"]
    now = clerk.get("/v1/divisions/320502", on="2026-01-01")
    assert (now["is_valid"], now["name"]) == (False, None)
    after = clerk.get("/v1/divisions/320508", on="2026-01-01")
    assert "320502" in after["predecessors"]
    assert [each["name"] for each in after["history"]] == ["姑苏区"]


def test_zeros_at_the_end_may_be_written(clerk: Clerk) -> None:
    assert clerk.get("/v1/divisions/330000", on="2026-01-01") == clerk.get("/v1/divisions/33", on="2026-01-01")


def test_a_town_has_its_county_above_it_and_no_name(clerk: Clerk) -> None:
    told = clerk.get("/v1/divisions/330783001")
    assert (told["name"], told["parent"], told["history"]) == (None, "330783", [])


def test_an_unknown_code_is_not_found_and_similar_ones_are_told(clerk: Clerk) -> None:
    assert "330783" in problem(clerk.http.get("/v1/divisions/330738"), 404)["detail"]
    problem(clerk.http.get("/v1/divisions/00"), 404)
    problem(clerk.http.get("/v1/divisions/3"), 422)


def test_every_division_of_a_day_is_listed_once_in_the_order_of_codes(clerk: Clerk) -> None:
    on = "2012-06-01"
    page = clerk.get("/v1/divisions", on=on, limit=1000)
    found = page["items"]
    while page["next"]:
        page = clerk.get("/v1/divisions", on=on, limit=1000, cursor=page["next"])
        found += page["items"]
    codes = [each["code"] for each in found]
    assert codes == sorted(set(codes))
    assert len(codes) == page["total"]
    assert all(divisions.exists(code, date.fromisoformat(on)) for code in codes)


def test_children_are_those_of_the_day(clerk: Clerk) -> None:
    provinces = clerk.get("/v1/divisions", parent="", kind="division", limit=100, on="2026-01-01")["items"]
    assert set(divisions.PROVINCES) <= {each["code"] for each in provinces}
    before = {each["code"] for each in clerk.get("/v1/divisions", parent="3205", on="2011-01-01")["items"]}
    after = {each["code"] for each in clerk.get("/v1/divisions", parent="3205", on="2026-01-01")["items"]}
    assert "320502" in before - after
    assert "320508" in after - before
    below = clerk.get("/v1/divisions", under="3307", name="东阳", on="2026-01-01")["items"]
    assert [(each["code"], each["full_name"]) for each in below] == [("330783", "浙江省金华市东阳市")]


def test_a_cursor_belongs_to_its_list(clerk: Clerk) -> None:
    cursor = clerk.get("/v1/divisions", parent="33", limit=2)["next"]
    problem(clerk.http.get("/v1/divisions", params={"parent": "34", "cursor": cursor}), 400)
