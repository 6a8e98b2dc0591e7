"""Many apps in one request: all of them or none, or each for itself; in one transaction either way."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from services.registry.api.answers import answer
from services.registry.api.apps import REGISTERED, PutApp, may_put, summary
from services.registry.api.desk import DATABASE_UNAVAILABLE, Desk, act_of, as_problem, desk_of
from services.registry.api.manifests import read_json, read_manifest
from services.registry.api.notes import notes_on
from services.registry.api.reasons import Why
from services.registry.refusals import ForbiddenError, RefusedError
from services.registry.store import apps
from services.registry.store.database import Act
from services.registry.store.prepared import Prepared, prepare
from services.registry.tables import App
from services.text import Text
from services.web import (
    CONFLICT,
    INVALID_VALUE,
    NOT_FOUND,
    Fault,
    Problem,
    ProblemBody,
    Stated,
    faults_in_body,
    language_of,
    operation,
    problem_body,
    read_body,
    request_id_of,
)

MAX_ITEMS = 100
"""Apps in one batch: they are written under one lock, and whoever writes one app waits for it."""
MAX_BYTES = 8 * 1024 * 1024

router = APIRouter(prefix="/v1", tags=["apps"])

_Condition = Annotated[str, Field(max_length=1000, pattern=r"^[\x20-\x7e]+$")]


class BatchItem(BaseModel):
    """One app to be registered or changed, as by `PUT /v1/apps/{id}`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    manifest: dict[str, Any] = Field(description="清单，须写明 id · the manifest, with its id")
    if_match: _Condition | None = Field(
        default=None, description="变更须有：上次读到的 ETag · for a change: the ETag last read"
    )
    if_none_match: _Condition | None = Field(default=None, description="* 表示须是新的 · * when it must be new")
    reason: Why | None = Field(default=None, description="理由，变更须有 · the reason, which a change needs")


class Batch(BaseModel):
    """Apps to be registered or changed in one request."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["all", "each"] = Field(
        description="all 全部成功或一个也不写；each 各自成败 · all of them or none, or each for itself"
    )
    items: list[BatchItem] = Field(
        min_length=1, max_length=MAX_ITEMS, description="应用，各一次 · apps, each of them once"
    )


class BatchOutcome(BaseModel):
    """What became of one item: the status it would have had as a request of its own, and the app or the problem."""

    model_config = ConfigDict(frozen=True)

    id: str | None = Field(description="应用标识 · id of the app, where the manifest has one")
    status: int = Field(description="201 已登记 registered，200 已变更或未变 changed or as before，4xx 未写入 refused")
    app: PutApp | None
    problem: ProblemBody | None = Field(description="指针自批的顶层起 · pointers are into the batch")


class BatchResult(BaseModel):
    """What became of every item, in the order of the batch."""

    model_config = ConfigDict(frozen=True)

    done: int = Field(ge=0, description="已登记、变更或本就如此的 · items that stand as asked")
    refused: int = Field(ge=0, description="未写入的 · items that were refused")
    items: list[BatchOutcome]


@dataclass(frozen=True, slots=True)
class _Ready:
    """An item that can be read, and what its write takes."""

    prepared: Prepared
    act: Act
    guard: apps.PutGuard
    notes: list[dict[str, str]]


class _NothingDone(Exception):
    """No item is written, so that no answer is kept."""


@router.post(
    "/batches",
    summary="成批登记或变更应用 · Register or change many apps",
    response_model=BatchResult,
    **operation(
        "write",
        *(NOT_FOUND, CONFLICT, DATABASE_UNAVAILABLE),
        body=Batch,
        media_types=("application/json",),
        is_once=True,
        max_body_bytes=MAX_BYTES,
    ),
)
async def write_batch(request: Request) -> Response:
    """Register or change up to 100 apps, each with a condition and a reason of its own, in one transaction.

    With `all`, one item that cannot be written keeps all from being written: the answer is the problem of the first,
    with the faults of every item that can be told at once. With `each`, every item stands for itself, and the answer
    says what became of it. Each app has a registry revision of its own, and readers see all of them at once.
    """
    desk = desk_of(request)
    batch = _valid(await desk.read(read_json, await read_body(request)))
    ids = [item.manifest.get("id") for item in batch.items]
    ready, problems = await desk.read(_prepare, request, desk, batch)
    is_all = batch.mode == "all"

    def tell(rows: Mapping[int, tuple[App, bool]]) -> Response:
        return _result(request, ids, {n: (*row, ready[n].notes) for n, row in rows.items()}, problems)

    if ready and not (problems and is_all):
        with suppress(_NothingDone):
            return await desk.answer_once(request, tell, _write, desk, ready, problems, is_all=is_all)
    if is_all:
        raise _first_of(problems, len(ids))
    return tell({})


def _valid(document: Any) -> Batch:  # noqa: ANN401 - any JSON document
    try:
        return Batch.model_validate(document)
    except ValidationError as error:
        raise Problem(INVALID_VALUE, errors=faults_in_body(error.errors())) from None


def _prepare(request: Request, desk: Desk, batch: Batch) -> tuple[dict[int, _Ready], dict[int, Problem]]:
    """Work out all items that can be before a lock is taken, and tell what is wrong with the others."""
    ready: dict[int, _Ready] = {}
    problems: dict[int, Problem] = {}
    seen: dict[str, int] = {}
    for n, item in enumerate(batch.items):
        try:
            each = _ready(request, desk, item)
            first = seen.setdefault(each.prepared.app, n)
            if first != n:
                raise _twice(each.prepared.app, first)
            ready[n] = each
        except (RefusedError, Problem) as error:
            problems[n] = _placed(error, n)
    return ready, problems


def _ready(request: Request, desk: Desk, item: BatchItem) -> _Ready:
    manifest = read_manifest(json.dumps(item.manifest).encode(), "json", None, is_as_sent=False)
    conditions = Stated.of(if_match=item.if_match, if_none_match=item.if_none_match)
    guard = may_put(conditions, request, manifest, item.reason)
    prepared = prepare(str(manifest.id), manifest, desk.settings.max_offers)
    noted = notes_on(desk, manifest, language_of(request))
    return _Ready(prepared, act_of(request, item.reason or REGISTERED), guard, noted)


def _write(
    desk: Desk, ready: Mapping[int, _Ready], problems: dict[int, Problem], *, is_all: bool
) -> Mapping[int, tuple[App, bool]]:
    """Write what is ready, and add to `problems` what stands in the way of an item."""
    rows: dict[int, tuple[App, bool]] = {}
    with desk.database.together():
        for n, each in ready.items():
            try:
                rows[n] = apps.put_prepared(desk.database, each.prepared, each.act, each.guard)
            except (RefusedError, ForbiddenError, Problem) as error:
                problems[n] = _placed(error, n)
        if problems and (is_all or not rows):
            raise _NothingDone
    return rows


def _result(
    request: Request,
    ids: Sequence[Any],
    rows: Mapping[int, tuple[App, bool, list[dict[str, str]]]],
    problems: Mapping[int, Problem],
) -> Response:
    lang, request_id = language_of(request), request_id_of(request)
    items: list[dict[str, Any]] = []
    for n, named in enumerate(ids):
        outcome: dict[str, Any] = {"id": named if isinstance(named, str) else None, "app": None, "problem": None}
        if n in rows:
            row, is_new, noted = rows[n]
            outcome |= {"status": 201 if is_new else 200, "app": {**summary(row), "notes": noted}}
        else:
            problem = problems[n]
            told = problem_body(problem, lang=lang, instance=request.url.path, request_id=request_id)
            outcome |= {"status": problem.kind.status, "problem": told}
        items.append(outcome)
    return answer({"done": len(rows), "refused": len(items) - len(rows), "items": items})


def _first_of(problems: Mapping[int, Problem], count: int) -> Problem:
    """Give the one problem of a batch that is wholly refused: the kind of its first, the faults of all."""
    first = problems[min(problems)]
    detail = Text(
        f"{count} 项中有 {len(problems)} 项不能写入，因此一项也没有写入。",
        f"{len(problems)} of {count} items cannot be written, so none was.",
    )
    faults = [fault for n in sorted(problems) for fault in problems[n].errors]
    return Problem(first.kind, detail, errors=faults, headers=first.headers)


_PLACES = {
    "{id}": "/manifest/id",
    "If-Match:": "/if_match",
    "If-None-Match:": "/if_none_match",
    "?reason": "/reason",
    "Authorization:": "",
}
_ITS_OWN_REASON = Text("在该项的 reason 中写明。", "Give it as `reason` of the item.")


def _placed(error: Exception, n: int) -> Problem:
    """Give the problem of one item, with places in the batch."""
    problem = error if isinstance(error, Problem) else as_problem(error)
    if problem is None:
        raise error
    faults = [
        Fault(
            f"/items/{n}{_PLACES.get(each.pointer, f'/manifest{each.pointer}')}",
            each.detail,
            _ITS_OWN_REASON if each.pointer == "?reason" else each.remedy,
        )
        for each in problem.errors
    ]
    return Problem(problem.kind, problem.text, errors=faults or [Fault(f"/items/{n}", problem.text)])


def _twice(app: str, first: int) -> Problem:
    detail = Text(f"第 {first} 项已是应用 {app}。", f"Item {first} is the app {app} already.")
    remedy = Text("每个应用在一批中只写一次。", "Write each app once in a batch.")
    return Problem(INVALID_VALUE, errors=[Fault("{id}", detail, remedy)])
