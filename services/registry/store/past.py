"""The past: which registry revision a moment is of, and what stood then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, Protocol, TypeAlias

from sqlalchemy import or_, select
from sqlmodel import col

from services.registry.refusals import Objection, RefusedError
from services.registry.tables import RegistryRevision, Revision
from services.text import Text

if TYPE_CHECKING:
    from sqlalchemy import BindParameter, ColumnElement, Connection

    class Fact(Protocol):
        """A row that stands from one registry revision until another."""

        since: int
        until: int | None


BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")
"""The time zone in which days begin and end. It has had no summer time since 1991."""

Moment: TypeAlias = "int | date | datetime"
"""A registry revision; an instant; or a day, which stands for its end in Beijing (today: for now)."""


@dataclass(frozen=True, slots=True)
class AsOf:
    """As of when something is asked, and where in the request that was said."""

    moment: Moment
    place: str = "?as_of"


def revision_of(connection: Connection, as_of: AsOf, now: datetime) -> int:
    """Give the registry revision that a moment is of, in the snapshot that `connection` reads.

    Args:
        connection: where.
        as_of: the moment.
        now: the present instant.

    Raises:
        RefusedError: the moment lies in the future, or before the registry was founded.

    """
    reached, at = connection.execute(select(col(RegistryRevision.revision), col(RegistryRevision.at))).one()
    moment = as_of.moment
    if isinstance(moment, int):
        if moment > reached:
            raise RefusedError(_not_reached(as_of.place, moment, reached))
        return moment
    # What is recorded has happened, whatever the clock says now.
    latest = max(now, at)
    if isinstance(moment, datetime):
        if moment > latest:
            raise RefusedError(_in_the_future(as_of.place, moment.isoformat()))
        end = moment
    else:
        if moment > latest.astimezone(BEIJING).date():
            raise RefusedError(_in_the_future(as_of.place, moment.isoformat()))
        end = datetime.combine(moment, time.max, BEIJING)
    newest_first = (col(Revision.at).desc(), col(Revision.revision).desc())
    found = select(col(Revision.revision)).where(col(Revision.at) <= end.astimezone(UTC)).order_by(*newest_first)
    revision = connection.execute(found.limit(1)).scalar_one_or_none()
    if revision is None:
        raise RefusedError(_before_the_founding(as_of.place, connection))
    return revision


def standing(table: type[Fact], as_of: int | BindParameter[int] | None) -> ColumnElement[bool]:
    """Give the condition of the facts that stood at a registry revision; None: that stand now."""
    until = col(table.until)
    if as_of is None:
        return until.is_(None)
    return (col(table.since) <= as_of) & or_(until.is_(None), until > as_of)


def _not_reached(place: str, asked: int, reached: int) -> Objection:
    fact = Text(f"登记系统尚未到达登记号 {asked}", f"the registry has not reached revision {asked}")
    remedy = Text(f"最新的登记号是 {reached}", f"its newest revision is {reached}")
    return Objection(place, fact, remedy)


def _in_the_future(place: str, asked: str) -> Objection:
    fact = Text(f"{asked} 还没有到来", f"{asked} lies in the future")
    return Objection(place, fact, Text("写今天或更早的时间", "give today or an earlier time"))


def _before_the_founding(place: str, connection: Connection) -> Objection:
    founded = connection.execute(select(col(Revision.at)).where(col(Revision.revision) == 0)).scalar_one()
    at = founded.astimezone(BEIJING).isoformat(timespec="seconds")
    fact = Text("那时登记系统还没有建立", "the registry had not been founded then")
    return Objection(place, fact, Text(f"它建于 {at}", f"it was founded at {at}"))
