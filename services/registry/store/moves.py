"""Moves of the life cycle: a stage and its day change as a normal revision, in one transaction with what they need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.registry import life_cycle
from services.registry.life_cycle import State
from services.registry.refusals import UnknownError
from services.registry.store import approvals, apps, live
from services.registry.store.prepared import prepare
from services.registry.tables import Noun

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from services.registry.life_cycle import Move
    from services.registry.store.approvals import Presented
    from services.registry.store.database import Act, Database
    from services.registry.tables import App, Receipt


def find(database: Database, app: str) -> tuple[App, Receipt | None]:
    """Give an app, and the receipt by which it was approved last.

    Raises:
        UnknownError: there is no such app.

    """
    with database.reading() as connection:
        current = live.app(connection, app)
        if current is None:
            raise UnknownError(Noun.APP, app)
        return current, approvals.latest(connection, app)


@dataclass(frozen=True, slots=True)
class Given:
    """What a move is made with: the day on which it happened, and a receipt for one that needs it."""

    on: date | None = None
    presented: Presented | None = None


def make(database: Database, app: str, act: Act, guard: Callable[[App], Move], given: Given, max_offers: int) -> App:
    """Make a move of an app that is no withdrawal.

    Args:
        database: where.
        app: its id.
        act: who, and why.
        guard: gives the move, or raises when there must be none; it is given the app as it stands under the lock.
        given: what it is made with; see `life_cycle.moved` for the day.
        max_offers: how many offers one app may make at most.

    Raises:
        UnknownError: there is no such app.
        RefusedError: the day or the receipt does not fit, or the app would make more offers than that.
        DecideAgainError: what the receipt was based on has changed.

    """
    with database.writing(act) as write:
        current = live.app(write.connection, app)
        if current is None:
            raise UnknownError(Noun.APP, app)
        move = guard(current)
        today = database.today()
        if move.needs_receipt:
            if given.presented is None:
                raise ValueError(f"{move.action} without a receipt")
            approvals.accept(write, current, given.presented, today, is_postgresql=database.is_postgresql)
        manifest = life_cycle.moved(live.manifest(write.connection, current), move, given.on, today)
        prepared = prepare(app, manifest, max_offers)
        return apps.record(write, current, prepared, move.action, is_returned=move.to is State.RETURNED)
