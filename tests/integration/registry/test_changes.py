"""The change feed: every change exactly once and in order, also while many write, and how one waits for the next."""

from __future__ import annotations

import asyncio
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from services.registry.api.watch import Watch
from services.registry.main import create_service
from services.registry.store import changes
from services.web import OVERLOADED, Problem
from tests.integration.registry.clerk import Clerk, Document, new_id, problem
from tests.integration.registry.test_concurrency import Writers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.registry.settings import RegistrySettings
    from services.registry.store.database import Database

PROCESSES = 3
EACH = 8


def reached(clerk: Clerk) -> int:
    return int(clerk.get("/v1/changes", since=0, limit=1)["revision"])


def test_a_change_tells_what_an_index_needs(clerk: Clerk) -> None:
    code, since = new_id(), reached(clerk)
    app = clerk.register(asks=[{"code": code}], regions=["33", "34"])
    grant = clerk.grant(app)
    clerk.change(app, asks=[{"code": code}], regions=["34"], kind="app")
    clerk.withdraw(app)
    page = clerk.get("/v1/changes", since=since)
    assert (page["revision"], page["next"]) == (since + 4, since + 4)
    registered, granted, changed, withdrawn = page["items"]
    assert [each["action"] for each in page["items"]] == ["register", "grant", "change", "withdraw"]
    assert [each["revision"] for each in page["items"]] == list(range(since + 1, since + 5))
    tie = f"item:code={code}"
    assert [each["division"] for each in registered["begun"] if each["tie"] == tie] == ["33", "34"]
    assert registered["hash"] != changed["hash"] == withdrawn["hash"]
    assert (granted["noun"], granted["id"], granted["app"], granted["hash"]) == ("grant", grant["id"], app, None)
    assert granted["grant"]["kind"] == "approval"
    # Facts name the regions, so both rows ended and one began again.
    assert [each["division"] for each in changed["ended"] if each["tie"] == tie] == ["33", "34"]
    assert [each["division"] for each in changed["begun"] if each["tie"] == tie] == ["34"]
    assert {"tie": tie, "division": "34"} in withdrawn["ended"]
    assert withdrawn["begun"] == []
    assert withdrawn["reason"] == "示例撤回"


def test_filters_leave_out_and_move_on(clerk: Clerk) -> None:
    code, since = new_id(), reached(clerk)
    app, other = clerk.register(asks=[{"code": code}]), clerk.register()
    clerk.grant(other)
    clerk.change(app, name="无此项")
    end = reached(clerk)

    def told(**filters: Any) -> list[int]:  # noqa: ANN401 - any filter
        page = clerk.get("/v1/changes", since=since, **filters)
        assert page["next"] == end
        return [each["revision"] - since for each in page["items"]]

    assert told() == [1, 2, 3, 4]
    assert told(tie=f"item:code={code}") == [1, 4]
    assert told(tie=[f"item:code={code}", "item:code=none"], noun="app") == [1, 4]
    assert told(noun="grant") == [3]
    assert told(noun=["grant", "app"]) == [1, 2, 3, 4]
    assert told(app=other) == [2, 3]
    assert told(app=new_id()) == []


def test_an_answer_is_bounded_by_offers_and_by_what_is_looked_at(clerk: Clerk, monkeypatch: pytest.MonkeyPatch) -> None:
    since = reached(clerk)
    for _ in range(4):
        clerk.register(asks=[{"code": "bounded"}], regions=["33", "34"])
    monkeypatch.setattr(changes, "MOST_OFFERS", 9)
    pages = follow(clerk, since)
    assert [len(page["items"]) for page in pages] == [2, 2]
    monkeypatch.setattr(changes, "MOST_OFFERS", 1)
    assert [len(page["items"]) for page in follow(clerk, since)] == [1, 1, 1, 1]
    monkeypatch.setattr(changes, "WINDOW", 3)
    assert [page["next"] - since for page in follow(clerk, since, noun="grant")] == [3, 4]


def follow(clerk: Clerk, since: int, **filters: Any) -> list[Document]:  # noqa: ANN401 - any filter
    pages: list[Document] = []
    while not pages or pages[-1]["next"] < pages[-1]["revision"]:
        pages.append(clerk.get("/v1/changes", since=pages[-1]["next"] if pages else since, **filters))
    return pages


def test_who_is_ahead_of_the_registry_is_told(clerk: Clerk) -> None:
    problem(clerk.http.get("/v1/changes", params={"since": reached(clerk) + 1}), 422, "?since")


@pytest.mark.parametrize(
    ("parameters", "pointer"),
    [
        ({}, "?since"),
        ({"since": -1}, "?since"),
        ({"since": 10**18}, "?since"),
        ({"since": 0, "limit": 1001}, "?limit"),
        ({"since": 0, "wait_s": 26}, "?wait_s"),
        ({"since": 0, "wait_s": "nan"}, "?wait_s"),
        ({"since": 0, "noun": "offer"}, "?noun"),
        ({"since": 0, "tie": "x"}, "?tie"),
        ({"since": 0, "app": "X"}, "?app"),
    ],
)
def test_mistakes_are_told_at_their_place(clerk: Clerk, parameters: dict[str, Any], pointer: str) -> None:
    problem(clerk.http.get("/v1/changes", params=parameters), 422, pointer)


@pytest.fixture(scope="module")
def writers() -> Iterator[Writers]:
    writers = Writers(PROCESSES)
    yield writers
    writers.end()


def test_a_reader_misses_nothing_while_many_processes_write(
    writers: Writers, database_url: str, database: Database
) -> None:
    start = since = changes.reached(database)
    seen: list[int] = []
    done = Event()

    def read() -> None:
        nonlocal since
        while True:
            ended = done.is_set()
            page = changes.since(database, since, changes.Filter(), limit=5)
            seen.extend(each.revision for each in page.changes)
            # What a change began is there as soon as the change is.
            assert all(each.begun for each in page.changes)
            since = page.next
            if ended and since == page.reached:
                return

    reader = Thread(target=read)
    reader.start()
    try:
        made = writers.do(database_url, "register", str(EACH))
    finally:
        done.set()
        reader.join()
    assert seen == list(range(start + 1, start + 1 + PROCESSES * EACH))
    assert sorted(revision for each in made for revision in each) == seen


class TestWaiting:
    def test_it_ends_with_the_change(self, settings: RegistrySettings) -> None:
        quick = settings.model_copy(update={"feed_poll_s": 0.02})
        with TestClient(create_service(quick)) as http:
            clerk = Clerk(http)
            since = reached(clerk)
            answers: list[Document] = []
            waiting = Thread(
                target=lambda: answers.append(clerk.get("/v1/changes", since=since, wait_s=20, noun="grant"))
            )
            waiting.start()
            app = clerk.register()  # does not meet the condition: the request goes on waiting
            assert waiting.is_alive()
            grant = clerk.grant(app)
            waiting.join()
            assert [each["id"] for each in answers[0]["items"]] == [grant["id"]]
            assert answers[0]["next"] == grant["revision"]

    def test_it_ends_by_itself(self, clerk: Clerk) -> None:
        since = reached(clerk)
        page = clerk.get("/v1/changes", since=since, wait_s=0.05)
        assert page == {"revision": since, "next": since, "items": []}

    def test_too_many_are_refused(self, settings: RegistrySettings) -> None:
        none = settings.model_copy(update={"max_waiting": 0})
        with TestClient(create_service(none)) as http:
            since = reached(Clerk(http))
            answer = http.get("/v1/changes", params={"since": since, "wait_s": 1})
            assert problem(answer, 503)["type"].endswith("overloaded")
            assert answer.headers["Retry-After"]


class TestWatch:
    def test_all_who_wait_share_one_question_and_nobody_asks_without_them(self) -> None:
        asked = 0

        async def ask() -> int:
            nonlocal asked
            asked += 1
            return 7 if asked > 3 else 6

        async def run() -> None:
            watch = Watch(ask, 0.001, at_most=100)
            assert await asyncio.gather(*(watch.beyond(6, 10) for _ in range(100))) == [True] * 100
            assert asked == 4
            assert watch.waiting == 0
            await asyncio.sleep(0.01)
            assert asked == 4
            assert await watch.beyond(6, 10)  # known already

        asyncio.run(run())
        assert asked == 4

    def test_a_failure_is_told_to_all_who_wait_and_is_not_the_end(self) -> None:
        failures = [Problem(OVERLOADED)]

        async def ask() -> int:
            await asyncio.sleep(0)
            if failures:
                raise failures.pop()
            return 1

        async def run() -> None:
            watch = Watch(ask, 0.001, at_most=10)
            told = await asyncio.gather(*(watch.beyond(0, 10) for _ in range(3)), return_exceptions=True)
            assert any(isinstance(each, Problem) for each in told)
            assert all(isinstance(each, Problem) or each is True for each in told)
            assert await watch.beyond(0, 10)
            assert watch.waiting == 0

        asyncio.run(run())

    def test_who_goes_away_is_forgotten(self) -> None:
        async def ask() -> int:
            return 0

        async def run() -> None:
            watch = Watch(ask, 0.001, at_most=1)
            waiting = asyncio.create_task(watch.beyond(0, 10))
            await asyncio.sleep(0.005)
            with pytest.raises(Problem):
                await watch.beyond(0, 10)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert watch.waiting == 0
            assert not await watch.beyond(0, 0.005)

        asyncio.run(run())
