"""Rectification over HTTP: which moves a finding can make now, and making one."""

from datetime import date
from typing import Annotated, Any

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.audit.api.desk import DATABASE_UNAVAILABLE, desk_of
from services.audit.api.finding_views import FindingView
from services.audit.api.findings import FindingId, told
from services.audit.decisions import ChangedError, RefusedError
from services.audit.finding_tables import Finding
from services.audit.rectification import SCOPE_TO_PUT_OFF, STATES, Action, Move, State, move_between, moves_from
from services.audit.store import finding_lists as lists
from services.audit.store import findings as store
from services.audit.store.database import Connection
from services.audit.store.finding_lists import Listed
from services.audit.store.findings import Happening
from services.manifest.values import Day as _Day
from services.manifest.values import Line, Paragraph
from services.text import Text
from services.web import (
    CONFLICT,
    FORBIDDEN,
    NOT_FOUND,
    Fault,
    Problem,
    Scope,
    caller_of,
    etag,
    operation,
    require_if_match,
)

router = APIRouter(prefix="/v1", tags=["findings"])

Day = Annotated[_Day, Field(strict=True)]


class PossibleStep(BaseModel):
    """A move that the table has from the state of the finding."""

    model_config = ConfigDict(frozen=True)

    to: State
    action: Action = Field(description="经过中的名称 · what the history calls it")
    by: str = Field(
        description="person：由人办理；audit：只由记录在案的审查作出 · by a person, or by recorded audits only"
    )
    scope: Scope | None = Field(description="除 write 外所需的权限 · the scope it needs, besides write")
    needs: list[str] = Field(description="reason 之外必填的 · what is needed besides `reason`")
    takes: list[str] = Field(description="可填的 · what may be given")


class PossibleSteps(BaseModel):
    """Where a finding stands, and the moves from there."""

    model_config = ConfigDict(frozen=True)

    finding: str
    number: int = Field(description="最近一件事的序号，即其 ETag · number of its last event, which is its ETag")
    state: State
    moves: list[PossibleStep]


class Step(BaseModel):
    """A move to be made, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    to: State = Field(description="变为什么状态 · the state to move to")
    reason: Paragraph = Field(description="理由或情况说明，记入经过 · the reason, which goes into the history")
    plan: Paragraph | None = Field(default=None, description="整改计划 · the plan")
    unit: Line | None = Field(default=None, description="责任单位 · the unit responsible")
    due_on: Day | None = Field(
        default=None,
        description="整改期限（含当日）；推迟既定期限须有 approve 权限"
        " · the last day for it; putting off a date that stands needs the scope approve",
    )


@router.get(
    "/findings/{id}/transitions",
    summary="发现可办理的状态变更 · The moves a finding can make",
    response_model=PossibleSteps,
    **operation("read", NOT_FOUND, DATABASE_UNAVAILABLE),
)
async def list_finding_transitions(request: Request, id: FindingId) -> Response:
    """Say where a finding stands, which moves there are from there, who makes them and what they need."""
    desk = desk_of(request)
    finding = (await desk.read(lists.read, desk.database, id)).finding
    state = STATES[finding.state]
    moves = [_possible(each) for each in moves_from(state)]
    body = {"finding": id, "number": finding.number, "state": state, "moves": moves}
    return Response(orjson.dumps(body), headers={"ETag": etag(finding.number)}, media_type="application/json")


@router.post(
    "/findings/{id}/transitions",
    summary="变更发现的状态 · Move a finding on",
    response_model=FindingView,
    **operation("write", NOT_FOUND, CONFLICT, DATABASE_UNAVAILABLE, conditional="change", is_once=True),
)
async def move_finding(request: Request, id: FindingId, step: Step) -> Response:
    """Make one move. Nobody verifies, waives or reopens a finding by hand: a recorded audit does, or does not."""
    desk, caller = desk_of(request), caller_of(request)

    def step_from(finding: Finding) -> Happening:
        require_if_match(request, etag(finding.number))
        move = require_move(STATES[finding.state], step, caller.scopes)
        _require_date(step, finding.due_on, desk.today, caller.scopes)
        given = {name: getattr(step, name) for name in (*move.needs, *move.takes) if getattr(step, name) is not None}
        return Happening(move.action, {"reason": step.reason, **given}, {"state": move.to.value, **given})

    def work(connection: Connection) -> Listed:
        store.change(connection, desk.database.now(), id, caller.name, step_from)
        return lists.listed(connection, id)

    return await desk.answer_once(request, lambda found: told(found, desk.today), work)


def require_move(start: State, step: Step, scopes: frozenset[Scope]) -> Move:
    """Give the move from a state that is asked for, for a caller who holds some scopes.

    Raises:
        ChangedError: there is no such move, or only an audit makes it.
        RefusedError: something that it needs is missing, or something was given that it does not take.
        Problem: the caller lacks a scope.

    """
    move = move_between(start, step.to)
    if move is None:
        raise _no_move(start, step.to)
    if move.scope is None:
        fact = Text(f"只有记录在案的审查才能变为「{step.to.zh}」", f"only a recorded audit makes it {step.to.en}")
        raise ChangedError("/to", fact, Text("以 POST /v1/audits 审查该应用", "audit the app by POST /v1/audits"))
    if move.scope not in scopes:
        raise _forbidden(move.scope, "/to")
    for name in ("plan", "unit", "due_on"):
        value = getattr(step, name)
        if value is None and name in move.needs:
            fact = Text(f"「{move.action.zh}」须写明 {name}", f"`{name}` is needed with this move")
            raise RefusedError(f"/{name}", fact, Text(f"填写 {name}", f"give `{name}`"))
        if value is not None and name not in (*move.needs, *move.takes):
            fact = Text(f"「{move.action.zh}」不用 {name}", f"this move takes no `{name}`")
            raise RefusedError(f"/{name}", fact, Text(f"去掉 {name}", f"leave out `{name}`"))
    return move


def _require_date(step: Step, standing: date | None, today: date, scopes: frozenset[Scope]) -> None:
    if step.due_on is None:
        return
    if step.due_on < today:
        fact = Text(f"{step.due_on} 在今天（{today}）之前", f"{step.due_on} lies before today, {today}")
        raise RefusedError("/due_on", fact, Text("写今天或之后的日期", "give today, or a later day"))
    if standing is not None and step.due_on > standing and SCOPE_TO_PUT_OFF not in scopes:
        raise _forbidden(SCOPE_TO_PUT_OFF, "/due_on")


def _forbidden(scope: str, place: str) -> Problem:
    detail = Text(f"此操作需要权限 {scope}。", f"This needs the scope {scope}.")
    challenge = f'Bearer realm="govapp", error="insufficient_scope", scope="{scope}"'
    return Problem(FORBIDDEN, detail, errors=[Fault(place, detail)], headers={"WWW-Authenticate": challenge})


def _no_move(start: State, to: State) -> ChangedError:
    open_to = [move.to for move in moves_from(start) if move.scope is not None]
    fact = Text(f"不能由「{start.zh}」变为「{to.zh}」", f"there is no move from {start.en} to {to.en}")
    if not open_to:
        remedy = Text("这一状态只随审查改变", "this state changes with audits only")
    else:
        zh, en = "、".join(f"{each.zh}（{each}）" for each in open_to), ", ".join(open_to)
        remedy = Text(f"可以变为：{zh}", f"from here it can become: {en}")
    return ChangedError("/to", fact, remedy)


def _possible(move: Move) -> dict[str, Any]:
    return {
        "to": move.to,
        "action": move.action,
        "by": "audit" if move.scope is None else "person",
        "scope": move.scope,
        "needs": move.needs,
        "takes": move.takes,
    }
