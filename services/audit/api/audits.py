"""Recorded audits over HTTP: auditing a registered app, and reading what was found."""

from datetime import date, datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.audit.api.checks import REGISTRY_UNAVAILABLE
from services.audit.api.desk import DATABASE_UNAVAILABLE, desk_of, refused
from services.audit.api.finding_views import EventView, event_view
from services.audit.attestations import Observed
from services.audit.audits import Audits
from services.audit.decisions import RefusedError, UnknownAppError
from services.audit.finding_tables import Audit
from services.audit.law import Outcome, Report
from services.audit.registry_client import RegistryUnavailable
from services.audit.store import audits as store
from services.audit.store.audits import Recorded
from services.audit.store.database import Connection
from services.manifest.values import AppId
from services.manifest.values import Day as _Day
from services.text import Text
from services.web import (
    CONFLICT,
    INVALID_CURSOR,
    NOT_FOUND,
    Fault,
    Problem,
    caller_of,
    decode_cursor,
    encode_cursor,
    etag,
    not_modified,
    operation,
)

router = APIRouter(prefix="/v1", tags=["audits"])

AuditId = Annotated[str, Path(pattern="^a-[0-9a-f]{24}$", description="审查记录的编号 · id of the audit")]
Day = Annotated[_Day, Field(strict=True)]


class AuditRequest(BaseModel):
    """Which app is audited, and as of which day."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    app: AppId = Field(description="已登记应用的标识 · id of a registered app")
    day: Day | None = Field(
        default=None,
        description="判断的日期，默认今天；不在今天之后，也不早于上次审查的日期"
        " · the day judged, by default today; not after today, nor before the day of its last audit",
    )


class AuditSummary(BaseModel):
    """A recorded audit in brief."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(description="编号 · id")
    ledger: int = Field(description="在账本中的位置 · its place in the ledger")
    at: datetime = Field(description="何时记录 · when it was recorded")
    who: str = Field(description="请求审查的调用方 · the caller who asked for it")
    app: str = Field(description="应用标识 · id of the app")
    stated: int = Field(description="所审应用的登记号 · revision of the app")
    revision: int = Field(description="所见的登记版本 · the registry revision that was seen")
    day: date = Field(description="判断的日期 · the day judged")
    law: str = Field(description="法规版本 · version of the law")
    outcome: Outcome = Field(description="结论 · how it turned out")
    hash: str = Field(description="清单摘要 · hash of the manifest")


class FullAudit(AuditSummary):
    """A recorded audit, and what it made of findings."""

    report: Report = Field(description="按声明的报告 · the report on what is declared")
    observed: Observed | None = Field(
        description="若所核查的事实已经声明：报告及其差别；没有核查的为 null"
        " · the report if what was observed were declared, and the difference; null when nothing was observed"
    )
    events: list[EventView] = Field(description="这次审查使各项发现发生的变化 · what it made of findings")


class AuditPage(BaseModel):
    """A page of recorded audits, the newest first."""

    model_config = ConfigDict(frozen=True)

    total: int = Field(ge=0, description="各页合计 · audits on all pages")
    items: list[AuditSummary]
    next: str | None = Field(description="下一页的 cursor，没有则为 null · cursor of the next page, if there is one")


@router.post(
    "/audits",
    status_code=201,
    summary="审查并记录 · Audit an app, and record it",
    response_model=FullAudit,
    **operation("write", NOT_FOUND, CONFLICT, REGISTRY_UNAVAILABLE, DATABASE_UNAVAILABLE, is_once=True),
)
async def record_audit(request: Request, asked: AuditRequest) -> Response:
    """Judge a registered app before the live registry, and record the report together with what it makes of findings.

    Findings are opened, verified when they are not found any more, waived while they are exempt, and reopened when they
    are found again. Without an answer of the registry nothing is recorded (503).
    """
    audits: Audits = request.state.audits
    desk, who = desk_of(request), caller_of(request).name
    day = asked.day or desk.today
    if day > desk.today:
        fact = Text(f"{day} 在今天（{desk.today}）之后", f"{day} lies after today, {desk.today}")
        remedy = Text("要看将来，用 POST /v1/what-if", "to look ahead, use POST /v1/what-if")
        raise refused(RefusedError("/day", fact, remedy))
    observed = await desk.read(store.observed_of, desk.database, asked.app)
    try:
        judged = await audits.judge(asked.app, day, observed)
    except (RefusedError, UnknownAppError, RegistryUnavailable) as reason:
        raise problem_of(reason) from reason

    def work(connection: Connection) -> Recorded:
        return store.record(connection, judged, who, desk.database.now())

    return await desk.answer_once(request, _created, work)


@router.get(
    "/audits",
    summary="审查记录列表 · A list of recorded audits",
    response_model=AuditPage,
    **operation("read", INVALID_CURSOR, DATABASE_UNAVAILABLE),
)
async def list_audits(
    request: Request,
    app: Annotated[AppId | None, Query(description="应用标识 · id of the app")] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="每页条数 · audits on a page")] = 50,
    cursor: Annotated[
        str | None, Query(max_length=2048, description="上一页的 next · `next` of the page before")
    ] = None,
) -> Response:
    """List recorded audits, the newest first."""
    desk = desk_of(request)
    filters = {"app": app}
    before = None if cursor is None else int(decode_cursor(cursor, filters, {"before": int})["before"])
    total, rows, has_more = await desk.read(store.page, desk.database, app, limit, before)
    following, headers = None, {}
    if has_more:
        following = encode_cursor({"before": rows[-1].ledger}, filters)
        url = request.url.include_query_params(cursor=following)
        headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    body = {"total": total, "items": [_summary(row) for row in rows], "next": following}
    return Response(orjson.dumps(body), headers=headers, media_type="application/json")


@router.get(
    "/audits/{id}",
    summary="一份审查记录 · A recorded audit",
    response_model=FullAudit,
    **operation("read", NOT_FOUND, DATABASE_UNAVAILABLE, conditional="get"),
)
async def get_audit(request: Request, id: AuditId) -> Response:
    """Give an audit as it was recorded: it never changes."""
    desk = desk_of(request)
    found = await desk.read(store.find, desk.database, id)
    tag = etag(found.row.ledger)
    unchanged = not_modified(request, tag)
    return unchanged if unchanged is not None else _told(found, 200, {"ETag": tag})


def problem_of(reason: RefusedError | UnknownAppError | RegistryUnavailable, place: str = "/app") -> Problem:
    """Say why an app cannot be judged."""
    if isinstance(reason, RefusedError):
        return refused(reason)
    if isinstance(reason, UnknownAppError):
        said = Text(f"登记系统中没有在册的应用 {reason}", f"the registry has no app {reason} on its books")
        return Problem(NOT_FOUND, errors=[Fault(place, said, Text("核对标识", "check the id"))])
    return Problem(REGISTRY_UNAVAILABLE, headers={"Retry-After": "5"})


def _created(found: Recorded) -> Response:
    return _told(found, 201, {"Location": f"/v1/audits/{found.row.id}", "ETag": etag(found.row.ledger)})


def _told(found: Recorded, status: int, headers: dict[str, str]) -> Response:
    record = orjson.loads(found.row.record)
    body = {**_summary(found.row), **record, "events": [event_view(each) for each in found.events]}
    return Response(orjson.dumps(body), status_code=status, headers=headers, media_type="application/json")


def _summary(row: Audit) -> dict[str, Any]:
    return {name: getattr(row, name) for name in AuditSummary.model_fields}
