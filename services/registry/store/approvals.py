"""Race-free approval: whether what a decision saw is still so, asked under the lock on the registry revision.

Facts are compared, nothing else. A receipt names the registry revision as of which it was decided, and the ties and
regions that were asked then. What began or ended since, among the offers of other apps there and the grants of this
app, was not seen, so the decision has to be made again.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import orjson
from pydantic import TypeAdapter
from sqlalchemy import insert, or_, select
from sqlmodel import col

from services.manifest import neighbourhood, ties
from services.manifest.model import Manifest
from services.manifest.spans import spans
from services.manifest.ties import DEPARTMENT, index_key
from services.registry.refusals import DecideAgainError, Objection, RefusedError
from services.registry.store import live, sponsors
from services.registry.tables import Action, App, Grant, Receipt, Revision
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from sqlalchemy import Connection

    from services.manifest.receipt import Claims
    from services.registry.store.database import Write

_FOUND = 200  # rows looked at of those that changed: an app may have changed under a tie in many divisions
_TOLD = 20  # changes told of each kind

_AGAIN = Text(
    "按登记系统的现状重新判定，再以新的收据批准",
    "have it decided again on what is recorded now, and send the new receipt",
)
_GRANT = TypeAdapter(neighbourhood.Grant)


@dataclass(frozen=True, slots=True)
class Presented:
    """A receipt whose signature was verified, with its claims; it holds `valid_days` after its day."""

    text: str
    claims: Claims
    valid_days: int


def accept(write: Write, current: App, presented: Presented, today: date, *, is_postgresql: bool) -> None:
    """Let a receipt approve an app when all that it was based on still holds, and record that it was used.

    Args:
        write: the write, which has the lock.
        current: the app as it stands.
        presented: the receipt.
        today: which day it is.
        is_postgresql: in which SQL to ask.

    Raises:
        RefusedError: it names a registry revision that there has not been.
        DecideAgainError: with everything that has changed.

    """
    claims = presented.claims
    if claims.revision >= write.revision:
        fact = Text(
            f"登记号 {claims.revision} 还没有到达，收据所依据的不是本登记系统",
            f"there has been no registry revision {claims.revision}: the receipt is based on another registry",
        )
        raise RefusedError(Objection("/receipt", fact, _AGAIN))
    connection = write.connection
    changed = [
        *_of_receipt(connection, presented, today),
        *_of_app(connection, current, claims),
        *_of_sponsor(connection, current, claims),
        *_of_neighbours(connection, claims, is_postgresql=is_postgresql),
        *_of_grants(connection, claims, today),
    ]
    if changed:
        raise DecideAgainError(*(Objection("/receipt", fact, _AGAIN) for fact in changed))
    used = {"app": current.id, "revision": write.revision, "receipt": presented.text}
    connection.execute(insert(Receipt), {"issuer": claims.iss, "decision": claims.jti, **used})


def latest(connection: Connection, app: str) -> Receipt | None:
    """Give the receipt by which an app was approved last; None when it was approved by none."""
    wanted = select(Receipt).where(col(Receipt.app) == app).order_by(col(Receipt.revision).desc()).limit(1)
    row = connection.execute(wanted).mappings().one_or_none()
    return None if row is None else Receipt(**row)


def _of_receipt(connection: Connection, presented: Presented, today: date) -> Iterator[Text]:
    """Tell when the receipt is of another day, or was used."""
    claims = presented.claims
    if not today - timedelta(days=presented.valid_days) <= claims.day <= today:
        yield Text(f"收据判定的是 {claims.day}，今天是 {today}", f"it was judged as of {claims.day}; today is {today}")
    key = (col(Receipt.issuer) == claims.iss, col(Receipt.decision) == claims.jti)
    used = connection.execute(select(col(Receipt.revision)).where(*key)).scalar_one_or_none()
    if used is not None:
        yield Text(f"该判定的收据已用于登记号 {used}", f"the decision was used at registry revision {used}")


def _of_app(connection: Connection, current: App, claims: Claims) -> Iterator[Text]:
    """Tell when the app is not what was judged."""
    if current.hash != claims.manifest:
        yield Text(
            f"清单已变更：判定时为 {claims.manifest}，现为 {current.hash}",
            f"the manifest is another one: {claims.manifest} was judged, and now it is {current.hash}",
        )
    returned = select(col(Revision.revision)).where(
        col(Revision.app) == current.id,
        col(Revision.revision) > claims.revision,
        col(Revision.action) == Action.RETURN,
    )
    if connection.execute(returned.limit(1)).first() is not None:
        yield Text("判定之后该应用曾被退回", "the app was returned after it was decided")


def _of_sponsor(connection: Connection, current: App, claims: Claims) -> Iterator[Text]:
    """Tell when the tree of organisations knows the sponsor otherwise than it did, or than was asked about."""
    recorded = sponsors.of_app(connection, current)
    if recorded != sponsors.of_app(connection, current, claims.revision):
        yield Text(
            "机构名录中主办单位或其部门的登记有变更", "what is recorded of the sponsor or its department was changed"
        )
    manifest = Manifest.model_validate_json(live.manifest(connection, current))
    now = {each.tie for each in ties.questions(manifest, recorded) if each.tie.startswith(DEPARTMENT)}
    then = {each.tie for each in claims.questions() if each.tie.startswith(DEPARTMENT)}
    if now != then and (recorded is not None or any(tie.startswith(f"{DEPARTMENT}code=") for tie in then)):
        asked, meant = "、".join(sorted(then)) or "—", "、".join(sorted(now)) or "—"
        yield Text(
            f"判定时所问的部门是 {asked}，按机构名录应为 {meant}",
            f"the department asked about was {asked}; by the tree of organisations it is {meant}",
        )


def _of_neighbours(connection: Connection, claims: Claims, *, is_postgresql: bool) -> Iterator[Text]:
    """Tell under which tie which other app has begun or ended to offer something."""
    ask = _ask_postgresql if is_postgresql else _ask_sqlite
    changed = list(dict.fromkeys(ask(connection, claims)))
    for tie, app in changed[:_TOLD]:
        yield Text(
            f"关联键 {tie} 之下，应用 {app} 有变化", f"what the app {app} offers under the tie {tie} has changed"
        )
    if len(changed) > _TOLD:
        yield Text("还有其他应用有变化", "and so have further apps")


def _of_grants(connection: Connection, claims: Claims, today: date) -> Iterator[Text]:
    """Tell which grant of the app was recorded or changed, or has come into force or run out meanwhile."""
    changed = or_(col(Grant.since) > claims.revision, col(Grant.until) > claims.revision)
    rows = select(Grant).where(col(Grant.app) == claims.sub).order_by(col(Grant.recorded))
    recorded = connection.execute(rows.where(changed)).mappings()
    for grant in list(dict.fromkeys(row["id"] for row in recorded))[:_TOLD]:
        yield Text(f"批准 {grant} 是新记录的或有变更", f"the grant {grant} was recorded or changed")
    standing = connection.execute(rows.where(col(Grant.until).is_(None), col(Grant.facts).is_not(None))).mappings()
    for row in standing:
        told = _GRANT.validate_json(row["facts"])
        if told.in_force(claims.day) != told.in_force(today):
            yield Text(
                f"批准 {told.id} 自 {told.from_on} 起、至 {told.until_on or '不限'}，判定日与今天的效力不同",
                f"the grant {told.id}, from {told.from_on} to {told.until_on or 'any day'}, counts on one of the day "
                "judged and today only",
            )


# What has changed under one tie is a stretch of the indexes offers_since and offers_until. There are others, which look
# as good to a planner that believes few revisions to follow R or few offers to have ended, and are slow when it errs.
# So PostgreSQL is asked for the order of these indexes, and not told R while it plans: it comes out of a table. SQLite
# is told which indexes to use.

# ---------------------------------------------------------------- PostgreSQL: one statement

_POSTGRESQL = """
WITH asked AS MATERIALIZED (
  SELECT a.n, a.tie, a.revision, r.lows, r.highs
    FROM jsonb_to_recordset(%(asked)s) AS a(n int, tie text, revision bigint, area int)
    JOIN jsonb_to_recordset(%(areas)s) AS r(area int, lows text[], highs text[]) USING (area)
)
SELECT a.n, changed.app
  FROM asked a
 CROSS JOIN LATERAL (
   (SELECT o.app FROM offers o
     WHERE o.tie = a.tie AND o.since > a.revision AND o.app <> %(app)s AND EXISTS (
       SELECT FROM unnest(a.lows, a.highs) AS span(low, high) WHERE o.division >= span.low AND o.division < span.high
     )
     ORDER BY o.since LIMIT %(limit)s)
    UNION ALL
   (SELECT o.app FROM offers o
     WHERE o.tie = a.tie AND o.until > a.revision AND o.app <> %(app)s AND EXISTS (
       SELECT FROM unnest(a.lows, a.highs) AS span(low, high) WHERE o.division >= span.low AND o.division < span.high
     )
     ORDER BY o.until LIMIT %(limit)s)
 ) changed
 LIMIT %(limit)s
"""


def _ask_postgresql(connection: Connection, claims: Claims) -> Iterator[tuple[str, str]]:
    questions = list(claims.questions())
    areas = {regions: n for n, regions in enumerate(dict.fromkeys(each.regions for each in questions))}
    asked = [
        {"n": n, "tie": index_key(each.tie), "revision": claims.revision, "area": areas[each.regions]}
        for n, each in enumerate(questions)
    ]
    stretches = []
    for regions, area in areas.items():
        lows, highs = zip(*spans(regions), strict=True)
        stretches.append({"area": area, "lows": lows, "highs": highs})
    written = {"asked": orjson.dumps(asked).decode(), "areas": orjson.dumps(stretches).decode()}
    for n, app in connection.exec_driver_sql(_POSTGRESQL, {"app": claims.sub, "limit": _FOUND, **written}):
        yield questions[n].tie, app


# ---------------------------------------------------------------- SQLite: small steps inside the transaction

_SINCE = "SELECT app, division FROM offers INDEXED BY offers_since WHERE tie = ? AND since > ? AND app <> ?"
_UNTIL = (
    "SELECT app, division FROM offers INDEXED BY offers_until"
    " WHERE tie = ? AND until IS NOT NULL AND until > ? AND app <> ?"
)


def _ask_sqlite(connection: Connection, claims: Claims) -> Iterator[tuple[str, str]]:
    cursor = connection.connection.cursor()
    areas = {regions: tuple(zip(*spans(regions), strict=True)) for regions in {e.regions for e in claims.questions()}}
    left = _FOUND
    for question in claims.questions():
        lows, highs = areas[question.regions]
        for statement in (_SINCE, _UNTIL):
            cursor.execute(statement, (index_key(question.tie), claims.revision, claims.sub))
            while left and (row := cursor.fetchone()):
                app, division = row
                span = bisect_right(lows, division) - 1
                if span >= 0 and division < highs[span]:
                    left -= 1
                    yield question.tie, app
