"""Questions of the past: by registry revision, by instant, by day; and what no day of the past is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from services.registry.refusals import RefusedError
from services.registry.store import apps, past
from services.registry.store.database import Act, Database
from services.registry.store.past import AsOf
from tests import world
from tests.integration.registry.clerk import Clerk, manifest, new_id, problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.testclient import TestClient


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def dated(fresh_database_url: str, clock: Clock) -> Iterator[Database]:
    """Give a registry of its own, with a clock that a test sets: it was founded just now."""
    database = Database(fresh_database_url, now=clock)
    database.migrate()
    yield database
    database.close()


def test_a_day_ends_at_midnight_in_beijing(dated: Database, clock: Clock) -> None:
    app = new_id()

    def write(at: datetime, name: str) -> int:
        clock.now = at
        declared = world.manifest({**manifest(app), "name": name})
        return apps.put(dated, app, declared, Act("x", "x"), lambda *_: None, 100)[0].since

    later = datetime.now(UTC).astimezone(past.BEIJING).replace(hour=0, minute=0, second=0, microsecond=0)
    midnight = later + timedelta(days=3)
    before = write(midnight - timedelta(microseconds=1), "前")
    first = write(midnight, "后")
    second = write(midnight, "同一时刻")
    clock.now = midnight + timedelta(days=5)

    def found(moment: past.Moment) -> int:
        with dated.reading() as connection:
            return past.revision_of(connection, AsOf(moment), clock())

    day = midnight.date()
    assert found(day - timedelta(days=1)) == before
    assert found(day) == second == first + 1
    assert found(clock.now.date()) == second
    assert found(midnight) == second
    assert found(midnight - timedelta(microseconds=1)) == before
    assert found(midnight - timedelta(microseconds=2)) == 0
    assert found(first) == first
    assert apps.get(dated, app, AsOf(first)).revision == first
    for future in (clock.now.date() + timedelta(days=1), clock.now + timedelta(microseconds=1), second + 1):
        with pytest.raises(RefusedError, match=r"future|not reached"):
            found(future)
    with pytest.raises(RefusedError, match="founded"):
        found(datetime(2020, 1, 1, tzinfo=UTC))


def test_what_is_recorded_is_not_in_the_future_when_the_clock_is_set_back(dated: Database, clock: Clock) -> None:
    app, ahead = new_id(), datetime.now(UTC) + timedelta(days=9)
    clock.now = ahead
    row, _ = apps.put(dated, app, world.manifest(manifest(app)), Act("x", "x"), lambda *_: None, 100)
    clock.now = datetime.now(UTC)
    assert apps.get(dated, app, AsOf(ahead)).revision == row.since
    assert apps.get(dated, app, AsOf(ahead.astimezone(past.BEIJING).date())).revision == row.since


def test_every_read_can_be_of_the_past(clerk: Clerk) -> None:
    code = new_id()
    app = clerk.register(asks=[{"code": code}], sector=code)
    grant = clerk.grant(app)
    at = grant["revision"]
    clerk.change(app, name="新名")
    place = f"/v1/apps/{app}/grants/{grant['id']}"
    revoked = {"revoked_on": "2025-01-06", "reason": "示例撤销"}
    clerk.done(clerk.http.post(f"{place}/revoke", json=revoked, headers={"If-Match": clerk.etag(place)}))
    clerk.withdraw(app)
    then = {"as_of": at}
    read = clerk.http.get(f"/v1/apps/{app}", params=then)
    assert read.headers["Registry-Revision"] == str(at)
    assert (read.json()["manifest"]["name"], read.json()["withdrawn_at"]) == ("示例应用", None)
    assert clerk.get("/v1/apps", sector=code, **then)["items"][0]["id"] == app
    assert clerk.get("/v1/apps", sector=code)["items"] == []
    assert clerk.get(place, **then) == grant
    assert clerk.get(f"/v1/apps/{app}/grants", **then)["items"] == [grant]
    asked = {"app": app, "questions": [{"tie": f"item:code={code}", "regions": [""]}], "as_of": str(at)}
    told = clerk.done(clerk.http.post("/v1/neighbourhoods", json=asked))
    assert (told["revision"], [each["id"] for each in told["grants"]]) == (at, [grant["id"]])
    told = clerk.done(clerk.http.post("/v1/neighbourhoods", json={**asked, "app": None}))
    assert [each["app"] for each in told["ties"][0]["neighbours"]] == [app]
    problem(clerk.http.get(f"/v1/apps/{app}", params={"as_of": at - 2}), 404)
    problem(clerk.http.get(f"/v1/apps/{app}/grants", params={"as_of": at - 2}), 404)
    problem(clerk.http.get(place, params={"as_of": at - 1}), 404)


def test_an_instant_and_today_are_moments_too(clerk: Clerk) -> None:
    app = clerk.register()
    now = datetime.now(UTC)
    today = now.astimezone(past.BEIJING).date().isoformat()
    for moment in (now.isoformat(), today, now.astimezone(past.BEIJING).isoformat(timespec="microseconds")):
        assert clerk.get(f"/v1/apps/{app}", as_of=moment)["id"] == app


def test_pages_of_a_day_are_of_one_list(clerk: Clerk) -> None:
    sector = new_id()
    listed = [clerk.register(sector=sector, id=f"{sector}-{n}") for n in range(3)]
    today = datetime.now(UTC).astimezone(past.BEIJING).date().isoformat()
    first = clerk.get("/v1/apps", sector=sector, as_of=today, limit=2)
    clerk.register(sector=sector, id=f"{sector}-9")
    second = clerk.get("/v1/apps", sector=sector, as_of=today, limit=2, cursor=first["next"])
    assert [each["id"] for page in (first, second) for each in page["items"]] == listed
    problem(clerk.http.get("/v1/apps", params={"sector": sector, "cursor": first["next"]}), 400, "?cursor")


def test_grants_too(clerk: Clerk) -> None:
    app = clerk.register()
    grants = [clerk.grant(app)["id"] for _ in range(3)]
    first = clerk.get(f"/v1/apps/{app}/grants", limit=2)
    clerk.grant(app)
    second = clerk.get(f"/v1/apps/{app}/grants", limit=2, cursor=first["next"])
    assert [each["id"] for page in (first, second) for each in page["items"]] == grants


@pytest.mark.parametrize(
    "moment",
    [
        "",
        "yesterday",
        "2026-13-01",
        "2026-02-30",
        "2026-02-01T25:00:00Z",
        "2026-02-01T10:00:00",
        "0001-01-01T00:00:00+08:00",
        "9999-12-31",
        "2999-12-31T23:59:59Z",
        "2000-01-01",
        "1000-01-01T00:00:00+14:00",
        "-1",
        "9" * 18,
        "9" * 19,
        "2026-02-01T10:00:00 08:00",
    ],
)
def test_no_moment_of_the_past(http: TestClient, moment: str) -> None:
    problem(http.get("/v1/apps", params={"as_of": moment}), 422, "?as_of")
    problem(http.get("/v1/apps/x", params={"as_of": moment}), 422, "?as_of")
    problem(http.get("/v1/apps/x/grants", params={"as_of": moment}), 422, "?as_of")
    problem(http.post("/v1/neighbourhoods", json={"questions": [], "as_of": moment}), 422, "/as_of")


@pytest.mark.parametrize("text", ["yesterday", "2026-02-30", "2026-03-01T09:00:00", "-1", ""])
def test_what_is_no_moment_is_told_with_what_is_one(http: TestClient, text: str) -> None:
    [fault] = problem(http.get("/v1/apps", params={"as_of": text}), 422, "?as_of")["errors"]
    assert fault["detail"] == "没有这样的时点。"
    assert "2026-03-01" in fault["remedy"]
