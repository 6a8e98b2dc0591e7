"""The tables of recorded audits and findings.

What happened is kept in events, attestations, evidence and notices, to which rows are only added. `findings` holds how
each finding stands now: it moves on together with its next event only, and cannot say another state than that.
"""

from datetime import date, datetime

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, Integer, LargeBinary, UniqueConstraint
from sqlmodel import Field

from services.audit.tables import Table
from services.database.columns import Characters, Instant


def _ledger() -> ForeignKeyConstraint:
    # The entry is written last, when everything that it stands for is there.
    return ForeignKeyConstraint(["ledger"], ["ledger.place"], deferrable=True, initially="DEFERRED")


class Audit(Table, table=True):
    """A recorded audit of one app. `record` is JSON: the report, and what was observed besides."""

    __tablename__ = "audits"
    __table_args__ = (_ledger(), Index("audits_ledger", "ledger", unique=True), Index("audits_app", "app", "ledger"))

    id: str = Field(primary_key=True, sa_type=Characters)
    ledger: int = Field(sa_type=BigInteger)
    at: datetime = Field(sa_type=Instant)
    who: str = Field(sa_type=Characters)
    app: str = Field(sa_type=Characters)
    stated: int = Field(sa_type=BigInteger, description="Revision of the app that was judged.")
    revision: int = Field(sa_type=BigInteger, description="Registry revision that was seen.")
    day: date
    law: str = Field(sa_type=Characters)
    outcome: str = Field(sa_type=Characters)
    hash: str = Field(sa_type=Characters)
    manifest: str = Field(sa_type=Characters)
    record: str = Field(sa_type=Characters)


class AuditedApp(Table, table=True):
    """An app as the last audit saw it: what findings are listed by, and what no later audit may go back behind."""

    __tablename__ = "audited_apps"
    __table_args__ = (
        Index("audited_apps_sponsor", "sponsor", "app"),
        Index("audited_apps_province", "province", "app"),
    )

    app: str = Field(primary_key=True, sa_type=Characters)
    name: str | None = Field(default=None, sa_type=Characters)
    sponsor: str | None = Field(default=None, sa_type=Characters)
    province: str | None = Field(default=None, sa_type=Characters)
    audit: str | None = Field(default=None, sa_type=Characters)
    revision: int = Field(sa_type=BigInteger)
    day: date


class Finding(Table, table=True):
    """A finding as it stands now. `number` is that of its last event, which says the same state."""

    __tablename__ = "findings"
    __table_args__ = (
        ForeignKeyConstraint(
            ["id", "number", "state"],
            ["finding_events.finding", "finding_events.number", "finding_events.state"],
            deferrable=True,
            initially="DEFERRED",
        ),
        Index("findings_opened", "opened", unique=True),
        Index("findings_app", "app", "opened"),
        Index("findings_state", "state", "opened"),
        Index("findings_rule", "rule", "opened"),
        Index("findings_due_on", "due_on"),
    )

    id: str = Field(primary_key=True, sa_type=Characters)
    app: str = Field(sa_type=Characters)
    kind: str = Field(sa_type=Characters)
    rule: str | None = Field(default=None, sa_type=Characters)
    label: str | None = Field(default=None, sa_type=Characters)
    place: str = Field(sa_type=Characters)
    attestation: str | None = Field(default=None, sa_type=Characters)
    opened: int = Field(sa_type=BigInteger, description="Its first event.")
    number: int = Field(sa_type=Integer)
    state: str = Field(sa_type=Characters)
    at: datetime = Field(sa_type=Instant)
    told: str = Field(sa_type=Characters)
    grants: str = Field(sa_type=Characters)
    plan: str | None = Field(default=None, sa_type=Characters)
    unit: str | None = Field(default=None, sa_type=Characters)
    due_on: date | None = None
    due_since_on: date | None = Field(default=None, description="The day on which it was set.")


class ReminderDue(Table, table=True):
    """When something is next to be reminded of: no record, but what the reminding looks for."""

    __tablename__ = "reminders_due"
    __table_args__ = (Index("reminders_due_on", "on"),)

    finding: str = Field(primary_key=True, sa_type=Characters)
    on: date


class FindingEvent(Table, table=True):
    """One thing that happened to a finding. `serial` follows the order of commits, without gaps."""

    __tablename__ = "finding_events"
    __table_args__ = (
        _ledger(),
        UniqueConstraint("finding", "number", "state", name="finding_events_state_key"),
        Index("finding_events_finding", "finding", "number", unique=True),
        # A reminder that was given is never given again.
        Index("finding_events_reminder", "finding", "reminder", unique=True),
        Index("finding_events_ledger", "ledger", "serial"),
        Index("finding_events_app", "app", "serial"),
    )

    serial: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    ledger: int = Field(sa_type=BigInteger)
    at: datetime = Field(sa_type=Instant)
    who: str = Field(sa_type=Characters)
    finding: str = Field(sa_type=Characters)
    app: str = Field(sa_type=Characters)
    number: int = Field(sa_type=Integer)
    action: str = Field(sa_type=Characters)
    was: str | None = Field(default=None, sa_type=Characters)
    state: str = Field(sa_type=Characters)
    reminder: str | None = Field(default=None, sa_type=Characters)
    said: str = Field(sa_type=Characters)


class Attestation(Table, table=True):
    """What an inspector observed. `declared` and `observed` are JSON."""

    __tablename__ = "attestations"
    __table_args__ = (_ledger(), Index("attestations_ledger", "ledger", unique=True), Index("attestations_app", "app"))

    id: str = Field(primary_key=True, sa_type=Characters)
    ledger: int = Field(sa_type=BigInteger)
    at: datetime = Field(sa_type=Instant)
    who: str = Field(sa_type=Characters)
    app: str = Field(sa_type=Characters)
    stated: int = Field(sa_type=BigInteger)
    pointer: str = Field(sa_type=Characters)
    place: str = Field(sa_type=Characters)
    declared: str = Field(sa_type=Characters)
    observed: str = Field(sa_type=Characters)
    observed_on: date
    person: str = Field(sa_type=Characters)
    role: str = Field(sa_type=Characters)
    basis: str = Field(sa_type=Characters)
    finding: str = Field(sa_type=Characters)


class Withdrawal(Table, table=True):
    """That an attestation was withdrawn."""

    __tablename__ = "withdrawals"
    __table_args__ = (
        _ledger(),
        ForeignKeyConstraint(["attestation"], ["attestations.id"]),
        Index("withdrawals_ledger", "ledger", unique=True),
    )

    attestation: str = Field(primary_key=True, sa_type=Characters)
    ledger: int = Field(sa_type=BigInteger)
    at: datetime = Field(sa_type=Instant)
    who: str = Field(sa_type=Characters)
    person: str = Field(sa_type=Characters)
    role: str = Field(sa_type=Characters)
    reason: str = Field(sa_type=Characters)


class Evidence(Table, table=True):
    """A file that was attached to a finding, known by the hash of its bytes."""

    __tablename__ = "evidence"
    __table_args__ = (_ledger(), Index("evidence_ledger", "ledger", unique=True))

    finding: str = Field(primary_key=True, sa_type=Characters)
    hash: str = Field(primary_key=True, sa_type=Characters)
    ledger: int = Field(sa_type=BigInteger)
    at: datetime = Field(sa_type=Instant)
    who: str = Field(sa_type=Characters)
    name: str = Field(sa_type=Characters)
    type: str = Field(sa_type=Characters)
    size: int = Field(sa_type=BigInteger)


class EvidencePart(Table, table=True):
    """A part of the bytes of some evidence, the same for every finding to which it is attached."""

    __tablename__ = "evidence_parts"

    hash: str = Field(primary_key=True, sa_type=Characters)
    number: int = Field(primary_key=True, sa_type=Integer, sa_column_kwargs={"autoincrement": False})
    content: bytes = Field(sa_type=LargeBinary)


class Notice(Table, table=True):
    """A notice of rectification that was sent, and its page as it was printed."""

    __tablename__ = "notices"
    __table_args__ = (
        _ledger(),
        Index("notices_ledger", "ledger", unique=True),
        Index("notices_sponsor", "sponsor", "ledger"),
    )

    id: str = Field(primary_key=True, sa_type=Characters)
    ledger: int = Field(sa_type=BigInteger)
    at: datetime = Field(sa_type=Instant)
    who: str = Field(sa_type=Characters)
    sponsor: str = Field(sa_type=Characters)
    issuer: str = Field(sa_type=Characters)
    issued_on: date
    due_on: date
    document: str | None = Field(default=None, sa_type=Characters)
    contact: str | None = Field(default=None, sa_type=Characters)
    findings: int = Field(sa_type=Integer)
    page: str = Field(sa_type=Characters)
