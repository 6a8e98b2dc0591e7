"""What is recorded at a place of the ledger besides decisions: all of it is in the digest of the entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select
from sqlmodel import col

from services.audit import receipts
from services.audit.finding_tables import Attestation, Audit, Evidence, FindingEvent, Notice, Withdrawal
from services.audit.tables import LedgerHead
from services.text import Text

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from services.audit.ledger import Kind
    from services.audit.store.ledger import Open


class UnknownError(Exception):
    """Something that was asked for by its id is not recorded."""

    noun = Text("记录", "record")


_TABLES = (Audit, Attestation, Withdrawal, Evidence, Notice, FindingEvent)


def hold(connection: Connection) -> None:
    """Take the lock on the ledger, without a place: for whoever has to look before it is known what is recorded."""
    connection.execute(select(col(LedgerHead.place)).with_for_update())


def close(opened: Open, kind: Kind, thing: str, who: str) -> None:
    """Write the entry for everything that was recorded at an open place, which is the last thing a transaction does."""
    opened.close(kind, thing, receipts.digest(content(opened.connection, opened.place)), who)


def content(connection: Connection, place: int) -> bytes:
    """Give the bytes that the digest of an entry is of: every row that was recorded with it, as JSON."""
    rows = {}
    for each in _TABLES:
        table: Any = getattr(each, "__table__")  # noqa: B009 - SQLModel does not declare that it gives it
        wanted = select(table).where(table.c.ledger == place).order_by(*table.primary_key.columns)
        found = [{str(name): value for name, value in row.items()} for row in connection.execute(wanted).mappings()]
        if found:
            rows[str(table.name)] = found
    return orjson.dumps(rows, option=orjson.OPT_SORT_KEYS)
