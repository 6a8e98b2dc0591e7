"""The life cycle of an app: which moves there are, who may make them, and what they need. One table says all of it.

A manifest declares a stage. Two facts stand beside it in the registry: a proposal can be returned to its sponsor, and
any entry can be withdrawn. Stage and facts together are the state. `POST /v1/apps/{id}/transitions` makes moves one by
one; a manifest that is sent may move the stage as well, along the moves that need no receipt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import ValidationError

from services.manifest.model import Manifest
from services.manifest.terms import Stage, Term
from services.manifest.values import TAGS
from services.registry.refusals import ConflictError, ForbiddenError, Objection, RefusedError
from services.registry.tables import Action
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from services.registry.tables import App
    from services.web import Scope


class State(Term):
    """状态 · state.

    应用在登记系统中的状态：声明的阶段，加上「已退回」和「已撤回」。
    Where an app stands in the registry: the stage declared, and whether it was returned or withdrawn.
    """

    UNDECLARED = "undeclared", "未声明阶段", "stage undeclared"
    PROPOSED = "proposed", Stage.PROPOSED.zh, Stage.PROPOSED.en
    RETURNED = "returned", "已退回", "returned"
    APPROVED = "approved", Stage.APPROVED.zh, Stage.APPROVED.en
    BUILDING = "building", Stage.BUILDING.zh, Stage.BUILDING.en
    ONLINE = "online", Stage.ONLINE.zh, Stage.ONLINE.en
    RETIRING = "retiring", Stage.RETIRING.zh, Stage.RETIRING.en
    RETIRED = "retired", Stage.RETIRED.zh, Stage.RETIRED.en
    WITHDRAWN = "withdrawn", "已撤回", "withdrawn"


@dataclass(frozen=True, slots=True)
class Move:
    """One move of the life cycle.

    Args:
        action: what it is called in the history.
        start: the state in which it begins; a new app begins as undeclared.
        to: the state in which it ends.
        scope: what its caller must hold, besides `write`.
        needs_receipt: whether it needs the receipt of a decision to approve.
        day: the field of the manifest that says when it happened.
        is_planned: whether that day may lie ahead.
    """

    action: Action
    start: State
    to: State
    scope: Scope = "write"
    needs_receipt: bool = False
    day: str | None = None
    is_planned: bool = False

    @property
    def is_declaration(self) -> bool:
        """Whether it is made by declaring a stage for the first time, and in no other way."""
        return self.start is State.UNDECLARED and self.to is not State.WITHDRAWN

    @property
    def is_open_to_manifests(self) -> bool:
        """Whether a manifest that is sent may make it."""
        return not self.needs_receipt and not {self.start, self.to} & {State.RETURNED, State.WITHDRAWN}


MOVES: tuple[Move, ...] = (
    # A catalogue of what runs already must be possible: what there is is declared, and judged like everything else. To
    # be approved is no such fact but an authority's act, so only an authority states that it happened elsewhere.
    Move(Action.CHANGE, State.UNDECLARED, State.PROPOSED),
    Move(Action.CHANGE, State.UNDECLARED, State.APPROVED, "approve"),
    Move(Action.CHANGE, State.UNDECLARED, State.BUILDING),
    Move(Action.CHANGE, State.UNDECLARED, State.ONLINE),
    Move(Action.CHANGE, State.UNDECLARED, State.RETIRING),
    Move(Action.CHANGE, State.UNDECLARED, State.RETIRED),
    # A proposal is decided by the authority: approved against a receipt, or given back with a reason.
    Move(Action.APPROVE, State.PROPOSED, State.APPROVED, "approve", needs_receipt=True),
    Move(Action.RETURN, State.PROPOSED, State.RETURNED, "approve"),
    Move(Action.RESUBMIT, State.RETURNED, State.PROPOSED),
    Move(Action.RETURN, State.APPROVED, State.RETURNED, "approve"),
    # The sponsor builds and runs it.
    Move(Action.BEGIN, State.APPROVED, State.BUILDING, day="begun_on"),
    Move(Action.LAUNCH, State.BUILDING, State.ONLINE, day="online_on"),
    Move(Action.RETIRE, State.BUILDING, State.RETIRED, day="retired_on"),
    Move(Action.PHASE_OUT, State.ONLINE, State.RETIRING, day="retire_on", is_planned=True),
    Move(Action.RETIRE, State.ONLINE, State.RETIRED, day="retired_on"),
    Move(Action.KEEP, State.RETIRING, State.ONLINE),
    Move(Action.RETIRE, State.RETIRING, State.RETIRED, day="retired_on"),
    # What has not begun its sponsor gives up. What runs or ran is withdrawn only as a mistaken entry, because its
    # neighbours do not see it any more.
    Move(Action.WITHDRAW, State.UNDECLARED, State.WITHDRAWN),
    Move(Action.WITHDRAW, State.PROPOSED, State.WITHDRAWN),
    Move(Action.WITHDRAW, State.RETURNED, State.WITHDRAWN),
    Move(Action.WITHDRAW, State.APPROVED, State.WITHDRAWN),
    Move(Action.WITHDRAW, State.BUILDING, State.WITHDRAWN, "admin"),
    Move(Action.WITHDRAW, State.ONLINE, State.WITHDRAWN, "admin"),
    Move(Action.WITHDRAW, State.RETIRING, State.WITHDRAWN, "admin"),
    Move(Action.WITHDRAW, State.RETIRED, State.WITHDRAWN, "admin"),
)
"""Every move there is. A pair of states that is not listed is no move."""

_STATES = {state.value: state for state in State}
_STAGES = {stage.value: stage for stage in Stage}
_BY_STATES = {(move.start, move.to): move for move in MOVES}


def state_of(app: App | None) -> State:
    """Give the state of an app; one that is not registered has declared nothing."""
    if app is None:
        return State.UNDECLARED
    if app.is_withdrawn:
        return State.WITHDRAWN
    if app.is_returned:
        return State.RETURNED
    return _state(app.stage)


def moves_from(state: State) -> tuple[Move, ...]:
    """Give the moves that begin in a state, in the order of the table."""
    return tuple(move for move in MOVES if move.start is state)


def require_move(app: App, to: State, scopes: Collection[str]) -> Move:
    """Give the move of an app to a state, for a caller who holds some scopes.

    Raises:
        ConflictError: there is no such move, or it is made by declaring the stage.
        ForbiddenError: the caller lacks the scope it needs.

    """
    start = state_of(app)
    move = _BY_STATES.get((start, to))
    if move is None:
        raise ConflictError(_no_move("/to", start, to))
    if move.is_declaration:
        fact = Text("该应用还没有声明阶段", "the app has not declared its stage yet")
        remedy = Text("以 PUT 在清单的 stage 中声明", "declare it in `stage` of the manifest, by PUT")
        raise ConflictError(Objection("/to", fact, remedy))
    _require_scope(move, scopes)
    return move


def require_put(app: App | None, manifest: Manifest, scopes: Collection[str]) -> None:
    """Let a manifest pass that leaves the stage as it is, or moves it as manifests may.

    Args:
        app: the app as it stands; None when it is new.
        manifest: what it is to declare from now on.
        scopes: what the caller holds.

    Raises:
        ConflictError: there is no such move, it needs a receipt, or the day on which it happened is not declared.
        ForbiddenError: the caller lacks the scope it needs.

    """
    declared = None if app is None else app.stage
    if manifest.stage == declared:
        return
    start, to = state_of(app), _state(manifest.stage)
    move = _BY_STATES.get((start, to))
    if move is None:
        raise ConflictError(_no_move("/stage", start, to))
    if not move.is_open_to_manifests:
        remedy = Text(
            f"用 POST /v1/apps/{{id}}/transitions，to 写 {to}",
            f"use POST /v1/apps/{{id}}/transitions with {to} as `to`",
        )
        raise ConflictError(Objection("/stage", _not_by_manifest(move), remedy))
    _require_scope(move, scopes)
    if move.day is not None and getattr(manifest, move.day) is None:
        fact = Text(f"阶段变为「{to.zh}」，却没有声明日期", f"the stage becomes {to.en}, and its day is not declared")
        remedy = Text(f"在清单中写明 {move.day}", f"declare `{move.day}` in the manifest")
        raise ConflictError(Objection(f"/{move.day}", fact, remedy))


def moved(manifest: str, move: Move, on: date | None, today: date) -> Manifest:
    """Give the manifest after a move: its stage, and the day on which it happened.

    Args:
        manifest: as it stands, as JSON.
        move: any move but a withdrawal.
        on: the day given; None for the one declared already, else today.
        today: which day it is.

    Raises:
        RefusedError: the day is missing, has no place here, lies ahead, or contradicts the manifest.

    """
    document: dict[str, Any] = orjson.loads(manifest)
    document["stage"] = Stage.PROPOSED if move.to is State.RETURNED else _STAGES[move.to]
    if move.action is Action.KEEP:
        document.pop("retire_on", None)
    if move.day is not None:
        document[move.day] = _day(move, on, document.get(move.day), today)
    elif on is not None:
        fact = Text("这一步没有要记录的日期", "no day is recorded with this move")
        raise RefusedError(Objection("/on", fact, Text("去掉 on", "leave out `on`")))
    try:
        return Manifest.model_validate_json(orjson.dumps(document))
    except ValidationError as error:
        raise RefusedError(*_contradictions(error)) from error


def _day(move: Move, on: date | None, declared: str | None, today: date) -> date:
    day = on or (None if declared is None else date.fromisoformat(declared))
    if day is None and move.is_planned:
        fact = Text("没有写明计划下线的日期", "the day by which it is to be retired is missing")
        raise RefusedError(Objection("/on", fact, Text("在 on 中写明", "give it in `on`")))
    day = day or today
    if day > today and not move.is_planned:
        fact = Text(f"{day} 在今天（{today}）之后", f"{day} lies after today, {today}")
        remedy = Text(
            f"在 on 中写明实际发生的日期，或到那一天再办理（清单的 {move.day} 也是如此）",
            f"give the day on which it happened in `on`, or come back on that day; so, too, for `{move.day}`",
        )
        raise RefusedError(Objection("/on", fact, remedy))
    return day


def _contradictions(error: ValidationError) -> Iterator[Objection]:
    faults = error.errors(include_url=False)
    for fault in faults:
        for found in fault.get("ctx", {}).get("contradictions", ()):
            fact = Text(f"{found.place}：{found.fact.zh}", f"{found.place}: {found.fact.en}")
            yield Objection("/on", fact, found.remedy)
    if unsound := [fault["loc"] for fault in faults if fault["type"] != "contradiction"]:
        # It was sound when it was recorded; what a manifest may be has changed since.
        place = "/" + "/".join(str(step) for step in unsound[0] if step not in TAGS)
        fact = Text(f"清单不合现行格式：{place}", f"the manifest is not as manifests must be now: {place}")
        yield Objection("{id}", fact, Text("先以 PUT 更正清单", "correct the manifest first, by PUT"))


def _state(stage: str | None) -> State:
    return State.UNDECLARED if stage is None else _STATES[stage]


def _require_scope(move: Move, scopes: Collection[str]) -> None:
    if move.scope not in scopes:
        raise ForbiddenError(move.scope)


def _no_move(place: str, start: State, to: State) -> Objection:
    open_to = [move.to for move in moves_from(start)]
    fact = Text(f"不能由「{start.zh}」变为「{to.zh}」", f"there is no move from {start.en} to {to.en}")
    if not open_to:
        return Objection(place, fact, Text("这一状态不再改变", "this state is final"))
    zh, en = "、".join(f"{each.zh}（{each}）" for each in open_to), ", ".join(open_to)
    return Objection(place, fact, Text(f"可以变为：{zh}", f"from here it can become: {en}"))


def _not_by_manifest(move: Move) -> Text:
    if move.needs_receipt:
        return Text(
            "批准须凭判定的收据，不能通过清单声明",
            "an approval needs the receipt of a decision, and cannot be declared in a manifest",
        )
    return Text(f"不能通过清单变为「{move.to.zh}」", f"a manifest cannot make an app {move.to.en}")
