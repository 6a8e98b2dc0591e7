"""One request and its answer: what the gate knows of them, for endpoints, handlers and the log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from services.web.problems import preferred_language, problem_response

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping, MutableMapping

    from starlette.requests import Request
    from starlette.responses import Response

    from services.text import Lang
    from services.web.idempotency import Once
    from services.web.operations import Operation
    from services.web.problems import Problem
    from services.web.settings import Caller

_KEY = "govapp.exchange"
_MOST_TOLD = 2048  # characters of a path that problems and logs repeat; longer ones are refused, and not to be echoed


@dataclass(slots=True)
class Exchange:
    """A request on its way through the service; `status` is 0 until an answer has begun."""

    request_id: str
    method: str
    path: str
    lang: Lang
    operation: Operation | None = None
    caller: Caller | None = None
    once: Once | None = None
    problem: str | None = None
    status: int = 0
    received_bytes: int = 0
    sent_bytes: int = 0
    path_params: dict[str, str] = field(default_factory=dict)
    deadline: asyncio.Timeout | None = None
    quota: list[tuple[bytes, bytes]] = field(default_factory=list)

    def answer(self, problem: Problem) -> Response:
        """Give the response that says `problem`, and remember which it was."""
        self.problem = problem.kind.name
        return problem_response(problem, lang=self.lang, instance=self.path, request_id=self.request_id)


def begin_exchange(scope: MutableMapping[str, Any], request_id: str, accept_language: bytes) -> Exchange:
    """Make the exchange of a request and attach it to its ASGI scope."""
    raw_path: bytes = scope.get("raw_path") or b""
    # As it was written, if that is a path at all; else as it was understood.
    path = raw_path.decode() if raw_path.isascii() and raw_path else quote(scope["path"], errors="replace")
    path = path[:_MOST_TOLD]
    lang = preferred_language(accept_language.decode("latin-1")) if accept_language else "zh"
    exchange = Exchange(request_id=request_id, method=scope["method"], path=path, lang=lang)
    scope[_KEY] = exchange
    return exchange


def exchange_in(scope: Mapping[str, Any]) -> Exchange:
    """Give the exchange that an ASGI scope belongs to."""
    exchange: Exchange = scope[_KEY]
    return exchange


def caller_of(request: Request) -> Caller:
    """Give who makes the request: the holder of its token, or `anonymous`."""
    caller = exchange_in(request.scope).caller
    if caller is None:
        raise RuntimeError("the request has not passed the gate")
    return caller


def request_id_of(request: Request) -> str:
    """Give the id under which the request appears in logs and problems."""
    return exchange_in(request.scope).request_id


def language_of(request: Request) -> Lang:
    """Give the language to answer in: Chinese, unless `Accept-Language` prefers English."""
    return exchange_in(request.scope).lang


def lift_deadline(request: Request) -> None:
    """Let the answer begin as late as it has to; whoever calls this bounds the time in another way."""
    deadline = exchange_in(request.scope).deadline
    if deadline is not None and not deadline.expired():
        deadline.reschedule(None)
