"""Neighbourhoods: who offers these ties in a region that overlaps mine? One snapshot answers all of it.

Division codes that overlap a region are those of its ancestors, the region's own, and those below it. In the order of
codes these are a few spans that do not meet, so each tie is a few stretches of one index, already in the order told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import orjson

from services.manifest.spans import Span, spans
from services.manifest.ties import DEPARTMENT, Question, coded_department_tie, index_key
from services.registry.store import sponsors
from services.registry.store.sponsors import Named

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection
    from sqlalchemy.engine.interfaces import DBAPICursor

    from services.manifest.neighbourhood import Recorded
    from services.registry.store.database import Database


@dataclass(frozen=True, slots=True)
class TieAnswer:
    """How many apps offer a tie, and those told in the order of (division, app): id and facts, which are JSON."""

    tie: str
    total: int
    neighbours: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A neighbourhood as of one registry revision. Facts and grants are JSON. The tree may know the app's sponsor."""

    revision: int
    ties: Sequence[TieAnswer]
    grants: Sequence[str]
    sponsor: Recorded | None = None


def find(
    database: Database, app: str | None, questions: Sequence[Question], limit: int, sponsor: Named | None = None
) -> Answer:
    """Give the neighbourhood of an app, which is never its own neighbour, and its grants.

    Where the tree of organisations knows a department otherwise than it is asked for, the answer is for that of the
    tree, under its tie; see `by_tree`.

    Args:
        database: where.
        app: the app's id; None for one that is not registered.
        questions: the ties and regions, no tie twice.
        limit: how many neighbours of an `item:` tie are told at most; of other ties all are.
        sponsor: what the manifest says of its sponsor; None: as that of the registered app does.

    """
    ask = _ask_postgresql if database.is_postgresql else _ask_sqlite
    # No app has the empty id.
    if not asks_the_tree(questions, sponsor):
        with database.asking() as connection:
            return ask(connection, app or "", questions, limit)
    with database.reading() as connection:
        recorded, questions = by_tree(connection, app, questions, sponsor)
        return replace(ask(connection, app or "", questions, limit), sponsor=recorded)


def asks_the_tree(questions: Iterable[Question], sponsor: Named | None) -> bool:
    """Tell whether the tree of organisations has anything to say to this."""
    return sponsor is not None or any(each.tie.startswith(DEPARTMENT) for each in questions)


def by_tree(
    connection: Connection,
    app: str | None,
    questions: Iterable[Question],
    sponsor: Named | None,
    as_of: int | None = None,
) -> tuple[Recorded | None, list[Question]]:
    """Give what the tree knows of the sponsor, and the questions with the departments that the tree gives.

    The department that the sponsor claims is that of the sponsor in the tree, whatever it claims. Any other one is that
    of whoever alone bears the name.
    """
    sponsor = sponsor or sponsors.named_of(connection, app, as_of) or Named()
    wanted = {each.tie: Named.of_tie(each.tie) for each in questions if each.tie.startswith(DEPARTMENT)}
    wanted.pop(sponsor.tie or "", None)
    found = sponsors.find(connection, [sponsor, *wanted.values()], as_of)
    recorded = found.get(sponsor)
    by_tie = {tie: found.get(named) for tie, named in wanted.items()}
    if sponsor.tie is not None:
        by_tie[sponsor.tie] = recorded
    asked: dict[str, Question] = {}
    for each in questions:
        known = by_tie.get(each.tie)
        tie = each.tie if known is None else coded_department_tie(known.department)
        regions = each.regions if tie not in asked else tuple(sorted({*asked[tie].regions, *each.regions}))
        asked[tie] = Question(tie, regions)
    return recorded, list(asked.values())


def told_at_most(question: Question, limit: int) -> int | None:
    """Give how many neighbours of a tie are told at most; None: all of them."""
    return limit if question.tie.startswith("item:") else None


# ---------------------------------------------------------------- PostgreSQL: one statement, hence one snapshot

_POSTGRESQL = """
WITH asked AS MATERIALIZED (
  SELECT a.n, a.tie, a.told, r.lows, r.highs
    FROM jsonb_to_recordset(%(asked)s) AS a(n int, tie text, told int, area int)
    JOIN jsonb_to_recordset(%(areas)s) AS r(area int, lows text[], highs text[]) USING (area)
    -- Most ties are offered by nobody; one look saves three for each span.
   CROSS JOIN LATERAL (SELECT FROM offers o WHERE o.until IS NULL AND o.tie = a.tie LIMIT 1) offered
)
SELECT -2 AS n, revision AS total, NULL AS division, NULL AS app, NULL AS facts FROM registry_revision
UNION ALL
SELECT -1, recorded, NULL, id, facts FROM grants WHERE app = %(app)s AND until IS NULL AND facts IS NOT NULL
UNION ALL
SELECT a.n, (every.rows - again.rows)::bigint, told.division, told.app, told.facts
  FROM asked a
 CROSS JOIN LATERAL (
   SELECT sum(here.rows) AS rows
     FROM unnest(a.lows, a.highs) AS span(low, high)
    CROSS JOIN LATERAL (
      SELECT count(*) AS rows FROM offers o
       WHERE o.until IS NULL AND o.tie = a.tie AND o.division >= span.low AND o.division < span.high
         AND o.app <> %(app)s
    ) here
 ) every
 CROSS JOIN LATERAL (
   -- An app that offers the tie in several divisions counts once.
   SELECT count(*) - count(DISTINCT here.app) AS rows
     FROM unnest(a.lows, a.highs) AS span(low, high)
    CROSS JOIN LATERAL (
      SELECT o.app FROM offers o
       WHERE o.until IS NULL AND o.places > 1
         AND o.tie = a.tie AND o.division >= span.low AND o.division < span.high AND o.app <> %(app)s
    ) here
 ) again
  LEFT JOIN LATERAL (
   SELECT here.*
     FROM unnest(a.lows, a.highs) AS span(low, high)
    CROSS JOIN LATERAL (
      SELECT o.division, o.app, o.facts FROM offers o
       WHERE o.until IS NULL AND o.tie = a.tie AND o.division >= span.low AND o.division < span.high
         AND o.app <> %(app)s
         AND (o.places = 1 OR NOT EXISTS (
           SELECT FROM unnest(a.lows, a.highs) AS before(low, high)
             JOIN offers e ON e.until IS NULL AND e.app = o.app AND e.tie = o.tie
              AND e.division >= before.low AND e.division < before.high AND e.division < o.division
         ))
       ORDER BY o.division, o.app
       LIMIT a.told
    ) here
    ORDER BY here.division, here.app
    LIMIT a.told
 ) told ON true
 ORDER BY n, division, app
"""


def _ask_postgresql(connection: Connection, app: str, questions: Sequence[Question], limit: int) -> Answer:
    areas = {regions: n for n, regions in enumerate(dict.fromkeys(question.regions for question in questions))}
    asked = [
        {"n": n, "tie": index_key(each.tie), "told": told_at_most(each, limit), "area": areas[each.regions]}
        for n, each in enumerate(questions)
    ]
    stretches = []
    for regions, area in areas.items():
        lows, highs = zip(*spans(regions), strict=True)
        stretches.append({"area": area, "lows": lows, "highs": highs})
    parameters = {"app": app, "asked": orjson.dumps(asked).decode(), "areas": orjson.dumps(stretches).decode()}
    (_, revision, *_), *rows = connection.exec_driver_sql(_POSTGRESQL, parameters)
    totals = [0] * len(questions)
    neighbours: list[list[tuple[str, str]]] = [[] for _ in questions]
    grants: list[tuple[int, str]] = []
    for n, total, _, neighbour, facts in rows:
        if n < 0:
            grants.append((total, facts))
            continue
        totals[n] = total
        if neighbour is not None:
            neighbours[n].append((neighbour, facts))
    ties = [TieAnswer(each.tie, totals[n], neighbours[n]) for n, each in enumerate(questions)]
    return Answer(revision, ties, [facts for _, facts in sorted(grants)])


# ---------------------------------------------------------------- SQLite: small steps inside one transaction

_WHERE = "WHERE until IS NULL AND tie = ? AND division >= ? AND division < ? AND app <> ?"
_SPAN = f"FROM offers {_WHERE}"
_IS_OFFERED = "SELECT 1 FROM offers WHERE until IS NULL AND tie = ?"
_ROWS = f"SELECT app, facts {_SPAN} ORDER BY division, app"
_COUNT = f"SELECT count(*) {_SPAN}"
# Without statistics SQLite takes the longer index for the better one.
_SEVERAL = f"SELECT app FROM offers INDEXED BY offers_several {_WHERE} AND places > 1"  # noqa: S608 - its parts are above
_GRANTS = "SELECT facts FROM grants WHERE app = ? AND until IS NULL AND facts IS NOT NULL ORDER BY recorded"


def _ask_sqlite(connection: Connection, app: str, questions: Sequence[Question], limit: int) -> Answer:
    # This begins the transaction; what follows uses the driver's own cursor, as the statements are many and tiny.
    revision: int = connection.exec_driver_sql("SELECT revision FROM registry_revision").scalar_one()
    cursor = connection.connection.cursor()
    areas = {regions: spans(regions) for regions in {question.regions for question in questions}}
    ties = [_tie(cursor, app, each, areas[each.regions], told_at_most(each, limit)) for each in questions]
    cursor.execute(_GRANTS, (app,))
    return Answer(revision, ties, [facts for (facts,) in cursor.fetchall()])


def _tie(cursor: DBAPICursor, app: str, question: Question, area: Sequence[Span], at_most: int | None) -> TieAnswer:
    tie = index_key(question.tie)
    cursor.execute(_IS_OFFERED, (tie,))
    stretches = [(tie, low, high, app) for low, high in area] if cursor.fetchone() else []
    told: dict[str, str] = {}
    for stretch in stretches:
        cursor.execute(_ROWS, stretch)
        while row := cursor.fetchone():
            if len(told) == at_most:
                return TieAnswer(question.tie, _total(cursor, stretches), list(told.items()))
            told.setdefault(*row)
    return TieAnswer(question.tie, len(told), list(told.items()))


def _total(cursor: DBAPICursor, stretches: Sequence[tuple[str, ...]]) -> int:
    rows = 0
    several = []
    for stretch in stretches:
        cursor.execute(_COUNT, stretch)
        rows += sum(count for (count,) in cursor.fetchall())
        cursor.execute(_SEVERAL, stretch)
        several += [app for (app,) in cursor.fetchall()]
    # An app that offers the tie in several divisions counts once.
    return rows - len(several) + len(set(several))
