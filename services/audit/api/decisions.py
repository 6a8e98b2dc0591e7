"""Decisions over HTTP: asking for one, answering what it refers to a person, and reading what was decided."""

from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from services.audit import clock
from services.audit.answers import Answer, Question
from services.audit.api import reports
from services.audit.api.checks import REGISTRY_UNAVAILABLE, fault_of
from services.audit.api.desk import DATABASE_UNAVAILABLE, SIGNING_UNAVAILABLE, Desk, desk_of, refused
from services.audit.decisions import (
    Answered,
    Decisions,
    Follows,
    Judged,
    RefusedError,
    Subject,
    Told,
    UnknownAppError,
)
from services.audit.formats.checked import Judged as JudgedSource
from services.audit.law import Outcome, Report
from services.audit.receipts import PURPOSES, Given, Person, Purpose, QuestionId
from services.audit.registry_client import RegistryUnavailable
from services.audit.store import decisions as store
from services.audit.store.database import Connection
from services.audit.store.decisions import Decision, UnknownDecisionError
from services.audit.tables import Decision as Row
from services.manifest.model import Manifest
from services.manifest.reading import MAX_BYTES, Unreadable, read
from services.manifest.receipt import TYPE, Hash
from services.manifest.receipt import DecisionId as Id
from services.manifest.values import AppId, Paragraph
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
    etag,
    not_modified,
    operation,
)

MAX_ANSWERS = 200
_REPORT = TypeAdapter(Report)
_MANIFEST = Manifest.model_validate_json
JOSE = "application/jose"

router = APIRouter(prefix="/v1", tags=["decisions"])

DecisionId = Annotated[Id, Path(description="判定编号 · id of the decision")]
Day = Annotated[_Day, Field(strict=True)]


class DecisionRequest(BaseModel):
    """What is to be decided: on a registered app as the caller has it before them, or on a manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    purpose: Purpose = Field(description="判定的目的 · what the decision is for")
    app: AppId | None = Field(default=None, description="已登记应用的标识 · id of a registered app")
    revision: int | None = Field(
        default=None,
        ge=1,
        lt=10**18,
        strict=True,
        description="该应用最近一次变更的登记号（即其 ETag）；写 app 时必填 · the registry revision of its last change"
        " (its ETag); needed with `app`",
    )
    manifest: dict[str, Any] | None = Field(
        default=None, description="清单，须有 id；见 manifest.schema.json · a manifest, which must have an `id`"
    )
    previous: Id | None = Field(
        default=None,
        description="此前的判定：其中由人作出、问题和事实都没有变的回答继续有效"
        " · the decision before: answers of persons hold on where neither question nor facts have changed",
    )


class PersonAnswer(BaseModel):
    """A person's answer to one question."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: QuestionId = Field(description="问题编号 · id of the question")
    answer: Answer = Field(description="回答，须为该问题可取的 · one of those that the question allows")
    basis: Paragraph = Field(description="依据 · what it rests on")


class ReferAnswers(BaseModel):
    """What a person answers to the questions of a decision."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    person: Person = Field(description="作出回答的人：姓名和职务 · who answers: name and role")
    answers: Annotated[tuple[PersonAnswer, ...], Field(min_length=1, max_length=MAX_ANSWERS)]


class DecisionSummary(BaseModel):
    """A decision in brief."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(description="判定编号 · id")
    place: int = Field(description="在账本中的位置 · its place in the ledger")
    at: datetime = Field(description="何时记录 · when it was recorded")
    who: str = Field(description="请求判定的调用方 · the caller who asked for it")
    app: str = Field(description="应用标识 · id of the app")
    stated: int | None = Field(
        description="所判应用的登记号；直接提交清单的为 null · revision of the app; null when a manifest was sent"
    )
    purpose: Purpose
    outcome: Outcome
    day: _Day = Field(description="判断的日期 · the day judged")
    law: str = Field(description="法规版本 · version of the law")
    revision: int = Field(description="所见的登记号 · the registry revision that was seen")
    previous: str | None = Field(description="所接续的判定 · the decision that it follows")
    hash: Hash = Field(description="清单的哈希 · hash of the manifest")


class FullDecision(DecisionSummary):
    """A decision with its report, and its receipt."""

    report: Report
    questions: list[Question] = Field(description="须由人回答的问题 · the questions that a person is to answer")
    answers: list[Given] = Field(description="所依据的回答 · the answers that it rests on")
    receipt: str = Field(description="收据（JWS 紧凑格式） · the receipt (JWS in compact form)")


class DecisionPage(BaseModel):
    """A page of decisions, the newest first."""

    model_config = ConfigDict(frozen=True)

    total: int = Field(ge=0, description="各页合计 · decisions on all pages")
    items: list[DecisionSummary]
    next: str | None = Field(description="下一页的 cursor，没有则为 null · cursor of the next page, if there is one")


class DecisionQuery(BaseModel):
    """Which decisions are listed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    app: AppId | None = Field(default=None, description="应用标识 · id of the app")
    purpose: Purpose | None = Field(default=None, description="目的 · what it was for")
    outcome: Outcome | None = Field(default=None, description="结论 · how it turned out")
    from_on: _Day | None = Field(default=None, description="判断日期自（含） · judged on this day or later")
    until_on: _Day | None = Field(default=None, description="判断日期至（含） · judged on this day or before")
    previous: Id | None = Field(default=None, description="接续该判定的 · those that follow this decision")
    limit: int = Field(default=50, ge=1, le=500, description="每页条数 · decisions on a page")
    cursor: str | None = Field(default=None, max_length=2048, description="上一页的 next · `next` of the page before")


_DECIDE = operation(
    "write",
    *(NOT_FOUND, CONFLICT, REGISTRY_UNAVAILABLE, DATABASE_UNAVAILABLE, SIGNING_UNAVAILABLE),
    is_once=True,
    max_body_bytes=2 * MAX_BYTES,
)
_ANSWER = operation(
    "approve",
    *(NOT_FOUND, CONFLICT, REGISTRY_UNAVAILABLE, DATABASE_UNAVAILABLE, SIGNING_UNAVAILABLE),
    is_once=True,
)
_RECEIPT = operation("read", NOT_FOUND, DATABASE_UNAVAILABLE)
_RECEIPT["responses"][200] = {
    "description": "收据（JWS 紧凑格式） · the receipt, JWS in compact form",
    "content": {JOSE: {"schema": {"type": "string"}}},
}


@router.post("/decisions", status_code=201, summary="判定 · Decide", response_model=FullDecision, **_DECIDE)
async def decide(request: Request, asked: DecisionRequest) -> Response:
    """Decide whether an app may be approved, go online or go on, before the live registry, as of today.

    The decision, its receipt and its entry in the ledger are recorded together, or nothing is. While the registry gives
    no answer nothing is decided (503). An app that is not at `revision` any more is not decided on (409).
    """
    decisions: Decisions = request.state.decisions
    desk = desk_of(request)
    follows = None
    try:
        subject = await _subject(decisions, asked)
        if asked.previous is not None:
            follows = await _follows(desk, asked, subject)
        judged = await decisions.judge(subject, asked.purpose, clock.today(), follows)
    except (RefusedError, UnknownAppError, RegistryUnavailable) as reason:
        raise _problem(reason, "/app") from reason
    return await _record(request, judged)


@router.post(
    "/decisions/{id}/refer-answers",
    status_code=201,
    summary="由人回答判定提出的问题 · A person answers what a decision asks",
    response_model=FullDecision,
    **_ANSWER,
)
async def answer_referred(request: Request, id: DecisionId, told: ReferAnswers) -> Response:
    """Answer `questions` of a decision, by name and with a basis; that makes a new decision, which cites them.

    Only what rules put to a person can be answered. What is not declared, or not known to the registry, cannot be
    settled here. The app is judged again as it is registered; when it has changed since the decision, ask for a new
    decision with `previous` (409).
    """
    decisions: Decisions = request.state.decisions
    desk = desk_of(request)
    earlier = await desk.read(store.find, desk.database, id)
    row = earlier.row
    answers = tuple(Answered(each.question, each.answer, each.basis) for each in told.answers)
    try:
        if row.stated is None:
            subject = Subject(Manifest.model_validate_json(earlier.manifest), row.app)
        else:
            subject = await decisions.registered(row.app, row.stated, "{id}")
        follows, said = Follows(row.id, earlier.answers), Told(told.person, answers)
        judged = await decisions.judge(subject, PURPOSES[row.purpose], clock.today(), follows, said)
    except (RefusedError, UnknownAppError, RegistryUnavailable) as reason:
        raise _problem(reason, "{id}") from reason
    return await _record(request, judged)


@router.get(
    "/decisions",
    summary="判定列表 · A list of decisions",
    response_model=DecisionPage,
    **operation("read", INVALID_CURSOR, DATABASE_UNAVAILABLE),
)
async def list_decisions(request: Request, query: Annotated[DecisionQuery, Query()]) -> Response:
    """List decisions, the newest first. All conditions hold together; further pages are of the list of the first."""
    desk = desk_of(request)
    filters = query.model_dump(mode="json", exclude={"limit", "cursor"})
    before: int | None = None
    until: int | None = None
    if query.cursor is not None:
        position = decode_cursor(query.cursor, filters, {"before": int, "until": int})
        before, until = int(position["before"]), int(position["until"])
    wanted = store.Filter(**query.model_dump(exclude={"limit", "cursor"}))
    reached, page = await desk.read(store.page, desk.database, wanted, query.limit, before, until)
    cursor, headers = None, {}
    if page.has_more:
        cursor = encode_cursor({"before": page.rows[-1].place, "until": reached}, filters)
        url = request.url.include_query_params(cursor=cursor)
        headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    body = {"total": page.total, "items": [summary(row) for row in page.rows], "next": cursor}
    return Response(orjson.dumps(body), headers=headers, media_type="application/json")


@router.get(
    "/decisions/{id}",
    summary="一份判定 · A decision",
    response_model=FullDecision,
    **operation("read", NOT_FOUND, DATABASE_UNAVAILABLE, conditional="get"),
)
async def get_decision(request: Request, id: DecisionId) -> Response:
    """Give a decision as it was recorded: it never changes."""
    desk = desk_of(request)
    found = await desk.read(store.find, desk.database, id)
    tag = etag(found.row.place)
    unchanged = not_modified(request, tag)
    return unchanged if unchanged is not None else _told(found, 200, {"ETag": tag})


@router.get(
    "/decisions/{id}/receipt", summary="判定的收据 · The receipt of a decision", response_class=Response, **_RECEIPT
)
async def get_receipt(request: Request, id: DecisionId) -> Response:
    """Give the receipt, which anyone can verify offline with the keys at `/.well-known/jwks.json`."""
    desk = desk_of(request)
    found = await desk.read(store.find, desk.database, id)
    return Response(found.receipt, media_type=JOSE)


@router.get(
    "/decisions/{id}/report",
    summary="判定的报告文件 · The report of a decision, as a file",
    **reports.declared(**operation("read", NOT_FOUND, DATABASE_UNAVAILABLE)),
)
async def get_report(
    request: Request, id: DecisionId, format: reports.Format = "html", lang: reports.LangQuery = None
) -> Response:
    """Give the report that was recorded, in a format that people file."""
    desk = desk_of(request)
    found = await desk.read(store.find, desk.database, id)
    judged = JudgedSource(found.row.app, _REPORT.validate_json(found.report), manifest=_MANIFEST(found.manifest))
    return reports.written(request, judged, format, lang)


@router.get(
    "/decisions/{id}/manifest",
    summary="判定所依据的清单 · The manifest of a decision",
    response_model=Manifest,
    **operation("read", NOT_FOUND, DATABASE_UNAVAILABLE),
)
async def get_manifest(request: Request, id: DecisionId) -> Response:
    """Give the manifest that was judged, byte for byte what the hash in the receipt is of."""
    desk = desk_of(request)
    found = await desk.read(store.find, desk.database, id)
    return Response(found.manifest, media_type="application/json")


async def _subject(decisions: Decisions, asked: DecisionRequest) -> Subject:
    if (asked.app is None) == (asked.manifest is None):
        fact = Text("app 和 manifest 须且只须写一个", "exactly one of app and manifest is needed")
        raise RefusedError("", fact, Text("写明其中一个", "give one of them"))
    if asked.manifest is not None:
        if asked.revision is not None:
            fact = Text("直接提交清单时没有登记号", "a manifest that is sent has no revision")
            raise RefusedError("/revision", fact, Text("去掉 revision", "leave out `revision`"))
        return _sent(asked.manifest)
    if asked.app is None or asked.revision is None:
        fact = Text("没有写明应用的登记号", "the revision of the app is missing")
        remedy = Text(
            "写明所见应用的 revision（其 ETag）", "give the `revision` of the app (its ETag) as you have read it"
        )
        raise RefusedError("/revision", fact, remedy)
    return await decisions.registered(asked.app, asked.revision)


def _sent(document: dict[str, Any]) -> Subject:
    try:
        manifest = read(orjson.dumps(document), media="json").manifest
    except Unreadable as error:
        raise Problem(INVALID_VALUE, errors=[fault_of(each, "/manifest") for each in error.problems]) from error
    if manifest.id is None:
        fact = Text("清单没有写明应用的标识", "the manifest does not say the id of the app")
        remedy = Text("写明 id：收据是某一个应用的", "declare `id`: a receipt is of one app")
        raise RefusedError("/manifest/id", fact, remedy)
    return Subject(manifest, manifest.id)


async def _follows(desk: Desk, asked: DecisionRequest, subject: Subject) -> Follows:
    """Give the decision that a new one follows, which must be of the same app and purpose."""
    remedy = Text("写明同一应用、同一目的的判定，或去掉 previous", "name one of this app and purpose, or leave it out")

    def find() -> Decision | None:
        try:
            return store.find(desk.database, str(asked.previous))
        except UnknownDecisionError:
            return None

    earlier = await desk.read(find)
    if earlier is None or (earlier.row.app, earlier.row.purpose) != (subject.app, asked.purpose):
        fact = Text(
            f"{asked.previous} 不是该应用同一目的的判定", f"{asked.previous} is no decision of this app and purpose"
        )
        raise RefusedError("/previous", fact, remedy)
    return Follows(earlier.row.id, earlier.answers)


async def _record(request: Request, judged: Judged) -> Response:
    desk, who = desk_of(request), caller_of(request).name

    def record(connection: Connection) -> Decision:
        issuer, now = desk.settings.issuer, desk.database.now()
        return store.record(connection, judged, who, issuer, now, lambda payload: desk.sign(payload, TYPE))

    return await desk.answer_once(request, _created, record)


def _created(found: Decision) -> Response:
    return _told(found, 201, {"Location": f"/v1/decisions/{found.row.id}", "ETag": etag(found.row.place)})


def _told(found: Decision, status: int, headers: dict[str, str]) -> Response:
    body = {
        **summary(found.row),
        "report": orjson.Fragment(found.report.rstrip()),
        "questions": found.questions,
        "answers": found.answers,
        "receipt": found.receipt,
    }
    return Response(orjson.dumps(body), status_code=status, headers=headers, media_type="application/json")


def summary(row: Row) -> dict[str, Any]:
    """Tell a decision in brief, as `DecisionSummary` describes it."""
    return {name: getattr(row, name) for name in DecisionSummary.model_fields}


def _problem(reason: RefusedError | UnknownAppError | RegistryUnavailable, place: str) -> Problem:
    if isinstance(reason, RefusedError):
        return refused(reason)
    if isinstance(reason, UnknownAppError):
        said = Text(f"登记系统中没有在册的应用 {reason}", f"the registry has no app {reason} on its books")
        return Problem(NOT_FOUND, errors=[Fault(place, said, Text("核对标识", "check the id"))])
    return Problem(REGISTRY_UNAVAILABLE, headers={"Retry-After": "5"})
