"""Reports of a sweep as files: the apps that meet some conditions, in the formats that people file."""

import asyncio
from typing import Annotated

import orjson
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from services.audit.api import reports
from services.audit.api.checks import REGISTRY_UNAVAILABLE
from services.audit.api.desk import DATABASE_UNAVAILABLE, desk_of
from services.audit.api.sweeps import Conditions, Id, OfApp, find_sweep, judge_again
from services.audit.formats.checked import Judged
from services.audit.store import sweep_results
from services.audit.sweep_tables import Sweep
from services.text import Text
from services.web import CONFLICT, INVALID_VALUE, NOT_FOUND, Fault, Problem, operation

MOST_APPS = 100
"""Apps of one file: each is judged once more from the registry's history."""

_AT_ONCE = 8

router = APIRouter(prefix="/v1", tags=["sweeps"])

_DECLARED = reports.declared(**operation("read", NOT_FOUND, CONFLICT, REGISTRY_UNAVAILABLE, DATABASE_UNAVAILABLE))


class ReportQuery(Conditions):
    """Which apps are reported on, and how."""

    format: reports.Format = "html"
    lang: reports.LangQuery = None


@router.get("/sweeps/{id}/report", summary="筛查的报告文件 · The report of a sweep, as a file", **_DECLARED)
async def write_sweep_report(request: Request, id: Id, query: Annotated[ReportQuery, Query()]) -> Response:
    """Write the reports on the apps of a sweep that meet all conditions, in the order of their ids.

    They are made again from the registry's history, and are the same. A file holds a hundred apps at most; more are
    read from the results, or narrowed down by province, department, rule and verdict.
    """
    desk = desk_of(request)
    sweep, _ = await find_sweep(desk, id)
    wanted = query.wanted(orjson.loads(sweep.rules))
    found, has_more = await desk.read(sweep_results.page, desk.database, sweep, wanted, MOST_APPS, None)
    if has_more:
        fact = Text(f"符合条件的应用超过 {MOST_APPS} 个", f"more than {MOST_APPS} apps meet the conditions")
        remedy = Text(
            "加上条件，例如 verdict=violation、rule、province、department", "add conditions, such as verdict=violation"
        )
        raise Problem(INVALID_VALUE, errors=[Fault("?", fact, remedy)])
    gate = asyncio.Semaphore(_AT_ONCE)
    judged = await asyncio.gather(*(_judged(request, sweep, each.app, gate) for each in found))
    return reports.file_of(request, judged, query.format, query.lang, name=sweep.id, on=sweep.day)


@router.get(
    "/sweeps/{id}/reports/{app}/file",
    summary="筛查中一个应用的报告文件 · The report on an app of a sweep, as a file",
    **_DECLARED,
)
async def write_app_report(
    request: Request, id: Id, app: OfApp, format: reports.Format = "html", lang: reports.LangQuery = None
) -> Response:
    """Write the report on one app of a sweep, made again from the registry's history."""
    sweep, _ = await find_sweep(desk_of(request), id)
    judged = await _judged(request, sweep, app, asyncio.Semaphore(1))
    return reports.written(request, judged, format, lang)


async def _judged(request: Request, sweep: Sweep, app: str, gate: asyncio.Semaphore) -> Judged:
    async with gate:
        made = await judge_again(request, sweep, app)
    return Judged(app, made.report, manifest=made.manifest)
