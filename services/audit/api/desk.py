"""The desk: where requests wait for the database, and where what stands in the way becomes a problem to be told."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from services.audit.clock import BEIJING
from services.audit.decisions import ChangedError, RefusedError
from services.audit.signing import KeysError
from services.audit.store import answers
from services.audit.store.decisions import UnknownDecisionError
from services.audit.store.ledger import NoSuchTreeError
from services.audit.store.recorded import UnknownError
from services.database.doors import UnavailableError, commit
from services.text import Text
from services.web import (
    CONFLICT,
    INVALID_VALUE,
    NOT_FOUND,
    Fault,
    Kept,
    Problem,
    ProblemType,
    log_event,
    once_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from starlette.requests import Request
    from starlette.responses import Response

    from services.audit.settings import AuditSettings
    from services.audit.store.database import Connection
    from services.web import Once

DATABASE_UNAVAILABLE = ProblemType(
    "database-unavailable",
    503,
    Text("数据库暂不可用", "The database is not available"),
    Text(
        "数据库连不上、正忙或超时；判定是否已记录请先查询，或以同一 Idempotency-Key 重试。",
        "The database cannot be reached, is busy or took too long; look whether the decision was recorded, or try "
        "again under the same Idempotency-Key.",
    ),
)
SIGNING_UNAVAILABLE = ProblemType(
    "signing-unavailable",
    503,
    Text("无法签名", "Nothing can be signed"),
    Text(
        "没有配置签名密钥，或密钥文件读不出；没有签名就没有判定。",
        "No signing key is configured, or its file cannot be read; without a signature there is no decision.",
    ),
)

_LOG = logging.getLogger("govapp.audit")

P = ParamSpec("P")
T = TypeVar("T")


class Desk:
    """Hands work to threads: reads to some, writes to a queue of their own, as they follow one another anyway."""

    def __init__(self, settings: AuditSettings) -> None:
        """Open the doors of the database; nothing is asked yet."""
        self.settings = settings
        self.database = settings.database()
        self.keys = settings.keys()
        writers = max(1, settings.database_connections // 4) if self.database.is_postgresql else 1
        self._readers = ThreadPoolExecutor(max(1, settings.database_connections - writers), "audit-read")
        self._writers = ThreadPoolExecutor(writers, "audit-write")

    @property
    def today(self) -> date:
        """The day it is in Beijing, by the clock of the database."""
        return self.database.now().astimezone(BEIJING).date()

    async def read(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do what reads.

        Raises:
            Problem: what the caller did wrong, or that the database is not available.

        """
        return await self._do(self._readers, lambda: work(*args, **kwargs))

    async def write(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do what writes, after the writes that came before.

        Raises:
            Problem: as `read`.

        """
        return await self._do(self._writers, lambda: work(*args, **kwargs))

    async def answer_once(
        self, request: Request, tell: Callable[[T], Response], work: Callable[[Connection], T]
    ) -> Response:
        """Do what writes in one transaction, and tell of it: once, when the request has an `Idempotency-Key`.

        The answer is then kept in the same transaction, so that there is never one without the other.

        Args:
            request: what is answered.
            tell: makes the answer of what the work gives; it does nothing else.
            work: writes through the connection it is given, and does not commit.

        Raises:
            Problem: as `read`; nothing was done then, unless the commit got no answer.

        """
        once = once_of(request)
        if once is None:
            return tell(await self.write(self._commit, work))
        told: list[Response] = []

        def do(connection: Connection) -> Kept:
            told.append(tell(work(connection)))
            return Kept.of(once, told[0])

        kept = await self.write(answers.once, self.database, once, self.settings.answers_kept, do)
        return told[0] if kept is None else kept.answer_to(once)

    def sign(self, payload: bytes, kind: str) -> str:
        """Sign a payload.

        Raises:
            KeysError: there is no key.

        """
        if self.keys is None:
            raise KeysError("no file of keys is configured")
        return self.keys.sign(payload, kind)

    def close(self) -> None:
        """Finish what has begun, and let the threads and connections go."""
        for executor in (self._writers, self._readers):
            executor.shutdown(cancel_futures=True)
        self.database.close()

    def _commit(self, work: Callable[[Connection], T]) -> T:
        with self.database.changing() as connection:
            done = work(connection)
            commit(connection)
        return done

    @staticmethod
    async def _do(executor: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(executor, work)
        except RefusedError as error:
            raise refused(error) from error
        except UnknownDecisionError as error:
            detail = Text(f"没有编号为 {error} 的判定。", f"There is no decision with the id {error}.")
            raise Problem(NOT_FOUND, detail) from error
        except UnknownError as error:
            noun = error.noun
            detail = Text(f"没有编号为 {error} 的{noun.zh}。", f"There is no {noun.en} with the id {error}.")
            raise Problem(NOT_FOUND, detail) from error
        except NoSuchTreeError as error:
            fact = Text(f"没有那么多条目，只有 {error.size} 条", f"there are not so many entries, but {error.size}")
            remedy = Text("见 GET /v1/ledger 的 size", "see `size` of GET /v1/ledger")
            raise Problem(INVALID_VALUE, errors=[Fault(f"?{error.asked}", fact, remedy)]) from error
        except KeysError as error:
            log_event(_LOG, "signing.unavailable", level=logging.ERROR, reason=str(error))
            raise Problem(SIGNING_UNAVAILABLE) from error
        except UnavailableError as error:
            log_event(_LOG, "database.unavailable", level=logging.WARNING, reason=str(error))
            raise Problem(DATABASE_UNAVAILABLE, headers={"Retry-After": "1"}) from error


class KeptAnswers:
    """The answers that are kept under `Idempotency-Key`s."""

    async def find(self, request: Request, once: Once) -> Kept | None:
        """Give the answer that is kept under the caller's key."""
        desk = desk_of(request)
        return await desk.read(answers.find, desk.database, once, desk.settings.answers_kept)


def refused(error: RefusedError) -> Problem:
    """Give the problem of a request that says what is not so."""
    kind = CONFLICT if isinstance(error, ChangedError) else INVALID_VALUE
    return Problem(kind, errors=[Fault(error.place, error.fact, error.remedy)])


def desk_of(request: Request) -> Desk:
    """Give the desk of the service that answers `request`."""
    desk: Desk = request.state.desk
    return desk
