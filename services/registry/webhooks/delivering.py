"""The tasks that deliver: one subscription's changes in turn, and single dead letters once more."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from services.jobs import Task
from services.registry.store import deliveries
from services.registry.store.deliveries import Attempt, Due, Letter
from services.registry.webhooks import messages, retries
from services.registry.webhooks.sending import GONE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.jobs import Job
    from services.registry.store.changes import Change
    from services.registry.store.database import Database
    from services.registry.store.deliveries import Receiver
    from services.registry.webhooks.sending import Outcome
    from services.registry.webhooks.settings import WebhooksSettings

    Send = Callable[[str, Mapping[str, str], bytes], Outcome]
    Tell = Callable[[Change], Mapping[str, Any]]

DELIVER = "deliver"
REDELIVER = "redeliver"
_TURN = 100
"""How many changes one job delivers before others have their turn."""


class Delivering:
    """Delivers to whoever is due."""

    def __init__(self, database: Database, settings: WebhooksSettings, send: Send, tell: Tell) -> None:
        """Take what is delivered, how it is sent, and how a change is told."""
        self._database = database
        self._settings = settings
        self._send = send
        self._tell = tell

    def tasks(self) -> tuple[Task, ...]:
        """Give the tasks by which it is done."""
        return (
            Task(DELIVER, self.deliver, at_once=self._settings.at_once, is_one_per_key=True),
            Task(REDELIVER, self.redeliver, at_once=2, is_one_per_key=True),
        )

    def deliver(self, job: Job, id: str, version: int, cursor: int, tries: int) -> None:
        """Deliver what follows, one change after the other, until one fails, none is left, or others have their turn.

        A job that is done again, or late, finds that the subscription has moved on, and does nothing.
        """
        due: Due | None = Due(id, version, cursor, tries)
        done = 0
        while done < _TURN:
            receiver = deliveries.receiver(self._database, id)
            if due is None or receiver is None or receiver.due != due:
                break
            wanted, reached = deliveries.following(self._database, receiver.subscription)
            for change in wanted:
                job.go_on()
                due = self._deliver_one(receiver, due, change)
                done += 1
                if due is None:
                    break
            else:
                if reached == due.cursor:
                    break
                due = deliveries.passed(self._database, due, reached)
        deliveries.forget(self._database, id, self._settings.kept_days)

    def redeliver(self, job: Job, id: str, revision: int, attempts: int) -> None:
        """Deliver a dead letter, in one attempt."""
        job.go_on()
        letter = Letter(id, revision, attempts)
        receiver = deliveries.receiver(self._database, id, is_live=False)
        if receiver is None:
            deliveries.dropped(self._database, letter)
            return
        attempt, _ = self._attempt(receiver, deliveries.change_of(self._database, revision))
        deliveries.redelivered(self._database, letter, attempt)

    def _deliver_one(self, receiver: Receiver, due: Due, change: Change) -> Due | None:
        attempt, outcome = self._attempt(receiver, change)
        if attempt.error is None:
            return deliveries.delivered(self._database, due, change.revision, attempt)
        if attempt.status == GONE:
            deliveries.gone(self._database, due, change.revision, attempt)
            return None
        wait_s = retries.wait_s(due.tries, self._settings.retry_delays_s, outcome.retry_after_s, random.random())  # noqa: S311 - spreads load, guards nothing
        next_at = None if wait_s is None else self._database.now() + timedelta(seconds=wait_s)
        deliveries.failed(self._database, due, change.revision, attempt, next_at)
        return None

    def _attempt(self, receiver: Receiver, change: Change) -> tuple[Attempt, Outcome]:
        of, now = receiver.subscription, self._database.now()
        body = messages.body(change, self._tell(change), self._settings.source)
        headers = messages.headers(of.id, change.revision, body, receiver.secrets, now)
        outcome = self._send(of.url, headers, body)
        return Attempt(now, outcome.took_ms, outcome.status, outcome.error), outcome
