"""Lists of apps: what each filter holds for, and pages that are of one list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.registry.clerk import Clerk, new_id, problem

if TYPE_CHECKING:
    from starlette.testclient import TestClient


@pytest.fixture(scope="module")
def mark() -> str:
    """Give a word by which the apps of one test run are found again."""
    return new_id()


@pytest.fixture(scope="module", autouse=True)
def catalogue(http: TestClient, mark: str) -> None:
    clerk = Clerk(http)
    rows: list[dict[str, Any]] = [
        {
            "sponsor": {"name": "示例部信息中心", "root_organ": "示例部", "level": "central", "division": ""},
            "sector": "交通",
            "role": "sector_unified",
            "stage": "online",
            "features": [{"kind": "check_in"}, {"kind": "query"}],
            "levels": ["county"],
        },
        {
            "sponsor": {"name": "示例 部", "level": "central", "division": ""},
            "stage": "building",
            "features": [],
            "faces_grassroots": False,
        },
        {"sponsor": {"name": "甲县", "level": "county", "division": "330783"}, "sector": "交 通", "stage": "online"},
        {"sponsor": {"name": "乙市", "level": "city", "division": "330700"}, "role": "ordinary"},
        {"sponsor": {"name": "丙省", "level": "province", "division": "330000"}, "faces_grassroots": True},
        {"sponsor": {"name": "丁省", "level": "province", "division": "34"}},
        {"sponsor": {}},
    ]
    for n, row in enumerate(rows):
        clerk.register(id=f"{mark}-{n}", name=f"ＡＢ Cd_{n}%{mark}", **row)
    clerk.withdraw(clerk.register(id=f"{mark}-gone", name=f"撤{mark}", stage="online"))


def found(http: TestClient, mark: str, **filters: Any) -> str:  # noqa: ANN401 - any filter
    """Give the numbers of the apps of this module that a list holds."""
    answer = Clerk(http).get("/v1/apps", **{"name": mark, **filters})
    assert answer["total"] == len(answer["items"])
    return "".join(item["id"].removeprefix(f"{mark}-") for item in answer["items"])


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, "0123456"),
        ({"level": "central"}, "01"),
        ({"level": "undeclared"}, "6"),
        ({"division": ""}, "012345"),
        ({"division": "33"}, "234"),
        ({"division": "330000"}, "234"),
        ({"division": "3307"}, "23"),
        ({"division": "330783"}, "2"),
        ({"division": "330783101"}, ""),
        ({"department": "示例部"}, "01"),
        ({"department": "示例部信息中心"}, ""),
        ({"stage": "online"}, "02"),
        ({"stage": "undeclared"}, "3456"),
        ({"sector": "交通"}, "02"),
        ({"role": "sector_unified"}, "0"),
        ({"role": "undeclared"}, "12456"),
        ({"feature_kind": "check_in"}, "0"),
        ({"feature_kind": "query"}, "0"),
        ({"feature_kind": "likes"}, ""),
        ({"faces_grassroots": "true"}, "04"),
        ({"faces_grassroots": "false"}, "1"),
        ({"faces_grassroots": "undeclared"}, "2356"),
        ({"level": "central", "stage": "online"}, "0"),
        ({"withdrawn": "include"}, "0123456gone"),
        ({"withdrawn": "only"}, "gone"),
        ({"withdrawn": "only", "stage": "building"}, ""),
    ],
)
def test_a_filter_holds_for(http: TestClient, mark: str, filters: dict[str, str], expected: str) -> None:
    assert found(http, mark, **filters) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ABCD_3%", "3"),
        ("ａｂｃｄ＿３％", "3"),
        ("cd _ 3 %", "3"),
        ("_", "0123456"),
        ("%", "0123456"),
        ("c_d", ""),
        ("\\", ""),
    ],
)
def test_a_name_is_found_by_any_part_of_it_and_nothing_is_a_wildcard(
    http: TestClient, mark: str, name: str, expected: str
) -> None:
    items = Clerk(http).get("/v1/apps", name=name, limit=1000)["items"]
    ours = [item["id"].removeprefix(f"{mark}-") for item in items if item["id"].startswith(mark)]
    assert "".join(ours) == expected


def test_an_item_tells_the_app_in_brief(http: TestClient, mark: str) -> None:
    item = Clerk(http).get("/v1/apps", name=f"0%{mark}")["items"][0]
    told = Clerk(http).get(f"/v1/apps/{mark}-0")
    assert item == {
        "id": f"{mark}-0",
        "revision": told["revision"],
        "hash": told["hash"],
        "is_withdrawn": False,
        "is_returned": False,
        "name": told["manifest"]["name"],
        "kind": "app",
        "sponsor": "示例部信息中心",
        "root_organ": "示例部",
        "level": "central",
        "division": "",
        "sector": "交通",
        "role": "sector_unified",
        "stage": "online",
        "faces_grassroots": True,
        "proposed_on": None,
        "begun_on": None,
        "online_on": None,
        "retire_on": None,
        "retired_on": None,
        "consolidation_due_on": None,
    }


class TestPages:
    def test_they_are_of_one_list_whatever_is_written_meanwhile(self, clerk: Clerk) -> None:
        mark = new_id()
        apps = [clerk.register(id=f"{mark}-{n}", name=mark, sector="翻页") for n in range(5)]
        first = clerk.get("/v1/apps", name=mark, limit=2)
        assert first["total"] == 5
        clerk.withdraw(apps[2])
        clerk.change(apps[3], name="改名")
        clerk.register(id=f"{mark}-4a", name=mark)
        second = clerk.get("/v1/apps", name=mark, limit=2, cursor=first["next"])
        third = clerk.get("/v1/apps", name=mark, limit=2, cursor=second["next"])
        pages = [first, second, third]
        assert [item["id"] for page in pages for item in page["items"]] == apps
        assert {(page["total"], page["revision"]) for page in pages} == {(5, first["revision"])}
        assert third["next"] is None
        assert [item["id"] for item in clerk.get("/v1/apps", name=mark)["items"]] == [
            *apps[:2],
            apps[4],
            f"{mark}-4a",
        ]

    def test_the_link_keeps_the_filter_and_the_size(self, clerk: Clerk) -> None:
        mark = new_id()
        for n in range(3):
            clerk.register(id=f"{mark}-{n}", name=f"{mark}&中文", stage="online")
        first = clerk.http.get("/v1/apps", params={"name": f"{mark}&中文", "stage": "online", "limit": 2})
        link = first.headers["Link"]
        assert link.startswith("</v1/apps?")
        assert link.endswith('>; rel="next"')
        following = clerk.done(clerk.http.get(link[1:].partition(">")[0]))
        assert [item["id"] for item in following["items"]] == [f"{mark}-2"]
        assert "Link" not in clerk.http.get("/v1/apps", params={"name": mark, "limit": 3}).headers

    def test_a_cursor_belongs_to_its_filter(self, clerk: Clerk) -> None:
        mark = new_id()
        for n in range(2):
            clerk.register(id=f"{mark}-{n}", name=mark)
        cursor = clerk.get("/v1/apps", name=mark, limit=1)["next"]
        other = {"name": mark, "level": "city", "cursor": cursor}
        problem(clerk.http.get("/v1/apps", params=other), 400, "?cursor")
        assert clerk.get("/v1/apps", name=mark, limit=100, cursor=cursor)["items"]

    @pytest.mark.parametrize("cursor", ["x", "AAAA", "", "W10", "eyJhIjoxfQ", "九"])
    def test_a_damaged_cursor_is_refused(self, http: TestClient, cursor: str) -> None:
        problem(http.get("/v1/apps", params={"cursor": cursor}), 400, "?cursor")


@pytest.mark.parametrize(
    ("filters", "pointer"),
    [
        ({"level": "region"}, "?level"),
        ({"stage": "ONLINE"}, "?stage"),
        ({"role": "x"}, "?role"),
        ({"feature_kind": "x"}, "?feature_kind"),
        ({"faces_grassroots": "yes"}, "?faces_grassroots"),
        ({"division": "3"}, "?division"),
        ({"division": "778899"}, "?division"),
        ({"department": ""}, "?department"),
        ({"sector": "a\x00"}, "?sector"),
        ({"name": ""}, "?name"),
        ({"name": "　"}, "?name"),
        ({"name": "x" * 201}, "?name"),
        ({"withdrawn": "true"}, "?withdrawn"),
        ({"limit": "0"}, "?limit"),
        ({"limit": "1001"}, "?limit"),
        ({"limit": "1" * 5000}, "?limit"),
        ({"limit": "1e2"}, "?limit"),
        ({"nmae": "x"}, "?nmae"),
    ],
)
def test_a_filter_with_a_mistake_is_refused_at_its_place(
    http: TestClient, filters: dict[str, str], pointer: str
) -> None:
    problem(http.get("/v1/apps", params=filters), 422, pointer)
