"""Recorded audits and findings; triggers that hold every writer to their history."""

import sqlalchemy as sa
from alembic import op

from services.audit.migrations.guards import append_only, run_on_sqlite

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
NUMBER = sa.BigInteger()
# SQLite keeps instants as text of fixed width, in UTC.
INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(), "sqlite")

ADDED_TO = {
    "audits": ("id",),
    "finding_events": ("serial",),
    "attestations": ("id",),
    "withdrawals": ("attestation",),
    "evidence": ("finding", "hash"),
    "notices": ("id",),
}
"""Tables whose rows each stand for something in the ledger, with their keys."""


def upgrade() -> None:
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    _create_audits()
    _create_findings()
    _create_attestations()
    _create_evidence()
    _create_notices()
    if is_postgresql:
        op.execute(_POSTGRESQL)
    else:
        run_on_sqlite(_SQLITE)
    for table, key in ADDED_TO.items():
        if is_postgresql:
            op.execute(_OPEN_ON_POSTGRESQL.format(table=table))
        else:
            run_on_sqlite(_OPEN_ON_SQLITE.format(table=table))
        append_only(table, *key)
    append_only("evidence_parts", "hash", "number")


def _entry(table: str) -> sa.ForeignKeyConstraint:
    name = f"{table}_ledger_fkey"
    return sa.ForeignKeyConstraint(["ledger"], ["ledger.place"], name=name, deferrable=True, initially="DEFERRED")


def _create_audits() -> None:
    op.create_table(
        "audits",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("ledger", NUMBER, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("who", TEXT, nullable=False),
        sa.Column("app", TEXT, nullable=False),
        sa.Column("stated", NUMBER, nullable=False),
        sa.Column("revision", NUMBER, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("law", TEXT, nullable=False),
        sa.Column("outcome", TEXT, nullable=False),
        sa.Column("hash", TEXT, nullable=False),
        sa.Column("manifest", TEXT, nullable=False),
        sa.Column("record", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="audits_pkey"),
        _entry("audits"),
    )
    op.create_index("audits_app", "audits", ["app", "ledger"])
    op.create_index("audits_ledger", "audits", ["ledger"], unique=True)
    op.create_table(
        "audited_apps",
        sa.Column("app", TEXT, nullable=False),
        sa.Column("name", TEXT),
        sa.Column("sponsor", TEXT),
        sa.Column("province", TEXT),
        sa.Column("audit", TEXT),
        sa.Column("revision", NUMBER, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("app", name="audited_apps_pkey"),
    )
    op.create_index("audited_apps_province", "audited_apps", ["province", "app"])
    op.create_index("audited_apps_sponsor", "audited_apps", ["sponsor", "app"])


def _create_findings() -> None:
    op.create_table(
        "finding_events",
        sa.Column("serial", NUMBER, autoincrement=False, nullable=False),
        sa.Column("ledger", NUMBER, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("who", TEXT, nullable=False),
        sa.Column("finding", TEXT, nullable=False),
        sa.Column("app", TEXT, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("was", TEXT),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("reminder", TEXT),
        sa.Column("said", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("serial", name="finding_events_pkey"),
        sa.UniqueConstraint("finding", "number", "state", name="finding_events_state_key"),
        _entry("finding_events"),
    )
    op.create_index("finding_events_app", "finding_events", ["app", "serial"])
    op.create_index("finding_events_finding", "finding_events", ["finding", "number"], unique=True)
    op.create_index("finding_events_ledger", "finding_events", ["ledger", "serial"])
    op.create_index("finding_events_reminder", "finding_events", ["finding", "reminder"], unique=True)
    op.create_table(
        "findings",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("app", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("rule", TEXT),
        sa.Column("label", TEXT),
        sa.Column("place", TEXT, nullable=False),
        sa.Column("attestation", TEXT),
        sa.Column("opened", NUMBER, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("told", TEXT, nullable=False),
        sa.Column("grants", TEXT, nullable=False),
        sa.Column("plan", TEXT),
        sa.Column("unit", TEXT),
        sa.Column("due_on", sa.Date()),
        sa.Column("due_since_on", sa.Date()),
        sa.PrimaryKeyConstraint("id", name="findings_pkey"),
        sa.ForeignKeyConstraint(
            ["id", "number", "state"],
            ["finding_events.finding", "finding_events.number", "finding_events.state"],
            name="findings_id_number_state_fkey",
            deferrable=True,
            initially="DEFERRED",
        ),
    )
    op.create_index("findings_app", "findings", ["app", "opened"])
    op.create_index("findings_due_on", "findings", ["due_on"])
    op.create_index("findings_opened", "findings", ["opened"], unique=True)
    op.create_index("findings_rule", "findings", ["rule", "opened"])
    op.create_index("findings_state", "findings", ["state", "opened"])
    op.create_table(
        "reminders_due",
        sa.Column("finding", TEXT, nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("finding", name="reminders_due_pkey"),
    )
    op.create_index("reminders_due_on", "reminders_due", ["on"])


def _create_attestations() -> None:
    op.create_table(
        "attestations",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("ledger", NUMBER, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("who", TEXT, nullable=False),
        sa.Column("app", TEXT, nullable=False),
        sa.Column("stated", NUMBER, nullable=False),
        sa.Column("pointer", TEXT, nullable=False),
        sa.Column("place", TEXT, nullable=False),
        sa.Column("declared", TEXT, nullable=False),
        sa.Column("observed", TEXT, nullable=False),
        sa.Column("observed_on", sa.Date(), nullable=False),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("basis", TEXT, nullable=False),
        sa.Column("finding", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="attestations_pkey"),
        _entry("attestations"),
    )
    op.create_index("attestations_app", "attestations", ["app"])
    op.create_index("attestations_ledger", "attestations", ["ledger"], unique=True)
    op.create_table(
        "withdrawals",
        sa.Column("attestation", TEXT, nullable=False),
        sa.Column("ledger", NUMBER, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("who", TEXT, nullable=False),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("attestation", name="withdrawals_pkey"),
        _entry("withdrawals"),
        sa.ForeignKeyConstraint(["attestation"], ["attestations.id"], name="withdrawals_attestation_fkey"),
    )
    op.create_index("withdrawals_ledger", "withdrawals", ["ledger"], unique=True)


def _create_evidence() -> None:
    op.create_table(
        "evidence",
        sa.Column("finding", TEXT, nullable=False),
        sa.Column("hash", TEXT, nullable=False),
        sa.Column("ledger", NUMBER, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("who", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("size", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("finding", "hash", name="evidence_pkey"),
        _entry("evidence"),
    )
    op.create_index("evidence_ledger", "evidence", ["ledger"], unique=True)
    op.create_table(
        "evidence_parts",
        sa.Column("hash", TEXT, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("hash", "number", name="evidence_parts_pkey"),
    )


def _create_notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("ledger", NUMBER, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("who", TEXT, nullable=False),
        sa.Column("sponsor", TEXT, nullable=False),
        sa.Column("issuer", TEXT, nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("document", TEXT),
        sa.Column("contact", TEXT),
        sa.Column("findings", sa.Integer(), nullable=False),
        sa.Column("page", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="notices_pkey"),
        _entry("notices"),
    )
    op.create_index("notices_ledger", "notices", ["ledger"], unique=True)
    op.create_index("notices_sponsor", "notices", ["sponsor", "ledger"])


# What is added refers to the open place of the ledger: whoever does not hold its lock adds nothing.
_OPEN_ON_POSTGRESQL = """
CREATE TRIGGER {table}_open BEFORE INSERT ON {table}
  FOR EACH ROW EXECUTE FUNCTION audit_require_open_ledger();
"""
_OPEN_ON_SQLITE = """
CREATE TRIGGER {table}_open BEFORE INSERT ON {table}
  WHEN NEW.ledger <> (SELECT place FROM ledger_head) OR EXISTS (SELECT 1 FROM ledger WHERE place = NEW.ledger)
  BEGIN SELECT RAISE(ABORT, '{table} is written at the open place of the ledger only'); END;
"""

# A finding begins with its first event and moves on one event at a time; the foreign key holds its state to that of
# the event. What it is about never changes.
_POSTGRESQL = """
CREATE FUNCTION audit_require_open_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.ledger <> (SELECT place FROM ledger_head) OR EXISTS (SELECT FROM ledger WHERE place = NEW.ledger) THEN
    RAISE EXCEPTION '% is written at the open place of the ledger only', TG_TABLE_NAME
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION audit_follow_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' AND NEW.number <> 1 OR TG_OP = 'UPDATE' AND (
       NEW.number <> OLD.number + 1
       OR (NEW.id, NEW.app, NEW.kind, NEW.place, NEW.opened) IS DISTINCT FROM
          (OLD.id, OLD.app, OLD.kind, OLD.place, OLD.opened)
       OR (NEW.rule, NEW.attestation) IS DISTINCT FROM (OLD.rule, OLD.attestation)) THEN
    RAISE EXCEPTION 'a finding only moves on with its events' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER findings_follow BEFORE INSERT OR UPDATE ON findings
  FOR EACH ROW EXECUTE FUNCTION audit_follow_events();
CREATE TRIGGER findings_refuse BEFORE DELETE OR TRUNCATE ON findings
  FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
"""

_SQLITE = """
CREATE TRIGGER findings_follow_insert BEFORE INSERT ON findings
  WHEN NEW.number <> 1 OR EXISTS (SELECT 1 FROM findings WHERE id = NEW.id)
  BEGIN SELECT RAISE(ABORT, 'a finding only moves on with its events'); END;
CREATE TRIGGER findings_follow_update BEFORE UPDATE ON findings
  WHEN NEW.number <> OLD.number + 1
    OR (NEW.id, NEW.app, NEW.kind, NEW.place, NEW.opened) IS NOT (OLD.id, OLD.app, OLD.kind, OLD.place, OLD.opened)
    OR (NEW.rule, NEW.attestation) IS NOT (OLD.rule, OLD.attestation)
  BEGIN SELECT RAISE(ABORT, 'a finding only moves on with its events'); END;
CREATE TRIGGER findings_refuse_delete BEFORE DELETE ON findings
  BEGIN SELECT RAISE(ABORT, 'a finding is never deleted'); END;
"""
