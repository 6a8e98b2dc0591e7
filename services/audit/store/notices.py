"""Notices of rectification in the database: the page as it was printed, and the date it sets for what it lists."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select
from sqlmodel import col

from services.audit import ledger
from services.audit.finding_tables import Notice
from services.audit.rectification import Action
from services.audit.store import finding_lists, recorded
from services.audit.store.finding_events import Pen
from services.audit.store.ledger import open_place
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date, datetime

    from sqlalchemy import Connection

    from services.audit.finding_tables import Audit
    from services.audit.store.database import Database
    from services.audit.store.finding_lists import Listed

SUMMARY = tuple(name for name in Notice.model_fields if name != "page")
"""What lists tell of a notice."""


class UnknownNoticeError(recorded.UnknownError):
    """There is no notice with this id."""

    noun = Text("整改通知书", "notice")


class NothingToOrderError(Exception):
    """The sponsor has nothing to rectify."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a notice says beside the findings; see `services.audit.formats.notice.Notice`."""

    sponsor: str
    issuer: str
    issued_on: date
    due_on: date
    document: str | None
    contact: str | None


Found = list[tuple["Listed", "Audit | None"]]


def send(connection: Connection, order: Order, who: str, now: datetime, render: Callable[[Found], bytes]) -> Notice:
    """Record a notice on everything that a sponsor has to rectify.

    Findings without a due date get that of the notice; a date that stands, and was set in a plan, is left alone when it
    is earlier, and brought forward when it is later.

    Args:
        connection: the transaction, which the caller commits.
        order: what it says.
        who: the caller.
        now: the instant, in UTC.
        render: writes the page on what is found.

    Raises:
        NothingToOrderError: there is nothing.

    """
    recorded.hold(connection)
    found = finding_lists.to_order(connection, order.sponsor)
    if not found:
        raise NothingToOrderError(order.sponsor)
    opened = open_place(connection, now)
    id = f"n-{secrets.token_hex(12)}"
    pen = Pen(opened, who, now)
    for each, _ in found:
        before = each.finding.due_on
        due_on = order.due_on if before is None else min(before, order.due_on)
        changed: dict[str, Any] = {} if due_on == before else {"due_on": due_on}
        pen.move(each.finding, Action.NOTIFY, {"notice": id, "due_on": due_on}, **changed)
    pen.done()
    row: dict[str, Any] = {
        "id": id,
        "ledger": opened.place,
        "at": opened.at,
        "who": who,
        "sponsor": order.sponsor,
        "issuer": order.issuer,
        "issued_on": order.issued_on,
        "due_on": order.due_on,
        "document": order.document,
        "contact": order.contact,
        "findings": len(found),
        "page": render(found).decode(),
    }
    connection.execute(insert(Notice), row)
    recorded.close(opened, ledger.Kind.NOTICE, id, who)
    return Notice(**row)


def find(database: Database, id: str) -> Notice:
    """Give a notice.

    Raises:
        UnknownNoticeError: there is none.

    """
    with database.reading() as connection:
        row = connection.execute(select(Notice).where(col(Notice.id) == id)).mappings().one_or_none()
    if row is None:
        raise UnknownNoticeError(id)
    return Notice(**row)


def page(database: Database, sponsor: str | None, limit: int, before: int | None) -> tuple[int, Sequence[Notice], bool]:
    """List notices, the newest first.

    Returns:
        How many there are in all, those of the page, and whether there are more.

    """
    conditions = [] if sponsor is None else [col(Notice.sponsor) == sponsor]
    with database.reading() as connection:
        total = connection.execute(select(func.count()).select_from(Notice).where(*conditions)).scalar_one()
        wanted = select(*(getattr(Notice, name) for name in SUMMARY)).where(*conditions)
        if before is not None:
            wanted = wanted.where(col(Notice.ledger) < before)
        rows = connection.execute(wanted.order_by(col(Notice.ledger).desc()).limit(limit + 1)).mappings().all()
    return total, [Notice(**row, page="") for row in rows[:limit]], len(rows) > limit
