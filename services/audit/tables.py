"""The tables of the audit. What was recorded is never changed or deleted: triggers in both databases refuse it.

Whatever is recorded has an entry in the ledger, which is written in the same transaction. `ledger_head` is the one row
whose lock every such transaction takes first, so entries follow one another without gaps.
"""

from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, Integer, LargeBinary, MetaData
from sqlmodel import Field, SQLModel

from services.database.columns import Characters, Instant


class Table(SQLModel):
    """What all tables of the audit have in common: one schema, with names that the migrations can rely on."""

    metadata: ClassVar[MetaData] = MetaData(
        naming_convention={
            "pk": "%(table_name)s_pkey",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "ck": "%(table_name)s_%(constraint_name)s_check",
        }
    )


class LedgerHead(Table, table=True):
    """The place of the last entry: one row. The instant never goes back, even when a clock does."""

    __tablename__ = "ledger_head"
    __table_args__ = (
        CheckConstraint("id = 1", name="single"),
        # At the end of every transaction the last place has its entry: no place is ever lost.
        ForeignKeyConstraint(["place"], ["ledger.place"], deferrable=True, initially="DEFERRED"),
    )

    id: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    place: int = Field(sa_type=BigInteger)
    at: datetime = Field(sa_type=Instant)


class LedgerEntry(Table, table=True):
    """An entry: the bytes that are hashed (`content`), and their hash, a leaf of the tree, in hexadecimal."""

    __tablename__ = "ledger"

    place: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    content: str = Field(sa_type=Characters)
    hash: str = Field(sa_type=Characters)


class LedgerNode(Table, table=True):
    """The hash of a whole subtree of the tree over the entries: of `1 << level` leaves, level 1 and up."""

    __tablename__ = "ledger_nodes"

    level: int = Field(primary_key=True, sa_type=Integer, sa_column_kwargs={"autoincrement": False})
    position: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    hash: str = Field(sa_type=Characters)


class LedgerCheckpoint(Table, table=True):
    """A signed checkpoint that was issued."""

    __tablename__ = "checkpoints"
    __table_args__ = (ForeignKeyConstraint(["last"], ["ledger.place"]),)

    size: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    last: int = Field(sa_type=BigInteger)
    root: str = Field(sa_type=Characters)
    at: datetime = Field(sa_type=Instant)
    signed: str = Field(sa_type=Characters)


class Decision(Table, table=True):
    """A decision: what lists filter by, the manifest that was judged, the record, and the receipt that pins both.

    `record` is JSON: the report, the questions left open and the answers given. Its hash is in the receipt, and the
    hash of the receipt in the ledger.
    """

    __tablename__ = "decisions"
    __table_args__ = (
        # The entry is written last, when everything that it stands for is there.
        ForeignKeyConstraint(["place"], ["ledger.place"], deferrable=True, initially="DEFERRED"),
        ForeignKeyConstraint(["previous"], ["decisions.id"]),
        Index("decisions_place", "place", unique=True),
        Index("decisions_app", "app", "place"),
        Index("decisions_outcome", "outcome", "place"),
        Index("decisions_day", "day", "place"),
        Index("decisions_previous", "previous"),
    )

    id: str = Field(primary_key=True, sa_type=Characters)
    place: int = Field(sa_type=BigInteger)
    at: datetime = Field(sa_type=Instant)
    who: str = Field(sa_type=Characters)
    app: str = Field(sa_type=Characters)
    stated: int | None = Field(
        default=None, sa_type=BigInteger, description="Revision of the registered app; none when a manifest was sent."
    )
    purpose: str = Field(sa_type=Characters)
    outcome: str = Field(sa_type=Characters)
    day: date
    law: str = Field(sa_type=Characters)
    revision: int = Field(sa_type=BigInteger)
    previous: str | None = Field(default=None, sa_type=Characters)
    hash: str = Field(sa_type=Characters)
    manifest: str = Field(sa_type=Characters)
    record: str = Field(sa_type=Characters)
    receipt: str = Field(sa_type=Characters)


class KeptAnswer(Table, table=True):
    """The answer to a request that was named by an `Idempotency-Key`; forgotten after some time."""

    __tablename__ = "kept_answers"
    __table_args__ = (Index("kept_answers_at", "at"),)

    caller: str = Field(primary_key=True, sa_type=Characters)
    key: str = Field(primary_key=True, sa_type=Characters)
    request: str = Field(sa_type=Characters)
    at: datetime = Field(sa_type=Instant)
    status: int = Field(sa_type=Integer)
    headers: str = Field(sa_type=Characters)
    body: bytes = Field(sa_type=LargeBinary)
