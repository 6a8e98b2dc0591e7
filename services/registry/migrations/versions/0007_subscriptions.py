"""Subscriptions to changes: where they are delivered, how far, and what could not be."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
NUMBER = sa.BigInteger()
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# SQLite keeps instants as text of fixed width, in UTC.
INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("number", SERIAL, nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("id", "owner", "url", "types", "ties", "state")),
        *(sa.Column(name, TEXT) for name in ("description", "filter", "state_reason", "last_error")),
        *(sa.Column(name, NUMBER, nullable=False) for name in ("version", "cursor")),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("tries", "given_up")),
        sa.Column("created_at", INSTANT, nullable=False),
        *(sa.Column(name, INSTANT) for name in ("next_at", "failing_since", "delivered_at", "ended_at")),
        sa.PrimaryKeyConstraint("number", name="subscriptions_pkey"),
    )
    op.create_index("subscriptions_id", "subscriptions", ["id"], unique=True)
    op.create_index("subscriptions_owner", "subscriptions", ["owner", "number"])
    op.create_table(
        "subscription_secrets",
        sa.Column("subscription", TEXT, nullable=False),
        sa.Column("secret", TEXT, nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("until", INSTANT),
        sa.PrimaryKeyConstraint("subscription", "secret", name="subscription_secrets_pkey"),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("subscription", TEXT, nullable=False),
        sa.Column("revision", NUMBER, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("error", TEXT),
        sa.PrimaryKeyConstraint("id", name="deliveries_pkey"),
    )
    op.create_index("deliveries_subscription", "deliveries", ["subscription", "id"])
    op.create_index("deliveries_at", "deliveries", ["subscription", "at"])
    op.create_table(
        "dead_letters",
        sa.Column("subscription", TEXT, nullable=False),
        sa.Column("revision", NUMBER, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("dead_at", INSTANT, nullable=False),
        sa.Column("error", TEXT, nullable=False),
        sa.Column("ordered_at", INSTANT),
        sa.Column("delivered_at", INSTANT),
        sa.PrimaryKeyConstraint("subscription", "revision", name="dead_letters_pkey"),
    )
    ordered = sa.text("ordered_at IS NOT NULL")
    op.create_index(
        "dead_letters_ordered", "dead_letters", ["ordered_at"], sqlite_where=ordered, postgresql_where=ordered
    )
