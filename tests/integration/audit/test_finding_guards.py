"""The schema holds every writer to the history of findings, even one who knows only SQL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.integration.audit.test_reminders import MONDAY, Desk

if TYPE_CHECKING:
    from collections.abc import Iterator

SAID = re.compile(
    r"is refused|moves on|open place|never (changed|deleted|replaced)|foreign key|unique|duplicate", re.IGNORECASE
)
MOVE = "UPDATE ledger_head SET place = place + 1"
ENTRY = "INSERT INTO ledger (place, content, hash) SELECT place, '{}', 'x' FROM ledger_head"
EVENT = (
    "INSERT INTO finding_events (serial, ledger, at, who, finding, app, number, action, state, said)"
    " SELECT 99, {ledger}, at, 'x', (SELECT id FROM findings), 'x', {number}, 'verify', '{state}', '{{}}'"
    " FROM ledger_head"
)
TABLES = ("audits", "finding_events", "attestations", "withdrawals", "evidence", "evidence_parts", "notices")
FORBIDDEN = {
    "an event is changed": ["UPDATE finding_events SET who = 'x'"],
    "an event is deleted": ["DELETE FROM finding_events"],
    "an audit is changed": ["UPDATE audits SET outcome = 'approve'"],
    "an audit is deleted": ["DELETE FROM audits"],
    "a finding is deleted": ["DELETE FROM findings"],
    "a finding takes another state without an event": ["UPDATE findings SET state = 'verified'"],
    "a finding moves on without an event": ["UPDATE findings SET state = 'verified', number = number + 1"],
    "a finding takes another state than its event": [
        MOVE,
        EVENT.format(ledger="place", number=3, state="acknowledged"),
        "UPDATE findings SET state = 'verified', number = 3",
        ENTRY,
    ],
    "a finding skips an event": [
        MOVE,
        EVENT.format(ledger="place", number=4, state="verified"),
        "UPDATE findings SET state = 'verified', number = 4",
        ENTRY,
    ],
    "a finding goes back": ["UPDATE findings SET state = 'open', number = 1"],
    "a finding is of another app": ["UPDATE findings SET app = 'x', number = number + 1"],
    "a finding is of another rule": ["UPDATE findings SET rule = NULL, number = number + 1"],
    "an event has no entry in the ledger": [EVENT.format(ledger="place + 1", number=3, state="verified")],
    "an event is put at an entry of old": [EVENT.format(ledger="1", number=3, state="verified")],
    "an event has the number of another": [MOVE, EVENT.format(ledger="place", number=2, state="verified"), ENTRY],
}
ALLOWED = [
    MOVE,
    EVENT.format(ledger="place", number=3, state="verified"),
    "UPDATE findings SET state = 'verified', number = 3",
    ENTRY,
]


@pytest.fixture
def desk(fresh_database_url: str) -> Iterator[Desk]:
    desk = Desk(fresh_database_url)
    desk.due(desk.found("甲"), MONDAY)
    yield desk
    desk.database.close()


def refused(desk: Desk, *statements: str) -> bool:
    """Try statements in one transaction; tell whether the schema refused."""
    with desk.database.changing() as connection:
        said = None
        try:
            for statement in statements:
                connection.execute(text(statement))
            connection.commit()
        except DBAPIError as error:
            connection.invalidate()
            said = str(error.orig)
    assert said is None or SAID.search(said), said
    return said is not None


def test_it_refuses_everything_but_what_is_as_it_should_be(desk: Desk) -> None:
    taken = [what for what, statements in FORBIDDEN.items() if not refused(desk, *statements)]
    assert taken == []
    # What was refused stands in nobody's way.
    assert not refused(desk, *ALLOWED)


def test_nothing_of_the_record_is_ever_changed_or_deleted(desk: Desk) -> None:
    rows = {
        "attestations": "('t-x', {place}, {at}, 'x', 'x', 1, '/x', '/x', '1', '2', '2026-01-01', 'x', 'x', 'x', 'x')",
        "withdrawals": "('t-x', {place}, {at}, 'x', 'x', 'x', 'x')",
        "evidence": "('f-x', 'sha256:x', {place}, {at}, 'x', 'x', 'x', 1)",
        "notices": "('n-x', {place}, {at}, 'x', 'x', 'x', '2026-01-01', '2026-01-01', 'x', 'x', 1, 'x')",
    }
    there = {"place": "(SELECT place FROM ledger_head)", "at": "(SELECT at FROM ledger_head)"}
    for table, row in rows.items():
        insert = f"INSERT INTO {table} VALUES {row.format(**there)}"
        assert refused(desk, insert)
        assert not refused(desk, MOVE, insert, ENTRY)
    part = "x'00'" if not desk.database.is_postgresql else "'\\x00'"
    assert not refused(desk, f"INSERT INTO evidence_parts VALUES ('x', 0, {part})")
    for table in TABLES:
        column = "number" if table == "evidence_parts" else "ledger"
        assert refused(desk, f"UPDATE {table} SET {column} = {column} + 1"), table
        assert refused(desk, f"DELETE FROM {table}"), table
