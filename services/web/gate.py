"""The gate: the one ASGI layer through which every request enters and every answer leaves.

It names the request, lets it in or says why not, and afterwards counts and logs it. One layer rather than one for each
concern: each layer costs every request, and only one of them can know how a request ended.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from services.web.admission import Admission
from services.web.bodies import body_too_large
from services.web.events import log_event, request_id_now
from services.web.exchange import begin_exchange, exchange_in
from services.web.problem_types import (
    BODY_TOO_LARGE,
    DEADLINE_EXCEEDED,
    INTERNAL,
    INVALID_BODY,
    METHOD_NOT_ALLOWED,
    UNKNOWN_PATH,
)
from services.web.problems import Problem
from services.web.validation import invalid_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from services.web.exchange import Exchange
    from services.web.measures import Measures
    from services.web.operations import Operations
    from services.web.settings import WebSettings

_ACCESS = logging.getLogger("govapp.access")
_FAILURES = logging.getLogger("govapp.failures")

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_CLIENT_CLOSED_REQUEST = 499
_FIXED_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_DEFAULT_HEADERS = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-cache"),
)
# What the framework itself raises, by status. An endpoint raises a Problem.
_FRAMEWORK_PROBLEMS = {kind.status: kind for kind in (INVALID_BODY, UNKNOWN_PATH, METHOD_NOT_ALLOWED, BODY_TOO_LARGE)}


class Gate:
    """ASGI middleware around a whole service."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        operations: Operations,
        settings: WebSettings,
        measures: Measures,
        clock: Callable[[], float],
    ) -> None:
        """Stand before `app`, whose operations are exactly `operations`."""
        self._app = app
        self._admission = Admission(operations, settings, clock)
        self._deadline_s = settings.deadline_s or None
        self._measures = measures
        self._busy = 0
        measures.in_flight.set_function(lambda: self._busy)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (or pass on the start and the end of the process)."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            # No operation is a WebSocket, so none is authorised.
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        headers = dict(scope["headers"])
        inbound = headers.get(b"x-request-id", b"")
        # Whatever else callers send as an id could forge headers and log lines.
        request_id = inbound.decode() if _REQUEST_ID.fullmatch(inbound) else secrets.token_hex(16)
        exchange = begin_exchange(scope, request_id, headers.get(b"accept-language", b""))
        named = request_id_now.set(request_id)
        self._busy += 1
        try:
            await self._let_in(exchange, headers, scope, receive, send)
        finally:
            self._busy -= 1
            self._record(exchange, time.perf_counter() - began)
            request_id_now.reset(named)

    async def _let_in(
        self,
        exchange: Exchange,
        headers: dict[bytes, bytes],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        send_out = _outgoing(exchange, send)
        try:
            operation = self._admission.admit(exchange, scope, headers, self._busy - 1)
            async with asyncio.timeout(self._deadline_s) as exchange.deadline:
                await self._app(scope, _incoming(exchange, operation.max_body_bytes, receive), send_out)
        except Exception as error:
            problem = self._problem_of(error, exchange)
            if exchange.status:
                # Half an answer is out; only breaking the connection tells the caller so.
                raise
            exchange.deadline = None  # It is over, and the answer that says so needs none.
            await exchange.answer(problem)(scope, receive, send_out)

    @staticmethod
    def _problem_of(error: Exception, exchange: Exchange) -> Problem:
        if isinstance(error, Problem):
            return error
        if isinstance(error, TimeoutError) and exchange.deadline is not None and exchange.deadline.expired():
            log_event(_FAILURES, "request.out_of_time", level=logging.WARNING, path=exchange.path)
            return Problem(DEADLINE_EXCEEDED, headers={"Retry-After": "1"})
        if isinstance(error, ClientDisconnect):
            return Problem(INVALID_BODY)
        log_event(_FAILURES, "request.failed", level=logging.ERROR, failed=True, path=exchange.path)
        return Problem(INTERNAL)

    def _record(self, exchange: Exchange, duration_s: float) -> None:
        status = exchange.status or _CLIENT_CLOSED_REQUEST
        operation = exchange.operation
        self._measures.count(operation, status, duration_s, exchange.problem)
        log_event(
            _ACCESS,
            "request.done",
            request_id=exchange.request_id,
            method=exchange.method,
            path=exchange.path,
            route=operation.template if operation else None,
            operation=operation.id if operation else None,
            caller=exchange.caller.name if exchange.caller else None,
            status=status,
            problem=exchange.problem,
            duration_ms=round(duration_s * 1000, 3),
            received_bytes=exchange.received_bytes,
            sent_bytes=exchange.sent_bytes,
        )


async def answer_exception(request: Request, error: Exception) -> Response:
    """Answer what an endpoint or the framework raised: the exception handler of every service.

    Raises:
        Exception: `error` itself, when it is no problem of the caller; the gate logs it and answers 500.

    """
    if isinstance(error, RequestValidationError):
        return exchange_in(request.scope).answer(invalid_request(error.errors()))
    if isinstance(error, HTTPException) and not isinstance(error, Problem):
        kind = _FRAMEWORK_PROBLEMS.get(error.status_code)
        if kind is None:
            raise error
        return exchange_in(request.scope).answer(Problem(kind, headers=error.headers))
    if isinstance(error, Problem):
        return exchange_in(request.scope).answer(error)
    raise error


def _incoming(exchange: Exchange, limit: int, receive: Receive) -> Receive:
    async def take_in() -> Message:
        message = await receive()
        if message["type"] == "http.request":
            exchange.received_bytes += len(message.get("body", b""))
            # A body that comes in chunks does not say its size beforehand.
            if exchange.received_bytes > limit:
                raise body_too_large(limit)
        return message

    return take_in


def _outgoing(exchange: Exchange, send: Send) -> Send:
    async def send_out(message: Message) -> None:
        if message["type"] == "http.response.start":
            exchange.status = message["status"]
            if exchange.deadline is not None and not exchange.deadline.expired():
                # The deadline is for the beginning of an answer; a long download may take its time.
                exchange.deadline.reschedule(None)
            given = list(message.get("headers", ()))
            names = {name for name, _ in given}
            given += [header for header in _DEFAULT_HEADERS if header[0] not in names]
            given += _FIXED_HEADERS
            given += exchange.quota
            given.append((b"x-request-id", exchange.request_id.encode()))
            message["headers"] = given
        elif message["type"] == "http.response.body":
            exchange.sent_bytes += len(message.get("body", b""))
        await send(message)

    return send_out
