"""Sweeps: what was judged, how far each part has come, and what came of it, kept once for all sweeps."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
NUMBER = sa.BigInteger()
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "sweeps",
        sa.Column("number", SERIAL, autoincrement=True, nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("id", "state", "filter", "series")),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("law", TEXT, nullable=False),
        sa.Column("rules", TEXT, nullable=False),
        sa.Column("revision", NUMBER, nullable=False),
        sa.Column("total", NUMBER, nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("who", TEXT, nullable=False),
        sa.Column("begun_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
        sa.Column("reason", TEXT),
        sa.PrimaryKeyConstraint("number", name="sweeps_pkey"),
    )
    op.create_index("sweeps_id", "sweeps", ["id"], unique=True)
    op.create_index("sweeps_series", "sweeps", ["series", "number"])
    op.create_table(
        "sweep_parts",
        sa.Column("sweep", NUMBER, autoincrement=False, nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cases", NUMBER, nullable=False),
        sa.Column("judged", NUMBER, nullable=False),
        sa.Column("is_done", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("sweep", "part", name="sweep_parts_pkey"),
    )
    op.create_table(
        "sweep_contents",
        *(
            sa.Column(name, TEXT, nullable=False)
            for name in ("key", "hash", "around", "law", "days", "outcome", "verdicts")
        ),
        *(sa.Column(name, TEXT) for name in ("level", "province", "department")),
        sa.PrimaryKeyConstraint("key", name="sweep_contents_pkey"),
    )
    op.create_table(
        "sweep_results",
        sa.Column("sweep", NUMBER, autoincrement=False, nullable=False),
        sa.Column("app", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("sweep", "app", name="sweep_results_pkey"),
    )
