"""Decisions over HTTP: what is judged, pinned, answered and kept, and what is refused."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from services.audit import merkle, receipts, replays, signing
from services.audit.law import Verdict
from services.audit.registry_client import RegistryClient, RegistryOptions
from services.audit.signing import PublicKeys
from services.manifest import receipt, ties
from services.manifest.model import canonical, fingerprint
from tests import world
from tests.integration.audit.conftest import audit_of
from tests.workflow import proposal

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.testclient import TestClient

    from services.audit.receipts import Receipt
    from tests.integration.audit.conftest import Registry

Document = dict[str, Any]
PERSON = {"name": "示例审核员", "role": "示例审批处处长"}
BASIS = "示例核实意见〔2026〕1号"


def done(answer: httpx.Response, status: int = 201) -> Document:
    assert answer.status_code == status, answer.text
    document: Document = answer.json()
    return document


def refused(answer: httpx.Response, status: int, pointer: str) -> None:
    assert answer.status_code == status, answer.text
    told = answer.json()["errors"]
    assert [each["pointer"] for each in told] == [pointer]
    assert all(each["remedy"] for each in told)


def decide(http: TestClient, app: str, revision: int, **more: Any) -> httpx.Response:  # noqa: ANN401 - any field
    answer: httpx.Response = http.post(
        "/v1/decisions", json={"purpose": "approve", "app": app, "revision": revision, **more}
    )
    return answer


def reply(http: TestClient, decision: Document, *answers: Document) -> httpx.Response:
    path = f"/v1/decisions/{decision['id']}/refer-answers"
    answer: httpx.Response = http.post(path, json={"person": PERSON, "answers": [*answers]})
    return answer


def said(question: Document, answer: str) -> Document:
    return {"question": question["id"], "answer": answer, "basis": BASIS}


def questionable(**fields: Any) -> Document:  # noqa: ANN401 - any field of a manifest
    """Give a proposal on which a person is asked two things, of one rule."""
    document = proposal("甲", **fields)
    document["review"].update(overlaps_existing=True, fits_plan=False)
    return document


def size(http: TestClient) -> int:
    return int(done(http.get("/v1/ledger"), 200)["size"])


def verified(http: TestClient, decision: Document) -> Receipt:
    return receipts.read(decision["receipt"], PublicKeys(http.get("/.well-known/jwks.json").content))


def test_a_decision_pins_what_was_seen_and_has_its_place_in_the_ledger(http: TestClient, registry: Registry) -> None:
    document = proposal("甲")
    app, revision = registry.register(document)
    made = decide(http, app, revision)
    decision = done(made)
    found = verified(http, decision)
    manifest = world.manifest(document)
    claims = found.claims
    assert (claims.sub, claims.jti, claims.revision) == (app, decision["id"], revision)
    assert claims.manifest == fingerprint(canonical(manifest))
    assert claims.asked == receipt.asked(ties.questions(manifest))
    assert (claims.purpose, claims.outcome, claims.ledger) == ("approve", "approve", decision["place"])
    assert found.findings.verdicts == {each["rule"]: each["verdict"] for each in decision["report"]["rulings"]}
    assert len(found.findings.verdicts) == 26

    # The entry is in the ledger, and the ledger proves it.
    place = decision["place"]
    entry = done(http.get(f"/v1/ledger/entries?start={place}&limit=1"), 200)["items"][0]
    proof = done(http.get(f"/v1/ledger/proofs/inclusion?place={place}"), 200)
    leaf = merkle.leaf_hash(entry["content"].encode())
    path = [bytes.fromhex(each) for each in proof["proof"]]
    root = merkle.root_of_inclusion(leaf, place, proof["size"], path)
    assert root is not None
    assert root.hex() == proof["root"] == http.get("/v1/ledger").json()["root"]
    assert receipts.digest(decision["receipt"]) in entry["content"]

    # And it is read as it was told.
    assert done(http.get(made.headers["Location"]), 200) == decision
    again = http.get(made.headers["Location"], headers={"If-None-Match": made.headers["ETag"]})
    assert again.status_code == 304
    raw = http.get(f"/v1/decisions/{decision['id']}/receipt")
    assert (raw.headers["content-type"], raw.text) == ("application/jose", decision["receipt"])
    kept = http.get(f"/v1/decisions/{decision['id']}/manifest").content
    assert fingerprint(kept) == decision["hash"]


def test_the_report_of_a_decision_is_written_as_a_file(http: TestClient, registry: Registry) -> None:
    decision = done(decide(http, *registry.register(questionable())))
    page = http.get(f"/v1/decisions/{decision['id']}/report", params={"lang": "en"})
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert decision["app"] in page.text
    assert "Outcome" in page.text
    raw = http.get(f"/v1/decisions/{decision['id']}/report", params={"format": "json"})
    assert raw.json() == decision["report"]
    assert http.get("/v1/decisions/nobody/report").status_code in {404, 422}


def test_a_manifest_that_was_never_registered_is_decided_on_too(http: TestClient, registry: Registry) -> None:
    document = proposal("乙")
    decision = done(http.post("/v1/decisions", json={"purpose": "go_online", "manifest": document}))
    assert (decision["app"], decision["stated"], decision["purpose"]) == (document["id"], None, "go_online")

    async def replay(manifest: Document | None) -> replays.Replay:
        transport = httpx.MockTransport(registry.answer)
        async with RegistryClient(RegistryOptions("http://registry.example"), transport) as client:
            given = None if manifest is None else world.manifest(manifest)
            return await replays.replay(verified(http, decision), client, given)

    assert asyncio.run(replay(document)).differences == ()
    with pytest.raises(replays.CannotReplayError):
        asyncio.run(replay(None))
    with pytest.raises(replays.CannotReplayError):
        asyncio.run(replay({**document, "name": "别的应用"}))


def test_a_replay_tells_what_is_different(http: TestClient, registry: Registry) -> None:
    app, revision = registry.register(proposal("甲"))
    found = verified(http, done(decide(http, app, revision)))
    other = dict.fromkeys(found.findings.verdicts, Verdict.VIOLATION)
    forged = receipts.Receipt(found.claims, receipts.Findings(other, (), found.findings.record))

    async def replay() -> replays.Replay:
        transport = httpx.MockTransport(registry.answer)
        async with RegistryClient(RegistryOptions("http://registry.example"), transport) as client:
            return await replays.replay(forged, client)

    assert len(asyncio.run(replay()).differences) == 26


class TestNothingIsDecided:
    def test_while_the_registry_is_away(self, http: TestClient, registry: Registry) -> None:
        app, revision = registry.register(proposal("甲"))
        before = size(http)
        registry.is_away = True
        for answer in (
            decide(http, app, revision),
            http.post("/v1/decisions", json={"purpose": "approve", "manifest": proposal("甲")}),
        ):
            assert (answer.status_code, answer.json()["type"]) == (503, "urn:govapp:problem:registry-unavailable")
        assert size(http) == before

    def test_without_a_key_to_sign_with(self, registry: Registry, audit_database_url: str, tmp_path: Path) -> None:
        app, revision = registry.register(proposal("甲"))
        (tmp_path / "public.json").write_bytes(b'{"keys": []}')
        for settings in ({}, {"signing_keys": str(tmp_path / "none")}, {"signing_keys": str(tmp_path / "public.json")}):
            with audit_of(registry, audit_database_url, **settings) as http:
                before = size(http)
                answer = decide(http, app, revision)
                assert (answer.status_code, answer.json()["type"]) == (503, "urn:govapp:problem:signing-unavailable")
                assert size(http) == before

    def test_on_another_revision_than_the_caller_has_seen(self, http: TestClient, registry: Registry) -> None:
        app, revision = registry.register(proposal("甲"))
        refused(decide(http, app, revision + 1), 409, "/revision")

    def test_on_an_app_that_changes_while_it_is_judged(self, http: TestClient, registry: Registry) -> None:
        document = proposal("甲")
        app, revision = registry.register(document)
        registry.meanwhile = lambda: void(registry.register({**document, "name": "改名"}))
        refused(decide(http, app, revision), 409, "/revision")

    def test_on_what_is_no_subject(self, http: TestClient, registry: Registry) -> None:
        app, revision = registry.register(proposal("甲"))
        refused(http.post("/v1/decisions", json={"purpose": "approve"}), 422, "")
        refused(http.post("/v1/decisions", json={"purpose": "approve", "app": app}), 422, "/revision")
        both = {"purpose": "approve", "app": app, "revision": revision, "manifest": proposal("甲")}
        refused(http.post("/v1/decisions", json=both), 422, "")
        nameless = {"manifest": "1", "kind": "app"}
        sent = {"purpose": "approve", "manifest": nameless}
        refused(http.post("/v1/decisions", json=sent), 422, "/manifest/id")
        wrong = {"purpose": "approve", "manifest": {"manifest": "1", "id": "x", "stage": "no"}}
        refused(http.post("/v1/decisions", json=wrong), 422, "/manifest/stage")
        refused(decide(http, "example-nobody", 1), 404, "/app")


def void(_: object) -> None:
    """Forget what something gives."""


class TestPersons:
    def test_answers_settle_what_was_left_and_are_cited(self, http: TestClient, registry: Registry) -> None:
        app, revision = registry.register(questionable())
        referred = done(decide(http, app, revision))
        assert referred["outcome"] == "refer"
        assert [each["rule"] for each in referred["questions"]] == ["unreviewed_projects"] * 2
        first, second = referred["questions"]
        assert first["answers"] == ["compliant", "violation"]

        half = done(reply(http, referred, said(first, "compliant")))
        assert (half["outcome"], half["questions"], half["previous"]) == ("refer", [second], referred["id"])
        whole = done(reply(http, half, said(second, "compliant")))
        assert (whole["outcome"], whole["questions"]) == ("approve", [])
        assert [each["decision"] for each in whole["answers"]] == [half["id"], whole["id"]]
        found = verified(http, whole)
        assert [(each.person.name, each.basis) for each in found.findings.answers] == [(PERSON["name"], BASIS)] * 2
        assert (found.findings.previous, found.findings.verdicts["unreviewed_projects"]) == (half["id"], "compliant")
        # What was decided before stands as it was.
        assert done(http.get(f"/v1/decisions/{referred['id']}"), 200) == referred

    def test_an_answer_can_be_that_the_provision_is_broken(self, http: TestClient, registry: Registry) -> None:
        referred = done(decide(http, *registry.register(questionable())))
        first, second = referred["questions"]
        settled = done(reply(http, referred, said(first, "compliant"), said(second, "violation")))
        assert settled["outcome"] == "return"
        ruling = next(each for each in settled["report"]["rulings"] if each["verdict"] == "violation")
        assert (ruling["rule"], ruling["findings"][0]["place"]) == ("unreviewed_projects", second["place"])

    def test_only_what_is_asked_can_be_answered_and_only_so(self, http: TestClient, registry: Registry) -> None:
        referred = done(decide(http, *registry.register(questionable())))
        first, second = referred["questions"]
        before = size(http)
        nothing = {"id": "q-" + "0" * 32}
        refused(reply(http, referred, said(nothing, "compliant")), 422, "/answers/0/question")
        refused(reply(http, referred, said(first, "applicable")), 422, "/answers/0/answer")
        refused(reply(http, referred, said(first, "compliant"), said(first, "violation")), 422, "/answers/1/question")
        settled = done(reply(http, referred, said(first, "compliant")))
        refused(reply(http, settled, said(first, "violation")), 422, "/answers/0/question")
        assert size(http) == before + 1
        assert second in settled["questions"]

    def test_what_is_not_declared_no_person_can_settle(self, http: TestClient, registry: Registry) -> None:
        document = questionable()
        del document["metrics"]
        referred = done(decide(http, *registry.register(document)))
        answers = [said(each, "compliant") for each in referred["questions"]]
        settled = done(reply(http, referred, *answers))
        assert (settled["outcome"], settled["questions"]) == ("refer", [])
        lacks = [lack["kind"] for each in settled["report"]["rulings"] for lack in each["lacks"]]
        assert set(lacks) == {"declaration"}

    def test_a_person_answers_on_the_app_as_it_was_decided(self, http: TestClient, registry: Registry) -> None:
        document = questionable()
        referred = done(decide(http, *registry.register(document)))
        registry.register({**document, "name": "改名"})
        refused(reply(http, referred, said(referred["questions"][0], "compliant")), 409, "{id}")

    def test_answers_are_carried_over_while_question_and_facts_are_the_same(
        self, http: TestClient, registry: Registry
    ) -> None:
        document = questionable()
        app, revision = registry.register(document)
        referred = done(decide(http, app, revision))
        settled = done(reply(http, referred, *(said(each, "compliant") for each in referred["questions"])))
        # Another part of the manifest, and the answers hold.
        _, revision = registry.register({**document, "name": "改名"})
        again = done(decide(http, app, revision, previous=settled["id"]))
        assert (again["outcome"], again["answers"]) == ("approve", settled["answers"])
        # The part that was asked about, and they do not.
        reviewed = {**document, "review": {**document["review"], "reviewer": "示例评审组"}}
        _, revision = registry.register(reviewed)
        anew = done(decide(http, app, revision, previous=again["id"]))
        assert (anew["outcome"], anew["answers"], len(anew["questions"])) == ("refer", [], 2)
        # Nor are they for another app, another purpose, or no decision at all.
        other, number = registry.register(questionable(id="example-another"))
        refused(decide(http, other, number, previous=again["id"]), 422, "/previous")
        refused(decide(http, app, revision, previous=again["id"], purpose="go_online"), 422, "/previous")
        refused(decide(http, app, revision, previous="d-nothing"), 422, "/previous")


def test_a_request_that_is_sent_again_is_decided_once(http: TestClient, registry: Registry) -> None:
    app, revision = registry.register(proposal("甲"))
    body = {"purpose": "approve", "app": app, "revision": revision}
    before = size(http)
    answers = [http.post("/v1/decisions", json=body, headers={"Idempotency-Key": f"key-{app}"}) for _ in range(3)]
    assert {each.content for each in answers} == {answers[0].content}
    assert [each.headers.get("Idempotency-Replayed") for each in answers] == [None, "true", "true"]
    assert size(http) == before + 1
    other = http.post("/v1/decisions", json={**body, "purpose": "go_online"}, headers={"Idempotency-Key": f"key-{app}"})
    assert other.status_code == 422


def test_lists_are_of_what_was_there_when_they_began(http: TestClient, registry: Registry) -> None:
    app, revision = registry.register(questionable())
    made = [done(decide(http, app, revision))["id"] for _ in range(5)]
    pages, url = [], f"/v1/decisions?app={app}&limit=2"
    while url:
        page = done(http.get(url), 200)
        assert page["total"] == 5
        pages += [each["id"] for each in page["items"]]
        url = f"/v1/decisions?app={app}&limit=2&cursor={page['next']}" if page["next"] else ""
        done(decide(http, app, revision))
    assert pages == made[::-1]
    for condition, count in {"outcome=refer": 8, "outcome=approve": 0, "purpose=go_online": 0}.items():
        assert done(http.get(f"/v1/decisions?app={app}&{condition}"), 200)["total"] == count
    day = done(http.get(f"/v1/decisions/{made[0]}"), 200)["day"]
    assert done(http.get(f"/v1/decisions?app={app}&from_on={day}&until_on={day}"), 200)["total"] == 8
    assert done(http.get(f"/v1/decisions?app={app}&until_on=2020-01-01"), 200)["total"] == 0
    settled = done(reply(http, {"id": made[0]}, said(questions(http, made[0])[0], "compliant")))
    followed = done(http.get(f"/v1/decisions?previous={made[0]}"), 200)
    assert [each["id"] for each in followed["items"]] == [settled["id"]]


def questions(http: TestClient, id: str) -> list[Document]:
    found: list[Document] = done(http.get(f"/v1/decisions/{id}"), 200)["questions"]
    return found


def test_receipts_outlive_the_key_they_were_signed_with(http: TestClient, registry: Registry, keys: Path) -> None:
    app, revision = registry.register(proposal("甲"))
    old = done(decide(http, app, revision))
    signing.rotate(keys)
    new = done(decide(http, app, revision))
    jwks = http.get("/.well-known/jwks.json")
    assert b'"d"' not in jwks.content
    assert len({each["kid"] for each in jwks.json()["keys"]}) == len(jwks.json()["keys"]) >= 2
    for each in (old, new):
        assert verified(http, each).claims.jti == each["id"]


def test_checkpoints_and_proofs_of_consistency(http: TestClient, registry: Registry) -> None:
    app, revision = registry.register(proposal("甲"))
    done(decide(http, app, revision))
    first = done(http.post("/v1/ledger/checkpoints"))
    assert done(http.post("/v1/ledger/checkpoints")) == first
    for _ in range(3):
        done(decide(http, app, revision))
    second = done(http.post("/v1/ledger/checkpoints"))
    proof = done(http.get(f"/v1/ledger/proofs/consistency?first={first['size']}&second={second['size']}"), 200)
    old, new = (first["size"], bytes.fromhex(first["root"])), (second["size"], bytes.fromhex(second["root"]))
    assert merkle.is_consistent(old, new, [bytes.fromhex(each) for each in proof["proof"]])
    listed = done(http.get(f"/v1/ledger/checkpoints?above={first['size'] - 1}"), 200)["items"]
    assert listed == [first, second]
    assert done(http.get(f"/v1/ledger/checkpoints/{first['size']}"), 200) == first
    assert http.get("/v1/ledger/checkpoints/999999").status_code == 404
    refused(http.get(f"/v1/ledger/proofs/inclusion?place={second['size']}"), 422, "?place")
    refused(http.get("/v1/ledger/proofs/inclusion?place=0&size=999999"), 422, "?size")
    refused(http.get("/v1/ledger/proofs/consistency?first=999999"), 422, "?first")
    refused(http.get("/v1/ledger/proofs/consistency?first=1&second=999999"), 422, "?second")


@pytest.mark.parametrize("path", ["", "/receipt", "/manifest"])
def test_there_is_nothing_of_a_decision_that_was_not_made(http: TestClient, path: str) -> None:
    assert http.get(f"/v1/decisions/d-nothing{path}").status_code == 404
