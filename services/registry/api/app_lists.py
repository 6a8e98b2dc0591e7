"""Lists of apps over HTTP: conditions, order, pages, facets."""

from collections.abc import Mapping
from datetime import date
from importlib.metadata import version
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError
from starlette.requests import Request
from starlette.responses import Response

from services.manifest.values import Day
from services.registry.api import moments
from services.registry.api.answers import next_page
from services.registry.api.apps import AppSummary, summary
from services.registry.api.desk import DATABASE_UNAVAILABLE, desk_of
from services.registry.api.moments import AS_OF, AsOfText
from services.registry.filters import AppFilter, one_of
from services.registry.store import app_facets, app_lists
from services.registry.store.app_lists import SORTS, Cut, Order, Position
from services.text import Text
from services.web import INVALID_CURSOR, Fault, Problem, decode_cursor, etag, not_modified, operation

router = APIRouter(prefix="/v1", tags=["apps"])

FIELDS = tuple(AppSummary.model_fields)
_POSITION: dict[str, type[str | int]] = {"stretch": int, "key": str, "id": str, "revision": int, "day": int}
_VERSION = version("govapp")


def _only_id_is_required(schema: dict[str, Any]) -> None:
    schema["required"] = ["id"]


class ListedApp(AppSummary):
    """An app in brief, with the fields asked for; what is not declared is null."""

    model_config = ConfigDict(frozen=True, json_schema_extra=_only_id_is_required)


class AppPage(BaseModel):
    """A page of a list of apps, as of one registry revision."""

    model_config = ConfigDict(frozen=True)

    revision: int = Field(description="全部各页所依据的登记号 · the registry revision of all pages")
    total: int = Field(ge=0, description="各页合计 · apps on all pages")
    is_total_exact: bool = Field(
        description="合计是否确切；否则为「不少于」· whether the total is exact; else there are at least so many"
    )
    items: list[ListedApp]
    next: str | None = Field(description="下一页的 cursor，没有则为 null · cursor of the next page, if there is one")


class FacetValue(BaseModel):
    """How many apps have a value."""

    model_config = ConfigDict(frozen=True)

    value: str | None = Field(description="取值，可以原样作为条件；null 为未声明 · the value; null: undeclared")
    count: int = Field(ge=1)


class Facet(BaseModel):
    """How many apps have which values, the most frequent first."""

    model_config = ConfigDict(frozen=True)

    values: list[FacetValue]
    others: int = Field(ge=0, description="其余各值的应用合计 · apps with values that are not listed")


class FacetNames(BaseModel):
    """The facets."""

    model_config = ConfigDict(frozen=True)

    kind: Facet = Field(description="形态 · kind of software")
    level: Facet = Field(description="主办单位层级 · level of the sponsor")
    province: Facet = Field(
        description="主办单位所在省级区划（前两位），空串为全国 · province; the empty code is the country"
    )
    role: Facet = Field(description="角色 · role")
    stage: Facet = Field(description="阶段 · stage")
    faces_grassroots: Facet = Field(description="面向基层 · faces the grassroots")
    department: Facet = Field(description="部门 · department")
    sector: Facet = Field(description="行业 · sector")
    feature_kind: Facet = Field(
        description="功能类型，一个应用可计入几类 · kinds of features; an app may count for several"
    )
    grant: Facet = Field(
        description="当天有效的批准，一个应用可计入几类 · grants in force; an app may count for several"
    )


class AppFacets(BaseModel):
    """The facets of the apps that the conditions hold for, as of one registry revision."""

    model_config = ConfigDict(frozen=True)

    revision: int = Field(description="所依据的登记号 · the registry revision")
    total: int = Field(ge=0, description="应用合计 · apps altogether")
    on: Day = Field(description="批准以哪一天为准 · the day on which grants count")
    facets: FacetNames


def _known_fields(text: str) -> str:
    unknown = [name for name in text.split(",") if name not in FIELDS]
    if unknown:
        expected = ", ".join(FIELDS)
        raise PydanticCustomError("enum", "Input should be {expected}", {"expected": expected})
    return text


class AppQuery(AppFilter):
    """The conditions of a list, all of which hold, and the page asked for."""

    as_of: AsOfText | None = Field(default=None, description=AS_OF)
    sort: Annotated[str, *one_of(*SORTS, *(f"-{name}" for name in SORTS))] = Field(
        default="id",
        description="排序，前加减号为倒序；相同的按标识，未声明的总在最后；name 依前 64 个字符的编码，"
        "changed 依最近一次变更 · the order, descending with a minus; equal ones by id, undeclared last; `name` by"
        " the code points of its first 64 characters, `changed` by the last change",
    )
    total: Annotated[str, *one_of("capped", "exact")] = Field(
        default="capped",
        description="合计数到 1,000 为止（capped），或数到底（exact）· whether counting ends at 1,000",
    )
    fields: Annotated[str, Field(max_length=500), AfterValidator(_known_fields)] | None = Field(
        default=None,
        description="只要这些字段，以逗号分开；id 总在其中 · only these fields, set off by commas, and `id`",
    )
    limit: int = Field(default=100, ge=1, le=1000, description="每页条数 · apps on a page")
    cursor: str | None = Field(default=None, max_length=2048, description="上一页的 next · `next` of the page before")


class FacetQuery(AppFilter):
    """The conditions, all of which hold, of the apps that are counted."""

    as_of: AsOfText | None = Field(default=None, description=AS_OF)
    top: int = Field(
        default=20, ge=1, le=200, description="部门和行业各列多少个 · departments and sectors told at most"
    )


@router.get(
    "/apps",
    summary="应用列表 · A list of apps",
    response_model=AppPage,
    **operation("read", INVALID_CURSOR, DATABASE_UNAVAILABLE, conditional="get"),
)
async def list_apps(request: Request, query: Annotated[AppQuery, Query()]) -> Response:
    """List apps. All conditions hold together; what an app does not declare meets none but `undeclared`.

    The pages that follow (`next`, or the Link header, which keeps the filter) are of the same list: as of the registry
    revision of the first page, which is the newest one, or that of `as_of`. A cursor belongs to its conditions and its
    order. The ETag stands for the list as of that revision, so `If-None-Match` tells at little cost whether anything
    was recorded since.
    """
    desk = desk_of(request)
    order = Order(query.sort.removeprefix("-"), query.sort.startswith("-"))
    filters = _said(query, "as_of", "sort")
    after, revision, on = None, None, desk.database.today()
    if query.cursor is not None:
        after, revision, on = _position(query.cursor, filters, order)
    if revision is None:
        revision = await desk.read(app_lists.revision_at, desk.database, moments.as_of(query.as_of))
    wanted = query.settled(on)
    headers = moments.told(revision) | {"ETag": _etag(revision, query, wanted)}
    if (unchanged := not_modified(request, headers["ETag"])) is not None:
        unchanged.headers.update(headers)
        return unchanged
    cut = Cut(query.limit, after, query.total == "exact")
    page = await desk.read(app_lists.page, desk.database, wanted, order, cut, revision)
    if page is None:
        raise _damaged(Text("游标所指的登记号尚未到达。", "The registry has not reached the cursor's revision."))
    cursor = None
    if page.end is not None:
        end: dict[str, str | int] = {
            "stretch": page.end.stretch,
            "key": "" if page.end.key is None else str(page.end.key),
            "id": page.end.id,
        }
        cursor, link = next_page(request, {**end, "revision": revision, "day": on.toordinal()}, filters)
        headers |= link
    items = [summary(row) for row in page.apps]
    if query.fields is not None:
        chosen = ("id", *query.fields.split(","))
        items = [{name: item[name] for name in chosen} for item in items]
    body = {
        "revision": page.revision,
        "total": page.total,
        "is_total_exact": page.is_total_exact,
        "items": items,
        "next": cursor,
    }
    return _answer(body, headers)


@router.get(
    "/facets/apps",
    summary="应用的分类统计 · Facets of a list of apps",
    response_model=AppFacets,
    **operation("read", DATABASE_UNAVAILABLE, conditional="get"),
)
async def count_apps(request: Request, query: Annotated[FacetQuery, Query()]) -> Response:
    """Count the apps that the conditions hold for: by level, province, department, sector, stage, role and more.

    Every condition holds for every facet, its own too. Grants count that are in force on `grant_on`, which is today
    (Beijing) unless it is given.
    """
    desk = desk_of(request)
    on = query.grant_on or desk.database.today()
    revision = await desk.read(app_lists.revision_at, desk.database, moments.as_of(query.as_of))
    wanted = query.settled(on)
    headers = moments.told(revision) | {"ETag": _etag(revision, query, wanted, on)}
    if (unchanged := not_modified(request, headers["ETag"])) is not None:
        unchanged.headers.update(headers)
        return unchanged
    found = await desk.read(app_facets.count, desk.database, wanted, revision=revision, on=on, top=query.top)
    facets = {} if found is None else {name: _facet(each) for name, each in found.by_name.items()}
    body = {"revision": revision, "total": 0 if found is None else found.total, "on": on, "facets": facets}
    return _answer(body, headers)


def _said(query: AppFilter, *further: str) -> dict[str, Any]:
    """Give what a cursor belongs to: every condition, and what else makes the list."""
    return query.model_dump(mode="json", include={*AppFilter.model_fields, *further})


def _etag(revision: int, query: AppFilter, settled: AppFilter, on: date | None = None) -> str:
    # Two versions of this service may tell the same apps differently.
    said = [_VERSION, revision, on, settled.model_dump(mode="json"), query.model_dump(mode="json")]
    return etag(orjson.dumps(said))


def _position(cursor: str, filters: Mapping[str, object], order: Order) -> tuple[Position, int, date]:
    """Read where the page before ended, the registry revision of the list, and the day on which grants count."""
    said = decode_cursor(cursor, filters, _POSITION)
    try:
        key = app_lists.key_of(order, str(said["key"])) if said["key"] else None
        on = date.fromordinal(int(said["day"]))
    except (ValueError, OverflowError):
        raise _damaged(Text("游标已损坏。", "The cursor is damaged.")) from None
    return Position(int(said["stretch"]), key, str(said["id"])), int(said["revision"]), on


def _damaged(detail: Text) -> Problem:
    remedy = Text("请去掉 cursor，从第一页重新开始。", "Leave the cursor out and begin with the first page.")
    return Problem(INVALID_CURSOR, detail, errors=[Fault("?cursor", detail, remedy)])


def _facet(facet: app_facets.Facet) -> dict[str, Any]:
    # The most frequent first, and equal ones in a fixed order.
    ordered = sorted(facet.counts.items(), key=lambda each: (-each[1], each[0] is None, each[0] or ""))
    return {"values": [{"value": value, "count": count} for value, count in ordered], "others": facet.others}


def _answer(body: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    return Response(orjson.dumps(body), headers=dict(headers), media_type="application/json")
