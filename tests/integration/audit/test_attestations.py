"""Attestations: what was observed contradicts what is declared, and is followed until it does not."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from services.audit.clock import today
from tests.integration.audit.inspector import PERSON, PLAN, RULE, Inspector, done, forced

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from tests.integration.audit.conftest import Registry

Document = dict[str, Any]
PLACE = "/features/1/forced"
BASIS = "示例现场检查笔录〔2026〕3号"


@pytest.fixture
def inspector(http: TestClient) -> Inspector:
    return Inspector(http, {})


@pytest.fixture
def document(registry: Registry) -> Document:
    """An app that declares checking in to be free, registered."""
    declared = forced()
    declared["features"][1] |= {"forced": False, "all_users": False, "decline": {"how": "可不签到", "costs": []}}
    registry.register(declared)
    return declared


def attest(inspector: Inspector, registry: Registry, document: Document, **more: Any) -> Any:  # noqa: ANN401 - an answer
    body = {
        "app": document["id"],
        "revision": registry.apps.get(document["id"], [(1, {})])[-1][0],
        "place": PLACE,
        "observed": True,
        "observed_on": today().isoformat(),
        "person": PERSON,
        "basis": BASIS,
        **more,
    }
    return inspector.http.post("/v1/attestations", json=body)


def test_it_is_a_finding_of_its_own_and_audits_tell_both(
    http: TestClient, registry: Registry, inspector: Inspector, document: Document
) -> None:
    assert inspector.audit(document["id"])["observed"] is None
    answer = attest(inspector, registry, document)
    told = done(answer, 201)
    assert done(http.get(answer.headers["Location"])) == told
    assert (told["place"], told["declared"], told["observed"]) == ("/features/check-in/forced", False, True)
    assert (told["person"], told["withdrawn"]) == (PERSON, None)
    (finding,) = inspector.findings(app=document["id"])
    assert (finding["id"], finding["kind"], finding["rule"]) == (told["finding"], "attestation", None)
    assert (finding["attestation"], finding["state"]) == (told["id"], "open")
    assert "false" in finding["fact"]["zh"]

    audit = inspector.audit(document["id"])
    assert audit["events"] == []
    rulings = {each["rule"]: each["verdict"] for each in audit["report"]["rulings"]}
    observed = {each["rule"]: each["verdict"] for each in audit["observed"]["report"]["rulings"]}
    assert (rulings[RULE], observed[RULE]) == ("compliant", "violation")
    assert audit["observed"]["attestations"] == [told["id"]]
    assert audit["observed"]["difference"]["causes"] == ["manifest"]
    assert RULE in [each["rule"] for each in audit["observed"]["difference"]["rulings"]]
    assert audit["outcome"] == audit["report"]["outcome"]

    # It is followed as any other; what is only claimed is not believed.
    inspector.moved(finding["id"], "acknowledged")
    inspector.moved(finding["id"], "rectifying", **PLAN, due_on=today().isoformat())
    inspector.moved(finding["id"], "rectified")
    inspector.audit(document["id"])
    assert inspector.finding(finding["id"])["state"] == "reopened"


def test_correcting_the_declaration_settles_it(registry: Registry, inspector: Inspector, document: Document) -> None:
    told = done(attest(inspector, registry, document), 201)
    corrected = copy.deepcopy(document)
    corrected["features"][1]["forced"] = True
    corrected["features"].reverse()
    registry.register(corrected)
    audit = inspector.audit(document["id"])
    states = {each["kind"]: each["state"] for each in inspector.findings(app=document["id"])}
    # What was observed is declared now: it is no contradiction any more, and breaks the rule.
    assert states == {"attestation": "verified", "rule": "open"}
    assert {each["action"] for each in audit["events"]} == {"open", "verify"}
    # Declared otherwise again, it contradicts again.
    registry.register(document)
    inspector.audit(document["id"])
    assert inspector.finding(told["finding"])["state"] == "reopened"


def test_taking_the_place_out_of_the_declaration_settles_nothing(
    registry: Registry, inspector: Inspector, document: Document
) -> None:
    told = done(attest(inspector, registry, document), 201)
    without = {**document, "features": document["features"][:1]}
    registry.register(without)
    audit = inspector.audit(document["id"])
    assert inspector.finding(told["finding"])["state"] == "open"
    assert (audit["observed"]["attestations"], audit["observed"]["left_out"]) == ([], [told["id"]])


def test_withdrawing_it_is_told_with_a_reason_and_an_audit_settles_it(
    http: TestClient, registry: Registry, inspector: Inspector, document: Document
) -> None:
    told = done(attest(inspector, registry, document), 201)
    path = f"/v1/attestations/{told['id']}/withdrawal"
    body = {"person": PERSON, "reason": "示例：系核查有误"}
    withdrawn = done(http.post(path, json=body), 201)
    assert (withdrawn["withdrawn"]["reason"], withdrawn["withdrawn"]["person"]) == (body["reason"], PERSON)
    again = http.post(path, json=body)
    assert (again.status_code, again.json()["errors"][0]["pointer"]) == (409, "{id}")
    assert inspector.finding(told["finding"])["state"] == "open"
    audit = inspector.audit(document["id"])
    assert audit["observed"] is None
    assert inspector.actions(told["finding"]) == ["open", "withdraw", "verify"]


REFUSED: dict[str, tuple[Document, int, str]] = {
    "it is what is declared": ({"observed": False}, 422, "/observed"),
    "nothing was observed": ({"observed": None}, 422, "/observed"),
    "the field takes no such value": ({"observed": "是"}, 422, "/observed"),
    "a part of the value is wrong": ({"place": "/features/1/decline", "observed": {"x": 1}}, 422, "/observed/x"),
    "there is no such field": ({"place": "/features/1/force"}, 422, "/observed"),
    "there is no such element": ({"place": "/features/7/forced"}, 422, "/place"),
    "it is inside of a value": ({"place": "/name/x"}, 422, "/place"),
    "it is the id of the app": ({"place": "/id", "observed": "another-app"}, 422, "/place"),
    "it is the name of an element": ({"place": "/features/1/id", "observed": "x"}, 422, "/place"),
    "the day lies ahead": ({"observed_on": (today() + timedelta(days=1)).isoformat()}, 422, "/observed_on"),
    "the app has changed": ({"revision": 10**6}, 409, "/revision"),
    "nobody knows the app": ({"app": "nobody"}, 404, "/app"),
    "nobody observed it": ({"person": {"name": "", "role": "x"}}, 422, "/person/name"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_when(registry: Registry, inspector: Inspector, document: Document, what: str) -> None:
    said, status, pointer = REFUSED[what]
    answer = attest(inspector, registry, document, **said)
    assert answer.status_code == status, answer.text
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    assert inspector.findings(app=document["id"]) == []


def test_what_is_not_declared_may_be_observed(registry: Registry, inspector: Inspector, document: Document) -> None:
    told = done(attest(inspector, registry, document, place="/usage_policy", observed=[{"measure": "log_in"}]), 201)
    assert (told["declared"], told["observed"]) == ([], [{"measure": "log_in"}])
    told = done(attest(inspector, registry, document, place="/display/sponsor", observed=True), 201)
    assert told["declared"] is None
    assert "未声明" in inspector.finding(told["finding"])["fact"]["zh"]
    audit = inspector.audit(document["id"])
    assert len(audit["observed"]["attestations"]) == 2
