"""Snapshots: everything that stood at one registry revision, streamed as lines of JSON with constant memory.

The lines are made by the database, because the JSON in them is stored as text that needs no reading. PostgreSQL sends
them by COPY: it goes on making lines while others are on their way, and what comes is bytes. It makes the lines of one
part on one core; who has more of them asks for several parts at the same time.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, cast

import psycopg
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlmodel import col

from services.database.doors import STREAM_PAUSE_S
from services.registry.filters import AppFilter
from services.registry.refusals import UnknownError
from services.registry.store import live
from services.registry.store.app_conditions import conditions
from services.registry.store.database import UnavailableError
from services.registry.tables import App

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection

    from services.registry.store.database import Database

_PIECE_BYTES = 1 << 18
"""A piece has at least so many bytes, unless it is the last, and at most the line more that has filled it."""

_FETCHED = 100  # rows that SQLite finds at once; a manifest has up to 256 KiB
_STANDING = "{0}.since <= :revision AND ({0}.until IS NULL OR {0}.until > :revision)"
_APPS = f"FROM apps a WHERE {_STANDING.format('a')} AND NOT a.is_withdrawn"


def _offers_sql(is_postgresql: bool) -> str:  # noqa: FBT001 - it stands for its name
    quote = "to_json" if is_postgresql else "json_quote"
    return f"""
SELECT '{{"tie":' || {quote}(o.tie) || ',"division":' || {quote}(o.division) || ',"app":' || {quote}(o.app)
    || ',"facts":' || o.facts || '}}'
  FROM offers o WHERE {_STANDING.format("o")} ORDER BY o.id
"""  # noqa: S608 - made of words of this module


def _cases_sql(is_postgresql: bool, meant: _Meant, stretch: str) -> str:  # noqa: FBT001 - it stands for its name
    quote, join = ("to_json", "string_agg") if is_postgresql else ("json_quote", "group_concat")
    # Grants come in the order of recording. The manifest is last, so that the line tells first whose it is.
    return f"""
SELECT '{{"app":' || {quote}(a.id) || ',"revision":' || a.since || ',"hash":' || {quote}(a.hash)
    || ',"division":' || coalesce(CAST({quote}(a.division) AS text), 'null') || ',"grants":[' || coalesce((
         SELECT {join}(here.facts, ',') FROM (
           SELECT g.facts FROM grants g
            WHERE g.app = a.id AND g.facts IS NOT NULL AND {_STANDING.format("g")} ORDER BY g.recorded
         ) here
       ), '') || '],"sponsor":' || coalesce((
         SELECT '{{"by":' || {quote}(s.found_by) || ',"code":' || {quote}(s.organisation) || '}}'
           FROM sponsorships s WHERE s.app = a.id AND {_STANDING.format("s")}
       ), 'null') || ',"manifest":' || (SELECT r.after FROM revisions r WHERE r.revision = a.stated) || '}}'
  {_APPS} {meant.sql} AND {stretch}
"""  # noqa: S608 - made of words of this module


def _organisations_sql(is_postgresql: bool) -> str:  # noqa: FBT001 - it stands for its name
    quote = "to_json" if is_postgresql else "json_quote"
    # SQLite takes what it joins in the order in which it comes; PostgreSQL promises that to nobody.
    join = "string_agg({}, ',' ORDER BY here.from_on DESC)" if is_postgresql else "group_concat({}, ',')"
    names = join.format(f"CAST({quote}(here.name) AS text)")
    words = " || ".join(
        f"""',"{name}":' || coalesce(CAST({quote}(o.{name}) AS text), 'null')"""
        for name in ("level", "division", "nature", "managed_by", "ended_on")
    )
    return f"""
WITH RECURSIVE way(code, reached, above) AS (
  SELECT o.code, o.code, o.above FROM organisations o WHERE {_STANDING.format("o")}
  UNION
  SELECT w.code, o.code, o.above
    FROM way w JOIN organisations o ON o.code = w.above AND {_STANDING.format("o")}
), named(code, names) AS MATERIALIZED (
  SELECT here.organisation, '[' || {names} || ']'
    FROM (
      SELECT n.organisation, n.from_on, n.name FROM organisation_names n
       WHERE {_STANDING.format("n")} ORDER BY n.organisation, n.from_on DESC
    ) here
   GROUP BY here.organisation
)
SELECT '{{"code":' || {quote}(o.code) || ',"names":' || its.names || ',"department":' || {quote}(root.code)
    || ',"department_names":' || root.names || {words} || '}}'
  FROM organisations o
  JOIN way w ON w.code = o.code AND w.above IS NULL
  JOIN named its ON its.code = o.code
  JOIN named root ON root.code = w.reached
 WHERE {_STANDING.format("o")} ORDER BY o.code
"""  # noqa: S608 - made of words of this module


@dataclass(frozen=True, slots=True)
class Partition:
    """Part `part` of `parts`, from 1 on: cases in the order of (division, app), cut into equal parts."""

    part: int = 1
    parts: int = 1


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What stood at a registry revision: lines of JSON, some at a time, each ended by a line break."""

    revision: int
    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class _Meant:
    """Which apps are meant: a further condition, empty when all are, with its parameters."""

    sql: str
    said: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Key:
    """A case in the order of (division, app); those that declare no division come last."""

    division: str | None
    app: str


def offers(database: Database, revision: int | None) -> AbstractContextManager[Snapshot]:
    """Open the offers that stood at a registry revision, in the order in which they began; None: the latest.

    Raises:
        UnknownError: the registry has not reached the revision.

    """
    return _opened(database, revision, lambda *_: [(_offers_sql(database.is_postgresql), {})])


def organisations(database: Database, revision: int | None) -> AbstractContextManager[Snapshot]:
    """Open the organisations that stood at a registry revision, in the order of their codes; None: the latest.

    Each line holds what neighbourhoods tell of a sponsor that is this organisation, but for how it was found.

    Raises:
        UnknownError: the registry has not reached the revision.

    """
    return _opened(database, revision, lambda *_: [(_organisations_sql(database.is_postgresql), {})])


def cases(
    database: Database, revision: int | None, partition: Partition, wanted: AppFilter
) -> AbstractContextManager[Snapshot]:
    """Open the apps that `wanted` (settled) held for at a registry revision (None: the latest), with their grants.

    Withdrawn apps are no cases, whatever is wanted.

    Raises:
        UnknownError: the registry has not reached the revision.

    """

    def statements(connection: Connection, at: int) -> list[tuple[str, dict[str, Any]]]:
        meant = _meant(connection, wanted, at)
        stretches = _stretches(connection, at, partition, meant)
        return [(_cases_sql(database.is_postgresql, meant, sql), {**meant.said, **said}) for sql, said in stretches]

    return _opened(database, revision, statements)


@contextmanager
def _opened(
    database: Database,
    revision: int | None,
    statements: Callable[[Connection, int], Sequence[tuple[str, dict[str, Any]]]],
) -> Iterator[Snapshot]:
    with database.streaming() as connection:
        reached = live.registry_revision(connection)
        at = reached if revision is None else revision
        if at > reached:
            raise UnknownError("revision", str(at))
        lines = _copied if database.is_postgresql else _fetched
        made = statements(connection, at)
        pieces = _pieces(lines(connection, sql, {"revision": at, **said}) for sql, said in made)
        try:
            yield Snapshot(at, pieces)
        finally:
            pieces.close()


def _pieces(parts: Iterable[Generator[bytes]]) -> Generator[bytes]:
    """Join lines, each ended by a line break, to pieces."""
    piece, size = list[bytes](), 0
    for lines in parts:
        with closing(lines):
            for line in lines:
                piece.append(line)
                size += len(line)
                if size >= _PIECE_BYTES:
                    yield b"".join(piece)
                    piece, size = [], 0
    if piece:
        yield b"".join(piece)


def _copied(connection: Connection, sql: str, said: dict[str, Any]) -> Generator[bytes]:
    """Give the lines that PostgreSQL makes.

    Raises:
        UnavailableError: the database is away.

    """
    # How long it takes is a matter of who reads. A reader who is gone without a word is noticed by the server's system.
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = 0; SET LOCAL tcp_user_timeout = '{STREAM_PAUSE_S}s'")
    compiled = text(sql).bindparams(**said).compile(dialect=connection.dialect)
    # JSON holds no control characters, so that as CSV with such marks it comes as it is.
    copying = f"COPY ({compiled}) TO STDOUT (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')"
    cursor = cast("psycopg.Cursor[Any]", connection.connection.cursor())
    try:
        with cursor, cursor.copy(copying, compiled.params) as lines:
            yield from cast("Iterator[bytes]", lines)
    except psycopg.OperationalError as error:
        raise UnavailableError(str(error)) from error


def _fetched(connection: Connection, sql: str, said: dict[str, Any]) -> Generator[bytes]:
    """Give the lines that SQLite finds one by one."""
    with connection.execution_options(yield_per=_FETCHED).execute(text(sql), said) as found:
        for (line,) in found:
            yield f"{line}\n".encode()


def _meant(connection: Connection, wanted: AppFilter, revision: int) -> _Meant:
    """Write the conditions of a filter as text, to stand among what is written by hand here."""
    if wanted == AppFilter():
        return _Meant("", {})
    is_postgresql = connection.dialect.name == "postgresql"
    ids = select(col(App.id)).where(*conditions(wanted, revision, is_postgresql=is_postgresql))
    dialect = (PGDialect if is_postgresql else SQLiteDialect)(paramstyle="named")
    compiled = ids.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    # SQLite has no type for days: there they are text.
    said = {
        name: value.isoformat() if isinstance(value, date) and not is_postgresql else value
        for name, value in compiled.params.items()
    }
    return _Meant(f"AND a.id IN ({compiled})", said)


def _stretches(
    connection: Connection, revision: int, partition: Partition, meant: _Meant
) -> list[tuple[str, dict[str, Any]]]:
    """Give the conditions of the cases of a partition, with their parameters: declared divisions, then undeclared."""
    first, end = _bounds(connection, revision, partition, meant)
    if first is None:
        return []
    found: list[tuple[str, dict[str, Any]]] = []
    said: dict[str, Any]
    if first.division is not None:
        sql, said = "(a.division, a.id) >= (:first_division, :first_app)", _said("first", first)
        if end is not None and end.division is not None:
            sql, said = f"{sql} AND (a.division, a.id) < (:end_division, :end_app)", {**said, **_said("end", end)}
        found.append((f"{sql} ORDER BY a.division, a.id", said))
    if end is None or end.division is None:
        sql, said = "a.division IS NULL", {}
        if first.division is None:
            sql, said = f"{sql} AND a.id >= :first_app", {"first_app": first.app}
        if end is not None:
            sql, said = f"{sql} AND a.id < :end_app", {**said, "end_app": end.app}
        found.append((f"{sql} ORDER BY a.id", said))
    return found


def _said(name: str, key: _Key) -> dict[str, Any]:
    return {f"{name}_division": key.division, f"{name}_app": key.app}


def _bounds(
    connection: Connection, revision: int, partition: Partition, meant: _Meant
) -> tuple[_Key | None, _Key | None]:
    """Give the first case of a partition, None when it has none; and that after its last, None at the end of all."""
    if partition.parts == 1:
        return _Key("", ""), None
    sql = f"SELECT a.division, count(*) {_APPS} {meant.sql} GROUP BY a.division ORDER BY a.division IS NULL, a.division"
    counts = connection.execute(text(sql), {"revision": revision, **meant.said}).all()
    total = sum(count for _, count in counts)
    first, end = (total * n // partition.parts for n in (partition.part - 1, partition.part))
    if first == end:
        return None, None
    return _nth(connection, revision, counts, first, meant), _nth(connection, revision, counts, end, meant)


def _nth(connection: Connection, revision: int, counts: Sequence[Any], n: int, meant: _Meant) -> _Key | None:
    """Give the case before which there are `n`; None when there are no more than `n`."""
    for division, count in counts:
        if n < count:
            which = "a.division IS NULL" if division is None else "a.division = :division"
            nth = f"SELECT a.id {_APPS} {meant.sql} AND {which} ORDER BY a.id LIMIT 1 OFFSET :n"
            said = {"revision": revision, "n": n, **meant.said} | ({} if division is None else {"division": division})
            return _Key(division, connection.execute(text(nth), said).scalar_one())
        n -= count
    return None
