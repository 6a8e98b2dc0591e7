"""Organisations over HTTP: record and change by PUT, read on a day, list, and the way up to the root."""

from datetime import date
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.manifest.terms import Level, Nature
from services.manifest.values import CreditCode, Day, DivisionCode
from services.registry import organisations as tree
from services.registry.api import moments
from services.registry.api.answers import answer, answer_unless_known, next_page
from services.registry.api.desk import DATABASE_UNAVAILABLE, act_of, desk_of
from services.registry.api.moments import AS_OF, AsOfQuery, AsOfText
from services.registry.api.reasons import Why
from services.registry.filters import SearchText, one_of
from services.registry.store import organisations
from services.registry.tables import Organisation
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
    require_for_put,
)

router = APIRouter(prefix="/v1", tags=["organisations"])

Code = Annotated[CreditCode, Path(description="统一社会信用代码 · unified social credit code")]
ON = "以哪一天为准，默认今天（北京时间） · the day asked about, today by default (Beijing)"
OnQuery = Annotated[Day | None, Query(description=ON)]


class OrganisationSummary(BaseModel):
    """An organisation in brief, as it stands now; what is not known is null."""

    model_config = ConfigDict(frozen=True)

    code: str = Field(description="统一社会信用代码 · unified social credit code")
    revision: int = Field(description="最近一次变更的登记号，即 ETag · registry revision of its last change, its ETag")
    name: str = Field(description="现名 · present name")
    above: str | None = Field(description="上级，或并入的机构 · the one above it, or that it was merged into")
    level: Level | None
    division: str | None
    nature: Nature | None
    managed_by: str | None
    ended_on: Day | None = Field(description="撤销或并入之日 · the first day on which it was no more")


class RecordedOrganisation(BaseModel):
    """An organisation as it is recorded, and what that says for one day."""

    model_config = ConfigDict(frozen=True)

    code: str
    revision: int
    on: Day | None = Field(description="所问的日期，null 为现在 · the day asked about; null: now")
    name: str = Field(description="当日名称 · its name on that day")
    above: str | None = Field(
        description="当日上级，或并入的机构 · the one above it that day, or that it was merged into"
    )
    is_ended: bool = Field(description="当日是否已撤销或并入 · whether it was no more on that day")
    recorded: tree.Organisation = Field(description="所登记的全部 · all that is recorded")


class OrganisationStep(BaseModel):
    """An organisation on the way up to the root."""

    model_config = ConfigDict(frozen=True)

    code: str
    name: str = Field(description="当日名称 · its name on that day")
    by_merger: bool = Field(description="由前一机构并入而到达 · reached because the one before was merged into it")


class OrganisationPath(BaseModel):
    """The way from an organisation to the root of its department on a day, it first."""

    model_config = ConfigDict(frozen=True)

    on: Day
    items: list[OrganisationStep] = Field(min_length=1)


class OrganisationPage(BaseModel):
    """A page of organisations in the order of their codes, as of one registry revision."""

    model_config = ConfigDict(frozen=True)

    revision: int = Field(description="全部各页所依据的登记号 · the registry revision of all pages")
    on: Day = Field(description="以哪一天为准 · the day asked about")
    total: int = Field(ge=0, description="各页合计 · organisations on all pages")
    items: list[OrganisationSummary]
    next: str | None = Field(description="下一页的 cursor，没有则为 null · cursor of the next page, if there is one")


class OrganisationQuery(BaseModel):
    """The conditions of a list, all of which hold, and the page asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: SearchText | None = Field(
        default=None,
        description="现名或曾用名中的任意一段 · any part of a name that it has or had",
    )
    level: Level | None = Field(default=None, description="层级 · level")
    division: DivisionCode | None = Field(
        default=None, description="位于该区划或其下级区划 · it sits in this division or below it"
    )
    nature: Nature | None = Field(default=None, description="性质 · nature")
    parent: CreditCode | None = Field(default=None, description="当日直接上级 · the one directly above it on that day")
    under: CreditCode | None = Field(
        default=None, description="当日在其之下，不论几级 · it stands below this one on that day, however deep"
    )
    root: bool | None = Field(default=None, description="当日是否没有上级 · whether nothing stood above it on that day")
    ended: Annotated[str, *one_of("exclude", "include", "only")] = Field(
        default="exclude", description="当日已撤销或并入的机构 · those that were no more on that day"
    )
    on: Day | None = Field(default=None, description=ON)
    as_of: AsOfText | None = Field(default=None, description=AS_OF)
    limit: int = Field(default=100, ge=1, le=1000, description="每页条数 · organisations on a page")
    cursor: str | None = Field(default=None, max_length=2048, description="上一页的 next · `next` of the page before")

    def filter(self, on: date) -> organisations.Filter:
        """Give the conditions as the store knows them, for a day."""
        return organisations.Filter(
            name=self.name,
            level=self.level,
            division=self.division,
            nature=self.nature,
            parent=self.parent,
            under=self.under,
            is_root=self.root,
            is_ended={"exclude": False, "include": None, "only": True}[self.ended],
            on=on,
        )


_PUT = operation("admin", CONFLICT, DATABASE_UNAVAILABLE, conditional="put")
_PUT["responses"][201] = {"model": OrganisationSummary, "description": "已登记 · It is new."}


@router.put(
    "/organisations/{code}",
    summary="登记或变更机构 · Record an organisation, or change it",
    response_model=OrganisationSummary,
    **_PUT,
)
async def put_organisation(
    request: Request,
    code: Code,
    stated: tree.Organisation,
    reason: Annotated[Why, Query(description="理由，写明文件，记入历史 · the reason, with its document")],
) -> Response:
    """Record an organisation: its names and those above it with their first days, and what it is now.

    To record, send `If-None-Match: *` or no condition; to change, `If-Match` with the ETag last read. The same again
    changes nothing. No fact begins on a day to come: it is recorded when the day is there. Those above it are recorded
    first; nothing stands above itself on any day. The departments of all apps that this bears on are right at once.
    """
    desk = desk_of(request)

    def guard(current: Organisation | None) -> None:
        require_for_put(request, None if current is None else etag(current.since))

    act = act_of(request, reason)
    row, is_new = await desk.write(organisations.put, desk.database, code, stated, act, guard)
    if not is_new:
        return answer(summary(row), revision=row.since)
    place = {"Location": f"/v1/organisations/{code}"}
    return answer(summary(row), revision=row.since, status=201, headers=place)


@router.get(
    "/organisations/{code}",
    summary="一个机构 · One organisation",
    response_model=RecordedOrganisation,
    **operation("read", NOT_FOUND, DATABASE_UNAVAILABLE, conditional="get"),
)
async def get_organisation(request: Request, code: Code, on: OnQuery = None, as_of: AsOfQuery = None) -> Response:
    """Give all that is recorded of an organisation, now or as of a moment, and what that says for a day."""
    desk = desk_of(request)
    record = await desk.read(organisations.get, desk.database, code, moments.as_of(as_of))
    headers = moments.told(record.as_of)
    if (unchanged := not_modified(request, etag(record.row.since))) is not None:
        unchanged.headers.update(headers)
        return unchanged
    stated = tree.Organisation.model_validate_json(record.stated)
    day = on or desk.database.today()
    above = next((each.above for each in tree.steps(stated) if each.from_on <= day < each.before_on), None)
    body = {
        "code": code,
        "revision": record.row.since,
        "on": on,
        "name": stated.name_on(day),
        "above": above,
        "is_ended": stated.ended_on is not None and stated.ended_on <= day,
        "recorded": orjson.Fragment(record.stated),
    }
    return answer(body, revision=record.row.since, headers=headers)


@router.get(
    "/organisations/{code}/path",
    summary="到部门之根的路径 · The way up to the department",
    response_model=OrganisationPath,
    **operation("read", NOT_FOUND, DATABASE_UNAVAILABLE, conditional="get"),
)
async def get_path(request: Request, code: Code, on: OnQuery = None, as_of: AsOfQuery = None) -> Response:
    """Give the way from an organisation up to the root of its department on a day: the last one is the department.

    Where one was merged into another, the way goes on there.
    """
    desk = desk_of(request)
    day = on or desk.database.today()
    way, revision = await desk.read(organisations.way_up, desk.database, code, day, moments.as_of(as_of))
    items = [{"code": row.code, "name": name, "by_merger": merged} for row, name, merged in way]
    return answer_unless_known(request, {"on": day, "items": items}, moments.told(revision))


@router.get(
    "/organisations",
    summary="机构列表 · A list of organisations",
    response_model=OrganisationPage,
    **operation("read", INVALID_CURSOR, DATABASE_UNAVAILABLE),
)
async def list_organisations(request: Request, query: Annotated[OrganisationQuery, Query()]) -> Response:
    """List organisations in the order of their codes: those below another one, those of a name, the departments.

    All conditions hold together. `on` says for which day the tree is asked, `as_of` what was recorded by when.
    """
    desk = desk_of(request)
    filters = query.model_dump(mode="json", exclude={"limit", "cursor"})
    on, after, revision = query.on or desk.database.today(), "", None
    if query.cursor is not None:
        position = decode_cursor(query.cursor, filters, {"code": str, "revision": int, "day": int})
        after, revision, on = str(position["code"]), int(position["revision"]), _day(int(position["day"]))
    page = await desk.read(
        organisations.page,
        desk.database,
        query.filter(on),
        limit=query.limit,
        after=after,
        revision=revision,
        as_of=moments.as_of(query.as_of),
    )
    if page is None:
        raise _damaged()
    cursor, headers = None, moments.told(page.revision)
    if page.has_more:
        last: dict[str, str | int] = {"code": page.organisations[-1].code, "revision": page.revision}
        last["day"] = on.toordinal()
        cursor, link = next_page(request, last, filters)
        headers |= link
    items = [summary(row) for row in page.organisations]
    body = {"revision": page.revision, "on": on, "total": page.total, "items": items, "next": cursor}
    return answer(body, headers=headers)


_SUMMARY = tuple(name for name in OrganisationSummary.model_fields if name != "revision")


def summary(row: Organisation) -> dict[str, Any]:
    """Tell an organisation in brief, as `OrganisationSummary` describes it."""
    return {**{name: getattr(row, name) for name in _SUMMARY}, "revision": row.since}


def _day(number: int) -> date:
    try:
        return date.fromordinal(number)
    except (ValueError, OverflowError):
        raise _damaged() from None


def _damaged() -> Problem:
    detail = Text("游标已损坏。", "The cursor is damaged.")
    return Problem(INVALID_CURSOR, errors=[Fault("?cursor", detail)])
