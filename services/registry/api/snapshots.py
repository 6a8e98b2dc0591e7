"""Snapshots over HTTP: everything that stood at one registry revision, as lines of JSON."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator, Field
from starlette.requests import Request
from starlette.responses import Response

from services.manifest.values import unacceptable
from services.registry.api.desk import DATABASE_UNAVAILABLE, desk_of
from services.registry.api.moments import HEADER
from services.registry.api.streams import NDJSON, streams_of
from services.registry.filters import AppFilter
from services.registry.store import snapshots
from services.text import Text
from services.web import NOT_FOUND, operation

LATEST = "latest"

router = APIRouter(prefix="/v1", tags=["snapshots"])

Revision = Annotated[
    str,
    Path(
        pattern=r"^(latest|[0-9]{1,18})$",
        description="登记号，或 latest（最新的，答复头 Registry-Revision 说明是哪一个）"
        " · registry revision, or `latest`; the header `Registry-Revision` says which one it is",
    ),
]


def _partition(text: str) -> str:
    part, parts = map(int, text.split("/"))
    if not 1 <= part <= parts:
        fact = Text(f"没有第 {part} 份，共 {parts} 份。", f"There is no part {part} of {parts}.")
        raise unacceptable("partition", fact, Text("写成 i/n，1 ≤ i ≤ n。", "Write i/n with 1 ≤ i ≤ n."))
    return text


class CaseQuery(AppFilter):
    """Which apps are told, and in which part of them."""

    partition: Annotated[str, AfterValidator(_partition)] = Field(
        default="1/1",
        pattern=r"^[1-9][0-9]{0,2}/[1-9][0-9]{0,2}$",
        description="第 i 份，共 n 份：按（区划，标识）排序后等分，相邻的应用在同一份里，没有声明区划的排在最后"
        " · part i of n equal parts in the order of (division, app), so that neighbours are together; apps that declare"
        " no division come last",
    )


def _streamed(line: str) -> dict[str, Any]:
    declared = operation("read", NOT_FOUND, DATABASE_UNAVAILABLE)
    said = {"schema": {"type": "string", "description": line}}
    header = {"description": "The registry revision of the snapshot.", "schema": {"type": "integer"}}
    declared["responses"][200] = {
        "description": "逐行的 JSON · lines of JSON",
        "content": {NDJSON: said},
        "headers": {HEADER: header},
    }
    return {**declared, "response_class": Response}


@router.get(
    "/snapshots/{revision}/offers",
    summary="供给的快照 · A snapshot of all offers",
    **_streamed("每行一项供给 · an offer on each line: tie, division, app, facts"),
)
async def stream_offers(request: Request, revision: Revision) -> Response:
    """Stream all offers that stood at a registry revision, in the order in which they began.

    `GET /v1/changes?since=` with the registry revision of the snapshot continues exactly where it ends.
    """
    desk = desk_of(request)
    return await streams_of(request).answer(snapshots.offers(desk.database, _number(revision)))


@router.get(
    "/snapshots/{revision}/organisations",
    summary="机构名录的快照 · A snapshot of the tree of organisations",
    **_streamed(
        "每行一个机构 · an organisation on each line: code, names, department, department_names, level, division,"
        " nature, managed_by, ended_on"
    ),
)
async def stream_organisations(request: Request, revision: Revision) -> Response:
    """Stream the organisations that stood at a registry revision, in the order of their codes.

    Each line is what neighbourhoods tell of a sponsor that is this organisation, but for how it was found.
    """
    desk = desk_of(request)
    return await streams_of(request).answer(snapshots.organisations(desk.database, _number(revision)))


@router.get(
    "/snapshots/{revision}/cases",
    summary="全部应用的快照 · A snapshot of all apps with their grants",
    **_streamed("每行一个应用 · an app on each line: app, revision, hash, division, grants, sponsor, manifest"),
)
async def stream_cases(request: Request, revision: Revision, query: Annotated[CaseQuery, Query()]) -> Response:
    """Stream the apps that stood at a registry revision, without withdrawn ones: manifest and grants of each.

    The conditions are those of lists; without any, all apps are told. Partitions are of the apps that are told.
    The manifest's canonical JSON is of the bytes that `hash` is of. The grants are as in neighbourhoods. `sponsor` says
    which organisation of the tree the sponsor is, and by what it was found; null when it is not in the tree.
    """
    desk = desk_of(request)
    partition = snapshots.Partition(*map(int, query.partition.split("/")))
    wanted = query.settled(desk.database.today())
    return await streams_of(request).answer(snapshots.cases(desk.database, _number(revision), partition, wanted))


def _number(revision: str) -> int | None:
    return None if revision == LATEST else int(revision)
