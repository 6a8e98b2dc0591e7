"""Indexes for reading the past: which revision an instant is of, and what was offered before it ended."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("revisions_at", "revisions", ["at", "revision"])
    op.create_index("offers_begun", "offers", ["since"])
    has_ended = sa.text("until IS NOT NULL")
    for name, columns in (
        ("offers_ended", ["until"]),
        ("offers_past", ["tie", "division", "app", "until", "since"]),
    ):
        op.create_index(name, "offers", columns, sqlite_where=has_ended, postgresql_where=has_ended)
