"""Proposals that were returned, receipts that were acted on, and grants by the day on which they end."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
NUMBER = sa.BigInteger()


def upgrade() -> None:
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    op.add_column("apps", sa.Column("is_returned", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "receipts",
        sa.Column("issuer", TEXT, nullable=False),
        sa.Column("decision", TEXT, nullable=False),
        sa.Column("app", TEXT, nullable=False),
        sa.Column("revision", NUMBER, nullable=False),
        sa.Column("receipt", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("issuer", "decision", name="receipts_pkey"),
    )
    op.create_index("receipts_app", "receipts", ["app", "revision"])
    op.create_index("grants_until_on", "grants", ["until_on"])
    op.create_index("grants_revoked_on", "grants", ["revoked_on"])
    if is_postgresql:
        op.execute(_POSTGRESQL)
    else:
        _guard_sqlite()


# With all that approvals ask of them, no other index looks better to the planner than these, and the table itself stays
# unread. A receipt is acted on under the open registry revision only, like facts, and stays for ever, like history.
_POSTGRESQL = """
DROP INDEX offers_since;
DROP INDEX offers_until;
CREATE INDEX offers_since ON offers (tie, since) INCLUDE (division, app);
CREATE INDEX offers_until ON offers (tie, until) INCLUDE (division, app) WHERE until IS NOT NULL;

CREATE FUNCTION registry_act_on_receipts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM added WHERE NOT registry_is_open(added.revision)) THEN
    RAISE EXCEPTION 'a receipt does not begin under the open registry revision' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER receipts_begin AFTER INSERT ON receipts
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION registry_act_on_receipts();
CREATE TRIGGER receipts_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON receipts
  FOR EACH STATEMENT EXECUTE FUNCTION registry_refuse();
"""

# INSERT OR REPLACE deletes a row without being a DELETE to any trigger, hence the look at the key.
_SQLITE = (
    """
    CREATE TRIGGER receipts_begin BEFORE INSERT ON receipts
      WHEN NEW.revision > (SELECT revision FROM registry_revision)
        OR EXISTS (SELECT 1 FROM revisions WHERE revision = NEW.revision)
        OR EXISTS (SELECT 1 FROM receipts WHERE issuer = NEW.issuer AND decision = NEW.decision)
      BEGIN SELECT RAISE(ABORT, 'a receipt does not begin under the open registry revision'); END
    """,
    """
    CREATE TRIGGER receipts_refuse_update BEFORE UPDATE ON receipts
      BEGIN SELECT RAISE(ABORT, 'a receipt is never changed'); END
    """,
    """
    CREATE TRIGGER receipts_refuse_delete BEFORE DELETE ON receipts
      BEGIN SELECT RAISE(ABORT, 'a receipt is never deleted'); END
    """,
)


def _guard_sqlite() -> None:
    for statement in _SQLITE:
        op.execute(statement)
    # SQLite's guard of the facts of apps names every column, so it is made again with the new one.
    columns = [column["name"] for column in sa.inspect(op.get_bind()).get_columns("apps")]
    is_changed = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in columns if name != "until")
    op.execute("DROP TRIGGER apps_refuse_change")
    op.execute(
        f"CREATE TRIGGER apps_refuse_change BEFORE UPDATE ON apps WHEN {is_changed} "
        "BEGIN SELECT RAISE(ABORT, 'a fact of apps is never changed, only ended'); END"
    )
