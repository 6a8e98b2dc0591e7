"""Sweeps that follow the registry: chains of them, and every result that was replaced, which nobody changes later."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
NUMBER = sa.BigInteger()
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(), "sqlite")


def upgrade() -> None:
    op.add_column("sweeps", sa.Column("chain", NUMBER))
    op.add_column("sweeps", sa.Column("asked", TEXT))
    op.add_column("sweeps", sa.Column("program", TEXT))
    op.add_column("sweeps", sa.Column("certain_at", INSTANT))
    op.add_column("sweeps", sa.Column("succeeded_by", TEXT))
    op.create_index("sweeps_chain", "sweeps", ["chain", "number"])
    op.create_table(
        "sweep_changes",
        sa.Column("number", SERIAL, autoincrement=True, nullable=False),
        *(sa.Column(name, NUMBER, nullable=False) for name in ("chain", "sweep", "previous")),
        sa.Column("app", TEXT, nullable=False),
        sa.Column("revision", NUMBER, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        *(sa.Column(name, TEXT) for name in ("before", "after")),
        sa.Column("neighbours", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("number", name="sweep_changes_pkey"),
    )
    op.create_index("sweep_changes_chain", "sweep_changes", ["chain", "number"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER sweep_changes_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON sweep_changes"
            " FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER sweep_changes_refuse_{verb.lower()} BEFORE {verb} ON sweep_changes"
            " BEGIN SELECT RAISE(ABORT, 'what has changed is never changed'); END"
        )
