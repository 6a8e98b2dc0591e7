"""Webhooks: signed, in order, at least once; tried again, given up, redelivered; nobody holds up anybody else."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from standardwebhooks import WebhookVerificationError
from starlette.testclient import TestClient

from services.registry.main import create_service
from services.registry.settings import RegistrySettings
from tests.integration.registry.clerk import Clerk, Document
from tests.receiver import STUCK_AFTER_S, Receiver, receiving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TRIES = 3


@pytest.fixture(scope="module")
def settings(database_url: str) -> RegistrySettings:
    given = {
        "database_url": database_url,
        "migrates_on_start": True,
        "jobs": {"runs": True, "poll_s": 0.05, "takeover_s": 1},
        "webhooks": {
            "allows_http": True,
            "allowed_networks": ["127.0.0.0/8"],
            "ports": [],
            "timeout_s": 1,
            "retry_delays_s": [0.05] * (TRIES - 1),
            "poll_s": 0.02,
        },
    }
    return RegistrySettings.model_validate(given)


@pytest.fixture(scope="module")
def http(settings: RegistrySettings) -> Iterator[TestClient]:
    with TestClient(create_service(settings), base_url="http://registry.test") as client:
        assert client.get("/readyz").status_code == 200
        yield client


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def subscribe(clerk: Clerk, receiver: Receiver) -> Iterator[Callable[..., Document]]:
    """Make subscriptions to the test's receiver, or to another URL; they end with the test."""
    made: list[Document] = []

    def subscribe(**terms: Any) -> Document:  # noqa: ANN401 - any term of a subscription
        body = {"url": receiver.url, **terms}
        made.append(clerk.done(clerk.http.post("/v1/subscriptions", json=body), 201))
        return made[-1]

    yield subscribe
    receiver.release()
    for each in made:
        place = f"/v1/subscriptions/{each['id']}"
        if clerk.get(place)["state"] != "ended":
            headers = {"If-Match": clerk.etag(place)}
            clerk.done(clerk.http.post(f"{place}/end", json={"reason": "示例终止"}, headers=headers))


def until(clerk: Clerk, subscription: Document, is_so: Callable[[Document], bool]) -> Document:
    deadline = time.monotonic() + STUCK_AFTER_S
    while not is_so(found := clerk.get(f"/v1/subscriptions/{subscription['id']}")):
        assert time.monotonic() < deadline, found
        time.sleep(0.01)
    return found


def change(clerk: Clerk, subscription: Document, **values: Any) -> Document:  # noqa: ANN401 - any term
    place = f"/v1/subscriptions/{subscription['id']}"
    return clerk.done(clerk.http.patch(place, json=values, headers={"If-Match": clerk.etag(place)}))


def attempts(clerk: Clerk, subscription: Document) -> list[tuple[int, int, str | None]]:
    items = clerk.get(f"/v1/subscriptions/{subscription['id']}/deliveries")["items"]
    return [(each["revision"], each["attempt"], each["error"]) for each in reversed(items)]


def letters(clerk: Clerk, subscription: Document) -> list[Document]:
    found: list[Document] = clerk.get(f"/v1/subscriptions/{subscription['id']}/dead-letters")["items"]
    return found


class TestDelivered:
    def test_what_the_feed_tells_signed_and_in_order(
        self, clerk: Clerk, receiver: Receiver, subscribe: Callable[..., Document]
    ) -> None:
        made = subscribe()
        apps = [clerk.register(asks=[{"code": "webhooks"}]) for _ in range(5)]
        grant = clerk.grant(apps[0])
        received = receiver.wait_for(*apps, grant["id"])
        assert [each.subject for each in received] == [*apps, grant["id"]]
        told = clerk.get("/v1/changes", since=made["cursor"])["items"]
        for each, change in zip(received, told, strict=True):
            event = each.verified_by(made["secret"])
            assert event["data"] == change
            assert event["specversion"] == "1.0"
            assert event["id"] == str(change["revision"])
            assert event["type"] == f"{change['noun']}.{change['action']}"
            assert event["time"] == change["at"]
            assert each.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
            assert each.id == f"{made['id']}_{change['revision']}"
        found = until(clerk, made, lambda now: now["cursor"] == told[-1]["revision"])
        assert (found["state"], found["tries"], found["last_error"]) == ("active", 0, None)
        assert attempts(clerk, made) == [(change["revision"], 1, None) for change in told]

    def test_from_the_revision_asked_for(
        self, clerk: Clerk, receiver: Receiver, subscribe: Callable[..., Document]
    ) -> None:
        since = clerk.get("/v1/changes", since=0, limit=1)["revision"]
        apps = [clerk.register(), clerk.register()]
        subscribe(since=since)
        assert [each.subject for each in receiver.wait_for(*apps)] == apps

    def test_by_type_tie_and_conditions_on_the_app(
        self, clerk: Clerk, receiver: Receiver, subscribe: Callable[..., Document]
    ) -> None:
        with receiving() as by_tie, receiving() as by_filter:
            subscribe(types=["app.change", "grant.grant"])
            subscribe(url=by_tie.url, ties=["item:code=webhook-tie"])
            subscribe(url=by_filter.url, filter={"kind": "mini_program"})
            plain = clerk.register()
            tied = clerk.register(asks=[{"code": "webhook-tie"}])
            site = clerk.register(kind="mini_program")
            clerk.change(site, kind="app")
            clerk.change(site, kind="app", name="不再相关")
            grant = clerk.grant(plain)["id"]
            last = clerk.register(kind="mini_program", asks=[{"code": "webhook-tie"}])
            clerk.change(last, kind="mini_program", name="最后")
            chosen = [("app.change", site), ("app.change", site), ("grant.grant", grant), ("app.change", last)]
            received = receiver.wait(lambda received: len(received) >= len(chosen))
            assert [(each.event["type"], each.subject) for each in received] == chosen
            assert [each.subject for each in by_tie.wait_for(tied, last)][:2] == [tied, last]
            # That an app leaves what is meant is told as well, and what it does afterwards is not.
            chosen = [("app.register", site), ("app.change", site), ("app.register", last), ("app.change", last)]
            received = by_filter.wait(lambda received: len(received) >= len(chosen))
            assert [(each.event["type"], each.subject) for each in received] == chosen

    def test_with_both_secrets_after_one_was_replaced(
        self, clerk: Clerk, receiver: Receiver, subscribe: Callable[..., Document]
    ) -> None:
        made = subscribe()
        place = f"/v1/subscriptions/{made['id']}"
        rotated = clerk.done(clerk.http.post(f"{place}/rotate", headers={"If-Match": clerk.etag(place)}))
        assert [each["until"] is None for each in rotated["secrets"]] == [False, True]
        received = receiver.wait_for(clerk.register())[0]
        assert len(received.headers["webhook-signature"].split(" ")) == 2
        assert received.verified_by(made["secret"]) == received.verified_by(rotated["secret"])
        other = subscribe(url="http://127.0.0.1:9/")["secret"]
        with pytest.raises(WebhookVerificationError):
            received.verified_by(other)


class TestFailing:
    def test_it_is_tried_again_in_order_under_the_same_id(
        self, clerk: Clerk, receiver: Receiver, subscribe: Callable[..., Document]
    ) -> None:
        receiver.plan.extend([500, 302])
        receiver.headers = {"Location": receiver.url}
        made = subscribe()
        apps = [clerk.register(), clerk.register()]
        received = receiver.wait_for(*apps)
        assert [each.subject for each in received] == [apps[0], apps[0], apps[0], apps[1]]
        assert len({each.id for each in received}) == 2
        assert len({each.body for each in received}) == 2
        for each in received:
            each.verified_by(made["secret"])
        first, second = (each.event["data"]["revision"] for each in received[2:])
        until(clerk, made, lambda now: now["cursor"] == second and now["state"] == "active")
        expected = [(first, 1, "status 500"), (first, 2, "status 302"), (first, 3, None), (second, 1, None)]
        assert attempts(clerk, made) == expected

    def test_a_receiver_that_does_not_answer_holds_up_nobody_else(
        self, clerk: Clerk, receiver: Receiver, subscribe: Callable[..., Document]
    ) -> None:
        receiver.hold()
        stuck = subscribe()
        with receiving() as other:
            subscribe(url=other.url)
            apps = [clerk.register() for _ in range(3)]
            assert [each.subject for each in other.wait_for(*apps)] == apps
            until(clerk, stuck, lambda now: now["state"] == "failing")
        assert attempts(clerk, stuck)[0][2] == "timeout"
        receiver.release()
        receiver.wait_for(*apps)

    def test_the_last_attempt_makes_a_dead_letter_which_can_be_redelivered(
        self, clerk: Clerk, receiver: Receiver, subscribe: Callable[..., Document]
    ) -> None:
        receiver.plan.extend([500] * TRIES)
        made = subscribe()
        apps = [clerk.register(), clerk.register()]
        received = receiver.wait_for(*apps)
        lost = received[0].event["data"]["revision"]
        until(clerk, made, lambda now: now["state"] == "active")
        assert [(each["revision"], each["attempts"], each["error"]) for each in letters(clerk, made)] == [
            (lost, TRIES, "status 500")
        ]
        place = f"/v1/subscriptions/{made['id']}/redeliver"
        assert clerk.http.post(place, json={"revisions": [lost, lost + 10**6]}).status_code == 422
        receiver.plan.extend([503])
        assert clerk.done(clerk.http.post(place, json={}), 202) == {"ordered": 1}
        receiver.wait(lambda received: len(received) == TRIES + 2)
        deadline = time.monotonic() + STUCK_AFTER_S
        while letters(clerk, made)[0]["ordered_at"] is not None:
            assert time.monotonic() < deadline
        assert letters(clerk, made)[0]["delivered_at"] is None
        clerk.done(clerk.http.post(place, json={"revisions": [lost]}), 202)
        while letters(clerk, made)[0]["delivered_at"] is None:
            assert time.monotonic() < deadline
        assert [each.id for each in receiver.received].count(received[0].id) == TRIES + 2
        assert clerk.done(clerk.http.post(place, json={}), 202) == {"ordered": 0}

    def test_a_dead_receiver_is_paused_and_misses_nothing_when_it_comes_back(
        self, clerk: Clerk, receiver: Receiver, subscribe: Callable[..., Document]
    ) -> None:
        receiver.answer = 500
        made = subscribe()
        apps = [clerk.register() for _ in range(4)]
        found = until(clerk, made, lambda now: now["state"] == "paused")
        assert "2 changes in a row" in found["state_reason"]
        assert len(letters(clerk, made)) == 2
        receiver.answer = 200
        assert change(clerk, made, state="active")["state_reason"] is None
        clerk.done(clerk.http.post(f"/v1/subscriptions/{made['id']}/redeliver", json={}), 202)
        until(clerk, made, lambda now: now["state"] == "active" and now["delivered_at"] is not None)
        received = receiver.wait(lambda received: len(received) == 2 * TRIES + 4)
        assert {each.subject for each in received[2 * TRIES :]} == set(apps)

    def test_whoever_answers_410_is_told_no_more(
        self, clerk: Clerk, receiver: Receiver, subscribe: Callable[..., Document]
    ) -> None:
        receiver.answer = 410
        made = subscribe()
        clerk.register()
        found = until(clerk, made, lambda now: now["state"] == "ended")
        assert found["ended_at"] is not None
        assert "410" in found["state_reason"]
        with receiving() as other:
            subscribe(url=other.url)
            other.wait_for(clerk.register())
        assert len(receiver.received) == 1

    def test_what_is_paused_waits_and_a_new_address_is_used_at_once(
        self, clerk: Clerk, receiver: Receiver, subscribe: Callable[..., Document]
    ) -> None:
        made = subscribe(url="http://127.0.0.1:9/")
        change(clerk, made, state="paused")
        app = clerk.register()
        assert change(clerk, made, url=receiver.url)["state"] == "paused"
        change(clerk, made, state="active")
        assert [each.subject for each in receiver.wait_for(app)] == [app]
