"""The desk: where requests wait for the database, and where what stands in the way becomes a problem to be told."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from services.registry.audit_keys import AuditKeys, KeysUnavailableError
from services.registry.refusals import ConflictError, DecideAgainError, ForbiddenError, RefusedError, UnknownError
from services.registry.store.database import Act, UnavailableError
from services.text import Text
from services.web import (
    CONFLICT,
    FORBIDDEN,
    INVALID_VALUE,
    NOT_FOUND,
    Fault,
    Problem,
    ProblemType,
    caller_of,
    log_event,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

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
_NOUNS = {"app": Text("应用", "app"), "grant": Text("批准", "grant"), "revision": Text("登记号", "revision")}
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
        except RefusedError as error:
            kind = next(_KINDS[each] for each in type(error).__mro__ if each in _KINDS)
            faults = [Fault(each.place, each.fact, each.remedy) for each in error.objections]
            raise Problem(kind, errors=faults) from error
        except ForbiddenError as error:
            detail = Text(f"此操作需要权限 {error.scope}。", f"This needs the scope {error.scope}.")
            challenge = f'Bearer realm="govapp", error="insufficient_scope", scope="{error.scope}"'
            raise Problem(FORBIDDEN, detail, headers={"WWW-Authenticate": challenge}) from error
        except UnknownError as error:
            noun = _NOUNS[error.noun]
            detail = Text(
                f"没有标识为 {error.thing} 的{noun.zh}。", f"There is no {noun.en} with the id {error.thing}."
            )
            raise Problem(NOT_FOUND, detail) from error
        except KeysUnavailableError as error:
            log_event(_LOG, "audit_keys.unavailable", level=logging.WARNING, reason=str(error))
            raise Problem(KEYS_UNAVAILABLE, headers={"Retry-After": "5"}) from error
        except UnavailableError as error:
            log_event(_LOG, "database.unavailable", level=logging.WARNING, reason=str(error))
            raise Problem(DATABASE_UNAVAILABLE, headers={"Retry-After": "1"}) from error


def desk_of(request: Request) -> Desk:
    """Give the desk of the service that answers `request`."""
    desk: Desk = request.state.desk
    return desk


def act_of(request: Request, reason: str) -> Act:
    """Give the act that `request` is: its caller's."""
    return Act(caller_of(request).name, reason)
