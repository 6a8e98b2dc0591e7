"""The registry revision, its history, and the facts: apps, grants, offers. Triggers that hold every writer to them."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
NUMBER = sa.BigInteger()
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# SQLite keeps instants as text of fixed width, in UTC.
INSTANT = sa.DateTime(timezone=True).with_variant(sa.String(), "sqlite")


def upgrade() -> None:
    _create_history()
    _create_apps()
    _create_grants()
    _create_offers()
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_POSTGRESQL_STORAGE)
    _found()
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def _create_history() -> None:
    op.create_table(
        "revisions",
        sa.Column("revision", NUMBER, autoincrement=False, nullable=False),
        sa.Column("noun", TEXT, nullable=False),
        sa.Column("thing", TEXT, nullable=False),
        sa.Column("app", TEXT),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("who", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("before", TEXT),
        sa.Column("after", TEXT),
        sa.PrimaryKeyConstraint("revision", name="revisions_pkey"),
    )
    op.create_index("revisions_app", "revisions", ["app", "revision"])
    op.create_table(
        "registry_revision",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", NUMBER, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="registry_revision_pkey"),
        sa.CheckConstraint("id = 1", name="registry_revision_single_check"),
        sa.ForeignKeyConstraint(
            ["revision"],
            ["revisions.revision"],
            name="registry_revision_revision_fkey",
            deferrable=True,
            initially="DEFERRED",
        ),
    )


def _create_apps() -> None:
    op.create_table(
        "apps",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("since", NUMBER, autoincrement=False, nullable=False),
        sa.Column("until", NUMBER),
        sa.Column("registered", NUMBER, nullable=False),
        sa.Column("stated", NUMBER, nullable=False),
        sa.Column("hash", TEXT, nullable=False),
        sa.Column("is_withdrawn", sa.Boolean(), nullable=False),
        sa.Column("name", TEXT),
        sa.Column("name_key", TEXT),
        sa.Column("kind", TEXT),
        sa.Column("sponsor", TEXT),
        sa.Column("credit_code", TEXT),
        sa.Column("root_organ", TEXT),
        sa.Column("department_key", TEXT),
        sa.Column("level", TEXT),
        sa.Column("division", TEXT),
        sa.Column("sector", TEXT),
        sa.Column("sector_key", TEXT),
        sa.Column("role", TEXT),
        sa.Column("stage", TEXT),
        sa.Column("faces_grassroots", sa.Boolean()),
        sa.Column("feature_kinds", TEXT),
        sa.PrimaryKeyConstraint("id", "since", name="apps_pkey"),
        sa.CheckConstraint("until > since", name="apps_until_check"),
    )
    is_live = sa.text("until IS NULL")
    op.create_index(
        "apps_live",
        "apps",
        ["id"],
        unique=True,
        sqlite_where=is_live,
        postgresql_where=is_live,
        postgresql_include=["is_withdrawn"],
    )
    _create_index("apps_division", "apps", "division", "id")
    _create_index("apps_department", "apps", "department_key", "id")
    _create_index("apps_sector", "apps", "sector_key", "id")


def _create_grants() -> None:
    op.create_table(
        "grants",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("since", NUMBER, autoincrement=False, nullable=False),
        sa.Column("until", NUMBER),
        sa.Column("recorded", NUMBER, nullable=False),
        sa.Column("app", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("granter", TEXT, nullable=False),
        sa.Column("granter_credit_code", TEXT),
        sa.Column("granter_root_organ", TEXT),
        sa.Column("basis_title", TEXT),
        sa.Column("basis_number", TEXT),
        sa.Column("basis_article", TEXT),
        sa.Column("granted_on", sa.Date(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date()),
        sa.Column("revoked_on", sa.Date()),
        sa.Column("provision", TEXT),
        sa.Column("feature", TEXT),
        sa.Column("item", TEXT),
        sa.Column("facts", TEXT),
        sa.PrimaryKeyConstraint("id", "since", name="grants_pkey"),
        sa.CheckConstraint("until > since", name="grants_until_check"),
    )
    _create_index("grants_live", "grants", "id", where="until IS NULL", unique=True)
    _create_index("grants_app", "grants", "app", "recorded")


def _create_offers() -> None:
    op.create_table(
        "offers",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("tie", TEXT, nullable=False),
        sa.Column("division", TEXT, nullable=False),
        sa.Column("app", TEXT, nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("facts", TEXT, nullable=False),
        sa.Column("since", NUMBER, nullable=False),
        sa.Column("until", NUMBER),
        sa.PrimaryKeyConstraint("id", name="offers_pkey"),
        sa.CheckConstraint("until > since", name="offers_until_check"),
    )
    # The last columns keep SQLite from looking them up in the table. It also holds two empty values for different, so
    # there a trigger keeps live offers unique.
    live = ("tie", "division", "app", "until")
    _create_index("offers_live", "offers", *live, where="until IS NULL", unique=True)
    _create_index("offers_several", "offers", *live, "places", where="until IS NULL AND places > 1")
    _create_index("offers_live_app", "offers", "app", "tie", "division", where="until IS NULL")
    _create_index("offers_since", "offers", "tie", "since")
    _create_index("offers_until", "offers", "tie", "until", where="until IS NOT NULL")


def _create_index(name: str, table: str, *columns: str, where: str | None = None, unique: bool = False) -> None:
    condition = None if where is None else sa.text(where)
    op.create_index(
        name,
        table,
        list(columns),
        unique=unique,
        sqlite_where=condition,
        postgresql_where=condition,
        postgresql_nulls_not_distinct=unique and "until" in columns,
    )


def _found() -> None:
    """Begin the history with revision 0, so that every later one has one before it."""
    at = datetime.now(UTC)
    stored = at.isoformat(timespec="microseconds") if op.get_bind().dialect.name == "sqlite" else at
    founding = {"revision": 0, "at": stored}
    revisions = sa.table(
        "revisions", *(sa.column(name) for name in ("revision", "noun", "thing", "action", "who", "reason", "at"))
    )
    counter = sa.table("registry_revision", sa.column("id"), sa.column("revision"), sa.column("at"))
    words = {"noun": "registry", "thing": "registry", "action": "found", "who": "govapp", "reason": "建库 · founded"}
    op.bulk_insert(revisions, [{**founding, **words}])
    op.bulk_insert(counter, [{"id": 1, **founding}])


# A busy table of which rows end all the time: vacuum it early, or hot ties get slow (see benchmarks/).
_POSTGRESQL_STORAGE = """
ALTER TABLE offers SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.01);
ALTER TABLE registry_revision SET (fillfactor = 10);
"""

# A revision number is open from the moment the registry revision reaches it until its history is written, which is the
# last thing a write does. Facts begin and end under an open number only. So whoever has not moved the registry revision
# in the same transaction – and thereby holds its lock – can write nothing.

_POSTGRESQL = """
CREATE FUNCTION registry_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of % is refused: facts are ended, and history is never changed', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION registry_is_open(number bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT number <= (SELECT revision FROM registry_revision)
     AND NOT EXISTS (SELECT FROM revisions WHERE revision = number)
$$;

CREATE FUNCTION registry_begin_facts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT FROM added
     WHERE added.until IS NOT NULL
        OR added.since > (SELECT revision FROM registry_revision)
        OR EXISTS (SELECT FROM revisions WHERE revisions.revision = added.since)
  ) THEN
    RAISE EXCEPTION 'a fact of % does not begin under the open registry revision', TG_TABLE_NAME
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION registry_end_fact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.until IS NOT NULL OR NEW.until IS NULL OR NOT registry_is_open(NEW.until) THEN
    RAISE EXCEPTION 'a fact of % does not end under the open registry revision', TG_TABLE_NAME
      USING ERRCODE = 'restrict_violation';
  END IF;
  OLD.until := NEW.until;
  IF OLD IS DISTINCT FROM NEW THEN
    RAISE EXCEPTION 'a fact of % is never changed, only ended', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION registry_add_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT FROM added
     WHERE added.revision > (SELECT revision FROM registry_revision)
        OR NOT EXISTS (SELECT FROM revisions WHERE revisions.revision = added.revision - 1)
  ) THEN
    RAISE EXCEPTION 'a revision does not follow the one before it' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION registry_move_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.revision <= OLD.revision OR NEW.at < OLD.at OR NEW.id <> OLD.id THEN
    RAISE EXCEPTION 'the registry revision only moves on' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER registry_revision_move_on BEFORE UPDATE ON registry_revision
  FOR EACH ROW EXECUTE FUNCTION registry_move_on();
CREATE TRIGGER registry_revision_refuse BEFORE INSERT OR DELETE OR TRUNCATE ON registry_revision
  FOR EACH STATEMENT EXECUTE FUNCTION registry_refuse();
CREATE TRIGGER revisions_add AFTER INSERT ON revisions
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION registry_add_history();
CREATE TRIGGER revisions_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON revisions
  FOR EACH STATEMENT EXECUTE FUNCTION registry_refuse();
"""

_POSTGRESQL_FACTS = """
CREATE TRIGGER {table}_begin AFTER INSERT ON {table}
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION registry_begin_facts();
CREATE TRIGGER {table}_end BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION registry_end_fact();
CREATE TRIGGER {table}_refuse BEFORE DELETE OR TRUNCATE ON {table}
  FOR EACH STATEMENT EXECUTE FUNCTION registry_refuse();
"""


def _guard_postgresql() -> None:
    op.execute(_POSTGRESQL)
    for table in _KEYS:
        op.execute(_POSTGRESQL_FACTS.format(table=table))


_SQLITE = """
CREATE TRIGGER registry_revision_move_on BEFORE UPDATE ON registry_revision
  WHEN NEW.revision <= OLD.revision OR NEW.at < OLD.at OR NEW.id <> OLD.id
  BEGIN SELECT RAISE(ABORT, 'the registry revision only moves on'); END;
CREATE TRIGGER registry_revision_refuse_insert BEFORE INSERT ON registry_revision
  BEGIN SELECT RAISE(ABORT, 'the registry revision only moves on'); END;
CREATE TRIGGER registry_revision_refuse_delete BEFORE DELETE ON registry_revision
  BEGIN SELECT RAISE(ABORT, 'the registry revision only moves on'); END;
CREATE TRIGGER revisions_add BEFORE INSERT ON revisions
  WHEN EXISTS (SELECT 1 FROM revisions WHERE revision = NEW.revision)
    OR NEW.revision > (SELECT revision FROM registry_revision)
    OR NOT EXISTS (SELECT 1 FROM revisions WHERE revision = NEW.revision - 1)
  BEGIN SELECT RAISE(ABORT, 'a revision does not follow the one before it'); END;
CREATE TRIGGER revisions_refuse_update BEFORE UPDATE ON revisions
  BEGIN SELECT RAISE(ABORT, 'history is never changed'); END;
CREATE TRIGGER revisions_refuse_delete BEFORE DELETE ON revisions
  BEGIN SELECT RAISE(ABORT, 'history is never changed'); END;
"""

# INSERT OR REPLACE deletes a row without being a DELETE to any trigger, hence the look at the keys.
_SQLITE_FACTS = """
CREATE TRIGGER {table}_begin BEFORE INSERT ON {table}
  WHEN NEW.until IS NOT NULL
    OR NEW.since > (SELECT revision FROM registry_revision)
    OR EXISTS (SELECT 1 FROM revisions WHERE revision = NEW.since)
    OR EXISTS (SELECT 1 FROM {table} WHERE {primary_key})
    OR EXISTS (SELECT 1 FROM {table} WHERE until IS NULL AND {live_key})
  BEGIN SELECT RAISE(ABORT, 'a fact of {table} does not begin under the open registry revision'); END;
CREATE TRIGGER {table}_end BEFORE UPDATE ON {table}
  WHEN OLD.until IS NOT NULL
    OR NEW.until IS NULL
    OR NEW.until > (SELECT revision FROM registry_revision)
    OR EXISTS (SELECT 1 FROM revisions WHERE revision = NEW.until)
  BEGIN SELECT RAISE(ABORT, 'a fact of {table} does not end under the open registry revision'); END;
CREATE TRIGGER {table}_refuse_change BEFORE UPDATE ON {table} WHEN {is_changed}
  BEGIN SELECT RAISE(ABORT, 'a fact of {table} is never changed, only ended'); END;
CREATE TRIGGER {table}_refuse_delete BEFORE DELETE ON {table}
  BEGIN SELECT RAISE(ABORT, 'a fact of {table} is never deleted, only ended'); END;
"""
_KEYS = {
    "apps": ("id = NEW.id AND since = NEW.since", "id = NEW.id"),
    "grants": ("id = NEW.id AND since = NEW.since", "id = NEW.id"),
    "offers": ("id = NEW.id", "tie = NEW.tie AND division = NEW.division AND app = NEW.app"),
}


def _guard_sqlite() -> None:
    scripts = [_SQLITE]
    for table, (primary_key, live_key) in _KEYS.items():
        columns = [column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)]
        is_changed = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in columns if name != "until")
        scripts.append(
            _SQLITE_FACTS.format(table=table, primary_key=primary_key, live_key=live_key, is_changed=is_changed)
        )
    for script in scripts:
        # The driver takes one statement at a time, and each of ours ends with END.
        for statement in script.split("END;")[:-1]:
            op.execute(f"{statement}END")
