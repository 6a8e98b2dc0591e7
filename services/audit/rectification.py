"""Rectification (整改): the states of a finding, the moves between them, who may make them and what they need.

One table says all of it. What the engine finds, or does not find any more, only a recorded audit can say: nobody
verifies, waives or reopens a finding by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from services.manifest.terms import Term

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.web import Scope


class State(Term):
    """How far a finding has come."""

    OPEN = "open", "待确认", "open"
    ACKNOWLEDGED = "acknowledged", "已确认", "acknowledged"
    RECTIFYING = "rectifying", "整改中", "being rectified"
    RECTIFIED = "rectified", "已报整改，待复核", "claimed rectified"
    VERIFIED = "verified", "复核通过", "verified"
    WAIVED = "waived", "经批准豁免", "waived"
    REOPENED = "reopened", "重新打开", "reopened"


STATES: Final = {state.value: state for state in State}


class Kind(Term):
    """What a finding rests on."""

    RULE = "rule", "违反规定", "a rule is broken"
    ATTESTATION = "attestation", "实际与声明不符", "what was observed contradicts the declaration"


class Action(Term):
    """What happens to a finding."""

    OPEN = "open", "发现", "found"
    ACKNOWLEDGE = "acknowledge", "确认", "acknowledged"
    PLAN = "plan", "制定整改计划", "planned"
    CLAIM = "claim", "报告已整改", "claimed rectified"
    RETURN = "return", "退回整改", "returned"
    VERIFY = "verify", "复核通过", "verified"
    WAIVE = "waive", "豁免", "waived"
    REOPEN = "reopen", "重新打开", "reopened"
    # What follows leaves the state as it is.
    RESTATE = "restate", "事实有变", "told otherwise"
    WITHDRAW = "withdraw", "撤回核查记录", "attestation withdrawn"
    NOTIFY = "notify", "发出整改通知书", "notice sent"
    REMIND = "remind", "提醒", "reminder"
    COMMENT = "comment", "说明", "comment"
    ATTACH = "attach", "附佐证材料", "evidence attached"


PENDING: Final = (State.OPEN, State.ACKNOWLEDGED, State.RECTIFYING, State.REOPENED)
"""The states in which something is to be done by its due date."""

UNSETTLED: Final = (*PENDING, State.RECTIFIED)
"""The states in which no audit has said that it is over."""


@dataclass(frozen=True, slots=True)
class Move:
    """One move.

    Args:
        action: what it is called in the history.
        start: the state in which it begins.
        to: the state in which it ends.
        scope: what its caller must hold besides `write`; None for a move that only a recorded audit makes.
        needs: what has to be said with it, besides the reason.
        takes: what may be said with it.
    """

    action: Action
    start: State
    to: State
    scope: Scope | None = "write"
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reminder:
    """A reminder of a due date: so many days before it (negative: after it), which is on this day."""

    due_on: date
    days_before: int
    on: date

    @property
    def mark(self) -> str:
        """What keeps it from being given twice."""
        return f"{self.due_on}/{self.days_before}"


_PLAN = ("plan", "unit", "due_on")

MOVES: tuple[Move, ...] = (
    # By whoever has to rectify.
    Move(Action.ACKNOWLEDGE, State.OPEN, State.ACKNOWLEDGED),
    Move(Action.ACKNOWLEDGE, State.REOPENED, State.ACKNOWLEDGED),
    Move(Action.PLAN, State.ACKNOWLEDGED, State.RECTIFYING, needs=_PLAN),
    Move(Action.PLAN, State.REOPENED, State.RECTIFYING, needs=_PLAN),
    Move(Action.PLAN, State.RECTIFYING, State.RECTIFYING, needs=_PLAN),
    Move(Action.CLAIM, State.RECTIFYING, State.RECTIFIED),
    # By the authority, which may find the claim wanting before any audit.
    Move(Action.RETURN, State.RECTIFIED, State.RECTIFYING, "approve", takes=("due_on",)),
    # By a recorded audit: what it does not find any more, what is exempt, and what it finds again.
    *(Move(Action.VERIFY, start, State.VERIFIED, None) for start in (*UNSETTLED, State.WAIVED)),
    *(Move(Action.WAIVE, start, State.WAIVED, None) for start in UNSETTLED),
    *(Move(Action.REOPEN, start, State.REOPENED, None) for start in (State.RECTIFIED, State.VERIFIED, State.WAIVED)),
)
"""Every move there is. A pair of states that is not listed is no move."""

_BY_STATES = {(move.start, move.to): move for move in MOVES}

SCOPE_TO_PUT_OFF: Final = "approve"
"""The scope without which a due date is not put off: 延期 is granted, not taken."""


def moves_from(state: State) -> tuple[Move, ...]:
    """Give the moves that begin in a state, in the order of the table."""
    return tuple(move for move in MOVES if move.start is state)


def move_between(start: State, to: State) -> Move | None:
    """Give the move from one state to another, if there is one."""
    return _BY_STATES.get((start, to))


def is_overdue(state: State, due_on: date | None, today: date) -> bool:
    """Tell whether something should have been done by now: the due date itself still counts as in time."""
    return due_on is not None and due_on < today and state in PENDING


def reminders(due_on: date, since_on: date, days: Iterable[int]) -> tuple[Reminder, ...]:
    """Give the reminders of a due date in their order.

    Args:
        due_on: the date.
        since_on: the day on which it was set: nobody is reminded on a day before.
        days: on how many days before it there is a reminder; negative ones come after it.

    """
    told = (Reminder(due_on, before, due_on - timedelta(before)) for before in sorted(set(days), reverse=True))
    return tuple(each for each in told if each.on >= since_on)
