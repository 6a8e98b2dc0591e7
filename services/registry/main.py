"""The registry service: keeps what is declared and granted, and tells who bears on whom."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, TypedDict, TypeVar

from services import jobs, web
from services.registry import migrations
from services.registry.api import (
    app_lists,
    apps,
    batches,
    changes,
    divisions,
    exports,
    grant_lists,
    grants,
    history,
    imports,
    neighbourhoods,
    organisations,
    patches,
    snapshots,
    sponsors,
    subscription_deliveries,
    subscriptions,
    transitions,
)
from services.registry.api.desk import (
    DATABASE_UNAVAILABLE,
    DECIDE_AGAIN,
    KEYS_UNAVAILABLE,
    Desk,
    desk_of,
    jobs_of,
)
from services.registry.api.once import KeptAnswers
from services.registry.api.streams import Streams
from services.registry.api.watch import Watch
from services.registry.imports import carrying
from services.registry.settings import RegistrySettings
from services.registry.store import changes as feed
from services.registry.webhooks import sending
from services.registry.webhooks.delivering import Delivering
from services.registry.webhooks.dispatch import dispatching
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request

    from services.registry.store.database import Database

T = TypeVar("T")

HOST = "127.0.0.1"
PORT = 8401
_WATCHING_IMPORTS_S = 5.0

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
    jobs: jobs.Jobs


def create_service(settings: RegistrySettings | None = None) -> web.Service:
    """Make the ASGI object of the registry."""
    given = settings or RegistrySettings()

    @asynccontextmanager
    async def lifespan(_: web.Service) -> AsyncIterator[State]:
        desk = Desk(given.database(), given)
        streams = Streams(desk, given.max_streams)
        sender = sending.Sender(given.webhooks)

        async def reached() -> int:
            return await desk.read(feed.reached, desk.database)

        async def ask(question: Callable[[Database], T]) -> T:
            return await desk.read(question, desk.database)

        try:
            migrates = given.migrates_on_start or (given.migrates_on_start is None and not desk.database.is_postgresql)
            if migrates:
                await desk.write(desk.database.migrate)
            deliver = Delivering(desk.database, given.webhooks, sending.from_threads(sender), changes.told)
            tasks = (carrying.task(desk.database, given.max_offers, given.import_processes), *deliver.tasks())
            url = given.database_url.get_secret_value()
            async with jobs.Jobs("registry", given.jobs, url, tasks, migrates=migrates) as running:
                watch = Watch(reached, given.feed_poll_s, given.max_waiting)
                kept = timedelta(days=given.imports_kept_days)
                async with (
                    carrying.watching(desk.database, running, _WATCHING_IMPORTS_S, kept),
                    dispatching(ask, running, given.webhooks.poll_s),
                ):
                    yield State(desk=desk, watch=watch, streams=streams, jobs=running)
        finally:
            await sender.close()
            streams.close()
            desk.close()

    return web.create_service(
        title="govapp 登记服务 · registry",
        version=version("govapp"),
        description=f"{_PURPOSE.zh} {_PURPOSE.en}",
        settings=given.web,
        routers=(
            apps.router,
            app_lists.router,
            patches.router,
            batches.router,
            grants.router,
            grant_lists.router,
            history.router,
            organisations.router,
            sponsors.router,
            divisions.router,
            neighbourhoods.router,
            transitions.router,
            changes.router,
            subscriptions.router,
            subscription_deliveries.router,
            snapshots.router,
            exports.router,
            imports.router,
        ),
        lifespan=lifespan,
        ready_checks={"database": _check_database, "jobs": _check_jobs},
        answers=KeptAnswers(),
        problem_types=(DATABASE_UNAVAILABLE, DECIDE_AGAIN, KEYS_UNAVAILABLE),
    )


def migrate(settings: RegistrySettings | None = None) -> str:
    """Bring the schema of the database to the newest migration, and give its id.

    Raises:
        UnavailableError: the database cannot be reached, or a lock was not to be had; nothing has changed then.

    """
    given = settings or RegistrySettings()
    database = given.database()
    try:
        database.migrate()
    finally:
        database.close()
    jobs.migrate("registry", given.jobs, given.database_url.get_secret_value())
    return migrations.head()


def serve(host: str = HOST, port: int = PORT, settings: RegistrySettings | None = None) -> None:
    """Answer until the process is told to end."""
    given = settings or RegistrySettings()
    web.serve(create_service(given), host, port, given.web)


async def _check_database(request: Request) -> None:
    desk = desk_of(request)
    await web.require_newest_schema(desk.read(desk.database.is_at_head))


async def _check_jobs(request: Request) -> None:
    await jobs_of(request).check()
