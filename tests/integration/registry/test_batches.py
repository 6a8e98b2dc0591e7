"""Batches: many apps in one request, all or each, every item with a condition, a reason and a result of its own."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from services.registry.api.batches import MAX_ITEMS
from services.registry.main import create_service
from tests.integration.registry.clerk import GRANT, Clerk, manifest, new_id, problem

if TYPE_CHECKING:
    import httpx

    from services.registry.settings import RegistrySettings
    from services.registry.store.database import Database

Item = dict[str, Any]


def item(app: str | None = None, fields: Item | None = None, **beside: str) -> Item:
    return {"manifest": manifest(app or new_id(), **(fields or {})), **beside}


def send(clerk: Clerk, mode: str, *items: Item, key: str | None = None) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    told: httpx.Response = clerk.http.post("/v1/batches", json={"mode": mode, "items": items}, headers=headers)
    return told


def reached(database: Database) -> int:
    with database.reading() as connection:
        number: int = connection.execute(text("SELECT revision FROM registry_revision")).scalar_one()
        return number


@pytest.mark.parametrize("mode", ["all", "each"])
def test_apps_are_registered_changed_or_left(clerk: Clerk, database: Database, mode: str) -> None:
    changed, same = clerk.register(), clerk.register()
    before = reached(database)
    new = new_id()
    told = clerk.done(
        send(
            clerk,
            mode,
            item(new, if_none_match="*", reason="示例登记"),
            item(changed, {"name": "新名"}, if_match=clerk.etag(f"/v1/apps/{changed}"), reason="示例变更"),
            item(same, if_match="*", reason="示例"),
        )
    )
    assert (told["done"], told["refused"]) == (3, 0)
    assert [(each["id"], each["status"]) for each in told["items"]] == [(new, 201), (changed, 200), (same, 200)]
    assert [each["app"]["revision"] for each in told["items"][:2]] == [before + 1, before + 2]
    assert reached(database) == before + 2
    assert clerk.get(f"/v1/apps/{changed}")["manifest"]["name"] == "新名"
    reasons = [clerk.get(f"/v1/apps/{app}/revisions")["items"][0]["reason"] for app in (new, changed)]
    assert reasons == ["示例登记", "示例变更"]
    assert clerk.etag(f"/v1/apps/{new}") == f'"{before + 1}"'


def faulty(clerk: Clerk) -> tuple[list[Item], list[str]]:
    """Items with something wrong in each, and where."""
    stale = clerk.register()
    old = clerk.etag(f"/v1/apps/{stale}")
    clerk.change(stale, name="别名")
    unreasoned, granted, blind = clerk.register(), clerk.register(stage="proposed"), clerk.register()
    clerk.grant(granted)
    items = [
        item(stale, {"name": "新名"}, if_match=old, reason="示例"),
        item(unreasoned, {"name": "新名"}, if_match="*"),
        item(granted, {"stage": "approved"}, if_match="*", reason="示例"),
        item(granted[:-1] + "z", {"sponsor": GRANT["granter"]}, if_match="*", reason="示例"),
        item(blind, {"name": "新名"}, reason="示例"),
    ]
    places = ["/if_match", "/reason", "/manifest/stage", "/if_match", "/if_match"]
    return items, [f"/items/{n + 1}{place}" for n, place in enumerate(places)]


def test_of_all_one_that_is_refused_keeps_all_from_being_written(clerk: Clerk, database: Database) -> None:
    items, places = faulty(clerk)
    before, new = reached(database), new_id()
    told = problem(send(clerk, "all", item(new), *items), 412)
    assert [fault["pointer"] for fault in told["errors"]] == places
    assert all(fault["remedy"] for fault in told["errors"])
    assert reached(database) == before
    assert clerk.http.get(f"/v1/apps/{new}").status_code == 404


def test_each_stands_for_itself(clerk: Clerk, database: Database) -> None:
    items, places = faulty(clerk)
    before, new, last = reached(database), new_id(), new_id()
    told = clerk.done(send(clerk, "each", item(new), *items, item(last)))
    assert (told["done"], told["refused"]) == (2, 5)
    assert [each["status"] for each in told["items"]] == [201, 412, 422, 409, 412, 428, 201]
    refused = [each["problem"] for each in told["items"] if each["problem"]]
    assert [each["errors"][0]["pointer"] for each in refused] == places
    assert all(each["app"] is None for each in told["items"] if each["problem"])
    # What was refused in between has taken no number.
    assert reached(database) == before + 2
    assert clerk.etag(f"/v1/apps/{last}") == f'"{before + 2}"'


@pytest.mark.parametrize("mode", ["all", "each"])
def test_what_is_no_manifest_is_told_at_its_place(clerk: Clerk, mode: str) -> None:
    twice = new_id()
    wrong = [
        item(new_id(), {"asks": [{"name": "示例", "form": "smoke"}]}),
        item(twice),
        item(twice, {"name": "新名"}),
        {"manifest": {"manifest": "1", "name": "示例"}},
        item(new_id(), {"name": 10**30}),
    ]
    answer = send(clerk, mode, *wrong)
    if mode == "all":
        told = problem(answer, 422)["errors"]
        assert clerk.http.get(f"/v1/apps/{twice}").status_code == 404
    else:
        told = [fault for each in clerk.done(answer)["items"] if each["problem"] for fault in each["problem"]["errors"]]
        assert clerk.get(f"/v1/apps/{twice}")["manifest"]["name"] == "示例应用"
    pointers = [fault["pointer"] for fault in told]
    assert pointers == [
        "/items/0/manifest/asks/0/form",
        "/items/2/manifest/id",
        "/items/3/manifest/id",
        "/items/4/manifest/name",
    ]


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"mode": "all", "items": []}, 422, "/items"),
        ({"mode": "some", "items": [{"manifest": {}}]}, 422, "/mode"),
        ({"mode": "all", "items": [{"manifest": {}}] * (MAX_ITEMS + 1)}, 422, "/items"),
        ({"mode": "all", "items": [{"manifest": {}, "if_match": 1}]}, 422, "/items/0/if_match"),
        ({"mode": "all", "items": [{"manifest": {}, "else": 1}]}, 422, "/items/0/else"),
        ([], 422, ""),
    ],
)
def test_what_is_no_batch_is_refused(clerk: Clerk, body: Any, status: int, pointer: str) -> None:  # noqa: ANN401 - any JSON
    problem(clerk.http.post("/v1/batches", json=body), status, pointer)


def test_a_condition_that_cannot_be_read_is_told(clerk: Clerk) -> None:
    problem(send(clerk, "all", item(clerk.register(), if_match="unquoted", reason="示例")), 400, "/items/0/if_match")


def test_json_is_read_strictly(clerk: Clerk) -> None:
    app = new_id()
    body = f'{{"mode":"all","items":[{{"manifest":{{"manifest":"1","id":"{app}","name":"a","name":"b"}}}}]}}'
    answer = clerk.http.post("/v1/batches", content=body, headers={"Content-Type": "application/json"})
    problem(answer, 400, "/items/0/manifest/name")


class TestOnce:
    def test_a_batch_that_is_sent_again_is_not_done_again(self, clerk: Clerk, database: Database) -> None:
        app, key = clerk.register(), secrets.token_hex(8)
        items = (
            item(),
            item(app, {"name": "新名"}, if_match=clerk.etag(f"/v1/apps/{app}"), reason="示例"),
            item(app[:-1] + "z", if_match="*"),
        )
        first = send(clerk, "each", *items, key=key)
        assert clerk.done(first)["done"] == 2
        before = reached(database)
        again = send(clerk, "each", *items, key=key)
        assert again.content == first.content
        assert again.headers["Idempotency-Replayed"] == "true"
        assert reached(database) == before

    @pytest.mark.parametrize("mode", ["all", "each"])
    def test_one_that_did_nothing_can_be_corrected_under_its_key(self, clerk: Clerk, mode: str) -> None:
        app, key = new_id(), secrets.token_hex(8)
        wrong = send(clerk, mode, item(app, if_match='"1"'), key=key)
        assert wrong.status_code == {"all": 412, "each": 200}[mode]
        assert clerk.done(send(clerk, mode, item(app), key=key))["done"] == 1


def test_a_stage_that_needs_another_scope_is_refused_in_a_batch_too(settings: RegistrySettings) -> None:
    tokens = {hashlib.sha256(b"writer").hexdigest(): {"name": "示例", "scopes": ["read", "write"]}}
    own = settings.model_validate({**settings.model_dump(exclude_unset=True), "web": {"tokens": tokens}})
    with TestClient(create_service(own), headers={"Authorization": "Bearer writer"}) as http:
        clerk = Clerk(http)
        told = clerk.done(send(clerk, "each", item(new_id(), {"stage": "approved"}), item()))
        assert [each["status"] for each in told["items"]] == [403, 201]
        assert told["items"][0]["problem"]["errors"][0]["pointer"] == "/items/0"
