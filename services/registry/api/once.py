"""Where the registry keeps its answers: in its own database, each in the transaction of what it tells of."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from services.registry.api.desk import desk_of
from services.registry.store import answers

if TYPE_CHECKING:
    from starlette.requests import Request

    from services.web import Kept, Once


class KeptAnswers:
    """Finds the answers that `Desk.answer_once` has kept."""

    @staticmethod
    async def find(request: Request, once: Once) -> Kept | None:
        """Give the answer that is kept under the caller's key, whatever request it answers.

        Raises:
            Problem: the database is not available.

        """
        desk = desk_of(request)
        kept_for = timedelta(hours=desk.settings.answers_kept_h)
        return await desk.read(answers.find, desk.database, once, kept_for)
