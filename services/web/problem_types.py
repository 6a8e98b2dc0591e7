"""The kinds of problems that every service can answer with: one table, which the OpenAPI documents list."""

from __future__ import annotations

from dataclasses import dataclass

from services.text import Text


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One kind of problem: a permanent name, its HTTP status, a title, and what it means."""

    name: str
    status: int
    title: Text
    meaning: Text

    @property
    def uri(self) -> str:
        """The `type` member of the problem: a URN that never changes."""
        return f"urn:govapp:problem:{self.name}"


INVALID_BODY = ProblemType(
    "invalid-body",
    400,
    Text("请求体无法读取", "The body cannot be read"),
    Text("请求体不是所声明格式的 UTF-8 文本。", "The body is not UTF-8 text of the format it claims to be."),
)
INVALID_HEADER = ProblemType(
    "invalid-header",
    400,
    Text("请求头无法读取", "A header cannot be read"),
    Text("请求头的写法不合标准。", "A request header is not written as its standard says."),
)
INVALID_CURSOR = ProblemType(
    "invalid-cursor",
    400,
    Text("翻页游标无效", "The page cursor is not valid"),
    Text("游标已损坏，或属于另一组筛选条件。", "The cursor is damaged, or belongs to other filters."),
)
UNAUTHENTICATED = ProblemType(
    "unauthenticated",
    401,
    Text("需要身份凭证", "A token is needed"),
    Text("请求没有带有效的访问令牌。", "The request carries no valid bearer token."),
)
FORBIDDEN = ProblemType(
    "forbidden",
    403,
    Text("没有权限", "Not allowed"),
    Text("调用者没有此操作所需的权限。", "The caller does not hold the scope this operation needs."),
)
UNKNOWN_PATH = ProblemType(
    "unknown-path",
    404,
    Text("没有这个地址", "No such path"),
    Text("此服务没有这个地址。", "This service has nothing at this path."),
)
NOT_FOUND = ProblemType(
    "not-found",
    404,
    Text("没有找到", "Not found"),
    Text("所要的记录不存在。", "The thing asked for does not exist."),
)
METHOD_NOT_ALLOWED = ProblemType(
    "method-not-allowed",
    405,
    Text("不支持此方法", "Method not allowed"),
    Text("此地址不支持这个 HTTP 方法。", "This path does not answer this HTTP method."),
)
CONFLICT = ProblemType(
    "conflict",
    409,
    Text("与现状冲突", "Conflict with what is recorded"),
    Text("请求与已记录的事实冲突。", "The request contradicts what is recorded."),
)
KEY_IN_USE = ProblemType(
    "idempotency-key-in-use",
    409,
    Text("同一请求正在处理", "The same request is being answered"),
    Text(
        "以这个幂等键发出的请求还在处理；请按 Retry-After 等待后原样重发，即得其答复。",
        "A request under this key is still being answered; wait for Retry-After and send it again for its answer.",
    ),
)
PRECONDITION_FAILED = ProblemType(
    "precondition-failed",
    412,
    Text("内容已被更改", "It has changed meanwhile"),
    Text("当前版本与请求所依据的版本不同。", "The current version is not the one the request is based on."),
)
BODY_TOO_LARGE = ProblemType(
    "body-too-large",
    413,
    Text("请求体过大", "The body is too large"),
    Text("请求体超过了允许的大小。", "The body is larger than this operation accepts."),
)
PATH_TOO_LONG = ProblemType(
    "path-too-long",
    414,
    Text("地址过长", "The path is too long"),
    Text("地址连同查询参数超过了允许的长度。", "The path with its query is longer than this service accepts."),
)
UNSUPPORTED_MEDIA_TYPE = ProblemType(
    "unsupported-media-type",
    415,
    Text("不支持此内容类型", "Unsupported media type"),
    Text("此操作不接受这种内容类型。", "This operation does not accept this media type."),
)
INVALID_VALUE = ProblemType(
    "invalid-value",
    422,
    Text("请求内容不合要求", "The request has invalid values"),
    Text("请求可以读取，但其中有不合要求之处。", "The request can be read, but something in it is not valid."),
)
KEY_REUSED = ProblemType(
    "idempotency-key-reused",
    422,
    Text("幂等键已用于另一请求", "The key was used for another request"),
    Text(
        "这个幂等键已用于方法、地址、参数或请求体不同的另一请求。",
        "A request of another method, path, query or body was made under this key.",
    ),
)
PRECONDITION_REQUIRED = ProblemType(
    "precondition-required",
    428,
    Text("需要说明所依据的版本", "Say which version this is based on"),
    Text("更改须带 If-Match，以免覆盖他人的更改。", "A change needs If-Match, so that nobody's change is overwritten."),
)
HEADERS_TOO_LARGE = ProblemType(
    "headers-too-large",
    431,
    Text("请求头过大", "The headers are too large"),
    Text("请求头合计超过了允许的大小。", "All headers together are larger than this service accepts."),
)
RATE_LIMITED = ProblemType(
    "rate-limited",
    429,
    Text("请求过于频繁", "Too many requests"),
    Text("请按 Retry-After 所示的秒数等待后再试。", "Wait for the seconds that Retry-After says, then try again."),
)
INTERNAL = ProblemType(
    "internal",
    500,
    Text("服务内部错误", "Internal error"),
    Text(
        "服务出错，已连同请求编号记入日志。",
        "The service failed; the failure is in its log under the request id.",
    ),
)
OVERLOADED = ProblemType(
    "overloaded",
    503,
    Text("服务繁忙", "Overloaded"),
    Text("正在处理的请求已达上限，请稍后再试。", "As many requests as allowed are being answered; try again shortly."),
)
DEADLINE_EXCEEDED = ProblemType(
    "deadline-exceeded",
    503,
    Text("处理超时", "Out of time"),
    Text(
        "未能在时限内答复；更改是否已生效不得而知，请先查询再重试。",
        "There was no answer in time; whether a change took effect is unknown: look before trying again.",
    ),
)
NOT_READY = ProblemType(
    "not-ready",
    503,
    Text("服务尚未就绪", "Not ready"),
    Text("服务所依赖的部分没有就绪。", "Something this service depends on is not ready."),
)

WEB_PROBLEMS: tuple[ProblemType, ...] = (
    INVALID_BODY,
    INVALID_HEADER,
    INVALID_CURSOR,
    UNAUTHENTICATED,
    FORBIDDEN,
    UNKNOWN_PATH,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    CONFLICT,
    KEY_IN_USE,
    PRECONDITION_FAILED,
    BODY_TOO_LARGE,
    PATH_TOO_LONG,
    UNSUPPORTED_MEDIA_TYPE,
    INVALID_VALUE,
    KEY_REUSED,
    PRECONDITION_REQUIRED,
    HEADERS_TOO_LARGE,
    RATE_LIMITED,
    INTERNAL,
    OVERLOADED,
    DEADLINE_EXCEEDED,
    NOT_READY,
)
"""The problems every service can answer with. A service adds those of its own domain in `create_service`."""
