"""The database of the audit."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from services.audit import migrations
from services.database.doors import Doors

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Connection", "Database"]


class Database(Doors):
    """The audit's database."""

    def __init__(
        self,
        url: str,
        *,
        connections: int = 8,
        statement_timeout_s: float = 10,
        lock_timeout_s: float = 5,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take where the data are; nothing is opened yet. See `Doors` for the arguments; `now` is the clock, in UTC.

        Raises:
            ValueError: the URL names another kind of database, or SQLite without a file.

        """
        super().__init__(
            url,
            name="govapp audit",
            connections=connections,
            statement_timeout_s=statement_timeout_s,
            lock_timeout_s=lock_timeout_s,
        )
        self.now = now

    def migrate(self) -> None:
        """Bring the schema to the newest migration, in one transaction.

        Raises:
            UnavailableError: see there; nothing has changed then.

        """
        self.bring_to_head(migrations.MIGRATIONS)

    def is_at_head(self) -> bool:
        """Tell whether the schema is at the newest migration.

        Raises:
            UnavailableError: see there.

        """
        with self.reading() as connection:
            return migrations.current(connection) == migrations.head()
