"""The tables. Every fact is a row with the registry revisions in which it began (`since`) and ended (`until`).

A fact is never changed: it is ended, and another one begins. What was known at registry revision R are the rows with
`since <= R` and `until` empty or greater than R; what is known now are the rows whose `until` is empty (the live ones).
Triggers in both databases hold every writer to that; the migrations make them.
"""

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    false,
    text,
)
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import Field, SQLModel

Characters = String().with_variant(String(collation="C"), "postgresql")
"""Text compared byte by byte, so that order and prefixes are the same in both databases and in Python."""

Serial = BigInteger().with_variant(Integer(), "sqlite")
"""A number that the database gives; SQLite does that only for its own INTEGER, which is just as large."""


class Instant(TypeDecorator[datetime]):
    """An instant in UTC. SQLite has no type for it: there it is text of one width, so that text order is time order."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime] | TypeEngine[str]:
        """Give the type of the column."""
        return String() if dialect.name == "sqlite" else DateTime(timezone=True)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        """Give what is stored."""
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: datetime | str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy calls it so
        """Give the instant in UTC, whatever time zone the database session has."""
        if value is None:
            return None
        return (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)


class Noun(StrEnum):
    """What a revision is about."""

    REGISTRY = "registry"
    APP = "app"
    GRANT = "grant"


class Action(StrEnum):
    """What a revision did."""

    FOUND = "found"
    REGISTER = "register"
    CHANGE = "change"
    WITHDRAW = "withdraw"
    APPROVE = "approve"
    RETURN = "return"
    RESUBMIT = "resubmit"
    BEGIN = "begin"
    LAUNCH = "launch"
    PHASE_OUT = "phase_out"
    KEEP = "keep"
    RETIRE = "retire"
    GRANT = "grant"
    RENEW = "renew"
    REVOKE = "revoke"


class Table(SQLModel):
    """What all tables of the registry have in common: one schema, with names that the migrations can rely on."""

    metadata: ClassVar[MetaData] = MetaData(
        naming_convention={
            "pk": "%(table_name)s_pkey",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "ck": "%(table_name)s_%(constraint_name)s_check",
        }
    )


class RegistryRevision(Table, table=True):
    """The registry revision: one row. Every write updates it first, so writes happen one after the other.

    The instant never goes back, even when a clock does, so that each instant of the past has one registry revision.
    """

    __tablename__ = "registry_revision"
    __table_args__ = (
        CheckConstraint("id = 1", name="single"),
        # At the end of every transaction the latest number has its history: no number is ever lost.
        ForeignKeyConstraint(["revision"], ["revisions.revision"], deferrable=True, initially="DEFERRED"),
    )

    id: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    revision: int = Field(sa_type=BigInteger)
    at: datetime = Field(sa_type=Instant)


class Revision(Table, table=True):
    """The history: what every write did. A row is never changed or deleted, and the numbers have no gap.

    `thing` is the id of what the revision is about, `app` the app it concerns. `before` and `after` are canonical JSON
    of the thing; nothing was before it was registered, and nothing is after it was withdrawn.
    """

    __tablename__ = "revisions"
    __table_args__ = (
        Index("revisions_app", "app", "revision"),
        # Which registry revision an instant of the past is of.
        Index("revisions_at", "at", "revision"),
    )

    revision: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    noun: str = Field(sa_type=Characters)
    thing: str = Field(sa_type=Characters)
    app: str | None = Field(default=None, sa_type=Characters)
    action: str = Field(sa_type=Characters)
    who: str = Field(sa_type=Characters)
    reason: str = Field(sa_type=Characters)
    at: datetime = Field(sa_type=Instant)
    before: str | None = Field(default=None, sa_type=Characters)
    after: str | None = Field(default=None, sa_type=Characters)


class App(Table, table=True):
    """An app as it stood from one registry revision until another: what lists filter by. Its manifest is in history.

    Keys (`…_key`) are normalised names, see `services.manifest.ties.name_key`; long ones are replaced by their digest.
    """

    __tablename__ = "apps"
    __table_args__ = (
        CheckConstraint("until > since", name="until"),
        Index(
            "apps_live", "id", unique=True, sqlite_where=text("until IS NULL"), postgresql_where=text("until IS NULL")
        ),
        Index("apps_division", "division", "id"),
        Index("apps_department", "department_key", "id"),
        Index("apps_sector", "sector_key", "id"),
    )

    id: str = Field(primary_key=True, sa_type=Characters)
    since: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    until: int | None = Field(default=None, sa_type=BigInteger)
    registered: int = Field(sa_type=BigInteger, description="The revision that registered it.")
    stated: int = Field(sa_type=BigInteger, description="The revision whose history holds its manifest.")
    hash: str = Field(sa_type=Characters)
    is_withdrawn: bool
    is_returned: bool = Field(
        default=False,
        sa_column_kwargs={"server_default": false()},
        description="Whether the proposal was given back to its sponsor.",
    )

    name: str | None = Field(default=None, sa_type=Characters)
    name_key: str | None = Field(default=None, sa_type=Characters)
    kind: str | None = Field(default=None, sa_type=Characters)
    sponsor: str | None = Field(default=None, sa_type=Characters)
    credit_code: str | None = Field(default=None, sa_type=Characters)
    root_organ: str | None = Field(default=None, sa_type=Characters)
    department_key: str | None = Field(default=None, sa_type=Characters)
    level: str | None = Field(default=None, sa_type=Characters)
    division: str | None = Field(default=None, sa_type=Characters)
    sector: str | None = Field(default=None, sa_type=Characters)
    sector_key: str | None = Field(default=None, sa_type=Characters)
    role: str | None = Field(default=None, sa_type=Characters)
    stage: str | None = Field(default=None, sa_type=Characters)
    faces_grassroots: bool | None = None
    feature_kinds: str | None = Field(
        default=None, sa_type=Characters, description="Set off by spaces, on both ends too."
    )


class Grant(Table, table=True):
    """A grant as it stood from one registry revision until another.

    `facts` is what a neighbourhood tells of it (JSON), empty for a grant that was revoked before its first day.
    """

    __tablename__ = "grants"
    __table_args__ = (
        CheckConstraint("until > since", name="until"),
        Index(
            "grants_live", "id", unique=True, sqlite_where=text("until IS NULL"), postgresql_where=text("until IS NULL")
        ),
        Index("grants_app", "app", "recorded"),
        # Which grants end soon.
        Index("grants_until_on", "until_on"),
        Index("grants_revoked_on", "revoked_on"),
    )

    id: str = Field(primary_key=True, sa_type=Characters)
    since: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    until: int | None = Field(default=None, sa_type=BigInteger)
    recorded: int = Field(sa_type=BigInteger, description="The revision that recorded it.")

    app: str = Field(sa_type=Characters)
    kind: str = Field(sa_type=Characters)
    granter: str = Field(sa_type=Characters)
    granter_credit_code: str | None = Field(default=None, sa_type=Characters)
    granter_root_organ: str | None = Field(default=None, sa_type=Characters)
    basis_title: str | None = Field(default=None, sa_type=Characters)
    basis_number: str | None = Field(default=None, sa_type=Characters)
    basis_article: str | None = Field(default=None, sa_type=Characters)
    granted_on: date
    from_on: date
    until_on: date | None = None
    revoked_on: date | None = None
    provision: str | None = Field(default=None, sa_type=Characters)
    feature: str | None = Field(default=None, sa_type=Characters)
    item: str | None = Field(default=None, sa_type=Characters)
    facts: str | None = Field(default=None, sa_type=Characters)


class Offer(Table, table=True):
    """That an app offers a tie in a division, with the facts rules look at (JSON).

    `places` is in how many divisions the app offers this tie: apps with only one can be counted by their rows.
    """

    __tablename__ = "offers"
    __table_args__ = (
        CheckConstraint("until > since", name="until"),
        # The conditions' own columns are in the indexes because SQLite looks them up in the table otherwise. It also
        # holds two empty values for different; there a trigger keeps live offers unique.
        Index(
            "offers_live",
            *("tie", "division", "app", "until"),
            unique=True,
            sqlite_where=text("until IS NULL"),
            postgresql_where=text("until IS NULL"),
            postgresql_nulls_not_distinct=True,
        ),
        Index(
            "offers_several",
            *("tie", "division", "app", "until", "places"),
            sqlite_where=text("until IS NULL AND places > 1"),
            postgresql_where=text("until IS NULL AND places > 1"),
        ),
        Index(
            "offers_live_app",
            "app",
            "tie",
            "division",
            sqlite_where=text("until IS NULL"),
            postgresql_where=text("until IS NULL"),
        ),
        # Whether anything began or ended after a registry revision, which approvals ask.
        Index("offers_since", "tie", "since", postgresql_include=["division", "app"]),
        Index(
            "offers_until",
            "tie",
            "until",
            sqlite_where=text("until IS NOT NULL"),
            postgresql_where=text("until IS NOT NULL"),
            postgresql_include=["division", "app"],
        ),
        # What each revision began and ended, which the change feed tells.
        Index("offers_begun", "since"),
        Index(
            "offers_ended",
            "until",
            sqlite_where=text("until IS NOT NULL"),
            postgresql_where=text("until IS NOT NULL"),
        ),
        # What was offered in the past. It holds ended offers only: beginning one costs nothing here.
        Index(
            "offers_past",
            *("tie", "division", "app", "until", "since"),
            sqlite_where=text("until IS NOT NULL"),
            postgresql_where=text("until IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=Serial)
    tie: str = Field(sa_type=Characters)
    division: str = Field(sa_type=Characters)
    app: str = Field(sa_type=Characters)
    places: int = Field(sa_type=Integer)
    facts: str = Field(sa_type=Characters)
    since: int = Field(sa_type=BigInteger)
    until: int | None = Field(default=None, sa_type=BigInteger)


class Receipt(Table, table=True):
    """A receipt that was acted on, whole, and the registry revision that acted on it. Never changed, never ended.

    That a decision stands here once is what keeps a receipt from being used twice.
    """

    __tablename__ = "receipts"
    __table_args__ = (Index("receipts_app", "app", "revision"),)

    issuer: str = Field(primary_key=True, sa_type=Characters)
    decision: str = Field(primary_key=True, sa_type=Characters)
    app: str = Field(sa_type=Characters)
    revision: int = Field(sa_type=BigInteger)
    receipt: str = Field(sa_type=Characters)
