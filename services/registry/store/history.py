"""History: what was done to an app or a grant, one revision after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, literal_column, select
from sqlmodel import col

from services.registry.refusals import UnknownError
from services.registry.store import live
from services.registry.tables import Noun, Revision

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from services.registry.store.database import Database


@dataclass(frozen=True, slots=True)
class Subject:
    """What a history is of: an app, one of its grants (by its id), or an organisation (by its credit code)."""

    app: str | None = None
    grant: str | None = None
    organisation: str | None = None

    @property
    def noun(self) -> Noun:
        """What it is."""
        if self.organisation is not None:
            return Noun.ORGANISATION
        return Noun.APP if self.grant is None else Noun.GRANT

    @property
    def thing(self) -> str:
        """Its id."""
        return self.organisation or self.grant or self.app or ""


@dataclass(frozen=True, slots=True)
class Page:
    """Revisions in the order asked, as of one registry revision, and how many there are on all pages together."""

    reached: int
    total: int
    revisions: tuple[Revision, ...]
    has_more: bool


def page(
    database: Database,
    subject: Subject,
    *,
    limit: int,
    newest_first: bool = True,
    after: int | None = None,
    reached: int | None = None,
) -> Page | None:
    """Give what was done to an app or a grant, `limit` revisions at most.

    Args:
        database: where.
        subject: whose history.
        limit: how many revisions at most.
        newest_first: in which order.
        after: the last revision on the page before.
        reached: the registry revision as of which the history is told, so that all pages are of one; None: now.

    Returns:
        The page; None when the registry has not reached `reached` yet.

    Raises:
        UnknownError: there is no such app or grant.

    """
    number = col(Revision.revision)
    with database.reading() as connection:
        newest = live.registry_revision(connection)
        reached = newest if reached is None else reached
        if reached > newest:
            return None
        conditions = [*_of(subject), number <= reached]
        total = connection.execute(select(func.count()).select_from(Revision).where(*conditions)).scalar_one()
        if not total:
            raise _unknown(subject)
        if after is not None:
            conditions.append(number < after if newest_first else number > after)
        following = select(Revision).where(*conditions).order_by(number.desc() if newest_first else number)
        rows = [Revision(**row) for row in connection.execute(following.limit(limit + 1)).mappings()]
    return Page(reached, total, tuple(rows[:limit]), has_more=len(rows) > limit)


def get(database: Database, subject: Subject, revision: int) -> Revision:
    """Give one revision of an app or a grant.

    Raises:
        UnknownError: there is no such app or grant, or this revision is not of it.

    """
    wanted = select(Revision).where(*_of(subject), col(Revision.revision) == revision)
    with database.asking() as connection:
        found = connection.execute(wanted).mappings().one_or_none()
    if found is None:
        raise UnknownError("revision", str(revision))
    return Revision(**found)


def _of(subject: Subject) -> tuple[ColumnElement[bool], ...]:
    # The noun is written out, because an index holds the revisions of this one alone.
    noun: ColumnElement[str] = literal_column(f"'{subject.noun}'")
    of_it = (col(Revision.noun) == noun, col(Revision.thing) == subject.thing)
    return of_it if subject.app is None else (col(Revision.app) == subject.app, *of_it)


def _unknown(subject: Subject) -> UnknownError:
    return UnknownError(subject.noun, subject.thing)
