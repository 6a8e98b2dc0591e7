import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator, Iterator, MutableMapping
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from services.web import JsonFormatter, WebSettings, create_service, operation
from tests.unit.web.tiny import READER, Answer, Thing, ask, bearer, client_of, guarded_settings, tiny_service

TEXT = {"Content-Type": "text/yaml"}


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What a service writes to its log, line by line."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("govapp")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield stream
    logger.removeHandler(handler)
    logger.setLevel(level)


def events(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_a_sane_request_id_is_kept() -> None:
    reply = ask(tiny_service(), "GET", "/v1/me", headers={"X-Request-Id": "Order-66.a_b"})
    assert reply.headers.get_list("x-request-id") == ["Order-66.a_b"]
    assert reply.json()["request_id"] == "Order-66.a_b"


@pytest.mark.parametrize(
    "forged",
    [
        b"",
        b"short",
        b"x" * 65,
        b"abcdefgh\r\nSet-Cookie: a=b",
        b"abcdefgh\n",
        b"abcdefgh\x00",
        b'abcdefgh","level":"error',
        "请求编号一二三".encode(),
        b"\xff" * 10,
    ],
)
def test_any_other_request_id_is_replaced(forged: bytes, log: io.StringIO) -> None:
    reply = ask(tiny_service(), "GET", "/v1/me", headers=[(b"X-Request-Id", forged)])
    [request_id] = reply.headers.get_list("x-request-id")
    assert len(request_id) == 32
    assert request_id.isalnum()
    assert [event["request_id"] for event in events(log)] == [request_id]
    assert "set-cookie" not in reply.headers


def test_no_two_requests_have_the_same_id() -> None:
    service = tiny_service()
    assert len({ask(service, "GET", "/v1/me").headers["x-request-id"] for _ in range(20)}) == 20


def test_every_request_is_one_event(log: io.StringIO) -> None:
    service = tiny_service(settings=guarded_settings(), things={"a": Thing(name="a")})
    reply = ask(service, "GET", "/v1/things/a", headers=bearer(READER))
    [event] = events(log)
    duration_ms = event.pop("duration_ms")
    assert duration_ms > 0
    assert event.pop("at").endswith("Z")
    assert event == {
        "event": "request.done",
        "level": "info",
        "logger": "govapp.access",
        "request_id": reply.headers["x-request-id"],
        "method": "GET",
        "path": "/v1/things/a",
        "route": "/v1/things/{thing_id}",
        "operation": "get_thing",
        "caller": "示例读者",
        "status": 200,
        "problem": None,
        "received_bytes": 0,
        "sent_bytes": len(reply.content),
    }


def test_a_refused_request_is_an_event_too(log: io.StringIO) -> None:
    ask(tiny_service(settings=guarded_settings()), "POST", "/v1/things")
    ask(tiny_service(settings=guarded_settings()), "GET", "/v1/things?token=secret")
    seen = [(e["status"], e["problem"], e["operation"], e["caller"], e["path"]) for e in events(log)]
    assert seen == [
        (405, "method-not-allowed", None, None, "/v1/things"),
        (401, "unauthenticated", "list_things", None, "/v1/things"),
    ]
    assert "secret" not in log.getvalue()


def test_a_line_break_in_a_path_forges_no_event(log: io.StringIO) -> None:
    ask(tiny_service(), "GET", "/v1/me%0A%7B%22event%22:%22forged%22%7D")
    assert [event["event"] for event in events(log)] == ["request.done"]


def test_a_failure_is_logged_with_its_stack_under_the_request_id(log: io.StringIO) -> None:
    reply = ask(tiny_service(), "GET", "/v1/failure")
    failed, done = events(log)
    assert failed["event"] == "request.failed"
    assert "swordfish" in failed["stack"]
    assert failed["request_id"] == done["request_id"] == reply.headers["x-request-id"]


def test_security_headers_are_on_every_answer() -> None:
    for path in ("/v1/me", "/v1/nothing", "/v1/failure", "/healthz"):
        headers = ask(tiny_service(), "GET", path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["cache-control"] in {"no-cache", "no-store"}


async def answer_of(app: FastAPI, path: str) -> list[dict[str, Any]]:
    """Call an ASGI object by hand, and keep what it has sent even if it then breaks off."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        # The caller stays and says nothing more.
        return await asyncio.Future()

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(dict(message))

    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [],
        "client": None,
    }
    with pytest.raises(RuntimeError, match="the second half is missing"):
        await app(scope, receive, send)
    return sent


def test_half_an_answer_is_broken_off_and_not_completed(log: io.StringIO) -> None:
    sent = asyncio.run(answer_of(tiny_service(), "/v1/half"))
    assert sent[0]["status"] == 200
    # What an endpoint says of caching stands.
    assert [value for name, value in sent[0]["headers"] if name == b"cache-control"] == [b"max-age=60"]
    assert all(message.get("more_body", False) for message in sent[1:])
    assert [event["event"] for event in events(log)] == ["request.failed", "request.done"]


def test_a_web_socket_is_refused() -> None:
    async def call() -> list[Any]:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "websocket.connect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        await tiny_service()({"type": "websocket", "path": "/v1/me", "headers": []}, receive, send)
        return sent

    assert asyncio.run(call()) == [{"type": "websocket.close", "code": 1008}]


async def chunks(count: int, size: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * size


@pytest.mark.parametrize(("path", "count", "size", "status"), [
    ("/v1/notes", 4, 25, 200),
    ("/v1/notes", 5, 25, 413),
    ("/v1/notes", 1, 101, 413),
    ("/v1/small", 4, 4, 200),
    ("/v1/small", 17, 1, 413),
])  # fmt: skip
def test_a_body_in_chunks_is_counted(path: str, count: int, size: int, status: int) -> None:
    service = tiny_service(settings=WebSettings(max_body_bytes=100))
    reply = ask(service, "POST", path, content=chunks(count, size), headers=TEXT)
    assert reply.status_code == status


def test_a_body_in_chunks_that_the_framework_reads_is_counted_too() -> None:
    service = tiny_service(settings=WebSettings(max_body_bytes=100))
    headers = {"Content-Type": "application/json"}
    reply = ask(service, "PUT", "/v1/things/a", content=chunks(1000, 100), headers=headers)
    assert (reply.status_code, reply.json()["type"]) == (413, "urn:govapp:problem:body-too-large")


def test_an_endless_body_is_not_read_to_its_end(log: io.StringIO) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"x" * 10

    service = tiny_service(settings=WebSettings(max_body_bytes=100))
    assert ask(service, "POST", "/v1/notes", content=endless(), headers=TEXT).status_code == 413
    assert taken <= 12
    assert events(log)[0]["received_bytes"] == 110


@pytest.mark.parametrize("length", ["101", "99999999999999999999"])
def test_a_body_that_says_it_is_too_large_is_not_read(length: str, log: io.StringIO) -> None:
    service = tiny_service(settings=WebSettings(max_body_bytes=100))
    reply = ask(service, "POST", "/v1/notes", content=b"x", headers={**TEXT, "Content-Length": length})
    assert reply.status_code == 413
    assert reply.headers["connection"] == "close"
    assert events(log)[0]["received_bytes"] == 0


@pytest.mark.parametrize("length", ["-1", "1e3", "ten", "", "0x10"])
def test_a_length_that_is_no_number_is_refused(length: str) -> None:
    reply = ask(tiny_service(), "POST", "/v1/notes", content=b"x", headers={**TEXT, "Content-Length": length})
    assert (reply.status_code, reply.json()["errors"][0]["pointer"]) == (400, "Content-Length:")


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("application/yaml", 200),
        ("application/x-yaml", 200),
        ("text/yaml", 200),
        ("Text/YAML; Charset=UTF-8", 200),
        ('application/json;charset="utf-8"', 200),
        ("application/json; profile=x", 200),
        ("application/json; charset=gb18030", 415),
        ("application/json; charset=utf-16", 415),
        ("application/json5", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("", 415),
        (";", 415),
    ],
)
def test_a_body_is_taken_only_as_what_the_document_lists(content_type: str, status: int) -> None:
    reply = ask(tiny_service(), "POST", "/v1/notes", content=b"{}", headers={"Content-Type": content_type})
    assert reply.status_code == status
    if status == 415:
        assert reply.headers["accept"] == "application/json, application/yaml, application/x-yaml, text/yaml"


def test_yaml_is_not_taken_where_only_json_is_listed() -> None:
    reply = ask(tiny_service(), "PUT", "/v1/things/a", content=b"name: a", headers=TEXT)
    assert (reply.status_code, reply.headers["accept"]) == (415, "application/json")


def test_one_request_more_than_allowed_is_refused_unless_it_watches_over_the_service() -> None:
    async def crowded() -> None:
        entered = asyncio.Event()
        service = tiny_service(settings=WebSettings(max_concurrent_requests=1, deadline_s=0), entered=entered)
        async with client_of(service) as client:
            waiting = asyncio.create_task(client.get("/v1/waiting"))
            await entered.wait()
            refused = await client.get("/v1/me")
            assert (refused.status_code, refused.json()["type"]) == (503, "urn:govapp:problem:overloaded")
            assert refused.headers["retry-after"] == "1"
            assert (await client.get("/healthz")).status_code == 200
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert (await client.get("/v1/me")).status_code == 200

    asyncio.run(crowded())


def test_a_caller_who_hangs_up_is_counted_as_such(log: io.StringIO) -> None:
    async def hang_up() -> None:
        entered = asyncio.Event()
        async with client_of(tiny_service(entered=entered)) as client:
            waiting = asyncio.create_task(client.get("/v1/waiting"))
            await entered.wait()
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    asyncio.run(hang_up())
    assert [(event["event"], event["status"]) for event in events(log)] == [("request.done", 499)]


def test_a_time_out_within_an_endpoint_is_a_failure_and_not_the_deadline() -> None:
    router = APIRouter()

    @router.get("/v1/impatient", summary="Impatient", **operation("public"))
    async def get_impatient() -> Answer:
        raise TimeoutError

    service = create_service(title="t", version="1", settings=WebSettings(), routers=[router])
    assert ask(service, "GET", "/v1/impatient").status_code == 500


def test_a_service_works_behind_a_prefix() -> None:
    async def prefixed(path: str) -> httpx.Response:
        transport = httpx.ASGITransport(tiny_service(), root_path="/registry")
        async with httpx.AsyncClient(transport=transport, base_url="http://tiny.test") as client:
            return await client.get(path)

    assert asyncio.run(prefixed("/registry/v1/me")).status_code == 200
    assert asyncio.run(prefixed("/registryv1/me")).status_code == 404
