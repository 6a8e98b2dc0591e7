"""Grants over HTTP: who may give what, reading them, revoking them, and what neighbourhoods tell of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from services.registry.main import create_service
from tests.integration.registry.clerk import GRANT, Clerk, manifest, new_id, problem

if TYPE_CHECKING:
    from services.registry.settings import RegistrySettings

CODE = "11330000MB0000001L"


def without(field: str) -> dict[str, Any]:
    return {name: value for name, value in GRANT.items() if name != field}


def test_a_grant_is_recorded_and_read_back(clerk: Clerk) -> None:
    app = clerk.register()
    answer = clerk.http.post(f"/v1/apps/{app}/grants", json=GRANT)
    told = clerk.done(answer, 201)
    assert told == {**GRANT, "id": told["id"], "app": app, "revision": told["revision"], "revoked_on": None}
    place = f"/v1/apps/{app}/grants/{told['id']}"
    assert answer.headers["Location"] == place
    read = clerk.http.get(place)
    assert read.json() == told
    assert read.headers["ETag"] == answer.headers["ETag"] == f'"{told["revision"]}"'
    assert clerk.http.get(place, headers={"If-None-Match": read.headers["ETag"]}).status_code == 304


def test_a_grant_changes_the_registry_revision_and_not_the_app(clerk: Clerk) -> None:
    app = clerk.register()
    before = clerk.get(f"/v1/apps/{app}")
    grant = clerk.grant(app)
    assert grant["revision"] == before["revision"] + 1
    assert clerk.get(f"/v1/apps/{app}") == before


def test_grants_are_listed_in_the_order_of_recording(clerk: Clerk) -> None:
    app = clerk.register()
    clerk.grant(clerk.register())
    ids = [clerk.grant(app)["id"] for _ in range(3)]
    place = f"/v1/apps/{app}/grants"
    first = clerk.http.get(place, params={"limit": 2})
    assert (first.json()["total"], [each["id"] for each in first.json()["items"]]) == (3, ids[:2])
    following = clerk.done(clerk.http.get(first.headers["Link"][1:].partition(">")[0]))
    assert (following["total"], [each["id"] for each in following["items"]], following["next"]) == (3, ids[2:], None)
    tag = clerk.etag(place)
    assert clerk.http.get(place, headers={"If-None-Match": tag}).status_code == 304
    clerk.grant(app)
    assert clerk.http.get(place, headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize(
    ("terms", "pointer"),
    [
        ({"kind": "derogation"}, "/provision"),
        ({"provision": "12.1"}, "/provision"),
        ({"until_on": "2025-01-05"}, "/until_on"),
        ({"basis": {}}, "/basis"),
        ({"basis": {"article": "第一条"}}, "/basis"),
        ({"granter": {"name": "示例市 数据局"}}, "/granter/name"),
        ({"granter": {"name": "示例市信息中心", "root_organ": "示例市数据局"}}, "/granter/root_organ"),
        ({"granter": {"name": "示例市信息中心", "credit_code": CODE}}, "/granter/credit_code"),
        ({"granter": {"name": "示例市信息中心", "credit_code": "11330000MB0000001X"}}, "/granter/credit_code"),
        ({"granter": "示例市发展和改革局"}, "/granter"),
        ({"feature": "absent"}, "/feature"),
        ({"item": "code=absent"}, "/item"),
        ({"item": "name=　"}, "/item"),
        ({"item": "absent"}, "/item"),
        ({"item": "code=i-1", "feature": "f-1"}, "/item"),
        ({"granted_on": "2025-02-30"}, "/granted_on"),
        ({"granted_on": 20000}, "/granted_on"),
        ({"granted_on": "2025-01-06T00:00:00"}, "/granted_on"),
        ({"kind": "favour"}, "/kind"),
        ({"reason": "a\x00b"}, "/reason"),
        ({"basis": {"title": "a\x00b"}}, "/basis/title"),
        ({"until": "2025-01-05"}, "/until"),
    ],
)
def test_a_grant_with_a_mistake_is_refused_at_its_place(clerk: Clerk, terms: dict[str, Any], pointer: str) -> None:
    sponsor = {"name": "示例市数据局", "credit_code": CODE}
    app = clerk.register(sponsor=sponsor, features=[{"id": "f-1"}], asks=[{"code": "i-1"}])
    problem(clerk.http.post(f"/v1/apps/{app}/grants", json={**GRANT, **terms}), 422, pointer)
    assert clerk.get(f"/v1/apps/{app}/grants")["total"] == 0


@pytest.mark.parametrize("field", sorted(GRANT))
def test_every_term_of_a_grant_is_needed(clerk: Clerk, field: str) -> None:
    problem(clerk.http.post(f"/v1/apps/{clerk.register()}/grants", json=without(field)), 422, f"/{field}")


def test_all_that_is_wrong_is_told_at_once(clerk: Clerk) -> None:
    terms = {"until_on": "2024-01-01", "provision": "12.1", "granter": {"name": "示例市数据局"}}
    answer = clerk.http.post(f"/v1/apps/{clerk.register()}/grants", json={**GRANT, **terms})
    assert {fault["pointer"] for fault in problem(answer, 422)["errors"]} == {
        "/until_on",
        "/provision",
        "/granter/name",
    }


def test_nothing_is_granted_to_an_app_whose_sponsor_nobody_knows(clerk: Clerk) -> None:
    app = clerk.register(sponsor={"level": "city"})
    problem(clerk.http.post(f"/v1/apps/{app}/grants", json=GRANT), 422, "/granter")


def test_scopes_are_not_checked_against_what_is_not_declared(clerk: Clerk) -> None:
    app = clerk.register()
    assert clerk.grant(app, kind="necessity", feature="f-1")["feature"] == "f-1"
    assert clerk.grant(app, kind="derogation", provision="12.6", item="name=受灾 人口数")["item"] == "name=受灾人口数"


def test_a_sponsor_cannot_become_the_granter_of_its_own_grant(clerk: Clerk) -> None:
    app = clerk.register()
    clerk.grant(app)
    headers = {"If-Match": clerk.etag(f"/v1/apps/{app}")}
    for sponsor in ({"name": "示例市发展和改革局"}, {"name": "示例中心", "root_organ": "示例市发展和改革局"}, {}):
        document = manifest(app, sponsor=sponsor)
        answer = clerk.http.put(f"/v1/apps/{app}", json=document, params={"reason": "变更"}, headers=headers)
        problem(answer, 409, "/sponsor")
    clerk.change(app, name="新名")


def test_nothing_is_granted_to_a_withdrawn_app(clerk: Clerk) -> None:
    app = clerk.register()
    grant = clerk.grant(app)
    clerk.withdraw(app)
    problem(clerk.http.post(f"/v1/apps/{app}/grants", json=GRANT), 409, "{id}")
    assert clerk.get(f"/v1/apps/{app}/grants")["items"] == [grant]


def test_an_app_or_grant_that_is_not_there_is_not_found(clerk: Clerk) -> None:
    app, other = clerk.register(), clerk.register()
    grant = clerk.grant(other)["id"]
    problem(clerk.http.get(f"/v1/apps/{new_id()}/grants"), 404)
    problem(clerk.http.post(f"/v1/apps/{new_id()}/grants", json=GRANT), 404)
    problem(clerk.http.get(f"/v1/apps/{app}/grants/{grant}"), 404)
    problem(clerk.http.get(f"/v1/apps/{app}/grants/{'g' + '9' * 18}"), 404)
    problem(clerk.http.get(f"/v1/apps/{app}/grants/x"), 422, "{grant}")
    revocation = {"revoked_on": "2025-06-01", "reason": "撤销"}
    problem(clerk.http.post(f"/v1/apps/{app}/grants/{grant}/revoke", json=revocation), 404)


class TestRevocation:
    def revoke(self, clerk: Clerk, grant: dict[str, Any], revoked_on: str) -> dict[str, Any]:
        place = f"/v1/apps/{grant['app']}/grants/{grant['id']}"
        body = {"revoked_on": revoked_on, "reason": "示例撤销"}
        return clerk.done(clerk.http.post(f"{place}/revoke", json=body, headers={"If-Match": clerk.etag(place)}))

    def test_a_revoked_grant_counts_until_the_day_before(self, clerk: Clerk) -> None:
        app = clerk.register()
        kept, ended, annulled = (clerk.grant(app, until_on="2026-12-31") for _ in range(3))
        revoked = self.revoke(clerk, ended, "2025-06-01")
        assert revoked == {**ended, "revoked_on": "2025-06-01", "revision": revoked["revision"]}
        self.revoke(clerk, annulled, "2025-01-06")
        told = clerk.neighbourhood(app)["grants"]
        assert [(each["id"], each["until_on"]) for each in told] == [
            (kept["id"], "2026-12-31"),
            (ended["id"], "2025-05-31"),
        ]
        assert clerk.get(f"/v1/apps/{app}/grants")["total"] == 3

    def test_it_needs_a_reason_a_day_and_the_version(self, clerk: Clerk) -> None:
        grant = clerk.grant(clerk.register(), until_on="2025-12-31")
        place = f"/v1/apps/{grant['app']}/grants/{grant['id']}"
        headers = {"If-Match": clerk.etag(place)}

        def revoke(body: dict[str, str], headers: dict[str, str]) -> Any:  # noqa: ANN401 - httpx's
            return clerk.http.post(f"{place}/revoke", json=body, headers=headers)

        problem(revoke({"revoked_on": "2025-06-01"}, headers), 422, "/reason")
        problem(revoke({"reason": "撤销"}, headers), 422, "/revoked_on")
        problem(revoke({"reason": "撤销", "revoked_on": "2026-01-01"}, headers), 422, "/revoked_on")
        problem(revoke({"reason": "撤销", "revoked_on": "2025-06-01"}, {}), 428, "If-Match:")
        problem(revoke({"reason": "撤销", "revoked_on": "2025-06-01"}, {"If-Match": '"0"'}), 412, "If-Match:")
        assert clerk.get(place)["revoked_on"] is None
        clerk.done(revoke({"reason": "撤销", "revoked_on": "0001-01-01"}, headers))
        problem(revoke({"reason": "撤销", "revoked_on": "2025-06-01"}, {"If-Match": clerk.etag(place)}), 409, "{grant}")


def test_only_competent_authorities_grant_where_they_are_listed(settings: RegistrySettings) -> None:
    competent = {"approval": ["示例省 发展和改革委员会", CODE]}
    limited = settings.model_validate({**settings.model_dump(exclude_unset=True), "competent_authorities": competent})
    with TestClient(create_service(limited)) as http:
        clerk = Clerk(http)
        app = clerk.register()
        problem(http.post(f"/v1/apps/{app}/grants", json=GRANT), 422, "/granter/name")
        clerk.grant(app, granter={"name": "示例省发展和改革委员会"})
        clerk.grant(app, granter={"name": "示例市发展和改革局", "credit_code": CODE})
        clerk.grant(app, kind="necessity")


def test_what_is_not_granted_yet_is_not_recorded(clerk: Clerk) -> None:
    app = clerk.register()
    refused = clerk.http.post(f"/v1/apps/{app}/grants", json={**GRANT, "granted_on": "2099-01-06"})
    [fault] = problem(refused, 422, "/granted_on")["errors"]
    assert "2099-01-06" in fault["detail"]
