"""The one route that the router ever tries: it hands a request to the operation that the gate has found for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import BaseRoute, Match, NoMatchFound

from services.web.exchange import exchange_in
from services.web.idempotency import OnceOnly

if TYPE_CHECKING:
    from starlette.datastructures import URLPath
    from starlette.types import Receive, Scope, Send

    from services.web.idempotency import Answers


class Dispatch(BaseRoute):
    """Comes before all operations, so that what the gate has admitted is exactly what is done.

    Two parts that each match paths can disagree, and what one has authorised the other then does not do.
    """

    def __init__(self, answers: Answers | None) -> None:
        """Take where answers are kept, for operations that are done once."""
        self._once_only = None if answers is None else OnceOnly(answers)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match every HTTP request: only admitted ones come here."""
        if scope["type"] != "http":
            return Match.NONE, {}
        return Match.FULL, {"path_params": exchange_in(scope).path_params}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Do the operation."""
        operation = exchange_in(scope).operation
        if operation is None:
            raise RuntimeError("a request has come past the gate")
        if operation.is_once and self._once_only is not None:
            await self._once_only.do(operation.app, scope, receive, send)
        else:
            await operation.app(scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: object) -> URLPath:
        """Give no path: the operations themselves know theirs."""
        raise NoMatchFound(name, path_params)
