"""Apps over HTTP: registering, changing, reading, withdrawing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from services.manifest.model import canonical, fingerprint
from tests import world
from tests.integration.registry.clerk import Clerk, manifest, new_id, problem

if TYPE_CHECKING:
    from starlette.testclient import TestClient

YAML = """\
manifest: "1"
id: {app}
name: 示例应用
regions: ["330000"]
"""


def test_a_new_app_is_registered_and_read_back_as_it_was_declared(clerk: Clerk) -> None:
    document = {**world.load(world.RULES / "exemplary.yaml")["local"]["app"], "id": (app := new_id())}
    answer = clerk.http.put(f"/v1/apps/{app}", json=document, headers={"If-None-Match": "*"})
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/apps/{app}"
    assert answer.headers["ETag"] == f'"{answer.json()["revision"]}"'

    read = clerk.http.get(f"/v1/apps/{app}")
    assert read.headers["ETag"] == answer.headers["ETag"]
    told = read.json()
    stated = canonical(world.manifest(document))
    assert told["hash"] == fingerprint(stated) == answer.json()["hash"]
    assert canonical(world.manifest(told["manifest"])) == stated
    assert told["registered_at"] == told["changed_at"]
    assert told["withdrawn_at"] is told["withdrawn_by"] is told["withdrawal_reason"] is None


def test_a_manifest_may_be_yaml(clerk: Clerk) -> None:
    app = new_id()
    answer = clerk.http.put(
        f"/v1/apps/{app}", content=YAML.format(app=app).encode(), headers={"Content-Type": "application/yaml"}
    )
    assert answer.status_code == 201
    assert clerk.get(f"/v1/apps/{app}")["manifest"] == {
        "manifest": "1",
        "id": app,
        "name": "示例应用",
        "regions": ["33"],
    }


def test_a_change_makes_a_new_revision(clerk: Clerk) -> None:
    app = clerk.register(name="旧名")
    first = clerk.get(f"/v1/apps/{app}")
    changed = clerk.change(app, name="新名")
    now = clerk.get(f"/v1/apps/{app}")
    assert now["manifest"]["name"] == "新名"
    assert now["revision"] == changed["revision"] > first["revision"]
    assert now["registered_at"] == first["registered_at"] <= now["changed_at"]


def test_the_same_manifest_again_changes_nothing(clerk: Clerk) -> None:
    app = clerk.register()
    before = clerk.http.get(f"/v1/apps/{app}")
    again = clerk.http.put(
        f"/v1/apps/{app}",
        json=dict(reversed(manifest(app).items())),
        params={"reason": "再次提交"},
        headers={"If-Match": before.headers["ETag"]},
    )
    assert again.status_code == 200
    assert again.headers["ETag"] == before.headers["ETag"]
    assert clerk.get(f"/v1/apps/{app}") == before.json()


def test_an_unchanged_app_is_not_sent_again(clerk: Clerk) -> None:
    app = clerk.register()
    tag = clerk.etag(f"/v1/apps/{app}")
    answer = clerk.http.get(f"/v1/apps/{app}", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", tag)
    clerk.change(app, name="新名")
    assert clerk.http.get(f"/v1/apps/{app}", headers={"If-None-Match": tag}).status_code == 200


class TestPreconditions:
    def test_a_change_without_if_match_is_refused(self, clerk: Clerk) -> None:
        app = clerk.register()
        answer = clerk.http.put(f"/v1/apps/{app}", json=manifest(app, name="新名"), params={"reason": "变更"})
        problem(answer, 428, "If-Match:")

    def test_a_change_of_another_version_is_refused(self, clerk: Clerk) -> None:
        app = clerk.register()
        stale = clerk.etag(f"/v1/apps/{app}")
        clerk.change(app, name="新名")
        answer = clerk.http.put(
            f"/v1/apps/{app}", json=manifest(app), params={"reason": "变更"}, headers={"If-Match": stale}
        )
        problem(answer, 412, "If-Match:")
        assert clerk.get(f"/v1/apps/{app}")["manifest"]["name"] == "新名"

    def test_an_app_that_must_be_new_and_is_not_is_refused(self, clerk: Clerk) -> None:
        app = clerk.register()
        answer = clerk.http.put(f"/v1/apps/{app}", json=manifest(app), headers={"If-None-Match": "*"})
        problem(answer, 412, "If-None-Match:")

    def test_a_change_of_an_app_that_is_not_there_is_refused(self, clerk: Clerk) -> None:
        app = new_id()
        answer = clerk.http.put(f"/v1/apps/{app}", json=manifest(app), headers={"If-Match": '"1"'})
        problem(answer, 412, "If-Match:")
        assert clerk.http.get(f"/v1/apps/{app}").status_code == 404

    def test_a_change_needs_a_reason(self, clerk: Clerk) -> None:
        app = clerk.register()
        headers = {"If-Match": clerk.etag(f"/v1/apps/{app}")}
        answer = clerk.http.put(f"/v1/apps/{app}", json=manifest(app, name="新名"), headers=headers)
        problem(answer, 422, "?reason")


class TestWithdrawal:
    def test_a_withdrawn_app_stays_readable_and_says_so(self, clerk: Clerk) -> None:
        app = clerk.register(name="将撤回")
        revision = clerk.withdraw(app)["revision"]
        told = clerk.get(f"/v1/apps/{app}")
        assert told["manifest"]["name"] == "将撤回"
        assert told["revision"] == revision
        assert told["withdrawn_at"] == told["changed_at"] > told["registered_at"]
        assert (told["withdrawn_by"], told["withdrawal_reason"]) == ("anonymous", "示例撤回")

    def test_it_can_neither_be_changed_nor_registered_nor_withdrawn_again(self, clerk: Clerk) -> None:
        app = clerk.register()
        clerk.withdraw(app)
        headers = {"If-Match": clerk.etag(f"/v1/apps/{app}")}
        place = f"/v1/apps/{app}"
        again = clerk.http.put(place, json=manifest(app), params={"reason": "再来"}, headers=headers)
        problem(again, 409, "{id}")
        problem(clerk.http.put(place, json=manifest(app), headers={"If-None-Match": "*"}), 409, "{id}")
        problem(clerk.http.post(f"{place}/withdraw", json={"reason": "再撤"}, headers=headers), 409, "{id}")
        problem(clerk.http.post(f"{place}/grants", json={}), 422)

    def test_a_reason_and_the_version_are_needed(self, clerk: Clerk) -> None:
        app = clerk.register()
        place = f"/v1/apps/{app}/withdraw"
        headers = {"If-Match": clerk.etag(f"/v1/apps/{app}")}
        problem(clerk.http.post(place, json={}, headers=headers), 422, "/reason")
        problem(clerk.http.post(place, json={"reason": ""}, headers=headers), 422, "/reason")
        problem(clerk.http.post(place, json={"reason": "撤回"}), 428, "If-Match:")
        problem(clerk.http.post(place, json={"reason": "撤回"}, headers={"If-Match": '"0"'}), 412, "If-Match:")
        assert clerk.get(f"/v1/apps/{app}")["withdrawn_at"] is None

    def test_an_app_that_is_not_there_cannot_be_withdrawn(self, clerk: Clerk) -> None:
        answer = clerk.http.post(f"/v1/apps/{new_id()}/withdraw", json={"reason": "撤回"}, headers={"If-Match": '"1"'})
        problem(answer, 404)


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"name": "没有标识"}, "/id"),
        ({"id": "other-app"}, "/id"),
        ({"nmae": "写错"}, "/nmae"),
        ({"kind": "website"}, "/kind"),
        ({"sponsor": {"level": "region"}}, "/sponsor/level"),
        ({"regions": ["778899"]}, "/regions/0"),
        ({"sponsor": {"credit_code": "11330000MB000000X0"}}, "/sponsor/credit_code"),
        ({"begun_on": "2025-02-30"}, "/begun_on"),
        ({"name": "有\x00空字符"}, "/name"),
    ],
)
def test_a_manifest_with_a_mistake_is_refused_at_its_place_and_not_stored(
    clerk: Clerk, document: dict[str, Any], pointer: str
) -> None:
    app = new_id()
    sent = {"manifest": "1", **({} if "name" in document else {"id": app}), **document}
    problem(clerk.http.put(f"/v1/apps/{app}", json=sent), 422, pointer)
    assert clerk.http.get(f"/v1/apps/{app}").status_code == 404


@pytest.mark.parametrize("app", ["Capital", "a%2Fb", "-x", "a b", "x" * 65, "%00", "中文", "a%0A"])
def test_an_id_that_can_be_none_is_refused(http: TestClient, app: str) -> None:
    assert http.get(f"/v1/apps/{app}").status_code in {404, 422}
    assert http.put(f"/v1/apps/{app}", json={"manifest": "1", "id": "x"}).status_code in {404, 422}


def test_a_manifest_that_makes_too_many_offers_is_refused(clerk: Clerk) -> None:
    towns = [f"330783{town:03}" for town in range(101, 134)]
    asks = [{"code": f"item-{n}"} for n in range(400)]
    answer = clerk.http.put(f"/v1/apps/{(app := new_id())}", json=manifest(app, regions=towns, asks=asks))
    problem(answer, 422, "/regions")
