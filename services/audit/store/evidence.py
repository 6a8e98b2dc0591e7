"""Evidence in the database: files that are attached to findings, known by the hash of their bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from sqlalchemy import func, insert, select
from sqlalchemy.dialects import postgresql
from sqlmodel import col

from services.audit.finding_tables import Evidence, EvidencePart
from services.audit.ledger import Kind
from services.audit.rectification import Action
from services.audit.store import findings, recorded
from services.audit.store.finding_events import Pen
from services.audit.store.ledger import open_place
from services.text import Text

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from services.audit.store.database import Database

PART = 256 * 1024
"""Bytes of a file that are kept in one row."""


class UnknownEvidenceError(recorded.UnknownError):
    """Nothing with this hash is attached to the finding."""

    noun = Text("佐证材料", "piece of evidence")


@dataclass(frozen=True, slots=True)
class Sent:
    """A file that was sent: its hash (`sha256:…`), the name it has with the sender, what it is, and its bytes."""

    hash: str
    name: str
    type: str
    size: int
    file: BinaryIO


def attach(connection: Connection, id: str, sent: Sent, who: str, now: datetime) -> tuple[Evidence, bool]:
    """Attach a file to a finding, unless it is attached already.

    Returns:
        What is attached, and whether it is new.

    Raises:
        UnknownFindingError: there is no such finding.

    """
    findings.find(connection, id)
    _keep(connection, sent)
    recorded.hold(connection)
    before = _find(connection, id, sent.hash)
    if before is not None:
        return before, False
    finding = findings.find(connection, id)
    opened = open_place(connection, now)
    row: dict[str, Any] = {
        "finding": id,
        "hash": sent.hash,
        "ledger": opened.place,
        "at": opened.at,
        "who": who,
        "name": sent.name,
        "type": sent.type,
        "size": sent.size,
    }
    connection.execute(insert(Evidence), row)
    pen = Pen(opened, who)
    said = {"hash": sent.hash, "name": sent.name, "type": sent.type, "size": sent.size}
    pen.move(finding, Action.ATTACH, said)
    pen.done()
    recorded.close(opened, Kind.FINDING, id, who)
    return Evidence(**row), True


def find(database: Database, id: str, digest: str) -> Evidence:
    """Give what is attached to a finding.

    Raises:
        UnknownEvidenceError: there is no such thing.

    """
    with database.reading() as connection:
        found = _find(connection, id, digest)
    if found is None:
        raise UnknownEvidenceError(digest)
    return found


def part(database: Database, digest: str, number: int) -> bytes | None:
    """Give a part of the bytes of some evidence; None after the last."""
    wanted = select(col(EvidencePart.content)).where(
        col(EvidencePart.hash) == digest, col(EvidencePart.number) == number
    )
    with database.asking() as connection:
        content: bytes | None = connection.execute(wanted).scalar_one_or_none()
        return content


def _find(connection: Connection, id: str, digest: str) -> Evidence | None:
    wanted = select(Evidence).where(col(Evidence.finding) == id, col(Evidence.hash) == digest)
    row = connection.execute(wanted).mappings().one_or_none()
    return None if row is None else Evidence(**row)


def _keep(connection: Connection, sent: Sent) -> None:
    """Keep the bytes, unless they are kept already: before the lock on the ledger is taken, as they may be many."""
    known = select(func.count()).select_from(EvidencePart).where(col(EvidencePart.hash) == sent.hash)
    if connection.execute(known).scalar_one():
        return
    sent.file.seek(0)
    new: Any = insert(EvidencePart)
    if connection.dialect.name == "postgresql":
        # Somebody may send the same at this moment; what has this hash is the same.
        new = postgresql.insert(EvidencePart).on_conflict_do_nothing()
    number = 0
    while content := sent.file.read(PART):
        connection.execute(new, {"hash": sent.hash, "number": number, "content": content})
        number += 1
