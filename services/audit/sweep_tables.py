"""The tables of sweeps. What was judged is kept by content: the same case gives the same row to every sweep."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Index
from sqlmodel import Field

from services.audit.tables import Table
from services.database.columns import Characters, Instant, Serial


class SweepState(StrEnum):
    """How far a sweep has come."""

    RUNNING = "running"
    FOLLOWING = "following"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


WHOLE = (SweepState.DONE, SweepState.FOLLOWING)
"""States in which a sweep has a result for every app."""


class Sweep(Table, table=True):
    """A sweep: which apps (`filter`, JSON) are judged as of which registry revision, by which law, on which day.

    `series` is the same for sweeps of the same filter, which can be compared. `rules` (JSON) are the ids of the rules
    in the order of the verdicts. `attempt` counts how often it was set going.

    A sweep that follows stays current after it was done: its results and its `revision` move on, as of `certain_at`.
    When it no longer can, because another day has begun, a successor takes its place (`succeeded_by`, its id). They are
    one chain, which has the number of its first sweep; `asked` (JSON) is the filter as it was ordered, `program` the
    version that judges.
    """

    __tablename__ = "sweeps"
    __table_args__ = (
        Index("sweeps_id", "id", unique=True),
        Index("sweeps_series", "series", "number"),
        Index("sweeps_chain", "chain", "number"),
    )

    number: int | None = Field(default=None, primary_key=True, sa_type=Serial)
    id: str = Field(sa_type=Characters)
    state: str = Field(sa_type=Characters)
    filter: str = Field(sa_type=Characters)
    series: str = Field(sa_type=Characters)
    day: date
    law: str = Field(sa_type=Characters)
    rules: str = Field(sa_type=Characters)
    revision: int = Field(sa_type=BigInteger)
    total: int = Field(sa_type=BigInteger)
    parts: int
    attempt: int = 1
    who: str = Field(sa_type=Characters)
    begun_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    reason: str | None = Field(default=None, sa_type=Characters)
    chain: int | None = Field(default=None, sa_type=BigInteger)
    asked: str | None = Field(default=None, sa_type=Characters)
    program: str | None = Field(default=None, sa_type=Characters)
    certain_at: datetime | None = Field(default=None, sa_type=Instant)
    succeeded_by: str | None = Field(default=None, sa_type=Characters)


class SweepPart(Table, table=True):
    """How far a part of a sweep has come: cases done, in their order, and how many of them were judged anew."""

    __tablename__ = "sweep_parts"

    sweep: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    part: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    cases: int = Field(default=0, sa_type=BigInteger)
    judged: int = Field(default=0, sa_type=BigInteger)
    is_done: bool = False


class SweepContent(Table, table=True):
    """What a case gave: `key` is a digest of all that it was made of, so the same case is kept once for all sweeps.

    `around` is a digest of neighbours, grants and what the tree of organisations tells; `days` says between which of
    the days that the case names it was judged. `verdicts` has a letter for each rule.
    """

    __tablename__ = "sweep_contents"

    key: str = Field(primary_key=True, sa_type=Characters)
    hash: str = Field(sa_type=Characters)
    around: str = Field(sa_type=Characters)
    law: str = Field(sa_type=Characters)
    days: str = Field(sa_type=Characters)
    outcome: str = Field(sa_type=Characters)
    verdicts: str = Field(sa_type=Characters)
    level: str | None = Field(default=None, sa_type=Characters)
    province: str | None = Field(default=None, sa_type=Characters)
    department: str | None = Field(default=None, sa_type=Characters)


class SweepResult(Table, table=True):
    """The result of a sweep for one app: the content it has in common with other sweeps."""

    __tablename__ = "sweep_results"

    sweep: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    app: str = Field(primary_key=True, sa_type=Characters)
    key: str = Field(sa_type=Characters)


class SweepChange(Table, table=True):
    """A result of a chain of sweeps that was replaced: in place, as of a registry revision, or by a successor's.

    `before` and `after` are keys of contents; None where the app was not in the sweep, or is not any more. `previous`
    is the sweep that had `before`. `neighbours` (JSON) are the ids of some of the other apps that brought it about.
    """

    __tablename__ = "sweep_changes"
    __table_args__ = (Index("sweep_changes_chain", "chain", "number"),)

    number: int | None = Field(default=None, primary_key=True, sa_type=Serial)
    chain: int = Field(sa_type=BigInteger)
    sweep: int = Field(sa_type=BigInteger)
    previous: int = Field(sa_type=BigInteger)
    app: str = Field(sa_type=Characters)
    revision: int = Field(sa_type=BigInteger)
    at: datetime = Field(sa_type=Instant)
    before: str | None = Field(default=None, sa_type=Characters)
    after: str | None = Field(default=None, sa_type=Characters)
    neighbours: str = Field(sa_type=Characters)
