"""Notices of rectification (整改通知书) over HTTP: one for all a sponsor has to rectify, printed and recorded."""

from collections.abc import Iterator
from datetime import date, datetime
from importlib.metadata import version
from itertools import groupby
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.audit.api.desk import DATABASE_UNAVAILABLE, desk_of, refused
from services.audit.decisions import ChangedError, RefusedError
from services.audit.finding_tables import Audit, Notice
from services.audit.formats import notice as format
from services.audit.formats.notice import Ordered, OrderedApp
from services.audit.store import findings
from services.audit.store import notices as store
from services.audit.store.database import Connection
from services.audit.store.finding_lists import Listed
from services.audit.store.notices import Found, NothingToOrderError, Order
from services.manifest.values import Day as _Day
from services.manifest.values import Line
from services.text import Lang, Text
from services.web import (
    CONFLICT,
    INVALID_CURSOR,
    NOT_FOUND,
    caller_of,
    decode_cursor,
    encode_cursor,
    operation,
)

router = APIRouter(prefix="/v1", tags=["findings"])

NoticeId = Annotated[str, Path(pattern="^n-[0-9a-f]{24}$", description="通知书的编号 · id of the notice")]
Day = Annotated[_Day, Field(strict=True)]


class NoticeRequest(BaseModel):
    """Whom a notice goes to, who sends it, and until when things are to be put right."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sponsor: Line = Field(description="主办单位全称，与清单一致 · full name of the sponsor, as it is declared")
    issuer: Line = Field(description="发文机关 · the authority that sends it")
    due_on: Day = Field(description="整改期限（含当日） · the last day for rectifying")
    document: Line | None = Field(default=None, description="发文字号 · number of the document")
    contact: Line | None = Field(default=None, description="联系方式 · where the answer goes")
    lang: Lang = Field(default="zh", description="语言 · the language")


class NoticeSummary(BaseModel):
    """A notice in brief."""

    model_config = ConfigDict(frozen=True)

    id: str
    ledger: int = Field(description="在账本中的位置 · its place in the ledger")
    at: datetime
    who: str
    sponsor: str
    issuer: str
    issued_on: date
    due_on: date
    document: str | None
    contact: str | None
    findings: int = Field(description="所列发现的件数 · how many findings it lists")


class NoticePage(BaseModel):
    """A page of notices, the newest first."""

    model_config = ConfigDict(frozen=True)

    total: int = Field(ge=0, description="各页合计 · notices on all pages")
    items: list[NoticeSummary]
    next: str | None = Field(description="下一页的 cursor，没有则为 null · cursor of the next page, if there is one")


_PAGE = operation("read", NOT_FOUND, DATABASE_UNAVAILABLE)
_PAGE["responses"][200] = {
    "description": "可打印的页面 · a page to print",
    "content": {"text/html": {"schema": {"type": "string"}}},
}


@router.post(
    "/notices",
    status_code=201,
    summary="发出整改通知书 · Send a notice of rectification",
    response_model=NoticeSummary,
    **operation("approve", CONFLICT, DATABASE_UNAVAILABLE, is_once=True),
)
async def send_notice(request: Request, asked: NoticeRequest) -> Response:
    """Write the notice on all that is still to be rectified in apps of a sponsor, and record it.

    The date of the notice becomes the due date of each finding on it, unless an earlier one stands.
    """
    desk, who = desk_of(request), caller_of(request).name
    today = desk.today
    if asked.due_on < today:
        fact = Text(f"{asked.due_on} 在今天（{today}）之前", f"{asked.due_on} lies before today, {today}")
        raise refused(RefusedError("/due_on", fact, Text("写今天或之后的日期", "give today, or a later day")))
    order = Order(asked.sponsor, asked.issuer, today, asked.due_on, asked.document, asked.contact)

    def render(found: Found) -> bytes:
        about = format.Notice(asked.sponsor, asked.issuer, today, asked.due_on, asked.document, asked.contact)
        return format.render_findings(about, list(_apps(found, order)), lang=asked.lang, version=version("govapp"))

    def work(connection: Connection) -> Notice:
        try:
            return store.send(connection, order, who, desk.database.now(), render)
        except NothingToOrderError as error:
            fact = Text(f"{error} 没有待整改的发现", f"{error} has nothing to rectify")
            remedy = Text("核对名称，见 GET /v1/findings?sponsor=", "check the name, see GET /v1/findings?sponsor=")
            raise ChangedError("/sponsor", fact, remedy) from error

    return await desk.answer_once(request, _created, work)


@router.get(
    "/notices",
    summary="整改通知书列表 · A list of notices",
    response_model=NoticePage,
    **operation("read", INVALID_CURSOR, DATABASE_UNAVAILABLE),
)
async def list_notices(
    request: Request,
    sponsor: Annotated[Line | None, Query(description="主办单位全称 · full name of the sponsor")] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="每页条数 · notices on a page")] = 50,
    cursor: Annotated[
        str | None, Query(max_length=2048, description="上一页的 next · `next` of the page before")
    ] = None,
) -> Response:
    """List notices, the newest first."""
    desk = desk_of(request)
    filters = {"sponsor": sponsor}
    before = None if cursor is None else int(decode_cursor(cursor, filters, {"before": int})["before"])
    total, rows, has_more = await desk.read(store.page, desk.database, sponsor, limit, before)
    following, headers = None, {}
    if has_more:
        following = encode_cursor({"before": rows[-1].ledger}, filters)
        url = request.url.include_query_params(cursor=following)
        headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    body = {"total": total, "items": [_summary(row) for row in rows], "next": following}
    return Response(orjson.dumps(body), headers=headers, media_type="application/json")


@router.get("/notices/{id}", summary="整改通知书 · A notice of rectification", response_class=Response, **_PAGE)
async def get_notice(request: Request, id: NoticeId) -> Response:
    """Give a notice as it was printed: it never changes."""
    desk = desk_of(request)
    found = await desk.read(store.find, desk.database, id)
    headers = {
        "Content-Disposition": f'inline; filename="{found.id}.html"',
        # A page of ours runs nothing and fetches nothing; the browser is told so as well.
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    }
    return Response(found.page, headers=headers, media_type="text/html; charset=utf-8")


def _apps(found: Found, order: Order) -> Iterator[OrderedApp]:
    for app, told in groupby(found, key=lambda each: each[0].finding.app):
        listed = list(told)
        name = listed[0][0].app and listed[0][0].app.name
        ordered = tuple(_ordered(each, order) for each, _ in listed)
        yield OrderedApp(f"{name}（{app}）" if name else app, ordered, **_judged(listed[0][1]))


def _ordered(each: Listed, order: Order) -> Ordered:
    finding, told = each.finding, findings.told_of(each.finding)
    due_on = finding.due_on or order.due_on
    return Ordered(finding.id, finding.rule, told.pointer, told.fact, told.remedy, due_on, told.neighbours)


def _judged(audit: Audit | None) -> dict[str, Any]:
    if audit is None:
        return {}
    return {"on": audit.day, "law": audit.law, "revision": audit.revision, "hash": audit.hash}


def _created(row: Notice) -> Response:
    headers = {"Location": f"/v1/notices/{row.id}"}
    return Response(orjson.dumps(_summary(row)), 201, headers, media_type="application/json")


def _summary(row: Notice) -> dict[str, Any]:
    return {name: getattr(row, name) for name in NoticeSummary.model_fields}
