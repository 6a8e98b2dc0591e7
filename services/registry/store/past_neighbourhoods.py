"""Neighbourhoods of the past. The present has its own statements, which are faster and know nothing of ended offers.

What stood at a registry revision are live offers that had begun by then, and ended ones that ended later. Each of the
two has an index in the order of divisions, so that both are stretches of an index here as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from sqlalchemy import select
from sqlmodel import col

from services.manifest.spans import spans
from services.manifest.ties import index_key
from services.registry.store import past
from services.registry.store.neighbourhoods import Answer, TieAnswer, asks_the_tree, by_tree, told_at_most
from services.registry.tables import Grant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from services.manifest.spans import Span
    from services.manifest.ties import Question
    from services.registry.store.database import Database
    from services.registry.store.past import AsOf
    from services.registry.store.sponsors import Named


def find(
    database: Database,
    app: str | None,
    questions: Sequence[Question],
    limit: int,
    as_of: AsOf,
    sponsor: Named | None = None,
) -> Answer:
    """Give the neighbourhood of an app as it was, like `neighbourhoods.find`.

    Raises:
        RefusedError: `as_of` lies in the future, or before the registry was founded.

    """
    ask = _ask_postgresql if database.is_postgresql else _ask_sqlite
    with database.reading() as connection:
        revision = past.revision_of(connection, as_of, database.now())
        recorded = None
        if asks_the_tree(questions, sponsor):
            recorded, questions = by_tree(connection, app, questions, sponsor, revision)
        # No app has the empty id.
        ties = ask(connection, app or "", questions, limit, revision)
        facts = select(col(Grant.facts)).where(
            col(Grant.app) == app, col(Grant.facts).is_not(None), past.standing(Grant, revision)
        )
        grants = connection.execute(facts.order_by(col(Grant.recorded))).scalars().all()
    return Answer(revision, ties, [each for each in grants if each is not None], recorded)


# ---------------------------------------------------------------- PostgreSQL: one statement for all ties

_POSTGRESQL = """
WITH here AS MATERIALIZED (
  -- An app that offers the tie in several divisions counts once, where it comes first.
  SELECT DISTINCT ON (a.n, o.app) a.n, a.told, o.division, o.app, o.id
    FROM jsonb_to_recordset(%(asked)s) AS a(n int, tie text, told int, lows text[], highs text[])
   CROSS JOIN LATERAL unnest(a.lows, a.highs) AS span(low, high)
   CROSS JOIN LATERAL (
     SELECT division, app, id FROM offers
      WHERE until IS NULL AND tie = a.tie AND division >= span.low AND division < span.high AND since <= %(revision)s
      UNION ALL
     SELECT division, app, id FROM offers
      WHERE until > %(revision)s AND tie = a.tie AND division >= span.low AND division < span.high
        AND since <= %(revision)s
   ) o
   WHERE o.app <> %(app)s
   ORDER BY a.n, o.app, o.division
), ranked AS (
  SELECT n, told, division, app, id, count(*) OVER (PARTITION BY n) AS total,
         row_number() OVER (PARTITION BY n ORDER BY division, app) AS place
    FROM here
)
SELECT ranked.n, ranked.total, ranked.app, (SELECT facts FROM offers WHERE offers.id = ranked.id)
  FROM ranked
 WHERE ranked.told IS NULL OR ranked.place <= ranked.told
 ORDER BY ranked.n, ranked.place
"""


def _ask_postgresql(
    connection: Connection, app: str, questions: Sequence[Question], limit: int, revision: int
) -> list[TieAnswer]:
    asked = []
    for n, each in enumerate(questions):
        lows, highs = zip(*spans(each.regions), strict=True)
        asked.append(
            {"n": n, "tie": index_key(each.tie), "told": told_at_most(each, limit), "lows": lows, "highs": highs}
        )
    parameters = {"app": app, "revision": revision, "asked": orjson.dumps(asked).decode()}
    totals = [0] * len(questions)
    neighbours: list[list[tuple[str, str]]] = [[] for _ in questions]
    for n, total, neighbour, facts in connection.exec_driver_sql(_POSTGRESQL, parameters):
        totals[n] = total
        neighbours[n].append((neighbour, facts))
    return [TieAnswer(each.tie, totals[n], neighbours[n]) for n, each in enumerate(questions)]


# ---------------------------------------------------------------- SQLite: one statement for each stretch

_SQLITE = """
SELECT division, app, facts FROM offers
 WHERE until IS NULL AND tie = :tie AND division >= :low AND division < :high AND since <= :revision
 UNION ALL
SELECT division, app, facts FROM offers
 WHERE until > :revision AND tie = :tie AND division >= :low AND division < :high AND since <= :revision
 ORDER BY division, app
"""


def _ask_sqlite(
    connection: Connection, app: str, questions: Sequence[Question], limit: int, revision: int
) -> list[TieAnswer]:
    return [_tie(connection, app, each, spans(each.regions), told_at_most(each, limit), revision) for each in questions]


def _tie(
    connection: Connection, app: str, question: Question, area: Sequence[Span], at_most: int | None, revision: int
) -> TieAnswer:
    cursor = connection.connection.cursor()
    told: dict[str, str] = {}
    seen = {app}
    for low, high in area:
        stretch = {"tie": index_key(question.tie), "low": low, "high": high, "revision": revision}
        cursor.execute(_SQLITE, stretch)
        while row := cursor.fetchone():
            _, neighbour, facts = row
            if neighbour not in seen and (at_most is None or len(told) < at_most):
                told[neighbour] = facts
            seen.add(neighbour)
    cursor.close()
    return TieAnswer(question.tie, len(seen) - 1, list(told.items()))
