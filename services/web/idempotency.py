"""A request that is done once, however often it is sent: the header `Idempotency-Key`.

As draft-ietf-httpapi-idempotency-key-header says: whoever gets no answer sends the request again under the same key,
and gets the answer of the first. The answer must be kept in the transaction that does what it tells of, so keeping it
is the service's own; this reads the key, finds the answer, and keeps two of the same from being done side by side.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from services.text import Text
from services.web.exchange import exchange_in
from services.web.problem_types import INVALID_HEADER, KEY_IN_USE, KEY_REUSED
from services.web.problems import Fault, Problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
"""Stands on an answer that was kept: what it tells of was done before."""

KEY_PATTERN = r'^("([ !#-\[\]-~]|\\["\\]){1,200}"|[A-Za-z0-9._~:/+=-]{1,200})$'
"""A string of RFC 9651, as the draft has it, or a bare word, as many clients send it: `"x"` and `x` are one key."""

_KEY = re.compile(KEY_PATTERN)
_ESCAPED = re.compile(r'\\(["\\])')
_RECOMPUTED = frozenset({"content-length"})


@dataclass(frozen=True, slots=True)
class Once:
    """A request that is to be done once: who has sent it, under which key, and the digest of what it asks."""

    caller: str
    key: str
    request: str


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer that was kept, and the digest of the request that it answers."""

    request: str
    status: int
    headers: dict[str, str]
    body: bytes

    @classmethod
    def of(cls, once: Once, response: Response) -> Kept:
        """Give the answer to be kept, whole: what the gate adds to every answer is not part of it."""
        headers = {name: value for name, value in response.headers.items() if name not in _RECOMPUTED}
        return cls(once.request, response.status_code, headers, bytes(response.body))

    def answer_to(self, once: Once) -> Response:
        """Give the answer again.

        Raises:
            Problem: `idempotency-key-reused` (422) when the request is another one.

        """
        if self.request != once.request:
            remedy = Text("请为这个请求另取一个新的键。", "Take a new key for this request.")
            raise Problem(KEY_REUSED, errors=[Fault(f"{HEADER}:", KEY_REUSED.meaning, remedy)])
        return Response(self.body, self.status, {**self.headers, REPLAYED: "true"})


class Answers(Protocol):
    """Where a service keeps answers."""

    async def find(self, request: Request, once: Once) -> Kept | None:
        """Give the answer that is kept under the caller's key, whatever request it answers.

        Raises:
            Problem: it cannot be told, or the request is being answered elsewhere.

        """
        ...


class OnceOnly:
    """Does requests that have a key, or gives the answers they have had."""

    def __init__(self, answers: Answers) -> None:
        """Take where the answers are kept."""
        self._answers = answers
        self._in_flight: set[tuple[str, str]] = set()

    async def do(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Let `app` answer a request, unless it was answered.

        Raises:
            Problem: the key cannot be read, is in use, or was used for another request.

        """
        key = read_key(Headers(scope=scope))
        if key is None:
            await app(scope, receive, send)
            return
        exchange = exchange_in(scope)
        caller = "" if exchange.caller is None else exchange.caller.name
        name = (caller, key)
        if name in self._in_flight:
            raise Problem(KEY_IN_USE, headers={"Retry-After": "1"})
        self._in_flight.add(name)
        try:
            body = await Request(scope, receive).body()
            once = Once(caller, key, _digest(scope, body))
            kept = await self._answers.find(Request(scope), once)
            if kept is not None:
                await kept.answer_to(once)(scope, receive, send)
                return
            exchange.once = once
            await app(scope, _again(body, receive), send)
        finally:
            self._in_flight.discard(name)


def read_key(headers: Headers) -> str | None:
    """Give the key of a request, None when it has none.

    Raises:
        Problem: `invalid-header` (400) when it cannot be read.

    """
    lines = headers.getlist(HEADER)
    if not lines:
        return None
    if len(lines) > 1 or not _KEY.fullmatch(lines[0]):
        detail = Text("不是一个幂等键。", "This is not one idempotency key.")
        remedy = Text(
            '请为每个要做的请求取一个新的 UUID，写作 "…"（双引号内 1 至 200 个可见 ASCII 字符），重发时保持不变。',
            'Take a new UUID for every request that is to be done, write it as "…" (1 to 200 visible ASCII characters '
            "in double quotes), and keep it when sending again.",
        )
        raise Problem(INVALID_HEADER, errors=[Fault(f"{HEADER}:", detail, remedy)])
    written = lines[0]
    return _ESCAPED.sub(r"\1", written[1:-1]) if written.startswith('"') else written


def once_of(request: Request) -> Once | None:
    """Give what makes a request one that is to be done once; None when its caller has not named it."""
    return exchange_in(request.scope).once


def _digest(scope: Scope, body: bytes) -> str:
    asked = (scope["method"], scope["path"], scope["query_string"].decode("latin-1"))
    # None of them holds a NUL: the gate lets no control character into a path, and a query is percent-encoded.
    return hashlib.sha256("\0".join(asked).encode() + b"\0" + body).hexdigest()


def _again(body: bytes, receive: Receive) -> Receive:
    """Give the body that was read to whoever reads it next, and then what comes after it."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def take_in() -> Message:
        return messages.pop() if messages else await receive()

    return take_in
