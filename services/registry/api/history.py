"""History over HTTP: what was done to an app, a grant or an organisation, by whom, why, and what it changed."""

from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.registry.api import moments
from services.registry.api.answers import answer, next_page
from services.registry.api.apps import Id
from services.registry.api.desk import DATABASE_UNAVAILABLE, Desk, desk_of
from services.registry.api.grants import GrantId
from services.registry.api.organisations import Code
from services.registry.differences import difference
from services.registry.store import history
from services.registry.store.history import Subject
from services.registry.tables import Action, Revision
from services.text import Text
from services.web import (
    INVALID_CURSOR,
    NOT_FOUND,
    Fault,
    Problem,
    decode_cursor,
    etag,
    not_modified,
    operation,
)

router = APIRouter(prefix="/v1", tags=["history"])

Order = Annotated[
    Literal["newest", "oldest"],
    Query(description="先列出最新的（newest）还是最早的（oldest）· whether the newest or the oldest come first"),
]
Limit = Annotated[int, Query(ge=1, le=100, description="每页条数 · revisions on a page")]
Cursor = Annotated[str | None, Query(max_length=2048, description="上一页的 next · `next` of the page before")]
Number = Annotated[int, Path(ge=1, lt=10**18, description="登记号 · registry revision")]


class PatchOperation(BaseModel):
    """One operation of a JSON Patch (RFC 6902)."""

    model_config = ConfigDict(frozen=True)

    op: Literal["add", "remove", "replace"]
    path: str = Field(description="JSON 指针 · JSON pointer")
    value: Any = Field(default=None, description="写入的值；remove 没有 · the value; `remove` has none")


class RevisionSummary(BaseModel):
    """What one write did."""

    model_config = ConfigDict(frozen=True)

    revision: int = Field(description="登记号 · registry revision")
    noun: Literal["app", "grant", "organisation"] = Field(description="改的是什么 · what was changed")
    id: str = Field(description="其标识 · its id")
    app: str | None = Field(description="所属应用的标识；机构为 null · id of the app; null for an organisation")
    action: Action = Field(description="做了什么 · what was done")
    at: datetime = Field(description="何时 · when")
    who: str = Field(description="何人 · by whom")
    reason: str = Field(description="为何 · why")
    difference: list[PatchOperation] | None = Field(
        description="由前到后的差异（JSON Patch）；初次登记之前、撤回之后没有内容，故为 null"
        " · what makes `after` of `before`; null where there was nothing before or is nothing after"
    )


class FullRevision(RevisionSummary):
    """What one write did, with what was there before and after it."""

    before: dict[str, Any] | None = Field(description="此前的内容，初次登记为 null · before; null when it was new")
    after: dict[str, Any] | None = Field(description="此后的内容，撤回为 null · after; null when it was withdrawn")


class RevisionPage(BaseModel):
    """A page of a history."""

    model_config = ConfigDict(frozen=True)

    revision: int = Field(description="全部各页所依据的登记号 · the registry revision of all pages")
    total: int = Field(ge=1, description="各页合计 · revisions on all pages")
    items: list[RevisionSummary]
    next: str | None = Field(description="下一页的 cursor，没有则为 null · cursor of the next page, if there is one")


_LIST = operation("read", NOT_FOUND, INVALID_CURSOR, DATABASE_UNAVAILABLE)
_ONE = operation("read", NOT_FOUND, DATABASE_UNAVAILABLE, conditional="get")


@router.get("/apps/{id}/revisions", summary="应用的历史 · The history of an app", response_model=RevisionPage, **_LIST)
async def list_app_revisions(
    request: Request, id: Id, order: Order = "newest", limit: Limit = 20, cursor: Cursor = None
) -> Response:
    """Tell everything that was ever done to an app: who, why, when, and the difference. Its grants have their own.

    All pages are of one history: as of the registry revision of the first page.
    """
    return await _page(request, Subject(id), order, limit, cursor)


@router.get(
    "/apps/{id}/revisions/{revision}",
    summary="应用的一次变更 · One revision of an app",
    response_model=FullRevision,
    **_ONE,
)
async def get_app_revision(request: Request, id: Id, revision: Number) -> Response:
    """Tell what one write did to an app, with its manifest before and after."""
    return await _one(request, Subject(id), revision)


@router.get(
    "/apps/{id}/grants/{grant}/revisions",
    summary="批准的历史 · The history of a grant",
    response_model=RevisionPage,
    **_LIST,
)
async def list_grant_revisions(
    request: Request, id: Id, grant: GrantId, order: Order = "newest", limit: Limit = 20, cursor: Cursor = None
) -> Response:
    """Tell everything that was ever done to a grant: who, why, when, and the difference."""
    return await _page(request, Subject(id, grant), order, limit, cursor)


@router.get(
    "/apps/{id}/grants/{grant}/revisions/{revision}",
    summary="批准的一次变更 · One revision of a grant",
    response_model=FullRevision,
    **_ONE,
)
async def get_grant_revision(request: Request, id: Id, grant: GrantId, revision: Number) -> Response:
    """Tell what one write did to a grant, with what was recorded before and after."""
    return await _one(request, Subject(id, grant), revision)


@router.get(
    "/organisations/{code}/revisions",
    summary="机构的历史 · The history of an organisation",
    response_model=RevisionPage,
    **_LIST,
)
async def list_organisation_revisions(
    request: Request, code: Code, order: Order = "newest", limit: Limit = 20, cursor: Cursor = None
) -> Response:
    """Tell everything that was ever done to an organisation: who, why, when, and the difference."""
    return await _page(request, Subject(organisation=code), order, limit, cursor)


@router.get(
    "/organisations/{code}/revisions/{revision}",
    summary="机构的一次变更 · One revision of an organisation",
    response_model=FullRevision,
    **_ONE,
)
async def get_organisation_revision(request: Request, code: Code, revision: Number) -> Response:
    """Tell what one write did to an organisation, with what was recorded before and after."""
    return await _one(request, Subject(organisation=code), revision)


async def _page(request: Request, subject: Subject, order: str, limit: int, cursor: str | None) -> Response:
    desk = desk_of(request)
    filters = {"app": subject.app, "grant": subject.grant, "organisation": subject.organisation, "order": order}
    after, reached = None, None
    if cursor is not None:
        position = decode_cursor(cursor, filters, {"after": int, "revision": int})
        after, reached = int(position["after"]), int(position["revision"])
    body, last = await desk.read(_told, desk, subject, order == "newest", limit, after, reached)
    headers = moments.told(body["revision"])
    if last is not None:
        body["next"], link = next_page(request, {"after": last, "revision": body["revision"]}, filters)
        headers |= link
    return answer(body, headers=headers)


def _told(
    desk: Desk, subject: Subject, is_newest_first: bool, limit: int, after: int | None, reached: int | None
) -> tuple[dict[str, Any], int | None]:
    """Give the body of a page, and the last revision on it when there are more: work for a thread, not for the loop."""
    page = history.page(desk.database, subject, limit=limit, newest_first=is_newest_first, after=after, reached=reached)
    if page is None:
        detail = Text("游标所指的登记号尚未到达。", "The registry has not reached the cursor's revision.")
        raise Problem(INVALID_CURSOR, errors=[Fault("?cursor", detail)])
    items = [_summary(each) for each in page.revisions]
    body = {"revision": page.reached, "total": page.total, "items": items, "next": None}
    return body, page.revisions[-1].revision if page.has_more else None


async def _one(request: Request, subject: Subject, revision: int) -> Response:
    desk = desk_of(request)
    # A revision never changes.
    found = await desk.read(_full, desk, subject, revision)
    return not_modified(request, etag(revision)) or answer(found, revision=revision)


def _full(desk: Desk, subject: Subject, revision: int) -> dict[str, Any]:
    found = history.get(desk.database, subject, revision)
    return {**_summary(found), "before": _fragment(found.before), "after": _fragment(found.after)}


def _summary(revision: Revision) -> dict[str, Any]:
    names = ("revision", "noun", "app", "action", "at", "who", "reason")
    before, after = revision.before, revision.after
    return {
        **{name: getattr(revision, name) for name in names},
        "id": revision.thing,
        "difference": None
        if before is None or after is None
        else difference(orjson.loads(before), orjson.loads(after)),
    }


def _fragment(text: str | None) -> orjson.Fragment | None:
    return None if text is None else orjson.Fragment(text)
