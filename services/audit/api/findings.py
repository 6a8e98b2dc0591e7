"""Findings over HTTP: lists and counts, one with its history, the feed of what happens, and comments."""

from datetime import date
from typing import Annotated

import orjson
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.audit.api.desk import DATABASE_UNAVAILABLE, desk_of
from services.audit.api.finding_views import EventView, FindingView, event_view, finding_view
from services.audit.finding_tables import Finding
from services.audit.rectification import Action, Kind, State
from services.audit.store import finding_lists as lists
from services.audit.store import findings as store
from services.audit.store.database import Connection
from services.audit.store.finding_lists import Listed
from services.audit.store.findings import Happening
from services.manifest.values import AppId, Line, Paragraph
from services.manifest.values import Day as _Day
from services.web import (
    INVALID_CURSOR,
    NOT_FOUND,
    caller_of,
    decode_cursor,
    encode_cursor,
    etag,
    operation,
)

router = APIRouter(prefix="/v1", tags=["findings"])

_LARGEST = 10**15
FindingId = Annotated[str, Path(pattern="^f-[0-9a-f]{32}$", description="发现的编号 · id of the finding")]
Limit = Annotated[int, Query(ge=1, le=1000, description="至多几件 · how many at most")]


class FindingQuery(BaseModel):
    """Which findings are listed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: tuple[State, ...] = Field(default=(), max_length=7, description="状态，可写几个 · any of these states")
    overdue: bool | None = Field(default=None, description="是否逾期 · whether overdue")
    due_from_on: _Day | None = Field(default=None, description="整改期限自（含） · due on this day or later")
    due_until_on: _Day | None = Field(default=None, description="整改期限至（含） · due on this day or before")
    app: AppId | None = Field(default=None, description="应用标识 · id of the app")
    rule: Line | None = Field(default=None, description="规则 · id of the rule")
    kind: Kind | None = Field(default=None, description="依据 · what it rests on")
    sponsor: Line | None = Field(default=None, description="主办单位全称 · full name of the sponsor")
    province: str | None = Field(
        default=None,
        pattern="^([0-9]{2})?$",
        description="主办单位所在省级代码，空串为中央 · the sponsor's province, two digits; empty: the centre",
    )
    limit: int = Field(default=50, ge=1, le=500, description="每页件数 · findings on a page")
    cursor: str | None = Field(default=None, max_length=2048, description="上一页的 next · `next` of the page before")


class FindingPage(BaseModel):
    """A page of findings, the newest first."""

    model_config = ConfigDict(frozen=True)

    total: int = Field(description="各页合计 · findings on all pages")
    counts: dict[State, int] = Field(description="各状态件数 · how many in each state")
    overdue: int = Field(description="其中逾期的 · how many of them are overdue")
    items: list[FindingView]
    next: str | None = Field(description="下一页的 cursor，没有则为 null · cursor of the next page, if there is one")


class History(BaseModel):
    """What happened to a finding, in its order."""

    model_config = ConfigDict(frozen=True)

    items: list[EventView]


class Feed(BaseModel):
    """What happened to findings, in the order of commits."""

    model_config = ConfigDict(frozen=True)

    last: int = Field(description="现有最后一件事的号 · serial number of the last event there is")
    next: int = Field(description="下次以此为 since · `since` of the next question")
    items: list[EventView]


class Comment(BaseModel):
    """What somebody has to say of a finding."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: Paragraph = Field(description="说明 · the comment")


@router.get(
    "/findings",
    summary="发现列表 · A list of findings",
    response_model=FindingPage,
    **operation("read", INVALID_CURSOR, DATABASE_UNAVAILABLE),
)
async def list_findings(request: Request, query: Annotated[FindingQuery, Query()]) -> Response:
    """List findings, the newest first, with counts by state. All conditions hold together.

    Overdue is what is still to be rectified after its due date; what is claimed to be rectified waits for an audit.
    """
    desk = desk_of(request)
    filters = query.model_dump(mode="json", exclude={"limit", "cursor"})
    before = None
    if query.cursor is not None:
        before = int(decode_cursor(query.cursor, filters, {"opened": int})["opened"])
    said = query.model_dump(exclude={"limit", "cursor", "state", "overdue"})
    wanted = lists.Filter(desk.today, query.state, query.overdue, **said)
    page = await desk.read(lists.page, desk.database, wanted, query.limit, before)
    cursor, headers = None, {}
    if page.has_more:
        cursor = encode_cursor({"opened": page.rows[-1].finding.opened}, filters)
        url = request.url.include_query_params(cursor=cursor)
        headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    body = {
        "total": sum(page.counts.values()),
        "counts": {state.value: page.counts.get(state.value, 0) for state in State},
        "overdue": page.overdue,
        "items": [finding_view(each, wanted.today) for each in page.rows],
        "next": cursor,
    }
    return Response(orjson.dumps(body), headers=headers, media_type="application/json")


@router.get(
    "/findings/events",
    summary="发现的事件流 · The feed of what happens to findings",
    response_model=Feed,
    **operation("read", DATABASE_UNAVAILABLE),
)
async def follow_findings(
    request: Request,
    since: Annotated[int, Query(ge=0, lt=_LARGEST, description="此号之后的 · those after this serial number")] = 0,
    limit: Limit = 100,
    app: Annotated[AppId | None, Query(description="应用标识 · id of the app")] = None,
) -> Response:
    """Give what happened after an event, reminders of due dates included, in the order of commits.

    Nothing is left out and nothing told twice: ask again with `next` as `since`.
    """
    desk = desk_of(request)
    last, events = await desk.read(lists.feed, desk.database, since, limit, app)
    # With fewer than asked for, everything up to the last event was looked at.
    following = events[-1].serial if len(events) == limit else max(last, since)
    body = {"last": last, "next": following, "items": [event_view(each) for each in events]}
    return Response(orjson.dumps(body), media_type="application/json")


@router.get(
    "/findings/{id}",
    summary="一件发现 · A finding",
    response_model=FindingView,
    **operation("read", NOT_FOUND, DATABASE_UNAVAILABLE),
)
async def get_finding(request: Request, id: FindingId) -> Response:
    """Give a finding as it stands; its ETag is needed to move it."""
    desk = desk_of(request)
    found = await desk.read(lists.read, desk.database, id)
    return told(found, desk.today)


@router.get(
    "/findings/{id}/history",
    summary="发现的经过 · What happened to a finding",
    response_model=History,
    **operation("read", NOT_FOUND, DATABASE_UNAVAILABLE),
)
async def get_finding_history(
    request: Request,
    id: FindingId,
    after: Annotated[int, Query(ge=0, lt=_LARGEST, description="此序号之后的 · those after this number")] = 0,
    limit: Limit = 1000,
) -> Response:
    """Give everything that happened to a finding: who, when, from which state to which, and what was said."""
    desk = desk_of(request)
    events = await desk.read(lists.history, desk.database, id, after, limit)
    return Response(orjson.dumps({"items": [event_view(each) for each in events]}), media_type="application/json")


@router.post(
    "/findings/{id}/comments",
    status_code=201,
    summary="加说明 · Comment on a finding",
    response_model=FindingView,
    **operation("write", NOT_FOUND, DATABASE_UNAVAILABLE, is_once=True),
)
async def comment_on_finding(request: Request, id: FindingId, comment: Comment) -> Response:
    """Add a comment to the history of a finding; it is never changed or taken back."""
    desk, who = desk_of(request), caller_of(request).name

    def say(_: Finding) -> Happening:
        return Happening(Action.COMMENT, {"text": comment.text}, {})

    def work(connection: Connection) -> Listed:
        store.change(connection, desk.database.now(), id, who, say)
        return lists.listed(connection, id)

    return await desk.answer_once(request, lambda found: told(found, desk.today, 201), work)


def told(found: Listed, today: date, status: int = 200) -> Response:
    """Answer with a finding as it stands."""
    headers = {"ETag": etag(found.finding.number)}
    return Response(orjson.dumps(finding_view(found, today)), status, headers, media_type="application/json")
