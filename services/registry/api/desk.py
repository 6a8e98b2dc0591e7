"""The desk: where requests wait for the database, and where what stands in the way becomes a problem to be told."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from services.jobs import Jobs
from services.registry.audit_keys import AuditKeys, KeysUnavailableError
from services.registry.refusals import ConflictError, DecideAgainError, ForbiddenError, RefusedError, UnknownError
from services.registry.store import answers
from services.registry.store.database import Act, UnavailableError
from services.text import Text
from services.web import (
    CONFLICT,
    INVALID_VALUE,
    NOT_FOUND,
    Fault,
    Kept,
    Problem,
    ProblemType,
    caller_of,
    lacks_scope,
    log_event,
    once_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from services.registry.settings import RegistrySettings
    from services.registry.store.database import Database

DATABASE_UNAVAILABLE = ProblemType(
    "database-unavailable",
    503,
    Text("数据库暂不可用", "The database is not available"),
    Text(
        "数据库连不上、正忙或超时；更改是否已生效请先查询再重试。",
        "The database cannot be reached, is busy or took too long; "
        "look whether a change took effect before trying again.",
    ),
)

DECIDE_AGAIN = ProblemType(
    "decide-again",
    409,
    Text("须重新判定", "Decide again"),
    Text(
        "判定所依据的事实此后有了变化；按现状重新判定后再来。",
        "What the decision was based on has changed since; have it decided again on what is recorded now.",
    ),
)
KEYS_UNAVAILABLE = ProblemType(
    "audit-keys-unavailable",
    503,
    Text("无法核验收据", "Receipts cannot be verified"),
    Text(
        "没有配置审查服务的公钥，或暂时取不到；此间不能批准任何应用。",
        "The public keys of the audit are not configured, or cannot be had at present; nothing is approved meanwhile.",
    ),
)

_KINDS = {RefusedError: INVALID_VALUE, ConflictError: CONFLICT, DecideAgainError: DECIDE_AGAIN}
_NOUNS = {
    "app": Text("应用", "app"),
    "grant": Text("批准", "grant"),
    "revision": Text("登记号", "revision"),
    "import": Text("导入", "import"),
    "organisation": Text("机构", "organisation"),
    "division": Text("行政区划", "division"),
    "subscription": Text("订阅", "subscription"),
}
_LOG = logging.getLogger("govapp.registry")

P = ParamSpec("P")
T = TypeVar("T")


class Desk:
    """Hands work to threads: reads to as many as there are connections, writes to a queue of their own.

    Writes follow one another anyway. Waiting in threads of their own, they keep no reader waiting.
    """

    def __init__(self, database: Database, settings: RegistrySettings) -> None:
        """Take the database, and how many connections it has."""
        self.database = database
        self.settings = settings
        self.audit_keys = AuditKeys(settings.audit_keys)
        writers = max(1, settings.database_connections // 4) if database.is_postgresql else 1
        readers = settings.database_connections - writers
        self._readers = ThreadPoolExecutor(readers, "registry-read")
        self._writers = ThreadPoolExecutor(writers, "registry-write")

    async def read(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do what reads, or what takes long.

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
        self,
        request: Request,
        tell: Callable[[T], Response],
        work: Callable[P, T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Response:
        """Do what writes and tell of it: once, when the caller has named the request by an `Idempotency-Key`.

        The answer is then kept in the transaction that does the work, so that there is never one without the other.
        It is kept only when the work is done: what was refused or went wrong may be tried again under the same key.

        Args:
            request: what is answered.
            tell: makes the answer of what the work gives; it does nothing else.
            work: writes, with the arguments that follow.
            args: its arguments.
            kwargs: its arguments by name.

        Raises:
            Problem: as `read`.

        """
        once = once_of(request)
        if once is None:
            return tell(await self.write(work, *args, **kwargs))
        told: list[Response] = []

        def do() -> Kept:
            told.append(tell(work(*args, **kwargs)))
            return Kept.of(once, told[0])

        kept_for = timedelta(hours=self.settings.answers_kept_h)
        kept = await self.write(answers.once, self.database, once, kept_for, do)
        return told[0] if kept is None else kept.answer_to(once)

    async def do_in(self, threads: ThreadPoolExecutor, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do what has threads of its own.

        Raises:
            Problem: as `read`.

        """
        return await self._do(threads, lambda: work(*args, **kwargs))

    async def wait(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do what may wait for another machine, and so keeps neither readers nor writers waiting.

        Raises:
            Problem: as `read`.

        """
        return await self._do(None, lambda: work(*args, **kwargs))

    def close(self) -> None:
        """Finish what has begun, and let the threads and connections go."""
        for executor in (self._writers, self._readers):
            executor.shutdown(cancel_futures=True)
        self.database.close()

    @staticmethod
    async def _do(executor: ThreadPoolExecutor | None, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(executor, work)
        except Exception as error:
            problem = as_problem(error)
            if problem is None:
                raise
            raise problem from error


def as_problem(error: Exception) -> Problem | None:
    """Give the problem that tells what stood in the way; None for what is no caller's business but a failure."""
    match error:
        case RefusedError():
            kind = next(_KINDS[each] for each in type(error).__mro__ if each in _KINDS)
            return Problem(kind, errors=[Fault(each.place, each.fact, each.remedy) for each in error.objections])
        case ForbiddenError():
            return lacks_scope(error.scope)
        case UnknownError():
            noun = _NOUNS[error.noun]
            said = Text(f"没有标识为 {error.thing} 的{noun.zh}。", f"There is no {noun.en} with the id {error.thing}.")
            return Problem(NOT_FOUND, said)
        case KeysUnavailableError():
            log_event(_LOG, "audit_keys.unavailable", level=logging.WARNING, reason=str(error))
            return Problem(KEYS_UNAVAILABLE, headers={"Retry-After": "5"})
        case UnavailableError():
            log_event(_LOG, "database.unavailable", level=logging.WARNING, reason=str(error))
            return Problem(DATABASE_UNAVAILABLE, headers={"Retry-After": "1"})
        case _:
            return None


def desk_of(request: Request) -> Desk:
    """Give the desk of the service that answers `request`."""
    desk: Desk = request.state.desk
    return desk


def act_of(request: Request, reason: str) -> Act:
    """Give the act that `request` is: its caller's."""
    return Act(caller_of(request).name, reason)


def jobs_of(request: Request) -> Jobs:
    """Give the durable work of the service that answers `request`."""
    jobs: Jobs = request.state.jobs
    return jobs
