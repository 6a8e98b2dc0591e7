"""The sizes and limits of a service, and who may call it."""

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Scope = Literal["public", "read", "write", "approve", "admin"]
"""What an operation demands of its caller. No scope implies another; everyone holds `public`."""

SCOPES: frozenset[Scope] = frozenset(get_args(Scope))

TokenDigest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Caller(BaseModel):
    """Who makes a request, and the scopes they hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=100,
            pattern=r"^[^\x00-\x1f\x7f]+$",
            description="The name written into the history as the one who made a change.",
        ),
    ]
    scopes: Annotated[frozenset[Scope], Field(description="What the caller may do, scope by scope.")]


class WebSettings(BaseModel):
    """How much one process of a service accepts, and from whom. A limit of 0 is off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tokens: Annotated[
        dict[TokenDigest, Caller],
        Field(description="Bearer tokens: the SHA-256 of each token, in lower-case hexadecimal, and whose it is."),
    ] = {}
    open_access: Annotated[
        bool,
        Field(
            description="While no token is configured, may anyone who reaches the port do everything? "
            "Meant for a service on loopback. As soon as there is a token, this opens nothing."
        ),
    ] = True
    anonymous_scopes: Annotated[
        frozenset[Scope],
        Field(description="The scopes of callers without a token, when access is not open."),
    ] = frozenset({"public"})
    max_body_bytes: Annotated[
        int, Field(ge=1, description="The largest request body in bytes, where an operation states no other limit.")
    ] = 1024 * 1024
    max_concurrent_requests: Annotated[
        int, Field(ge=0, description="Requests being answered at once; one more is refused with 503.")
    ] = 256
    rate_per_second: Annotated[
        float, Field(ge=0, allow_inf_nan=False, description="Requests per second that one client may make for long.")
    ] = 0
    rate_burst: Annotated[
        int, Field(ge=1, description="Requests that one client may make at once before the rate holds.")
    ] = 100
    max_rated_clients: Annotated[
        int, Field(ge=1, description="Clients whose rate is remembered; beyond that the longest known is forgotten.")
    ] = 100_000
    deadline_s: Annotated[
        float,
        Field(
            ge=0,
            allow_inf_nan=False,
            description="Seconds until the answer must have begun. It ends waiting in async code; work in a "
            "thread is not interrupted, so a database needs a statement time-out of its own.",
        ),
    ] = 30
    ready_timeout_s: Annotated[
        float, Field(gt=0, allow_inf_nan=False, description="Seconds that each check of readiness may take.")
    ] = 2
