"""Recorded audits: each with what it makes of findings and its entry in the ledger, or not at all."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select
from sqlmodel import col

from services.audit.decisions import ChangedError
from services.audit.finding_tables import Audit, FindingEvent
from services.audit.ledger import Kind
from services.audit.store import findings, recorded
from services.audit.store.findings import Audited
from services.audit.store.ledger import open_place
from services.manifest.model import canonical
from services.text import Text

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from services.audit.attestations import Attested
    from services.audit.audits import Judged
    from services.audit.finding_tables import AuditedApp
    from services.audit.store.database import Database

SUMMARY = tuple(name for name in Audit.model_fields if name not in {"manifest", "record"})
"""What lists tell of an audit."""


class UnknownAuditError(recorded.UnknownError):
    """There is no audit with this id."""

    noun = Text("审查记录", "recorded audit")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded audit, and what it made of findings."""

    row: Audit
    events: tuple[FindingEvent, ...]


def observed_of(database: Database, app: str) -> list[Attested]:
    """Give what was observed of an app, and not withdrawn."""
    with database.asking() as connection:
        found = findings.standing(connection, [app]).get(app, ())
    return [findings.attested(row) for row, is_withdrawn in found if not is_withdrawn]


def record(connection: Connection, judged: Judged, who: str, now: datetime) -> Recorded:
    """Record an audit and what it makes of findings.

    Raises:
        ChangedError: a later day or registry revision of the app was audited meanwhile.

    """
    opened = open_place(connection, now)
    before = findings.app_of(connection, judged.app)
    if findings.is_behind(before, judged.report.on, judged.revision):
        raise _late(judged, before)
    audited = Audited(judged.app, judged.manifest, judged.report, f"a-{secrets.token_hex(12)}")
    row: dict[str, Any] = {
        "id": audited.audit,
        "ledger": opened.place,
        "at": opened.at,
        "who": who,
        "app": judged.app,
        "stated": judged.stated,
        "revision": judged.revision,
        "day": judged.report.on,
        "law": judged.report.law,
        "outcome": judged.report.outcome.value,
        "hash": judged.report.manifest_hash,
        "manifest": canonical(judged.manifest).decode(),
        "record": judged.record().decode(),
    }
    connection.execute(insert(Audit), row)
    events = findings.update(opened, [audited], who)
    findings.remember(connection, [audited])
    recorded.close(opened, Kind.AUDIT, audited.audit, who)
    return Recorded(Audit(**row), events)


def find(database: Database, id: str) -> Recorded:
    """Give a recorded audit.

    Raises:
        UnknownAuditError: there is none.

    """
    with database.reading() as connection:
        row = connection.execute(select(Audit).where(col(Audit.id) == id)).mappings().one_or_none()
        if row is None:
            raise UnknownAuditError(id)
        wanted = select(FindingEvent).where(col(FindingEvent.ledger) == row["ledger"])
        events = connection.execute(wanted.order_by(col(FindingEvent.serial))).mappings().all()
    return Recorded(Audit(**row), tuple(FindingEvent(**each) for each in events))


def page(database: Database, app: str | None, limit: int, before: int | None) -> tuple[int, list[Audit], bool]:
    """List audits, the newest first.

    Returns:
        How many there are in all, those of the page, and whether there are more.

    """
    with database.reading() as connection:
        conditions = [] if app is None else [col(Audit.app) == app]
        total = connection.execute(select(func.count()).select_from(Audit).where(*conditions)).scalar_one()
        wanted = select(*(getattr(Audit, name) for name in SUMMARY)).where(*conditions)
        if before is not None:
            wanted = wanted.where(col(Audit.ledger) < before)
        rows = connection.execute(wanted.order_by(col(Audit.ledger).desc()).limit(limit + 1)).mappings().all()
    return total, [Audit(**row, manifest="", record="") for row in rows[:limit]], len(rows) > limit


def _late(judged: Judged, before: AuditedApp | None) -> ChangedError:
    day = None if before is None else before.day
    if day is not None and judged.report.on < day:
        fact = Text(f"该应用已按 {day} 审查过", f"the app was audited as of {day} already")
        return ChangedError("/day", fact, Text("写这一天或之后的日期", "give that day, or a later one"))
    fact = Text("同时已有较新的审查记录", "a newer audit of the app was recorded meanwhile")
    return ChangedError("/app", fact, Text("再审查一次", "audit it again"))
