"""The registry service: keeps what is declared and granted, and tells who bears on whom."""

from __future__ import annotations

from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, TypedDict

from services import web
from services.registry.api import apps, changes, grant_lists, grants, history, neighbourhoods, snapshots, transitions
from services.registry.api.desk import DATABASE_UNAVAILABLE, DECIDE_AGAIN, KEYS_UNAVAILABLE, Desk, desk_of
from services.registry.api.streams import Streams
from services.registry.api.watch import Watch
from services.registry.settings import RegistrySettings
from services.registry.store import changes as feed
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

HOST = "127.0.0.1"
PORT = 8401

_PURPOSE = Text(
    "登记政务应用程序的清单和对其作出的批准，回答哪些应用与之相关。只记录事实，不作判断。",
    "Keeps the manifests of government apps and what was granted to them, and tells which apps bear on which. "
    "It records facts and judges nothing.",
)


class State(TypedDict):
    """What every request of the service can reach."""

    desk: Desk
    watch: Watch
    streams: Streams


def create_service(settings: RegistrySettings | None = None) -> web.Service:
    """Make the ASGI object of the registry."""
    given = settings or RegistrySettings()

    @asynccontextmanager
    async def lifespan(_: web.Service) -> AsyncIterator[State]:
        desk = Desk(given.database(), given)
        streams = Streams(desk, given.max_streams)

        async def reached() -> int:
            return await desk.read(feed.reached, desk.database)

        try:
            if given.migrates_on_start or (given.migrates_on_start is None and not desk.database.is_postgresql):
                await desk.write(desk.database.migrate)
            yield State(desk=desk, watch=Watch(reached, given.feed_poll_s, given.max_waiting), streams=streams)
        finally:
            streams.close()
            desk.close()

    return web.create_service(
        title="govapp 登记服务 · registry",
        version=version("govapp"),
        description=f"{_PURPOSE.zh} {_PURPOSE.en}",
        settings=given.web,
        routers=(
            apps.router,
            grants.router,
            grant_lists.router,
            history.router,
            neighbourhoods.router,
            transitions.router,
            changes.router,
            snapshots.router,
        ),
        lifespan=lifespan,
        ready_checks={"database": _check_database},
        problem_types=(DATABASE_UNAVAILABLE, DECIDE_AGAIN, KEYS_UNAVAILABLE),
    )


def migrate(settings: RegistrySettings | None = None) -> None:
    """Bring the schema of the database to the newest migration.

    Raises:
        UnavailableError: the database cannot be reached, or a lock was not to be had; nothing has changed then.

    """
    database = (settings or RegistrySettings()).database()
    try:
        database.migrate()
    finally:
        database.close()


def serve(host: str = HOST, port: int = PORT, settings: RegistrySettings | None = None) -> None:
    """Answer until the process is told to end."""
    given = settings or RegistrySettings()
    web.serve(create_service(given), host, port, given.web)


async def _check_database(request: Request) -> None:
    desk = desk_of(request)
    try:
        is_at_head = await desk.read(desk.database.is_at_head)
    except web.Problem as problem:
        raise web.NotReadyError(problem.text) from problem
    if not is_at_head:
        raise web.NotReadyError(
            Text(
                "数据库的表结构不是最新的，请运行迁移。",
                "The schema of the database is not the newest; run the migrations.",
            )
        )
