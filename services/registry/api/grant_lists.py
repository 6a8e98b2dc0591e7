"""Grants of all apps over HTTP: which are in force on a day, which end soon, who gave them."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.manifest.neighbourhood import GrantKind
from services.manifest.values import AppId, Day, Key, Line
from services.registry.api import moments
from services.registry.api.answers import answer, next_page
from services.registry.api.desk import DATABASE_UNAVAILABLE, desk_of
from services.registry.api.grants import RecordedGrant, told
from services.registry.api.moments import AS_OF, AsOfText
from services.registry.store import grant_lists
from services.text import Text
from services.web import INVALID_CURSOR, Fault, Problem, decode_cursor, operation

LONGEST_DAYS = 36_500

router = APIRouter(prefix="/v1", tags=["grants"])


class GrantQuery(BaseModel):
    """The conditions of a list, all of which hold, and the page asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: GrantKind | None = Field(default=None, description="批准的种类 · kind")
    app: AppId | None = Field(default=None, description="应用标识 · id of the app")
    granter: Line | None = Field(default=None, description="批准机关的名称，写法与记录一致 · granter, as recorded")
    provision: Key | None = Field(default=None, description="所例外的条款标号 · provision derogated from")
    on: Day | None = Field(default=None, description="以哪一天为准，默认今天 · the day asked about, today by default")
    in_force: bool | None = Field(default=None, description="当天是否有效 · whether it counts on that day")
    ends_within_days: int | None = Field(
        default=None,
        ge=0,
        le=LONGEST_DAYS,
        description="最后有效的一天在当天起的若干天之内，期满或撤销都算"
        " · its last day, by its term or by revocation, lies within so many days from that day",
    )
    as_of: AsOfText | None = Field(default=None, description=AS_OF)
    limit: int = Field(default=100, ge=1, le=1000, description="每页条数 · grants on a page")
    cursor: str | None = Field(default=None, max_length=2048, description="上一页的 next · `next` of the page before")

    def filter(self, on: date) -> grant_lists.Filter:
        """Give the conditions as the store knows them, for a day."""
        return grant_lists.Filter(
            kind=self.kind,
            app=self.app,
            granter=self.granter,
            provision=self.provision,
            on=on,
            is_in_force=self.in_force,
            ends_within_days=self.ends_within_days,
        )


class GrantList(BaseModel):
    """A page of grants in the order in which they were recorded, as of one registry revision."""

    model_config = ConfigDict(frozen=True)

    revision: int = Field(description="全部各页所依据的登记号 · the registry revision of all pages")
    on: Day = Field(description="以哪一天为准 · the day asked about")
    total: int = Field(ge=0, description="各页合计 · grants on all pages")
    items: list[RecordedGrant]
    next: str | None = Field(description="下一页的 cursor，没有则为 null · cursor of the next page, if there is one")


@router.get(
    "/grants",
    summary="全部批准的列表 · The grants of all apps",
    response_model=GrantList,
    **operation("read", INVALID_CURSOR, DATABASE_UNAVAILABLE),
)
async def list_all_grants(request: Request, query: Annotated[GrantQuery, Query()]) -> Response:
    """List grants of all apps in the order in which they were recorded. All conditions hold together.

    A grant that was revoked before its first day never counted: it is in force on no day and ends on none.
    """
    desk = desk_of(request)
    filters = query.model_dump(mode="json", exclude={"limit", "cursor"})
    on, after, revision = query.on or desk.database.today(), 0, None
    if query.cursor is not None:
        position = decode_cursor(query.cursor, filters, {"recorded": int, "revision": int, "day": int})
        after, revision, on = int(position["recorded"]), int(position["revision"]), _day(int(position["day"]))
    page = await desk.read(
        grant_lists.page,
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
        position = {"recorded": page.grants[-1].recorded, "revision": page.revision, "day": on.toordinal()}
        cursor, link = next_page(request, position, filters)
        headers |= link
    items = [told(grant) for grant in page.grants]
    body = {"revision": page.revision, "on": on, "total": page.total, "items": items, "next": cursor}
    return answer(body, headers=headers)


def _day(number: int) -> date:
    try:
        return date.fromordinal(number)
    except (ValueError, OverflowError):
        raise _damaged() from None


def _damaged() -> Problem:
    detail = Text("游标已损坏。", "The cursor is damaged.")
    return Problem(INVALID_CURSOR, errors=[Fault("?cursor", detail)])
