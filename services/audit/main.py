"""The audit service: judges government apps over HTTP."""

from __future__ import annotations

from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, TypedDict

from services import web
from services.audit import migrations
from services.audit.api import checks, decisions, keys, law, ledger, reports, what_if
from services.audit.api.desk import DATABASE_UNAVAILABLE, SIGNING_UNAVAILABLE, Desk, KeptAnswers, desk_of
from services.audit.checks import Checks
from services.audit.decisions import Decisions
from services.audit.registry_client import RegistryClient
from services.audit.settings import AuditSettings
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from services.audit.registry_client import Transport


_PURPOSE = Text(
    "对照《整治形式主义为基层减负若干规定》第十二至十四条判断政务应用程序。",
    "Judges government apps against Articles 12–14 of the regulation on reducing burdens at the grassroots.",
)


class State(TypedDict):
    """What every request of the service can reach."""

    checks: Checks
    decisions: Decisions
    desk: Desk


def create_service(settings: AuditSettings | None = None, transport: Transport | None = None) -> web.Service:
    """Make the ASGI object of the audit service; a `transport` replaces the network to the registry, for tests."""
    given = settings or AuditSettings()

    @asynccontextmanager
    async def lifespan(_: web.Service) -> AsyncIterator[State]:
        desk = Desk(given)
        try:
            if given.migrates_on_start or (given.migrates_on_start is None and not desk.database.is_postgresql):
                await desk.write(desk.database.migrate)
            async with RegistryClient(given.registry(), transport) as registry:
                yield State(checks=Checks(registry), decisions=Decisions(registry), desk=desk)
        finally:
            desk.close()

    return web.create_service(
        title="govapp 审查服务 · audit",
        version=version("govapp"),
        description=_PURPOSE.zh + " " + _PURPOSE.en,
        settings=given.web,
        routers=(
            *(checks.router, reports.router, what_if.router, law.router),
            *(decisions.router, ledger.router, keys.router),
        ),
        # The registry is no condition of being ready: without it the rules that need it are undetermined.
        lifespan=lifespan,
        ready_checks={"database": _check_database},
        answers=KeptAnswers(),
        problem_types=(checks.REGISTRY_UNAVAILABLE, DATABASE_UNAVAILABLE, SIGNING_UNAVAILABLE),
    )


def migrate(settings: AuditSettings | None = None) -> str:
    """Bring the schema of the database to the newest migration, and give its id.

    Raises:
        UnavailableError: the database cannot be reached, or a lock was not to be had; nothing has changed then.

    """
    database = (settings or AuditSettings()).database()
    try:
        database.migrate()
    finally:
        database.close()
    return migrations.head()


def serve(host: str, port: int, settings: AuditSettings | None = None) -> None:
    """Answer until the process is told to end."""
    given = settings or AuditSettings()
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
