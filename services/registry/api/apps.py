"""Apps over HTTP: register and change by PUT, read, list, withdraw."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError
from starlette.requests import Request
from starlette.responses import Response

from services.manifest.model import Manifest
from services.manifest.reading import MAX_BYTES
from services.manifest.terms import FeatureKind, Level, Role, Stage
from services.manifest.ties import name_key
from services.manifest.values import AppId, DivisionCode, Line
from services.registry import granting, life_cycle
from services.registry.api import moments
from services.registry.api.answers import answer, next_page
from services.registry.api.desk import DATABASE_UNAVAILABLE, act_of, desk_of
from services.registry.api.manifests import read_manifest
from services.registry.api.moments import AS_OF, AsOfQuery, AsOfText
from services.registry.refusals import ConflictError, Objection
from services.registry.store import apps
from services.registry.tables import App, Grant
from services.text import Text
from services.web import (
    CONFLICT,
    INVALID_CURSOR,
    INVALID_VALUE,
    NOT_FOUND,
    Fault,
    Problem,
    body_format,
    caller_of,
    decode_cursor,
    etag,
    not_modified,
    operation,
    read_body,
    require_for_put,
    require_if_match,
)

UNDECLARED = "undeclared"
REGISTERED = "登记 · registered"
"""The reason of a registration that gives none."""

router = APIRouter(prefix="/v1", tags=["apps"])

Id = Annotated[AppId, Path(description="应用标识 · id of the app")]


class AppSummary(BaseModel):
    """An app in brief; what is not declared is null."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(description="标识 · id")
    revision: int = Field(description="最近一次变更的登记号，即 ETag · registry revision of its last change, its ETag")
    hash: str = Field(description="清单规范字节的 SHA-256 · SHA-256 of the manifest's canonical bytes")
    is_withdrawn: bool = Field(description="是否已撤回 · whether it was withdrawn")
    is_returned: bool = Field(description="是否已退回主办单位 · whether the proposal was given back to its sponsor")
    name: str | None
    sponsor: str | None = Field(description="主办单位 · sponsor")
    root_organ: str | None = Field(description="所属部门 · root organ")
    level: Level | None
    division: str | None = Field(description="主办单位所在区划 · where the sponsor sits")
    sector: str | None
    role: Role | None
    stage: Stage | None
    faces_grassroots: bool | None = Field(description="声明的，或由到达层级可知的 · declared, or plain from the levels")


class RegisteredApp(BaseModel):
    """An app with its manifest, as the registry knows it."""

    model_config = ConfigDict(frozen=True)

    id: str
    revision: int
    hash: str
    registered_at: datetime
    changed_at: datetime
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    withdrawal_reason: str | None
    manifest: Manifest


class AppPage(BaseModel):
    """A page of a list of apps, in the order of their ids, as of one registry revision."""

    model_config = ConfigDict(frozen=True)

    revision: int = Field(description="全部各页所依据的登记号 · the registry revision of all pages")
    total: int = Field(ge=0, description="各页合计 · apps on all pages")
    items: list[AppSummary]
    next: str | None = Field(description="下一页的 cursor，没有则为 null · cursor of the next page, if there is one")


class Reason(BaseModel):
    """Why something is done."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Line = Field(description="理由，记入历史 · the reason, which goes into the history")


def _one_of(*vocabulary: str) -> Any:  # noqa: ANN401 - what an annotation may hold
    """Give what makes a text one of some words, and the document list them."""

    def known(word: str) -> str:
        if word not in vocabulary:
            raise PydanticCustomError("enum", "Input should be {expected}", {"expected": "、".join(vocabulary)})
        return word

    return AfterValidator(known), Field(json_schema_extra={"enum": list(vocabulary)})


def _searchable(name: str) -> str:
    if not name_key(name):
        raise PydanticCustomError("string_too_short", "This needs at least {min_length} characters", {"min_length": 1})
    return name


class AppQuery(BaseModel):
    """The conditions of a list, all of which hold, and the page asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: Annotated[str, *_one_of(*Level, UNDECLARED)] | None = Field(
        default=None, description="主办单位层级 · level of the sponsor"
    )
    division: DivisionCode | None = Field(
        default=None,
        description="主办单位位于该区划或其下级区划；空串为全部已声明区划的应用"
        " · the sponsor sits in this division or below it; the empty code holds for all that declare a division",
    )
    department: Line | None = Field(
        default=None,
        description="部门名称（清单声明的所属部门，未声明时为主办单位名称）· the department, by its name",
    )
    stage: Annotated[str, *_one_of(*Stage, UNDECLARED)] | None = Field(default=None, description="阶段 · stage")
    sector: Line | None = Field(default=None, description="行业 · sector")
    role: Annotated[str, *_one_of(*Role, UNDECLARED)] | None = Field(default=None, description="角色 · role")
    feature_kind: FeatureKind | None = Field(
        default=None, description="至少有一个该类型的功能 · it has a feature of this kind"
    )
    faces_grassroots: Annotated[str, *_one_of("true", "false", UNDECLARED)] | None = Field(
        default=None, description="面向基层 · faces the grassroots"
    )
    name: Annotated[Line, AfterValidator(_searchable)] | None = Field(
        default=None,
        description="名称中的任意一段，不分全半角、大小写和空格"
        " · any part of the name, whatever its width, case and spaces",
    )
    withdrawn: Annotated[str, *_one_of("exclude", "include", "only")] = Field(
        default="exclude", description="已撤回的应用 · withdrawn apps"
    )
    as_of: AsOfText | None = Field(default=None, description=AS_OF)
    limit: int = Field(default=100, ge=1, le=1000, description="每页条数 · apps on a page")
    cursor: str | None = Field(default=None, max_length=2048, description="上一页的 next · `next` of the page before")

    def filter(self) -> apps.Filter:
        """Give the conditions as the store knows them."""
        faces: dict[str | None, bool | Literal["undeclared"] | None]
        faces = {"true": True, "false": False, "undeclared": "undeclared", None: None}
        return apps.Filter(
            level=self.level,
            division=self.division,
            department=self.department,
            stage=self.stage,
            sector=self.sector,
            role=self.role,
            feature_kind=self.feature_kind,
            faces_grassroots=faces[self.faces_grassroots],
            name=self.name,
            is_withdrawn={"exclude": False, "include": None, "only": True}[self.withdrawn],
        )


_PUT = operation("write", CONFLICT, DATABASE_UNAVAILABLE, body=Manifest, conditional="put", max_body_bytes=MAX_BYTES)
_PUT["responses"][201] = {"model": AppSummary, "description": "已登记 · It is new."}


@router.put("/apps/{id}", summary="登记或变更应用 · Register an app, or change it", response_model=AppSummary, **_PUT)
async def put_app(
    request: Request,
    id: Id,
    reason: Annotated[
        Line | None, Query(description="理由，记入历史；变更时必填 · the reason; a change needs one")
    ] = None,
) -> Response:
    """Register an app with its manifest (JSON or YAML), or change it to another one.

    To register, send `If-None-Match: *` or no condition; to change, `If-Match` with the ETag last read, and `reason`.
    The same manifest again changes nothing, and the ETag stays. A withdrawn app cannot be changed, and its id not used
    again.

    A new app may be registered at any stage, because catalogues hold what runs already; `approved` needs the scope
    `approve`. Later the stage moves along the table of the life cycle: `GET /v1/apps/{id}/transitions`.
    """
    desk = desk_of(request)
    body, form = await read_body(request), body_format(request)
    manifest = await desk.read(read_manifest, body, form, id)
    guard = _may_put(request, manifest, reason)
    act = act_of(request, reason or REGISTERED)
    row, is_new = await desk.write(apps.put, desk.database, id, manifest, act, guard, desk.settings.max_offers)
    if not is_new:
        return answer(summary(row), revision=row.since)
    return answer(summary(row), revision=row.since, status=201, headers={"Location": f"/v1/apps/{id}"})


@router.get(
    "/apps/{id}",
    summary="应用及其清单 · An app with its manifest",
    response_model=RegisteredApp,
    **operation("read", NOT_FOUND, DATABASE_UNAVAILABLE, conditional="get"),
)
async def get_app(request: Request, id: Id, as_of: AsOfQuery = None) -> Response:
    """Give an app with its manifest, and say so when it was withdrawn: now, or as it was.

    As of a moment, the header `Registry-Revision` names the registry revision that the answer stands for.
    """
    desk = desk_of(request)
    record = await desk.read(apps.get, desk.database, id, moments.as_of(as_of))
    headers = moments.told(record.as_of)
    if (unchanged := not_modified(request, etag(record.revision))) is not None:
        unchanged.headers.update(headers)
        return unchanged
    withdrawal = record.withdrawal
    body = {
        "id": id,
        "revision": record.revision,
        "hash": record.hash,
        "registered_at": record.registered_at,
        "changed_at": record.changed_at,
        "withdrawn_at": withdrawal and withdrawal.at,
        "withdrawn_by": withdrawal and withdrawal.who,
        "withdrawal_reason": withdrawal and withdrawal.reason,
        "manifest": orjson.Fragment(record.manifest),
    }
    return answer(body, revision=record.revision, headers=headers)


@router.get(
    "/apps",
    summary="应用列表 · A list of apps",
    response_model=AppPage,
    **operation("read", INVALID_CURSOR, DATABASE_UNAVAILABLE),
)
async def list_apps(request: Request, query: Annotated[AppQuery, Query()]) -> Response:
    """List apps in the order of their ids. All conditions hold together; what an app does not declare meets none.

    The pages that follow (`next`, or the Link header, which keeps the filter) are of the same list: as of the registry
    revision of the first page, which is the newest one, or that of `as_of`.
    """
    desk = desk_of(request)
    filters = query.model_dump(exclude={"limit", "cursor"})
    after, revision = "", None
    if query.cursor is not None:
        position = decode_cursor(query.cursor, filters, {"id": str, "revision": int})
        after, revision = str(position["id"]), int(position["revision"])
    page = await desk.read(
        apps.page,
        desk.database,
        query.filter(),
        limit=query.limit,
        after=after,
        revision=revision,
        as_of=moments.as_of(query.as_of),
    )
    if page is None:
        detail = Text("游标所指的登记号尚未到达。", "The registry has not reached the cursor's revision.")
        raise Problem(INVALID_CURSOR, errors=[Fault("?cursor", detail)])
    cursor, headers = None, None
    if page.has_more:
        cursor, headers = next_page(request, {"id": page.apps[-1].id, "revision": page.revision}, filters)
    body = {
        "revision": page.revision,
        "total": page.total,
        "items": [summary(row) for row in page.apps],
        "next": cursor,
    }
    return answer(body, headers=headers)


@router.post(
    "/apps/{id}/withdraw",
    summary="撤回应用 · Withdraw an app",
    response_model=AppSummary,
    **operation("write", NOT_FOUND, CONFLICT, DATABASE_UNAVAILABLE, conditional="change"),
)
async def withdraw_app(request: Request, id: Id, why: Reason) -> Response:
    """Withdraw an app for good: it offers nothing any more, lists leave it out, and it stays as it is."""
    desk = desk_of(request)

    def guard(current: App) -> None:
        _refuse_withdrawn(current)
        require_if_match(request, etag(current.since))
        life_cycle.require_move(current, life_cycle.State.WITHDRAWN, caller_of(request).scopes)

    row = await desk.write(apps.withdraw, desk.database, id, act_of(request, why.reason), guard)
    return answer(summary(row), revision=row.since)


def _may_put(request: Request, manifest: Manifest, reason: str | None) -> apps.PutGuard:
    def guard(current: App | None, grants: Sequence[Grant]) -> None:
        if current is not None:
            _refuse_withdrawn(current)
        require_for_put(request, None if current is None else etag(current.since))
        life_cycle.require_put(current, manifest, caller_of(request).scopes)
        if current is not None and reason is None:
            detail = Text("变更须写明理由。", "A change needs a reason.")
            remedy = Text("加上查询参数 reason。", "Add the query parameter `reason`.")
            raise Problem(INVALID_VALUE, errors=[Fault("?reason", detail, remedy)])
        if objections := tuple(granting.of_sponsor(manifest.sponsor, grants)):
            raise ConflictError(*objections)

    return guard


def _refuse_withdrawn(app: App) -> None:
    if app.is_withdrawn:
        fact = Text("该应用已撤回，不能再更改", "the app was withdrawn and cannot be changed any more")
        remedy = Text("以新的标识登记", "register it under a new id")
        raise ConflictError(Objection("{id}", fact, remedy))


_SUMMARY = tuple(name for name in AppSummary.model_fields if name != "revision")


def summary(row: App) -> dict[str, Any]:
    """Tell an app in brief, as `AppSummary` describes it."""
    return {**{name: getattr(row, name) for name in _SUMMARY}, "revision": row.since}
