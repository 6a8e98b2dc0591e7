"""What stands now: live rows by id, as a write sees them under the lock; or what stood at a registry revision."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sqlalchemy import select
from sqlmodel import col

from services.registry.store import past
from services.registry.tables import App, Grant, RegistryRevision, Revision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection


def registry_revision(connection: Connection) -> int:
    """Give the registry revision of the snapshot that `connection` reads."""
    return connection.execute(select(col(RegistryRevision.revision))).scalar_one()


def app(connection: Connection, id: str, as_of: int | None = None) -> App | None:
    """Give an app, withdrawn or not, as it stands now or as it stood; None when it was not registered."""
    found = connection.execute(select(App).where(col(App.id) == id, past.standing(App, as_of))).mappings()
    row = found.one_or_none()
    return None if row is None else App(**row)


def manifest(connection: Connection, of: App) -> str:
    """Give the manifest of an app, as canonical JSON."""
    stated = select(col(Revision.after)).where(col(Revision.revision) == of.stated)
    return cast("str", connection.execute(stated).scalar_one())  # a revision that states a manifest holds it


def grant(connection: Connection, app: str, id: str, as_of: int | None = None) -> Grant | None:
    """Give a grant, revoked or not, as it stands now or as it stood; None when the app has none of this id."""
    wanted = select(Grant).where(col(Grant.id) == id, past.standing(Grant, as_of), col(Grant.app) == app)
    row = connection.execute(wanted).mappings().one_or_none()
    return None if row is None else Grant(**row)


def grants(connection: Connection, app: str) -> Sequence[Grant]:
    """Give all grants of an app, revoked or not, in the order in which they were recorded."""
    wanted = select(Grant).where(col(Grant.app) == app, col(Grant.until).is_(None)).order_by(col(Grant.recorded))
    return [Grant(**row) for row in connection.execute(wanted).mappings()]
