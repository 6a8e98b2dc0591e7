"""Decisions, and the ledger that has an entry for each; triggers that hold every writer to both."""

import hashlib
import json
import secrets
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from services.audit.migrations.guards import append_only, run_on_sqlite

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
NUMBER = sa.BigInteger()
# SQLite keeps instants as text of fixed width, in UTC.
INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(), "sqlite")


def upgrade() -> None:
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    _create_ledger()
    _create_decisions()
    _create_kept_answers()
    if is_postgresql:
        # One row that is updated all the time: with room on its page, no index needs to know.
        op.execute("ALTER TABLE ledger_head SET (fillfactor = 10)")
    _found(is_postgresql=is_postgresql)
    if is_postgresql:
        op.execute(_POSTGRESQL)
    else:
        run_on_sqlite(_SQLITE)
    append_only("ledger", "place")
    append_only("ledger_nodes", "level", "position")
    append_only("checkpoints", "size")
    append_only("decisions", "id")


def _create_ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("place", NUMBER, autoincrement=False, nullable=False),
        sa.Column("content", TEXT, nullable=False),
        sa.Column("hash", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("place", name="ledger_pkey"),
    )
    op.create_table(
        "ledger_nodes",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", NUMBER, autoincrement=False, nullable=False),
        sa.Column("hash", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("level", "position", name="ledger_nodes_pkey"),
    )
    op.create_table(
        "ledger_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("place", NUMBER, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="ledger_head_pkey"),
        sa.CheckConstraint("id = 1", name="ledger_head_single_check"),
        sa.ForeignKeyConstraint(
            ["place"], ["ledger.place"], name="ledger_head_place_fkey", deferrable=True, initially="DEFERRED"
        ),
    )
    op.create_table(
        "checkpoints",
        sa.Column("size", NUMBER, autoincrement=False, nullable=False),
        sa.Column("last", NUMBER, nullable=False),
        sa.Column("root", TEXT, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("signed", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("size", name="checkpoints_pkey"),
        sa.ForeignKeyConstraint(["last"], ["ledger.place"], name="checkpoints_last_fkey"),
    )


def _create_decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("place", NUMBER, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("who", TEXT, nullable=False),
        sa.Column("app", TEXT, nullable=False),
        sa.Column("stated", NUMBER),
        sa.Column("purpose", TEXT, nullable=False),
        sa.Column("outcome", TEXT, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("law", TEXT, nullable=False),
        sa.Column("revision", NUMBER, nullable=False),
        sa.Column("previous", TEXT),
        sa.Column("hash", TEXT, nullable=False),
        sa.Column("manifest", TEXT, nullable=False),
        sa.Column("record", TEXT, nullable=False),
        sa.Column("receipt", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="decisions_pkey"),
        sa.ForeignKeyConstraint(
            ["place"], ["ledger.place"], name="decisions_place_fkey", deferrable=True, initially="DEFERRED"
        ),
        sa.ForeignKeyConstraint(["previous"], ["decisions.id"], name="decisions_previous_fkey"),
    )
    op.create_index("decisions_place", "decisions", ["place"], unique=True)
    op.create_index("decisions_app", "decisions", ["app", "place"])
    op.create_index("decisions_outcome", "decisions", ["outcome", "place"])
    op.create_index("decisions_day", "decisions", ["day", "place"])
    op.create_index("decisions_previous", "decisions", ["previous"])


def _create_kept_answers() -> None:
    op.create_table(
        "kept_answers",
        sa.Column("caller", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("request", TEXT, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", TEXT, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("caller", "key", name="kept_answers_pkey"),
    )
    op.create_index("kept_answers_at", "kept_answers", ["at"])


def _found(*, is_postgresql: bool) -> None:
    """Begin the ledger with an entry of its own, so that every later one has one before it."""
    at = datetime.now(UTC)
    # A name that no other ledger has: entries of one cannot be passed off as those of another.
    name = secrets.token_hex(16)
    entry = {
        "at": at.isoformat(),
        "digest": f"sha256:{hashlib.sha256(name.encode()).hexdigest()}",
        "kind": "found",
        "place": 0,
        "previous": None,
        "thing": name,
        "who": "govapp",
    }
    content = json.dumps(entry, separators=(",", ":"))
    ledger = sa.table("ledger", sa.column("place"), sa.column("content"), sa.column("hash"))
    leaf = hashlib.sha256(b"\x00" + content.encode()).hexdigest()
    op.bulk_insert(ledger, [{"place": 0, "content": content, "hash": leaf}])
    head = sa.table("ledger_head", sa.column("id"), sa.column("place"), sa.column("at"))
    stored = at if is_postgresql else at.isoformat(timespec="microseconds")
    op.bulk_insert(head, [{"id": 1, "place": 0, "at": stored}])


# A place is open from the moment the head reaches it until its entry is written, which is the last thing a transaction
# does. Entries are written at the open place only, and decisions refer to no other: whoever has not moved the head in
# the same transaction – and thereby holds its lock – can write nothing.

_POSTGRESQL = """
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of % is refused: what is recorded is never changed', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION audit_require_open_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.place <> (SELECT place FROM ledger_head) OR EXISTS (SELECT FROM ledger WHERE place = NEW.place) THEN
    RAISE EXCEPTION '% is written at the open place of the ledger only', TG_TABLE_NAME
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION audit_move_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.place <> OLD.place + 1 OR NEW.at < OLD.at OR NEW.id <> OLD.id
     OR NOT EXISTS (SELECT FROM ledger WHERE place = OLD.place) THEN
    RAISE EXCEPTION 'the head of the ledger only moves on' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER ledger_head_move_on BEFORE UPDATE ON ledger_head FOR EACH ROW EXECUTE FUNCTION audit_move_on();
CREATE TRIGGER ledger_head_refuse BEFORE INSERT OR DELETE OR TRUNCATE ON ledger_head
  FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER ledger_open BEFORE INSERT ON ledger FOR EACH ROW EXECUTE FUNCTION audit_require_open_place();
CREATE TRIGGER decisions_open BEFORE INSERT ON decisions FOR EACH ROW EXECUTE FUNCTION audit_require_open_place();
"""

_SQLITE = """
CREATE TRIGGER ledger_head_move_on BEFORE UPDATE ON ledger_head
  WHEN NEW.place <> OLD.place + 1 OR NEW.at < OLD.at OR NEW.id <> OLD.id
    OR NOT EXISTS (SELECT 1 FROM ledger WHERE place = OLD.place)
  BEGIN SELECT RAISE(ABORT, 'the head of the ledger only moves on'); END;
CREATE TRIGGER ledger_head_refuse_insert BEFORE INSERT ON ledger_head
  BEGIN SELECT RAISE(ABORT, 'the head of the ledger only moves on'); END;
CREATE TRIGGER ledger_head_refuse_delete BEFORE DELETE ON ledger_head
  BEGIN SELECT RAISE(ABORT, 'the head of the ledger only moves on'); END;
CREATE TRIGGER ledger_open BEFORE INSERT ON ledger
  WHEN NEW.place <> (SELECT place FROM ledger_head) OR EXISTS (SELECT 1 FROM ledger WHERE place = NEW.place)
  BEGIN SELECT RAISE(ABORT, 'ledger is written at the open place of the ledger only'); END;
CREATE TRIGGER decisions_open BEFORE INSERT ON decisions
  WHEN NEW.place <> (SELECT place FROM ledger_head) OR EXISTS (SELECT 1 FROM ledger WHERE place = NEW.place)
  BEGIN SELECT RAISE(ABORT, 'decisions is written at the open place of the ledger only'); END;
"""
