"""Imports keep what the dry run derives, so that carrying out derives nothing again."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("import_rows", sa.Column("derived", TEXT))
    op.drop_index("import_rows_wanted", "import_rows")  # the primary key has the same order
    if op.get_bind().dialect.name == "postgresql":
        # What is kept for minutes is not worth compressing.
        op.execute("ALTER TABLE import_rows SET (toast_tuple_target = 8160)")
