"""The registry client: bounded in time and tries, and never takes unavailable for empty."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import orjson
import pytest

from services.audit.registry_client import RegistryClient, RegistryOptions, RegistryUnavailable
from services.manifest.neighbourhood import Neighbourhood
from tests import world

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.manifest.model import Manifest

EXEMPLARY = world.load(world.RULES / "exemplary.yaml")
OPTIONS = RegistryOptions(url="http://registry.example", deadline_s=5, tries=3, pause_s=0)
EMPTY = {"revision": 7, "ties": [], "grants": []}


def local() -> Manifest:
    return world.manifest(EXEMPLARY["local"]["app"])


def ask(handler: Callable[[httpx.Request], Any], options: RegistryOptions = OPTIONS) -> Neighbourhood:
    async def run() -> Neighbourhood:
        async with RegistryClient(options, httpx.MockTransport(handler)) as registry:
            return await registry.neighbourhood(local())

    return asyncio.run(run())


def test_it_asks_the_ties_of_the_manifest() -> None:
    seen: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(orjson.loads(request.content))
        return httpx.Response(200, json=EMPTY)

    assert ask(handler) == Neighbourhood(revision=7, ties=(), grants=())
    assert seen[0]["app"] == "example-city-duty"
    assert {each["tie"] for each in seen[0]["questions"]} == {
        "item:code=disaster-population",
        "platform:99",
        "sector:示例政务办公",
    }


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_passing_failure_is_asked_again(status: int) -> None:
    answers = iter([httpx.Response(status), httpx.Response(status), httpx.Response(200, json=EMPTY)])
    assert ask(lambda _: next(answers)).revision == 7


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 500])
def test_a_refusal_is_not_asked_again(status: int) -> None:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(status)

    with pytest.raises(RegistryUnavailable, match=str(status)):
        ask(handler)
    assert len(asked) == 1


def test_tries_are_bounded() -> None:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(RegistryUnavailable, match="refused"):
        ask(handler)
    assert len(asked) == OPTIONS.tries


def test_one_deadline_holds_for_all_tries() -> None:
    async def never(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    options = RegistryOptions(url="http://registry.example", deadline_s=0.05, tries=3, pause_s=0)
    with pytest.raises(RegistryUnavailable, match="no answer within"):
        ask(never, options)


@pytest.mark.parametrize(
    "body",
    [b"", b"not json", b"[]", b"{}", b'{"revision": "x", "ties": [], "grants": []}', b'{"revision": 1, "ties": [{}]}'],
)
def test_an_answer_that_is_not_understood_is_no_answer(body: bytes) -> None:
    with pytest.raises(RegistryUnavailable, match="not understood"):
        ask(lambda _: httpx.Response(200, content=body))


@pytest.mark.parametrize("url", ["", "registry", "ftp://registry.example", "file:///etc/passwd", "http://"])
def test_only_http_addresses_are_taken(url: str) -> None:
    with pytest.raises(ValueError, match="no address of a registry"):
        RegistryClient(RegistryOptions(url=url))


def test_the_token_is_sent() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer example-token"
        return httpx.Response(200, json=EMPTY)

    assert ask(handler, RegistryOptions(url="http://registry.example", token="example-token")).revision == 7
