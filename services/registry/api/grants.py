"""Grants over HTTP: record, read, list, renew, revoke."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.manifest.model import Basis
from services.manifest.neighbourhood import GrantKind
from services.manifest.values import AppId, CreditCode, Key, Line
from services.manifest.values import Day as _Day
from services.registry import granting
from services.registry.api import moments
from services.registry.api.answers import answer, answer_unless_known, next_page
from services.registry.api.desk import DATABASE_UNAVAILABLE, act_of, desk_of
from services.registry.api.moments import AsOfQuery
from services.registry.api.reasons import Why
from services.registry.filters import known_item
from services.registry.refusals import ConflictError, Objection, RefusedError
from services.registry.store import grants
from services.registry.tables import App, Grant
from services.text import Text
from services.web import (
    CONFLICT,
    INVALID_CURSOR,
    NOT_FOUND,
    Fault,
    Problem,
    decode_cursor,
    etag,
    not_modified,
    operation,
    require_if_match,
)

RECORDED = "记录批准 · grant recorded"
"""The reason of a grant that gives none but its basis."""

router = APIRouter(prefix="/v1", tags=["grants"])

Id = Annotated[AppId, Path(description="应用标识 · id of the app")]
GrantId = Annotated[str, Path(pattern=r"^g[1-9][0-9]{0,18}$", description="批准编号 · id of the grant")]


class Granter(BaseModel):
    """The authority that grants."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Line = Field(description="名称 · name")
    credit_code: CreditCode | None = Field(default=None, description="统一社会信用代码 · unified social credit code")
    root_organ: Line | None = Field(default=None, description="所属部门 · root organ of its department")


Day = Annotated[_Day, Field(strict=True)]


class GrantTerms(BaseModel):
    """What is granted, by whom, on what basis, for what and for how long. Without feature and item: the whole app."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: GrantKind = Field(
        description="approval 项目审批、special_scenario 特殊场景、derogation 例外、necessity 必要性 · what is granted"
    )
    granter: Granter = Field(
        description="批准机关，不得是主办单位或属于同一部门 · never the sponsor nor of its department"
    )
    basis: Basis = Field(
        description="批准所依据的文件，至少有名称或文号 · the document; its title or its number is needed"
    )
    granted_on: Day = Field(description="批准之日 · day of the act")
    from_on: Day = Field(description="第一天有效 · first day in force")
    until_on: Day | None = Field(default=None, description="最后一天有效，不写为不限 · last day in force")
    provision: Key | None = Field(
        default=None, description="例外批准所例外的条款标号 · for a derogation: the label of the provision"
    )
    feature: Key | None = Field(default=None, description="只对这个功能 · for this feature only")
    item: Annotated[str, AfterValidator(known_item)] | None = Field(
        default=None,
        max_length=205,
        pattern=r"^(code|name)=[^\x00-\x1f\x7f]+$",
        description="只对这个数据项：code=代码 或 name=名称 · for this item only",
    )


class NewGrant(GrantTerms):
    """A grant to be recorded."""

    reason: Why = Field(default=RECORDED, description="理由，记入历史 · the reason, which goes into the history")


class Revocation(BaseModel):
    """From when on a grant counts no longer, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    revoked_on: Day = Field(description="自这一天起不再有效 · the first day on which it does not count")
    reason: Why = Field(description="理由，记入历史 · the reason, which goes into the history")


class Renewal(BaseModel):
    """Until when a grant counts from now on, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    until_on: Day = Field(description="延长后最后一天有效 · last day in force from now on")
    reason: Why = Field(description="理由，写明延期文件，记入历史 · the reason, with the document of the renewal")


class RecordedGrant(GrantTerms):
    """A grant on record. What was not stated is left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(description="批准编号 · id")
    app: str = Field(description="应用标识 · id of the app")
    revision: int = Field(description="最近一次变更的登记号，即 ETag · registry revision of its last change, its ETag")
    revoked_on: Day | None = Field(description="自这一天起不再有效 · the first day on which it does not count")


class GrantPage(BaseModel):
    """A page of the grants of an app, in the order in which they were recorded."""

    model_config = ConfigDict(frozen=True)

    total: int = Field(ge=0, description="各页合计 · grants on all pages")
    items: list[RecordedGrant]
    next: str | None = Field(description="下一页的 cursor，没有则为 null · cursor of the next page, if there is one")


@router.post(
    "/apps/{id}/grants",
    summary="记录一项批准 · Record a grant",
    status_code=201,
    response_model=RecordedGrant,
    **operation("approve", NOT_FOUND, CONFLICT, DATABASE_UNAVAILABLE, is_once=True),
)
async def record_grant(request: Request, id: Id, new: NewGrant) -> Response:
    """Record what an authority has granted to an app."""
    desk = desk_of(request)
    terms = _terms(new)
    competent = desk.settings.competent_authorities

    def guard(app: App, manifest: str, is_kin: bool) -> None:
        if app.is_withdrawn:
            fact = Text("该应用已撤回", "the app was withdrawn")
            raise ConflictError(Objection("{id}", fact, Text("不能再为其记录批准", "nothing can be granted to it")))
        if objections := (
            *granting.objections(terms, app, orjson.loads(manifest), competent, is_kin=is_kin),
            *granting.of_its_day(terms, desk.database.today()),
        ):
            raise RefusedError(*objections)

    def recorded(grant: Grant) -> Response:
        place = {"Location": f"/v1/apps/{id}/grants/{grant.id}"}
        return answer(told(grant), revision=grant.since, status=201, headers=place)

    act = act_of(request, new.reason)
    return await desk.answer_once(request, recorded, grants.record, desk.database, id, terms, act, guard)


@router.get(
    "/apps/{id}/grants",
    summary="应用的批准 · The grants of an app",
    response_model=GrantPage,
    **operation("read", NOT_FOUND, INVALID_CURSOR, DATABASE_UNAVAILABLE, conditional="get"),
)
async def list_grants(
    request: Request,
    id: Id,
    limit: Annotated[int, Query(ge=1, le=1000, description="每页条数 · grants on a page")] = 100,
    cursor: Annotated[
        str | None, Query(max_length=2048, description="上一页的 next · `next` of the page before")
    ] = None,
    as_of: AsOfQuery = None,
) -> Response:
    """List the grants of an app, revoked and expired ones too, in the order in which they were recorded.

    The header `Registry-Revision` names the registry revision that all pages stand for.
    """
    desk = desk_of(request)
    filters = {"app": id, "as_of": as_of}
    after, revision = 0, None
    if cursor is not None:
        position = decode_cursor(cursor, filters, {"recorded": int, "revision": int})
        after, revision = int(position["recorded"]), int(position["revision"])
    page = await desk.read(
        grants.page, desk.database, id, limit=limit, after=after, revision=revision, as_of=moments.as_of(as_of)
    )
    if page is None:
        detail = Text("游标所指的登记号尚未到达。", "The registry has not reached the cursor's revision.")
        raise Problem(INVALID_CURSOR, errors=[Fault("?cursor", detail)])
    following: str | None = None
    headers = moments.told(page.revision)
    if page.has_more:
        following, link = next_page(request, {"recorded": page.grants[-1].recorded, "revision": page.revision}, filters)
        headers |= link
    body = {"total": page.total, "items": [told(grant) for grant in page.grants], "next": following}
    return answer_unless_known(request, body, headers)


@router.get(
    "/apps/{id}/grants/{grant}",
    summary="一项批准 · One grant",
    response_model=RecordedGrant,
    **operation("read", NOT_FOUND, DATABASE_UNAVAILABLE, conditional="get"),
)
async def get_grant(request: Request, id: Id, grant: GrantId, as_of: AsOfQuery = None) -> Response:
    """Give one grant of an app, revoked or not: now, or as it was.

    As of a moment, the header `Registry-Revision` names the registry revision that the answer stands for.
    """
    desk = desk_of(request)
    found, revision = await desk.read(grants.get, desk.database, id, grant, moments.as_of(as_of))
    unchanged = not_modified(request, etag(found.since))
    if unchanged is not None:
        unchanged.headers.update(moments.told(revision))
        return unchanged
    return answer(told(found), revision=found.since, headers=moments.told(revision))


@router.post(
    "/apps/{id}/grants/{grant}/revoke",
    summary="撤销批准 · Revoke a grant",
    response_model=RecordedGrant,
    **operation("approve", NOT_FOUND, CONFLICT, DATABASE_UNAVAILABLE, conditional="change", is_once=True),
)
async def revoke_grant(request: Request, id: Id, grant: GrantId, revocation: Revocation) -> Response:
    """Revoke a grant: from the day given on it counts no longer. It stays on record."""
    desk = desk_of(request)

    def guard(current: Grant) -> None:
        require_if_match(request, etag(current.since))
        if current.revoked_on is not None:
            fact = Text(f"该批准已自 {current.revoked_on} 起撤销", f"the grant is revoked from {current.revoked_on} on")
            raise ConflictError(Objection("{grant}", fact, Text("无须再次撤销", "there is no need to do so again")))
        if current.until_on is not None and revocation.revoked_on > current.until_on:
            fact = Text(f"该批准到 {current.until_on} 已经期满", f"the grant ends by itself after {current.until_on}")
            remedy = Text("写期满之前的日期", "give a day before its end")
            raise RefusedError(Objection("/revoked_on", fact, remedy))

    act = act_of(request, revocation.reason)
    on = revocation.revoked_on
    return await desk.answer_once(request, _changed, grants.revoke, desk.database, id, grant, on, act, guard)


@router.post(
    "/apps/{id}/grants/{grant}/renew",
    summary="延长批准 · Renew a grant",
    response_model=RecordedGrant,
    **operation("approve", NOT_FOUND, CONFLICT, DATABASE_UNAVAILABLE, conditional="change", is_once=True),
)
async def renew_grant(request: Request, id: Id, grant: GrantId, renewal: Renewal) -> Response:
    """Renew a grant that has not run out: all else stays as it was granted, and must still be grantable today."""
    desk = desk_of(request)
    competent = desk.settings.competent_authorities

    def guard(current: Grant, app: App, manifest: str, is_kin: bool) -> None:
        require_if_match(request, etag(current.since))
        renewed = replace(grants.terms_of(current), until_on=renewal.until_on)
        granting.require_renewable(current, app, renewal.until_on, desk.database.today())
        stated = orjson.loads(manifest)
        if found := tuple(granting.objections(renewed, app, stated, competent, is_kin=is_kin)):
            # What stands against it is not in the request but on record.
            raise ConflictError(*(Objection("{grant}", each.fact, each.remedy) for each in found))

    act = act_of(request, renewal.reason)
    on = renewal.until_on
    return await desk.answer_once(request, _changed, grants.renew, desk.database, id, grant, on, act, guard)


def _changed(grant: Grant) -> Response:
    return answer(told(grant), revision=grant.since)


def _terms(new: NewGrant) -> grants.Terms:
    return grants.Terms(
        kind=new.kind,
        granter=new.granter.name,
        granter_credit_code=new.granter.credit_code,
        granter_root_organ=new.granter.root_organ,
        basis_title=new.basis.title,
        basis_number=new.basis.number,
        basis_article=new.basis.article,
        granted_on=new.granted_on,
        from_on=new.from_on,
        until_on=new.until_on,
        provision=new.provision,
        feature=new.feature,
        item=new.item,
    )


def told(grant: Grant) -> dict[str, Any]:
    """Tell a grant, as `RecordedGrant` describes it."""
    granter = {
        "name": grant.granter,
        "credit_code": grant.granter_credit_code,
        "root_organ": grant.granter_root_organ,
    }
    basis = {"title": grant.basis_title, "number": grant.basis_number, "article": grant.basis_article}
    return {
        "id": grant.id,
        "app": grant.app,
        "revision": grant.since,
        "revoked_on": grant.revoked_on,
        "granter": _stated(granter),
        "basis": _stated(basis),
        **_stated({name: getattr(grant, name) for name in _PLAIN}),
    }


_PLAIN = tuple(name for name in GrantTerms.model_fields if name not in {"granter", "basis"})


def _stated(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
