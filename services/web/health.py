"""The operations of every service for those who watch over it: alive, ready, counted."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Literal

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.text import Text
from services.web.events import log_event
from services.web.measures import Measures
from services.web.operations import operation
from services.web.problem_types import NOT_READY
from services.web.problems import Fault, Problem

Check = Callable[[Request], Awaitable[None]]
"""One thing a service needs. It returns when that is there and raises when not; `NotReadyError` tells callers why."""

EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"

_READINESS = logging.getLogger("govapp.readiness")


class NotReadyError(Exception):
    """Raised by a check of readiness with a reason that may be told to anyone."""

    def __init__(self, reason: Text) -> None:
        """Take the reason."""
        self.reason = reason
        super().__init__(reason.en)


async def require_newest_schema(looking: Awaitable[bool]) -> None:
    """Let a service be ready only while its database answers, and has the newest schema.

    Args:
        looking: whether the schema is the newest.

    Raises:
        NotReadyError: it is not, or the database gave a problem instead of an answer.

    """
    try:
        is_newest = await looking
    except Problem as problem:
        raise NotReadyError(problem.text) from problem
    if not is_newest:
        raise NotReadyError(
            Text(
                "数据库的表结构不是最新的，请运行迁移。",
                "The schema of the database is not the newest; run the migrations.",
            )
        )


class Alive(BaseModel):
    """The process answers."""

    model_config = ConfigDict(frozen=True)

    status: Literal["alive"] = "alive"


class Ready(BaseModel):
    """Everything the service needs is there."""

    model_config = ConfigDict(frozen=True)

    status: Literal["ready"] = "ready"
    checks: Annotated[list[str], Field(description="The checks that were made and passed.")]


def health_router(checks: Mapping[str, Check], timeout_s: float, measures: Measures) -> APIRouter:
    """Give `/healthz`, `/readyz` (all `checks` at once, each within `timeout_s` seconds) and `/metrics`."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz", summary="进程是否存活 · Is the process alive?", **operation("public", is_probe=True))
    async def get_health() -> Alive:
        return Alive()

    @router.get("/readyz", summary="是否可以提供服务 · Can it serve?", **operation("public", NOT_READY, is_probe=True))
    async def get_readiness(request: Request) -> Ready:
        found = await asyncio.gather(*(_run(name, check, request, timeout_s) for name, check in checks.items()))
        faults = [fault for fault in found if fault is not None]
        if faults:
            raise Problem(NOT_READY, errors=faults, headers={"Retry-After": "5"})
        return Ready(checks=list(checks))

    @router.get(
        "/metrics",
        summary="运行指标（Prometheus 文本格式） · Metrics in the Prometheus text format",
        response_class=PlainTextResponse,
        **operation("public", is_probe=True),
    )
    async def get_metrics() -> Response:
        return Response(measures.exposition(), media_type=EXPOSITION)

    return router


async def _run(name: str, check: Check, request: Request, timeout_s: float) -> Fault | None:
    try:
        async with asyncio.timeout(timeout_s):
            await check(request)
    except NotReadyError as error:
        reason = error.reason
    except TimeoutError:
        reason = Text(f"{timeout_s:g} 秒内没有答复。", f"There was no answer within {timeout_s:g} s.")
    except Exception:  # noqa: BLE001 - whatever a check stumbles over means "not ready"; the log has it, the caller not.
        reason = Text("检查失败，原因见日志。", "The check failed; the log says why.")
        log_event(_READINESS, "readiness.failed", level=logging.ERROR, failed=True, check=name)
    else:
        return None
    return Fault(name, reason)
