"""Findings over HTTP: opened by audits, moved by persons, settled by audits alone."""

from __future__ import annotations

import copy
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from services.audit import receipts
from services.audit.clock import today
from services.audit.rectification import MOVES, STATES, State, move_between
from services.audit.store import recorded
from services.audit.store.database import Database
from tests.integration.audit.conftest import audit_of
from tests.integration.audit.inspector import PLAN, RULE, Inspector, check_in, done, forced

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.testclient import TestClient

    from tests.integration.audit.conftest import Registry

Document = dict[str, Any]
LATER = (today() + timedelta(days=30)).isoformat()
SCENARIO = {"kind": "security", "prescription": "示例重大活动安保规定"}
GRANT = {
    "id": "g-special",
    "kind": "special_scenario",
    "granter": "示例审批局",
    "basis": "示例批文",
    "granted_on": "2025-08-01",
    "from_on": "2025-08-01",
}


@pytest.fixture
def inspector(http: TestClient) -> Inspector:
    return Inspector(http, {})


def changed(document: Document, **fields: Any) -> Document:  # noqa: ANN401 - any field of a feature
    """Give the app with its last feature changed; what is None is not declared."""
    result = copy.deepcopy(document)
    feature = {**result["features"][-1], **fields}
    result["features"][-1] = {name: value for name, value in feature.items() if value is not None}
    return result


def remedied(document: Document) -> Document:
    """Give the app with checking in made free to decline."""
    return changed(document, forced=False, all_users=False, decline={"how": "可不签到", "costs": []})


@pytest.fixture
def document(registry: Registry) -> Document:
    """An app that breaks one rule, registered."""
    declared = forced()
    registry.register(declared)
    return declared


def opened(inspector: Inspector, document: Document) -> Document:
    """Audit the app and give its one finding."""
    inspector.audit(document["id"])
    (finding,) = inspector.findings(app=document["id"])
    return finding


def brought(inspector: Inspector, registry: Registry, document: Document, to: State) -> Document:
    """Bring the finding of an app to a state, on the shortest way."""
    id = opened(inspector, document)["id"]
    match to:
        case State.VERIFIED:
            registry.register(remedied(document))
            inspector.audit(document["id"])
        case State.WAIVED:
            waive(registry, document)
            inspector.audit(document["id"])
        case State.REOPENED:
            brought(inspector, registry, document, State.RECTIFIED)
            inspector.audit(document["id"])
        case _:
            way = [State.ACKNOWLEDGED, State.RECTIFYING, State.RECTIFIED]
            for state in way[: way.index(to) + 1] if to in way else ():
                inspector.moved(id, state, **({**PLAN, "due_on": LATER} if state is State.RECTIFYING else {}))
    found = inspector.finding(id)
    assert found["state"] == to
    return found


def waive(registry: Registry, document: Document) -> None:
    """Have the app claim a special scenario, and the registry hold the grant of it."""
    registry.register(changed(document, special_scenario=SCENARIO))
    registry.grants = [{**GRANT, "app": document["id"]}]


def test_a_finding_is_followed_from_open_to_verified(
    registry: Registry, inspector: Inspector, document: Document
) -> None:
    audit = inspector.audit(document["id"])
    assert (audit["outcome"], [each["action"] for each in audit["events"]]) == ("return", ["open"])
    (finding,) = inspector.findings(app=document["id"])
    assert (finding["rule"], finding["label"], finding["place"]) == (RULE, "13.7a", "/features/check-in/forced")
    assert (finding["state"], finding["number"], finding["due_on"]) == ("open", 1, None)
    assert (finding["name"], finding["sponsor"], finding["province"]) == ("示例部现场通", "示例部甲信息中心", "")

    id = finding["id"]
    inspector.moved(id, "acknowledged")
    planned = inspector.moved(id, "rectifying", **PLAN, due_on=LATER)
    assert (planned["plan"], planned["unit"], planned["due_on"]) == (PLAN["plan"], PLAN["unit"], LATER)
    inspector.moved(id, "rectified")
    # An audit that still finds it does not believe the claim.
    again = inspector.audit(document["id"])
    assert [(each["action"], each["was"], each["state"]) for each in again["events"]] == [
        ("reopen", "rectified", "reopened")
    ]
    assert inspector.finding(id)["due_on"] == LATER
    registry.register(remedied(document))
    last = inspector.audit(document["id"])
    assert [(each["action"], each["state"], each["said"]["verdict"]) for each in last["events"]] == [
        ("verify", "verified", "compliant")
    ]
    history = inspector.history(id)
    assert [each["action"] for each in history] == ["open", "acknowledge", "plan", "claim", "reopen", "verify"]
    assert [each["number"] for each in history] == [1, 2, 3, 4, 5, 6]
    assert all(each["said"]["reason"] == "示例理由" for each in history[1:4])
    assert history[0]["said"]["audit"] == audit["id"]
    # What is found again after years needs a plan and a date of its own.
    registry.register(document)
    inspector.audit(document["id"])
    back = inspector.finding(id)
    assert (back["state"], back["plan"], back["due_on"]) == ("reopened", None, None)


def test_an_audit_is_read_as_it_was_told(http: TestClient, inspector: Inspector, document: Document) -> None:
    answer = http.post("/v1/audits", json={"app": document["id"]})
    audit = done(answer, 201)
    assert done(http.get(answer.headers["Location"])) == audit
    known = http.get(answer.headers["Location"], headers={"If-None-Match": answer.headers["ETag"]})
    assert known.status_code == 304
    inspector.audit(document["id"])
    listed = done(http.get("/v1/audits", params={"app": document["id"], "limit": 1}))
    assert (listed["total"], len(listed["items"])) == (2, 1)
    rest = done(http.get("/v1/audits", params={"app": document["id"], "limit": 1, "cursor": listed["next"]}))
    assert ([each["id"] for each in rest["items"]], rest["next"]) == ([audit["id"]], None)


def test_the_same_finding_is_known_again_wherever_it_stands(
    registry: Registry, inspector: Inspector, document: Document
) -> None:
    finding = opened(inspector, document)
    moved = copy.deepcopy(document)
    moved["features"].reverse()
    registry.register(moved)
    audit = inspector.audit(document["id"])
    assert [each["action"] for each in audit["events"]] == ["restate"]
    (again,) = inspector.findings(app=document["id"])
    assert (again["id"], again["pointer"]) == (finding["id"], "/features/0/forced")
    assert finding["pointer"] == "/features/1/forced"
    # Nothing new is written of what is as it was.
    assert inspector.audit(document["id"])["events"] == []


UNDECLARED: dict[str, Callable[[Document], Document]] = {
    "the declaration is taken back": lambda app: changed(app, forced=None, decline=None),
    "the feature takes another name and says nothing": lambda app: changed(app, id="other", forced=None, decline=None),
    "the features are taken back": lambda app: {name: app[name] for name in app if name != "features"},
}


@pytest.mark.parametrize("what", UNDECLARED)
def test_what_is_not_declared_any_more_settles_nothing(
    registry: Registry, inspector: Inspector, document: Document, what: str
) -> None:
    id = opened(inspector, document)["id"]
    registry.register(UNDECLARED[what](document))
    assert [each for each in inspector.audit(document["id"])["events"] if each["finding"] == id] == []
    assert inspector.finding(id)["state"] == "open"


def test_what_lacks_elsewhere_keeps_nothing_open(registry: Registry, inspector: Inspector, document: Document) -> None:
    other = copy.deepcopy(document)
    other["features"].insert(0, check_in("roll-call"))
    registry.register(other)
    inspector.audit(document["id"])
    first, second = inspector.findings(app=document["id"])
    mended = remedied(other)
    del mended["features"][0]["forced"]
    registry.register(mended)
    inspector.audit(document["id"])
    by_place = {each["place"]: each["state"] for each in inspector.findings(app=document["id"])}
    assert first["place"] != second["place"]
    assert by_place == {"/features/roll-call/forced": "open", "/features/check-in/forced": "verified"}


def test_a_grant_waives_while_it_lasts(registry: Registry, inspector: Inspector, document: Document) -> None:
    finding = brought(inspector, registry, document, State.WAIVED)
    assert finding["grants"] == ["g-special"]
    assert inspector.history(finding["id"])[-1]["said"]["waiver"]["grants"] == ["g-special"]
    # Another grant in its place is told; the same again is not.
    registry.grants = [{**GRANT, "id": "g-other", "app": document["id"]}]
    assert [each["action"] for each in inspector.audit(document["id"])["events"]] == ["restate"]
    assert inspector.finding(finding["id"])["grants"] == ["g-other"]
    assert inspector.audit(document["id"])["events"] == []
    # The grant ends: neither exempt nor settled.
    registry.grants = [{**GRANT, "app": document["id"], "until_on": "2025-12-31"}]
    registry.revision += 1
    inspector.audit(document["id"])
    back = inspector.finding(finding["id"])
    assert (back["state"], back["grants"]) == ("reopened", [])
    registry.register(document)
    inspector.audit(document["id"])
    assert inspector.finding(finding["id"])["state"] == "reopened"


@pytest.mark.parametrize("start", State)
def test_every_move_that_a_person_may_make_is_made_and_every_other_is_refused(
    http: TestClient, registry: Registry, inspector: Inspector, document: Document, start: State
) -> None:
    finding = brought(inspector, registry, document, start)
    told = done(http.get(f"/v1/findings/{finding['id']}/transitions"))
    listed = {each["to"]: each for each in told["moves"]}
    assert set(listed) == {move.to for move in MOVES if move.start is start}
    size = len(inspector.history(finding["id"]))
    for to in State:
        move = move_between(start, to)
        needed = {**PLAN, "due_on": LATER} if move is not None and move.needs else {}
        answer = inspector.move(finding, to, **needed)
        if move is None or move.scope is None:
            assert answer.status_code == 409
            assert answer.json()["errors"][0]["pointer"] == "/to"
            assert len(inspector.history(finding["id"])) == size
        else:
            assert listed[to]["by"] == "person"
            assert (done(answer)["state"], inspector.actions(finding["id"])[-1]) == (to, move.action)
            # Another finding for the next move.
            other = forced(str(registry.revision))
            registry.register(other)
            finding = brought(inspector, registry, other, start)
            size = len(inspector.history(finding["id"]))


def test_what_a_move_needs_is_asked_for(inspector: Inspector, document: Document) -> None:
    id = opened(inspector, document)["id"]
    finding = inspector.moved(id, "acknowledged")
    for name in (*PLAN, "due_on"):
        said = {**PLAN, "due_on": LATER}
        del said[name]
        answer = inspector.move(finding, "rectifying", **said)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, f"/{name}")
    past = (today() - timedelta(days=1)).isoformat()
    answer = inspector.move(finding, "rectifying", **PLAN, due_on=past)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/due_on")
    finding = inspector.moved(id, "rectifying", **PLAN, due_on=LATER)
    answer = inspector.move(finding, "rectified", plan="不需要")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/plan")
    assert inspector.finding(id) == finding


def test_a_move_is_based_on_what_was_read(http: TestClient, inspector: Inspector, document: Document) -> None:
    finding = opened(inspector, document)
    path = f"/v1/findings/{finding['id']}/transitions"
    assert http.post(path, json={"to": "acknowledged", "reason": "示例"}).status_code == 428
    done(http.post(f"/v1/findings/{finding['id']}/comments", json={"text": "示例说明"}), 201)
    stale = inspector.move(finding, "acknowledged")
    assert (stale.status_code, stale.headers["ETag"]) == (412, '"2"')
    assert inspector.actions(finding["id"]) == ["open", "comment"]
    # The same request under a key is done once.
    headers = {"If-Match": '"2"', "Idempotency-Key": f"move-{finding['id']}"}
    body = {"to": "acknowledged", "reason": "示例"}
    first = http.post(path, json=body, headers=headers)
    again = http.post(path, json=body, headers=headers)
    assert (done(first), again.headers["Idempotency-Replayed"]) == (done(again), "true")
    assert inspector.actions(finding["id"]) == ["open", "comment", "acknowledge"]


def test_of_moves_at_the_same_moment_one_is_made(inspector: Inspector, document: Document) -> None:
    finding = opened(inspector, document)

    def move(_: int) -> int:
        return int(inspector.move(finding, "acknowledged").status_code)

    with ThreadPoolExecutor(8) as callers:
        told = sorted(callers.map(move, range(8)))
    assert told == [200] + [412] * 7
    assert inspector.actions(finding["id"]) == ["open", "acknowledge"]


def test_an_audit_never_goes_back_behind_another(registry: Registry, inspector: Inspector, document: Document) -> None:
    app = document["id"]
    yesterday = (today() - timedelta(days=1)).isoformat()
    tomorrow = (today() + timedelta(days=1)).isoformat()
    assert inspector.audit(app, 422, day=tomorrow)["errors"][0]["pointer"] == "/day"
    inspector.audit(app, day=yesterday)
    inspector.audit(app)
    assert inspector.audit(app, 409, day=yesterday)["errors"][0]["pointer"] == "/day"
    registry.revision -= 1
    registry.apps[app] = [(registry.revision, document)]
    assert inspector.audit(app, 409)["errors"][0]["pointer"] == "/app"


def test_without_the_registry_nothing_is_recorded(
    http: TestClient, registry: Registry, inspector: Inspector, document: Document
) -> None:
    size = done(http.get("/v1/ledger"))["size"]
    registry.is_away = True
    inspector.audit(document["id"], 503)
    registry.is_away = False
    inspector.audit("nobody-knows-it", 404)
    assert inspector.findings(app=document["id"]) == []
    assert done(http.get("/v1/ledger"))["size"] == size


def test_lists_are_filtered_counted_and_paged(registry: Registry, inspector: Inspector, http: TestClient) -> None:
    sponsor = "示例清单测试中心"
    apps = []
    for n in range(5):
        declared = forced(f"列{n}")
        declared["sponsor"] |= {"name": sponsor, "division": "33" if n % 2 else "3301"}
        registry.register(declared)
        inspector.audit(declared["id"])
        apps.append(declared["id"])
    found = inspector.findings(sponsor=sponsor, rule=RULE)
    assert [each["app"] for each in found] == apps
    assert {each["province"] for each in found} == {"33"}
    for each, days in zip(found[:3], (0, 1, 2), strict=True):
        inspector.moved(each["id"], "acknowledged")
        inspector.moved(each["id"], "rectifying", **PLAN, due_on=(today() + timedelta(days=days)).isoformat())
    page = done(http.get("/v1/findings", params={"sponsor": sponsor}))
    assert (page["total"], page["counts"]["rectifying"], page["counts"]["open"]) == (5, 3, 2)
    assert set(page["counts"]) == set(STATES)
    due = {"sponsor": sponsor, "due_until_on": (today() + timedelta(days=1)).isoformat()}
    assert [each["app"] for each in inspector.findings(**due)] == apps[:2]
    assert [each["app"] for each in inspector.findings(sponsor=sponsor, state=["open", "verified"])] == apps[3:]
    assert inspector.findings(sponsor=sponsor, province="") == []
    assert inspector.findings(sponsor=sponsor, overdue=True) == []

    collected, cursor = [], None
    while True:
        query = {"sponsor": sponsor, "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = done(http.get("/v1/findings", params=query))
        collected += [each["app"] for each in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert collected == apps[::-1]
    other = {"sponsor": "另一家", "limit": 2, "cursor": done(http.get("/v1/findings", params={"limit": 1}))["next"]}
    assert http.get("/v1/findings", params=other).status_code == 400


def test_the_feed_tells_everything_once_in_order(
    http: TestClient, registry: Registry, inspector: Inspector, document: Document
) -> None:
    start = done(http.get("/v1/findings/events", params={"limit": 1}))["last"]
    id = brought(inspector, registry, document, State.RECTIFIED)["id"]
    collected, since = [], start
    while True:
        feed = done(http.get("/v1/findings/events", params={"since": since, "limit": 2}))
        collected += feed["items"]
        if since == feed["next"]:
            break
        since = feed["next"]
    assert [each["serial"] for each in collected] == list(range(start + 1, start + 5))
    assert collected == inspector.history(id)
    of_app = done(http.get("/v1/findings/events", params={"since": start, "app": "nobody"}))
    assert (of_app["items"], of_app["next"]) == ([], start + 4)


def test_who_may_do_what(registry: Registry, audit_database_url: str, document: Document) -> None:
    tokens = {
        hashlib.sha256(name.encode()).hexdigest(): {"name": name, "scopes": scopes}
        for name, scopes in {"sponsor": ["read", "write"], "authority": ["read", "write", "approve"]}.items()
    }
    with audit_of(registry, audit_database_url, web={"tokens": tokens}) as http:
        sponsor, authority = (Inspector(http, {"Authorization": f"Bearer {name}"}) for name in ("sponsor", "authority"))
        id = opened(sponsor, document)["id"]
        sponsor.moved(id, "acknowledged")
        finding = sponsor.moved(id, "rectifying", **PLAN, due_on=LATER)
        # To put a date off is not the sponsor's; to bring it forward is.
        later = (date.fromisoformat(LATER) + timedelta(days=1)).isoformat()
        refused = sponsor.move(finding, "rectifying", **PLAN, due_on=later)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (403, "/due_on")
        assert authority.moved(id, "rectifying", **PLAN, due_on=later)["due_on"] == later
        sponsor.moved(id, "rectifying", **PLAN, due_on=LATER)
        finding = sponsor.moved(id, "rectified")
        assert sponsor.move(finding, "rectifying").status_code == 403
        assert authority.moved(id, "rectifying")["state"] == "rectifying"
        assert [each["who"] for each in sponsor.history(id)][-4:] == ["authority", "sponsor", "sponsor", "authority"]


def test_all_of_it_is_in_the_ledger(
    http: TestClient, registry: Registry, inspector: Inspector, document: Document, audit_database_url: str
) -> None:
    start = done(http.get("/v1/ledger"))["size"]
    id = brought(inspector, registry, document, State.RECTIFIED)["id"]
    done(http.post(f"/v1/findings/{id}/comments", json={"text": "示例说明"}), 201)
    items = done(http.get("/v1/ledger/entries", params={"start": start, "limit": 100}))["items"]
    entries = [json.loads(each["content"]) for each in items]
    assert [each["kind"] for each in entries] == ["audit", *["finding"] * 4]
    assert [each["thing"] for each in entries[1:]] == [id] * 4
    database = Database(audit_database_url)
    with database.reading() as connection:
        for each in entries:
            assert receipts.digest(recorded.content(connection, each["place"])) == each["digest"]
    database.close()
