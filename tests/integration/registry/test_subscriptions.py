"""Subscriptions: who may see and change them, what is refused, and that nothing is deleted."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from services.registry.main import create_service
from services.registry.settings import RegistrySettings
from services.registry.store import deliveries, subscriptions
from services.registry.store.database import Database
from services.registry.store.deliveries import Attempt, Due
from tests.integration.registry.clerk import Clerk, Document, manifest, new_id, problem

if TYPE_CHECKING:
    from collections.abc import Iterator

URL = "https://receiver.example/hook"
TERMS = {"url": URL, "types": "[]", "ties": "[]", "description": None, "filter": None}


def settings_of(url: str, **webhooks: Any) -> RegistrySettings:  # noqa: ANN401 - any setting
    tokens = {
        hashlib.sha256(name.encode()).hexdigest(): {"name": name, "scopes": scopes}
        for name, scopes in {
            "甲": ["read", "write"],
            "乙": ["read", "write"],
            "管": ["read", "write", "admin"],
            "读": ["read"],
        }.items()
    }
    given = {"database_url": url, "web": {"tokens": tokens}, "webhooks": webhooks}
    return RegistrySettings.model_validate(given)


@pytest.fixture(scope="module")
def service(database_url: str) -> Iterator[TestClient]:
    settings = settings_of(database_url, max_subscriptions=500)
    with TestClient(create_service(settings), base_url="http://registry.test") as client:
        yield client


class Member(Clerk):
    """A clerk with a token."""

    def __init__(self, service: TestClient, name: str) -> None:
        super().__init__(service)
        self.headers = {"Authorization": f"Bearer {name}".encode()}

    def ask(self, method: str, place: str, **how: Any) -> Any:  # noqa: ANN401 - an answer
        headers = {**self.headers, **how.pop("headers", {})}
        return self.http.request(method, f"/v1/subscriptions{place}", headers=headers, **how)

    def make(self, **terms: Any) -> Document:  # noqa: ANN401 - any term
        return self.done(self.ask("POST", "", json={"url": URL, **terms}), 201)


@pytest.fixture
def one(service: TestClient) -> Member:
    return Member(service, "甲")


@pytest.fixture
def other(service: TestClient) -> Member:
    return Member(service, "乙")


def test_the_secret_is_shown_once(one: Member) -> None:
    made = one.make(description="示例用途", types=["grant.grant", "app.register"], filter={"level": "city"})
    assert made["secret"].startswith("whsec_")
    found = one.ask("GET", f"/{made['id']}")
    assert made["secret"] not in found.text
    told = found.json()
    assert told == {name: value for name, value in made.items() if name != "secret"}
    assert (told["owner"], told["types"], told["filter"]) == ("甲", ["app.register", "grant.grant"], {"level": "city"})
    assert one.make()["secret"] != made["secret"]


def test_others_do_not_know_of_it_and_an_administrator_does(service: TestClient, one: Member, other: Member) -> None:
    made = one.make()
    place, tag = f"/{made['id']}", {"If-Match": '"1"'}
    problem(other.ask("GET", place), 404)
    problem(other.ask("GET", f"{place}/deliveries"), 404)
    problem(other.ask("GET", f"{place}/dead-letters"), 404)
    problem(other.ask("PATCH", place, json={"state": "paused"}, headers=tag), 404)
    problem(other.ask("POST", f"{place}/end", json={"reason": "示例"}, headers=tag), 404)
    problem(other.ask("POST", f"{place}/rotate", headers=tag), 404)
    problem(other.ask("POST", f"{place}/redeliver", json={}), 404)
    assert made["id"] not in [each["id"] for each in other.ask("GET", "", params={"limit": 1000}).json()["items"]]
    boss = Member(service, "管")
    assert boss.ask("GET", place).json()["owner"] == "甲"
    owners = {each["owner"] for each in boss.ask("GET", "", params={"limit": 1000}).json()["items"]}
    other.make()
    assert owners >= {"甲"}
    problem(Member(service, "读").ask("POST", "", json={"url": URL}), 403)


def test_pages_hold_all_of_them_once(service: TestClient) -> None:
    boss = Member(service, "管")
    for _ in range(5):
        boss.make()
    seen, place = [], "?limit=2"
    while place:
        page = boss.done(boss.ask("GET", place))
        seen += [each["id"] for each in page["items"]]
        place = f"?limit=2&cursor={page['next']}" if page["next"] else ""
    assert seen == [each["id"] for each in boss.ask("GET", "", params={"limit": 1000}).json()["items"]]
    assert len(seen) == len(set(seen)) >= 5


def test_it_is_changed_only_as_it_was_seen_and_never_after_its_end(one: Member) -> None:
    made = one.make()
    place = f"/{made['id']}"
    problem(one.ask("PATCH", place, json={"state": "paused"}), 428)
    paused = one.ask("PATCH", place, json={"state": "paused", "types": ["app.change"]}, headers={"If-Match": '"1"'})
    assert one.done(paused)["state"] == "paused"
    assert paused.json()["url"] == URL
    problem(one.ask("PATCH", place, json={"state": "active"}, headers={"If-Match": '"1"'}), 412)
    tag = {"If-Match": paused.headers["ETag"]}
    problem(one.ask("POST", f"{place}/end", json={}, headers=tag), 422, "/reason")
    ended = one.ask("POST", f"{place}/end", json={"reason": "不再需要"}, headers=tag)
    assert (one.done(ended)["state"], ended.json()["state_reason"]) == ("ended", "不再需要")
    tag = {"If-Match": ended.headers["ETag"]}
    for answer in (
        one.ask("PATCH", place, json={"state": "active"}, headers=tag),
        one.ask("POST", f"{place}/end", json={"reason": "再次"}, headers=tag),
        one.ask("POST", f"{place}/rotate", headers=tag),
        one.ask("POST", f"{place}/redeliver", json={}),
    ):
        problem(answer, 409, "{id}")
    assert one.done(one.ask("GET", place))["state"] == "ended"


@pytest.mark.parametrize(
    ("terms", "pointer"),
    [
        ({"url": "http://receiver.example/"}, "/url"),
        ({"url": "https://user:pass@receiver.example/"}, "/url"),
        ({"url": "https://receiver.example:22/"}, "/url"),
        ({"url": "https://10.0.0.1/"}, "/url"),
        ({"url": "https://[::1]/"}, "/url"),
        ({"types": ["app.explode"]}, "/types/0"),
        ({"types": ["registry.found"]}, "/types/0"),
        ({"ties": ["nonsense"]}, "/ties/0"),
        ({"filter": {"level": "moon"}}, "/filter/level"),
        ({"filter": {"colour": "red"}}, "/filter/colour"),
        ({"since": 10**9}, "/since"),
        ({"state": "ended"}, "/state"),
    ],
    ids=str,
)
def test_a_mistake_is_told_at_its_place(one: Member, terms: Document, pointer: str) -> None:
    problem(one.ask("POST", "", json={"url": URL, **terms}), 422, pointer)


def test_there_are_not_too_many(database_url: str) -> None:
    with TestClient(create_service(settings_of(database_url, max_subscriptions=0))) as service:
        problem(Member(service, "甲").ask("POST", "", json={"url": URL}), 409)


def test_a_request_that_is_sent_again_makes_one_subscription(one: Member) -> None:
    answers = [one.ask("POST", "", json={"url": URL}, headers={"Idempotency-Key": "webhook-once"}) for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timed(database_url: str, clock: Clock) -> Iterator[Database]:
    database = Database(database_url, now=clock)
    yield database
    database.close()


def made_at(database: Database) -> str:
    made = subscriptions.create(database, "丙", TERMS, 0, "whsec_b25l", at_most=500)
    return made.subscription.id


def test_a_replaced_secret_signs_as_long_as_was_said(timed: Database, clock: Clock) -> None:
    id = made_at(timed)
    subscriptions.rotate(timed, id, "丙", lambda _: None, "whsec_dHdv", timedelta(hours=2))

    def signing() -> list[str]:
        receiver = deliveries.receiver(timed, id)
        assert receiver is not None
        return list(receiver.secrets)

    assert sorted(signing()) == ["whsec_b25l", "whsec_dHdv"]
    clock.now += timedelta(hours=2, seconds=-1)
    assert len(signing()) == 2
    clock.now += timedelta(seconds=1)
    assert signing() == ["whsec_dHdv"]
    clock.now += timedelta(days=1)
    subscriptions.rotate(timed, id, "丙", lambda _: None, "whsec_dHJp", timedelta(0))
    assert signing() == ["whsec_dHJp"]


def test_who_has_failed_is_due_again_when_the_wait_is_over(service: TestClient, timed: Database, clock: Clock) -> None:
    app, headers = new_id(), {**Member(service, "甲").headers, "If-None-Match": "*"}
    Clerk.done(service.put(f"/v1/apps/{app}", json=manifest(app), headers=headers), 201)
    id = made_at(timed)
    due = next(each for each in deliveries.behind(timed) if each.id == id)
    attempt = Attempt(clock.now, 5, None, "timeout")
    deliveries.failed(timed, due, 1, attempt, clock.now + timedelta(hours=3))
    assert id not in [each.id for each in deliveries.behind(timed)]
    clock.now += timedelta(hours=3)
    assert Due(id, 1, 0, 1) in deliveries.behind(timed)


def test_what_somebody_else_has_moved_on_stays_moved_on(timed: Database, clock: Clock) -> None:
    id = made_at(timed)
    due = Due(id, 1, 0, 0)
    well, ill = Attempt(clock.now, 5, 200, None), Attempt(clock.now, 5, 500, "status 500")
    assert deliveries.delivered(timed, due, 1, well) == Due(id, 1, 1, 0)
    assert deliveries.delivered(timed, due, 1, well) is None
    deliveries.failed(timed, due, 1, ill, None)
    deliveries.gone(timed, due, 1, ill)
    found = subscriptions.get(timed, id, None).subscription
    assert (found.state, found.cursor, found.tries) == ("active", 1, 0)
    assert subscriptions.dead_letters(timed, id, None, limit=10, after=0).rows == []


def test_attempts_are_forgotten_after_their_days(timed: Database, clock: Clock) -> None:
    id = made_at(timed)
    deliveries.delivered(timed, Due(id, 1, 0, 0), 1, Attempt(clock.now, 5, 200, None))
    clock.now += timedelta(days=30)
    deliveries.forget(timed, id, 30)
    assert len(subscriptions.deliveries(timed, id, None, limit=10, before=None).rows) == 1
    clock.now += timedelta(seconds=1)
    deliveries.forget(timed, id, 30)
    assert subscriptions.deliveries(timed, id, None, limit=10, before=None).rows == []
