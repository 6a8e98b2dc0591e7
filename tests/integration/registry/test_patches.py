"""PATCH of an app: a merge patch, and the whole manifest that results is held to all that a PUT is held to."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.registry.clerk import Clerk, manifest, new_id, problem

if TYPE_CHECKING:
    import httpx

MERGE_PATCH = "application/merge-patch+json"


def patch(clerk: Clerk, app: str, change: Any, **headers: str) -> httpx.Response:  # noqa: ANN401 - any JSON document
    told: httpx.Response = clerk.http.request(
        "PATCH",
        f"/v1/apps/{app}",
        content=json.dumps(change),
        params={"reason": "示例变更"},
        headers={"Content-Type": MERGE_PATCH, "If-Match": clerk.etag(f"/v1/apps/{app}"), **headers},
    )
    return told


def manifest_of(clerk: Clerk, app: str) -> dict[str, Any]:
    found: dict[str, Any] = clerk.get(f"/v1/apps/{app}")["manifest"]
    return found


def test_fields_change_and_null_takes_a_declaration_back(clerk: Clerk) -> None:
    app = clerk.register(sector="教育", stage="online")
    before = manifest_of(clerk, app)
    answer = patch(clerk, app, {"name": "新名", "sector": None, "sponsor": {"root_organ": None}})
    assert clerk.done(answer)["name"] == "新名"
    sponsor = {name: value for name, value in before["sponsor"].items() if name != "root_organ"}
    after = manifest_of(clerk, app)
    assert after == {**{k: v for k, v in before.items() if k != "sector"}, "name": "新名", "sponsor": sponsor}
    newest = clerk.get(f"/v1/apps/{app}/revisions")["items"][0]
    assert (newest["action"], newest["reason"]) == ("change", "示例变更")
    assert answer.headers["ETag"] == clerk.etag(f"/v1/apps/{app}")


def test_lists_are_replaced_as_a_whole(clerk: Clerk) -> None:
    app = clerk.register(features=[{"id": "a", "name": "甲"}, {"id": "b", "name": "乙"}])
    clerk.done(patch(clerk, app, {"features": [{"id": "c", "name": "丙"}]}))
    assert [feature["id"] for feature in manifest_of(clerk, app)["features"]] == ["c"]


def test_what_changes_nothing_makes_no_revision(clerk: Clerk) -> None:
    app = clerk.register()
    tag = clerk.etag(f"/v1/apps/{app}")
    assert patch(clerk, app, {}).headers["ETag"] == tag
    assert clerk.etag(f"/v1/apps/{app}") == tag


@pytest.mark.parametrize(
    ("change", "status", "pointer"),
    [
        ({"sponsor": {"level": "galaxy"}}, 422, "/sponsor/level"),
        ({"features": [{"id": "a"}, {"id": "a"}]}, 422, "/features/1/id"),
        ({"unheard_of": 1}, 422, "/unheard_of"),
        ({"id": "another"}, 422, "/id"),
        ({"id": None}, 422, "/id"),
        ([], 422, ""),
        (None, 422, ""),
        ({"stage": "approved"}, 409, "/stage"),
        ({"stage": None}, 409, "/stage"),
    ],
)
def test_the_result_is_judged_like_a_manifest_that_is_sent(
    clerk: Clerk,
    change: Any,  # noqa: ANN401 - any JSON document
    status: int,
    pointer: str,
) -> None:
    app = clerk.register(stage="proposed")
    tag = clerk.etag(f"/v1/apps/{app}")
    told = problem(patch(clerk, app, change), status, pointer)
    assert not re.search(r"第 \d+ 行", told["errors"][0]["detail"])  # no line of a text that nobody has sent
    assert clerk.etag(f"/v1/apps/{app}") == tag


def test_a_sponsor_cannot_become_its_own_granter_by_a_patch(clerk: Clerk) -> None:
    app = clerk.register()
    clerk.grant(app)
    problem(patch(clerk, app, {"sponsor": {"name": "示例市发展和改革局"}}), 409, "/sponsor")


def test_it_is_based_on_a_version(clerk: Clerk) -> None:
    app = clerk.register()
    old = clerk.etag(f"/v1/apps/{app}")
    clerk.change(app, name="别名")
    problem(patch(clerk, app, {"name": "新名"}, **{"If-Match": old}), 412, "If-Match:")
    body: dict[str, Any] = {"content": b"{}", "params": {"reason": "示例"}, "headers": {"Content-Type": MERGE_PATCH}}
    problem(clerk.http.request("PATCH", f"/v1/apps/{app}", **body), 428, "If-Match:")
    assert clerk.done(patch(clerk, app, {"name": "新名"}, **{"If-Match": "*"}))["name"] == "新名"


def test_it_needs_a_reason_a_thing_and_its_media_type(clerk: Clerk) -> None:
    app = clerk.register()
    headers = {"If-Match": "*", "Content-Type": MERGE_PATCH}
    problem(clerk.http.request("PATCH", f"/v1/apps/{app}", json={}, headers=headers), 422, "?reason")
    reason = {"reason": "示例"}
    problem(clerk.http.request("PATCH", "/v1/apps/none", json={}, headers=headers, params=reason), 404)
    answer = patch(clerk, app, {}, **{"Content-Type": "application/json"})
    problem(answer, 415, "Content-Type:")
    assert answer.headers["Accept-Patch"] == MERGE_PATCH


@pytest.mark.parametrize("body", [b"", b"{", b'{"name": "a", "name": "b"}', b'{"name": NaN}', b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_told_where(clerk: Clerk, body: bytes) -> None:
    app = clerk.register()
    headers = {"If-Match": "*", "Content-Type": MERGE_PATCH}
    request: dict[str, Any] = {"content": body, "headers": headers, "params": {"reason": "示例"}}
    problem(clerk.http.request("PATCH", f"/v1/apps/{app}", **request), 400)


@pytest.mark.parametrize("body", [b'{"name": 1e999}', b'{"name": "\\ud800"}', b'{"name": 1' + b"0" * 400 + b"}"])
def test_what_no_manifest_can_hold_is_refused(clerk: Clerk, body: bytes) -> None:
    app = clerk.register()
    headers = {"If-Match": "*", "Content-Type": MERGE_PATCH}
    request: dict[str, Any] = {"content": body, "headers": headers, "params": {"reason": "示例"}}
    problem(clerk.http.request("PATCH", f"/v1/apps/{app}", **request), 422, "/name")


def test_a_withdrawn_app_stays_as_it_is(clerk: Clerk) -> None:
    app = clerk.register()
    clerk.withdraw(app)
    problem(patch(clerk, app, {"name": "新名"}), 409)


def test_a_blank_reason_is_none(clerk: Clerk) -> None:
    app = clerk.register()
    headers = {"Content-Type": MERGE_PATCH, "If-Match": clerk.etag(f"/v1/apps/{app}")}
    place = f"/v1/apps/{app}"
    for reason in (" ", "\u3000 "):
        answer = clerk.http.patch(place, content='{"name": "新名"}', params={"reason": reason}, headers=headers)
        problem(answer, 422, "?reason")
    told = clerk.http.post(f"{place}/withdraw", json={"reason": " "}, headers={"If-Match": headers["If-Match"]})
    problem(told, 422, "/reason")


def test_a_division_that_is_not_valid_today_is_told_by_patch_and_batch_as_by_put(clerk: Clerk) -> None:
    app = clerk.register()
    outdated = {"sponsor": {"name": "示例局", "division": "330103"}}
    [note] = clerk.done(patch(clerk, app, outdated))["notes"]
    assert note["pointer"] == "/sponsor/division"
    batch = {"mode": "each", "items": [{"manifest": manifest(new_id(), **outdated)}]}
    assert clerk.done(clerk.http.post("/v1/batches", json=batch))["items"][0]["app"]["notes"] == [note]
