"""The life cycle over HTTP: what can be done from where, by whom, and what it leaves in the history."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from services.registry.life_cycle import MOVES, State
from services.registry.main import create_service
from services.registry.store import live
from services.web import SCOPES
from tests.integration.registry.clerk import GRANT, Clerk, manifest, new_id, problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from services.registry.settings import RegistrySettings
    from services.registry.store.database import Database

TOKENS = {"sponsor": ("read", "write"), "authority": ("read", "write", "approve"), "keeper": ("read", "write", "admin")}


def move(http: TestClient, app: str, to: str, **given: Any) -> httpx.Response:  # noqa: ANN401 - any field of a transition
    headers = given.pop("headers", None) or {"If-Match": http.get(f"/v1/apps/{app}").headers["ETag"]}
    body = {"to": to, "reason": "示例办理", **given}
    answer: httpx.Response = http.post(f"/v1/apps/{app}/transitions", json=body, headers=headers)
    return answer


def stage(clerk: Clerk, app: str) -> str | None:
    found: str | None = clerk.get(f"/v1/apps/{app}")["manifest"].get("stage")
    return found


def state(clerk: Clerk, app: str) -> str:
    told: str = clerk.get(f"/v1/apps/{app}/transitions")["state"]
    return told


def reached(database: Database) -> int:
    with database.reading() as connection:
        return live.registry_revision(connection)


@pytest.fixture(scope="module")
def callers(settings: RegistrySettings) -> Iterator[dict[str, TestClient]]:
    """Give a client for each kind of caller, of services that know them by their tokens."""
    tokens = {
        hashlib.sha256(name.encode()).hexdigest(): {"name": name, "scopes": scopes} for name, scopes in TOKENS.items()
    }
    given = settings.model_validate({**settings.model_dump(exclude_unset=True), "web": {"tokens": tokens}})
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(TestClient(create_service(given), headers={"Authorization": f"Bearer {name}"}))
            for name in TOKENS
        }


def test_the_moves_from_a_state_are_those_of_the_table(clerk: Clerk) -> None:
    app = clerk.register(stage="proposed")
    told = clerk.get(f"/v1/apps/{app}/transitions")
    assert (told["app"], told["state"], told["receipt"]) == (app, "proposed", None)
    assert f'"{told["revision"]}"' == clerk.etag(f"/v1/apps/{app}")
    assert [each["to"] for each in told["moves"]] == ["approved", "returned", "withdrawn"]
    assert told["moves"][0] == {
        "to": "approved",
        "action": "approve",
        "scope": "approve",
        "needs_receipt": True,
        "day": None,
        "by_transition": True,
        "by_manifest": False,
    }


@pytest.mark.parametrize("start", [each for each in State if each is not State.RETURNED])
def test_from_every_state_the_whole_table_is_told(clerk: Clerk, start: State) -> None:
    declared = {} if start in {State.UNDECLARED, State.WITHDRAWN} else {"stage": start}
    app = clerk.register(**declared)
    if start is State.WITHDRAWN:
        clerk.withdraw(app)
    told = clerk.get(f"/v1/apps/{app}/transitions")
    assert told["state"] == start
    assert [(each["to"], each["scope"], each["day"]) for each in told["moves"]] == [
        (each.to, each.scope, each.day) for each in MOVES if each.start is start
    ]
    place = f"/v1/apps/{app}/transitions"
    assert clerk.http.get(place, headers={"If-None-Match": clerk.etag(place)}).status_code == 304


def test_an_app_is_moved_through_its_life(clerk: Clerk, database: Database) -> None:
    today = database.today()
    app = clerk.register(stage="approved")
    for to, given, field, day in (
        ("building", {"on": "2025-03-01"}, "begun_on", "2025-03-01"),
        ("online", {"on": "2025-06-01"}, "online_on", "2025-06-01"),
        ("retiring", {"on": "2999-12-31"}, "retire_on", "2999-12-31"),
        ("online", {}, "online_on", "2025-06-01"),
        ("retiring", {"on": "2999-12-31"}, "retire_on", "2999-12-31"),
        ("retired", {}, "retired_on", today.isoformat()),
    ):
        before = clerk.get(f"/v1/apps/{app}")["revision"]
        answer = move(clerk.http, app, to, **given)
        told = clerk.done(answer)
        assert (told["stage"], told["revision"] > before) == (to, True)
        assert answer.headers["ETag"] == f'"{told["revision"]}"' == clerk.etag(f"/v1/apps/{app}")
        now = clerk.get(f"/v1/apps/{app}")["manifest"]
        assert (now["stage"], now[field]) == (to, day)
    with database.reading() as connection:
        done = "SELECT action, reason FROM revisions WHERE app = :app ORDER BY revision"
        rows = connection.execute(text(done), {"app": app})
        assert [tuple(row) for row in rows] == [
            ("register", "登记 · registered"),
            *((action, "示例办理") for action in ("begin", "launch", "phase_out", "keep", "phase_out", "retire")),
        ]


def test_a_proposal_is_returned_with_a_reason_and_stays_a_proposal(clerk: Clerk) -> None:
    app = clerk.register(stage="proposed")
    told = clerk.done(move(clerk.http, app, "returned", reason="示例：请补充依据"))
    assert (told["stage"], told["is_returned"]) == ("proposed", True)
    assert clerk.get(f"/v1/apps/{app}")["is_returned"] is True
    assert state(clerk, app) == "returned"
    # The sponsor corrects it, and hands it in again when it is done.
    assert clerk.change(app, stage="proposed", name="已补充")["is_returned"] is True
    problem(move(clerk.http, app, "approved", receipt="x"), 409, "/to")
    told = clerk.done(move(clerk.http, app, "proposed"))
    assert (told["stage"], told["is_returned"], told["name"]) == ("proposed", False, "已补充")


def test_an_approval_is_taken_back_and_offers_nothing_any_more(clerk: Clerk) -> None:
    code = new_id()
    app = clerk.register(stage="approved", asks=[{"code": code}])
    question = (f"item:code={code}", [""])
    assert clerk.neighbourhood(None, question)["ties"][0]["total"] == 1
    clerk.done(move(clerk.http, app, "returned"))
    assert (state(clerk, app), stage(clerk, app)) == ("returned", "proposed")
    assert clerk.neighbourhood(None, question)["ties"][0]["total"] == 0


def test_a_withdrawal_is_the_same_through_both_doors(clerk: Clerk) -> None:
    app = clerk.register(stage="proposed")
    told = clerk.done(move(clerk.http, app, "withdrawn"))
    assert (told["is_withdrawn"], state(clerk, app)) == (True, "withdrawn")
    assert clerk.get(f"/v1/apps/{app}")["withdrawal_reason"] == "示例办理"
    problem(move(clerk.http, app, "proposed"), 409, "/to")


class TestMistakes:
    @pytest.mark.parametrize(
        ("start", "body", "status", "pointer"),
        [
            ("proposed", {"to": "online"}, 409, "/to"),
            ("proposed", {"to": "building"}, 409, "/to"),
            ("proposed", {"to": "proposed"}, 409, "/to"),
            ("proposed", {"to": "approved"}, 422, "/receipt"),
            ("proposed", {"to": "approved", "receipt": ""}, 422, "/receipt"),
            ("proposed", {"to": "returned", "receipt": "x"}, 422, "/receipt"),
            ("proposed", {"to": "returned", "on": "2025-01-01"}, 422, "/on"),
            ("proposed", {"to": "withdrawn", "on": "2025-01-01"}, 422, "/on"),
            ("proposed", {"to": "aproved"}, 422, "/to"),
            ("proposed", {"to": "returned", "reason": ""}, 422, "/reason"),
            ("proposed", {"to": "returned", "reason": None}, 422, "/reason"),
            ("proposed", {"to": "returned", "why": "x"}, 422, "/why"),
            ("approved", {"to": "building", "on": "2999-01-01"}, 422, "/on"),
            ("approved", {"to": "building", "on": "2025-02-30"}, 422, "/on"),
            ("approved", {"to": "building", "on": 20000}, 422, "/on"),
            ("building", {"to": "online", "on": "1999-01-01"}, 422, "/on"),
            ("online", {"to": "retiring"}, 422, "/on"),
            (None, {"to": "online"}, 409, "/to"),
        ],
        ids=str,
    )
    def test_it_is_told_at_its_place_and_nothing_happens(
        self, clerk: Clerk, database: Database, start: str | None, body: dict[str, Any], status: int, pointer: str
    ) -> None:
        app = clerk.register(begun_on="2024-09-01", **({} if start is None else {"stage": start}))
        before = reached(database)
        problem(move(clerk.http, app, **body), status, pointer)
        assert reached(database) == before

    def test_the_version_is_needed(self, clerk: Clerk) -> None:
        app = clerk.register(stage="approved")
        body = {"to": "building", "reason": "开工"}
        place = f"/v1/apps/{app}/transitions"
        problem(clerk.http.post(place, json=body), 428, "If-Match:")
        problem(clerk.http.post(place, json=body, headers={"If-Match": '"0"'}), 412, "If-Match:")
        problem(clerk.http.get(f"/v1/apps/{new_id()}/transitions"), 404)
        unknown = clerk.http.post(f"/v1/apps/{new_id()}/transitions", json=body, headers={"If-Match": '"1"'})
        problem(unknown, 404)
        assert stage(clerk, app) == "approved"

    def test_where_no_keys_are_configured_nothing_is_approved(self, clerk: Clerk, database: Database) -> None:
        app = clerk.register(stage="proposed")
        before = reached(database)
        told = problem(move(clerk.http, app, "approved", receipt="x.y.z"), 422)  # it is none, whatever the keys are
        assert told["errors"][0]["pointer"] == "/receipt"
        header = "eyJhbGciOiJFZDI1NTE5Iiwia2lkIjoiayIsInR5cCI6ImdvdmFwcC1yZWNlaXB0K2p3dCJ9"
        answer = move(clerk.http, app, "approved", receipt=f"{header}.e30.AAAA")
        assert problem(answer, 503)["type"] == "urn:govapp:problem:audit-keys-unavailable"
        assert answer.headers["Retry-After"] == "5"
        assert reached(database) == before


class TestManifests:
    def put(self, clerk: Clerk, app: str, **fields: Any) -> httpx.Response:  # noqa: ANN401 - any field of a manifest
        headers = {"If-Match": clerk.etag(f"/v1/apps/{app}")}
        document = manifest(app, **fields)
        change = {"json": document, "params": {"reason": "变更"}}
        answer: httpx.Response = clerk.http.put(f"/v1/apps/{app}", **change, headers=headers)
        return answer

    @pytest.mark.parametrize("to", ["approved", "building", "online", None])
    def test_a_proposal_cannot_approve_itself(self, clerk: Clerk, database: Database, to: str | None) -> None:
        app = clerk.register(stage="proposed")
        before = reached(database)
        fields = {"begun_on": "2025-01-01", "online_on": "2025-01-01", **({} if to is None else {"stage": to})}
        problem(self.put(clerk, app, **fields), 409, "/stage")
        assert reached(database) == before
        assert stage(clerk, app) == "proposed"

    def test_it_may_say_that_building_began_when_it_says_when(self, clerk: Clerk) -> None:
        app = clerk.register(stage="approved")
        problem(self.put(clerk, app, stage="building"), 409, "/begun_on")
        clerk.done(self.put(clerk, app, stage="building", begun_on="2025-01-01"))
        assert state(clerk, app) == "building"

    @pytest.mark.parametrize("started", [each for each in State if each not in {State.RETURNED, State.WITHDRAWN}])
    def test_what_runs_already_is_registered_as_it_is(self, clerk: Clerk, started: State) -> None:
        app = clerk.register(**({} if started is State.UNDECLARED else {"stage": started}))
        assert state(clerk, app) == started


class TestCallers:
    def registered(self, callers: dict[str, TestClient], caller: str, **fields: Any) -> str:  # noqa: ANN401 - any field
        return Clerk(callers[caller]).register(**fields)

    def test_only_an_authority_returns_and_approves(self, callers: dict[str, TestClient]) -> None:
        app = self.registered(callers, "sponsor", stage="proposed")
        for to, given in (("returned", {}), ("approved", {"receipt": "x"})):
            for caller in ("sponsor", "keeper"):
                answer = move(callers[caller], app, to, **given)
                assert problem(answer, 403)["type"] == "urn:govapp:problem:forbidden"
                assert 'scope="approve"' in answer.headers["WWW-Authenticate"]
        Clerk.done(move(callers["authority"], app, "returned"))
        Clerk.done(move(callers["sponsor"], app, "proposed"))

    def test_only_an_authority_states_that_an_app_was_approved_elsewhere(self, callers: dict[str, TestClient]) -> None:
        app = new_id()
        document = manifest(app, stage="approved")
        problem(callers["sponsor"].put(f"/v1/apps/{app}", json=document), 403)
        assert callers["sponsor"].get(f"/v1/apps/{app}").status_code == 404
        Clerk.done(callers["authority"].put(f"/v1/apps/{app}", json=document), 201)

    def test_only_the_keeper_withdraws_what_runs(self, callers: dict[str, TestClient]) -> None:
        app = self.registered(callers, "sponsor", stage="online")
        headers = {"If-Match": callers["sponsor"].get(f"/v1/apps/{app}").headers["ETag"]}
        for caller in ("sponsor", "authority"):
            problem(move(callers[caller], app, "withdrawn"), 403)
            place = f"/v1/apps/{app}/withdraw"
            problem(callers[caller].post(place, json={"reason": "误登"}, headers=headers), 403)
        Clerk.done(move(callers["keeper"], app, "withdrawn"))

    def test_what_has_not_begun_its_sponsor_gives_up(self, callers: dict[str, TestClient]) -> None:
        app = self.registered(callers, "sponsor", stage="proposed")
        Clerk.done(move(callers["sponsor"], app, "withdrawn"))

    def test_every_scope_that_the_table_names_is_held_by_some_caller(self) -> None:
        held = {scope for scopes in TOKENS.values() for scope in scopes}
        assert {each.scope for each in MOVES} < held < SCOPES


def test_a_day_is_that_of_beijing(clerk: Clerk, database: Database) -> None:
    app = clerk.register(stage="approved")
    tomorrow = (database.today() + timedelta(days=1)).isoformat()
    problem(move(clerk.http, app, "building", on=tomorrow), 422, "/on")


def test_a_sponsor_records_no_grant_for_itself(clerk: Clerk, callers: dict[str, TestClient]) -> None:
    app = clerk.register()
    place = f"/v1/apps/{app}/grants"
    grant = clerk.grant(app, until_on="2099-01-01")
    tag = {"If-Match": clerk.etag(f"{place}/{grant['id']}")}
    renewal = {"until_on": "2099-12-31", "reason": "示例"}
    revocation = {"revoked_on": "2025-02-01", "reason": "示例"}
    own = callers["sponsor"]
    problem(own.post(place, json=GRANT), 403, "Authorization:")
    problem(own.post(f"{place}/{grant['id']}/renew", json=renewal, headers=tag), 403, "Authorization:")
    problem(own.post(f"{place}/{grant['id']}/revoke", json=revocation, headers=tag), 403, "Authorization:")
    assert callers["authority"].post(place, json=GRANT).status_code == 201
