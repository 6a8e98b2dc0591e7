"""Imports over HTTP: sending a file, looking at what it would change, carrying it out or leaving it."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import RootModel
from starlette.requests import Request
from starlette.responses import Response

from services.jobs import JobsUnavailableError
from services.registry.api import uploads
from services.registry.api.answers import answer, next_page
from services.registry.api.desk import DATABASE_UNAVAILABLE, desk_of, jobs_of
from services.registry.api.import_views import ImportList, ImportView, RowPage, import_view, row_view, told
from services.registry.api.reasons import Why
from services.registry.import_tables import Import, Mode, Outcome, State
from services.registry.imports import carrying
from services.registry.refusals import ConflictError, Objection
from services.registry.settings import LARGEST_FILE
from services.registry.store import imports
from services.text import Text
from services.web import (
    BODY_TOO_LARGE,
    CONFLICT,
    INVALID_BODY,
    INVALID_CURSOR,
    NOT_FOUND,
    caller_of,
    decode_cursor,
    etag,
    language_of,
    not_modified,
    operation,
    require_if_match,
)

router = APIRouter(prefix="/v1", tags=["imports"])

_MEDIA_TYPES = (
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "text/csv",
    "application/zip",
    "application/x-ndjson",
    "application/octet-stream",
)

Id = Annotated[str, Path(pattern="^[0-9a-f]{24}$", description="导入的标识 · id of the import")]


class SentFile(RootModel[bytes]):
    """The file as it is: XLSX, CSV, a zip of CSV files, NDJSON, or a zip of YAML files."""


_POST = operation(
    "write",
    *(INVALID_BODY, BODY_TOO_LARGE, DATABASE_UNAVAILABLE),
    body=SentFile,
    media_types=_MEDIA_TYPES,
    max_body_bytes=LARGEST_FILE,
)


@router.post("/imports", status_code=202, summary="导入文件 · Import a file", response_model=ImportView, **_POST)
async def send_import(
    request: Request,
    reason: Annotated[Why, Query(description="理由，记入每个应用的历史 · the reason, kept in every app's history")],
    mode: Annotated[
        Mode,
        Query(
            description="all_or_nothing：有一条不能写入就都不写；per_row：能写的写入"
            " · all_or_nothing: when one app cannot be written, none is; per_row: those that can are"
        ),
    ],
) -> Response:
    """Send a file of apps. It is read first, as a dry run; nothing is written before `apply`.

    The form of the file is found by its content. Apps that are not in the file stay as they are. The request takes no
    `Idempotency-Key`: a file that is sent twice is read twice, and what has been written once is unchanged then.
    """
    desk, caller = desk_of(request), caller_of(request)
    now = desk.database.now()
    sent = Import(
        id=secrets.token_hex(12),
        state=State.RECEIVING,
        mode=mode,
        reason=reason,
        sent_by=caller.name,
        scopes=" ".join(sorted(caller.scopes)),
        created_at=now,
        began_at=now,
        changed_at=now,
    )
    size = await uploads.receive(request, desk, sent)
    current = await desk.write(imports.arrived, desk.database, sent.id, size)
    await _enqueue(request, current)
    return told(request, current, status=202, headers={"Location": f"/v1/imports/{current.id}"})


@router.get(
    "/imports",
    summary="最近的导入 · The imports sent last",
    response_model=ImportList,
    **operation("read", DATABASE_UNAVAILABLE),
)
async def list_imports(
    request: Request, limit: Annotated[int, Query(ge=1, le=100, description="至多几条 · at most")] = 20
) -> Response:
    """List the imports that were sent last, the newest first. Those of long ago are forgotten; history is not."""
    desk = desk_of(request)
    found = await desk.read(imports.newest, desk.database, limit)
    lang = language_of(request)
    return answer({"items": [import_view(each, lang) for each in found]})


@router.get(
    "/imports/{id}",
    summary="导入及其进度 · An import and how far it is",
    response_model=ImportView,
    **operation("read", NOT_FOUND, DATABASE_UNAVAILABLE, conditional="get"),
)
async def get_import(request: Request, id: Id) -> Response:
    """Give an import: where it stands, what it changes, how fast it goes on. Its ETag changes with every step."""
    desk = desk_of(request)
    current = await desk.read(imports.find, desk.database, id)
    unchanged = not_modified(request, etag(current.version))
    return told(request, current) if unchanged is None else unchanged


@router.get(
    "/imports/{id}/rows",
    summary="逐条结果 · What becomes of each app",
    response_model=RowPage,
    **operation("read", NOT_FOUND, INVALID_CURSOR, DATABASE_UNAVAILABLE),
)
async def list_import_rows(
    request: Request,
    id: Id,
    outcome: Annotated[Outcome | None, Query(description="只列这种结果 · those of this outcome only")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="每页条数 · apps on a page")] = 100,
    cursor: Annotated[
        str | None, Query(max_length=2048, description="上一页的 next · `next` of the page before")
    ] = None,
) -> Response:
    """List the apps of the file: created, changed (with the difference), unchanged, or rejected (why, and where)."""
    desk = desk_of(request)
    filters = {"id": id, "outcome": outcome}
    after = 0 if cursor is None else int(decode_cursor(cursor, filters, {"number": int})["number"])
    found, has_more = await desk.read(imports.rows, desk.database, id, outcome, after=after, limit=limit)
    following, headers = None, None
    if has_more:
        following, headers = next_page(request, {"number": found[-1].number}, filters)
    lang = language_of(request)
    return answer({"items": [row_view(each, lang) for each in found], "next": following}, headers=headers)


@router.post(
    "/imports/{id}/apply",
    status_code=202,
    summary="实施导入 · Carry out an import",
    response_model=ImportView,
    **operation("write", NOT_FOUND, CONFLICT, DATABASE_UNAVAILABLE, conditional="change", is_once=True),
)
async def apply_import(request: Request, id: Id) -> Response:
    """Write what the dry run found, as the caller: each app is looked at once more, and is not overwritten blindly.

    What the caller may not do by itself – declare `approved` without the scope `approve` – is rejected. An import that
    is to be written all or nothing must have no rejected app, and not more apps than the service writes at once.
    """
    desk, caller = desk_of(request), caller_of(request)
    at_most = desk.settings.max_all_or_nothing

    def begin() -> Import:
        with desk.database.keeping() as connection:
            current = imports.locked(connection, id)
            require_if_match(request, etag(current.version))
            _require_ready(current, at_most)
            return imports.move(
                connection,
                current,
                now := desk.database.now(),
                state=State.APPLYING,
                began_at=now,
                applied_by=caller.name,
                scopes=" ".join(sorted(caller.scopes)),
            )

    answered = await desk.answer_once(request, lambda current: told(request, current, status=202), begin)
    await _enqueue(request, await desk.read(imports.find, desk.database, id))
    return answered


@router.post(
    "/imports/{id}/cancel",
    summary="取消导入 · Cancel an import",
    response_model=ImportView,
    **operation("write", NOT_FOUND, CONFLICT, DATABASE_UNAVAILABLE, is_once=True),
)
async def cancel_import(request: Request, id: Id) -> Response:
    """End an import, wherever it stands. What has been written row by row by then stays; the count says how much."""
    desk = desk_of(request)

    def cancel() -> Import:
        with desk.database.keeping() as connection:
            current = imports.locked(connection, id)
            if current.state == State.CANCELLED:
                return current
            if current.state not in {State.READING, State.READY, State.APPLYING}:
                raise ConflictError(_over(current))
            imports.drop_file(connection, id)
            return imports.move(connection, current, desk.database.now(), state=State.CANCELLED)

    return await desk.answer_once(request, lambda current: told(request, current), cancel)


async def _enqueue(request: Request, current: Import) -> None:
    try:
        await carrying.enqueue(jobs_of(request), current)
    except JobsUnavailableError:
        # It is kept, and whichever process does durable work finds it there.
        return


def _require_ready(current: Import, at_most: int) -> None:
    if current.state == State.READING:
        fact = Text("试运行还没有结束", "the dry run has not ended yet")
        raise ConflictError(Objection("{id}", fact, Text("等 state 成为 ready", "wait until `state` is `ready`")))
    if current.state != State.READY:
        raise ConflictError(_over(current))
    if current.mode != Mode.ALL_OR_NOTHING:
        return
    if current.rejected:
        fact = Text(
            f"有 {current.rejected} 条不能写入，因此一条也不写",
            f"{current.rejected} apps cannot be written, so none is",
        )
        remedy = Text(
            "改正后重新导入，或以 per_row 导入", "correct them and import the file again, or import it per_row"
        )
        raise ConflictError(Objection("{id}", fact, remedy))
    if (count := current.created + current.changed) > at_most:
        fact = Text(
            f"要写入 {count} 个应用，一次至多写入 {at_most} 个，因为其间他人都不能写入",
            f"{count} apps are to be written; at most {at_most} are at once, because nobody else can write meanwhile",
        )
        remedy = Text("分成几个文件，或以 per_row 导入", "divide the file, or import it per_row")
        raise ConflictError(Objection("{id}", fact, remedy))


def _over(current: Import) -> Objection:
    fact = Text(f"该导入已经结束（{current.state}）", f"the import is over ({current.state})")
    return Objection("{id}", fact, Text("需要时重新导入", "import the file again if need be"))
