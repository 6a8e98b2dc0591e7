"""Reminders of due dates: each is an event, given once, whatever the clock does and however often it is looked."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, select, update
from sqlmodel import col

from services.audit.finding_tables import Finding, FindingEvent, ReminderDue
from services.audit.ledger import Kind
from services.audit.rectification import PENDING, Action, Reminder, reminders
from services.audit.store import recorded
from services.audit.store.finding_events import Pen
from services.audit.store.ledger import open_place
from services.database.doors import commit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from sqlalchemy import Connection

    from services.audit.store.database import Database

WHO = "govapp"
"""Who reminds: nobody asked for it."""


def remind(database: Database, today: date, days: Sequence[int], at_most: int = 200) -> tuple[int, bool]:
    """Give the reminders that are due by a day.

    Args:
        database: where.
        today: the day.
        days: on how many days before a due date there is a reminder (negative: after it).
        at_most: how many findings are looked at in one transaction.

    Returns:
        How many were given, and whether there may be more.

    Raises:
        UnavailableError: see there.

    """
    due = select(col(ReminderDue.finding)).where(col(ReminderDue.on) <= today)
    with database.asking() as connection:
        if connection.execute(due.limit(1)).first() is None:
            return 0, False
    with database.changing() as connection:
        # Under this lock nothing happens to findings, so whoever reminds at the same moment finds nothing left.
        recorded.hold(connection)
        wanted = due.order_by(col(ReminderDue.on), col(ReminderDue.finding)).limit(at_most)
        looked_at = list(connection.execute(wanted).scalars())
        left = _left(connection, looked_at, days)
        given = _give(connection, database, {id: [each for each in left[id] if each.on <= today] for id in looked_at})
        _put_off(connection, {id: [each for each in left[id] if each.on > today] for id in looked_at})
        commit(connection)
    return given, len(looked_at) == at_most


def _left(connection: Connection, ids: Sequence[str], days: Sequence[int]) -> Mapping[str, list[Reminder]]:
    """Give the reminders of findings that were not given yet, in their order."""
    given = (col(FindingEvent.finding).in_(ids), col(FindingEvent.reminder).is_not(None))
    marks = {
        (row.finding, row.reminder)
        for row in connection.execute(select(col(FindingEvent.finding), col(FindingEvent.reminder)).where(*given))
    }
    left: defaultdict[str, list[Reminder]] = defaultdict(list)
    for finding in _findings(connection, ids):
        if finding.state in PENDING and finding.due_on is not None and finding.due_since_on is not None:
            told = reminders(finding.due_on, finding.due_since_on, days)
            left[finding.id] = [each for each in told if (finding.id, each.mark) not in marks]
    return left


def _give(connection: Connection, database: Database, due: Mapping[str, Sequence[Reminder]]) -> int:
    ids = [id for id, told in due.items() if told]
    if not ids:
        return 0
    pen = Pen(open_place(connection, database.now()), WHO)
    for finding in _findings(connection, ids):
        for each in due[finding.id]:
            said = {"due_on": each.due_on, "days_before": each.days_before, "on": each.on}
            pen.move(finding, Action.REMIND, said, reminder=each.mark)
    given = pen.done()
    recorded.close(pen.opened, Kind.REMINDERS, f"{given[0].serial}-{given[-1].serial}", WHO)
    return len(given)


def _put_off(connection: Connection, left: Mapping[str, Sequence[Reminder]]) -> None:
    next_on = [{"of": id, "then": told[0].on} for id, told in left.items() if told]
    over = [{"of": id} for id, told in left.items() if not told]
    is_it = col(ReminderDue.finding) == bindparam("of")
    if next_on:
        connection.execute(update(ReminderDue).where(is_it).values(on=bindparam("then")), next_on)
    if over:
        connection.execute(delete(ReminderDue).where(is_it), over)


def _findings(connection: Connection, ids: Sequence[str]) -> list[Finding]:
    wanted = select(Finding).where(col(Finding.id).in_(ids)).order_by(col(Finding.opened))
    return [Finding(**row) for row in connection.execute(wanted).mappings()]
