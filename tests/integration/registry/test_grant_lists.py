"""Grants as governed acts: which count on a day, which end soon, and renewing them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.registry.clerk import Clerk, new_id, problem

if TYPE_CHECKING:
    import httpx

    from services.registry.store.database import Database

ON = date(2026, 3, 1)


def day(days: int) -> str:
    return (ON + timedelta(days=days)).isoformat()


def place(grant: dict[str, Any]) -> str:
    return f"/v1/apps/{grant['app']}/grants/{grant['id']}"


def act(clerk: Clerk, grant: dict[str, Any], deed: str, **body: str) -> httpx.Response:
    headers = {"If-Match": clerk.etag(place(grant))}
    answer: httpx.Response = clerk.http.post(f"{place(grant)}/{deed}", json={"reason": "示例", **body}, headers=headers)
    return answer


@pytest.fixture
def granter() -> str:
    """Give the name of an authority that grants in one test only."""
    return f"示例审批局{new_id()}"


@pytest.fixture
def stocked(clerk: Clerk, granter: str) -> dict[str, str]:
    """Record a grant for each way in which one can stand on a day, and give their ids by what they are."""
    app = clerk.register()
    terms = {"granter": {"name": granter}, "granted_on": "2025-01-06", "from_on": "2025-01-06"}
    recorded = {
        "endless": clerk.grant(app, **terms),
        "ended": clerk.grant(app, **terms, until_on=day(-1)),
        "ends today": clerk.grant(app, **terms, until_on=day(0)),
        "ends in a month": clerk.grant(app, **terms, until_on=day(30)),
        "ends later": clerk.grant(app, **terms, until_on=day(31)),
        "to begin": clerk.grant(app, **{**terms, "from_on": day(1)}, until_on=day(5), kind="necessity"),
        "revoked": clerk.grant(app, **terms),
        "revoked early": clerk.grant(app, **terms, until_on=day(90)),
        "annulled": clerk.grant(app, **terms, until_on=day(3)),
    }
    Clerk.done(act(clerk, recorded["revoked"], "revoke", revoked_on=day(0)))
    Clerk.done(act(clerk, recorded["revoked early"], "revoke", revoked_on=day(10)))
    Clerk.done(act(clerk, recorded["annulled"], "revoke", revoked_on="2025-01-06"))
    return {grant["id"]: name for name, grant in recorded.items()}


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"ends_within_days": 0}, ["ends today"]),
        ({"ends_within_days": 30}, ["ends today", "ends in a month", "to begin", "revoked early"]),
        ({"ends_within_days": 31}, ["ends today", "ends in a month", "ends later", "to begin", "revoked early"]),
        ({"ends_within_days": 9, "kind": "necessity"}, ["to begin"]),
        ({"in_force": "true"}, ["endless", "ends today", "ends in a month", "ends later", "revoked early"]),
        ({"in_force": "false"}, ["ended", "to begin", "revoked", "annulled"]),
        ({"in_force": "true", "ends_within_days": 30}, ["ends today", "ends in a month", "revoked early"]),
        ({"on": day(-1), "ends_within_days": 0}, ["ended", "revoked"]),
        ({"on": day(10), "in_force": "true"}, ["endless", "ends in a month", "ends later"]),
        ({"on": "9999-12-31", "ends_within_days": 36500}, []),
        ({"provision": "12.1"}, []),
    ],
)
def test_what_counts_and_what_ends_is_asked_of_a_day(
    clerk: Clerk, granter: str, stocked: dict[str, str], conditions: dict[str, Any], expected: list[str]
) -> None:
    told = clerk.get("/v1/grants", **{"granter": granter, "on": ON.isoformat(), **conditions})
    assert [stocked[each["id"]] for each in told["items"]] == expected
    assert (told["total"], told["on"]) == (len(expected), conditions.get("on", ON.isoformat()))


def test_a_grant_counts_by_itself_until_its_day_and_no_longer(clerk: Clerk, granter: str, database: Database) -> None:
    app = clerk.register()
    today = database.today()
    for until_on in (today, today - timedelta(days=1)):
        clerk.grant(app, granter={"name": granter}, until_on=until_on.isoformat())
    told = clerk.get("/v1/grants", granter=granter, in_force="true")
    assert [each["until_on"] for each in told["items"]] == [today.isoformat()]
    # Neighbourhoods tell both with their days, and whoever judges asks of a day.
    assert len(clerk.neighbourhood(app)["grants"]) == 2


def test_pages_are_of_one_list_whatever_is_recorded_meanwhile(clerk: Clerk, granter: str) -> None:
    apps = [clerk.register() for _ in range(2)]
    recorded = [clerk.grant(app, granter={"name": granter})["id"] for app in (*apps, *apps, *apps)]
    first = clerk.http.get("/v1/grants", params={"granter": granter, "limit": 4})
    clerk.grant(apps[0], granter={"name": granter})
    following = clerk.done(clerk.http.get(first.headers["Link"][1:].partition(">")[0]))
    found = [*first.json()["items"], *following["items"]]
    assert ([each["id"] for each in found], following["next"]) == (recorded, None)
    assert first.json()["total"] == following["total"] == 6
    assert first.json()["revision"] == following["revision"]
    other = {"granter": granter, "kind": "approval", "cursor": first.json()["next"]}
    problem(clerk.http.get("/v1/grants", params=other), 400, "?cursor")
    one_app = clerk.get("/v1/grants", granter=granter, app=apps[1])
    assert {each["app"] for each in one_app["items"]} == {apps[1]}


def test_a_list_of_the_past_is_as_it_was(clerk: Clerk, granter: str) -> None:
    grant = clerk.grant(clerk.register(), granter={"name": granter}, until_on="2999-12-31")
    Clerk.done(act(clerk, grant, "renew", until_on="3000-12-31"))
    now = clerk.get("/v1/grants", granter=granter)["items"]
    then = clerk.get("/v1/grants", granter=granter, as_of=grant["revision"])
    assert [each["until_on"] for each in now] == ["3000-12-31"]
    assert (then["items"], then["revision"]) == ([grant], grant["revision"])
    assert clerk.get("/v1/grants", granter=granter, as_of=grant["revision"] - 1)["items"] == []


@pytest.mark.parametrize(
    ("conditions", "status", "pointer"),
    [
        ({"ends_within_days": "-1"}, 422, "?ends_within_days"),
        ({"ends_within_days": "36501"}, 422, "?ends_within_days"),
        ({"ends_within_days": "soon"}, 422, "?ends_within_days"),
        ({"kind": "favour"}, 422, "?kind"),
        ({"on": "2026-02-30"}, 422, "?on"),
        ({"on": "1"}, 422, "?on"),
        ({"app": "A B"}, 422, "?app"),
        ({"in_force": "perhaps"}, 422, "?in_force"),
        ({"limit": "0"}, 422, "?limit"),
        ({"as_of": "9" * 18}, 422, "?as_of"),
        ({"ends": "1"}, 422, "?ends"),
        ({"cursor": "AAAA"}, 400, "?cursor"),
    ],
)
def test_a_condition_with_a_mistake_is_refused_at_its_place(
    clerk: Clerk, conditions: dict[str, str], status: int, pointer: str
) -> None:
    problem(clerk.http.get("/v1/grants", params=conditions), status, pointer)


class TestRenewal:
    @pytest.fixture
    def until_on(self, database: Database) -> date:
        return database.today() + timedelta(days=10)

    @pytest.fixture
    def grant(self, clerk: Clerk, until_on: date) -> dict[str, Any]:
        return clerk.grant(clerk.register(), until_on=until_on.isoformat())

    def test_it_lasts_longer_and_all_else_stays_as_it_was_granted(
        self, clerk: Clerk, grant: dict[str, Any], until_on: date
    ) -> None:
        later = (until_on + timedelta(days=365)).isoformat()
        answer = act(clerk, grant, "renew", until_on=later, reason="示发改〔2026〕9号")
        told = Clerk.done(answer)
        assert told == {**grant, "until_on": later, "revision": told["revision"]}
        assert told["revision"] > grant["revision"]
        assert answer.headers["ETag"] == clerk.etag(place(grant))
        assert [each["until_on"] for each in clerk.neighbourhood(grant["app"])["grants"]] == [later]

    def test_it_is_for_longer_than_before(self, clerk: Clerk, grant: dict[str, Any], until_on: date) -> None:
        for days in (0, -1):
            sooner = (until_on + timedelta(days=days)).isoformat()
            problem(act(clerk, grant, "renew", until_on=sooner), 422, "/until_on")

    def test_what_has_run_out_or_was_revoked_or_has_no_end_is_not_renewed(self, clerk: Clerk, until_on: date) -> None:
        app = clerk.register()
        yesterday = (until_on - timedelta(days=11)).isoformat()
        ended, endless = clerk.grant(app, until_on=yesterday), clerk.grant(app)
        revoked = clerk.grant(app, until_on=until_on.isoformat())
        Clerk.done(act(clerk, revoked, "revoke", revoked_on=until_on.isoformat()))
        for grant in (ended, endless, revoked):
            problem(act(clerk, grant, "renew", until_on="2999-12-31"), 409, "{grant}")
            assert clerk.get(f"{place(grant)}").get("until_on") != "2999-12-31"

    def test_it_counts_on_its_last_day_and_is_renewed_on_it(self, clerk: Clerk, until_on: date) -> None:
        today = (until_on - timedelta(days=10)).isoformat()
        grant = clerk.grant(clerk.register(), until_on=today)
        Clerk.done(act(clerk, grant, "renew", until_on=until_on.isoformat()))

    def test_nothing_is_renewed_for_a_withdrawn_app(self, clerk: Clerk, grant: dict[str, Any]) -> None:
        clerk.withdraw(grant["app"])
        problem(act(clerk, grant, "renew", until_on="2999-12-31"), 409, "{id}")

    def test_what_could_not_be_granted_now_is_not_renewed(self, clerk: Clerk, until_on: date) -> None:
        features = [{"id": "f-1"}]
        app = clerk.register(features=features)
        grant = clerk.grant(app, kind="necessity", feature="f-1", until_on=until_on.isoformat())
        clerk.change(app, features=[{"id": "f-2"}])
        problem(act(clerk, grant, "renew", until_on="2999-12-31"), 409, "{grant}")
        clerk.change(app, features=features)
        Clerk.done(act(clerk, grant, "renew", until_on="2999-12-31"))

    def test_it_needs_the_version_a_reason_and_a_day(self, clerk: Clerk, grant: dict[str, Any]) -> None:
        body = {"until_on": "2999-12-31", "reason": "延期"}
        renew = f"{place(grant)}/renew"
        problem(clerk.http.post(renew, json=body), 428, "If-Match:")
        problem(clerk.http.post(renew, json=body, headers={"If-Match": '"0"'}), 412, "If-Match:")
        for missing in body:
            without = {name: value for name, value in body.items() if name != missing}
            headers = {"If-Match": clerk.etag(place(grant))}
            problem(clerk.http.post(renew, json=without, headers=headers), 422, f"/{missing}")
        problem(act(clerk, grant, "renew", until_on="2999-02-30"), 422, "/until_on")
        unknown = f"/v1/apps/{grant['app']}/grants/g1/renew"
        problem(clerk.http.post(unknown, json=body, headers={"If-Match": '"1"'}), 404)
        assert clerk.get(place(grant)) == grant
