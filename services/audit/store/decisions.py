"""Decisions in the database: each is recorded together with its receipt and its entry in the ledger, or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import TypeAdapter
from sqlalchemy import func, insert, select
from sqlmodel import col

from services.audit import receipts, tables
from services.audit.ledger import Kind
from services.audit.receipts import Given
from services.audit.store.ledger import open_place
from services.manifest.model import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date, datetime

    from sqlalchemy import ColumnElement, Connection

    from services.audit.decisions import Judged
    from services.audit.store.database import Database

_GIVEN = TypeAdapter(tuple[Given, ...])

SUMMARY = tuple(name for name in tables.Decision.model_fields if name not in {"manifest", "record", "receipt"})
"""What lists tell of a decision."""


class UnknownDecisionError(Exception):
    """There is no decision with this id."""


@dataclass(frozen=True)
class Decision:
    """A decision as it was recorded."""

    row: tables.Decision

    @cached_property
    def _record(self) -> dict[str, Any]:
        content: dict[str, Any] = orjson.loads(self.row.record)
        return content

    @property
    def report(self) -> bytes:
        """The report, as `services.audit.formats.json` writes it."""
        return orjson.dumps(self._record["report"], option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)

    @property
    def questions(self) -> list[dict[str, Any]]:
        """The questions that nobody has answered."""
        found: list[dict[str, Any]] = self._record["questions"]
        return found

    @property
    def answers(self) -> tuple[Given, ...]:
        """The answers that it rests on."""
        return _GIVEN.validate_python(self._record["answers"])

    @property
    def manifest(self) -> bytes:
        """The canonical bytes of the manifest that was judged."""
        return self.row.manifest.encode()

    @property
    def receipt(self) -> str:
        """The receipt (JWS)."""
        return self.row.receipt


@dataclass(frozen=True, slots=True)
class Filter:
    """Which decisions are listed: those that meet every condition given; both days count."""

    app: str | None = None
    purpose: str | None = None
    outcome: str | None = None
    from_on: date | None = None
    until_on: date | None = None
    previous: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of decisions, the newest first, and how many meet the filter in all."""

    total: int
    rows: tuple[tables.Decision, ...]
    has_more: bool


def record(
    connection: Connection, judged: Judged, who: str, issuer: str, now: datetime, sign: Callable[[bytes], str]
) -> Decision:
    """Record a decision: take its place in the ledger, sign the receipt, write both, and close the place.

    Args:
        connection: the transaction, which the caller commits.
        judged: what was decided.
        who: the caller.
        issuer: the `iss` of the receipt.
        now: the instant, in UTC.
        sign: signs the payload of a receipt.

    """
    place = open_place(connection, now)
    content = judged.record()
    claims = judged.claims(issuer, place.at, place.place)
    signed = sign(receipts.write(claims, judged.findings(receipts.digest(content))))
    row: dict[str, Any] = {
        "id": judged.made.id,
        "place": place.place,
        "at": place.at,
        "who": who,
        "app": judged.subject.app,
        "stated": judged.subject.stated,
        "purpose": claims.purpose,
        "outcome": claims.outcome,
        "day": judged.made.day,
        "law": claims.law,
        "revision": judged.revision,
        "previous": judged.made.previous,
        "hash": claims.manifest,
        "manifest": canonical(judged.subject.manifest).decode(),
        "record": content.decode(),
        "receipt": signed,
    }
    connection.execute(insert(tables.Decision), row)
    place.close(Kind.DECISION, judged.made.id, receipts.digest(signed), who)
    return Decision(tables.Decision(**row))


def find(database: Database, id: str) -> Decision:
    """Give a decision.

    Raises:
        UnknownDecisionError: there is none with this id.

    """
    with database.asking() as connection:
        wanted = select(tables.Decision).where(col(tables.Decision.id) == id)
        row = connection.execute(wanted).mappings().first()
    if row is None:
        raise UnknownDecisionError(id)
    return Decision(tables.Decision(**row))


def page(database: Database, wanted: Filter, limit: int, before: int | None, until: int | None) -> tuple[int, Page]:
    """List decisions, the newest first.

    Args:
        database: where.
        wanted: the filter.
        limit: decisions on a page.
        before: the place in the ledger before which the page begins; None for the first page.
        until: the place of the last decision of the list when its first page was made; None for the first page.

    Returns:
        That place, and the page.

    """
    table = tables.Decision
    with database.reading() as connection:
        if until is None:
            until = connection.execute(select(func.max(col(table.place)))).scalar_one() or 0
        conditions = (col(table.place) <= until, *_conditions(wanted))
        total = connection.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one()
        following = select(*(getattr(table, name) for name in SUMMARY)).where(*conditions)
        if before is not None:
            following = following.where(col(table.place) < before)
        rows = connection.execute(following.order_by(col(table.place).desc()).limit(limit + 1)).mappings().all()
    told = tuple(table(**row, manifest="", record="", receipt="") for row in rows[:limit])
    return until, Page(total, told, has_more=len(rows) > limit)


def following(database: Database, id: str) -> list[str]:
    """Give the ids of the decisions that follow one, the oldest first."""
    table = tables.Decision
    with database.asking() as connection:
        wanted = select(col(table.id)).where(col(table.previous) == id).order_by(col(table.place))
        return list(connection.execute(wanted).scalars())


def _conditions(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    table = tables.Decision
    for column, value in (
        (table.app, wanted.app),
        (table.purpose, wanted.purpose),
        (table.outcome, wanted.outcome),
        (table.previous, wanted.previous),
    ):
        if value is not None:
            yield col(column) == value
    if wanted.from_on is not None:
        yield col(table.day) >= wanted.from_on
    if wanted.until_on is not None:
        yield col(table.day) <= wanted.until_on
