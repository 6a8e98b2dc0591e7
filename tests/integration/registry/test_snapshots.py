"""Snapshots: all of one registry revision, streamed, in equal parts; and what happens to a stream nobody reads."""

from __future__ import annotations

import asyncio
import hashlib
import re
from typing import TYPE_CHECKING, NoReturn

import orjson
import pytest
from starlette.testclient import TestClient

from services.manifest.model import canonical
from services.registry.api import streams
from services.registry.api.desk import Desk
from services.registry.api.streams import Streams
from services.registry.filters import AppFilter
from services.registry.main import create_service
from services.registry.store import snapshots
from services.registry.store.database import Database
from services.registry.store.snapshots import Partition
from tests import world
from tests.integration.registry.clerk import Clerk, Document, new_id, problem
from tests.integration.registry.offices import Offices

if TYPE_CHECKING:
    from services.registry.settings import RegistrySettings


def lines(clerk: Clerk, place: str) -> list[Document]:
    answer = clerk.http.get(place)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("application/x-ndjson")
    assert answer.text == "" or answer.text.endswith("\n")
    return [orjson.loads(line) for line in answer.text.splitlines()]


def test_a_case_is_an_app_with_its_grants_and_the_bytes_of_its_manifest(clerk: Clerk) -> None:
    app = clerk.register(name='引"号\\与反斜线', regions=["33"])
    grants = [clerk.grant(app)["id"], clerk.grant(app, basis={"title": '示例"\\'})["id"]]
    (case,) = [each for each in lines(clerk, "/v1/snapshots/latest/cases") if each["app"] == app]
    record = clerk.get(f"/v1/apps/{app}")
    assert [each["id"] for each in case["grants"]] == grants
    assert {key: case[key] for key in ("revision", "hash", "manifest")} == {
        key: record[key] for key in ("revision", "hash", "manifest")
    }
    content = canonical(world.manifest(case["manifest"]))
    assert case["hash"].removeprefix("sha256:") == hashlib.sha256(content).hexdigest()


def test_an_offer_with_any_characters_comes_as_it_is(clerk: Clerk) -> None:
    name = f'引"号\\{new_id()}'
    app = clerk.register(asks=[{"name": name}])
    offers = [each for each in lines(clerk, "/v1/snapshots/latest/offers") if each["app"] == app]
    assert f"item:name={name}" in [each["tie"] for each in offers]
    told = clerk.neighbourhood(None, (f"item:name={name}", [""]))["ties"][0]["neighbours"]
    assert [each["facts"] for each in offers if each["tie"] == f"item:name={name}"] == [told[0]["facts"]]


def test_latest_says_which_it_is(clerk: Clerk) -> None:
    clerk.register()
    newest = clerk.get("/v1/changes", since=0, limit=1)["revision"]
    for what in ("offers", "cases"):
        latest = clerk.http.get(f"/v1/snapshots/latest/{what}")
        assert latest.headers["Registry-Revision"] == str(newest)
        assert clerk.http.get(f"/v1/snapshots/{newest}/{what}").content == latest.content
        assert clerk.http.get(f"/v1/snapshots/0/{what}").content == b""


def test_a_withdrawn_app_is_in_no_later_snapshot(clerk: Clerk) -> None:
    app = clerk.register(asks=[{"code": "gone"}])
    at = clerk.withdraw(app)["revision"]
    for what in ("offers", "cases"):
        assert app in [each["app"] for each in lines(clerk, f"/v1/snapshots/{at - 1}/{what}")]
        assert app not in [each["app"] for each in lines(clerk, f"/v1/snapshots/{at}/{what}")]


def test_parts_are_equal_and_in_the_order_of_divisions(clerk: Clerk) -> None:
    for division in ("33", "3307", "330783", "33", "33", "34"):
        clerk.register(sponsor={"name": "示例单位", "division": division})
    for _ in range(3):
        clerk.register(sponsor={"name": "示例单位"})
    at = clerk.get("/v1/changes", since=0, limit=1)["revision"]
    whole = clerk.http.get(f"/v1/snapshots/{at}/cases").text.splitlines()
    for n in (1, 2, 3, 7, 999):
        # A part is asked for as it is; of many parts, a few at both ends and in the middle.
        asked = [i for i in range(1, n + 1) if n < 10 or i in {1, 2, n // 2, n}]
        for i in asked:
            part = clerk.http.get(f"/v1/snapshots/{at}/cases?partition={i}/{n}").text.splitlines()
            assert part == whole[len(whole) * (i - 1) // n : len(whole) * i // n]
    divisions = [orjson.loads(line)["division"] for line in whole]
    declared = [each for each in divisions if each is not None]
    assert divisions == [*sorted(declared), *[None] * (len(divisions) - len(declared))]


@pytest.mark.parametrize("partition", ["0/1", "2/1", "1/0", "1", "1/1000", "a/b", ""])
def test_no_partition(clerk: Clerk, partition: str) -> None:
    problem(clerk.http.get("/v1/snapshots/latest/cases", params={"partition": partition}), 422, "?partition")


def test_a_revision_that_was_not_reached_is_not_found(clerk: Clerk) -> None:
    problem(clerk.http.get(f"/v1/snapshots/{10**17}/offers"), 404)
    problem(clerk.http.get("/v1/snapshots/newest/offers"), 422, "{revision}")


def test_few_stream_at_once_and_an_end_makes_room(settings: RegistrySettings) -> None:
    one = settings.model_copy(update={"max_streams": 1})
    service = create_service(one)
    with TestClient(service) as http:
        for _ in range(3):
            problem(http.get(f"/v1/snapshots/{10**17}/offers"), 404)
            assert http.get("/v1/snapshots/latest/offers").status_code == 200


def test_a_stream_that_is_left_gives_its_connection_back(database: Database, clerk: Clerk) -> None:
    for _ in range(3):
        clerk.register(asks=[{"code": "left"}])
    for _ in range(40):  # more than there are connections
        with snapshots.offers(database, None) as snapshot:
            assert re.match(rb'\{"tie":', next(snapshot.chunks))
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1


def test_a_snapshot_stays_what_it_is_while_others_write(
    database: Database, clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "_PIECE_BYTES", 1)
    code = new_id()
    apps = [clerk.register(asks=[{"code": code}]) for _ in range(3)]
    with snapshots.cases(database, None, Partition(), AppFilter()) as snapshot:
        begun = [next(snapshot.chunks)]
        assert begun[0].count(b"\n") == 1  # no more is fetched than was asked for
        clerk.withdraw(apps[1])
        clerk.register(asks=[{"code": code}])
        told = [orjson.loads(line)["app"] for line in b"".join([*begun, *snapshot.chunks]).splitlines()]
    assert set(apps) <= set(told)
    assert len(told) == len(set(told))


@pytest.mark.parametrize("fresh_database_url", ["postgresql"], indirect=True)
def test_a_snapshot_may_take_longer_than_a_statement(fresh_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(fresh_database_url, statement_timeout_s=0.2)
    database.migrate()
    monkeypatch.setattr(snapshots, "_offers_sql", lambda _: "SELECT 'slow' FROM pg_sleep(0.4) WHERE :revision >= 0")
    with snapshots.offers(database, None) as snapshot:
        assert b"".join(snapshot.chunks) == b"slow\n"
    with database.reading() as connection:
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar_one() == "200ms"
    database.close()


def test_a_reader_who_takes_nothing_is_left(settings: RegistrySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "STREAM_PAUSE_S", 0.01)

    async def never(*_: object) -> NoReturn:
        await asyncio.Future()
        raise AssertionError

    async def read() -> None:
        desk = Desk(settings.database(), settings)
        running = Streams(desk, 1)
        answer = await running.answer(snapshots.offers(desk.database, None))
        with pytest.raises(TimeoutError):
            await answer({"type": "http"}, never, never)
        running.close()  # it waits until the stream is closed, and says so to this loop
        await asyncio.sleep(0)
        assert running.free == 1
        desk.close()

    asyncio.run(asyncio.wait_for(read(), 60))


def test_a_case_names_its_sponsor_and_the_tree_tells_the_rest(clerk: Clerk) -> None:
    offices = Offices(clerk)
    ministry = offices.record(f'示例"部"{new_id()}')
    named = [{"name": "示例旧称"}, {"name": "示例中心", "from_on": "2024-01-01"}]
    unit = offices.record("示例中心", parents=[{"organisation": ministry}])
    offices.change(unit, names=named, parents=[{"organisation": ministry}], level="central", division="")
    app = clerk.register(sponsor={"credit_code": unit, "level": "central"})
    nobody = clerk.register()
    cases = {each["app"]: each for each in lines(clerk, "/v1/snapshots/latest/cases")}
    assert cases[nobody]["sponsor"] is None
    assert cases[app]["sponsor"] == {"by": "credit_code", "code": unit}
    tree = {each["code"]: each for each in lines(clerk, "/v1/snapshots/latest/organisations")}
    body = {"app": app, "questions": [], "sponsor": {"credit_code": unit}}
    told = clerk.done(clerk.http.post("/v1/neighbourhoods", json=body))["sponsor"]
    assert {"by": "credit_code", **tree[unit]} == told
    assert tree[unit]["names"] == ["示例中心", "示例旧称"]
    assert tree[unit]["department"] == tree[ministry]["department"] == ministry
