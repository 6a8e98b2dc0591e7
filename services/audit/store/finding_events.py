"""Writing what happens to findings: every change is an event, and a finding moves on with its events only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from services.audit.clock import BEIJING
from services.audit.finding_tables import Finding, FindingEvent, ReminderDue
from services.audit.rectification import PENDING, Action

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from services.audit.store.ledger import Open

_FIXED = {"id", "app", "kind", "rule", "label", "place", "attestation", "opened"}
_MOVE = (
    update(Finding)
    .where(col(Finding.id) == bindparam("of"))
    .values({name: bindparam(f"new_{name}") for name in Finding.model_fields if name not in _FIXED})
)
_SILENT = {Action.RESTATE, Action.COMMENT, Action.ATTACH, Action.REMIND, Action.WITHDRAW}
"""What happens without a change of what is to be done, or by when."""


class Pen:
    """Writes events at an open place of the ledger, and what they make of findings; `done` puts all of it down."""

    def __init__(self, opened: Open, who: str, now: datetime | None = None) -> None:
        """Take the place; under the lock of the ledger nobody else numbers events.

        Args:
            opened: the place.
            who: the caller.
            now: the instant, where a date may be set: the ledger's own is later once a clock has been set back.

        """
        self.opened = opened
        self.who = who
        self._now = now or opened.at
        last = select(func.coalesce(func.max(col(FindingEvent.serial)), 0))
        self._serial: int = opened.connection.execute(last).scalar_one()
        self._events: list[FindingEvent] = []
        self._new: list[dict[str, Any]] = []
        self._moved: list[dict[str, Any]] = []
        self._reminding: dict[str, date | None] = {}

    @property
    def today(self) -> date:
        """The day on which this is written, in Beijing."""
        return self._now.astimezone(BEIJING).date()

    def open(self, finding: Finding, said: Mapping[str, Any]) -> None:
        """Begin a finding: its numbers and its instant are filled in."""
        finding.number, finding.opened, finding.at = 1, self._serial + 1, self.opened.at
        self._write(finding, Action.OPEN, None, said)
        self._new.append(finding.model_dump())

    def move(
        self,
        finding: Finding,
        action: Action,
        said: Mapping[str, Any],
        *,
        reminder: str | None = None,
        **changed: Any,  # noqa: ANN401 - any column
    ) -> None:
        """Let something happen to a finding, and change what it says of itself."""
        was = finding.state
        for name, value in changed.items():
            setattr(finding, name, value)
        if "due_on" in changed:
            finding.due_since_on = None if finding.due_on is None else self.today
        finding.number += 1
        finding.at = self.opened.at
        self._write(finding, action, was, said, reminder)
        row = {f"new_{name}": value for name, value in finding.model_dump().items() if name not in _FIXED}
        self._moved.append({"of": finding.id, **row})
        if action not in _SILENT:
            is_pending = finding.state in PENDING
            self._reminding[finding.id] = finding.due_since_on if is_pending else None

    def done(self) -> tuple[FindingEvent, ...]:
        """Put everything down, and give the events."""
        connection = self.opened.connection
        if self._events:
            connection.execute(insert(FindingEvent), [each.model_dump() for each in self._events])
        if self._new:
            connection.execute(insert(Finding), self._new)
        if self._moved:
            connection.execute(_MOVE, self._moved)
        self._remind()
        return tuple(self._events)

    def _write(
        self, finding: Finding, action: Action, was: str | None, said: Mapping[str, Any], reminder: str | None = None
    ) -> None:
        self._serial += 1
        self._events.append(
            FindingEvent(
                serial=self._serial,
                ledger=self.opened.place,
                at=self.opened.at,
                who=self.who,
                finding=finding.id,
                app=finding.app,
                number=finding.number,
                action=action.value,
                was=was,
                state=finding.state,
                reminder=reminder,
                said=orjson.dumps(said, option=orjson.OPT_SORT_KEYS).decode(),
            )
        )

    def _remind(self) -> None:
        """Have the reminding look at what has another due date now, or none."""
        connection = self.opened.connection
        gone = [id for id, on in self._reminding.items() if on is None]
        due = [{"finding": id, "on": on} for id, on in self._reminding.items() if on is not None]
        if gone:
            connection.execute(
                delete(ReminderDue).where(col(ReminderDue.finding) == bindparam("of")), [{"of": id} for id in gone]
            )
        if due:
            new = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(ReminderDue)
            again = new.on_conflict_do_update(index_elements=["finding"], set_={"on": new.excluded.on})
            connection.execute(again, due)
