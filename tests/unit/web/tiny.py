"""A tiny service with one operation of every sort, on which the promises of `services.web` are tested."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.text import Text
from services.web import (
    CONFLICT,
    INVALID_CURSOR,
    NOT_FOUND,
    Check,
    Fault,
    Problem,
    ProblemType,
    Service,
    WebSettings,
    body_format,
    caller_of,
    create_service,
    decode_cursor,
    encode_cursor,
    etag,
    not_modified,
    operation,
    read_body,
    request_id_of,
    require_for_put,
    require_if_match,
)

TOO_MANY_THINGS = ProblemType(
    "too-many-things", 409, Text("东西太多", "Too many things"), Text("装不下。", "It is full.")
)

READER, WRITER, ADMIN = "a-readers-token", "a-writers-token", "an-admins-token"


class Thing(BaseModel):
    """A thing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=20, pattern=r"^\w+$")]
    weights: list[int] = []


class Answer(BaseModel):
    """What an operation saw."""

    caller: str
    request_id: str
    seen: str


def answer(request: Request, seen: object = "") -> Answer:
    return Answer(caller=caller_of(request).name, request_id=request_id_of(request), seen=str(seen))


def version_of(thing: Thing | None) -> str | None:
    return None if thing is None else etag(thing.name.encode())


def things_router(things: dict[str, Thing]) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.get("/things", summary="List", **operation("read", INVALID_CURSOR))
    async def list_things(
        request: Request, limit: Annotated[int, Query(ge=1, le=100)] = 10, cursor: str | None = None
    ) -> Answer:
        filters = {"limit": limit}
        if cursor is None:
            return answer(request, encode_cursor({"after": "a"}, filters))
        return answer(request, decode_cursor(cursor, filters, {"after": str}))

    @router.get("/things/{thing_id}", summary="Read", **operation("read", NOT_FOUND, conditional="get"))
    async def get_thing(thing_id: str, request: Request, response: Response) -> Thing:
        current = version_of(things.get(thing_id))
        if current is None:
            raise Problem(NOT_FOUND)
        response.headers["ETag"] = current
        unchanged = not_modified(request, current)
        return unchanged or things[thing_id]  # type: ignore[return-value]  # FastAPI passes a response on as it is.

    @router.put("/things/{thing_id}", summary="Put", **operation("write", TOO_MANY_THINGS, conditional="put"))
    async def put_thing(thing_id: str, thing: Thing, request: Request) -> Thing:
        require_for_put(request, version_of(things.get(thing_id)))
        if len(things) > 1:
            detail = Text("已有两个。", "There are two already.")
            raise Problem(TOO_MANY_THINGS, detail, errors=[Fault("", detail)])
        things[thing_id] = thing
        return thing

    @router.post("/things/{thing_id}/seal", summary="Seal", **operation("approve", NOT_FOUND, conditional="change"))
    async def seal_thing(thing_id: str, request: Request) -> Answer:
        require_if_match(request, version_of(things.get(thing_id)))
        return answer(request)

    @router.delete("/things/{thing_id}", summary="Delete", **operation("admin", NOT_FOUND, conditional="change"))
    async def delete_thing(thing_id: str, request: Request) -> Answer:
        require_if_match(request, version_of(things.get(thing_id)))
        del things[thing_id]
        return answer(request)

    return router


def bodies_router() -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.post("/notes", summary="Note", **operation("public", body=Thing))
    async def add_note(request: Request) -> Answer:
        return answer(request, f"{body_format(request)} {len(await read_body(request))}")

    @router.post("/small", summary="Small", **operation("public", body=Thing, max_body_bytes=16))
    async def add_small(request: Request) -> Answer:
        return answer(request, len(await read_body(request)))

    return router


def oddities_router(entered: asyncio.Event) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.get("/me", summary="Me", **operation("public"))
    async def get_me(request: Request) -> Answer:
        return answer(request)

    @router.get("/failure", summary="Fail", **operation("public"))
    async def get_failure() -> Answer:
        raise RuntimeError("the password is swordfish")

    @router.get("/foreign", summary="Fail", **operation("public", CONFLICT))
    async def get_foreign() -> Answer:
        raise HTTPException(418, "an answer nobody documented")

    @router.get("/waiting", summary="Wait", **operation("public"))
    async def get_waiting() -> Answer:
        entered.set()
        await asyncio.Event().wait()
        raise AssertionError("nothing ends this waiting")

    @router.get("/half", summary="Half", response_class=StreamingResponse, **operation("public"))
    async def get_half() -> Response:
        async def half() -> AsyncIterator[bytes]:
            yield b"the first half"
            raise RuntimeError("the second half is missing")

        return StreamingResponse(half(), media_type="text/plain", headers={"Cache-Control": "max-age=60"})

    return router


def tiny_service(
    *,
    settings: WebSettings | None = None,
    things: dict[str, Thing] | None = None,
    entered: asyncio.Event | None = None,
    checks: Mapping[str, Check] | None = None,
    clock: Callable[[], float] = lambda: 0.0,
) -> Service:
    return create_service(
        title="示例服务",
        version="1",
        settings=settings or WebSettings(),
        routers=[
            things_router({} if things is None else things),
            bodies_router(),
            oddities_router(entered or asyncio.Event()),
        ],
        ready_checks=checks,
        problem_types=[TOO_MANY_THINGS],
        clock=clock,
    )


def guarded_settings(**given: object) -> WebSettings:
    """Three callers, each with one scope of their own; nothing is open."""
    tokens = {READER: ("示例读者", ["read"]), WRITER: ("示例写者", ["write"]), ADMIN: ("示例管理员", ["admin"])}
    by_digest = {
        hashlib.sha256(token.encode()).hexdigest(): {"name": name, "scopes": scopes}
        for token, (name, scopes) in tokens.items()
    }
    return WebSettings.model_validate({"tokens": by_digest, "open_access": False, **given})


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def client_of(service: Service, host: str = "192.0.2.1") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(service, client=(host, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://tiny.test")


def ask(
    service: Service,
    method: str,
    url: str,
    host: str = "192.0.2.1",
    **request: Any,  # noqa: ANN401 - as httpx takes them.
) -> httpx.Response:
    async def one() -> httpx.Response:
        async with client_of(service, host) as client:
            return await client.request(method, url, **request)

    return asyncio.run(one())
