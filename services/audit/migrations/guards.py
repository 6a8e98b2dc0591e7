"""Triggers that migrations put on tables, so that a writer who has only SQL is held to them as well."""

from alembic import op

_POSTGRESQL = """
CREATE TRIGGER {table}_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
  FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
"""
_SQLITE = """
CREATE TRIGGER {table}_refuse_update BEFORE UPDATE ON {table}
  BEGIN SELECT RAISE(ABORT, 'what {table} records is never changed'); END;
CREATE TRIGGER {table}_refuse_delete BEFORE DELETE ON {table}
  BEGIN SELECT RAISE(ABORT, 'what {table} records is never deleted'); END;
CREATE TRIGGER {table}_refuse_again BEFORE INSERT ON {table}
  WHEN EXISTS (SELECT 1 FROM {table} WHERE {key})
  BEGIN SELECT RAISE(ABORT, 'what {table} records is never replaced'); END;
"""


def append_only(table: str, *key: str) -> None:
    """Let rows of a table be added, and neither changed nor deleted.

    Args:
        table: its name.
        key: the columns of its primary key.

    """
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_POSTGRESQL.format(table=table))
    else:
        # INSERT OR REPLACE deletes a row without being a DELETE to any trigger, hence the look at the key.
        run_on_sqlite(_SQLITE.format(table=table, key=" AND ".join(f"{name} = NEW.{name}" for name in key)))


def run_on_sqlite(script: str) -> None:
    """Run statements that each end with END; the driver takes one at a time."""
    for statement in script.split("END;")[:-1]:
        op.execute(f"{statement}END")
