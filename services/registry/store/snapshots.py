"""Snapshots: everything that stood at one registry revision, streamed as lines of JSON with constant memory.

The lines are made by the database, because the JSON in them is stored as text that needs no reading.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from services.registry.refusals import UnknownError
from services.registry.store import live

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection

    from services.registry.store.database import Database

_ROWS = {"offers": 2000, "cases": 100}  # rows fetched at once; a manifest has up to 256 KiB
_STANDING = "{0}.since <= :revision AND ({0}.until IS NULL OR {0}.until > :revision)"
_APPS = f"FROM apps a WHERE {_STANDING.format('a')} AND NOT a.is_withdrawn"
_COUNTS = f"SELECT a.division, count(*) {_APPS} GROUP BY a.division ORDER BY a.division IS NULL, a.division"


def _offers_sql(is_postgresql: bool) -> str:  # noqa: FBT001 - it stands for its name
    quote = "to_json" if is_postgresql else "json_quote"
    return f"""
SELECT '{{"tie":' || {quote}(o.tie) || ',"division":' || {quote}(o.division) || ',"app":' || {quote}(o.app)
    || ',"facts":' || o.facts || '}}'
  FROM offers o WHERE {_STANDING.format("o")} ORDER BY o.id
"""  # noqa: S608 - made of words of this module


def _cases_sql(is_postgresql: bool, stretch: str) -> str:  # noqa: FBT001 - it stands for its name
    quote, join = ("to_json", "string_agg") if is_postgresql else ("json_quote", "group_concat")
    # Grants come in the order of recording. The manifest is last, so that the line tells first whose it is.
    return f"""
SELECT '{{"app":' || {quote}(a.id) || ',"revision":' || a.since || ',"hash":' || {quote}(a.hash)
    || ',"division":' || coalesce(CAST({quote}(a.division) AS text), 'null') || ',"grants":[' || coalesce((
         SELECT {join}(here.facts, ',') FROM (
           SELECT g.facts FROM grants g
            WHERE g.app = a.id AND g.facts IS NOT NULL AND {_STANDING.format("g")} ORDER BY g.recorded
         ) here
       ), '') || '],"manifest":' || (SELECT r.after FROM revisions r WHERE r.revision = a.stated) || '}}'
  {_APPS} AND {stretch}
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
class _Key:
    """A case in the order of (division, app); those that declare no division come last."""

    division: str | None
    app: str


def offers(database: Database, revision: int | None) -> AbstractContextManager[Snapshot]:
    """Open the offers that stood at a registry revision, in the order in which they began; None: the latest.

    Raises:
        UnknownError: the registry has not reached the revision.

    """
    return _opened(database, revision, "offers", None)


def cases(database: Database, revision: int | None, partition: Partition) -> AbstractContextManager[Snapshot]:
    """Open the apps that stood at a registry revision (None: the latest), without withdrawn ones, with their grants.

    Raises:
        UnknownError: the registry has not reached the revision.

    """
    return _opened(database, revision, "cases", partition)


@contextmanager
def _opened(database: Database, revision: int | None, what: str, partition: Partition | None) -> Iterator[Snapshot]:
    with database.streaming() as connection:
        reached = live.registry_revision(connection)
        at = reached if revision is None else revision
        if at > reached:
            raise UnknownError("revision", str(at))
        statements: list[tuple[str, dict[str, Any]]]
        if partition is None:
            statements = [(_offers_sql(database.is_postgresql), {})]
        else:
            stretches = _stretches(connection, at, partition)
            statements = [(_cases_sql(database.is_postgresql, sql), said) for sql, said in stretches]
        lines = _lines(connection, at, statements, _ROWS[what])
        try:
            yield Snapshot(at, lines)
        finally:
            lines.close()


def _lines(
    connection: Connection, revision: int, statements: Sequence[tuple[str, dict[str, Any]]], rows: int
) -> Generator[bytes]:
    for sql, said in statements:
        # On PostgreSQL this is a cursor of the server; SQLite finds row by row anyway.
        found = connection.execution_options(yield_per=rows).execute(text(sql), {"revision": revision, **said})
        with found:
            for some in found.partitions(rows):
                yield "".join([f"{line}\n" for (line,) in some]).encode()


def _stretches(connection: Connection, revision: int, partition: Partition) -> list[tuple[str, dict[str, Any]]]:
    """Give the conditions of the cases of a partition, with their parameters: declared divisions, then undeclared."""
    first, end = _bounds(connection, revision, partition)
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


def _bounds(connection: Connection, revision: int, partition: Partition) -> tuple[_Key | None, _Key | None]:
    """Give the first case of a partition, None when it has none; and that after its last, None at the end of all."""
    if partition.parts == 1:
        return _Key("", ""), None
    counts = connection.execute(text(_COUNTS), {"revision": revision}).all()
    total = sum(count for _, count in counts)
    first, end = (total * n // partition.parts for n in (partition.part - 1, partition.part))
    if first == end:
        return None, None
    return _nth(connection, revision, counts, first), _nth(connection, revision, counts, end)


def _nth(connection: Connection, revision: int, counts: Sequence[Any], n: int) -> _Key | None:
    """Give the case before which there are `n`; None when there are no more than `n`."""
    for division, count in counts:
        if n < count:
            which = "a.division IS NULL" if division is None else "a.division = :division"
            nth = f"SELECT a.id {_APPS} AND {which} ORDER BY a.id LIMIT 1 OFFSET :n"
            said = {"revision": revision, "n": n} | ({} if division is None else {"division": division})
            return _Key(division, connection.execute(text(nth), said).scalar_one())
        n -= count
    return None
