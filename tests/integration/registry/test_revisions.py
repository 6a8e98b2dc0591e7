"""The history of apps and grants over HTTP: who, why, when, what was there, and what it became."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jsonpatch
import pytest

from tests.integration.registry.clerk import Clerk, manifest, new_id, problem

if TYPE_CHECKING:
    from starlette.testclient import TestClient


def test_a_revision_tells_who_why_and_what(clerk: Clerk) -> None:
    app = clerk.register(asks=[{"code": "a"}, {"code": "b"}])
    revision = clerk.change(app, asks=[{"code": "b"}], name="新名")["revision"]
    told = clerk.get(f"/v1/apps/{app}/revisions/{revision}")
    assert told["before"] == manifest(app, asks=[{"code": "a"}, {"code": "b"}])
    assert told["after"] == manifest(app, asks=[{"code": "b"}], name="新名")
    assert jsonpatch.apply_patch(told["before"], told["difference"]) == told["after"]
    assert {key: told[key] for key in ("noun", "id", "app", "action", "who", "reason")} == {
        "noun": "app",
        "id": app,
        "app": app,
        "action": "change",
        "who": "anonymous",
        "reason": "示例变更",
    }


def test_a_history_begins_with_nothing_and_ends_with_nothing(clerk: Clerk) -> None:
    app = clerk.register()
    clerk.grant(app)  # has a history of its own
    gone = clerk.withdraw(app)["revision"]
    page = clerk.get(f"/v1/apps/{app}/revisions", order="oldest")
    assert [(each["action"], each["difference"]) for each in page["items"]] == [("register", None), ("withdraw", None)]
    first = clerk.get(f"/v1/apps/{app}/revisions/{page['items'][0]['revision']}")
    assert (first["before"], first["after"]) == (None, manifest(app))
    last = clerk.get(f"/v1/apps/{app}/revisions/{gone}")
    assert (last["before"], last["after"], last["reason"]) == (manifest(app), None, "示例撤回")


def test_a_grant_has_its_own(clerk: Clerk) -> None:
    app = clerk.register()
    grant = clerk.grant(app)
    place = f"/v1/apps/{app}/grants/{grant['id']}"
    revoked = {"revoked_on": "2025-06-01", "reason": "示例撤销"}
    clerk.done(clerk.http.post(f"{place}/revoke", json=revoked, headers={"If-Match": clerk.etag(place)}))
    newest, oldest = clerk.get(f"{place}/revisions")["items"]
    assert (newest["action"], newest["reason"], newest["id"], newest["app"]) == ("revoke", "示例撤销", grant["id"], app)
    assert newest["difference"] == [{"op": "add", "path": "/revoked_on", "value": "2025-06-01"}]
    assert (oldest["action"], oldest["difference"]) == ("grant", None)
    assert clerk.get(f"{place}/revisions/{newest['revision']}")["after"]["revoked_on"] == "2025-06-01"


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_pages_are_of_one_history_whatever_is_written_meanwhile(clerk: Clerk, order: str) -> None:
    app = clerk.register()
    revisions = [clerk.change(app, name=f"第{n}版")["revision"] for n in range(4)]
    first = clerk.get(f"/v1/apps/{app}/revisions", order=order, limit=2)
    clerk.change(app, name="更新")
    pages = [first]
    while pages[-1]["next"]:
        pages.append(clerk.get(f"/v1/apps/{app}/revisions", order=order, limit=2, cursor=pages[-1]["next"]))
    told = [each["revision"] for page in pages for each in page["items"]]
    assert told == sorted(told, reverse=order == "newest")
    assert set(told) > set(revisions)
    assert {(page["total"], page["revision"]) for page in pages} == {(5, first["revision"])}


def test_a_revision_is_had_once(clerk: Clerk) -> None:
    app = clerk.register()
    place = f"/v1/apps/{app}/revisions/{clerk.get(f'/v1/apps/{app}')['revision']}"
    assert clerk.http.get(place, headers={"If-None-Match": clerk.etag(place)}).status_code == 304


def test_what_is_not_there_is_not_found(clerk: Clerk) -> None:
    app, other = clerk.register(), clerk.register()
    grant = clerk.grant(app)
    theirs = clerk.get(f"/v1/apps/{other}")["revision"]
    for place in (
        f"/v1/apps/{new_id()}/revisions",
        f"/v1/apps/{app}/revisions/{theirs}",
        f"/v1/apps/{app}/revisions/{grant['revision']}",
        f"/v1/apps/{other}/grants/{grant['id']}/revisions",
        f"/v1/apps/{app}/grants/{grant['id']}/revisions/{theirs}",
        f"/v1/apps/{app}/revisions/{10**17}",
    ):
        problem(clerk.http.get(place), 404)


def test_a_cursor_belongs_to_its_history_and_its_order(clerk: Clerk) -> None:
    app, other = clerk.register(), clerk.register()
    clerk.change(app, name="新名")
    clerk.change(other, name="新名")
    cursor = clerk.get(f"/v1/apps/{app}/revisions", limit=1)["next"]
    for whose, order in ((other, "newest"), (app, "oldest")):
        asked = {"cursor": cursor, "order": order}
        problem(clerk.http.get(f"/v1/apps/{whose}/revisions", params=asked), 400, "?cursor")


def test_mistakes_are_told_at_their_place(http: TestClient) -> None:
    problem(http.get("/v1/apps/x/revisions", params={"order": "up"}), 422, "?order")
    problem(http.get("/v1/apps/x/revisions", params={"limit": 101}), 422, "?limit")
    problem(http.get("/v1/apps/x/revisions/0"), 422, "{revision}")
