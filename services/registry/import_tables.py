"""The tables of imports. They hold no facts: what was sent, what it would change, and how far it is carried out.

Nothing of them is history, so rows are changed and taken away like notes on a desk.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, LargeBinary
from sqlmodel import Field

from services.database.columns import Characters, Instant
from services.registry.tables import Table


class State(StrEnum):
    """Where an import stands."""

    RECEIVING = "receiving"
    READING = "reading"
    READY = "ready"
    UNREADABLE = "unreadable"
    APPLYING = "applying"
    APPLIED = "applied"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Mode(StrEnum):
    """What is written of an import of which a part cannot be written."""

    ALL_OR_NOTHING = "all_or_nothing"
    PER_ROW = "per_row"


class Outcome(StrEnum):
    """What becomes of an app of the file."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"


class Import(Table, table=True):
    """An import: a file that was sent, and what becomes of it."""

    __tablename__ = "imports"
    __table_args__ = (Index("imports_created", "created_at", "id"),)

    id: str = Field(primary_key=True, sa_type=Characters)
    state: str = Field(sa_type=Characters)
    mode: str = Field(sa_type=Characters)
    reason: str = Field(sa_type=Characters)
    sent_by: str = Field(sa_type=Characters)
    applied_by: str | None = Field(default=None, sa_type=Characters, description="Who let it be carried out.")
    scopes: str = Field(sa_type=Characters, description="What the one or the other holds, set off by spaces.")
    version: int = Field(default=1, sa_type=BigInteger, description="Grows with every change of this row.")
    form: str | None = Field(default=None, sa_type=Characters)
    size: int = Field(default=0, sa_type=BigInteger, description="Bytes of the file.")
    created_at: datetime = Field(sa_type=Instant)
    began_at: datetime = Field(sa_type=Instant, description="When reading, or applying, began.")
    changed_at: datetime = Field(sa_type=Instant)
    bytes_read: int | None = Field(default=None, sa_type=BigInteger, description="Where that can be told.")
    rows_read: int = Field(default=0, sa_type=BigInteger)
    applied_to: int = Field(default=0, sa_type=BigInteger, description="Rows up to this number are carried out.")
    written: int = Field(default=0, sa_type=BigInteger, description="Apps that were written.")
    created: int = Field(default=0, sa_type=BigInteger)
    changed: int = Field(default=0, sa_type=BigInteger)
    unchanged: int = Field(default=0, sa_type=BigInteger)
    rejected: int = Field(default=0, sa_type=BigInteger)
    notes: str = Field(default="[]", sa_type=Characters, description="What the reader took for granted (JSON).")
    problems: str = Field(default="[]", sa_type=Characters, description="Why nothing can be read (JSON).")


class ImportPart(Table, table=True):
    """A part of the file, kept until it has been read."""

    __tablename__ = "import_parts"
    __table_args__ = (ForeignKeyConstraint(["import_id"], ["imports.id"], ondelete="CASCADE"),)

    import_id: str = Field(primary_key=True, sa_type=Characters)
    number: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    content: bytes = Field(sa_type=LargeBinary)


class ImportRow(Table, table=True):
    """An app of the file: what becomes of it, and why.

    `base` is the revision of the app that the outcome was worked out on; none: it was not registered.
    """

    __tablename__ = "import_rows"
    __table_args__ = (
        ForeignKeyConstraint(["import_id"], ["imports.id"], ondelete="CASCADE"),
        Index("import_rows_outcome", "import_id", "outcome", "number"),
    )

    import_id: str = Field(primary_key=True, sa_type=Characters)
    number: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    place: str = Field(sa_type=Characters)
    app: str | None = Field(default=None, sa_type=Characters)
    outcome: str = Field(sa_type=Characters)
    base: int | None = Field(default=None, sa_type=BigInteger)
    manifest: str | None = Field(default=None, sa_type=Characters, description="What is to be written.")
    derived: str | None = Field(default=None, sa_type=Characters, description="What is derived from it (JSON).")
    difference: str | None = Field(default=None, sa_type=Characters, description="JSON Patch.")
    problems: str | None = Field(default=None, sa_type=Characters, description="Why it is rejected (JSON).")
