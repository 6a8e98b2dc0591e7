"""What stands now: live rows by id, as a write sees them under the lock; or what stood at a registry revision."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sqlalchemy import BigInteger, bindparam, select
from sqlmodel import col

from services.registry.store import past
from services.registry.tables import App, Grant, RegistryRevision, Revision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

# Statements are made once: making one takes several times as long as carrying it out.
_THEN = bindparam("as_of", type_=BigInteger)
_APP = {
    is_past: select(App).where(col(App.id) == bindparam("id"), past.standing(App, _THEN if is_past else None))
    for is_past in (False, True)
}
_GRANT = {
    is_past: select(Grant).where(
        col(Grant.id) == bindparam("id"),
        past.standing(Grant, _THEN if is_past else None),
        col(Grant.app) == bindparam("app"),
    )
    for is_past in (False, True)
}
_GRANTS = (
    select(Grant).where(col(Grant.app) == bindparam("app"), col(Grant.until).is_(None)).order_by(col(Grant.recorded))
)
_MANIFEST = select(col(Revision.after)).where(col(Revision.revision) == bindparam("revision"))
_REACHED = select(col(RegistryRevision.revision))


def registry_revision(connection: Connection) -> int:
    """Give the registry revision of the snapshot that `connection` reads."""
    return connection.execute(_REACHED).scalar_one()


def app(connection: Connection, id: str, as_of: int | None = None) -> App | None:
    """Give an app, withdrawn or not, as it stands now or as it stood; None when it was not registered."""
    found = connection.execute(_APP[as_of is not None], {"id": id, "as_of": as_of})
    row = found.mappings().one_or_none()
    return None if row is None else App(**row)


def manifest(connection: Connection, of: App) -> str:
    """Give the manifest of an app, as canonical JSON."""
    stated = connection.execute(_MANIFEST, {"revision": of.stated}).scalar_one()
    return cast("str", stated)  # a revision that states a manifest holds it


def grant(connection: Connection, app: str, id: str, as_of: int | None = None) -> Grant | None:
    """Give a grant, revoked or not, as it stands now or as it stood; None when the app has none of this id."""
    found = connection.execute(_GRANT[as_of is not None], {"id": id, "app": app, "as_of": as_of})
    row = found.mappings().one_or_none()
    return None if row is None else Grant(**row)


def grants(connection: Connection, app: str) -> Sequence[Grant]:
    """Give all grants of an app, revoked or not, in the order in which they were recorded."""
    return [Grant(**row) for row in connection.execute(_GRANTS, {"app": app}).mappings()]
