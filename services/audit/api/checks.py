"""Checks over HTTP: one manifest or registered app, or up to a hundred of them."""

import asyncio
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.audit.checks import Checks, Fresh, UnknownApp
from services.audit.clock import today
from services.audit.formats import json as json_format
from services.audit.law import Report
from services.audit.registry_client import RegistryUnavailable
from services.manifest.model import Manifest
from services.manifest.reading import MAX_BYTES, Reading, Unreadable, read
from services.manifest.reading import Problem as ManifestProblem
from services.manifest.values import AppId, Day
from services.text import Text
from services.web import (
    INVALID_BODY,
    INVALID_VALUE,
    NOT_FOUND,
    Fault,
    Problem,
    ProblemBody,
    ProblemType,
    body_format,
    language_of,
    operation,
    problem_body,
    read_body,
    request_id_of,
)

MAX_BATCH = 100
MAX_BATCH_BYTES = 4 * 1024 * 1024

REGISTRY_UNAVAILABLE = ProblemType(
    "registry-unavailable",
    503,
    Text("登记系统没有答复", "The registry gave no answer"),
    Text("无法取得该应用的清单，请稍后再试。", "The app's manifest cannot be had; try again shortly."),
)

HEADERS = {
    "Registry-Revision": "所见的登记号 · the registry revision that was seen; none when the registry gave no answer",
    "Freshness": "index（索引）或 live（登记系统） · whether the index or the registry itself was asked",
    "Index-Lag-Seconds": "索引至多滞后多少秒 · by how many seconds the index may lag; only where it was asked",
}

Freshness = Annotated[
    Literal["index", "live"] | None,
    Query(
        description="只对 ?app 有意义：index 由索引答复，滞后超过 max_lag_s 时仍问登记系统；live 总是问登记系统；"
        "未写时，索引在设定的滞后之内即用索引"
        " · for `?app` only: `index` is answered by the index, and by the registry when the index lags more than"
        " `max_lag_s`; `live` always by the registry; by default the index answers when its lag is within what is set"
    ),
]
MaxLag = Annotated[
    float | None,
    Query(
        gt=0,
        le=86400,
        allow_inf_nan=False,
        description="freshness=index 时可以接受的滞后（秒），默认为设定值"
        " · with `freshness=index`: the lag in seconds that will do; by default what is set",
    ),
]

On = Annotated[Day | None, Query(description="The day judged; today in Beijing when not given.")]

router = APIRouter(prefix="/v1", tags=["checks"])


class CheckRequest(BaseModel):
    """One app to be checked: a manifest, or the id of a registered app."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    app: AppId | None = Field(default=None, description="Id of a registered app.")
    manifest: dict[str, Any] | None = Field(default=None, description="A manifest; see manifest.schema.json.")


class BatchRequest(BaseModel):
    """Apps to be checked on one day, answered in their order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    checks: tuple[CheckRequest, ...] = Field(min_length=1, max_length=MAX_BATCH, description="What is to be checked.")
    on: Day | None = Field(default=None, strict=True, description="The day judged; today in Beijing when not given.")


class BatchResult(BaseModel):
    """The answer to one check of a batch: its report, or the problem that stands in its way."""

    report: Report | None = None
    problem: ProblemBody | None = None


class BatchAnswer(BaseModel):
    """The answers to a batch, in the order of its checks."""

    results: list[BatchResult]


_CHECK = operation(
    "public",
    NOT_FOUND,
    REGISTRY_UNAVAILABLE,
    body=Manifest,
    is_body_required=False,
    max_body_bytes=MAX_BYTES,
)
_CHECK["responses"][200] = {
    "headers": {name: {"description": said, "schema": {"type": "string"}} for name, said in HEADERS.items()}
}


@router.post(
    "/checks",
    summary="检查一份清单或一个已登记的应用 · Check a manifest or a registered app",
    response_model=Report,
    **_CHECK,
)
async def check(
    request: Request,
    on: On = None,
    app: Annotated[AppId | None, Query(description="Id of a registered app, instead of a body.")] = None,
    freshness: Freshness = None,
    max_lag_s: MaxLag = None,
) -> Response:
    """Judge an app against every rule on a day, in its present neighbourhood.

    Send the manifest as the body (JSON or YAML), or name a registered app with `?app=` and send no body. When the
    registry gives no answer, rules that need it are undetermined. A registered app may be answered from the index; the
    report is the same as the registry gives at that registry revision, byte by byte.
    """
    checks: Checks = request.state.checks
    day = on or today()
    if app is None:
        fresh = Fresh(await checks.check((await reading_of(request)).manifest, day), None)
    else:
        await refuse_body(request)
        try:
            fresh = await checks.check_fresh(app, day, 0 if freshness == "live" else max_lag_s)
        except (UnknownApp, RegistryUnavailable) as reason:
            raise problem_of(reason, "?app") from reason
    return Response(json_format.render(fresh.report), media_type="application/json", headers=_headers(fresh))


@router.post(
    "/checks/batch",
    summary="依次检查至多一百个应用 · Check up to a hundred apps, in their order",
    response_model=BatchAnswer,
    **operation("public", max_body_bytes=MAX_BATCH_BYTES),
)
async def check_batch(request: Request, batch: BatchRequest) -> Response:
    """Judge several apps on one day. Each is answered by itself: one that cannot be judged holds up no other."""
    checks: Checks = request.state.checks
    day = batch.on or today()
    asked = [_asked(each, f"/checks/{i}") for i, each in enumerate(batch.checks)]
    judged = iter(await checks.check_all([each for each in asked if not isinstance(each, Problem)], day))
    results: list[dict[str, Any]] = []
    for i, each in enumerate(asked):
        answer = each if isinstance(each, Problem) else next(judged)
        if isinstance(answer, Report):
            results.append({"report": orjson.Fragment(json_format.render(answer)), "problem": None})
        else:
            problem = answer if isinstance(answer, Problem) else problem_of(answer, f"/checks/{i}/app")
            said = problem_body(
                problem, lang=language_of(request), instance=request.url.path, request_id=request_id_of(request)
            )
            results.append({"report": None, "problem": said})
    return Response(orjson.dumps({"results": results}), media_type="application/json")


def _headers(fresh: Fresh) -> dict[str, str]:
    told = {"Freshness": "live" if fresh.lag_s is None else "index"}
    if fresh.report.revision is not None:
        told["Registry-Revision"] = str(fresh.report.revision)
    if fresh.lag_s is not None:
        told["Index-Lag-Seconds"] = f"{fresh.lag_s:.3f}"
    return told


async def reading_of(request: Request) -> Reading:
    """Read the manifest that is the body of a request."""
    body = await read_body(request, MAX_BYTES)
    media = body_format(request)
    try:
        # YAML is read in pure Python, and a large one would hold up everybody else's checks.
        return await asyncio.to_thread(read, body, media=media) if media == "yaml" else read(body, media=media)
    except Unreadable as error:
        raise Problem(INVALID_VALUE, errors=[fault_of(each, "") for each in error.problems]) from error


async def refuse_body(request: Request) -> None:
    """Refuse a body where a registered app is named."""
    async for chunk in request.stream():
        if chunk:
            said = Text("写了 ?app 就不要再发送请求体", "with ?app there is no body")
            remedy = Text("去掉请求体，或去掉 ?app", "leave out the body, or ?app")
            raise Problem(INVALID_BODY, errors=[Fault("", said, remedy)])


def _asked(each: CheckRequest, place: str) -> Manifest | str | Problem:
    if (each.app is None) == (each.manifest is None):
        said = Text("app 和 manifest 须且只须写一个", "exactly one of app and manifest is needed")
        return Problem(INVALID_VALUE, errors=[Fault(place, said, Text("写明其中一个", "give one of them"))])
    if each.app is not None:
        return each.app
    try:
        return read(orjson.dumps(each.manifest), media="json").manifest
    except Unreadable as error:
        return Problem(INVALID_VALUE, errors=[fault_of(problem, f"{place}/manifest") for problem in error.problems])


def fault_of(problem: ManifestProblem, under: str) -> Fault:
    """Tell what is wrong with a manifest that stands at a JSON pointer of the request (empty: it is all of it)."""
    detail = problem.detail
    if not under and problem.line:
        detail = Text(
            f"第 {problem.line} 行第 {problem.column} 列：{detail.zh}",
            f"line {problem.line}, column {problem.column}: {detail.en}",
        )
    return Fault(f"{under}{problem.pointer}", detail, problem.remedy)


def problem_of(reason: UnknownApp | RegistryUnavailable, place: str) -> Problem:
    """Say why there is no report."""
    if isinstance(reason, UnknownApp):
        said = Text(f"登记系统中没有在册的应用 {reason}", f"the registry has no app {reason} on its books")
        return Problem(NOT_FOUND, errors=[Fault(place, said, Text("核对标识", "check the id"))])
    return Problem(REGISTRY_UNAVAILABLE, headers={"Retry-After": "5"})
