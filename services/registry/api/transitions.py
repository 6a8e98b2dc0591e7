"""The life cycle over HTTP: which moves an app can make now, and making one."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.manifest.receipt import MAX_CHARACTERS
from services.manifest.values import AppId
from services.manifest.values import Day as _Day
from services.registry import life_cycle, receipts
from services.registry.api.answers import answer_unless_known
from services.registry.api.apps import AppSummary, told
from services.registry.api.desk import DATABASE_UNAVAILABLE, DECIDE_AGAIN, KEYS_UNAVAILABLE, Desk, act_of, desk_of
from services.registry.api.reasons import Why
from services.registry.life_cycle import Move, State
from services.registry.refusals import Objection, RefusedError
from services.registry.store import apps, moves
from services.registry.store.approvals import Presented
from services.registry.tables import Action, App
from services.text import Text
from services.web import CONFLICT, NOT_FOUND, Scope, caller_of, etag, operation, require_if_match

router = APIRouter(prefix="/v1", tags=["life cycle"])

Id = Annotated[AppId, Path(description="应用标识 · id of the app")]
Day = Annotated[_Day, Field(strict=True)]


class PossibleMove(BaseModel):
    """A move that the table of the life cycle has from the state of the app."""

    model_config = ConfigDict(frozen=True)

    to: State
    action: Action = Field(description="历史中的名称 · what the history calls it")
    scope: Scope = Field(description="除 write 外所需的权限 · the scope it needs, besides write")
    needs_receipt: bool = Field(description="是否须有准予批准的收据 · whether it needs the receipt of a decision")
    day: str | None = Field(description="on 记入清单的哪个字段 · the field of the manifest that `on` goes into")
    by_transition: bool = Field(description="可在此办理 · whether it can be made here")
    by_manifest: bool = Field(description="也可通过提交清单办理 · whether a manifest that is sent can make it")


class UsedReceipt(BaseModel):
    """The receipt against which the app was approved last."""

    model_config = ConfigDict(frozen=True)

    issuer: str
    decision: str = Field(description="判定编号 · id of the decision")
    revision: int = Field(description="批准的登记号 · the registry revision that approved the app")
    receipt: str = Field(description="收据原文（JWS）· the receipt itself")


class PossibleMoves(BaseModel):
    """Where an app stands, and the moves from there."""

    model_config = ConfigDict(frozen=True)

    app: str
    revision: int = Field(description="应用最近一次变更的登记号，即其 ETag · the app's last change, which is its ETag")
    state: State
    moves: list[PossibleMove]
    receipt: UsedReceipt | None


class Transition(BaseModel):
    """A move to be made, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    to: State = Field(description="变为什么状态 · the state to move to")
    reason: Why = Field(description="理由，记入历史 · the reason, which goes into the history")
    on: Day | None = Field(
        default=None,
        description="发生之日；不写则为清单已声明的日期，否则为今天。下线计划（retiring）写期限，可在将来"
        " · the day it happened; when left out, the one declared already, else today. For `retiring`: the day it is"
        " planned for, which may lie ahead",
    )
    receipt: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_CHARACTERS,
        description="判定的收据（JWS 紧凑格式），批准时必须有 · the receipt of the decision, which an approval needs",
    )


@router.get(
    "/apps/{id}/transitions",
    summary="可办理的状态变更 · The moves an app can make",
    response_model=PossibleMoves,
    **operation("read", NOT_FOUND, DATABASE_UNAVAILABLE, conditional="get"),
)
async def list_transitions(request: Request, id: Id) -> Response:
    """Say where an app stands, which moves there are from there, who may make them and what they need."""
    desk = desk_of(request)
    app, used = await desk.read(moves.find, desk.database, id)
    state = life_cycle.state_of(app)
    body = {
        "app": id,
        "revision": app.since,
        "state": state,
        "moves": [_told(move) for move in life_cycle.moves_from(state)],
        "receipt": None if used is None else {name: getattr(used, name) for name in UsedReceipt.model_fields},
    }
    return answer_unless_known(request, body, {})


@router.post(
    "/apps/{id}/transitions",
    summary="变更状态 · Move an app on",
    response_model=AppSummary,
    **operation(
        "write",
        *(NOT_FOUND, CONFLICT, DECIDE_AGAIN, DATABASE_UNAVAILABLE, KEYS_UNAVAILABLE),
        conditional="change",
        is_once=True,
        max_body_bytes=2 * MAX_CHARACTERS,
    ),
)
async def make_transition(request: Request, id: Id, transition: Transition) -> Response:
    """Make one move of the life cycle: the stage and its day change in the manifest, as a new revision.

    An approval needs the receipt of a decision to approve. When a neighbour's offer, a grant of the app or its manifest
    has changed since that decision, the answer is 409 `decide-again` and says what has changed.
    """
    desk = desk_of(request)
    guard = _may_move(request, transition)
    # Most of what is wrong is told before a receipt is verified; under the lock all of it is asked again.
    await desk.read(lambda: guard(moves.find(desk.database, id)[0]))
    act = act_of(request, transition.reason)
    if transition.to is State.WITHDRAWN:
        return await desk.answer_once(request, told, apps.withdraw, desk.database, id, act, guard)
    presented = None if transition.receipt is None else await _verified(desk, transition.receipt, id)
    given = moves.Given(transition.on, presented)
    limit = desk.settings.max_offers
    return await desk.answer_once(request, told, moves.make, desk.database, id, act, guard, given, limit)


async def _verified(desk: Desk, receipt: str, app: str) -> Presented:
    issuer, now = desk.settings.audit_issuer, datetime.now(UTC)
    claims = await desk.wait(receipts.verify, receipt, app, desk.audit_keys, issuer, now)
    return Presented(receipt, claims, desk.settings.receipt_valid_days)


def _may_move(request: Request, transition: Transition) -> Callable[[App], Move]:
    def guard(current: App) -> Move:
        require_if_match(request, etag(current.since))
        move = life_cycle.require_move(current, transition.to, caller_of(request).scopes)
        if move.needs_receipt and transition.receipt is None:
            fact = Text("批准须有判定的收据", "an approval needs the receipt of a decision")
            remedy = Text("在 receipt 中原样写入审查服务签发的收据", "send the receipt of the audit as `receipt`")
            raise RefusedError(Objection("/receipt", fact, remedy))
        if not move.needs_receipt and transition.receipt is not None:
            fact = Text("这一步不用收据", "this move takes no receipt")
            raise RefusedError(Objection("/receipt", fact, Text("去掉 receipt", "leave out `receipt`")))
        if move.to is State.WITHDRAWN and transition.on is not None:
            fact = Text("撤回没有要记录的日期", "no day is recorded with a withdrawal")
            raise RefusedError(Objection("/on", fact, Text("去掉 on", "leave out `on`")))
        return move

    return guard


def _told(move: Move) -> dict[str, Any]:
    return {
        "to": move.to,
        "action": move.action,
        "scope": move.scope,
        "needs_receipt": move.needs_receipt,
        "day": move.day,
        "by_transition": not move.is_declaration,
        "by_manifest": move.is_open_to_manifests,
    }
