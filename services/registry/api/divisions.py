"""Division codes over HTTP: what a code was called and covered on a day, and what it came from and went into."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.manifest import divisions
from services.manifest.divisions import Entry
from services.manifest.ties import name_key
from services.manifest.values import DIVISION_PATTERN, Day
from services.registry.api.answers import answer_unless_known, next_page
from services.registry.api.desk import desk_of
from services.registry.api.organisations import ON, OnQuery
from services.registry.filters import SearchText
from services.text import Text
from services.web import INVALID_CURSOR, NOT_FOUND, Problem, decode_cursor, operation

router = APIRouter(prefix="/v1", tags=["divisions"])

Kind = Literal["division", "grouping", "statistical", "example"]
Code = Annotated[
    str,
    Path(
        pattern=r"^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12})$",
        description="行政区划代码，末尾的零可以不写 · division code, with or without the zeros at its end",
    ),
]
Above = Annotated[str, Field(pattern=DIVISION_PATTERN), AfterValidator(divisions.normalise)]


class DivisionName(BaseModel):
    """A name of a code, and the days on which it stood for a place."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="本级名称 · its own name")
    kind: Kind = Field(
        description="division 区划、grouping 归组代码（市辖区等）、statistical 仅见于统计用代码、example 虚构"
        " · a division, a grouping, a code of the statistical lists alone, or fictional"
    )
    valid_from_on: Day | None = Field(description="首日，null 为早于名录所载历史 · first day; null: before the history")
    valid_to_on: Day | None = Field(description="末日，null 为仍有效 · last day; null while it is valid")
    successors: list[str] = Field(description="承接其区域的代码 · the codes among which its area went")


class Division(DivisionName):
    """A division on a day."""

    code: str = Field(description="代码，末尾的零已去掉 · code, without the zeros at its end")
    full_name: str = Field(description="当日全称 · full name on that day")
    parent: str | None = Field(description="上级代码，空串为全国 · code of the division above; empty: the country")


class KnownDivision(BaseModel):
    """All that is known of a division code, and what that says for one day."""

    model_config = ConfigDict(frozen=True)

    code: str
    on: Day
    is_valid: bool = Field(description="当日是否有效 · whether it is valid on that day")
    name: str | None = Field(
        description="当日本级名称；乡级、村级没有 · its own name that day; towns and villages have none"
    )
    full_name: str | None = Field(description="当日全称 · full name on that day")
    parent: str | None = Field(description="上级代码，空串为全国 · code of the division above; empty: the country")
    successors: list[str] = Field(description="停用后承接其区域的代码 · the codes among which its area went")
    predecessors: list[str] = Field(description="其区域来自哪些已停用的代码 · abolished codes its area came from")
    history: list[DivisionName] = Field(description="历次名称，先后排列 · its names, oldest first")


class DivisionPage(BaseModel):
    """A page of divisions in the order of their codes."""

    model_config = ConfigDict(frozen=True)

    edition_on: Day = Field(description="名录截止日期 · the day on which the list was current")
    on: Day = Field(description="以哪一天为准 · the day asked about")
    total: int = Field(ge=0, description="各页合计 · divisions on all pages")
    items: list[Division]
    next: str | None = Field(description="下一页的 cursor，没有则为 null · cursor of the next page, if there is one")


class DivisionQuery(BaseModel):
    """The conditions of a list, all of which hold, and the page asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parent: Above | None = Field(
        default=None, description="直接上级的代码；空串为省级 · directly below this one; the empty code: provinces"
    )
    under: Above | None = Field(default=None, description="在其之下，不论几级 · below this one, however deep")
    name: SearchText | None = Field(default=None, description="本级名称中的任意一段 · any part of its own name")
    kind: Kind | None = Field(default=None, description="种类 · kind")
    on: Day | None = Field(default=None, description=ON)
    limit: int = Field(default=100, ge=1, le=1000, description="每页条数 · divisions on a page")
    cursor: str | None = Field(default=None, max_length=2048, description="上一页的 next · `next` of the page before")

    def holds_for(self, entry: Entry) -> bool:
        """Tell whether an entry meets every condition."""
        return (
            (self.parent is None or divisions.parent(entry.code) == self.parent)
            and (self.under is None or (entry.code != self.under and divisions.covers(self.under, entry.code)))
            and (self.name is None or name_key(self.name) in name_key(entry.name))
            and (self.kind is None or entry.kind == self.kind)
        )


@router.get(
    "/divisions",
    summary="行政区划列表 · A list of divisions",
    response_model=DivisionPage,
    **operation("read", INVALID_CURSOR, conditional="get"),
)
async def list_divisions(request: Request, query: Annotated[DivisionQuery, Query()]) -> Response:
    """List the divisions at county level and above that are valid on a day, in the order of their codes.

    The list is a dated file that comes with this release; towns and villages are not in it.
    """
    filters = query.model_dump(mode="json", exclude={"limit", "cursor"})
    on, after = query.on or desk_of(request).database.today(), ""
    if query.cursor is not None:
        position = decode_cursor(query.cursor, filters, {"code": str, "day": str})
        after, on = str(position["code"]), _day(str(position["day"]))
    found = [entry for entry in divisions.listed(on) if query.holds_for(entry)]
    following = [entry for entry in found if entry.code > after]
    cursor: str | None = None
    headers: dict[str, str] = {}
    if len(following) > query.limit:
        last = {"code": following[query.limit - 1].code, "day": on.isoformat()}
        cursor, headers = next_page(request, last, filters)
    items = [_division(entry, on) for entry in following[: query.limit]]
    body = {"edition_on": divisions.edition_on(), "on": on, "total": len(found), "items": items, "next": cursor}
    return answer_unless_known(request, body, headers)


@router.get(
    "/divisions/{code}",
    summary="一个行政区划代码 · One division code",
    response_model=KnownDivision,
    **operation("read", NOT_FOUND, conditional="get"),
)
async def get_division(request: Request, code: Code, on: OnQuery = None) -> Response:
    """Say what a code was called on a day, what stands above it, and from what it came and into what it went.

    A town (9 digits) or village (12) exists where its county does, and has no name here.
    """
    day, normal = on or desk_of(request).database.today(), divisions.normalise(code)
    if not normal or not divisions.exists(normal):
        near = "、".join(divisions.closest(code)) or "—"
        said = Text(
            f"没有行政区划代码 {code}；相近的有：{near}。", f"There is no division code {code}; similar: {near}."
        )
        raise Problem(NOT_FOUND, said)
    body = {
        "code": normal,
        "on": day,
        "is_valid": divisions.exists(normal, day),
        "name": divisions.name(normal, day),
        "full_name": divisions.full_name(normal, day),
        "parent": divisions.parent(normal),
        "successors": divisions.successors(normal),
        "predecessors": divisions.predecessors(normal),
        "history": [_name(entry) for entry in divisions.history(normal)],
    }
    return answer_unless_known(request, body, {})


def _name(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in DivisionName.model_fields}


def _division(entry: Entry, on: date) -> dict[str, Any]:
    full_name = divisions.full_name(entry.code, on) or entry.name
    return {**_name(entry), "code": entry.code, "full_name": full_name, "parent": divisions.parent(entry.code)}


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Problem(INVALID_CURSOR) from None
