"""What lists find apps by: days, the order of names, texts and their words."""

from collections.abc import Iterator
from datetime import date
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from services.manifest.model import Manifest
from services.registry.search_text import searched

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
WORDS = sa.String().with_variant(postgresql.TSVECTOR(), "postgresql")
NUMBER = sa.BigInteger()
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

DAYS = ("proposed_on", "begun_on", "online_on", "retire_on", "retired_on")
DUE = "consolidation_due_on"
BATCH = 1000


def upgrade() -> None:
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    _add_columns(is_postgresql=is_postgresql)
    _create_texts(is_postgresql=is_postgresql)
    first = 1
    for some in _batches(_texts()):
        _add_texts(some, first, is_postgresql=is_postgresql)
        first += len(some)
    _index(is_postgresql=is_postgresql)
    for statement in _POSTGRESQL if is_postgresql else _SQLITE:
        op.execute(statement)


def _add_columns(*, is_postgresql: bool) -> None:
    for name in ("name_start", "province"):
        op.add_column("apps", sa.Column(name, TEXT))
    for name in (*DAYS, DUE):
        op.add_column("apps", sa.Column(name, sa.Date()))
    # What is added was said all along: no fact changes, though every row does.
    op.execute("ALTER TABLE apps DISABLE TRIGGER apps_end" if is_postgresql else "DROP TRIGGER apps_end")
    if not is_postgresql:
        op.execute("DROP TRIGGER apps_refuse_change")
    op.execute("UPDATE apps SET name_start = substr(name_key, 1, 64), province = substr(division, 1, 2)")
    for some in _batches(_days()):
        op.get_bind().execute(_SAY_DAYS, some)
    if is_postgresql:
        op.execute("ALTER TABLE apps ENABLE TRIGGER apps_end")
        return
    op.execute(_SQLITE_END.format(table="apps"))
    # SQLite's guard of the facts of apps names every column, so it is made again with the new ones.
    columns = [column["name"] for column in sa.inspect(op.get_bind()).get_columns("apps")]
    is_changed = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in columns if name != "until")
    op.execute(_SQLITE_CHANGE.format(table="apps", is_changed=is_changed))


_SAID = [sa.column(name, sa.Date()) for name in (*DAYS, DUE)]
_APPS = sa.table("apps", sa.column("id"), sa.column("stated", NUMBER), *_SAID)
_SAY_DAYS = (
    sa.update(_APPS)
    .where(_APPS.c.id == sa.bindparam("app"), _APPS.c.stated == sa.bindparam("of"))
    .values({name: sa.bindparam(f"said_{name}") for name in (*DAYS, DUE)})
)


def _days() -> Iterator[dict[str, Any]]:
    """Give the days that are said by every revision which states a manifest and says any."""
    for app, stated, text in _stated():
        manifest = orjson.loads(text)
        consolidation = manifest.get("consolidation")
        due_on = consolidation.get("due_on") if isinstance(consolidation, dict) else None
        said = {**{name: manifest.get(name) for name in DAYS}, DUE: due_on}
        days = {f"said_{name}": None if day is None else date.fromisoformat(day) for name, day in said.items()}
        if any(days.values()):
            yield {"app": app, "of": stated, **days}


def _stated() -> Iterator[tuple[str, int, str]]:
    """Give every app, revision and manifest that it stated there, app by app, some at a time, in the order of both."""
    sql = sa.text(
        "SELECT a.id, a.stated, r.after FROM apps a JOIN revisions r ON r.revision = a.stated "
        "WHERE a.since = a.stated AND (a.id, a.since) > (:app, :revision) ORDER BY a.id, a.since LIMIT :many"
    )
    reached = ("", 0)
    while found := op.get_bind().execute(sql, {"app": reached[0], "revision": reached[1], "many": BATCH}).all():
        yield from ((app, revision, manifest) for app, revision, manifest in found)
        reached = (found[-1][0], found[-1][1])


def _texts() -> Iterator[dict[str, Any]]:
    """Give what every app was found by, from which revision until which other."""
    for app, rows in groupby(_stated(), key=itemgetter(0)):
        last: dict[str, Any] | None = None
        for _, since, manifest in rows:
            of = searched(Manifest.model_validate_json(manifest))
            if last is not None and (last["text"], last["marks"]) == (of.text, of.marks):
                continue
            if last is not None:
                yield {**last, "until": since}
            last = {"app": app, "text": of.text, "marks": of.marks, "since": since, "words": of.words}
        if last is not None:
            yield {**last, "until": None}


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """A registry may hold more than fits into memory, or into one statement."""
    while some := list(islice(rows, BATCH)):
        yield some


def _add_texts(rows: list[dict[str, Any]], first: int, *, is_postgresql: bool) -> None:
    names = ("app", "text", "marks", "since", "until")
    texts = sa.table("texts", *(sa.column(name) for name in ("id", *names)), sa.column("words", WORDS))
    if is_postgresql:
        op.get_bind().execute(sa.insert(texts), [{**row, "words": _tsvector(row["words"])} for row in rows])
        return
    numbered = list(enumerate(rows, first))
    told = [{"id": number, "words": None, **{name: row[name] for name in names}} for number, row in numbered]
    op.get_bind().execute(sa.insert(texts), told)
    indexed = sa.table("text_words", sa.column("rowid"), sa.column("words"))
    found = [{"rowid": number, "words": row["words"]} for number, row in numbered]
    op.get_bind().execute(sa.insert(indexed), found)


def _tsvector(words: str) -> str:
    escaped = words.replace("\\", "\\\\").replace("'", "''").replace(" ", "' '")
    return f"'{escaped}'" if words else ""


def _create_texts(*, is_postgresql: bool) -> None:
    op.create_table(
        "texts",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("app", TEXT, nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("marks", TEXT, nullable=False),
        sa.Column("words", WORDS),
        sa.Column("since", NUMBER, nullable=False),
        sa.Column("until", NUMBER),
        sa.PrimaryKeyConstraint("id", name="texts_pkey"),
        sa.CheckConstraint("until > since", name="texts_until_check"),
    )
    if not is_postgresql:
        op.execute(_FTS5)


def _index(*, is_postgresql: bool) -> None:
    is_live, has_words = sa.text("until IS NULL"), sa.text("words IS NOT NULL")
    op.create_index("texts_live", "texts", ["app"], unique=True, sqlite_where=is_live, postgresql_where=is_live)
    op.create_index("texts_app", "texts", ["app", "since"])
    op.create_index("texts_gin", "texts", ["words"], sqlite_where=has_words, postgresql_using="gin")
    for name, column in (("level", "level"), ("stage", "stage"), ("role", "role"), ("name", "name_start")):
        op.create_index(f"apps_{name}", "apps", [column, "id"])
    op.create_index("apps_since", "apps", ["since", "id"])
    op.create_index("apps_province", "apps", ["province", "id"])
    facets = ("stage", "level", "faces_grassroots", "kind", "role", "province")
    op.create_index(
        "apps_facets",
        "apps",
        [*facets, "sector_key", "feature_kinds", "department_key", "until", "is_withdrawn"],
        sqlite_where=sa.text("until IS NULL AND is_withdrawn IS 0"),
        postgresql_where=sa.text("until IS NULL AND is_withdrawn IS false"),
    )
    counts = sa.text("until IS NULL AND facts IS NOT NULL")
    op.create_index(
        "grants_counting",
        "grants",
        ["app", "kind", "from_on", "until_on", "revoked_on"],
        sqlite_where=counts,
        postgresql_where=counts,
    )
    for day in ("online_on", "retire_on", "consolidation_due_on"):
        is_said = sa.text(f"{day} IS NOT NULL")
        op.create_index(f"apps_{day}", "apps", [day, "id"], sqlite_where=is_said, postgresql_where=is_said)
    for flag in ("returned", "withdrawn"):
        is_so = sa.text(f"is_{flag}")
        op.create_index(f"apps_{flag}", "apps", ["id"], sqlite_where=is_so, postgresql_where=is_so)
    if is_postgresql:
        # How often a word occurs decides by which index a page is found; the most common thousand are too few to tell.
        op.execute("ALTER TABLE texts ALTER COLUMN words SET STATISTICS 400")


# Every character but the space is part of a word: those that are no letters are said, beyond ASCII all are. The index
# keeps no copy of the texts.
_PUNCTUATION = "".join(chr(code) for code in range(0x21, 0x7F) if not chr(code).isalnum())
_TOKENCHARS = _PUNCTUATION.replace("'", "''")
_TOKENIZER = f"ascii tokenchars '{_TOKENCHARS}'".replace('"', '""')
_FTS5 = f"""CREATE VIRTUAL TABLE text_words USING fts5(words, content='', tokenize="{_TOKENIZER}")"""

_POSTGRESQL = (
    """
    CREATE TRIGGER texts_begin AFTER INSERT ON texts
      REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION registry_begin_facts()
    """,
    "CREATE TRIGGER texts_end BEFORE UPDATE ON texts FOR EACH ROW EXECUTE FUNCTION registry_end_fact()",
    """
    CREATE TRIGGER texts_refuse BEFORE DELETE OR TRUNCATE ON texts
      FOR EACH STATEMENT EXECUTE FUNCTION registry_refuse()
    """,
)

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
# INSERT OR REPLACE deletes a row without being a DELETE to any trigger, hence the look at the keys.
_SQLITE = (
    """
    CREATE TRIGGER texts_begin BEFORE INSERT ON texts
      WHEN NEW.until IS NOT NULL
        OR NEW.since > (SELECT revision FROM registry_revision)
        OR EXISTS (SELECT 1 FROM revisions WHERE revision = NEW.since)
        OR EXISTS (SELECT 1 FROM texts WHERE id = NEW.id)
        OR EXISTS (SELECT 1 FROM texts WHERE until IS NULL AND app = NEW.app)
      BEGIN SELECT RAISE(ABORT, 'a fact of texts does not begin under the open registry revision'); END
    """,
    _SQLITE_END.format(table="texts"),
    _SQLITE_CHANGE.format(
        table="texts",
        is_changed=" OR ".join(
            f"NEW.{name} IS NOT OLD.{name}" for name in ("id", "app", "text", "marks", "words", "since")
        ),
    ),
    """
    CREATE TRIGGER texts_refuse_delete BEFORE DELETE ON texts
      BEGIN SELECT RAISE(ABORT, 'a fact of texts is never deleted, only ended'); END
    """,
)
