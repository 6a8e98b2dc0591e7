"""Who makes a request, and whether they may."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from services.text import Text
from services.web.problem_types import FORBIDDEN, UNAUTHENTICATED
from services.web.problems import Fault, Problem
from services.web.settings import SCOPES, Caller

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.web.operations import Operation
    from services.web.settings import WebSettings

_NO_TOKEN = Fault(
    "Authorization:",
    UNAUTHENTICATED.meaning,
    Text(
        "请带上 Authorization: Bearer 令牌；令牌由管理员发放。",
        "Send `Authorization: Bearer` with a token; administrators hand them out.",
    ),
)


def lacks_scope(scope: str) -> Problem:
    """Give the problem of a caller who does not hold a scope that is needed."""
    detail = Text(f"此操作需要权限 {scope}。", f"This operation needs the scope {scope}.")
    remedy = Text(f"由持有权限 {scope} 者办理，或请管理员授予。", f"Let a holder of {scope} do it, or ask for it.")
    challenge = f'Bearer realm="govapp", error="insufficient_scope", scope="{scope}"'
    fault = Fault("Authorization:", detail, remedy)
    return Problem(FORBIDDEN, detail, errors=[fault], headers={"WWW-Authenticate": challenge})


class Callers:
    """Knows callers by their tokens; nothing is kept of a token but its SHA-256."""

    def __init__(self, settings: WebSettings) -> None:
        """Take the tokens, and what callers without one may do."""
        self._by_digest = settings.tokens
        is_open = settings.open_access and not settings.tokens
        self._anonymous = Caller(name="anonymous", scopes=SCOPES if is_open else settings.anonymous_scopes | {"public"})

    def identify(self, authorization: bytes | None) -> Caller | None:
        """Give the caller an Authorization header names; anonymous without one, None when it names nobody."""
        if authorization is None or not self._by_digest:
            return self._anonymous
        scheme, _, token = authorization.strip().partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        return self._by_digest.get(hashlib.sha256(token.strip()).hexdigest())

    def account_of(self, caller: Caller | None, client: Sequence[Any] | None) -> str:
        """Give on whose account a request is rated: a token's holder, else the address it comes from."""
        if caller is not None and caller is not self._anonymous:
            return f"caller {caller.name}"
        return f"host {client[0] if client else ''}"

    def authorise(self, caller: Caller | None, operation: Operation) -> Caller:
        """Give the caller as whom `operation` is done: at a public one, a bad token is no token.

        Raises:
            Problem: `unauthenticated` (401) or `forbidden` (403).

        """
        if operation.scope == "public":
            return caller or self._anonymous
        if caller is None:
            challenge = 'Bearer realm="govapp", error="invalid_token"'
            raise Problem(UNAUTHENTICATED, errors=[_NO_TOKEN], headers={"WWW-Authenticate": challenge})
        if operation.scope in caller.scopes:
            return caller
        if caller is self._anonymous:
            raise Problem(UNAUTHENTICATED, errors=[_NO_TOKEN], headers={"WWW-Authenticate": 'Bearer realm="govapp"'})
        raise lacks_scope(operation.scope)
