"""Reminders: on their days, once each, whatever the clock does and whoever looks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from services.audit.audits import Judged
from services.audit.clock import BEIJING
from services.audit.engine import report
from services.audit.finding_tables import Finding
from services.audit.rectification import Action, State, reminders
from services.audit.regulation import LAW
from services.audit.reminding import remind
from services.audit.store import audits, finding_lists, findings
from services.audit.store.database import Database
from services.audit.store.findings import Happening
from services.database.doors import commit
from tests import world
from tests.integration.audit.inspector import forced

if TYPE_CHECKING:
    from collections.abc import Iterator

DAYS = (7, 1, 0, -1, -7)
MONDAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 12, tzinfo=BEIJING)


class Desk:
    """A database whose clock stands where the test puts it."""

    def __init__(self, url: str) -> None:
        self.now = NOON
        self.database = Database(url, now=lambda: self.now)
        self.database.migrate()

    def found(self, mark: str) -> str:
        """Record an audit with one finding, and give its id."""
        manifest = world.manifest(forced(mark))
        seen = world.neighbourhood(manifest, ())
        judged = Judged(manifest.id or "", 1, manifest, 1, report(manifest, seen, LAW, self.now.date()), None)
        with self.database.changing() as connection:
            recorded = audits.record(connection, judged, "示例", self.database.now())
            commit(connection)
        (event,) = recorded.events
        return event.finding

    def change(self, id: str, action: Action, state: State, **changed: Any) -> None:  # noqa: ANN401 - any column
        with self.database.changing() as connection:
            happening = Happening(action, {}, {"state": state.value, **changed})
            findings.change(connection, self.database.now(), id, "示例", lambda _: happening)
            commit(connection)

    def due(self, id: str, due_on: date) -> None:
        self.change(id, Action.PLAN, State.RECTIFYING, due_on=due_on)

    def given(self, id: str) -> list[tuple[int, str]]:
        """Give the reminders of a finding: how many days before which date."""
        events = finding_lists.history(self.database, id, 0, 1000)
        return [(each.number, each.reminder) for each in events if each.reminder is not None]

    def told(self, id: str) -> list[str]:
        return [mark.partition("/")[2] for _, mark in self.given(id)]

    def at(self, day: date) -> None:
        self.now = NOON + (day - MONDAY)


@pytest.fixture
def desk(fresh_database_url: str) -> Iterator[Desk]:
    desk = Desk(fresh_database_url)
    yield desk
    desk.database.close()


def test_there_is_a_reminder_before_on_and_after_the_day(desk: Desk) -> None:
    id = desk.found("甲")
    due_on = MONDAY + timedelta(days=10)
    desk.due(id, due_on)
    seen: dict[int, list[str]] = {}
    for day in range(30):
        desk.at(MONDAY + timedelta(days=day))
        before = len(desk.told(id))
        remind(desk.database, DAYS)
        remind(desk.database, DAYS)
        if told := desk.told(id)[before:]:
            seen[day - 10] = told
    assert seen == {-7: ["7"], -1: ["1"], 0: ["0"], 1: ["-1"], 7: ["-7"]}
    last = finding_lists.feed(desk.database, 0, 1000, None)[1][-1]
    assert (last.action, last.who, last.was, last.state) == ("remind", "govapp", "rectifying", "rectifying")


def test_what_was_missed_is_made_up_for_once_and_nothing_comes_before_the_date_was_set(desk: Desk) -> None:
    id = desk.found("甲")
    desk.due(id, MONDAY + timedelta(days=3))
    desk.at(MONDAY + timedelta(days=60))
    assert remind(desk.database, DAYS) == 4
    assert desk.told(id) == ["1", "0", "-1", "-7"]
    # The clock goes back, and comes to the same days again.
    for day in range(0, 70, 2):
        desk.at(MONDAY + timedelta(days=day))
        assert remind(desk.database, DAYS) == 0


def test_another_date_has_its_own_reminders_and_the_first_one_none_twice(desk: Desk) -> None:
    id = desk.found("甲")
    first, second = MONDAY + timedelta(days=1), MONDAY + timedelta(days=20)
    desk.due(id, first)
    assert remind(desk.database, DAYS) == 1
    desk.due(id, second)
    assert remind(desk.database, DAYS) == 0
    desk.due(id, first)
    assert remind(desk.database, DAYS) == 0
    desk.at(first)
    assert remind(desk.database, DAYS) == 1
    assert [mark for _, mark in desk.given(id)] == [f"{first}/1", f"{first}/0"]


def test_nobody_is_reminded_of_what_is_claimed_or_settled(desk: Desk) -> None:
    id = desk.found("甲")
    due_on = MONDAY + timedelta(days=1)
    desk.due(id, due_on)
    desk.change(id, Action.CLAIM, State.RECTIFIED)
    desk.at(due_on)
    assert remind(desk.database, DAYS) == 0
    # The claim is sent back: what is due by now is told.
    desk.change(id, Action.RETURN, State.RECTIFYING)
    assert remind(desk.database, DAYS) == 2


def test_other_days_may_be_set_meanwhile(desk: Desk) -> None:
    id = desk.found("甲")
    desk.due(id, MONDAY + timedelta(days=10))
    desk.at(MONDAY + timedelta(days=3))
    assert remind(desk.database, ()) == 0
    desk.due(id, MONDAY + timedelta(days=11))
    assert remind(desk.database, (8,)) == 1
    assert desk.told(id) == ["8"]


def test_many_who_look_at_once_give_each_reminder_once(desk: Desk) -> None:
    ids = [desk.found(f"甲{n}") for n in range(12)]
    for id in ids:
        desk.due(id, MONDAY)
    with ThreadPoolExecutor(4) as lookers:
        given = list(lookers.map(lambda _: remind(desk.database, DAYS), range(8)))
    assert sum(given) == len(ids)
    assert [desk.told(id) for id in ids] == [["0"]] * len(ids)
    with desk.database.reading() as connection:
        assert {findings.find(connection, id).state for id in ids} == {"rectifying"}


def test_the_days_of_reminders_are_in_order() -> None:
    told = reminders(MONDAY, MONDAY - timedelta(days=2), (0, 7, -7, 2, 2))
    assert [(each.days_before, (each.on - MONDAY).days) for each in told] == [(2, -2), (0, 0), (-7, 7)]


def test_a_finding_is_what_its_last_event_says(desk: Desk) -> None:
    id = desk.found("甲")
    desk.due(id, MONDAY)
    remind(desk.database, DAYS)
    with desk.database.reading() as connection:
        finding: Finding = findings.find(connection, id)
    last = finding_lists.history(desk.database, id, 0, 1000)[-1]
    assert (finding.number, finding.state, finding.at) == (last.number, last.state, last.at)
