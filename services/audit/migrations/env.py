"""Runs migrations on the connection that `services.audit.migrations.migrate` hands over."""

from alembic import context

from services.audit import finding_tables, sweep_tables  # noqa: F401 - their tables belong to the schema
from services.audit.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    compare_type=True,
    # The caller owns the transaction: a migration happens wholly or not at all, on SQLite too.
    transactional_ddl=True,
)
context.run_migrations()
