"""A request that is sent again under its key is not done again: its answer commits with what it tells of."""

from __future__ import annotations

import hashlib
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from threading import Barrier, Event
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from services.manifest.neighbourhood import GrantKind
from services.registry.main import create_service
from services.registry.settings import RegistrySettings
from services.registry.store import answers, grants
from services.registry.store.database import Act, Database
from services.web import Kept, Once
from tests.integration.registry.clerk import GRANT, Clerk, manifest, new_id, problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

TERMS = grants.Terms(
    kind=GrantKind.NECESSITY,
    granter="示例市发展和改革局",
    granter_credit_code=None,
    granter_root_organ=None,
    basis_title="示例市项目管理办法",
    basis_number=None,
    basis_article=None,
    granted_on=date(2025, 1, 6),
    from_on=date(2025, 1, 6),
    until_on=None,
    provision=None,
    feature=None,
    item=None,
)
FOR = timedelta(hours=24)


def new_key() -> dict[str, str]:
    return {"Idempotency-Key": f'"{secrets.token_hex(8)}"'}


def revision_of(database: Database) -> int:
    with database.reading() as connection:
        number: int = connection.execute(text("SELECT revision FROM registry_revision")).scalar_one()
        return number


def grant_ids(clerk: Clerk, app: str) -> list[str]:
    return [grant["id"] for grant in clerk.get(f"/v1/apps/{app}/grants")["items"]]


def same(first: httpx.Response, again: httpx.Response) -> None:
    """The same answer, all but what each answer has of its own."""
    assert again.status_code == first.status_code
    assert again.content == first.content
    own = {"x-request-id", "idempotency-replayed", "date"}
    assert {k: v for k, v in again.headers.items() if k not in own} == {
        k: v for k, v in first.headers.items() if k not in own
    }
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"


class TestSameRequest:
    def test_it_is_done_once_and_answered_alike(self, clerk: Clerk, database: Database) -> None:
        app, headers = clerk.register(), new_key()
        place = f"/v1/apps/{app}/grants"
        first = clerk.http.post(place, json=GRANT, headers=headers)
        assert first.status_code == 201, first.text
        reached = revision_of(database)
        again = clerk.http.post(place, json=GRANT, headers=headers)
        same(first, again)
        assert again.headers["Location"] == f"{place}/{first.json()['id']}"
        assert revision_of(database) == reached
        assert grant_ids(clerk, app) == [first.json()["id"]]

    def test_a_key_in_quotes_and_one_without_are_the_same(self, clerk: Clerk) -> None:
        app, key = clerk.register(), secrets.token_hex(8)
        place = f"/v1/apps/{app}/grants"
        first = clerk.http.post(place, json=GRANT, headers={"Idempotency-Key": key})
        same(first, clerk.http.post(place, json=GRANT, headers={"Idempotency-Key": f'"{key}"'}))

    def test_without_a_key_it_is_done_again(self, clerk: Clerk) -> None:
        app = clerk.register()
        clerk.grant(app)
        clerk.grant(app)
        assert len(grant_ids(clerk, app)) == 2

    def test_what_came_after_does_not_change_the_answer(self, clerk: Clerk) -> None:
        app, headers = clerk.register(), new_key()
        place = f"/v1/apps/{app}/withdraw"
        condition = {"If-Match": clerk.etag(f"/v1/apps/{app}")}
        first = clerk.http.post(place, json={"reason": "示例"}, headers=headers | condition)
        assert first.status_code == 200
        # By now the version it is based on is not the current one, and the app cannot be withdrawn any more.
        same(first, clerk.http.post(place, json={"reason": "示例"}, headers=headers | condition))

    def test_a_key_belongs_to_its_caller(self, settings: RegistrySettings) -> None:
        tokens = {
            hashlib.sha256(name.encode()).hexdigest(): {"name": f"示例 {name}", "scopes": ["read", "write", "approve"]}
            for name in ("one", "other")
        }
        own = settings.model_validate({**settings.model_dump(exclude_unset=True), "web": {"tokens": tokens}})
        with TestClient(create_service(own)) as http:
            clerk = Clerk(http)
            http.headers["Authorization"] = "Bearer one"
            app, headers = clerk.register(), new_key()
            place = f"/v1/apps/{app}/grants"
            ids = []
            for name in ("one", "other", "one"):
                http.headers["Authorization"] = f"Bearer {name}"
                answer = http.post(place, json=GRANT, headers=headers)
                assert answer.status_code == 201
                ids.append(answer.json()["id"])
            assert ids[0] != ids[1]
            assert ids[0] == ids[2]


def tagged(clerk: Clerk, place: str) -> dict[str, str]:
    return {"If-Match": clerk.etag(place)}


def _grant(clerk: Clerk, app: str) -> str:
    return f"/v1/apps/{app}/grants/{clerk.grant(app, until_on='2199-12-31')['id']}"


def _withdraw(clerk: Clerk, app: str) -> dict[str, Any]:
    place = f"/v1/apps/{app}"
    return {"url": f"{place}/withdraw", "json": {"reason": "示例"}, "headers": tagged(clerk, place)}


def _move(clerk: Clerk, app: str) -> dict[str, Any]:
    place = f"/v1/apps/{app}"
    return {
        "url": f"{place}/transitions",
        "json": {"to": "returned", "reason": "示例"},
        "headers": tagged(clerk, place),
    }


def _patch(clerk: Clerk, app: str) -> dict[str, Any]:
    place = f"/v1/apps/{app}"
    headers = {**tagged(clerk, place), "Content-Type": "application/merge-patch+json"}
    return {"method": "PATCH", "url": f"{place}?reason=x", "content": '{"name": "新名"}', "headers": headers}


def _revoke(clerk: Clerk, app: str) -> dict[str, Any]:
    place = _grant(clerk, app)
    body = {"revoked_on": "2026-01-01", "reason": "示例"}
    return {"url": f"{place}/revoke", "json": body, "headers": tagged(clerk, place)}


def _renew(clerk: Clerk, app: str) -> dict[str, Any]:
    place = _grant(clerk, app)
    body = {"until_on": "2200-12-31", "reason": "示例"}
    return {"url": f"{place}/renew", "json": body, "headers": tagged(clerk, place)}


def _batch(clerk: Clerk, app: str) -> dict[str, Any]:
    item = {
        "manifest": manifest(app, name="新名", stage="proposed"),
        "if_match": clerk.etag(f"/v1/apps/{app}"),
        "reason": "示例",
    }
    return {"url": "/v1/batches", "json": {"mode": "all", "items": [item]}}


REQUESTS: dict[str, Callable[[Clerk, str], dict[str, Any]]] = {
    "record_grant": lambda _, app: {"url": f"/v1/apps/{app}/grants", "json": GRANT},
    "revoke_grant": _revoke,
    "renew_grant": _renew,
    "withdraw_app": _withdraw,
    "make_transition": _move,
    "patch_app": _patch,
    "write_batch": _batch,
}
"""A request of every operation on apps and grants that is done once; those on imports and subscriptions stand there."""


class TestEveryOperation:
    @pytest.mark.parametrize("operation", REQUESTS)
    def test_it_is_done_once(self, clerk: Clerk, database: Database, operation: str) -> None:
        app = clerk.register(stage="proposed")
        request = REQUESTS[operation](clerk, app)
        request["headers"] = {**request.get("headers", {}), **new_key()}
        method = request.pop("method", "POST")
        before = revision_of(database)
        first = clerk.http.request(method, **request)
        assert first.is_success, first.text
        assert revision_of(database) == before + 1
        same(first, clerk.http.request(method, **request))
        assert revision_of(database) == before + 1

    def test_there_is_no_other(self, clerk: Clerk) -> None:
        named = {
            operation["operationId"]
            for path, item in clerk.get("/openapi.json")["paths"].items()
            for operation in item.values()
            if operation.get("x-once") and not path.startswith(("/v1/imports", "/v1/subscriptions"))
        }
        assert named == set(REQUESTS)


class TestOtherRequest:
    @pytest.mark.parametrize("what", ["body", "path"])
    def test_it_is_refused_and_not_done(self, clerk: Clerk, what: str) -> None:
        app, other, headers = clerk.register(), clerk.register(), new_key()
        assert clerk.http.post(f"/v1/apps/{app}/grants", json=GRANT, headers=headers).status_code == 201
        body = {**GRANT, "kind": "necessity"} if what == "body" else GRANT
        at = other if what == "path" else app
        answer = clerk.http.post(f"/v1/apps/{at}/grants", json=body, headers=headers)
        told = problem(answer, 422, "Idempotency-Key:")
        assert told["type"] == "urn:govapp:problem:idempotency-key-reused"
        assert len(grant_ids(clerk, app) + grant_ids(clerk, other)) == 1

    def test_a_key_that_cannot_be_read_is_refused(self, clerk: Clerk) -> None:
        app = clerk.register()
        for written in ("", '""', '"a', "a b", '"' + "a" * 201 + '"', "a, b", '"a";b=1'):
            answer = clerk.http.post(f"/v1/apps/{app}/grants", json=GRANT, headers={"Idempotency-Key": written})
            assert problem(answer, 400, "Idempotency-Key:")["errors"][0]["remedy"]
        assert grant_ids(clerk, app) == []


class TestWhatIsNotKept:
    def test_a_refusal_is_not_and_the_key_stays_free(self, clerk: Clerk) -> None:
        app, headers = clerk.register(), new_key()
        place = f"/v1/apps/{app}/grants"
        problem(clerk.http.post(place, json={**GRANT, "kind": "?"}, headers=headers), 422)
        problem(clerk.http.post("/v1/apps/none/grants", json=GRANT, headers=headers), 404)
        assert clerk.http.post(place, json=GRANT, headers=headers).status_code == 201

    def test_what_fails_is_not_and_leaves_nothing(
        self, settings: RegistrySettings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with TestClient(create_service(settings), raise_server_exceptions=False) as http:
            clerk = Clerk(http)
            app, headers = clerk.register(), new_key()
            place = f"/v1/apps/{app}/grants"
            # It fails after all has been written, when the answer is about to be kept.
            monkeypatch.setattr(answers, "forget", lambda *_: 1 / 0)
            problem(http.post(place, json=GRANT, headers=headers), 500)
            assert grant_ids(clerk, app) == []
            monkeypatch.undo()
            assert http.post(place, json=GRANT, headers=headers).status_code == 201
            assert len(grant_ids(clerk, app)) == 1


@contextmanager
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Event, Event]]:
    """Stop every grant inside its transaction: one event says that one has come so far, the other lets it go on."""
    begun, go_on = Event(), Event()
    record: Callable[..., Any] = grants.record

    def slow(*args: Any) -> Any:  # noqa: ANN401 - as `record`
        result = record(*args)
        begun.set()
        assert go_on.wait(30)
        return result

    with monkeypatch.context() as patched:
        patched.setattr(grants, "record", slow)
        try:
            yield begun, go_on
        finally:
            go_on.set()


class TestInFlight:
    def test_it_is_told_to_come_back(self, clerk: Clerk, monkeypatch: pytest.MonkeyPatch) -> None:
        app, headers = clerk.register(), new_key()
        place = f"/v1/apps/{app}/grants"
        with held(monkeypatch) as (begun, go_on), ThreadPoolExecutor(1) as thread:
            first = thread.submit(clerk.http.post, place, json=GRANT, headers=headers)
            assert begun.wait(30)
            answer = clerk.http.post(place, json=GRANT, headers=headers)
            go_on.set()
            assert first.result().status_code == 201
        assert problem(answer, 409)["type"] == "urn:govapp:problem:idempotency-key-in-use"
        assert answer.headers["Retry-After"] == "1"
        same(first.result(), clerk.http.post(place, json=GRANT, headers=headers))

    def test_at_another_process_it_waits_and_gets_the_same_answer(
        self, clerk: Clerk, settings: RegistrySettings
    ) -> None:
        """Two services know nothing of each other but the database, as two processes do."""
        app, headers = clerk.register(), new_key()
        barrier = Barrier(4)

        def send(http: TestClient) -> httpx.Response:
            barrier.wait(30)
            told: httpx.Response = http.post(f"/v1/apps/{app}/grants", json=GRANT, headers=headers)
            return told

        services = [TestClient(create_service(settings)) for _ in range(4)]
        for each in services:
            each.__enter__()
        try:
            with ThreadPoolExecutor(4) as threads:
                told = list(threads.map(send, services))
        finally:
            for each in services:
                each.__exit__()
        assert [each.status_code for each in told] == [201] * 4
        assert len({each.content for each in told}) == 1
        assert sum("idempotency-replayed" in each.headers for each in told) == 3
        assert len(grant_ids(clerk, app)) == 1


class TestForgetting:
    """What is kept long enough goes, some with each new answer, and its key is free again."""

    @pytest.fixture
    def later(self, settings: RegistrySettings) -> Iterator[tuple[Database, Callable[[timedelta], None]]]:
        now = [datetime.now(UTC) + timedelta(days=3650)]
        database = Database(settings.database_url.get_secret_value(), now=lambda: now[0])

        def pass_by(time: timedelta) -> None:
            now[0] += time

        yield database, pass_by
        database.close()

    @staticmethod
    def keep(database: Database, key: str, body: bytes) -> Kept | None:
        once = Once("示例", key, "digest")
        return answers.once(database, once, FOR, lambda: Kept("digest", 200, {}, body))

    def test_a_key_is_free_again_afterwards(self, later: tuple[Database, Callable[[timedelta], None]]) -> None:
        database, pass_by = later
        key = new_id()
        assert self.keep(database, key, b"1") is None
        pass_by(FOR)
        kept = self.keep(database, key, b"2")
        assert kept is not None
        assert kept.body == b"1"
        pass_by(timedelta(seconds=1))
        assert answers.find(database, Once("示例", key, "digest"), FOR) is None
        assert self.keep(database, key, b"3") is None

    def test_they_go_in_bounded_numbers(self, later: tuple[Database, Callable[[timedelta], None]]) -> None:
        database, pass_by = later
        run = new_id()
        for n in range(5):
            self.keep(database, f"{run}-{n}", b"")
        pass_by(FOR * 2)
        with database.together() as connection:
            left = text("SELECT count(*) FROM kept_answers WHERE key LIKE :run")
            mine = {"run": f"{run}-%"}
            answers.forget(connection, database.now() - FOR * 3)
            assert connection.execute(left, mine).scalar_one() == 5
            answers.forget(connection, database.now() - FOR, limit=10**6)
            assert connection.execute(left, mine).scalar_one() == 0
        for n in range(5):
            self.keep(database, f"{run}-{n}", b"")
        pass_by(FOR * 2)
        with database.together() as connection:
            every = text("SELECT count(*) FROM kept_answers")
            before = connection.execute(every).scalar_one()
            assert answers.forget(connection, database.now() - FOR, limit=2) == 2
            assert connection.execute(every).scalar_one() == before - 2


class TestTogether:
    """Writes that belong together: each is undone alone when it fails, and all of them when the whole does."""

    @staticmethod
    def write(database: Database, app: str, *, fails: bool = False) -> None:
        def guard(*_: object) -> None:
            if fails:
                raise LookupError

        grants.record(database, app, TERMS, Act("示例", "示例"), guard)

    def test_parts(self, clerk: Clerk, database: Database) -> None:
        app = clerk.register()
        before = revision_of(database)
        with database.together():
            self.write(database, app)
            with pytest.raises(LookupError):
                self.write(database, app, fails=True)
            self.write(database, app)
        assert grant_ids(clerk, app) == [f"g{before + 1}", f"g{before + 2}"]
        with pytest.raises(LookupError), database.together():  # noqa: PT012 - it is the second that raises
            self.write(database, app)
            self.write(database, app, fails=True)
        assert revision_of(database) == before + 2
        self.write(database, app)
        assert grant_ids(clerk, app)[-1] == f"g{before + 3}"
