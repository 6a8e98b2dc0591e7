"""Apps over HTTP: register and change by PUT, read, withdraw."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.manifest.model import Manifest
from services.manifest.reading import MAX_BYTES
from services.manifest.terms import AppKind, Level, Role, Stage
from services.manifest.values import AppId
from services.registry import granting, life_cycle
from services.registry.api import moments
from services.registry.api.answers import answer
from services.registry.api.desk import DATABASE_UNAVAILABLE, act_of, desk_of
from services.registry.api.manifests import read_manifest
from services.registry.api.moments import AsOfQuery
from services.registry.api.notes import Note, notes_on
from services.registry.api.reasons import Why
from services.registry.refusals import ConflictError, Objection
from services.registry.store import apps
from services.registry.tables import App, Grant
from services.text import Text
from services.web import (
    CONFLICT,
    INVALID_VALUE,
    NOT_FOUND,
    Conditions,
    Fault,
    Problem,
    body_format,
    caller_of,
    etag,
    language_of,
    not_modified,
    operation,
    read_body,
    require_for_put,
    require_if_match,
)

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
    kind: AppKind | None
    sponsor: str | None = Field(description="主办单位 · sponsor")
    root_organ: str | None = Field(description="所属部门 · root organ")
    level: Level | None
    division: str | None = Field(description="主办单位所在区划 · where the sponsor sits")
    sector: str | None
    role: Role | None
    stage: Stage | None
    faces_grassroots: bool | None = Field(description="声明的，或由到达层级可知的 · declared, or plain from the levels")
    proposed_on: date | None
    begun_on: date | None
    online_on: date | None
    retire_on: date | None
    retired_on: date | None
    consolidation_due_on: date | None = Field(description="清理整合期限 · the day by which it is merged or retired")


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
    is_returned: bool = Field(description="是否已退回主办单位 · whether the proposal was given back to its sponsor")
    manifest: Manifest


class Reason(BaseModel):
    """Why something is done."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Why = Field(description="理由，记入历史 · the reason, which goes into the history")


class PutApp(AppSummary):
    """An app in brief as it was recorded, and where its manifest does not agree with what is known."""

    notes: list[Note] = Field(
        description="清单与机构名录、区划代码不一致之处；已照样登记，部门以名录为准"
        " · where the manifest says what the tree of organisations or the list of divisions does not; it was recorded"
        " all the same, and the department is that of the tree"
    )


_PUT = operation("write", CONFLICT, DATABASE_UNAVAILABLE, body=Manifest, conditional="put", max_body_bytes=MAX_BYTES)
_PUT["responses"][201] = {"model": PutApp, "description": "已登记 · It is new."}


@router.put("/apps/{id}", summary="登记或变更应用 · Register an app, or change it", response_model=PutApp, **_PUT)
async def put_app(
    request: Request,
    id: Id,
    reason: Annotated[
        Why | None, Query(description="理由，记入历史；变更时必填 · the reason; a change needs one")
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
    # Before the write: once something is recorded, nothing more may fail.
    noted = await desk.read(notes_on, desk, manifest, language_of(request))
    guard = may_put(request, request, manifest, reason)
    act = act_of(request, reason or REGISTERED)
    row, is_new = await desk.write(apps.put, desk.database, id, manifest, act, guard, desk.settings.max_offers)
    told_of = {**summary(row), "notes": noted}
    if not is_new:
        return answer(told_of, revision=row.since)
    return answer(told_of, revision=row.since, status=201, headers={"Location": f"/v1/apps/{id}"})


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
        "is_returned": record.is_returned,
        "manifest": orjson.Fragment(record.manifest),
    }
    return answer(body, revision=record.revision, headers=headers)


@router.post(
    "/apps/{id}/withdraw",
    summary="撤回应用 · Withdraw an app",
    response_model=AppSummary,
    **operation("write", NOT_FOUND, CONFLICT, DATABASE_UNAVAILABLE, conditional="change", is_once=True),
)
async def withdraw_app(request: Request, id: Id, why: Reason) -> Response:
    """Withdraw an app for good: it offers nothing any more, lists leave it out, and it stays as it is."""
    desk = desk_of(request)

    def guard(current: App) -> None:
        require_if_match(request, etag(current.since))
        _refuse_withdrawn(current)
        life_cycle.require_move(current, life_cycle.State.WITHDRAWN, caller_of(request).scopes)

    act = act_of(request, why.reason)
    return await desk.answer_once(request, told, apps.withdraw, desk.database, id, act, guard)


def may_put(conditions: Conditions, request: Request, manifest: Manifest, reason: str | None) -> apps.PutGuard:
    """Give what lets a manifest pass, or raises: for the caller of `request`, on `conditions`, and with a reason."""

    def guard(current: App | None, grants: Sequence[Grant], relatives: Collection[str]) -> None:
        if current is not None:
            _refuse_withdrawn(current)
        require_for_put(conditions, None if current is None else etag(current.since))
        life_cycle.require_put(current, manifest, caller_of(request).scopes)
        if current is not None and reason is None:
            detail = Text("变更须写明理由。", "A change needs a reason.")
            remedy = Text("加上查询参数 reason。", "Add the query parameter `reason`.")
            raise Problem(INVALID_VALUE, errors=[Fault("?reason", detail, remedy)])
        if objections := tuple(granting.of_sponsor(manifest.sponsor, grants, relatives)):
            raise ConflictError(*objections)

    return guard


def _refuse_withdrawn(app: App) -> None:
    if app.is_withdrawn:
        fact = Text("该应用已撤回，不能再更改", "the app was withdrawn and cannot be changed any more")
        remedy = Text("以新的标识登记", "register it under a new id")
        raise ConflictError(Objection("{id}", fact, remedy))


def told(row: App) -> Response:
    """Answer with an app in brief, as it stands after a write."""
    return answer(summary(row), revision=row.since)


_SUMMARY = tuple(name for name in AppSummary.model_fields if name != "revision")


def summary(row: App) -> dict[str, Any]:
    """Tell an app in brief, as `AppSummary` describes it."""
    return {**{name: getattr(row, name) for name in _SUMMARY}, "revision": row.since}
