"""The tree of organisations: its facts, names and parents with their days, and which of them sponsors which app."""

import hashlib
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
NUMBER = sa.BigInteger()


def upgrade() -> None:
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    _create_organisations()
    _create_periods("organisation_names", sa.Column("name", TEXT, nullable=False), _text("name_key"))
    _create_periods("organisation_parents", _text("parent"), sa.Column("is_merger", sa.Boolean(), nullable=False))
    _create_sponsorships()
    op.create_index("organisation_names_key", "organisation_names", ["name_key", "organisation"])
    op.create_index("organisation_parents_parent", "organisation_parents", ["parent", "organisation"])
    has_noun = sa.text("noun = 'organisation'")
    op.create_index(
        "revisions_organisation",
        "revisions",
        ["thing", "revision"],
        sqlite_where=has_noun,
        postgresql_where=has_noun,
    )
    _add_sponsor_keys(is_postgresql=is_postgresql)
    for table, keys in _KEYS.items():
        if is_postgresql:
            op.execute(_POSTGRESQL_FACTS.format(table=table))
        else:
            _guard_sqlite(table, *keys)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=False)


def _create_organisations() -> None:
    op.create_table(
        "organisations",
        _text("code"),
        sa.Column("since", NUMBER, autoincrement=False, nullable=False),
        sa.Column("until", NUMBER),
        sa.Column("registered", NUMBER, nullable=False),
        _text("name"),
        *(sa.Column(name, TEXT) for name in ("above", "level", "division", "nature", "managed_by")),
        sa.Column("ended_on", sa.Date()),
        sa.PrimaryKeyConstraint("code", "since", name="organisations_pkey"),
        sa.CheckConstraint("until > since", name="organisations_until_check"),
    )
    _create_live_index("organisations_live", "organisations", "code", unique=True)
    op.create_index("organisations_above", "organisations", ["above", "code"])


def _create_periods(table: str, *columns: sa.Column[str] | sa.Column[bool]) -> None:
    op.create_table(
        table,
        _text("organisation"),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("since", NUMBER, autoincrement=False, nullable=False),
        sa.Column("until", NUMBER),
        sa.Column("before_on", sa.Date(), nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("organisation", "from_on", "since", name=f"{table}_pkey"),
        sa.CheckConstraint("until > since", name=f"{table}_until_check"),
        sa.CheckConstraint("before_on > from_on", name=f"{table}_before_on_check"),
    )
    _create_live_index(f"{table}_live", table, "organisation", "from_on", unique=True)


def _create_sponsorships() -> None:
    op.create_table(
        "sponsorships",
        _text("app"),
        sa.Column("since", NUMBER, autoincrement=False, nullable=False),
        sa.Column("until", NUMBER),
        _text("organisation"),
        _text("found_by"),
        sa.PrimaryKeyConstraint("app", "since", name="sponsorships_pkey"),
        sa.CheckConstraint("until > since", name="sponsorships_until_check"),
    )
    _create_live_index("sponsorships_live", "sponsorships", "app", unique=True)
    op.create_index("sponsorships_organisation", "sponsorships", ["organisation", "app"])


def _create_live_index(name: str, table: str, *columns: str, unique: bool = False) -> None:
    is_live = sa.text("until IS NULL")
    op.create_index(name, table, list(columns), unique=unique, sqlite_where=is_live, postgresql_where=is_live)


def _add_sponsor_keys(*, is_postgresql: bool) -> None:
    """Add the normalised name of the sponsor, which is derived from the name that is there."""
    op.add_column("apps", sa.Column("sponsor_key", TEXT))
    op.execute("ALTER TABLE apps DISABLE TRIGGER apps_end" if is_postgresql else "DROP TRIGGER apps_end")
    if not is_postgresql:
        op.execute("DROP TRIGGER apps_refuse_change")
    names = op.get_bind().execute(sa.text("SELECT DISTINCT sponsor FROM apps WHERE sponsor IS NOT NULL")).scalars()
    keys = [{"name": name, "key": _key(name)} for name in names]
    if keys:
        op.get_bind().execute(sa.text("UPDATE apps SET sponsor_key = :key WHERE sponsor = :name"), keys)
    if is_postgresql:
        op.execute("ALTER TABLE apps ENABLE TRIGGER apps_end")
    else:
        op.execute(_SQLITE_END.format(table="apps"))
        _refuse_changes("apps")
    _create_live_index("apps_sponsor", "apps", "sponsor_key", "id")
    _create_live_index("apps_credit_code", "apps", "credit_code", "id")


def _key(name: str) -> str:
    folded = "".join(unicodedata.normalize("NFKC", name).casefold().split())
    content = folded.encode()
    return folded if len(content) <= 1000 else f"sha256:{hashlib.sha256(content).hexdigest()}"  # noqa: PLR2004 - as then


_POSTGRESQL_FACTS = """
CREATE TRIGGER {table}_begin AFTER INSERT ON {table}
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION registry_begin_facts();
CREATE TRIGGER {table}_end BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION registry_end_fact();
CREATE TRIGGER {table}_refuse BEFORE DELETE OR TRUNCATE ON {table}
  FOR EACH STATEMENT EXECUTE FUNCTION registry_refuse();
"""

# INSERT OR REPLACE deletes a row without being a DELETE to any trigger, hence the look at the keys.
_SQLITE_BEGIN = """
CREATE TRIGGER {table}_begin BEFORE INSERT ON {table}
  WHEN NEW.until IS NOT NULL
    OR NEW.since > (SELECT revision FROM registry_revision)
    OR EXISTS (SELECT 1 FROM revisions WHERE revision = NEW.since)
    OR EXISTS (SELECT 1 FROM {table} WHERE {primary_key})
    OR EXISTS (SELECT 1 FROM {table} WHERE until IS NULL AND {live_key})
  BEGIN SELECT RAISE(ABORT, 'a fact of {table} does not begin under the open registry revision'); END
"""
_SQLITE_END = """
CREATE TRIGGER {table}_end BEFORE UPDATE ON {table}
  WHEN OLD.until IS NOT NULL
    OR NEW.until IS NULL
    OR NEW.until > (SELECT revision FROM registry_revision)
    OR EXISTS (SELECT 1 FROM revisions WHERE revision = NEW.until)
  BEGIN SELECT RAISE(ABORT, 'a fact of {table} does not end under the open registry revision'); END
"""
_SQLITE_CHANGE = """
CREATE TRIGGER {table}_refuse_change BEFORE UPDATE ON {table} WHEN {is_changed}
  BEGIN SELECT RAISE(ABORT, 'a fact of {table} is never changed, only ended'); END
"""
_SQLITE_DELETE = """
CREATE TRIGGER {table}_refuse_delete BEFORE DELETE ON {table}
  BEGIN SELECT RAISE(ABORT, 'a fact of {table} is never deleted, only ended'); END
"""
_OF_A_DAY = "organisation = NEW.organisation AND from_on = NEW.from_on"
_KEYS = {
    "organisations": ("code = NEW.code AND since = NEW.since", "code = NEW.code"),
    "organisation_names": (f"{_OF_A_DAY} AND since = NEW.since", _OF_A_DAY),
    "organisation_parents": (f"{_OF_A_DAY} AND since = NEW.since", _OF_A_DAY),
    "sponsorships": ("app = NEW.app AND since = NEW.since", "app = NEW.app"),
}


def _guard_sqlite(table: str, primary_key: str, live_key: str) -> None:
    op.execute(_SQLITE_BEGIN.format(table=table, primary_key=primary_key, live_key=live_key))
    op.execute(_SQLITE_END.format(table=table))
    _refuse_changes(table)
    op.execute(_SQLITE_DELETE.format(table=table))


def _refuse_changes(table: str) -> None:
    # SQLite's guard names every column.
    columns = [column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)]
    is_changed = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in columns if name != "until")
    op.execute(_SQLITE_CHANGE.format(table=table, is_changed=is_changed))
