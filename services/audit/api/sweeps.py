"""Sweeps over HTTP: ordering one, following it, reading what it found, and how it differs from the one before."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, TypeVar

import orjson
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.audit import clock
from services.audit.api.checks import REGISTRY_UNAVAILABLE
from services.audit.api.desk import DATABASE_UNAVAILABLE, Desk, desk_of
from services.audit.api.sweep_views import (
    ChangeFeed,
    DifferencePage,
    ResultPage,
    Statistics,
    SweepPage,
    SweepView,
    change_view,
    difference_view,
    group_view,
    result_view,
    sweep_view,
)
from services.audit.formats import json as json_format
from services.audit.law import Outcome, Report, Verdict
from services.audit.registry_client import RegistryUnavailable
from services.audit.registry_streams import RegistryRefused
from services.audit.regulation import LAW, LAWS
from services.audit.store import following_sweeps, sweep_results
from services.audit.store import sweeps as store
from services.audit.store.database import Connection
from services.audit.store.sweep_results import By, UnknownResultError, Wanted
from services.audit.store.sweeps import NotRunningError, Progress, UnknownSweepError
from services.audit.sweep_orders import (
    OF_LISTS,
    Again,
    NoLongerHeldError,
    NoSuchLawError,
    Order,
    again,
    compare,
    prepare,
)
from services.audit.sweep_tables import Sweep, SweepState
from services.audit.sweeping import enqueue
from services.audit.sweeps import LETTERS
from services.jobs import Jobs, JobsUnavailableError
from services.manifest.terms import Level
from services.manifest.values import AppId
from services.manifest.values import Day as _Day
from services.text import Text
from services.web import (
    CONFLICT,
    INVALID_CURSOR,
    INVALID_VALUE,
    NOT_FOUND,
    Fault,
    Problem,
    caller_of,
    decode_cursor,
    encode_cursor,
    operation,
)

T = TypeVar("T")

_MOST_WAIT_S = 25
_LOOK_S = 0.5  # many may wait at once, and each of them looks

router = APIRouter(prefix="/v1", tags=["sweeps"])

Id = Annotated[str, Path(pattern="^sweep-[0-9a-f]{24}$", description="筛查的标识 · id of the sweep")]
OfApp = Annotated[AppId, Path(description="应用标识 · id of the app")]
Since = Annotated[
    str | None,
    Query(
        pattern="^sweep-[0-9a-f]{24}$",
        description="与之比较的筛查，默认为同一批应用的上一次"
        " · the sweep to compare with; by default the one before of the same apps",
    ),
]
Limit = Annotated[int, Query(ge=1, le=1000, description="每页条数 · how many on a page")]
Cursor = Annotated[str | None, Query(max_length=2048, description="上一页的 next · `next` of the page before")]
Kind = Annotated[
    Literal["newly_violated", "no_longer_violated", "outcome"] | None,
    Query(
        description="只要新违反的、不再违反的或结论不同的"
        " · only apps that newly violate a rule, no longer do, or turn out otherwise"
    ),
]
Name = Annotated[str, Field(pattern="^[a-z][a-z_]{0,40}$")]
Value = Annotated[str, Field(max_length=1000)]
_READ = operation("read", NOT_FOUND, DATABASE_UNAVAILABLE)
_CHANGE = operation("write", NOT_FOUND, CONFLICT, DATABASE_UNAVAILABLE, is_once=True)


class SweepRequest(BaseModel):
    """What is to be swept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    filter: Annotated[dict[Name, Annotated[list[Value], Field(min_length=1, max_length=50)]], Field(max_length=40)] = (
        Field(
            default={},
            description="登记系统列表的筛选条件，各写为字符串的列表；不写为全部应用"
            " · the conditions of the registry's lists, each a list of texts; without any, all apps",
        )
    )
    on: Annotated[_Day, Field(strict=True)] | None = Field(
        default=None, description="判断的日期，默认为今天（北京） · the day judged; today in Beijing when not given"
    )
    law: str | None = Field(
        default=None, max_length=200, description="法规版本，默认为现行的 · version of the law; the present one"
    )
    revision: int | None = Field(
        default=None,
        ge=0,
        lt=10**18,
        strict=True,
        description="所见的登记号，默认为最新 · the registry revision that is seen; the newest when not given",
    )
    follows: bool = Field(
        default=False,
        strict=True,
        description="完成后继续跟随登记系统：有变化的随时重判，新的一天全部重判；不与 on、law、revision 同写"
        " · stay current after it was done: what changes is judged again at once, and everything on a new day;"
        " goes with neither `on`, `law` nor `revision`",
    )


class SweepQuery(BaseModel):
    """Which sweeps are listed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: SweepState | None = Field(default=None, description="状态 · how far they have come")
    limit: int = Field(default=50, ge=1, le=500, description="每页条数 · sweeps on a page")
    cursor: str | None = Field(default=None, max_length=2048, description="上一页的 next · `next` of the page before")


class Conditions(BaseModel):
    """Which results are meant; all conditions hold together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outcome: Outcome | None = Field(default=None, description="结论 · how it turned out")
    rule: str | None = Field(
        default=None, max_length=100, description="规则的标识，须同时写 verdict · id of a rule; with `verdict`"
    )
    verdict: Verdict | None = Field(
        default=None,
        description="该规则的结论；未写 rule 时，任一规则的 · verdict of the rule, or of any when none is named",
    )
    level: Level | None = Field(default=None, description="主办单位层级 · level of the sponsor")
    province: str | None = Field(
        default=None, pattern="^[0-9]{2}$", description="省级区划（两位） · province, two digits"
    )
    department: str | None = Field(default=None, max_length=1000, description="所属部门 · department of the sponsor")

    def wanted(self, rules: Sequence[str]) -> Wanted:
        """Give the conditions as the store takes them, of a sweep by these rules."""
        if self.rule is not None and (self.verdict is None or self.rule not in rules):
            fact = Text("没有这条规则，或没有写 verdict", "there is no such rule, or `verdict` is missing")
            remedy = Text("规则见 GET /v1/rules", "see GET /v1/rules")
            raise Problem(INVALID_VALUE, errors=[Fault("?rule", fact, remedy)])
        return Wanted(
            outcome=self.outcome,
            rule=self.rule,
            letter=None if self.verdict is None else LETTERS[self.verdict],
            level=self.level,
            province=self.province,
            department=self.department,
        )


class ResultQuery(Conditions):
    """Which results are listed."""

    limit: int = Field(default=100, ge=1, le=1000, description="每页条数 · results on a page")
    cursor: str | None = Field(default=None, max_length=2048, description="上一页的 next · `next` of the page before")


@router.post(
    "/sweeps",
    status_code=201,
    summary="筛查：逐个判断登记的应用 · Sweep: judge all registered apps, or some",
    response_model=SweepView,
    **operation("write", REGISTRY_UNAVAILABLE, DATABASE_UNAVAILABLE, is_once=True),
)
async def begin_sweep(request: Request, asked: SweepRequest) -> Response:
    """Order a report on every app that stood at one registry revision and meets the conditions.

    The work is done by the processes that do durable work, and goes on by itself after any of them has died. Results
    can be read while it is going on.
    """
    if asked.law is not None and asked.law not in LAWS:
        fact = Text(f"没有法规版本 {asked.law}", f"there is no version {asked.law} of the law")
        known = "、".join(LAWS)
        raise Problem(INVALID_VALUE, errors=[Fault("/law", fact, Text(f"可选：{known}", f"there are {known}"))])
    if no_conditions := sorted(OF_LISTS & asked.filter.keys()):
        fact = Text("不是对应用的条件", "this is no condition on apps")
        remedy = Text("去掉它", "leave it out")
        raise Problem(INVALID_VALUE, errors=[Fault(f"/filter/{name}", fact, remedy) for name in no_conditions])
    if asked.follows and (given := sorted(asked.model_fields_set & {"on", "law", "revision"})):
        fact = Text(
            "跟随登记系统的筛查总是按今天、现行法规、最新的登记号", "what follows is of today, by the present law"
        )
        remedy = Text("去掉它，或去掉 follows", "leave it out, or leave out `follows`")
        raise Problem(INVALID_VALUE, errors=[Fault(f"/{name}", fact, remedy) for name in given])
    desk = desk_of(request)
    law = LAW if asked.law is None else LAWS[asked.law]
    day, who = asked.on or clock.today(), caller_of(request).name
    order = Order(asked.filter, law, day, who, asked.revision, follows=asked.follows)
    try:
        sweep = await asyncio.to_thread(prepare, order, request.state.sweeping.open)
    except RegistryUnavailable as error:
        raise Problem(REGISTRY_UNAVAILABLE, headers={"Retry-After": "5"}) from error
    except RegistryRefused as error:
        raise _refused(error) from error

    def tell(made: Sweep) -> Response:
        return _told(sweep_view(made, Progress(0, 0, 0), desk.database.now()), 201)

    answer = await desk.answer_once(request, tell, lambda connection: store.begin(connection, sweep))
    await _enqueue(request, sweep)
    return answer


@router.get(
    "/sweeps",
    summary="筛查列表 · A list of sweeps",
    response_model=SweepPage,
    **operation("read", INVALID_CURSOR, DATABASE_UNAVAILABLE),
)
async def list_sweeps(request: Request, query: Annotated[SweepQuery, Query()]) -> Response:
    """List sweeps, the newest first."""
    desk = desk_of(request)
    filters = {"state": query.state}
    before = None if query.cursor is None else int(decode_cursor(query.cursor, filters, {"before": int})["before"])
    found, has_more = await desk.read(store.page, desk.database, query.limit, before, query.state)
    items = [sweep_view(*each, desk.database.now()) for each in found]
    return _page(request, {"items": items}, {"before": found[-1][0].number} if has_more else None, filters)


@router.get("/sweeps/{id}", summary="一次筛查 · A sweep", response_model=SweepView, **_READ)
async def get_sweep(request: Request, id: Id) -> Response:
    """Tell a sweep, and how far it has come."""
    desk = desk_of(request)
    sweep, progress = await find_sweep(desk, id)
    return _told(sweep_view(sweep, progress, desk.database.now()))


@router.get(
    "/sweeps/{id}/changes",
    summary="跟随登记系统的筛查：变了什么 · What has changed in a sweep that follows",
    response_model=ChangeFeed,
    **operation("read", NOT_FOUND, CONFLICT, DATABASE_UNAVAILABLE),
)
async def list_sweep_changes(
    request: Request,
    id: Id,
    since: Annotated[
        int, Query(ge=0, lt=10**18, description="此后的变化；0 为从头 · changes after this; 0 is from the beginning")
    ] = 0,
    limit: Limit = 100,
    kind: Kind = None,
    wait_s: Annotated[
        float,
        Query(
            ge=0,
            le=_MOST_WAIT_S,
            allow_inf_nan=False,
            description="没有变化时至多等候的秒数 · seconds to wait at most while there is none",
        ),
    ] = 0,
) -> Response:
    """Tell every result that was replaced since, each exactly once, in order, in this sweep and those after it.

    `next` moves on over changes that are not of the kind asked for, so an answer may hold fewer than `limit`.
    """
    desk = desk_of(request)
    sweep, _ = await find_sweep(desk, id)
    if sweep.chain is None:
        fact = Text("这次筛查不跟随登记系统", "this sweep does not follow the registry")
        remedy = Text("以 follows: true 新开一次", "order one with `follows: true`")
        raise Problem(CONFLICT, errors=[Fault("{id}", fact, remedy)])
    time = asyncio.get_running_loop().time
    ending = time() + min(wait_s, (desk.settings.web.deadline_s or _MOST_WAIT_S) / 2)
    while True:
        found = await desk.read(following_sweeps.changes, desk.database, sweep.chain, since, limit)
        if found or time() >= ending:
            break
        await asyncio.sleep(_LOOK_S)
    items = [told for each in found if is_of_kind(told := change_view(each), kind)]
    return _told({"items": items, "next": found[-1].number if found else since})


@router.post("/sweeps/{id}/cancel", summary="取消筛查 · Cancel a sweep", response_model=SweepView, **_CHANGE)
async def cancel_sweep(request: Request, id: Id) -> Response:
    """Cancel a sweep that is running or following. What it has found stays, and it can be resumed."""

    def cancel(connection: Connection) -> Sweep:
        return store.halt(connection, id, SweepState.CANCELLED, None, desk_of(request).database.now())

    return await _change(request, id, cancel)


@router.post("/sweeps/{id}/resume", summary="继续筛查 · Resume a sweep", response_model=SweepView, **_CHANGE)
async def resume_sweep(request: Request, id: Id) -> Response:
    """Let a cancelled or failed sweep go on from where it was, at the same registry revision or following again."""
    answer = await _change(request, id, lambda connection: store.resume(connection, id))
    sweep, _ = await find_sweep(desk_of(request), id)
    if sweep.state == SweepState.RUNNING:
        await _enqueue(request, sweep)
    return answer


@router.get(
    "/sweeps/{id}/results",
    summary="筛查结果 · The results of a sweep",
    response_model=ResultPage,
    **operation("read", NOT_FOUND, INVALID_CURSOR, DATABASE_UNAVAILABLE),
)
async def list_results(request: Request, id: Id, query: Annotated[ResultQuery, Query()]) -> Response:
    """List the results of a sweep, in the order of the apps' ids. All conditions hold together."""
    desk = desk_of(request)
    sweep, _ = await find_sweep(desk, id)
    rules = orjson.loads(sweep.rules)
    filters = query.model_dump(mode="json", exclude={"limit", "cursor"})
    after = None if query.cursor is None else str(decode_cursor(query.cursor, filters, {"after": str})["after"])
    found, has_more = await desk.read(sweep_results.page, desk.database, sweep, query.wanted(rules), query.limit, after)
    items = [result_view(rules, each) for each in found]
    return _page(request, {"items": items}, {"after": found[-1].app} if has_more else None, filters)


@router.get(
    "/sweeps/{id}/reports/{app}",
    summary="筛查中一个应用的报告 · The report on an app of a sweep",
    response_model=Report,
    **operation("read", NOT_FOUND, CONFLICT, REGISTRY_UNAVAILABLE, DATABASE_UNAVAILABLE),
)
async def get_sweep_report(request: Request, id: Id, app: OfApp) -> Response:
    """Give the report on one app of a sweep, made again from the registry's history: it is the same."""
    desk = desk_of(request)
    sweep, _ = await find_sweep(desk, id)
    await _result(desk, sweep, app)
    made = await judge_again(request, sweep, app)
    return Response(json_format.render(made.report), media_type="application/json")


@router.get(
    "/sweeps/{id}/differences",
    summary="与上一次筛查相比 · How a sweep differs from the one before",
    response_model=DifferencePage,
    **operation("read", NOT_FOUND, CONFLICT, INVALID_CURSOR, DATABASE_UNAVAILABLE),
)
async def list_differences(
    request: Request,
    id: Id,
    since: Since = None,
    kind: Kind = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List the apps of which two sweeps found something else, or that only one of them has, and why.

    What of neighbours, grants or the law it is that makes the difference, tells `…/differences/{app}`.
    """
    desk = desk_of(request)
    after, _ = await find_sweep(desk, id)
    before = await _before(desk, after, since)
    filters = {"id": id, "since": before.id, "kind": kind}
    start = None if cursor is None else str(decode_cursor(cursor, filters, {"after": str})["after"])
    rules = (orjson.loads(before.rules), orjson.loads(after.rules))

    def read() -> tuple[list[dict[str, Any]], bool]:
        items: list[dict[str, Any]] = []
        for each in sweep_results.differing(desk.database, before, after, start):
            told = difference_view(rules, each)
            if is_of_kind(told, kind):
                if len(items) == limit:
                    return items, True
                items.append(told)
        return items, False

    items, has_more = await desk.read(read)
    return _page(
        request, {"since": before.id, "items": items}, {"after": items[-1]["app"]} if has_more else None, filters
    )


@router.get(
    "/sweeps/{id}/differences/{app}",
    summary="一个应用与上一次筛查相比 · How an app differs from the sweep before",
    response_class=Response,
    **operation("read", NOT_FOUND, CONFLICT, REGISTRY_UNAVAILABLE, DATABASE_UNAVAILABLE),
)
async def get_difference(request: Request, id: Id, app: OfApp, since: Since = None) -> Response:
    """Tell which findings of an app are new, which are gone, which neighbours they involve, and why."""
    desk = desk_of(request)
    after, _ = await find_sweep(desk, id)
    before = await _before(desk, after, since)
    made = [await judge_again(request, each, app) for each in (before, after)]
    return Response(orjson.dumps(compare(*made)), media_type="application/json")


@router.get(
    "/sweeps/{id}/statistics",
    summary="筛查的统计 · The results of a sweep, counted",
    response_model=Statistics,
    **_READ,
)
async def get_statistics(
    request: Request,
    id: Id,
    by: Annotated[
        Literal["rule", "level", "province", "department", "month"],
        Query(
            description="按规则、层级、省、部门，或按月（同一批应用各月的最后一次筛查）"
            " · by rule, level, province or department, or by month: the last sweep of each month of the same apps"
        ),
    ] = "rule",
) -> Response:
    """Count the results of a sweep."""
    desk = desk_of(request)
    sweep, _ = await find_sweep(desk, id)
    if by != "month":
        groups = await desk.read(sweep_results.statistics, desk.database, sweep, by)
        return _told({"by": by, "groups": [group_view(each) for each in groups]})

    def months() -> list[dict[str, Any]]:
        one: By = "level"
        told = []
        for month, last in sweep_results.last_of_months(desk.database, sweep.series):
            whole = sweep_results.together(sweep_results.statistics(desk.database, last, one))
            told.append(group_view(whole, last.id, month))
        return told

    return _told({"by": by, "groups": await desk.read(months)})


# ---------------------------------------------------------------- what they have in common


def is_of_kind(told: dict[str, Any], kind: str | None) -> bool:
    """Tell whether a difference is of the kind that was asked for."""
    return kind is None or bool(told["before"] != told["after"] if kind == "outcome" else told[kind])


async def find_sweep(desk: Desk, id: str) -> tuple[Sweep, Progress]:
    """Give a sweep, and how far it has come."""
    try:
        return await desk.read(store.find, desk.database, id)
    except UnknownSweepError as error:
        raise _unknown(id) from error


async def _result(desk: Desk, sweep: Sweep, app: str) -> None:
    try:
        await desk.read(sweep_results.find, desk.database, sweep, app)
    except UnknownResultError as error:
        detail = Text(f"筛查 {sweep.id} 没有应用 {app} 的结果。", f"The sweep {sweep.id} has no result for {app}.")
        raise Problem(NOT_FOUND, detail) from error


async def _before(desk: Desk, sweep: Sweep, since: str | None) -> Sweep:
    if since is not None:
        return (await find_sweep(desk, since))[0]
    found = await desk.read(store.before, desk.database, sweep)
    if found is None:
        fact = Text("此前没有完成过同样范围的筛查", "no sweep of the same apps was done before")
        raise Problem(CONFLICT, errors=[Fault("?since", fact, Text("写明 since", "give `since`"))])
    return found


async def judge_again(request: Request, sweep: Sweep, app: str) -> Again:
    """Judge an app of a sweep once more, as it stood then."""
    try:
        return await again(request.state.checks.registry, sweep, app)
    except RegistryUnavailable as error:
        raise Problem(REGISTRY_UNAVAILABLE, headers={"Retry-After": "5"}) from error
    except NoLongerHeldError as error:
        raise Problem(NOT_FOUND, Text(f"当时没有应用 {app}。", f"There was no app {app} then.")) from error
    except NoSuchLawError as error:
        fact = Text(f"本程序没有法规版本 {error}", f"this program does not hold the version {error} of the law")
        remedy = Text("请用当时版本的 govapp", "use the govapp of that version")
        raise Problem(CONFLICT, errors=[Fault("{id}", fact, remedy)]) from error


async def _change(request: Request, id: str, work: Callable[[Connection], Sweep]) -> Response:
    desk = desk_of(request)
    _, progress = await find_sweep(desk, id)
    try:
        return await desk.answer_once(
            request, lambda sweep: _told(sweep_view(sweep, progress, desk.database.now())), work
        )
    except UnknownSweepError as error:
        raise _unknown(id) from error
    except NotRunningError as error:
        fact = Text(f"筛查的状态是 {error}", f"the sweep is {error}")
        remedy = Text("进行中的才能取消，取消或失败的才能继续", "a running one can be cancelled, another one resumed")
        raise Problem(CONFLICT, errors=[Fault("{id}", fact, remedy)]) from error


async def _enqueue(request: Request, sweep: Sweep) -> None:
    """Let the work begin at once, where durable work is done; elsewhere somebody finds it soon."""
    jobs: Jobs = request.state.jobs
    try:
        for part in range(1, sweep.parts + 1):
            await enqueue(jobs, sweep, part)
    except JobsUnavailableError:
        return


def _unknown(id: str) -> Problem:
    return Problem(NOT_FOUND, Text(f"没有筛查 {id}。", f"There is no sweep {id}."))


def _refused(error: RegistryRefused) -> Problem:
    """Pass on what the registry says of the conditions."""
    if error.status == NOT_FOUND.status:
        fact = Text("登记系统尚未到达这个登记号", "the registry has not reached this revision")
        return Problem(INVALID_VALUE, errors=[Fault("/revision", fact, Text("写较小的登记号", "give a smaller one"))])
    faults = []
    for each in error.problem.get("errors", []):
        name = str(each.get("pointer", "")).removeprefix("?")
        said, remedy = str(each.get("detail", "")), str(each.get("remedy") or "")
        faults.append(
            Fault("/revision" if name == "as_of" else f"/filter/{name}", Text(said, said), Text(remedy, remedy))
        )
    return Problem(INVALID_VALUE, errors=faults)


def _told(body: dict[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")


def _page(request: Request, body: dict[str, Any], position: dict[str, Any] | None, filters: dict[str, Any]) -> Response:
    cursor, headers = None, {}
    if position is not None:
        cursor = encode_cursor(position, filters)
        url = request.url.include_query_params(cursor=cursor)
        headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    return Response(orjson.dumps({**body, "next": cursor}), headers=headers, media_type="application/json")
