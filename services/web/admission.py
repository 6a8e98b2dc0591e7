"""Whether a request may enter: its operation, its caller's rate and scope, its size, type and parameters."""

from __future__ import annotations

import math
import re
from collections import Counter
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from services.text import Text
from services.web.bodies import body_too_large, require_media_type
from services.web.callers import Callers
from services.web.limits import RateLimit
from services.web.problem_types import (
    HEADERS_TOO_LARGE,
    INVALID_HEADER,
    INVALID_VALUE,
    METHOD_NOT_ALLOWED,
    OVERLOADED,
    PATH_TOO_LONG,
    RATE_LIMITED,
    UNKNOWN_PATH,
)
from services.web.problems import Fault, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.web.exchange import Exchange
    from services.web.operations import Operation, Operations
    from services.web.settings import WebSettings

_MAX_QUERY_PARAMETERS = 100
_MAX_QUOTED = 80
MAX_PATH_BYTES = 16 * 1024
"""The longest path with its query: a cursor has 2 KiB, and there are a score of filters."""
MAX_HEADER_BYTES = 64 * 1024
"""The names and values of all headers together."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_DETAIL = Text("含有控制字符。", "It holds control characters.")
_CONTROL_REMEDY = Text("请去掉控制字符。", "Remove them.")

_TWICE = Text("这个参数写了不止一次。", "This parameter is given more than once.")
_ONCE = Text("请只写一次。", "Give it once.")


class Admission:
    """Admits requests as the OpenAPI document and the settings say."""

    def __init__(self, operations: Operations, settings: WebSettings, clock: Callable[[], float]) -> None:
        """Take the operations there are, the limits, and a monotonic clock in seconds."""
        self._operations = operations
        self._callers = Callers(settings)
        self._max_concurrent = settings.max_concurrent_requests
        self._rate = None
        if settings.rate_per_second:
            self._rate = RateLimit(settings.rate_per_second, settings.rate_burst, settings.max_rated_clients, clock)

    def admit(
        self, exchange: Exchange, scope: Mapping[str, Any], headers: Mapping[bytes, bytes], busy: int
    ) -> Operation:
        """Give the operation that `exchange` asks for; `busy` requests are being answered already.

        Raises:
            Problem: why the request may not enter.

        """
        path = _path_below_root(scope)
        methods = self._operations.at(path)
        operation = exchange.operation = methods.get(exchange.method)
        caller = self._callers.identify(headers.get(b"authorization"))
        if self._rate is not None:
            self._take_rate(self._rate, exchange, self._callers.account_of(caller, scope.get("client")))
        _check_size(scope)
        if not methods:
            raise _unknown_path()
        if operation is None:
            raise _method_not_allowed(exchange.method, methods)
        exchange.caller = self._callers.authorise(caller, operation)
        if self._max_concurrent and busy >= self._max_concurrent and not operation.is_probe:
            raise Problem(OVERLOADED, headers={"Retry-After": "1"})
        _check_body(operation, headers)
        if scope["query_string"]:
            _check_query(operation, scope["query_string"])
        exchange.path_params = operation.parameters_in(path)
        return operation

    @staticmethod
    def _take_rate(rate: RateLimit, exchange: Exchange, account: str) -> None:
        allowance = rate.take(account)
        reset_s = math.ceil(allowance.reset_s)
        quota = f'"default";r={allowance.remaining};t={reset_s}'.encode()
        exchange.quota = [(b"ratelimit-policy", rate.policy), (b"ratelimit", quota)]
        if not allowance.is_granted:
            raise Problem(RATE_LIMITED, headers={"Retry-After": str(reset_s)})


def _path_below_root(scope: Mapping[str, Any]) -> str:
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    # A service behind a prefix: the router takes off the same prefix, and only a whole one.
    return path[len(root) :] if root and path.startswith(root + "/") else path


def _check_size(scope: Mapping[str, Any]) -> None:
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MAX_PATH_BYTES:
        detail = Text(
            f"地址连同查询参数最多 {MAX_PATH_BYTES} 字节。",
            f"A path with its query may have at most {MAX_PATH_BYTES} bytes.",
        )
        remedy = Text("请减少查询条件。", "Ask for less at once.")
        raise Problem(PATH_TOO_LONG, detail, errors=[Fault("?", detail, remedy)])
    if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADER_BYTES:
        detail = Text(
            f"请求头合计最多 {MAX_HEADER_BYTES} 字节。",
            f"All headers together may have at most {MAX_HEADER_BYTES} bytes.",
        )
        raise Problem(HEADERS_TOO_LARGE, detail, headers={"Connection": "close"})


def _unknown_path() -> Problem:
    remedy = Text(
        "全部地址见 /docs；标识等填入地址的部分不能为空，也不能含有斜线（包括写成 %2F 的）。",
        "All paths are at /docs; what is filled into one, an id for instance, is not empty and has no slash, nor %2F.",
    )
    return Problem(UNKNOWN_PATH, errors=[Fault("", UNKNOWN_PATH.meaning, remedy)])


def _method_not_allowed(method: str, methods: Mapping[str, Operation]) -> Problem:
    allow = ", ".join(sorted(methods))
    said = method if method.isalpha() else "-"
    detail = Text(f"此地址不支持 {said}。", f"This path does not answer {said}.")
    remedy = Text(f"可用的方法：{allow}。", f"It answers {allow}.")
    return Problem(METHOD_NOT_ALLOWED, detail, errors=[Fault("", detail, remedy)], headers={"Allow": allow})


def _check_body(operation: Operation, headers: Mapping[bytes, bytes]) -> None:
    length = headers.get(b"content-length")
    if length is not None:
        if not length.isdigit():
            detail = Text("Content-Length 不是数字。", "Content-Length is not a number.")
            raise Problem(INVALID_HEADER, detail, errors=[Fault("Content-Length:", detail)])
        if int(length) > operation.max_body_bytes:
            raise body_too_large(operation.max_body_bytes)
    has_body = length not in {None, b"0"} or b"transfer-encoding" in headers
    if operation.media_types and has_body:
        content_type = headers.get(b"content-type", b"").decode("latin-1")
        accept = "Accept-Patch" if operation.method == "PATCH" else "Accept"
        require_media_type(content_type, operation.media_types, accept)


def _check_query(operation: Operation, query: bytes) -> None:
    try:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=_MAX_QUERY_PARAMETERS)
    except ValueError:
        limit = _MAX_QUERY_PARAMETERS
        detail = Text(f"查询参数最多 {limit} 个。", f"There may be at most {limit} query parameters.")
        raise Problem(INVALID_VALUE, detail, errors=[Fault("?", detail)]) from None
    # A filter with a misspelt name would silently filter nothing.
    unknown = dict.fromkeys(name for name, _ in pairs if name not in operation.query_names)
    faults = [_unknown_parameter(name, operation) for name in unknown]
    # No name or number holds a control character, and a NUL is more than some databases can be asked for.
    unclean = dict.fromkeys(name for name, value in pairs if name not in unknown and _CONTROL.search(value))
    faults += [Fault(f"?{name}", _CONTROL_DETAIL, _CONTROL_REMEDY) for name in unclean]
    # Of two values one would count and the other be passed over.
    given = Counter(name for name, _ in pairs if name not in unknown and name not in operation.repeatable)
    faults += [Fault(f"?{name}", _TWICE, _ONCE) for name, times in given.items() if times > 1]
    if faults:
        raise Problem(INVALID_VALUE, errors=faults)


def _unknown_parameter(name: str, operation: Operation) -> Fault:
    said = name[:_MAX_QUOTED]
    known = sorted(operation.query_names)
    near = get_close_matches(said, known, n=1)
    if near:
        remedy = Text(f"是否想写 {near[0]}？", f"Did you mean {near[0]}?")
    elif known:
        remedy = Text(f"可用的参数：{'、'.join(known)}。", f"It takes {', '.join(known)}.")
    else:
        remedy = Text("此操作没有查询参数，请删去。", "This operation takes no query parameters; remove it.")
    return Fault(f"?{said}", Text("没有这个查询参数。", "There is no such query parameter."), remedy)
