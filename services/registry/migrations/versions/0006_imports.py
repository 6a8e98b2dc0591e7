"""Imports: files that were sent, and what they would change."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
NUMBER = sa.BigInteger()


def upgrade() -> None:
    # SQLite keeps instants as text of one width.
    instant = sa.String() if op.get_bind().dialect.name == "sqlite" else sa.DateTime(timezone=True)
    texts, instants = ("state", "mode", "reason", "sent_by", "scopes"), ("created_at", "began_at", "changed_at")
    numbers = ("rows_read", "applied_to", "written", "created", "changed", "unchanged", "rejected")
    op.create_table(
        "imports",
        sa.Column("id", TEXT, nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in texts),
        sa.Column("applied_by", TEXT),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("form", TEXT),
        sa.Column("bytes_read", NUMBER),
        sa.Column("size", NUMBER, nullable=False),
        *(sa.Column(name, instant, nullable=False) for name in instants),
        *(sa.Column(name, NUMBER, nullable=False) for name in numbers),
        sa.Column("notes", TEXT, nullable=False),
        sa.Column("problems", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="imports_pkey"),
    )
    op.create_index("imports_created", "imports", ["created_at", "id"])
    op.create_table(
        "import_parts",
        sa.Column("import_id", TEXT, nullable=False),
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("import_id", "number", name="import_parts_pkey"),
        _belongs("import_parts"),
    )
    op.create_table(
        "import_rows",
        sa.Column("import_id", TEXT, nullable=False),
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("place", TEXT, nullable=False),
        sa.Column("app", TEXT),
        sa.Column("outcome", TEXT, nullable=False),
        sa.Column("base", NUMBER),
        *(sa.Column(name, TEXT) for name in ("manifest", "difference", "problems")),
        sa.PrimaryKeyConstraint("import_id", "number", name="import_rows_pkey"),
        _belongs("import_rows"),
    )
    op.create_index("import_rows_outcome", "import_rows", ["import_id", "outcome", "number"])
    is_wanted = sa.text("manifest IS NOT NULL")
    op.create_index(
        "import_rows_wanted",
        "import_rows",
        ["import_id", "number"],
        sqlite_where=is_wanted,
        postgresql_where=is_wanted,
    )


def _belongs(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=f"{table}_import_id_fkey", ondelete="CASCADE")
