"""Idempotency keys: how they are read, and that no endpoint is reached twice, whatever keeps the answers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest
from fastapi import APIRouter
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.web import Kept, Once, Problem, WebSettings, create_service, once_of, operation
from services.web.idempotency import read_key

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from services.web import Service


class Remembered:
    """Answers in memory, for a service whose work is nothing but counting."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Kept] = {}

    async def find(self, _: Request, once: Once) -> Kept | None:
        return self.kept.get((once.caller, once.key))

    def keep(self, request: Request, response: Response) -> Response:
        once = once_of(request)
        if once is not None:
            self.kept[once.caller, once.key] = Kept.of(once, response)
        return response


class Counter:
    """A service that counts how often it was really asked."""

    def __init__(self, before: Callable[[], Awaitable[object]] | None = None) -> None:
        self.count = 0
        self.answers = Remembered()
        router = APIRouter(prefix="/v1")

        @router.post("/counts/{name}", summary="Count", **operation("write", is_once=True))
        async def count(request: Request, name: str) -> Response:
            body = await request.body()
            if before is not None:
                await before()
            self.count += 1
            told = JSONResponse({"name": name, "count": self.count, "body": body.decode()}, 201, {"X-Count": "1"})
            return self.answers.keep(request, told)

        self.service = make(router, self.answers)

    async def post(self, path: str = "/v1/counts/a", key: str | None = '"k"', body: bytes = b"1") -> httpx.Response:
        transport = httpx.ASGITransport(self.service)
        headers = {} if key is None else {"Idempotency-Key": key}
        async with httpx.AsyncClient(transport=transport, base_url="http://web.test") as client:
            return await client.post(path, content=body, headers=headers)


def make(router: APIRouter, answers: Remembered | None) -> Service:
    return create_service(title="t", version="1", settings=WebSettings(), routers=[router], answers=answers)


@pytest.mark.parametrize(
    ("written", "key"),
    [('"a"', "a"), ("a", "a"), (r'"a\"b\\"', 'a"b\\'), ('"a b"', "a b"), ("8e03978e-40d5-43e8", "8e03978e-40d5-43e8")],
)
def test_a_key_is_read(written: str, key: str) -> None:
    assert read_key(Headers({"Idempotency-Key": written})) == key


@pytest.mark.parametrize("written", ["", '""', '"', '"a', "a b", '"a";q=1', '"a", "b"', "é", '"é"', r'"\x"', "a" * 201])
def test_a_key_that_is_none_is_refused(written: str) -> None:
    with pytest.raises(Problem) as caught:
        read_key(Headers(raw=[(b"idempotency-key", written.encode("latin-1"))]))
    assert caught.value.kind.status == 400
    assert caught.value.errors[0].remedy is not None


def test_two_keys_are_no_key() -> None:
    with pytest.raises(Problem):
        read_key(Headers(raw=[(b"idempotency-key", b"a"), (b"idempotency-key", b"a")]))


def test_the_endpoint_is_reached_once_and_the_answer_is_the_same() -> None:
    counter = Counter()

    async def twice() -> list[httpx.Response]:
        return [await counter.post(), await counter.post(key="k")]

    first, again = asyncio.run(twice())
    assert counter.count == 1
    assert (again.status_code, again.content) == (first.status_code, first.content) == (201, first.content)
    assert again.headers["X-Count"] == "1"
    assert again.headers["Content-Type"] == "application/json"
    assert [each.headers.get("Idempotency-Replayed") for each in (first, again)] == [None, "true"]
    assert first.json()["body"] == "1"


@pytest.mark.parametrize(("path", "body"), [("/v1/counts/a", b"2"), ("/v1/counts/b", b"1")])
def test_another_request_under_the_key_is_refused(path: str, body: bytes) -> None:
    counter = Counter()

    async def twice() -> httpx.Response:
        await counter.post()
        return await counter.post(path, body=body)

    answer = asyncio.run(twice())
    assert (answer.status_code, counter.count) == (422, 1)
    assert answer.json()["type"] == "urn:govapp:problem:idempotency-key-reused"


def test_without_a_key_each_request_is_its_own() -> None:
    counter = Counter()

    async def twice() -> None:
        await counter.post(key=None)
        await counter.post(key=None)

    asyncio.run(twice())
    assert counter.count == 2


def test_one_in_flight_is_waited_for() -> None:
    async def run() -> tuple[list[httpx.Response], int]:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            begun.set()
            await go_on.wait()

        counter = Counter(hold)
        first = asyncio.create_task(counter.post())
        await begun.wait()
        during = await counter.post()
        go_on.set()
        return [during, await first, await counter.post()], counter.count

    (during, first, after), count = asyncio.run(run())
    assert (during.status_code, during.headers["Retry-After"]) == (409, "1")
    assert during.json()["type"] == "urn:govapp:problem:idempotency-key-in-use"
    assert (after.content, count) == (first.content, 1)


def test_a_service_that_keeps_no_answers_cannot_promise_to() -> None:
    router = APIRouter(prefix="/v1")

    @router.post("/counts", summary="Count", **operation("write", is_once=True))
    async def count() -> Response:
        return Response()

    with pytest.raises(ValueError, match="nobody keeps the answers of count"):
        make(router, None)


def test_the_document_shows_the_header() -> None:
    shown = Counter().service.openapi()["paths"]["/v1/counts/{name}"]["post"]
    header = next(each for each in shown["parameters"] if each["name"] == "Idempotency-Key")
    assert (header["in"], header["required"]) == ("header", False)
    assert {"400", "409", "422"} <= set(shown["responses"])
